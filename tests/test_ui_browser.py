"""The page in a real browser: what one sees agrees with the API, and what one does reaches the world."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import browser
import httpx2
import pytest

from mockserver.testing import MadeWorld, MockServer

browser.need()

LIVED = pytest.mark.trophy_world(users=12, history_days=30, now="2026-03-01T12:00:00Z", frozen=True)
VIEWS = (*browser.VIEWS, "facts")


# For this module alone: Playwright keeps an event loop marked as running in the thread that drives it, and later
# tests of the same worker could start none.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser.browser() as launched:
        yield launched


class Tab:
    """The page on one world."""

    def __init__(self, watched: browser.Watched, world: MadeWorld) -> None:
        self.watched, self.world = watched, world

    def go(self, view: str, **query: str) -> Any:
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in {**query, "world": self.key}.items())
        return self.watched.go(f"{view}?{pairs}")

    @property
    def key(self) -> str:
        return self.world.api_key

    def api(self, method: str, path: str, body: Any = None) -> Any:
        url, headers = self.world.url + path, {"X-API-KEY": self.key}
        return httpx2.request(method, url, json=body, headers=headers, trust_env=False)

    def best(self) -> str:
        """The user with the longest streak."""
        user: str = self.world.control("GET", "/users?sort=-streak&limit=1")["users"][0]["id"]
        return user


@pytest.fixture
def tab(chromium: Any, trophy_world: MadeWorld) -> Iterator[Tab]:
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    watched = browser.Watched(context, trophy_world.url.removesuffix("/v1"))
    yield Tab(watched, trophy_world)
    context.close()
    watched.check()


def test_a_browser_at_the_root_is_led_to_the_page(chromium: Any, trophy_server: MockServer) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(trophy_server.url.removesuffix("/v1") + "/")
    assert page.url.endswith("/_mock/ui")
    assert page.locator("h1").inner_text() == "Overview"
    context.close()


@LIVED
def test_the_calendar_of_a_streak_agrees_with_the_api(tab: Tab) -> None:
    user = tab.best()
    page = tab.go("user", id=user)
    days = page.locator(".calendar .day").evaluate_all(
        "rows => rows.map(row => [row.dataset.day, Number(row.dataset.length), row.dataset.state])"
    )
    history = tab.api("GET", f"/users/{user}/streak?historyPeriods=182").json()["streakHistory"]
    assert [(day, length) for day, length, _ in days] == [(row["periodStart"], row["length"]) for row in history]
    assert [state == "frozen" for _, _, state in days] == [row["usedFreeze"] for row in history]
    assert page.locator("#streak .big b").inner_text() == str(tab.api("GET", f"/users/{user}/streak").json()["length"])


@LIVED
def test_days_that_pass_show_what_they_brought(tab: Tab) -> None:
    page = tab.go("")
    before = page.locator("#today").inner_text()
    page.get_by_role("button", name="+1 week").click()
    result = page.locator(".result")
    assert result.locator("h2").first.inner_text() == "1 week passed"
    lost = [fact for fact in tab.world.facts(kind="StreakLost") if fact["time"] > "2026-03-01T12:00:00"]
    assert lost
    assert result.locator(".counts li", has_text="Streak lost").inner_text() == f"Streak lost {len(lost)}"
    assert (before, page.locator("#today").inner_text()) == ("Sun 1 Mar 2026", "Sun 8 Mar 2026")


@LIVED
def test_why_ends_at_the_event(tab: Tab) -> None:
    user = tab.best()
    tab.api("POST", "/metrics/words-written/event", {"user": {"id": user}, "value": 100})
    page = tab.go("user", id=user)
    page.locator(".card", has=page.get_by_role("heading", name="XP", exact=True)).locator("a.why").click()
    dialog = page.locator("dialog[open]")
    says = dialog.locator(".reason").inner_text()
    assert f"{tab.api('GET', f'/users/{user}/points/xp').json()['total']:,} XP" in says
    steps = dialog.locator(".chain").first.locator(".step")
    assert "XP for every 100" in steps.first.inner_text()
    assert "Because:" in steps.last.inner_text()
    assert "+100" in steps.last.inner_text()
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


@LIVED
def test_an_event_from_the_form_is_seen_everywhere(tab: Tab, chromium: Any) -> None:
    user = tab.best()
    other = chromium.new_context()
    feed = Tab(browser.Watched(other, tab.watched.root), tab.world)
    live = feed.go("")
    live.locator("#live:not([hidden])").wait_for()

    page = tab.go("user", id=user)
    page.get_by_label("Value", exact=True).fill("123")
    page.get_by_text("Attributes and idempotency key").click()
    page.get_by_label(re.compile("Attributes")).fill("source: mobile-app")
    page.get_by_label("Idempotency key", exact=True).fill("key-1")
    page.get_by_role("button", name="Send it").click()
    result = page.locator(".result")
    assert result.locator("h2").first.inner_text() == "The API returned 201"
    assert '"idempotencyKey": "key-1"' in result.inner_text()
    assert "“Words written” +123" in result.inner_text()
    line = result.get_by_role("region", name="curl line").inner_text()
    again = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert '"idempotentReplayed":true' in again.stdout

    live.locator("#feed .fact.new", has_text="“Words written” +123").first.wait_for()
    feed.watched.check()
    other.close()

    page = tab.go("requests", userId=user, operationId="metrics_event")
    page.locator("tbody tr", has_text="/v1/metrics/words-written/event").last.locator("a").first.click()
    assert '"source": "mobile-app"' in page.locator("#chosen").inner_text()
    page = tab.go("webhooks", userId=user)
    page.get_by_role("link", name="points.changed").first.click()
    assert '"type": "points.changed"' in page.locator("#chosen").inner_text()


@LIVED
def test_webhooks_and_their_deliveries_appear_by_themselves(tab: Tab) -> None:
    page = tab.go("webhooks")
    tab.world.control("POST", "/webhooks", {"url": "http://127.0.0.1:9/"})
    tab.api("POST", "/metrics/words-written/event", {"user": {"id": "live"}, "value": 500})
    page.get_by_role("link", name="streak.started").first.wait_for()
    page.locator("#endpoints").get_by_text("http://127.0.0.1:9/").wait_for()


def test_faults_that_are_switched_on_reach_a_client(tab: Tab) -> None:
    assert tab.api("GET", "/achievements").status_code == 200
    page = tab.go("faults")
    page.locator("input[name=errorsRate]").evaluate(
        "input => { input.value = 100; input.dispatchEvent(new Event('input', { bubbles: true })) }"
    )
    assert page.get_by_label("Errors", exact=True).is_checked()
    page.locator("select[name=status]").select_option("503")
    page.get_by_role("button", name="Set these faults").click()
    page.locator(".result").wait_for()
    assert tab.api("GET", "/achievements").status_code == 503
    page.get_by_role("button", name="All off").click()
    page.locator(".result", has_text="All faults are off").wait_for()
    assert tab.api("GET", "/achievements").status_code == 200


@LIVED
def test_an_error_in_the_catalog_points_at_its_line(tab: Tab) -> None:
    page = tab.go("catalog")
    text = page.locator("#text").input_value()
    lines = text.split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith("metricValue = 500"))
    lines[at] = 'metricValue = "many"'
    page.locator("#text").fill("\n".join(lines))
    page.get_by_role("button", name="Try it").click()
    problem = page.locator(".problems li")
    assert problem.count() == 1
    assert f"Line {at + 1}" in problem.inner_text()
    assert 'metricValue = "many"' in problem.locator(".here").inner_text()
    problem.locator("a").click()
    chosen = (
        "document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)"
    )
    assert page.evaluate(chosen) == 'metricValue = "many"'

    lines[at] = "metricValue = 501"
    page.locator("#text").fill("\n".join(lines))
    page.get_by_role("button", name="Try it").click()
    assert page.locator(".result h2").inner_text() == "This would change: 1 changed"
    page.get_by_role("button", name="Put it into force").click()
    page.locator(".result", has_text="The catalog is in force").wait_for()
    assert tab.world.catalog()["achievements"]["novice-writer"]["metricValue"] == 501


HOSTILE = '<img src=x onerror="alert(1)"><script>alert(2)</script>"\'&amp;'


@LIVED
def test_html_in_a_name_stays_text_on_every_view(tab: Tab) -> None:
    user = {"id": f"a/b?c#d%2F🏆{HOSTILE}", "name": HOSTILE, "attributes": {"region": HOSTILE}}
    assert tab.api("POST", "/metrics/words-written/event", {"user": user, "value": 1e9}).status_code == 201
    asked: list[str] = []
    tab.watched.page.on("dialog", lambda dialog: asked.append(dialog.message))
    page = tab.go("users", search="onerror")
    page.locator("tbody a.user-link").click()
    assert page.locator("h1").inner_text().startswith(HOSTILE)
    assert page.locator("main img, main script").count() == 0
    for view in ("", "boards", "webhooks", "requests", "facts"):
        page = tab.go(view)
        assert page.locator("main img, main script").count() == 0
        assert HOSTILE in page.locator("main").inner_text()
    assert asked == []


@LIVED
def test_a_world_is_made_moved_put_back_and_deleted(tab: Tab) -> None:
    page = tab.go("")
    page.locator(".world > summary").click()
    page.get_by_text("Make a world").click()
    page.get_by_label("Users", exact=True).fill("3")
    page.get_by_label("The clock stands still").check()
    page.get_by_role("button", name="Make it").click()
    page.locator(".result", has_text="The world was made").wait_for()
    made = page.locator(".result code").inner_text()
    assert made != tab.key
    page.locator(".more > summary").click()
    page.get_by_role("button", name="Take a snapshot").click()
    before = page.locator("#today").inner_text()
    page.get_by_role("button", name="+1 day").click()
    page.locator(".result", has_text="1 day passed").wait_for()
    assert page.locator("#today").inner_text() != before
    page.locator(".more > summary").click()
    page.get_by_role("button", name="Restore").click()
    page.locator(".result", has_text="The world is as it was at snapshot-1").wait_for()
    assert page.locator("#today").inner_text() == before
    page.locator(".world > summary").click()
    page.get_by_role("button", name="Delete this world").click()
    page.locator(".result", has_text="The world was deleted").wait_for()
    page.locator(".world > summary").click()
    assert made not in page.locator(".panel").first.inner_text()


@LIVED
def test_an_operation_is_tried_against_the_world(tab: Tab) -> None:
    page = tab.go("api", operation="users_get")
    page.get_by_role("button", name="Try it").click()
    tried = page.locator("#tried")
    assert tried.locator(".status").inner_text() == "200"
    page = tab.go("api", operation="mock_clock_advance", plane="control")
    page.get_by_label("Body").fill('{"hours": 1}')
    page.get_by_role("button", name="Try it").click()
    assert '"now": "2026-03-01T13:00:00.000Z"' in page.locator("#tried").inner_text()


@LIVED
def test_it_can_be_read_and_the_clock_moved_without_script(chromium: Any, trophy_world: MadeWorld) -> None:
    context = chromium.new_context(java_script_enabled=False)
    tab = Tab(browser.Watched(context, trophy_world.url.removesuffix("/v1")), trophy_world)
    page = tab.go("")
    assert page.locator("#feed .fact").count() == 40
    page.get_by_role("button", name="+1 day").click()
    assert "Mon 2 Mar 2026" in page.locator(".clock").inner_text()
    page = tab.go("user", id=tab.best())
    page.locator("a.why").first.click()
    assert "has a streak of" in page.locator(".reason").inner_text()
    context.close()


@LIVED
def test_every_view_fits_a_narrow_and_a_wide_window(tab: Tab) -> None:
    user = tab.best()
    for width in (380, 1600):
        tab.watched.page.set_viewport_size({"width": width, "height": 900})
        for view in VIEWS:
            page = tab.go(view, **({"id": user} if view == "user" else {}))
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (view, width)


@LIVED
def test_the_keyboard_reaches_the_content_and_leaves_a_menu(tab: Tab) -> None:
    page = tab.go("users")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.locator(".world > summary").focus()
    page.keyboard.press("Enter")
    assert page.locator(".world").get_attribute("open") is not None
    page.keyboard.press("Escape")
    assert page.locator(".world").get_attribute("open") is None


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core, which npm fetches once for a virtual environment."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core comes with npm, and Node is not here")
    kept = Path(sys.prefix) / "axe.min.js"
    if not kept.exists():
        folder = tmp_path_factory.mktemp("axe")
        command = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "axe-core@4"]
        if subprocess.run(command, capture_output=True, timeout=120).returncode:
            pytest.skip("axe-core could not be fetched with npm")
        shutil.move(folder / "node_modules" / "axe-core" / "axe.min.js", kept)
    return kept.read_text()


@LIVED
@pytest.mark.parametrize(("scheme", "rules"), [("light", "{}"), ("dark", "{runOnly: ['color-contrast']}")])
def test_axe_finds_nothing_serious(tab: Tab, axe: str, scheme: str, rules: str) -> None:
    user = tab.best()
    tab.api("GET", "/users/nobody")
    tab.watched.page.emulate_media(color_scheme=scheme)
    found = {}
    for view in VIEWS:
        page = tab.go(view, **({"id": user} if view == "user" else {}))
        page.evaluate(axe)
        rows = page.evaluate(f"axe.run({rules}).then(result => result.violations)")
        for row in rows:
            if row["impact"] in ("serious", "critical"):
                found[f"{view} {row['id']}"] = [node["html"][:150] for node in row["nodes"]][:3]
    assert found == {}

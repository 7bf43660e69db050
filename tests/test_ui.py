"""The page without a browser: every view of every kind of world, who may come in, what is loaded, what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from plane import Http, speaking_to
from processes import KEY, serving

from mockserver.control.facts import KINDS as FACTS
from mockserver.testing import MadeWorld, MockServer
from mockserver.ui.actions import ACTIONS
from mockserver.ui.formatting import KINDS, kind_name
from mockserver.ui.views import VIEWS

HOME = "/_mock/ui"
LIVED = pytest.mark.trophy_world(users=5, history_days=10, now="2026-03-01T12:00:00Z", frozen=True)
TENANTS = {
    "name": "Tenants",
    "metrics": {"steps": {"name": "Steps"}},
    "settings": {"multiTenant": True, "tenants": ["north", "süd"]},
}
BARE = {"name": "Bare", "metrics": {"steps": {"name": "Steps"}}}
ODD_USER = "a/b?c#d%2F 🏆<b>"


class Page(Http):
    """A browser that knows one world."""

    def open_view(self, view: str = "", **query: str) -> httpx2.Response:
        pairs = "&".join(f"{name}={quote(value, safe='')}" for name, value in {"world": self.key, **query}.items())
        return self.client.get(f"{self.root}{HOME}/{view}?{pairs}")

    def do(self, name: str, headers: dict[str, str] | None = None, **form: str) -> httpx2.Response:
        form = {"world": str(self.key), "back": f"{HOME}?world={self.key}", **form}
        sent = {"Origin": self.root} if headers is None else headers
        return self.client.post(f"{self.root}{HOME}/{name}", data=form, headers=sent)

    def text_after(self, response: httpx2.Response) -> str:
        """What the browser shows once it has gone where it was sent."""
        assert response.status_code == 303, response.text
        return self.client.get(self.root + response.headers["Location"]).text


@pytest.fixture
def page(trophy_world: MadeWorld) -> Iterator[Page]:
    with speaking_to(trophy_world) as http:
        yield Page(http.client, http.root, http.key)


def test_every_kind_of_fact_has_a_name_on_the_page() -> None:
    assert set(KINDS) <= set(FACTS)
    names = [kind_name(kind) for kind in FACTS]
    assert len(set(names)) == len(names)
    assert [name for name in names if re.search(r"[a-z][A-Z]", name)] == []


# Views


def open_all_views(page: Page, user: str | None = None, **query: str) -> None:
    for view in VIEWS:
        if view in ("user", "why"):
            continue
        response = page.open_view(view, **query)
        assert response.status_code == 200, (view, response.text[:500])
    if user is not None:
        assert page.open_view("user", id=user, **query).status_code == 200
        assert page.open_view("why", userId=user, streak="yes", **query).status_code in (200, 404)
        assert page.open_view("facts", userId=user, **query).status_code == 200


@LIVED
def test_every_view_of_a_world_that_has_lived(page: Page) -> None:
    page.event(ODD_USER, 1000, name="دعاء الكروان")
    page.api("GET", "/users/nobody")
    open_all_views(page, ODD_USER)
    assert "دعاء الكروان" in page.open_view("users").text
    body = {"user": {"id": ODD_USER}, "value": 1}
    page.api("POST", "/metrics/words-written/event", body, Idempotency_Key="key-1")
    newest = page.get("/requests")["requests"][0]
    assert newest["idempotencyKey"] == "key-1"
    assert "-H &#39;Idempotency-Key: key-1&#39;" in page.open_view("requests", number=str(newest["number"])).text
    number = newest["number"] - 1
    assert "The nearest that is valid" in page.open_view("requests", number=str(number)).text


@pytest.mark.trophy_world(catalog=BARE, users=0)
def test_every_view_of_a_world_without_streak_points_and_boards(page: Page) -> None:
    open_all_views(page)
    page.event("ada", 5, metric="steps")
    open_all_views(page, "ada")


def test_every_view_of_an_empty_world(page: Page) -> None:
    open_all_views(page)
    assert "No users yet" in page.open_view("users").text


@pytest.mark.trophy_world(catalog={**TENANTS, "name": "T"})
def test_a_world_with_tenants_shows_the_first_and_then_the_one_that_is_chosen(page: Page) -> None:
    for tenant, user in (("north", "ada"), ("süd", "bob")):
        body = {"user": {"id": user}, "value": 1}
        headers = {"Tenant-ID": tenant.encode()}
        assert page.api("POST", "/metrics/steps/event", body, **headers).status_code == 201
    open_all_views(page)
    open_all_views(page, "bob", tenant="süd")
    assert "ada" in page.open_view("users").text
    assert "bob" not in page.open_view("users").text
    assert "bob" in page.open_view("users", tenant="süd").text


@pytest.mark.parametrize("frequency", ["weekly", "monthly"])
def test_streaks_of_weeks_and_months_have_a_calendar(trophy_server: MockServer, frequency: str) -> None:
    catalog = {**BARE, "streak": {"frequency": frequency}}
    with trophy_server.world(catalog=catalog, users=2, history_days=40) as world, speaking_to(world) as http:
        page = Page(http.client, http.root, http.key)
        text = page.open_view("user", id=page.get("/users?sort=-streak")["users"][0]["id"]).text
        assert 'class="day kept"' in text


@LIVED
def test_what_is_not_there_is_said_in_plain_words(page: Page) -> None:
    assert page.open_view("user", id="nobody").status_code == 404
    assert "was not found" in page.open_view("user", id="nobody").text
    assert page.open_view("users", sort="size").status_code == 422
    assert page.open_view("why", fact="99999999").status_code == 200
    assert page.client.get(f"{page.root}{HOME}?world=nothing").status_code == 401
    assert page.client.get(f"{page.root}{HOME}/nothing").status_code == 404


@LIVED
def test_looking_leaves_no_trace(page: Page) -> None:
    before = page.get("/requests"), page.get("/facts")
    open_all_views(page, page.get("/users")["users"][0]["id"])
    assert (page.get("/requests"), page.get("/facts")) == before


@LIVED
def test_every_act_responds_whatever_a_form_holds(page: Page) -> None:
    for act in ACTIONS:
        for form in ({}, {"id": "\0", "to": "x", "users": "x", "value": "x", "text": "x", "latency": "on"}):
            if act != "do/world-delete":
                response = page.do(act, **form)
                assert response.status_code in (200, 303), (act, form, response.text[:300])
                if response.status_code == 303:
                    assert page.client.get(page.root + response.headers["Location"]).status_code == 200


# Time and state


@LIVED
def test_the_clock_goes_to_the_midnight_of_the_chosen_zone(page: Page) -> None:
    page.client.cookies.set("mock_zone", "Asia/Kolkata")
    text = page.text_after(page.do("do/clock", move="midnight"))
    assert page.get("/clock")["now"] == "2026-03-01T18:30:00.000Z"
    assert "Mon 2 Mar 2026" in text
    page.do("do/clock", move="to", to="2026-03-03T09:00")
    assert page.get("/clock")["now"] == "2026-03-03T03:30:00.000Z"
    due = page.get("/clock")["nextDue"]
    page.do("do/clock", move="due")
    assert page.get("/clock")["now"] == due
    assert "cannot go back" in page.text_after(page.do("do/clock", move="to", to="2026-03-01T00:00"))


# Safety


@LIVED
def test_a_change_needs_a_proof_that_the_page_asked_for_it(page: Page) -> None:
    other = {"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"}
    assert page.do("do/clock", headers=other, move="day").status_code == 403
    neighbour = {"Origin": "http://127.0.0.1:1"}  # of this machine too, but no page of this server
    for headers in ({}, neighbour, {"Sec-Fetch-Site": "cross-site"}, {"Origin": page.root, "Sec-Fetch-Site": "none"}):
        response = page.do("do/clock", headers=headers, move="day")
        assert response.status_code == 403
        assert "did not come from the page" in response.text
    assert page.get("/clock")["now"] == "2026-03-01T12:00:00.000Z"
    assert page.do("do/clock", headers={"Sec-Fetch-Site": "same-origin"}, move="day").status_code == 303
    assert page.get("/clock")["now"] == "2026-03-02T12:00:00.000Z"


@LIVED
@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/v1/users", "/_mock/uix", "javascript:1"])
def test_the_way_back_stays_on_the_page(page: Page, back: str) -> None:
    response = page.do("do/snapshot", back=back)
    assert re.fullmatch(r"/_mock/ui\?done=\d+", response.headers["Location"])


def test_nothing_is_loaded_from_elsewhere_and_it_is_small(page: Page) -> None:
    text = page.open_view().text
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', text)
    assert not re.findall(r"<script(?! type=\"(?:module|application/json)\")|\son\w+=|<style|\sstyle=", text)
    files = re.findall(r'(?:href|src)="(/_mock/ui/static/[^"]+)"', text)
    assert len(files) == 3
    responses = [page.client.get(page.root + file) for file in files]
    assert all("immutable" in response.headers["Cache-Control"] for response in responses)
    assert sum(len(response.content) for response in responses) + len(text) < 150_000
    source = Path(__file__).parents[1] / "mockserver" / "ui"
    assert sum(file.stat().st_size for name in ("static", "templates") for file in (source / name).iterdir()) < 150_000
    for response in (page.open_view(), *responses):
        policy = response.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'")
        assert "unsafe" not in policy


@pytest.mark.parametrize("name", ["../site.py", "..%2fsite.py", "none.css", "%00", ""])
def test_only_the_pages_own_files_are_served(page: Page, name: str) -> None:
    assert page.client.get(f"{page.root}{HOME}/static/{name}").status_code == 404


def test_only_a_browser_is_led_from_the_root(trophy_server: MockServer) -> None:
    root = trophy_server.url.removesuffix("/v1") + "/"
    led = httpx2.get(root, headers={"Accept": "text/html,*/*;q=0.8"}, trust_env=False)
    assert (led.status_code, led.headers["Location"]) == (307, HOME)
    client = httpx2.get(root, headers={"Accept": "application/json"}, trust_env=False)
    assert client.status_code == 404
    assert "error" in client.json()


TOKEN = "let-me-in"


@pytest.fixture(scope="module")
def guarded() -> Iterator[Page]:
    options = ("--users", "2", "--host", "0.0.0.0", "--control-token", TOKEN, "--api-key", KEY)
    with serving(*options) as base, httpx2.Client(timeout=30, trust_env=False) as client:
        yield Page(client, base.removesuffix("/v1"), KEY)


def test_where_a_token_is_wanted_the_page_asks_for_it_and_keeps_it_from_scripts(guarded: Page) -> None:
    shut = guarded.open_view()
    assert shut.status_code == 401
    assert 'name="token"' in shut.text
    assert KEY not in shut.text
    wrong = guarded.do("login", token="guess")
    assert (wrong.status_code, wrong.headers.get("Set-Cookie")) == (401, None)
    assert guarded.do("do/clock", move="day").status_code in (303, 401)
    assert guarded.open_view("stream").status_code == 401
    right = guarded.do("login", token=TOKEN)
    cookie = right.headers["Set-Cookie"]
    assert right.status_code == 303
    assert {"httponly", "samesite=strict", "path=/_mock/ui"} <= {part.strip().lower() for part in cookie.split(";")}
    assert "Users" in guarded.open_view().text
    assert TOKEN not in guarded.open_view().text
    guarded.do("logout")
    assert guarded.open_view().status_code == 401


def test_a_command_line_from_a_form_says_what_was_sent(page: Page) -> None:
    page.event("ada", 1)
    form: dict[str, Any] = {"userId": "ada", "metric": "words-written", "value": "5", "attributes": "source: it's"}
    text = page.text_after(page.do("do/event", **form))
    assert "The API returned 201" in text
    assert "it&#39;" in text
    refused = page.text_after(page.do("do/event", **{**form, "value": "many"}))
    assert "value" in refused
    assert "The API returned 4" in refused
    assert "one a line" in page.text_after(page.do("do/event", **{**form, "attributes": "no colon"}))

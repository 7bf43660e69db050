"""Pictures of the page's main views, at two widths, light and dark. `make shots` writes them into `shots/`.

Two of them stand in the README: `docs/page-overview.png` and `docs/page-user.png`.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import browser
import httpx2

from mockserver.testing import MockServer

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "shots"
WIDTHS = (380, 1280)
VIEWS = (*browser.VIEWS, "why")
README = {"": "page-overview.png", "user": "page-user.png"}


def main() -> None:
    if browser.found() is None:
        raise SystemExit("There is no browser: apt-get install chromium")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with MockServer(users=50, now="2026-03-01T12:00:00Z", frozen=True) as server, browser.browser() as launched:
        _be_busy(server)
        user = server.control("GET", "/users?sort=-streak&limit=1&offset=3")["users"][0]["id"]
        queries = {"user": f"?id={user}", "why": f"?userId={user}&points=xp", "api": "?operation=users_streak"}
        queries["requests"] = "?number=2"
        for scheme in ("light", "dark"):
            for width in WIDTHS:
                context = launched.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page = context.new_page()
                for view in VIEWS:
                    page.goto(f"{server.url.removesuffix('/v1')}/_mock/ui/{view}{queries.get(view, '')}".rstrip("/"))
                    page.wait_for_load_state("load")
                    file = FOLDER / f"{view or 'overview'}-{width}-{scheme}.png"
                    page.screenshot(path=file, full_page=view != "")
                    if width == max(WIDTHS) and scheme == "light" and view in README:
                        _for_the_readme(page, view)
                context.close()
    print(f"{len(list(FOLDER.iterdir()))} pictures in {FOLDER.relative_to(ROOT)}/")


def _be_busy(server: MockServer) -> None:
    """Something to look at among requests and deliveries."""
    server.add_webhook("http://127.0.0.1:9/trophy", events=["streak.lost", "points.changed"])
    with httpx2.Client(base_url=server.url, headers={"X-API-KEY": server.api_key}, trust_env=False) as client:
        for value in (120, "many", 75):
            body = {"user": {"id": "user-130"}, "value": value}
            client.post("/metrics/words-written/event", json=body)
        client.get("/users/nobody")


def _for_the_readme(page: Any, view: str) -> None:
    """What fits a window, so that the README stays short."""
    page.screenshot(path=ROOT / "docs" / README[view])


if __name__ == "__main__":
    main()

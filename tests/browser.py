"""A real browser for tests: Debian's Chromium, driven by Playwright; and whether there is one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# What a browser does by itself is switched off: it would look for hosts that are none of the test's.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# The views in the page's menu, and the view of one user.
VIEWS = (
    "",
    "users",
    "user",
    "boards",
    "achievements",
    "points",
    "catalog",
    "webhooks",
    "requests",
    "faults",
    "api",
)


def found() -> str | None:
    """Where a browser is: MOCKSERVER_BROWSER says so, or one of the usual names."""
    return os.environ.get("MOCKSERVER_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def need() -> None:
    """Skips a module's tests with one line where there is no browser. On CI that is a failure."""
    if found() is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no browser, which CI must have: apt-get install chromium", pytrace=False)
        pytest.skip("no browser for the tests of the page: apt-get install chromium", allow_module_level=True)


@contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found(), args=list(FLAGS))
        try:
            yield launched
        finally:
            launched.close()


class Watched:
    """A tab in which nothing may go wrong: no error on the console, no request to another origin."""

    def __init__(self, context: Any, root: str) -> None:
        self.page = context.new_page()
        self.root = root
        self.wrong: list[str] = []
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith(root) or self.wrong.append(request.url))
        self.page.on("dialog", lambda dialog: dialog.accept())
        self.page.set_default_timeout(30_000)

    def go(self, view: str = "") -> Any:
        self.page.goto(f"{self.root}/_mock/ui/{view}".rstrip("/"))
        return self.page

    def check(self) -> None:
        assert self.wrong == []

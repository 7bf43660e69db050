"""What the contract suite reports can be understood without its source: findings, skips, the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contract_tests.options import Options
from contract_tests.suite import Suite
from tests import replay_mock
from tests.contract_proxy import KEY, fronted
from tests.contract_runs import verify

RULE = "The start of a streak is sent"


def unpacked() -> None:
    (_,) = list[int]()


def unpacked_too_many() -> None:
    _, _ = [1, 2, 3]  # type: ignore[misc]


def missing() -> None:
    next(row for row in list[int]())


def compared() -> None:
    raise AssertionError("assert 1 == 0\n +  where 1 = len([2])")


def absent() -> None:
    dict[str, int]()["rank"]


def null() -> None:
    row: Any = None
    row["rank"]


def with_message() -> None:
    raise AssertionError("2 webhooks within a minute\nassert 2 == 1")


@pytest.mark.parametrize(
    ("broken", "got"),
    [
        (unpacked, f"this does not hold: {RULE} (1 expected, 0 found)"),
        (unpacked_too_many, f"this does not hold: {RULE} (2 expected, more found)"),
        (missing, f"this does not hold: {RULE} (an expected item is missing)"),
        (compared, f"this does not hold: {RULE}"),
        (with_message, "2 webhooks within a minute"),
        (absent, "the response has no 'rank'"),
        (null, "a field of the response is null"),
    ],
)
def test_a_finding_says_what_does_not_hold(broken: Callable[[], Any], got: str) -> None:
    suite = Suite(Options())
    suite.begin("behaviour", "test_x", RULE, "behaviour, section 6")
    with pytest.raises((ValueError, StopIteration, AssertionError, KeyError, TypeError)) as raised:
        broken()
    suite.crashed(raised.value)
    assert [finding.got for finding in suite.findings] == [got]


class Crashing(replay_mock.Replay):
    """Cannot make users."""

    def send(self, status: int, content: Any, **headers: str) -> None:
        crash = self.command == "POST" and self.path == "/v1/users"
        super().send(500, {"error": "Something is broken."}, **headers) if crash else super().send(
            status, content, **headers
        )


def test_a_server_error_says_its_status_and_the_page_shows_fields_seen(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    server = replay_mock.start(Crashing)
    try:
        words = ("--parts", "operations", "--operations", "users_create", "--only", "generated", "--html", str(page))
        run = verify(server.url, "--api-key", replay_mock.KEY, "--profile", "quick", *words)
    finally:
        server.shutdown()
        server.server_close()
    assert run.code == 1
    assert re.search(r"✗ Server error\n.*\n.*\n    got       returned 500\n", run.said), run.said
    assert "<th>fields seen</th>" in page.read_text("utf-8")


def test_skips_say_why() -> None:
    with fronted(hidden="/nothing") as front:
        words = ("--operations", "streaks_rankings", "--read-only", "--profile", "quick")
        run = verify(front.url, "--api-key", KEY, *words)
    assert run.code == 0, run.said
    skips = [line for line in run.said.splitlines() if line.startswith("skipped")]
    assert skips
    assert [line for line in skips if "empty parameter set" in line or "no /_mock" in line] == []


def test_a_control_plane_that_wants_a_token_is_given_one() -> None:
    words = ("--parts", "behaviour", "--only", "breaks_the_streak or preferences")
    with fronted("--host", "0.0.0.0", "--control-token", "opens.it", hidden="/nothing") as front:
        without = verify(front.url, "--api-key", KEY, *words)
        wrong = verify(front.url, "--api-key", KEY, *words, "--control-token", "opens.nothing")
        right = verify(front.url, "--api-key", KEY, *words, "--control-token", "opens.it")
    assert "its /_mock control plane wants a token: pass --control-token" in without.said
    assert wrong.code == 2
    assert "does not accept this --control-token" in wrong.complaint
    assert right.code == 0, right.said
    assert "/_mock" not in right.said

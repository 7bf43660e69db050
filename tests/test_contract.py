"""The contract suite keeps its promises: it finds what is wrong, and only that, and says so in a way one can use."""

from __future__ import annotations

import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from contract_tests.target import start
from tests import replay_mock
from tests.contract_runs import python, verify
from tests.mutants.otherwise import ANOTHER_WAY
from tests.replay_mock import QuietServer

#: One of every kind that differs most from the others, and the test to begin with.
EIGHT = {
    "user without name": "test_a_created_user_reads_back",
    "an unknown user is 410": "test_an_unknown_user_is_refused[users_get]",
    "deep nesting crashes": "test_odd_bodies_never_crash_the_server[users_create]",
    "unknown zones are dropped": "test_a_zone_must_exist",
    "any key opens wrapped": "test_no_operation_works_without_a_known_key[users_wrapped]",
    "a replay counts again": "test_a_replay_counts_once",
    "freezes are never spent": "test_a_freeze_covers_a_missed_day",
    "signatures are hexadecimal": "test_the_start_of_a_streak_is_sent",
}


@pytest.fixture(scope="module")
def mock() -> Iterator[QuietServer]:
    server = replay_mock.start()
    yield server
    server.shutdown()
    server.server_close()


def test_quick_finds_nothing_wrong_with_our_server() -> None:
    run = verify("--profile", "quick")
    assert run.code == 0, run.said
    assert "PASSED · " in run.said
    assert "28/28 operations" in run.said


def test_quick_catches_eight_planted_faults() -> None:
    run = python("tests.mutants.run", *(f"--first={test}" for test in EIGHT.values()), *EIGHT)
    assert run.code == 0, run.said + run.complaint
    assert "quick     8/8 caught" in run.said


def test_another_way_to_be_right_raises_no_alarm() -> None:
    url, stop = start([sys.executable, "-m", "tests.mutants.serve", ANOTHER_WAY, "--port", "0", "--api-key", "k"])
    try:
        run = verify(url, "--api-key", "k", "--profile", "quick")
    finally:
        stop()
    assert run.code == 0, run.said


def test_a_mock_that_replays_examples_fails_with_a_readable_list(mock: QuietServer) -> None:
    run = verify(mock.url, "--api-key", replay_mock.KEY, "--profile", "quick", "--parts", "behaviour")
    assert run.code == 1
    assert "✗ An idempotency key belongs to one user and one metric" in run.said
    assert "✗ The total is the sum of all events" in run.said
    assert '"userAttributes" is a required property' in run.said
    assert "repeat    curl -sS" in run.said
    assert "Traceback" not in run.said + run.complaint


class Page(BaseHTTPRequestHandler):
    """A web page, whatever is asked."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<h1>Hello</h1>")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://127.0.0.1:1", "--api-key", "k"], "Nothing responds at http://127.0.0.1:1/v1"),
        (["https://api.trophy.so", "--api-key", "k"], "is the live service; pass --allow-live"),
        (["https://API.Trophy.so./v1", "--api-key", "k"], "is the live service; pass --allow-live"),
        (["http://127.0.0.1:1"], "An API key is needed"),
        (["ftp://127.0.0.1", "--api-key", "k"], "'ftp://127.0.0.1' is not an http address, such as"),
        (["http://[::1", "--api-key", "k"], "'http://[::1' is not an http address"),
        (["http://127.0.0.1:99999", "--api-key", "k"], "'http://127.0.0.1:99999' is not an http address"),
        (["", "--api-key", "k"], "'' is not an http address"),
        (["http://127.0.0.1:1", "--api-key", "a\nb"], "--api-key must be on one line"),
        (["http://127.0.0.1:1", "--api-key", "k", "--tenant", " t"], "--tenant must be on one line"),
        (["--document", "/no/such/file"], "cannot be read as an OpenAPI document"),
        (["--parts", "everything"], "--parts: everything is not one of document, operations"),
    ],
)
def test_what_cannot_be_tested_is_said_in_one_sentence(words: list[str], sentence: str) -> None:
    run = verify(*words)
    assert run.code == 2
    assert sentence in run.complaint
    assert len(run.complaint.strip().splitlines()) == 1


def test_a_wrong_key_and_a_web_page_are_said_in_one_sentence(mock: QuietServer) -> None:
    run = verify(mock.url, "--api-key", "wrong")
    assert (run.code, len(run.complaint.strip().splitlines())) == (2, 1)
    assert "does not accept this API key" in run.complaint
    page = replay_mock.start(Page)
    try:
        run = verify(page.url, "--api-key", "k")
    finally:
        page.shutdown()
        page.server_close()
    assert (run.code, len(run.complaint.strip().splitlines())) == (2, 1)
    assert "is not a Trophy API" in run.complaint


# Reports


def test_a_run_leaves_reports_that_stand_alone(mock: QuietServer, tmp_path: Path) -> None:
    page, report, bundle = tmp_path / "report.html", tmp_path / "junit.xml", tmp_path / "bundle.json"
    words = ["--parts", "behaviour", "--only", "preferences", "--html", str(page), "--junit-xml", str(report)]
    run = verify(mock.url, "--api-key", replay_mock.KEY, *words, "--bundle", str(bundle))
    assert run.code == 1
    html = page.read_text("utf-8")
    assert "A new user has no preferences" in html
    assert not re.search(r"(src|href)=|url\(|@import", html), "the page needs something from elsewhere"
    suites = ET.parse(report).getroot()
    assert [case for case in suites.iter("testcase") if case.find("failure") is not None]
    failures = json.loads(bundle.read_text("utf-8"))["failures"]
    assert failures
    assert all(failure["requests"] and failure["source"] for failure in failures)
    assert replay_mock.KEY not in bundle.read_text("utf-8"), "the bundle tells the key"


def test_a_bundle_can_be_sent_again(mock: QuietServer, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    words = [mock.url, "--api-key", replay_mock.KEY]
    verify(*words, "--parts", "behaviour", "--only", "preferences", "--bundle", str(bundle))
    again = verify(*words, "--replay", str(bundle))
    assert again.code == 1
    assert "still so  A new user has no preferences" in again.said
    ours = verify("--replay", str(bundle))
    assert ours.code == 0, ours.said
    assert "gone      A new user has no preferences" in ours.said
    assert "still so" not in ours.said


def test_a_bundle_from_our_server_carries_the_world(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    command = [sys.executable, "-m", "tests.mutants.serve", "the level is stuck", "--port", "0", "--api-key", "k"]
    url, stop = start(command)
    try:
        run = verify(url, "--api-key", "k", "--parts", "behaviour", "--only", "level", "--bundle", str(bundle))
        again = verify(url, "--api-key", "k", "--replay", str(bundle))
    finally:
        stop()
    assert run.code == 1, run.said
    failure = json.loads(bundle.read_text("utf-8"))["failures"][0]
    assert failure["worlds"][0]["frozen"] is True
    assert any(line.startswith("WORLD_1=$(curl -sS -X POST") for line in failure["script"])
    assert failure["snapshot"]["id"]
    assert failure["facts"]
    assert again.code == 1
    assert "still so" in again.said


def test_known_failures_do_not_break_the_build(mock: QuietServer, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.json"
    words = [mock.url, "--api-key", replay_mock.KEY, "--parts", "behaviour", "--only", "preferences"]
    first = verify(*words, "--baseline", str(baseline), "--update-baseline")
    assert first.code == 1, "nothing was known yet"
    second = verify(*words, "--baseline", str(baseline))
    assert second.code == 0, second.said
    assert "failures of the baseline are still there" in second.said
    content = json.loads(baseline.read_text("utf-8"))
    gone = content["known"].pop()
    content["known"].append(gone | {"key": "behaviour · test_gone · users_get · It was wrong once"})
    baseline.write_text(json.dumps(content), "utf-8")
    third = verify(*words, "--baseline", str(baseline))
    assert third.code == 1, "a failure that is not in the baseline must break the build"
    assert "vanished   behaviour · test_gone" in third.said


# Options


class Recorded(replay_mock.Replay):
    """Notes what is asked."""

    asked: list[tuple[str, str, bytes]] = []  # noqa: RUF012

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        del self.headers["Content-Length"]
        self.asked.append(
            (self.command, re.sub(r"ct[0-9a-f]{7,}", "ct", self.path), re.sub(rb"ct[0-9a-f]{7,}", b"ct", body))
        )
        super().respond()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = respond


class Refusing(Recorded):
    """Refuses all writes, with a status that the spec declares."""

    def send(self, status: int, content: Any, **headers: str) -> None:
        if self.command == "POST" and status == 201:
            super().send(422, {"error": "Not today, thank you."})
        else:
            super().send(status, content, **headers)


def asked(*words: str, of: type[Recorded] = Recorded) -> list[tuple[str, str, bytes]]:
    """What a run asks the replaying mock."""
    Recorded.asked = []
    server = replay_mock.start(of)
    try:
        run = verify(server.url, "--api-key", replay_mock.KEY, "--profile", "quick", *words)
    finally:
        server.shutdown()
        server.server_close()
    assert run.code in (0, 1), run.complaint
    return Recorded.asked


def test_read_only_sends_nothing_that_writes() -> None:
    found = asked("--read-only")
    assert len(found) > 100
    assert {method for method, _, _ in found} <= {"GET"}


def test_the_same_seed_sends_the_same_requests() -> None:
    words = ("--parts", "operations", "--operations", "users_create", "--only", "generated")
    first, second, other = (asked(*words, "--seed", seed, of=Refusing) for seed in ("1", "1", "2"))
    assert first == second
    assert first != other


def test_only_the_operations_asked_for_are_tested() -> None:
    found = asked("--operations", "streaks_rankings", "--parts", "operations", "--only", "bounds or edge or generated")
    paths = {path.split("?")[0] for method, path, _ in found[8:] if method == "GET"}
    assert "/v1/streaks/rankings" in paths
    assert "/v1/users/ct" not in paths


def test_statuses_of_the_real_service_are_noted_and_fail_only_when_strict() -> None:
    url, stop = start([sys.executable, "-m", "mockserver", "serve", "--port", "0", "--api-key", "k", "--live-statuses"])
    words = (url, "--api-key", "k", "--parts", "behaviour", "--only", "replay")
    try:
        noted, strict = verify(*words), verify(*words, "--strict")
    finally:
        stop()
    assert noted.code == 0, noted.said
    assert "noted      metrics_event returned 202" in noted.said
    assert strict.code == 1
    assert "status 202 is not declared (--strict)" in strict.said

"""A finding shows the request that was wrong, says it in plain words, and can be tried again."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from contract_tests.alike import Names, canonical
from contract_tests.compared import compare
from contract_tests.target import start
from tests import replay_mock
from tests.contract_otherwise import reworded
from tests.contract_proxy import KEY
from tests.contract_runs import ROOT, verify

#: Fault → the tests to run, and the operation whose response is wrong: in none of them the scenario's last request.
FAULTS = {
    "boards are in ascending order": ("test_ranks_follow_values or test_pages_cover", "leaderboards_get"),
    "user without name": ("test_a_created_user_reads_back", "users_get"),
    "awards have lost their order of totals": ("test_awards_are_a_chain", "users_points"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_finding_shows_the_wrong_request_and_is_gone_with_its_fault(fault: str, tmp_path: Path) -> None:
    only, operation = FAULTS[fault]
    bundle, page = tmp_path / "bundle.json", tmp_path / "report.html"
    words = ("--api-key", "secret.key", "--profile", "quick", "--parts", "behaviour", "--only", only)
    url, stop = start([sys.executable, "-m", "tests.mutants.serve", fault, "--port", "0", "--api-key", "secret.key"])
    try:
        run = verify(url, *words, "--bundle", str(bundle), "--html", str(page))
        still = verify(url, "--api-key", "secret.key", "--replay", str(bundle))
    finally:
        stop()
    assert run.code == 1, run.said
    failures = json.loads(bundle.read_text("utf-8"))["failures"]
    assert {failure["operation"] for failure in failures} == {operation}, run.said
    assert still.code == 1
    assert "still so" in still.said
    gone = verify("--replay", str(bundle))
    assert gone.code == 0, gone.said
    assert len(re.findall(r"^gone  ", gone.said, re.MULTILINE)) == len(failures), gone.said
    for text in (run.said, page.read_text("utf-8"), bundle.read_text("utf-8"), still.said):
        assert "secret.key" not in text, "a report tells the key"
        assert not re.search(r"object at 0x|Use -v|\+  where|Traceback", text), text


def test_the_script_of_a_report_shows_the_fault_in_a_shell(tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.json"
    command = [sys.executable, "-m", "tests.mutants.serve", "boards are in ascending order", "--port", "0"]
    url, stop = start([*command, "--api-key", "k"])
    try:
        words = ("--parts", "behaviour", "--only", "test_ranks_follow_values", "--bundle", str(bundle))
        verify(url, "--api-key", "k", *words)
        failure = json.loads(bundle.read_text("utf-8"))["failures"][0]
        said = subprocess.run(
            ["sh", "-e"],
            input="\n".join(failure["script"]),
            env=os.environ | {"TROPHY_API_KEY": "k"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
    finally:
        stop()
    rankings = json.loads(said.splitlines()[-1])["rankings"]
    assert [row["rank"] for row in rankings] == sorted((row["rank"] for row in rankings), reverse=True)


@pytest.mark.parametrize(
    ("operator", "got", "expected", "said"),
    [
        ("==", {"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, ("/a/1/b", "3", "2")),
        ("==", {"a": 1}, {"a": 1, "b": None}, ("/b", "null", "nothing")),
        ("==", [1, 2], [2, 1], ("", "[2, 1]", "[1, 2]")),
        ("==", (1, "x"), (1, "y"), ("", '[1, "y"]', '[1, "x"]')),
        ("in", 3, {1, 2}, ("", "one of [1, 2]", "3")),
        ("<=", 7, 5, ("", "", "7 <= 5 does not hold")),
        ("==", object(), 5, ("", "5", "object")),
    ],
)
def test_a_comparison_names_the_field(operator: str, got: Any, expected: Any, said: tuple[str, str, str]) -> None:
    assert tuple(compare(operator, got, expected)) == said


# Other ways to be right, and targets that are not there any more


def test_a_gateway_that_writes_everything_otherwise_raises_no_alarm() -> None:
    with reworded() as front:
        run = verify(front.url, "--api-key", KEY, "--profile", "quick")
    assert run.code == 0, run.said
    assert "no /_mock control plane" not in run.said


class Dying(replay_mock.Replay):
    """Closes every connection without a word once it has seen what is no JSON."""

    dead = False

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        del self.headers["Content-Length"]
        try:
            json.loads(body or b"{}")
        except ValueError:
            type(self).dead = True
        if self.dead:
            self.close_connection = True
            self.connection.close()
            return
        super().respond()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = respond


def test_a_target_that_dies_is_one_finding_and_dies_last() -> None:
    server = replay_mock.start(type("Dies", (Dying,), {}))
    try:
        words = ("--parts", "operations,behaviour", "--operations", "users_create,users_update", "--profile", "quick")
        run = verify(server.url, "--api-key", replay_mock.KEY, *words, "--only", "json_object or preferences or crash")
    finally:
        server.shutdown()
        server.server_close()
    assert run.code == 1
    assert run.said.count("✗ Every request gets a response") == 1, run.said
    assert re.search(r"stopped +the target no longer responds, since test_a_body_that_is_no_json_object", run.said)
    assert "A new user has no preferences" in run.said, "what is destructive did not come last"


class Counting(replay_mock.Replay):
    """Says when a run is well on its way."""

    seen = 0
    under_way = threading.Event()

    def send(self, status: int, content: Any, **headers: str) -> None:
        type(self).seen += 1
        if self.seen == 100:
            self.under_way.set()
        super().send(status, content, **headers)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended_still_reports(how: signal.Signals, tmp_path: Path) -> None:
    kind = type("Counts", (Counting,), {"under_way": threading.Event()})
    server, page = replay_mock.start(kind), tmp_path / "report.html"
    words = ["-m", "mockserver", "verify", server.url, "--api-key", replay_mock.KEY, "--html", str(page)]
    process = subprocess.Popen(
        [sys.executable, *words, "--profile", "quick"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert kind.under_way.wait(120)
        process.send_signal(how)
        said, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        server.shutdown()
        server.server_close()
    assert process.returncode == 2
    assert re.search(r"^FAILED: \d+ findings, interrupted after \d+ of \d+ tests · ", said, re.MULTILINE), said
    assert "interrupted after" in page.read_text("utf-8")


def test_a_target_whose_streaks_never_end_is_not_waited_for() -> None:
    command = [sys.executable, "-m", "tests.mutants.serve", "a streak is never lost", "--port", "0", "--api-key", "k"]
    url, stop = start(command)
    try:
        only = "longest_streaks or streak_board or missed_day or composite"
        run = verify(url, "--api-key", "k", "--profile", "quick", "--parts", "behaviour", "--only", only)
    finally:
        stop()
    assert run.code == 1
    assert re.search(r"got +after \d+ periods without activity the streak goes on", run.said), run.said


@pytest.mark.parametrize(
    ("got", "want", "holder", "same"),
    [
        ({"key": "a", "x-trace": 1}, {"key": "a"}, "", True),
        ({"key": "a", "name": "b"}, {"key": "a"}, "", False),
        ({"key": "a"}, {"key": "a", "name": None}, "", False),
        ([{"key": "a", "x-trace": 1}], [{"key": "b"}], "", False),
        ({"x-trace": "a"}, {}, "attributes", False),
        ({"attributes": {"plan": "a"}}, {"attributes": {}}, "", False),
        (5.0, 5, "", True),
    ],
)
def test_only_fields_that_the_spec_names_are_compared(got: Any, want: Any, holder: str, same: bool) -> None:
    names = Names(json.loads((ROOT / "openapi.json").read_text("utf-8")))
    assert names.alike(got, want, holder) == same


def test_a_moment_is_the_same_however_it_is_written() -> None:
    spellings = ("2025-03-12T12:00:00Z", "2025-03-12T12:00:00.000+00:00", "2025-03-12T17:30:00.000+05:30")
    assert {canonical(text) for text in spellings} == {"2025-03-12T12:00:00.000Z"}
    assert canonical("2025-03-12T12:00:00.001Z") != canonical("2025-03-12T12:00:00Z")
    assert canonical(["2025-03-12", "no moment"]) == ["2025-03-12", "no moment"]

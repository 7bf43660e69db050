"""The lines on the console of `mockserver serve`, as they are seen on a terminal or read by a program."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pytest
from receiver import Receiver

from mockserver.control.console import Console, Pace
from mockserver.control.lines import Text
from mockserver.exchange import Call, Response
from mockserver.serve.terminal import MOST_BYTES, Outlet

KEY = "00000000.local"
CLOCK = ("--now", "2026-01-15T12:00:00Z", "--frozen", "--users", "0")
COLOURED = r"\x1b\[\d+m"


class Watched:
    """A server, and what it has said on standard error so far."""

    def __init__(self, url: str) -> None:
        self.url = url.removesuffix("/v1")
        self.said = ""
        self._more = threading.Condition()

    def hear(self, descriptor: int) -> None:
        """Until nobody writes any more."""
        try:
            while piece := os.read(descriptor, 1 << 16):
                with self._more:
                    self.said += piece.decode().replace("\r\n", "\n")
                    self._more.notify_all()
        except OSError:  # the end of a terminal
            return

    @property
    def lines(self) -> list[str]:
        """Those that have come in whole."""
        return self.said.rpartition("\n")[0].splitlines()

    def line(self, pattern: str) -> str:
        """The first line in which the pattern is found, once there is one."""

        def found() -> str | None:
            return next((line for line in self.lines if re.search(pattern, line)), None)

        with self._more:
            line = self._more.wait_for(found, 20)
        assert line, f"{pattern}: {self.said}"
        return line

    def call(self, method: str, path: str, body: object = None, **headers: str) -> int:
        data = None if body is None else json.dumps(body).encode()
        sent = {"X-API-KEY": KEY, "Content-Type": "application/json", **headers}
        try:
            with urllib.request.urlopen(
                urllib.request.Request(self.url + path, data, sent, method=method), timeout=20
            ) as response:
                return int(response.status)
        except urllib.error.HTTPError as refused:
            return refused.code


@contextmanager
def watched(*options: str, terminal: bool = False, **variables: str) -> Iterator[Watched]:
    """`mockserver serve` with a terminal or a pipe as its standard error."""
    read, written = pty.openpty() if terminal else os.pipe()
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKSERVER_", "NO_COLOR"))}
    process = subprocess.Popen(
        [sys.executable, "-m", "mockserver", "serve", "--port", "0", *CLOCK, *options],
        stdout=subprocess.PIPE,
        stderr=written,
        text=True,
        env=clean | {"TERM": "xterm", **variables},
    )
    os.close(written)
    server = Watched(_url(process.stdout))
    hearing = threading.Thread(target=server.hear, args=(read,))
    hearing.start()
    try:
        yield server
    finally:
        process.terminate()
        process.communicate(timeout=20)
        hearing.join(20)
        os.close(read)


def _url(printed: IO[str] | None) -> str:
    assert printed is not None
    url = ""
    for line in printed:
        found = re.search(r"http://\S+:\d+/v1", line)
        url = url or (found.group() if found else "")
        if "Ctrl-C" in line:
            break
    assert url
    return url


@pytest.fixture(scope="module")
def terminal() -> Iterator[Watched]:
    with watched(terminal=True) as server:
        yield server


@pytest.fixture(scope="module")
def program() -> Iterator[Watched]:
    with watched("--log-format", "json") as server:
        yield server


def objects(server: Watched, wanted: str) -> list[dict[str, Any]]:
    """The lines of an `event`, once there is one."""
    server.line(f'"event":"{wanted}"')
    rows = [json.loads(line) for line in server.lines]
    return [row for row in rows if row["event"] == wanted]


def test_a_request_is_a_line_with_all_that_one_asks_about(terminal: Watched) -> None:
    assert terminal.call("POST", "/v1/metrics/words-written/event", {"user": {"id": "ada"}, "value": 5}) == 201
    line = terminal.line("words-written")
    plain = re.sub(COLOURED, "", line)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d\.\d{3} POST   /v1/metrics/words-written/event +201 \d+\.\d ms metrics_event ada", plain
    )
    assert "\x1b[32m201\x1b[0m" in line


def test_a_refusal_says_why_and_whom_it_was_about(terminal: Watched) -> None:
    assert terminal.call("GET", "/v1/users/bob/streak?x=1") == 404
    assert "\x1b[33m404\x1b[0m" in terminal.line("bob")
    plain = re.sub(COLOURED, "", terminal.line("bob"))
    assert "/v1/users/bob/streak?x=1" in plain
    assert "users_streak bob User 'bob' was not found." in plain


@pytest.mark.parametrize(
    ("path", "headers", "status", "said"),
    [
        ("/v1/achievements?no-key", {"X-API-KEY": "wrong"}, 401, "is not known"),
        ("/v1/no-such-path", {}, 404, "There is no /v1/no-such-path in this API"),
        ("/no-prefix", {}, 404, "/v1 has the API"),
        ("/v1/achievements?other-host", {"Host": "evil.test"}, 403, "does not accept the name"),
        ("/_mock/facts?limit=none", {}, 422, "Query parameter `limit`"),
    ],
)
def test_what_reaches_no_operation_is_shown_too(
    terminal: Watched, path: str, headers: dict[str, str], status: int, said: str
) -> None:
    assert terminal.call("GET", path, **headers) == status
    line = terminal.line(re.escape(path))
    assert f"{status}" in line
    assert said in line


def test_what_others_send_steers_no_terminal(terminal: Watched) -> None:
    terminal.call("GET", "/v1/users/eve%1B%5B2Jgone%E2%80%AE")
    line = terminal.line("users/eve")
    assert r"/v1/users/eve\x1b[2Jgone\u202e" in line
    assert "\x1b[2J" not in terminal.said


def test_moves_of_the_clock_are_shown_and_looks_at_it_are_not(terminal: Watched) -> None:
    assert terminal.call("GET", "/_mock/clock") == 200
    assert terminal.call("POST", "/_mock/clock/advance", {"days": 2}) == 200
    assert "2026-01-15T12:00:00.000Z → 2026-01-17T12:00:00.000Z, frozen" in terminal.line("clock.* → ")
    assert "mock_clock_advance" in terminal.line("POST .*clock/advance")
    assert "GET    /_mock/clock" not in terminal.said


def test_webhooks_are_shown_with_what_came_of_them(terminal: Watched) -> None:
    with Receiver().running() as receiver:
        terminal.call("POST", "/_mock/webhooks", {"url": receiver.url, "events": ["streak.lost"]})
        terminal.call("POST", "/_mock/webhooks/trigger", {"type": "streak.lost"})
        delivered = re.sub(COLOURED, "", terminal.line(r"webhook.*streak\.lost"))
        assert re.search(rf"webhook streak\.lost → {re.escape(receiver.url)} 200 \d+\.\d ms", delivered)
        receiver.always = 500
        terminal.call("POST", "/_mock/webhooks/trigger", {"type": "streak.lost"})
        assert "returned 500 (attempt 1; again at 2026-01-" in terminal.line("attempt 1")


def test_programs_read_one_object_a_line(program: Watched) -> None:
    program.call("POST", "/v1/metrics/words-written/event?a=1", {"user": {"id": "ada"}, "value": 5})
    program.call("GET", "/v1/users/b%C3%B6b%7F")
    program.call("POST", "/_mock/clock/advance", {"days": 2})
    program.line("mock_clock_advance")
    event, refused, _ = objects(program, "request")[:3]
    assert event.pop("ms") > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("time"))
    assert event == {
        "level": "info",
        "event": "request",
        "method": "POST",
        "path": "/v1/metrics/words-written/event",
        "query": "a=1",
        "status": 201,
        "operation": "metrics_event",
        "user": "ada",
        "tenant": None,
        "fault": None,
        "error": None,
    }
    assert (refused["user"], refused["error"]) == ("böb\x7f", "User 'böb\\x7f' was not found.")
    assert program.said.isascii()
    assert "\x7f" not in program.said
    (clock,) = objects(program, "clock")
    assert (clock["from"], clock["to"]) == ("2026-01-15T12:00:00.000Z", "2026-01-17T12:00:00.000Z")
    assert clock["facts"]["StreakLost"] == 1


def test_what_else_is_logged_is_an_object_for_programs_too(program: Watched) -> None:
    program.call("POST", "/_mock/webhooks", {"url": "http://127.0.0.1:1/nobody", "events": ["streak.lost"]})
    program.call("POST", "/_mock/webhooks/trigger", {"type": "streak.lost"})
    assert objects(program, "webhook")[0]["error"].startswith("ConnectError")
    program.call("POST", "/_mock/clock/advance", {"days": 1})
    (row,) = objects(program, "log")
    assert (row["level"], row["logger"]) == ("warning", "mockserver.webhooks")
    assert "failed after 4 attempts" in row["message"]


@pytest.mark.parametrize(
    ("options", "on_terminal"), [((), False), (("--log-level", "warning"), True), (("--log-level", "error"), True)]
)
def test_nothing_is_said_where_nobody_wants_it(options: tuple[str, ...], on_terminal: bool) -> None:
    with watched(*options, terminal=on_terminal) as server:
        assert server.call("GET", "/v1/achievements") == 200
    assert server.said == ""


def test_text_that_is_asked_for_has_no_colours_where_there_is_no_terminal_or_nobody_likes_them() -> None:
    with watched("--log-format", "text") as piped, watched(terminal=True, NO_COLOR="1") as plain:
        for server in (piped, plain):
            server.call("GET", "/v1/achievements")
            assert "200" in server.line("achievements_all")
            assert "\x1b" not in server.said


def test_a_user_is_shown_no_more_than_can_be_read_and_all_are_counted() -> None:
    lines: list[str] = []

    def write(more: list[str]) -> bool:
        lines.extend(more)
        return True

    async def flood() -> None:
        console = Console(Text(colours=False), write, Pace(burst=3, rate=1))
        for status in (200, 200, 200, 200, 200, 404):
            console.requested("users_get", "/users/{id}", Call("GET", "/v1/users/a", b"", {}), Response(status, b"{}"))
        console.close()

    asyncio.run(flood())
    assert [line.split()[3] for line in lines[:3]] == ["200"] * 3
    assert lines[3].endswith("… and 3 more requests: 2 × 200, 1 × 404")
    assert len(lines) == 4


def test_a_terminal_that_is_stopped_stops_no_server_and_what_is_lost_is_counted() -> None:
    read, written = os.pipe()
    try:
        outlet = Outlet(written)
        line = "x" * 1023
        kept = MOST_BYTES // 1024 + 64  # and as many as the pipe takes
        assert not outlet.write([line] * kept)
        assert not outlet.write(["lost"] * 7)
        said = b""
        while not outlet.write([]):
            said += os.read(read, 1 << 16)
        assert outlet.write(["again"])
        said += os.read(read, 1 << 20)
    finally:
        os.close(read)
        os.close(written)
    rows = said.decode().splitlines()
    assert rows[:-2] == [line] * kept
    assert rows[-2:] == ["… 7 lines were lost: what reads them is too slow.", "again"]


def test_a_server_whose_standard_error_is_closed_serves() -> None:
    command = f"exec {sys.executable} -m mockserver serve --port 0 --users 0 --log-format text 2>&-"
    process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, text=True)
    try:
        assert Watched(_url(process.stdout)).call("GET", "/v1/achievements") == 200
    finally:
        process.terminate()
        process.communicate(timeout=20)

"""`make bench-waits`: what users wait for: webhooks, resets, worlds, snapshots, a server in a test."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Any

import orjson

from benchmarks import targets
from benchmarks.load import EVENT, loaded, wrk
from benchmarks.processes import HOST, LOAD_CORE, Running, free_port, pinned, running, send_request
from benchmarks.tables import Cell, console, judged, machine, show
from mockserver.seed import seeded_id

HANDLER = 50  # milliseconds that a slow handler takes
DELIVERIES = 1000
USERS = 50


def bench(seconds: float, rounds: int) -> None:
    console.print(machine())
    show_slow_handler(rounds)
    if wrk() is not None:
        show_under_load(seconds, rounds)
    show_calls(rounds)
    show_python(rounds)


@contextmanager
def receiver(milliseconds: float) -> Iterator[str]:
    """A receiver on the other core: its URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.receiver", str(port), str(milliseconds)]
    with running(pinned(LOAD_CORE, command), port, "/"):
        yield f"http://{HOST}:{port}/"


def call(server: Running, method: str, path: str, body: Any = None) -> Any:
    """A call of the control plane. RuntimeError when it is refused."""
    status, content = send_request(server.port, method, f"/_mock{path}", None if body is None else orjson.dumps(body))
    if status >= 400:
        raise RuntimeError(f"{method} {path}: {status} {content!r}")
    return orjson.loads(content) if content else None


# Webhooks


def show_slow_handler(rounds: int) -> None:
    """A day in which 1,000 users lose their streaks, with a slow handler."""
    seconds: list[float] = []
    sending: list[float] = []
    with receiver(HANDLER) as url:
        for _ in range(rounds):
            with targets.ours("--users", "0", "--webhook", url, "--webhook-events", "streak.lost") as server:
                call(server, "PUT", "/clock", {"now": "2030-01-05T12:00:00Z", "frozen": True})
                for number in range(DELIVERIES):
                    body = b'{"user":{"id":"user-%d"},"value":1}' % number
                    send_request(server.port, "POST", f"{targets.PREFIX}/metrics/words-written/event", body)
                call(server, "POST", "/clock/advance", {"days": 1, "wait": True})
                began = time.perf_counter()
                call(server, "POST", "/clock/advance", {"days": 1})
                moved = time.perf_counter()
                call(server, "POST", "/clock/advance", {"wait": True})
                seconds.append(time.perf_counter() - began)
                sending.append(time.perf_counter() - moved)
                (endpoint,) = call(server, "GET", "/webhooks")["endpoints"]
                if endpoint["deliveries"]["delivered"] != DELIVERIES:
                    raise RuntimeError(f"{DELIVERIES} webhooks were expected: {endpoint['deliveries']}")
    took = median(seconds)
    rows: list[list[Cell]] = [
        ["seconds, until the last one is delivered", judged(took, most=5)],
        ["webhooks a second, once the clock has moved", judged(DELIVERIES / median(sending), least=300)],
    ]
    show(f"advance by a day, wait: {DELIVERIES:,} webhooks to a handler of {HANDLER} ms", ("", ""), rows)


def show_under_load(seconds: float, rounds: int) -> None:
    """Events at full speed, without an endpoint and with one whose receiver is fast."""
    users = [seeded_id(number) for number in range(USERS)]
    p99: list[tuple[float, float]] = []
    rates: list[tuple[float, float, float]] = []
    with receiver(0) as url, ExitStack() as stack:
        alone = stack.enter_context(targets.ours("--users", str(USERS)))
        receiving = stack.enter_context(targets.ours("--users", str(USERS), "--webhook", url))
        for number in range(rounds + 1):
            length = seconds if number else min(1.0, seconds)
            without = loaded(EVENT, alone, targets.PREFIX, users, length)
            before, began = _delivered(receiving), time.perf_counter()
            with_webhooks = loaded(EVENT, receiving, targets.PREFIX, users, length)
            delivered = (_delivered(receiving) - before) / (time.perf_counter() - began)
            if number:
                p99.append((without.p99, with_webhooks.p99))
                rates.append((without.rate, with_webhooks.rate, delivered))
    ratio = median(with_webhooks / without for without, with_webhooks in p99)
    events = [median(row[which] for row in rates) for which in (0, 1)]
    rows: list[list[Cell]] = [
        ["without an endpoint", events[0], median(row[0] for row in p99), None, None],
        [
            "to a fast receiver",
            events[1],
            median(row[1] for row in p99),
            judged(ratio, most=1.5),
            judged(median(row[2] for row in rates), least=1000),
        ],
    ]
    heads = ("events at full speed", "events/s of the core", "p99 ms", "÷ without", "webhooks delivered/s")
    show("Webhooks while events come in", heads, rows)


def _delivered(server: Running) -> int:
    return sum(row["deliveries"]["delivered"] for row in call(server, "GET", "/webhooks")["endpoints"])


# Calls


def show_calls(rounds: int) -> None:
    """Resets, worlds and snapshots, in milliseconds: the median of several, after a first one."""
    rows: list[list[Cell]] = []
    with targets.ours("--users", str(USERS)) as server:
        rows.append(
            ["POST /_mock/reset, 50 users, 60 days", _timed(rounds, lambda: call(server, "POST", "/reset")), 25]
        )
        rows.append(["POST /_mock/worlds, 50 users", _timed(rounds, lambda: _world(server, USERS)), 40])
        rows += _snapshots(server, rounds, USERS)
    with targets.ours("--users", "1000", patience=120) as server:
        rows += _snapshots(server, rounds, 1000)
    shown = [
        [name, took, None if most is None else judged(float(str(took)), most=float(str(most)))]
        for name, took, most in rows
    ]
    show("What takes how many milliseconds", ("call", "ms", "to reach"), shown)


def _snapshots(server: Running, rounds: int, users: int) -> list[list[Cell]]:
    taken: list[str] = []
    take = _timed(rounds, lambda: taken.append(call(server, "POST", "/snapshots")["id"]))
    restore = _timed(rounds, lambda: call(server, "POST", f"/snapshots/{taken[-1]}/restore"))
    for name in taken:
        call(server, "DELETE", f"/snapshots/{name}")
    return [[f"take a snapshot, {users:,} users", take, None], [f"restore it, {users:,} users", restore, None]]


def _world(server: Running, users: int) -> None:
    made = call(server, "POST", "/worlds", {"users": users})
    call(server, "DELETE", f"/worlds/{made['apiKey']}")


def _timed(rounds: int, act: Callable[[], Any]) -> float:
    seconds = []
    for _ in range(3 * rounds + 1):
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return median(seconds[1:]) * 1000


# Python

STORY = "import time; t = time.perf_counter(); from mockserver.testing import MockServer; MockServer().start(); "
STORY += "print(time.perf_counter() - t)"


def show_python(rounds: int) -> None:
    """A server in a test: from its import to its start."""
    seconds = []
    for _ in range(2 * rounds + 1):
        done = subprocess.run([sys.executable, "-c", STORY], capture_output=True, text=True, check=True)
        seconds.append(float(done.stdout))
    show(
        "MockServer() from import to start, nobody in it",
        ("", "seconds"),
        [["median", judged(median(seconds[1:]), most=0.12)]],
    )

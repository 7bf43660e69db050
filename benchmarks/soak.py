"""`make soak`: full speed for minutes; then all that was accepted must be there, and memory may not have grown."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvloop

from benchmarks.processes import HOST, LOAD_CORE, SERVER_CORE, Running, free_port, running, send_request
from benchmarks.soak_clients import METRICS, USERS, Tally, client
from benchmarks.tables import Cell, console, machine, show
from benchmarks.targets import PREFIX

CONNECTIONS = 200
SAMPLES = 50  # of the server's memory
MOST_PER_EVENT = 1.25  # how much more an event may weigh in the last third than in the one before


@dataclass
class Memory:
    """Resident bytes of the server by the number of events that it had accepted."""

    samples: list[tuple[int, int]] = field(default_factory=list)

    def per_event(self, since: float, until: float) -> float:
        """Bytes per event within a part of the time (0 to 1)."""
        count = len(self.samples) - 1
        (events, before), (more, after) = (self.samples[round(part * count)] for part in (since, until))
        return (after - before) / max(1, more - events)


@dataclass
class Receiver:
    """Takes webhooks. `response`: the bytes that it returns after `delay` seconds; empty: it closes the connection."""

    name: str
    port: int
    response: bytes
    delay: float = 0.0
    taken: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.split(b"content-length:")[1].split(b"\r\n")[0]))
                self.taken += 1
                await asyncio.sleep(self.delay)
                if not self.response:
                    writer.transport.abort()
                    return
                writer.write(self.response)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, OSError):
            writer.close()


def receivers() -> list[Receiver]:
    """One that works, and three that fail in different ways."""
    fine, broken = (b"HTTP/1.1 %b\r\ncontent-length: 0\r\n\r\n" % status for status in (b"200 OK", b"500 Oh"))
    return [
        Receiver("steady", free_port(), fine),
        Receiver("slow", free_port(), fine, delay=2.0),
        Receiver("failing", free_port(), broken),
        Receiver("closing", free_port(), b""),
    ]


def soak(minutes: float) -> None:
    """Loads, then checks; ends the process with 1 when anything is wrong."""
    console.print(machine())
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {SERVER_CORE, LOAD_CORE} - {SERVER_CORE})
    taking = receivers()
    with tempfile.TemporaryDirectory() as directory:
        log = Path(directory) / "log.txt"
        with _server(taking, log) as server:
            for number in range(USERS):
                send_request(server.port, "PUT", f"{PREFIX}/users/soak-{number}", b"{}")
            tally, memory, seconds = uvloop.run(_load(server, taking, minutes * 60))
            wrong = [*tally.problems, *_totals(server, tally)]
            endpoints = orjson.loads(send_request(server.port, "GET", "/_mock/webhooks")[1])["endpoints"]
        wrong += _log(log)
    early, late = memory.per_event(1 / 3, 2 / 3), memory.per_event(2 / 3, 1)
    if late > MOST_PER_EVENT * max(early, 1):
        wrong.append(f"memory grows: {early:,.0f} bytes per event in the second third, {late:,.0f} in the last")
    _report(tally, seconds, (memory.samples[-1][1], early, late))
    _report_webhooks(taking, [row["deliveries"] for row in endpoints])
    for line in wrong:
        console.print(f"✗ {line}", style="red", markup=False)
    if wrong:
        sys.exit(1)
    console.print("✓ every accepted event is in the totals, nothing else grew, nothing went wrong")


@contextmanager
def _server(taking: list[Receiver], log: Path) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port), "--log-level", "warning"]
    for receiver in taking:
        command += ["--webhook", f"http://{HOST}:{receiver.port}/"]
    command += ["--webhook-secret", "whsec_soak", "--webhook-retry-delay", "1"]
    with log.open("wb") as errors, running(command, port, f"{PREFIX}/leaderboards", errors=errors) as server:
        yield server


async def _load(server: Running, taking: list[Receiver], seconds: float) -> tuple[Tally, Memory, float]:
    """All clients at full speed, the receivers beside them, the server's memory sampled now and then."""
    listening = [await asyncio.start_server(receiver.serve, HOST, receiver.port) for receiver in taking]
    tally, memory, began = Tally(), Memory(), time.perf_counter()
    until = asyncio.get_running_loop().time() + seconds
    clients = asyncio.gather(*(client(number, server.port, until, tally) for number in range(CONNECTIONS)))
    while not clients.done():
        memory.samples.append((tally.events, server.bytes))
        await asyncio.wait([clients], timeout=seconds / SAMPLES)
    await clients
    memory.samples.append((tally.events, server.bytes))
    for each in listening:
        each.close()
    return tally, memory, time.perf_counter() - began


def _totals(server: Running, tally: Tally) -> Iterator[str]:
    """What the server's totals should be and are not."""
    for number in range(USERS):
        user = f"soak-{number}"
        content = send_request(server.port, "GET", f"{PREFIX}/users/{user}/metrics")[1]
        rows: list[dict[str, Any]] = orjson.loads(content)
        for row in rows:
            if row["current"] != tally.totals[user, row["key"]]:
                yield f"{user}: {row['key']} is {row['current']}, but {tally.totals[user, row['key']]} was accepted"
        if len(rows) != len(METRICS):
            yield f"{user} has {len(rows)} metrics"


def _log(log: Path) -> Iterator[str]:
    """The server's warnings and errors, except for webhooks that found a full queue or failed, and the progress of a
    long start."""
    for line in log.read_text().splitlines():
        if line.strip() and "webhook" not in line and not line.startswith("Seeding "):
            yield f"the server's log says: {line}"


def part(values: list[float], share: float) -> float:
    """The value that this share of them does not exceed; 0 for an empty list."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def _report(tally: Tally, seconds: float, memory: tuple[float, ...]) -> None:
    done, (resident, early, late) = sum(tally.statuses.values()), memory
    counts = {f"status {status}": count for status, count in sorted(tally.statuses.items())}
    rows: list[tuple[str, Cell]] = [
        ("responses", done),
        ("… per second", done / seconds),
        ("events accepted", tally.events),
        ("closed without a response", tally.hung_up),
        ("events sent again that had been accepted", tally.replays),
        *counts.items(),
        ("connections", len(tally.connecting)),
        ("connecting + first response, p50 ms", 1000 * part(tally.connecting, 0.5)),
        ("connecting + first response, p99 ms", 1000 * part(tally.connecting, 0.99)),
        ("connecting + first response, longest ms", 1000 * part(tally.connecting, 1.0)),
        ("resident MB in the end", resident / 1e6),
        ("bytes per event, second third", early),
        ("bytes per event, last third", late),
    ]
    show(f"{seconds:.0f} seconds, {CONNECTIONS} connections", ("what", "figure"), rows)


def _report_webhooks(taking: list[Receiver], deliveries: list[dict[str, int]]) -> None:
    states = list(deliveries[0])
    rows = [
        (receiver.name, receiver.taken, *counts.values()) for receiver, counts in zip(taking, deliveries, strict=True)
    ]
    show("webhooks by receiver", ("receiver", "requests", *states), rows)

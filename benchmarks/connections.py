"""`python -m benchmarks connections`: how connections are accepted, by our own listener and by uvloop's, in turn."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import uvloop

from benchmarks.load import USER, loaded, wrk
from benchmarks.processes import HOST, KEY, Running, free_port, running
from benchmarks.soak import part
from benchmarks.tables import console, machine, show
from benchmarks.targets import PREFIX
from mockserver.seed import seeded_id

CLIENTS = 200
REQUESTS = 50  # on one connection, then a new one
READ = f"GET {PREFIX}/users/{seeded_id(0)} HTTP/1.1\r\nHost: {HOST}\r\nX-API-KEY: {KEY}\r\n\r\n".encode()

LISTENERS = {
    "ours": "from mockserver.cli import main; main()",
    "uvloop": "import uvicorn; from mockserver.serve import server; "
    "server.Server.startup = uvicorn.Server.startup; from mockserver.cli import main; main()",
}


@contextmanager
def _server(listener: str) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-c", LISTENERS[listener], "serve", "--port", str(port), "--log-level", "warning"]
    with running(command, port, f"{PREFIX}/leaderboards") as server:
        yield server


async def _client(port: int, until: float, waits: list[float]) -> int:
    """Connects, sends requests, connects anew. Returns the number of responses. `waits`: seconds to the first one."""
    loop, responses = asyncio.get_running_loop(), 0
    while loop.time() < until:
        since = loop.time()
        reader, writer = await asyncio.open_connection(HOST, port)
        for number in range(REQUESTS):
            writer.write(READ)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            responses += 1
            if number == 0:
                waits.append(loop.time() - since)
        writer.close()
    return responses


async def _reconnecting(port: int, seconds: float) -> tuple[float, list[float]]:
    """Responses per second, and how long each new connection waited for its first one."""
    waits: list[float] = []
    until = asyncio.get_running_loop().time() + seconds
    counts = await asyncio.gather(*(_client(port, until, waits) for _ in range(CLIENTS)))
    return sum(counts) / seconds, waits


def connections(seconds: float, rounds: int) -> None:
    """Reads a user over 16 connections that stay open (wrk), and over 200 that are opened anew every 50 requests."""
    console.print(machine())
    steady: dict[str, list[float]] = {listener: [] for listener in LISTENERS}
    anew: dict[str, list[float]] = {listener: [] for listener in LISTENERS}
    waits: dict[str, list[float]] = {listener: [] for listener in LISTENERS}
    for _ in range(rounds):
        for listener in LISTENERS:
            with _server(listener) as server:
                if wrk() is not None:
                    steady[listener].append(loaded(USER, server, PREFIX, [seeded_id(0)], seconds).rate)
                rate, waited = uvloop.run(_reconnecting(server.port, seconds))
                anew[listener].append(rate)
                waits[listener] += waited
    names = (
        "listener",
        "requests/s, 16 stay",
        "requests/s, 200 reconnect",
        "connecting p50 ms",
        "p99 ms",
        "longest ms",
    )
    rows = [
        (
            listener,
            median(steady[listener]) if steady[listener] else 0.0,
            median(anew[listener]),
            *(1000 * part(waits[listener], share) for share in (0.5, 0.99, 1.0)),
        )
        for listener in LISTENERS
    ]
    show(f"{rounds} rounds of {seconds:g} seconds", names, rows)

"""`python -m benchmarks doors`: how connections come in, by our own door and by uvloop's servers, in turn."""

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
from mockserver.seed import user_id

CLIENTS = 200
REQUESTS = 50  # on one connection, then a new one
READ = f"GET {PREFIX}/users/{user_id(0)} HTTP/1.1\r\nHost: {HOST}\r\nX-API-KEY: {KEY}\r\n\r\n".encode()

DOORS = {
    "ours": "from mockserver.cli import main; main()",
    "uvloop": "import uvicorn; from mockserver.serve import server; "
    "server.Server.startup = uvicorn.Server.startup; from mockserver.cli import main; main()",
}


@contextmanager
def _server(door: str) -> Iterator[Running]:
    port = free_port()
    command = [sys.executable, "-c", DOORS[door], "serve", "--port", str(port), "--log-level", "warning"]
    with running(command, port, f"{PREFIX}/leaderboards") as server:
        yield server


async def _client(port: int, until: float, waits: list[float]) -> int:
    """Connects, asks so many times, connects anew; how many answers there were. `waits`: seconds to the first one."""
    loop, answers = asyncio.get_running_loop(), 0
    while loop.time() < until:
        since = loop.time()
        reader, writer = await asyncio.open_connection(HOST, port)
        for number in range(REQUESTS):
            writer.write(READ)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
            answers += 1
            if number == 0:
                waits.append(loop.time() - since)
        writer.close()
    return answers


async def _reconnecting(port: int, seconds: float) -> tuple[float, list[float]]:
    """Answers per second, and how long each new connection waited for its first one."""
    waits: list[float] = []
    until = asyncio.get_running_loop().time() + seconds
    counts = await asyncio.gather(*(_client(port, until, waits) for _ in range(CLIENTS)))
    return sum(counts) / seconds, waits


def doors(seconds: float, rounds: int) -> None:
    """Reads a user over 16 connections that stay (wrk), and over 200 that are made anew after every 50 requests."""
    console.print(machine())
    steady: dict[str, list[float]] = {door: [] for door in DOORS}
    anew: dict[str, list[float]] = {door: [] for door in DOORS}
    waits: dict[str, list[float]] = {door: [] for door in DOORS}
    for _ in range(rounds):
        for door in DOORS:
            with _server(door) as server:
                if wrk() is not None:
                    steady[door].append(loaded(USER, server, PREFIX, [user_id(0)], seconds).rate)
                rate, waited = uvloop.run(_reconnecting(server.port, seconds))
                anew[door].append(rate)
                waits[door] += waited
    names = ("door", "requests/s, 16 stay", "requests/s, 200 reconnect", "connecting p50 ms", "p99 ms", "longest ms")
    rows = [
        (
            door,
            median(steady[door]) if steady[door] else 0.0,
            median(anew[door]),
            *(1000 * part(waits[door], share) for share in (0.5, 0.99, 1.0)),
        )
        for door in DOORS
    ]
    show(f"{rounds} rounds of {seconds:g} seconds", names, rows)

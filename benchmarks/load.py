"""Load from `wrk`, on its own core, over many users."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.processes import HOST, LOAD_CORE, Running, pinned

CONNECTIONS = 16
SCRIPT = Path(__file__).with_name("calls.lua")


@dataclass(frozen=True)
class Call:
    """One measured call: path and body in one or more variants, taken at random.

    USER is filled in with one of the users, VALUE400 with a whole number from 1 to 400. `headers`: without them the
    API key, and JSON as the media type of bodies.
    """

    name: str
    operation: str
    method: str
    variants: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...] = ()


def event(metric: str, most: int) -> tuple[str, str]:
    return f"/metrics/{metric}/event", f'{{"user":{{"id":"USER"}},"value":VALUE{most}}}'


USER = Call("GET /users/{id}", "users_get", "GET", (("/users/USER", ""),))
BOARD = Call("GET /leaderboards/{key}", "leaderboards_get", "GET", (("/leaderboards/weekly-words?limit=10", ""),))
# Twice what a seeded user does at a time, so that the mean is that of the seeded world.
EVENT = Call(
    "POST /metrics/{key}/event",
    "metrics_event",
    "POST",
    (event("words-written", 800), event("chapters-finished", 2), event("minutes-focused", 220)),
)
DEAREST = Call("… words-written alone", "metrics_event", "POST", EVENT.variants[:1])
PLAIN = Call("… minutes-focused alone", "metrics_event", "POST", EVENT.variants[2:])
CALLS = (USER, BOARD, EVENT, DEAREST, PLAIN)


@dataclass(frozen=True)
class Run:
    """The result of one or several runs: requests per second, latencies in milliseconds.

    If the system measures it, the seconds are the server's CPU time: the same on a quiet machine, and almost the same
    when something else uses a share of its core.
    """

    rate: float
    p50: float
    p99: float


def middle(runs: list[Run]) -> Run:
    """The median of each figure."""
    return Run(*(median(getattr(run, name) for run in runs) for name in ("rate", "p50", "p99")))


def wrk() -> str | None:
    """The load generator; installed from Debian if it is missing and that is allowed. None: there is none."""
    if shutil.which("wrk") is None and shutil.which("apt-get") is not None and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "--yes", "--quiet", "wrk"], stdout=subprocess.DEVNULL, check=False)
    return shutil.which("wrk")


def loaded(call: Call, server: Running, prefix: str, users: list[str], seconds: float) -> Run:
    """Runs one call at full speed. RuntimeError when a request is refused or a connection breaks."""
    url, before = f"http://{HOST}:{server.port}", server.cpu_seconds
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", "-s", str(SCRIPT), url, "--"]
    command += [call.method, str(len(call.variants))]
    for path, body in call.variants:
        command += [prefix + path, body]
    headers = "".join(f"{name}: {value}\n" for name, value in call.headers)
    environment = {**os.environ, "CALL_HEADERS": headers}
    done = subprocess.run(
        pinned(LOAD_CORE, [*command, *users]), capture_output=True, text=True, check=False, env=environment
    )
    if done.returncode:
        raise RuntimeError(f"{call.name} on {url}: {done.stdout}{done.stderr}")
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    if seen["refused"] or seen["broken"] or not seen["requests"]:
        raise RuntimeError(f"{call.name} on {url}: {seen}")
    after = server.cpu_seconds
    busy = seen["microseconds"] / 1e6 if before is None or after is None else after - before
    return Run(seen["requests"] / busy, seen["p50"] / 1000, seen["p99"] / 1000)

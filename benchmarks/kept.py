"""What it costs to keep worlds: an event in memory, in a directory and synced; and the next start."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from statistics import median

from benchmarks import targets
from benchmarks.load import EVENT, Run, loaded, middle, wrk
from benchmarks.processes import HOST, KEY, Running
from benchmarks.tables import Cell, console, judged, machine, show
from benchmarks.unlogged import unlogged
from mockserver.log.sqlite import FILE, SqliteStore
from mockserver.seed import seeded_id

USERS = 50
MEMORY, KEPT, SYNCED = "in memory", "--keep", "--keep --keep-sync"
DEAREST = 1.25  # the cost of an event that is kept, as a multiple of one that is not
LEAST = 0.97  # the cost of an event in memory, as a multiple of one on a server without logs
LONGEST = 2.0  # seconds to the first response of a world that is kept


def bench(seconds: float, rounds: int, events: int | None) -> None:
    """All tables; without `events` only the first."""
    console.print(machine())
    if wrk() is None:
        raise SystemExit("wrk is needed; see make bench.")
    with tempfile.TemporaryDirectory() as root:
        show_memory(Path(root), seconds, rounds)
    if events is None:
        return
    with tempfile.TemporaryDirectory() as root:
        show_events(Path(root), seconds, rounds)
    with tempfile.TemporaryDirectory() as root:
        show_starts(Path(root), events, rounds)


def show_memory(root: Path, seconds: float, rounds: int) -> None:
    """Without --keep: an event, beside the same code without logs."""
    path = {"PYTHONPATH": str(unlogged(root)), "PYTHONSAFEPATH": "1"}
    with targets.ours("--users", str(USERS)) as ours, targets.ours("--users", str(USERS), environment=path) as other:
        runs = _alternating({"as it is": ours, "without what there is for logs": other}, seconds, 2 * rounds)
    ours_run, other_run = (middle(found) for found in runs.values())
    rows: list[list[Cell]] = [
        [name, run.rate, f"{run.p50:.2f} / {run.p99:.2f}", judged(run.rate / other_run.rate, least=least)]
        for name, run, least in zip(runs, (ours_run, other_run), (LEAST, None), strict=True)
    ]
    show("In memory, events per second of the server's core", ("server", "events/s", "p50 / p99 ms", "ratio"), rows)


def _alternating(servers: Mapping[str, Running], seconds: float, rounds: int) -> dict[str, list[Run]]:
    """Other work on the machine concerns all of them. The first round only warms up."""
    runs: dict[str, list[Run]] = {name: [] for name in servers}
    users = [seeded_id(number) for number in range(USERS)]
    for number in range(rounds + 1):
        for name, server in servers.items():
            run = loaded(EVENT, server, targets.PREFIX, users, seconds if number else min(1.0, seconds))
            runs[name] += [run] if number else []
    return runs


def show_events(root: Path, seconds: float, rounds: int) -> None:
    """Where nothing is kept, in a directory, and synced."""
    ways = {
        MEMORY: (),
        KEPT: ("--keep", str(root / "kept")),
        SYNCED: ("--keep", str(root / "synced"), "--keep-sync"),
    }
    with ExitStack() as stack:
        servers = {
            name: stack.enter_context(targets.ours("--users", str(USERS), *options)) for name, options in ways.items()
        }
        runs = _alternating(servers, seconds, rounds)
    plain = middle(runs[MEMORY])
    rows: list[list[Cell]] = []
    for name, found in runs.items():
        run = middle(found)
        cost = plain.rate / run.rate
        wanted = judged(cost, most=DEAREST) if name == KEPT else judged(cost)
        rows.append([name, run.rate, f"{run.p50:.2f} / {run.p99:.2f}", wanted])
    heads = ("where it is kept", "events/s", "p50 / p99 ms", "cost of an event")
    show("Events per second of the server's core, at full load", heads, rows)


def show_starts(root: Path, events: int, rounds: int) -> None:
    """From the start of the process to its first response, with a world that has this many events."""
    with targets.ours("--users", str(USERS), "--keep", str(root)) as server:
        connection = HTTPConnection(HOST, server.port, timeout=30)
        headers = {"X-API-KEY": KEY, "Content-Type": "application/json"}
        for number in range(events):
            body = f'{{"user":{{"id":"{seeded_id(number % USERS)}"}},"value":{number % 400 + 1}}}'
            connection.request("POST", f"{targets.PREFIX}/metrics/words-written/event", body, headers)
            connection.getresponse().read()
        connection.close()
    seconds: dict[str, list[float]] = {"from a checkpoint": [], "from the beginning": []}
    for _ in range(rounds):
        for name, found in seconds.items():
            if name == "from the beginning":
                _forget_checkpoint(root)
            with targets.ours("--users", str(USERS), "--keep", str(root), patience=600) as server:
                found.append(server.seconds)
    rows: list[list[Cell]] = []
    for name, found in seconds.items():
        taken = median(found)
        rows.append([name, judged(taken, most=LONGEST, unit=" s") if "check" in name else judged(taken, unit=" s")])
    size = (root / FILE).stat().st_size / 1e6
    caption = f"The file has {size:,.1f} MB, {size * 1e6 / events:,.0f} bytes for each event."
    show(f"The next start of a world of {events:,} events", ("how", "seconds"), rows, caption)


def _forget_checkpoint(root: Path) -> None:
    home = SqliteStore(root)
    for world in home.worlds():
        home.forget_checkpoint(world)
    home.close()

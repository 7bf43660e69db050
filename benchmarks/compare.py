"""`make bench`: our server beside bare Starlette and Prism, all three up at once, loaded in turn."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import engine, targets
from benchmarks.console import show_console
from benchmarks.load import BOARD, CALLS, EVENT, USER, Call, Run, loaded, middle, wrk
from benchmarks.page import show_watched
from benchmarks.processes import Running
from benchmarks.shares import show_shares
from benchmarks.stateful import show_stateful
from benchmarks.tables import Cell, console, judged, machine, show
from mockserver.seed import seeded_id

OURS, BARE, PRISM = "ours", "bare Starlette", "Prism"
PREFIXES = {OURS: targets.PREFIX, BARE: targets.PREFIX, PRISM: ""}
AIMS_BARE = {USER: 0.80, BOARD: 0.70, EVENT: 0.33}
AIMS_PRISM = {USER: 6.0, BOARD: 3.5, EVENT: 3.5}
USERS = 50  # as many as `serve` makes by default


@dataclass
class Comparison:
    """What was measured: runs by call and target, resident megabytes by target."""

    runs: dict[tuple[Call, str], list[Run]] = field(default_factory=dict)
    megabytes: dict[str, float] = field(default_factory=dict)

    def rate(self, call: Call, target: str) -> float | None:
        return middle(self.runs[call, target]).rate if (call, target) in self.runs else None

    def ratio(self, call: Call, target: str) -> float | None:
        ours, other = self.rate(call, OURS), self.rate(call, target)
        return ours / other if ours and other else None


def bench(seconds: float, rounds: int) -> None:
    """Measures and prints everything; rows whose tools are missing are left out, with a message."""
    console.print(machine())
    command = targets.install_prism()
    if command is None:
        console.print("Prism is left out: it wants Node.js with npm, and the npm registry.")
    if wrk() is None:
        console.print("Requests per second are left out: they want wrk (Debian: apt-get install wrk).")
    else:
        show_requests(compare(command, seconds, rounds))
        show_watched(seconds, rounds)
        show_console(seconds, rounds)
    show_starts(command, rounds)
    if wrk() is not None:
        show_stateful(seconds, rounds)
    engine.show_alone()
    show_shares()


def compare(command: Path | None, seconds: float, rounds: int) -> Comparison:
    """All targets up at once, each loaded for `seconds` in turn, `rounds` times."""
    seen = Comparison()
    with ExitStack() as stack:
        servers = _start(stack, command)
        for call in CALLS:
            for number in range(rounds + 1):
                for target, server in servers.items():
                    # The first round only warms up.
                    run = _run(call, target, server, seconds if number else min(1.0, seconds))
                    if number:
                        seen.runs.setdefault((call, target), []).append(run)
        seen.megabytes = {target: server.bytes / 1e6 for target, server in servers.items()}
    return seen


def _start(stack: ExitStack, command: Path | None) -> dict[str, Running]:
    servers = {OURS: stack.enter_context(targets.ours("--users", str(USERS)))}
    responses = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "responses.json"
    targets.fixed_responses(servers[OURS], responses)
    servers[BARE] = stack.enter_context(targets.bare(responses))
    if command is not None:
        servers[PRISM] = stack.enter_context(targets.prism(command))
    return servers


def _run(call: Call, target: str, server: Running, seconds: float) -> Run:
    return loaded(call, server, PREFIXES[target], [seeded_id(number) for number in range(USERS)], seconds)


def show_requests(seen: Comparison) -> None:
    rows: list[list[Cell]] = []
    for call in CALLS:
        ours = middle(seen.runs[call, OURS])
        bare = judged(seen.ratio(call, BARE), least=AIMS_BARE.get(call))
        prism = judged(seen.ratio(call, PRISM), least=AIMS_PRISM.get(call))
        others = [seen.rate(call, BARE), seen.rate(call, PRISM)]
        rows.append([call.name, ours.rate, f"{ours.p50:.2f} / {ours.p99:.2f}", *others, bare, prism])
    heads = ("call", "requests/s", "p50 / p99 ms", BARE, PRISM, f"÷ {BARE}", f"÷ {PRISM}")
    show("Requests per second of the server's core, at full load", heads, rows)
    memory = [(target, megabytes) for target, megabytes in seen.megabytes.items()]
    show("Memory after that", ("server", "resident MB"), memory)


def show_starts(command: Path | None, rounds: int) -> None:
    """From the start of the process to its first response; ours with its default users, first and second time."""
    with tempfile.TemporaryDirectory() as home:
        responses = Path(home) / "responses.json"
        responses.write_text("{}")

        def again() -> AbstractContextManager[Running]:
            return targets.ours(environment={"XDG_CACHE_HOME": home})

        def first() -> AbstractContextManager[Running]:
            return targets.ours(environment={"XDG_CACHE_HOME": tempfile.mkdtemp(dir=home)})

        ways: dict[str, Callable[[], AbstractContextManager[Running]]] = {
            "ours, first": first,
            "ours, second": again,
            BARE: lambda: targets.bare(responses),
        }
        if command is not None:
            ways[PRISM] = lambda: targets.prism(command)
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(rounds + 1):
            for name, way in ways.items():
                with way() as server:
                    seconds[name] += [server.seconds] if number else []
    starts = {name: median(found) for name, found in seconds.items()}
    rows: list[list[Cell]] = [[name, found, None] for name, found in starts.items()]
    if PRISM in starts:
        for row in rows:
            most = 0.6 if row[0] == "ours, second" else None
            row[2] = judged(starts[str(row[0])] / starts[PRISM], most=most)
    show("From start to first response", ("server", "seconds", f"÷ {PRISM}"), rows)

"""`make bench-growth`: the same calls in ever larger worlds, and for a user who has done very much."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count
from statistics import median

from benchmarks import targets
from benchmarks.engine import NOW, stay
from benchmarks.load import CALLS, Call, Run, loaded, middle, wrk
from benchmarks.memory import game, show_memory
from benchmarks.processes import Running
from benchmarks.tables import Cell, console, judged, machine, show
from mockserver.api.metrics import metrics_event
from mockserver.api.users import users_get
from mockserver.api.wrapped import users_wrapped
from mockserver.game.engine import Game
from mockserver.game.periods import DAY, utc_day, zone
from mockserver.game.ranking import Run as BoardRun
from mockserver.game.ranking import history
from mockserver.seed import seeded_id

SIZES = (100, 10_000, 1_000_000)
BUILD = 300.0  # seconds that a world may take to build
ASKED = 100  # users that the calls are about, spread over the world
EVENTS = 100_000
YEAR = 365 * DAY


def growth(seconds: float, rounds: int, largest: int) -> None:
    """Measures and prints everything."""
    console.print(machine())
    if wrk() is None:
        console.print("The calls are left out: they want wrk (Debian: apt-get install wrk).")
    else:
        show_worlds(seconds, rounds, largest)
    stay()
    show_rankings()
    show_histories()
    show_busy_user()
    show_memory()


def show_worlds(seconds: float, rounds: int, largest: int) -> None:
    """Worlds of all sizes up at once, each loaded in turn."""
    with ExitStack() as stack:
        servers: dict[int, Running] = {}
        for size in SIZES:
            size = min(size, largest, _buildable(servers) if servers else size)
            if size not in servers:
                servers[size] = _world(stack, size)
        runs: dict[tuple[Call, int], list[Run]] = {}
        for call in CALLS:
            for number in range(rounds + 1):
                for size, server in servers.items():
                    run = _run(call, size, server, seconds if number else min(1.0, seconds))
                    runs.setdefault((call, size), []).extend([run] if number else [])
        megabytes = {size: server.bytes / 1e6 for size, server in servers.items()}
    small, large = min(servers), max(servers)
    rows: list[list[Cell]] = []
    for call in CALLS:
        costs = {size: 1e6 / middle(runs[call, size]).rate for size in servers}
        rows.append([call.name, *costs.values(), judged(costs[large] / costs[small], most=1.5)])
    rows.append(["seconds until it responds", *(server.seconds for server in servers.values()), None])
    rows.append(["resident MB", *megabytes.values(), None])
    heads = ("µs per call", *(f"{size:,} users" for size in servers), "largest ÷ smallest")
    show("Growth: one event per user, no history", heads, rows)
    if large < min(SIZES[-1], largest):
        console.print(f"The largest world is {large:,} users: more do not build in {BUILD:.0f} seconds here.")


def _world(stack: ExitStack, size: int) -> Running:
    options = ("--users", str(size), "--history-days", "0", "--log-level", "warning")
    return stack.enter_context(targets.ours(*options, patience=3 * BUILD))


def _buildable(servers: dict[int, Running]) -> int:
    """How many users build in `BUILD` seconds, from what the largest world so far took; two digits."""
    size = max(servers)
    if size < 1000:
        return SIZES[-1]
    users = int(BUILD / servers[size].seconds * size)
    digits: int = 10 ** (len(str(users)) - 2)
    return max(size, users // digits * digits)


def _run(call: Call, size: int, server: Running, seconds: float) -> Run:
    users = [seeded_id(number * size // ASKED) for number in range(ASKED)]
    return loaded(call, server, targets.PREFIX, users, seconds)


def show_rankings() -> None:
    """An entry moved and its rank read, before and after, on boards of very different size."""
    rows: list[list[Cell]] = []
    first = None
    for size in (1_000, 10_000, 100_000, 1_000_000):
        cost = _cost_of_a_climb(size)
        first = first or cost
        rows.append([f"{size:,} on the board", cost, judged(cost / first)])
    show("A rank looked up, the place moved, the rank looked up again", ("board", "µs", "÷ smallest"), rows)


def _cost_of_a_climb(size: int) -> float:
    """Microseconds, for users all over the board who go up by half of it."""
    board = next(row for row in game().world.catalog.leaderboards.values() if row.rank_by == "points")
    run = BoardRun(size)
    for number in range(size):
        run.gain(board, f"user-{number}", number + 1, (), NOW)

    steps = count()

    def climb() -> None:
        chosen = next(steps) * 7919 % size
        run.standing(f"user-{chosen}")
        run.gain(board, f"user-{chosen}", chosen + size // 2, (), NOW)
        run.standing(f"user-{chosen}")

    return cost(climb)


def show_histories() -> None:
    """The history of a rank, of a user whom others have often overtaken, and of one who is never overtaken: then the
    whole run is read."""
    rows: list[list[Cell]] = []
    for size in (1_000, 10_000, 100_000):
        run = _contest(size)
        passed, first = (cost(partial(history, run, user, zone(None), 10), 3) for user in ("passed", "first"))
        rows.append([f"{size:,} moves in the run", passed, first])
    show("The ten newest entries of a history", ("run", "µs, passed every day", "µs, never passed"), rows)


def _contest(moves: int) -> BoardRun:
    """A year on a board: `first` leads from its first day, a hundred others overtake `passed` and fall back again."""
    board = next(row for row in game().world.catalog.leaderboards.values() if row.rank_by == "points")
    run = BoardRun(1000)

    def score(seq: int, user: str, value: int) -> None:
        time, known = NOW - YEAR + seq * YEAR // moves, run.scores.get(user)
        old, was = ((), known.value if known else 0), run.rank((), known.ranked if known else None)
        after = run.gain(board, user, value, (), time)
        run.note(seq, time, after, old, (was, run.rank((), after.ranked)))

    score(0, "first", 1_000 * moves)
    score(1, "passed", moves)
    for seq in range(2, moves):
        score(seq, f"user-{seq % 100}", moves + (1 if seq // 100 % 2 else -1))
    return run


def cost(act: Callable[[], object], times: int = 100) -> float:
    """Microseconds of one call: the median of batches."""
    batches = []
    for _ in range(15):
        began = time.perf_counter()
        for _ in range(times):
            act()
        batches.append((time.perf_counter() - began) / times * 1e6)
    return median(batches)


def show_busy_user() -> None:
    """Two users of one world: one has sent an event a day for a year, one very many."""
    world, year = game(NOW - YEAR), utc_day(NOW).year
    began = time.perf_counter()
    for number in range(EVENTS):
        world.catch_up(NOW - YEAR + number * YEAR // EVENTS)
        _event(world, "veteran")
        if number * 365 // EVENTS != (number - 1) * 365 // EVENTS:
            _event(world, "novice")
    console.print(f"A year with {EVENTS:,} events of one user: {time.perf_counter() - began:.0f} s.")
    calls: dict[str, Callable[[str], object]] = {
        "users_get": lambda user: users_get(world, id=user),
        "metrics_event": lambda user: _event(world, user),
        "users_wrapped": lambda user: users_wrapped(world, id=user, year=year),
    }
    rows: list[list[Cell]] = []
    for name, call in calls.items():
        novice, veteran = (cost(partial(call, user), 10) for user in ("novice", "veteran"))
        verdict = judged(veteran / 1000, most=50) if name == "users_wrapped" else judged(veteran / novice, most=1.5)
        rows.append([name, novice, veteran, verdict])
    heads = ("µs per call", "365 events", f"{EVENTS:,} events", "ratio (wrapped: ms)")
    show("A user who has done very much", heads, rows)


def _event(world: Game, user: str) -> None:
    metrics_event(world, key="words-written", body={"user": {"id": user}, "value": 150})
    world.commit()

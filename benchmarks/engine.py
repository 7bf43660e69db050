"""The engine alone, in this process: events per second, and what it costs to let a day pass."""

from __future__ import annotations

import gc
import os
import random
import time
from statistics import median

from benchmarks.processes import LOAD_CORE
from benchmarks.tables import judged, show
from mockserver.api.metrics import metrics_event
from mockserver.catalogs import fixture, load
from mockserver.game.engine import Game
from mockserver.game.periods import DAY, utc_day
from mockserver.game.world import World
from mockserver.seed import populate

NOW = 1_790_000_000_000  # a Monday in September 2026
BATCH = 200
AMOUNTS = {"words-written": 800, "chapters-finished": 2, "minutes-focused": 220}


def stay() -> None:
    """Keeps this process on one core where the machine can."""
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > LOAD_CORE:
        os.sched_setaffinity(0, {LOAD_CORE})


def world(users: int, history_days: int) -> Game:
    """A seeded population of the default catalog, that has lived until `NOW`."""
    catalog = load(fixture("catalog"), today=utc_day(NOW))
    game = Game(World(catalog, "1", NOW - history_days * DAY))
    populate(game, seed=1, users=users, until=NOW)
    game.catch_up(NOW)
    return game


def show_alone() -> None:
    stay()
    show_events()
    show_advance()


def show_events() -> None:
    game = world(50, 60)
    rows = []
    for metrics in (list(AMOUNTS), *([key] for key in AMOUNTS)):
        before = len(game.world.journal)
        rate, events = events_per_second(game, metrics)
        facts = (len(game.world.journal) - before) / events
        rows.append((", ".join(metrics), rate, 1e6 / rate, facts))
    show("The engine alone: metrics_event in process", ("metrics", "events/s", "µs each", "facts each"), rows)


def events_per_second(game: Game, metrics: list[str], batches: int = 40) -> tuple[float, int]:
    """The median of short batches of events of random users, and how many events there were."""
    rng, users = random.Random(1), list(game.world.users)
    seconds = []
    gc.collect()
    for _ in range(batches):
        asked = [(rng.choice(metrics), rng.choice(users)) for _ in range(BATCH)]
        began = time.perf_counter()
        for metric, user in asked:
            body = {"user": {"id": user}, "value": rng.randint(1, AMOUNTS[metric])}
            metrics_event(game, key=metric, body=body)
            game.commit()
        seconds.append((time.perf_counter() - began) / BATCH)
    return 1 / median(seconds), batches * BATCH


def show_advance() -> None:
    """One day passes in a small and in a ten times larger world."""
    small, large = (seconds_of_a_day(users) for users in (1_000, 10_000))
    rows = [
        (f"{users:,} users", seconds, facts, seconds / facts * 1e6, ratio)
        for users, (seconds, facts), ratio in (
            (1_000, small, None),
            (10_000, large, judged(large[0] / small[0], most=12)),
        )
    ]
    show("A day passes", ("world", "seconds", "facts", "µs per fact", "÷ smaller"), rows)


def seconds_of_a_day(users: int) -> tuple[float, int]:
    """How long it takes to catch up with a day, and how many facts it brings."""
    game = world(users, 0)
    before = len(game.world.journal)
    gc.collect()
    began = time.perf_counter()
    game.catch_up(NOW + DAY)
    return time.perf_counter() - began, len(game.world.journal) - before

"""What users, events and their consequences weigh, measured in processes of their own: resident bytes."""

from __future__ import annotations

import gc
import multiprocessing
import os
import random
from collections.abc import Callable

from benchmarks.engine import NOW
from benchmarks.processes import resident
from benchmarks.tables import judged, show
from mockserver import catalogs
from mockserver.api.metrics import metrics_event
from mockserver.api.shared import identify
from mockserver.game.engine import Game
from mockserver.game.periods import utc_day
from mockserver.game.world import World

USERS = 10_000
PLAIN = "taps"  # a metric that nothing else uses: its events change a total (and keep the streak)
KIB = 1024


def game(born: int = NOW) -> Game:
    """An empty world of the default catalog with one metric more, from `born` (ms UTC) on."""
    file = catalogs.fixture("catalog")
    text = f'{file.read_text()}\n[metrics.{PLAIN}]\nname = "Taps"\n'
    return Game(World(catalogs.parse(text, today=utc_day(NOW), name=file.name), "1", born))


def act(world: Game, metric: str, most: int, times: int) -> None:
    """Every user sends `times` events of up to `most`, a second apart."""
    rng = random.Random(times)
    for _ in range(times):
        world.catch_up(world.now + 1000)
        for number in range(USERS):
            body = {"user": {"id": f"user-{number}"}, "value": rng.randint(1, most)}
            metrics_event(world, key=metric, body=body)
            world.commit()


def join(world: Game) -> None:
    for number in range(USERS):
        attributes = {"plan-type": "free", "region": "eu-west", "department": "design", "role": "editor"}
        fields = {"name": f"Somebody {number}", "email": f"user-{number}@example.com", "attributes": attributes}
        identify(world, f"user-{number}", {**fields, "tz": "Europe/London"})


def measure(metric: str, most: int, first: int, more: int) -> tuple[float, float, float, float]:
    """Bytes per user after `first` events each, bytes per further event, and facts per user and per event."""
    world = game()
    gc.collect()
    empty = resident(os.getpid())
    join(world)
    act(world, metric, most, first)
    gc.collect()
    some, facts = resident(os.getpid()), len(world.world.journal)
    act(world, metric, most, more)
    gc.collect()
    further = (resident(os.getpid()) - some) / USERS / more
    return (some - empty) / USERS, further, facts / USERS, (len(world.world.journal) - facts) / USERS / more


def apart(what: Callable[..., tuple[float, ...]], *arguments: object) -> tuple[float, ...]:
    """The result of a call in a fresh process, so that nothing of earlier measurements is in it."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(what, arguments)


def show_memory() -> None:
    one, _, few, _ = apart(measure, PLAIN, 300, 1, 1)
    ten, plain, some, _ = apart(measure, PLAIN, 300, 10, 20)
    full, further, many, each = apart(measure, "words-written", 300, 10, 20)
    rows = [
        ("a user with one event that changes only a total", judged(one / KIB, unit=" KiB"), few),
        ("a user with ten such events", judged(ten / KIB, most=4, unit=" KiB"), some),
        ("each further such event", judged(plain, most=150, unit=" bytes"), 1.0),
        ("a user with ten events that also pay, unlock and rank", judged(full / KIB, unit=" KiB"), many),
        ("each further such event", judged(further, unit=" bytes"), each),
        ("each consequence of these", judged((further - plain) / (each - 1), unit=" bytes"), 1.0),
    ]
    show(f"Resident memory, {USERS:,} users", ("what", "weight", "facts"), rows)

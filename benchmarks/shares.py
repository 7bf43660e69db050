"""What an event with full rules spends its time on: the application in this process, without a socket, profiled."""

from __future__ import annotations

import cProfile
import gc
import pstats
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from benchmarks.engine import AMOUNTS, stay
from benchmarks.processes import KEY
from benchmarks.tables import show
from mockserver.app import App
from mockserver.control.plane import Settings
from mockserver.exchange import Response
from mockserver.seed import populate, seeded_id
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.server import make_app, make_plane
from mockserver.worlds import Plan, Worlds

USERS = 50
BATCHES, BATCH = 20, 250

# Part of a file's path, or of its path and a function's name → what it does; the first that fits.
PARTS = (
    ("mockserver/game/derivation", "deriving: entries, the queue of rules"),
    ("mockserver/game/rules", "deriving: entries, the queue of rules"),
    ("mockserver/game/engine", "deriving: entries, the queue of rules"),
    ("mockserver/game/world.py apply", "deriving: entries, the queue of rules"),
    ("mockserver/game/journal", "keeping the journal"),
    ("mockserver/game/leaderboards", "leaderboards: what an event changes"),
    ("mockserver/game/writers.py _score_changed", "leaderboards: searching and moving places"),
    ("mockserver/game/ranking", "leaderboards: searching and moving places"),
    ("mockserver/game/places", "leaderboards: searching and moving places"),
    ("mockserver/game/moves", "leaderboards: searching and moving places"),
    ("mockserver/game/points", "points: triggers, boosts, awards, levels"),
    ("mockserver/game/writers.py _points", "points: triggers, boosts, awards, levels"),
    ("mockserver/game/streaks", "streaks, achievements"),
    ("mockserver/game/achievements", "streaks, achievements"),
    ("mockserver/game", "user, metric, days, calendar"),
    ("mockserver/api", "writing the response"),
    ("mockserver/webhooks", "collecting webhooks"),
    ("mockserver/control", "request log, faults"),
    ("mockserver/spec", "reading the request"),
    ("jsonschema_rs", "reading the request"),
    ("orjson", "reading the request"),
    ("mockserver", "finding operation and world, sending"),
)
REST = "the rest, the benchmark's own work"
NAMES = list(dict.fromkeys([*(part for _, part in PARTS), REST]))


def show_shares() -> None:
    """An event's time by part. The profiler makes small functions look slower than they are, so the shares are only
    approximate. A part's time is its share of the time that an event takes without a profiler. The best of several
    batches counts, because of other work on the machine."""
    stay()
    app, rng = _app(), random.Random(1)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)  # as `serve` does
    _events(app, rng)  # warms up
    microseconds = 1e6 * min(_seconds(app, rng) for _ in range(BATCHES))
    batches = [_profiled(app, rng) for _ in range(BATCHES)]
    gc.unfreeze()
    best = Counter({part: min(batch[part][0] for batch in batches) for part in batches[0]})
    calls = {part: sum(batch[part][1] for batch in batches) / BATCHES / BATCH for part in best}
    total = sum(best.values())
    rows = [
        (part, f"{seconds / total:.0%}", microseconds * seconds / total, calls[part])
        for part, seconds in best.most_common()
    ]
    rows.append(("all", "100%", microseconds, sum(calls.values())))
    show(f"An event's time, {BATCHES * BATCH:,} events in process", ("part", "share", "µs", "calls"), rows)


def _profiled(app: App, rng: random.Random) -> dict[str, tuple[float, int]]:
    """Seconds and calls of a batch, by part."""
    profile = cProfile.Profile()
    profile.enable()
    _events(app, rng)
    profile.disable()
    seconds: dict[str, float] = dict.fromkeys(NAMES, 0.0)
    calls = dict.fromkeys(NAMES, 0)
    for (file, _, name), row in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        for part, own, number in _parts(file, name, row):
            seconds[part] += own
            calls[part] += number
    return {part: (seconds[part], calls[part]) for part in NAMES}


def _app() -> App:
    worlds = Worlds(Plan(CatalogFile(find("catalog")), users=USERS), (KEY,), populate)
    return make_app(make_plane(worlds, Settings()))


def _parts(file: str, name: str, row: Any) -> Iterator[tuple[str, float, int]]:
    """Seconds and calls of a function by part: those of built-in and generated functions go to their callers, unless
    they have a name of their own here."""
    if file not in ("~", "<string>") or any(word in name for word in ("jsonschema_rs", "orjson")):
        yield _part(file, name), row[2], row[1]
        return
    for (caller, _, function), (number, _, own, _) in row[4].items():
        yield _part(caller, function), own, number


def _part(file: str, name: str) -> str:
    place = f"{file} {name}".replace("\\", "/")
    return next((part for word, part in PARTS if word in place), REST)


def _events(app: App, rng: random.Random) -> None:
    for _ in range(BATCH):
        _event(app, rng)


def _seconds(app: App, rng: random.Random) -> float:
    """What one event takes of the core, in a short batch."""
    began = time.process_time()
    _events(app, rng)
    return (time.process_time() - began) / BATCH


def _event(app: App, rng: random.Random) -> None:
    metric = rng.choice(list(AMOUNTS))
    path = f"/v1/metrics/{metric}/event".encode()
    value, user = rng.randint(1, AMOUNTS[metric]), seeded_id(rng.randrange(USERS))
    body = f'{{"user":{{"id":"{user}"}},"value":{value}}}'.encode()
    headers = [(b"x-api-key", KEY.encode()), (b"content-type", b"application/json")]
    responses: list[Response] = []
    assert app.respond_at_once("POST", path, b"", headers, body, responses.append)
    assert responses[0].status == 201

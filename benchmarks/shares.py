"""What an event with full rules spends its time on: the application in this process, without a socket, profiled."""

from __future__ import annotations

import cProfile
import pstats
import random
from collections import Counter
from typing import Any

from benchmarks.engine import AMOUNTS, stay
from benchmarks.processes import KEY
from benchmarks.tables import show
from mockserver.app import App
from mockserver.control.plane import Settings
from mockserver.exchange import Answer
from mockserver.seed import populate, user_id
from mockserver.serve.catalog_file import CatalogFile, find
from mockserver.serve.server import make_app, make_plane
from mockserver.worlds import Plan, Worlds

USERS = 50
EVENTS = 5_000

# Part of a file's path → what it does; the first that fits.
PARTS = (
    ("mockserver/game/engine", "unfolding facts"),
    ("mockserver/game/journal", "keeping the journal"),
    ("mockserver/game/leaderboards", "rules and rankings of leaderboards"),
    ("mockserver/game/ranking", "rules and rankings of leaderboards"),
    ("mockserver/game/places", "rules and rankings of leaderboards"),
    ("mockserver/game", "all other rules and what they change"),
    ("mockserver/api", "shaping the answer"),
    ("mockserver/webhooks", "collecting webhooks"),
    ("mockserver/control", "request log, faults"),
    ("mockserver/spec", "reading the request"),
    ("jsonschema_rs", "checking bodies against the document"),
    ("orjson", "JSON"),
    ("mockserver", "finding operation and world, answering"),
)


def show_shares() -> None:
    """Shares of the time by part. Profiling makes small functions dearer than they are: read it as a map."""
    stay()
    profile = cProfile.Profile()
    _events(_app(), profile)
    seconds: Counter[str] = Counter()
    for (file, _, name), row in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        seconds[_part(file, name, row)] += row[2]
    total = sum(seconds.values())
    rows = [(part, f"{share / total:.0%}") for part, share in seconds.most_common()]
    show(f"An event's time, {EVENTS:,} events in process", ("part", "share"), rows)


def _app() -> App:
    worlds = Worlds(Plan(CatalogFile(find("catalog")), users=USERS), (KEY,), populate)
    return make_app(make_plane(worlds, Settings()))


def _part(file: str, name: str, row: Any) -> str:
    """Built-in functions belong to whoever calls them most, unless they have a name of their own here."""
    place = f"{file} {name}".replace("\\", "/")
    if file == "~" and not any(word in name for word in ("jsonschema_rs", "orjson")):
        callers = row[4]
        place = max(callers, key=lambda caller: callers[caller][2])[0] if callers else ""
    return next((part for word, part in PARTS if word in place), "the rest")


def _events(app: App, profile: cProfile.Profile) -> None:
    dice = random.Random(1)
    for _ in range(500):  # warms up
        _event(app, dice)
    profile.enable()
    for _ in range(EVENTS):
        _event(app, dice)
    profile.disable()


def _event(app: App, dice: random.Random) -> None:
    metric = dice.choice(list(AMOUNTS))
    path = f"/v1/metrics/{metric}/event".encode()
    value, user = dice.randint(1, AMOUNTS[metric]), user_id(dice.randrange(USERS))
    body = f'{{"user":{{"id":"{user}"}},"value":{value}}}'.encode()
    headers = [(b"x-api-key", KEY.encode()), (b"content-type", b"application/json")]
    answers: list[Answer] = []
    assert app.answer_at_once("POST", path, b"", headers, body, answers.append)
    assert answers[0].status == 201

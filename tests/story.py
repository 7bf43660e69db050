"""Plays short scenarios against the rules, in process: dated lines in, facts out.

    04-02 09:00 ann words 100
    04-03 21:30 ann words 20 source=phone
    04-05 00:00

A line is a moment of 2025 (or with its year), who, and what: `<metric> <amount>` is an event, `is <field>=<value>`
identifies, `does <achievement>` completes. Without a user, only time passes. Moments are UTC, or local for a user with
a time zone. Every response is checked against the spec.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from mockserver import api, spec
from mockserver.api.rendered import Rendered
from mockserver.game import facts as f
from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.game.facts import Entry
from mockserver.game.periods import iso, milliseconds, zone
from mockserver.game.world import World

JSON = Any
YEAR = "2025"
USER_FIELDS = ("name", "email", "tz")


@cache
def loaded_spec() -> spec.Spec:
    return spec.load()


@cache
def functions() -> dict[str, Callable[..., JSON]]:
    return spec.bind(loaded_spec(), spec.functions_of(api))


def moment(text: str, tz: str | None = None) -> int:
    """`04-02 09:00`, `2024-02-29`, `04-02 09:00:30Z`: ms UTC; local in `tz` unless it ends with Z."""
    text, local = text.removesuffix("Z"), not text.endswith("Z")
    day, _, hour = text.partition(" ")
    day = day if len(day) > 5 else f"{YEAR}-{day}"
    naive = datetime.fromisoformat(f"{day}T{hour or '00:00'}")
    return milliseconds(naive.replace(tzinfo=zone(tz) if local else ZoneInfo("UTC")).astimezone(UTC))


class Story:
    """A world with a clock that moves only forward, when the test moves it."""

    def __init__(self, catalog: Catalog, start: str = "2025-04-01", seed: str = "story") -> None:
        self.game = Game(World(catalog, seed, moment(start)), self._hear)
        self.heard: list[Entry] = []

    def _hear(self, world: World, entries: list[Entry]) -> None:
        self.heard += entries

    @property
    def world(self) -> World:
        return self.game.world

    def call(self, operation: str, **arguments: Any) -> JSON:
        """The response of an operation, after it was checked against the spec. Raises GameError."""
        declared = loaded_spec().operations[operation]
        response = functions()[operation](self.game, **(declared.defaults | arguments))
        self.game.commit()
        response = response.content if isinstance(response, Rendered) else response
        fault = declared.check_response(declared.success, orjson.loads(orjson.dumps(response)))
        assert fault is None, f"{operation}: {fault}"
        return response

    def refusal(self, operation: str, **arguments: Any) -> GameError:
        """The refusal of an operation, which must have left no trace."""
        before = len(self.world.journal)
        with pytest.raises(GameError) as refused:
            self.call(operation, **arguments)
        assert len(self.world.journal) == before, f"{operation} left a trace: {refused.value}"
        return refused.value

    def pass_to(self, time: int) -> None:
        assert time >= self.game.now, f"{iso(time)} is before {iso(self.game.now)}"
        self.game.catch_up(time)

    def at(self, when: str) -> Story:
        """Moves the clock to a moment, UTC."""
        self.pass_to(moment(when))
        return self

    def zone_of(self, user_id: str) -> str | None:
        user = self.world.users.get(user_id)
        return user.profile.tz if user else None

    def event(self, user: str, metric: str, value: float, key: str | None = None, **attributes: str) -> JSON:
        """`attributes`: those of the user by `user_…`, those of the event by their name."""
        own = {name[5:]: attributes.pop(name) for name in list(attributes) if name.startswith("user_")}
        body = {"user": {"id": user} | fields(own), "value": value, "attributes": attributes}
        return self.call("metrics_event", key=metric, body=body, idempotency_key=key)

    def act(self, deed: Callable[..., f.Fact], *arguments: Any) -> list[Entry]:
        """What the organisation does by hand, by one of the questions of `streak_commands`. Raises GameError."""
        entries = self.game.record(deed(self.world, *arguments))
        self.game.commit()
        return entries

    def line(self, line: str) -> JSON:
        """Plays one line. Returns the response, or None if only time passed."""
        found = re.match(r"\s*([\d-]+(?: [\d:]+Z?)?)(?: +(\S+) +(.+?))?\s*$", line)
        assert found, f"not a line of a story: {line!r}"
        when, user, deed = found.groups()
        self.pass_to(moment(when, self.zone_of(user) if user else None))
        if not user:
            return None
        verb, *words = deed.split()
        pairs = dict(word.split("=", 1) for word in words if "=" in word)
        if verb == "is":
            return self.call("users_identify", id=user, body=fields(pairs))
        if verb == "does":
            return self.call("achievements_complete", key=words[0], body={"user": {"id": user}})
        amount = words[0]
        return self.event(user, verb, float(amount) if "." in amount else int(amount), **pairs)

    def play(self, text: str) -> JSON:
        """Plays lines. Returns the last response."""
        response = None
        for line in filter(str.strip, text.splitlines()):
            response = self.line(line) or response
        return response

    def facts(self, *kinds: str, user: str | None = None) -> list[str]:
        """What has happened so far, as `04-03 00:00 ann StreakLost 2`; only kinds whose names begin like one of
        `kinds`. Moments are UTC."""
        return [
            said(entry)
            for entry in self.heard
            if type(entry.fact).__name__.startswith(kinds or "") and user in (None, getattr(entry.fact, "user", None))
        ]

    def new_facts(self, *kinds: str, user: str | None = None) -> list[str]:
        """The facts since the last call."""
        actual = self.facts(*kinds, user=user)
        self.heard.clear()
        return actual

    def total(self, user: str, system: str = "xp") -> int:
        return self.world.users[user].points(system)

    def ranking(self, key: str, **arguments: Any) -> list[tuple[str, int]]:
        """(user, value) in order of rank, which must run from 1 without a gap."""
        rows = self.call("leaderboards_get", key=key, **arguments)["rankings"]
        if not arguments:
            assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
        return [(row["userId"], row["value"]) for row in rows]


def fields(pairs: dict[str, str]) -> JSON:
    """Pairs of a line as the fields of a user: what is no field of its own is an attribute."""
    own: JSON = {key: pairs[key] for key in USER_FIELDS if key in pairs}
    attributes = {key: value for key, value in pairs.items() if key not in USER_FIELDS}
    return own | ({"attributes": attributes} if attributes else {})


# The fields of a fact that `said` shows, after its moment, user and kind.
SHOWN_FIELDS: dict[type[Any], tuple[str, ...]] = {
    f.MetricChanged: ("metric", "value", "total"),
    f.StreakStarted: ("period",),
    f.StreakExtended: ("length", "period"),
    f.StreakLost: ("length",),
    f.FreezeConsumed: ("period", "freezes"),
    f.FreezeEarned: ("earned", "freezes"),
    f.StreakRestored: ("length", "expires"),
    f.StreakReset: ("length", "period"),
    f.StreakRecounted: ("length",),
    f.StreakPaused: ("expires",),
    f.PauseDeleted: ("expires",),
    f.AchievementCompleted: ("achievement",),
    f.PointsAwarded: ("system", "awarded", "total"),
    f.PointsChanged: ("system", "added", "total"),
    f.PointsReported: ("system", "added", "total", "level_changed"),
    f.LevelChanged: ("system", "previous", "level"),
    f.BoostStarted: ("boost",),
    f.BoostFinished: ("boost",),
    f.ScoreChanged: ("board", "before", "after"),
    f.RecapDue: ("first", "last"),
    f.ReactivationDue: ("number", "days"),
    f.StreakReminderDue: ("expires",),
    f.AchievementMessageDue: ("achievement",),
    f.RunStarted: ("board", "run"),
    f.RunBecameFinal: ("board", "run"),
    f.RunFinished: ("board", "run"),
}


def said(entry: Entry) -> str:
    fact = entry.fact
    moment = iso(entry.time).removesuffix(":00.000Z").removeprefix(f"{YEAR}-").replace("T", " ")
    words = [moment, getattr(fact, "user", None), type(fact).__name__]
    words += [_word(getattr(fact, name)) for name in SHOWN_FIELDS.get(type(fact), ())]
    return " ".join(word for word in words if word is not None)


def _word(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat().removeprefix(f"{YEAR}-")
    if isinstance(value, f.Standing):
        return "off" if value.rank is None else f"#{value.rank}({value.value})"
    return str(value)


def facts_of(catalog: Catalog, text: str, *kinds: str, start: str = "2025-04-01", user: str | None = None) -> list[str]:
    """The facts of a scenario."""
    story = Story(catalog, start)
    story.play(text)
    return story.facts(*kinds, user=user)


def plain(text: str) -> list[str]:
    """Lines as they stand in a test, without their margins."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def column(rows: Iterable[JSON], *names: str) -> list[Any]:
    """Of JSON rows, the values of one field, or tuples of several."""
    return [row[names[0]] if len(names) == 1 else tuple(row[name] for name in names) for row in rows]

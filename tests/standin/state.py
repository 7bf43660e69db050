"""Users and what they have done: totals, streaks, achievements, points. The clock is real, and days are UTC."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from tests.standin.organisation import ACHIEVEMENTS, BOARDS, POINTS
from tests.standin.standings import Board, Standing

Row = dict[str, Any]
KINDS = ("achievement_completed", "recap", "reactivation", "streak_reminder")


@dataclass
class Event:
    """A metric event as it was taken."""

    id: str
    at: datetime
    metric: str
    value: float
    attributes: dict[str, str]


@dataclass
class User:
    """`done` is achievement → when; `best` how often a points trigger has paid."""

    id: str
    created: datetime
    updated: datetime
    fields: Row = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)
    notifications: dict[str, list[str]] = field(default_factory=lambda: {kind: ["push", "email"] for kind in KINDS})
    events: list[Event] = field(default_factory=list)
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    totals: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    sums: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    first_event: dict[date, date] = field(default_factory=dict)
    extended: datetime | None = None
    longest: int = 0
    done: dict[str, datetime] = field(default_factory=dict)
    points: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    awards: defaultdict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    best: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


@dataclass
class Effects:
    """What one request brought about, in the order of the spec's response."""

    completed: list[str] = field(default_factory=list)
    awards: dict[str, list[Row]] = field(default_factory=dict)
    levels: dict[str, tuple[Row | None, Row | None]] = field(default_factory=dict)
    boards: dict[str, dict[str, Standing]] = field(default_factory=dict)
    extended: bool = False


class Period:
    """Days, weeks that begin on Mondays, or months."""

    def __init__(self, frequency: str) -> None:
        self.frequency = frequency

    def start(self, day: date) -> date:
        if self.frequency == "weekly":
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self.frequency == "monthly" else day

    def end(self, day: date) -> date:
        return self.start(self.start(day) + timedelta(days={"weekly": 7, "monthly": 31}.get(self.frequency, 1))) - (
            timedelta(days=1)
        )

    def before(self, day: date) -> date:
        return self.start(self.start(day) - timedelta(days=1))


def matches(filters: list[Row] | None, attributes: dict[str, str]) -> bool:
    return all(attributes.get(row["key"]) == row["value"] for row in filters or ())


class State:
    """All users, and the leaderboards."""

    def __init__(self, frequency: str) -> None:
        self.users: dict[str, User] = {}
        self.boards = {key: Board(key, setting) for key, setting in BOARDS.items()}
        self.period = Period(frequency)
        self._numbers = count(1)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}{next(self._numbers):07d}"

    # Users

    def upsert(self, id: str, given: Row) -> tuple[User, Effects]:
        """Make or change a user; what is not given stays."""
        now, effects = datetime.now(UTC), Effects()
        user = self.users.get(id)
        if fresh := user is None:
            user = self.users[id] = User(id, now, now)
        fields = {k: v for k, v in given.items() if k in ("email", "name", "tz", "deviceTokens", "subscribeToEmails")}
        attributes = {**user.attributes, **given.get("attributes", {})}
        if {**user.fields, **fields} != user.fields or attributes != user.attributes:
            user.updated = now
        user.fields |= fields
        if user.fields.get("subscribeToEmails") is False:
            user.fields.pop("email", None)
        for board in self.boards.values() if attributes != user.attributes else ():
            board.move(id, user.attributes, attributes, next(self._numbers))
        user.attributes = attributes
        if fresh:
            self._pay(user, "user_creation", effects)
        return user, effects

    # Streaks

    def length(self, user: User, day: date) -> int:
        """The length of the streak that the period of a day ends."""
        found, start = 0, self.period.start(day)
        while start in user.first_event:
            found, start = found + 1, self.period.before(start)
        return found

    def latest(self, user: User) -> date | None:
        """The latest period of the present streak, by its first day."""
        today = self.period.start(datetime.now(UTC).date())
        return next((p for p in (today, self.period.before(today)) if p in user.first_event), None)

    def streak(self, user: User) -> int:
        latest = self.latest(user)
        return 0 if latest is None else self.length(user, latest)

    # Events

    def event(self, user: User, metric: str, value: float, attributes: dict[str, str], effects: Effects) -> Event:
        """Take an event, and let everything follow from it."""
        event = Event(self.new_id("e"), datetime.now(UTC), metric, value, attributes)
        user.events.append(event)
        user.totals[metric] += value
        period = self.period.start(event.at.date())
        if value > 0 and period not in user.first_event:
            user.first_event[period], user.extended, effects.extended = event.at.date(), event.at, True
            user.longest = max(user.longest, self.length(user, period))
        self._count(user, event)
        self._complete_what_is_reached(user, metric, effects)
        self._pay(user, "metric", effects, metric)
        if effects.extended:
            self._pay(user, "streak", effects)
        self._rank(user, metric, value, effects)
        if effects.extended:
            self._rank(user, "streak", 1, effects)
        return event

    def _count(self, user: User, event: Event) -> None:
        """The sums of events that fit a filter."""
        for key, row in ACHIEVEMENTS.items():
            if row.get("metric") == event.metric and matches(row.get("event"), event.attributes):
                user.sums[f"achievement {key}"] += event.value
        for system in POINTS.values():
            for row in system["triggers"]:
                if row.get("metric") == event.metric and matches(row.get("event"), event.attributes):
                    user.sums[row["id"]] += event.value

    # Achievements

    def complete(self, user: User, key: str, effects: Effects) -> None:
        """Once, with everything that follows from it."""
        if key in user.done or not matches(ACHIEVEMENTS[key].get("user"), user.attributes):
            return
        user.done[key] = datetime.now(UTC)
        effects.completed.append(key)
        self._pay(user, "achievement", effects, key)
        for other, row in ACHIEVEMENTS.items():
            if row["trigger"] == "achievement" and all(one in user.done for one in row["needs"]):
                self.complete(user, other, effects)

    def _complete_what_is_reached(self, user: User, metric: str, effects: Effects) -> None:
        for key, row in ACHIEVEMENTS.items():
            by_metric = row.get("metric") == metric and user.sums[f"achievement {key}"] >= row["least"]
            if by_metric or (row["trigger"] == "streak" and self.streak(user) >= row["length"]):
                self.complete(user, key, effects)

    # Points

    def _pay(self, user: User, kind: str, effects: Effects, cause: str | None = None) -> None:
        """What triggers of a type pay for a metric or an achievement."""
        for key, system in POINTS.items():
            for row in system["triggers"]:
                if row["type"] == kind and row.get("metric", row.get("achievement")) == cause:
                    times = self._times(user, row, effects)
                    if times and matches(row.get("user"), user.attributes):
                        self._award(user, key, row, times, effects)

    def _times(self, user: User, row: Row, effects: Effects) -> int:
        """How often a trigger pays now: of a metric for each multiple of its threshold, after a fall again."""
        if row["type"] == "streak":
            return int(self.streak(user) % row["each"] == 0)
        if row["type"] != "metric":
            return 1
        reached = int(user.sums[row["id"]] // row["each"]) if user.sums[row["id"]] > 0 else 0
        times = max(0, reached - user.best[row["id"]])
        user.best[row["id"]] = reached
        return times

    def _award(self, user: User, key: str, row: Row, times: int, effects: Effects) -> None:
        boosts = [one for one in POINTS[key]["boosts"] if boost_status(one) == "active"]
        exact = row["points"] * times * math.prod(boost["multiplier"] for boost in boosts)
        kind = boosts[0]["rounding"] if boosts else "down"
        awarded = {"down": math.floor(exact), "up": math.ceil(exact), "nearest": math.floor(exact + 0.5)}[kind]
        most = POINTS[key]["most"]
        awarded = awarded if most is None else min(awarded, most - user.points[key])
        if awarded <= 0:
            return
        before = level(key, user.points[key])
        user.points[key] += awarded
        award = {"id": self.new_id("w"), "awarded": awarded, "at": datetime.now(UTC), "trigger": row["id"]}
        award |= {"total": user.points[key], "boosts": [boost["id"] for boost in boosts]}
        user.awards[key].append(award)
        effects.awards.setdefault(key, []).append(award)
        after = level(key, user.points[key])
        if after != before:
            effects.levels[key] = (effects.levels.get(key, (before, None))[0], after)
        self._rank(user, key, awarded, effects)

    # Boards

    def _rank(self, user: User, by: str, amount: float, effects: Effects) -> None:
        for key, board in self.boards.items():
            if board.setting["by"] == by:
                for other, was in board.gain(user.id, user.attributes, amount, next(self._numbers)).items():
                    effects.boards.setdefault(key, {}).setdefault(other, was)


def level(system: str, total: int) -> Row | None:
    """The highest level whose points are reached."""
    return next((row for row in reversed(POINTS[system]["levels"]) if row["points"] <= total), None)


def boost_status(boost: Row) -> str:
    today = datetime.now(UTC).date().isoformat()
    if today < boost["start"]:
        return "scheduled"
    return "finished" if boost["end"] and today > boost["end"] else "active"

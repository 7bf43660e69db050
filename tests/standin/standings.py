"""Leaderboards: who is where, what changed with each score, and the runs of boards that repeat."""

from __future__ import annotations

import calendar
import math
from bisect import bisect_left, insort
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

Row = dict[str, Any]


@dataclass
class Standing:
    """A user's rank and value, both None for those who are not on the board."""

    rank: int | None = None
    value: int | None = None


@dataclass
class Group:
    """The ranking of one run of a board, or of one group of it. Users with the same value share a rank: 1, 1, 3."""

    most: int
    rows: list[tuple[int, int, str]] = field(default_factory=list)
    at: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def place(self, user: str) -> Standing:
        row = self.at.get(user)
        if row is None or bisect_left(self.rows, row) >= self.most:
            return Standing()
        return Standing(self._rank(row), -row[0])

    def _rank(self, row: tuple[int, int, str]) -> int:
        return bisect_left(self.rows, (row[0],)) + 1

    def ranked(self) -> list[tuple[str, int, int]]:
        """User, rank and value of everybody on the board."""
        return [(row[2], self._rank(row), -row[0]) for row in self.rows[: self.most]]

    def threshold(self) -> int:
        """One more than the last has, where nobody else fits."""
        return 1 - self.rows[self.most - 1][0] if len(self.rows) >= self.most else 1

    def leave(self, user: str) -> None:
        row = self.at.pop(user, None)
        if row is not None:
            del self.rows[bisect_left(self.rows, row)]

    def score(self, user: str, value: int, tick: int) -> None:
        self.leave(user)
        self.at[user] = (-value, tick, user)
        insort(self.rows, self.at[user])

    def between(self, one: int, other: int) -> list[str]:
        """Those with values from the lower to the higher of both: all whose ranks a move between them can change."""
        low, high = sorted((-one, -other))
        return [user for _, _, user in self.rows[bisect_left(self.rows, (low,)) : bisect_left(self.rows, (high + 1,))]]


class Board:
    """One leaderboard through all its runs. Every day is a day in UTC."""

    def __init__(self, key: str, setting: Row) -> None:
        self.key, self.setting = key, setting
        self.start = date.fromisoformat(setting["start"])
        self.end = date.fromisoformat(setting["end"]) if setting["end"] else None
        self.scores: dict[date, defaultdict[str, float]] = {}
        self.groups: dict[tuple[date, tuple[str, ...]], Group] = {}
        self.moves: defaultdict[tuple[date, str], list[Row]] = defaultdict(list)

    @property
    def status(self) -> str:
        today = datetime.now(UTC).date()
        if today < self.start:
            return "scheduled"
        return "finished" if self.end and today > self.end else "active"

    def run(self, day: date | None = None) -> tuple[date, date | None] | None:
        """First and last day of the run that a day is in (today's, or the last one); None if there is none."""
        wanted = day or min(datetime.now(UTC).date(), self.end or date.max)
        if wanted < self.start or (self.end and wanted > self.end):
            return (self.start, self._last(self.start)) if day is None else None
        first = self.start
        while (following := self._following(first)) is not None and following <= wanted:
            first = following
        return first, self._last(first)

    def _following(self, first: date) -> date | None:
        unit, every = self.setting["unit"], self.setting["every"]
        if unit is None:
            return None
        if unit == "day":
            return first + timedelta(days=every)
        months = first.year * 12 + first.month - 1 + every * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        return date(year, month + 1, min(self.start.day, calendar.monthrange(year, month + 1)[1]))

    def _last(self, first: date) -> date | None:
        following = self._following(first)
        return self.end if following is None else following - timedelta(days=1)

    def group(self, first: date, values: tuple[str, ...]) -> Group:
        return self.groups.setdefault((first, values), Group(self.setting["most"]))

    def values_of(self, attributes: dict[str, str]) -> tuple[str, ...] | None:
        """What the board is broken down by; None for a user who lacks some of it."""
        found = tuple(attributes.get(key, "") for key in self.setting["breakdown"])
        return None if any(not value for value in found) else found

    def place(self, user: str, attributes: dict[str, str], first: date) -> Standing:
        values = self.values_of(attributes)
        return Standing() if values is None else self.group(first, values).place(user)

    def gain(self, user: str, attributes: dict[str, str], amount: float, tick: int) -> dict[str, Standing]:
        """Add to a user's score in the present run; everybody whose standing that changed, with the one before."""
        run = self.run()
        if self.status != "active" or run is None:
            return {}
        scores = self.scores.setdefault(run[0], defaultdict(float))
        scores[user] += amount
        values = self.values_of(attributes)
        return {} if values is None else self._put(run[0], values, user, scores[user], tick)

    def _put(self, first: date, values: tuple[str, ...], user: str, score: float, tick: int) -> dict[str, Standing]:
        group, value = self.group(first, values), math.floor(score)
        old = group.at.get(user)
        if old is not None and -old[0] == value:
            return {}
        came_from = -old[0] if old else min([value, *(-row[0] for row in group.rows[-1:])])
        others = {*group.between(value, came_from), user}
        before = {one: group.place(one) for one in others}
        group.score(user, value, tick)
        return self._moved(first, group, before)

    def move(self, user: str, was: dict[str, str], now: dict[str, str], tick: int) -> None:
        """Take a user with the score to another group."""
        old, new = self.values_of(was), self.values_of(now)
        for first, scores in self.scores.items():
            if old != new and user in scores:
                if old is not None:
                    everybody = {one: self.group(first, old).place(one) for one in self.group(first, old).at}
                    self.group(first, old).leave(user)
                    self._moved(first, self.group(first, old), everybody)
                if new is not None:
                    self._put(first, new, user, scores[user], tick)

    def _moved(self, first: date, group: Group, before: dict[str, Standing]) -> dict[str, Standing]:
        """Those of `before` whose standing is another now; each has it in the history."""
        now = datetime.now(UTC).isoformat()
        found = {user: was for user, was in before.items() if group.place(user) != was}
        for user, was in found.items():
            standing = group.place(user)
            row = {"previousRank": was.rank, "rank": standing.rank}
            row |= {"previousValue": was.value, "value": standing.value}
            self.moves[first, user].append({"time": now, "timestamp": now, **row})
        return found

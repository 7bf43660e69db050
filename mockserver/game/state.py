"""What a world remembers: plain records, changed by `World.apply` alone."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from sortedcontainers import SortedList

from mockserver.game.catalog import MICRO, Filters, Leaderboard
from mockserver.game.facts import Profile, Standing
from mockserver.game.periods import ONE_DAY, start_of_day, zone

KEPT_AWARDS = 100  # the most that an answer can ask for
KEPT_HISTORY = 100
NOWHERE = Standing(None, None)


def matches(attributes: dict[str, str], filters: Filters) -> bool:
    """Whether every filter finds its value, compared exactly."""
    return all(attributes.get(row.key) == row.value for row in filters)


def whole_value(board: Leaderboard, gained: int) -> int:
    """What is gained, as the integer that ranks (rounded down)."""
    return gained // MICRO if board.rank_by == "metric" else gained


def group_of(board: Leaderboard, attributes: dict[str, str]) -> tuple[str, ...] | None:
    """The user's group on the board; None when one of the breakdown attributes is missing."""
    if not board.breakdown:
        return ()
    values = tuple(attributes.get(key) for key in board.breakdown)
    return None if None in values else values  # type: ignore[return-value]


class Timeline:
    """Changes summed by local day: rows of day (ordinal), change and number of events, oldest first."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: MutableSequence[int] = array("q")

    def add(self, day: int, change: int) -> None:
        rows = self._rows
        if rows and rows[-3] == day:
            at = len(rows) - 3
        else:
            at = len(rows)
            if rows and rows[-3] > day:
                at = 3 * bisect_left(range(len(rows) // 3), day, key=lambda row: rows[3 * row])
            if at == len(rows) or rows[at] != day:
                for value in (0, 0, day):
                    rows.insert(at, value)
        rows[at + 2] += 1
        try:
            rows[at + 1] += change
        except OverflowError:  # beyond 64 bits: plain integers from here on
            self._rows = list(rows)
            self._rows[at + 1] += change

    def rows(self, first: int, last: int) -> Iterator[tuple[int, int, int]]:
        """(day, change, events) from `first` to `last`, both ordinals inclusive, oldest first."""
        rows = self._rows
        at = 3 * bisect_left(range(len(rows) // 3), first, key=lambda row: rows[3 * row])
        while at < len(rows) and rows[at] <= last:
            yield rows[at], rows[at + 1], rows[at + 2]
            at += 3

    def between(self, first: int, last: int) -> int:
        """The sum of the changes from `first` to `last`, both inclusive."""
        rows = self._rows
        if rows and rows[-3] == first == last:
            return rows[-2]
        return sum(change for _, change, _ in self.rows(first, last))

    def until(self, last: int) -> int:
        """The total at the end of `last`."""
        return self.between(1, last)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and list(self._rows) == list(other._rows)


class MatchingSum(NamedTuple):
    """Of the events that pass a set of filters: their sum, the highest it ever was, and that before the last one."""

    total: int
    peak: int
    passed: int


NO_EVENTS = MatchingSum(0, 0, 0)


@dataclass(slots=True)
class Progress:
    """A user's metric, in millionths: `total`, its `peak`, and the peak before the last event (`passed`)."""

    total: int = 0
    peak: int = 0
    passed: int = 0
    days: Timeline = field(default_factory=Timeline)
    matching: dict[Filters, MatchingSum] | None = None
    attributes: dict[tuple[str, str], Timeline] | None = None

    def count(self, watched: tuple[Filters, ...], attributes: dict[str, str], value: int) -> None:
        """Adds an event to the sums of those `watched` filters that it passes."""
        for filters in watched:
            if matches(attributes, filters):
                matching = self.matching
                if matching is None:
                    matching = self.matching = {}
                total, peak, _ = matching.get(filters, NO_EVENTS)
                matching[filters] = MatchingSum(total + value, max(peak, total + value), peak)

    def sum_of(self, filters: Filters) -> MatchingSum:
        """The sum of the events that pass all `filters`."""
        if not filters:
            return MatchingSum(self.total, self.peak, self.passed)
        return self.matching.get(filters, NO_EVENTS) if self.matching else NO_EVENTS


class CountedPeriod(NamedTuple):
    """A period that counted or was frozen, with the running length at it."""

    start: date
    length: int
    frozen: bool


@dataclass(slots=True)
class StreakState:
    """`covered`: the latest period counted or frozen. `deadline`: when `expires` has passed, ms UTC."""

    length: int = 0
    started: date | None = None
    counted: date | None = None
    covered: date | None = None
    expires: date | None = None
    deadline: int = 0
    extended: int | None = None
    longest: int = 0
    longest_reached: int = 0
    freezes: int = 0
    intervals: int = 0
    history: list[CountedPeriod] = field(default_factory=list)


class Award(NamedTuple):
    """Schema `PointsAward`; trigger and boosts by id."""

    seq: int
    time: int
    awarded: int
    total: int
    trigger: str
    boosts: tuple[str, ...]


@dataclass(slots=True)
class Account:
    """A user's points in one system. `unsettled` and `unsent` wait for PointsChanged and PointsReported."""

    total: int = 0
    awards: list[Award] = field(default_factory=list)
    days: Timeline = field(default_factory=Timeline)
    unsettled: list[Award] = field(default_factory=list)
    unsent: list[int] = field(default_factory=list)
    unsent_added: int = 0
    reported_total: int = 0
    window_until: int = 0


class Completion(NamedTuple):
    seq: int
    time: int


@dataclass(slots=True)
class Person:
    """A user and all that is theirs. `index` counts users in order of creation."""

    profile: Profile
    index: int
    streak: StreakState = field(default_factory=StreakState)
    metrics: dict[str, Progress] = field(default_factory=dict)
    achievements: dict[str, Completion] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[tuple[str, str], int] = field(default_factory=dict)
    notifications: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.profile.tz)

    def end_of(self, day: date) -> int:
        """When `day` is over for this user (ms UTC)."""
        return start_of_day(day + ONE_DAY if day < date.max else day, self.zone)

    def total(self, metric: str) -> int:
        progress = self.metrics.get(metric)
        return progress.total if progress else 0

    def points(self, system: str) -> int:
        account = self.accounts.get(system)
        return account.total if account else 0


class ScoreEvent(NamedTuple):
    """A change of a user's own value, for the history of schema `LeaderboardEvent`."""

    time: int
    before: Standing
    after: Standing


@dataclass(slots=True)
class Score:
    """What a user gained in a run; `place` is its key in the ranking of its group, None when off it."""

    gained: int
    value: int
    reached: int
    group: tuple[str, ...] | None
    place: tuple[int, int, str] | None
    history: list[ScoreEvent] = field(default_factory=list)


class Run:
    """One run of a board: everybody's score, and per group a ranking of (−value, reached, user)."""

    __slots__ = ("limit", "rankings", "scores")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.scores: dict[str, Score] = {}
        self.rankings: dict[tuple[str, ...], SortedList] = {}

    def ranking(self, group: tuple[str, ...]) -> SortedList:
        """The places of a group, best first; empty when nobody is in it."""
        return self.rankings.get(group) or SortedList()

    def standing(self, user: str) -> Standing:
        """Rank and value, both None when not on the board (limit included)."""
        score = self.scores.get(user)
        if score is None or score.place is None or score.group is None:
            return NOWHERE
        rank = self.rankings[score.group].bisect_left(score.place) + 1
        return Standing(rank, score.value) if rank <= self.limit else NOWHERE

    def top(self, group: tuple[str, ...], offset: int, limit: int) -> list[tuple[int, int, str]]:
        """(rank, value, user) of the places from `offset` on, within the board's limit."""
        ranking = self.ranking(group)
        stop = min(offset + limit, self.limit, len(ranking))
        rows = ranking[offset:stop] if offset < stop else ()
        return [(rank, -value, user) for rank, (value, _, user) in enumerate(rows, offset + 1)]

    def threshold(self, group: tuple[str, ...]) -> int:
        """The least value that gets in now (behaviour, section 8)."""
        ranking = self.ranking(group)
        return 1 if len(ranking) < self.limit else 1 - ranking[self.limit - 1][0]

    def gain(self, board: Leaderboard, user: str, gained: int, group: tuple[str, ...] | None, time: int) -> None:
        """Replaces a user's score and moves its place in the ranking."""
        value, score = whole_value(board, gained), self.scores.get(user)
        if score is None:
            score = self.scores[user] = Score(gained, value, time, group, None)
        elif score.value == value and score.group == group:
            score.gained = gained
            return
        elif score.place is not None and score.group is not None:
            self.rankings[score.group].remove(score.place)
        reached = score.reached if score.value == value else time
        place = (-value, reached, user) if value > 0 and group is not None else None
        score.gained, score.value, score.reached, score.group, score.place = gained, value, reached, group, place
        if place is not None and group is not None:
            ranking = self.rankings.get(group)
            if ranking is None:
                ranking = self.rankings[group] = SortedList()
            ranking.add(place)

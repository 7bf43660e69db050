"""What a world remembers: plain records, changed by `World.apply` alone."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from zoneinfo import ZoneInfo

from mockserver.game.catalog import Filters, Leaderboard
from mockserver.game.facts import Pause, Profile, Reset, StreakPreferences
from mockserver.game.periods import ONE_DAY, start_of_day, zone
from mockserver.game.rows import Awards, CountedPeriods, Timeline


def matches(attributes: dict[str, str], filters: Filters) -> bool:
    """Whether every filter finds its value, compared exactly."""
    for row in filters:  # noqa: SIM110  called several times with every event
        if attributes.get(row.key) != row.value:
            return False
    return True


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


@dataclass(slots=True)
class StreakState:
    """`counted`: the latest period that counted, `extended`: when it did, `deadline`: when `expires` has passed (both
    ms UTC). `reached` and `longest_reached`: the numbers of the facts that brought the length (the last one, when it is
    0 now) and the longest one; 0 before the first. `restores`: of each the latest period before it that counted or was
    frozen, its moment (ms UTC), and the last day until which the streak could go on."""

    length: int = 0
    started: date | None = None
    counted: date | None = None
    expires: date | None = None
    deadline: int = 0
    extended: int | None = None
    reached: int = 0
    longest: int = 0
    longest_reached: int = 0
    freezes: int = 0
    intervals: int = 0
    history: CountedPeriods = field(default_factory=CountedPeriods)
    resets: tuple[Reset, ...] = ()
    restores: tuple[tuple[date, int, date], ...] = ()


@dataclass(slots=True)
class Account:
    """A user's points in one system. The `unsettled` newest awards wait for PointsChanged, the `unsent` ones (by
    number) for PointsReported."""

    total: int = 0
    awards: Awards = field(default_factory=Awards)
    days: Timeline = field(default_factory=Timeline)
    unsettled: int = 0
    unsent: list[int] | None = None
    unsent_added: int = 0
    reported_total: int = 0
    window_until: int = 0


class Completion(NamedTuple):
    seq: int
    time: int


NO_PREFERENCES: dict[str, tuple[str, ...]] = {}  # shared, never written to


@dataclass(slots=True)
class User:
    """A user and all that is theirs. `number`: of the fact that created the user, `changed`: of those that changed the
    profile since. `keys`: the number of the event by
    metric and idempotency key. `messages`: which one of its kind fell due last, by kind."""

    profile: Profile
    number: int
    streak: StreakState = field(default_factory=StreakState)
    metrics: dict[str, Progress] = field(default_factory=dict)
    achievements: dict[str, Completion] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)
    keys: dict[tuple[str, str], int] | None = None
    notifications: dict[str, tuple[str, ...]] = field(default_factory=lambda: NO_PREFERENCES)
    pauses: tuple[Pause, ...] = ()
    own_streak: StreakPreferences | None = None
    messages: dict[str, str] | None = None
    changed: array[int] | None = None

    @property
    def zone(self) -> ZoneInfo:
        return zone(self.profile.tz)

    def end_of(self, day: date) -> int:
        """When `day` is over for this user (ms UTC)."""
        return start_of_day(day + ONE_DAY if day < date.max else day, self.zone)

    def reached(self, board: Leaderboard, seq: int) -> int:
        """The number of the fact through which the user reached the value that the fact `seq` brings to a board: a
        streak may be older than its board."""
        return self.streak.reached if board.rank_by == "streak" and self.streak.length else seq

    def total(self, metric: str) -> int:
        progress = self.metrics.get(metric)
        return progress.total if progress else 0

    def points(self, system: str) -> int:
        account = self.accounts.get(system)
        return account.total if account else 0

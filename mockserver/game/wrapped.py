"""A user's year in review, read from what is remembered of every day (behaviour, section 9)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from itertools import accumulate
from typing import NamedTuple

from mockserver.game.catalog import Leaderboard
from mockserver.game.facts import Standing
from mockserver.game.periods import end_of_period, local_day, run_end, run_index, start_of_period
from mockserver.game.rows import CountedPeriod, Timeline
from mockserver.game.state import User
from mockserver.game.streaks import went_on
from mockserver.game.world import World

Lookup = Callable[[User], Timeline | None]


class Span(NamedTuple):
    """Days, both inclusive."""

    first: date
    last: date


class Change(NamedTuple):
    """Of one amount in a span: total at its end, change in it, and the user's percentile (None for a day)."""

    total: int
    change: int
    percentile: float | None

    @property
    def percent(self) -> float:
        """The change relative to the total before, one decimal, cut; from 0 it is 100, 0 when nothing changed."""
        before = self.total - self.change
        if before == 0:
            return 100.0 if self.change else 0.0
        tenths = abs(self.change) * 1000 // abs(before)
        return (tenths if (self.change < 0) == (before < 0) else -tenths) / 10


class Streak(NamedTuple):
    length: int
    first: date | None
    last: date | None


NO_STREAK = Streak(0, None, None)


class Days:
    """How many events a user sent, and how much they changed, on each day of a year."""

    def __init__(self, user: User, year: int) -> None:
        self.events: dict[date, int] = {}
        self.changes: dict[date, int] = {}
        span = year_span(year)
        for progress in user.metrics.values():
            for ordinal, change, events in progress.days.rows(span.first.toordinal(), span.last.toordinal()):
                day = date.fromordinal(ordinal)
                self.events[day] = self.events.get(day, 0) + events
                self.changes[day] = self.changes.get(day, 0) + change

    def active(self, start: Callable[[date], date]) -> int:
        """In how many periods there was at least one event."""
        return len({start(day) for day in self.events})

    def most_active(self, start: Callable[[date], date], otherwise: date) -> date:
        """The start of the period with most events, then the larger change, then the earlier one."""
        events: dict[date, int] = {}
        changes: dict[date, int] = {}
        for day, number in self.events.items():
            period = start(day)
            events[period] = events.get(period, 0) + number
            changes[period] = changes.get(period, 0) + self.changes[day]
        if not events:
            return start(otherwise)
        return max(events, key=lambda day: (events[day], changes[day], -day.toordinal()))


def year_span(year: int) -> Span:
    return Span(date(year, 1, 1), date(year, 12, 31))


def within(span: Span, year: Span) -> Span:
    """What of a span lies in the year."""
    return Span(max(span.first, year.first), min(span.last, year.last))


def change_in(world: World, user: User, lookup: Lookup, span: Span, compared: bool) -> Change | None:
    """What a span did to the timeline that `lookup` finds; None when the user was not active in it.

    `compared`: with the percentile, the share of the users active in the span whose change is at most this.
    """
    first, last, days = span.first.toordinal(), span.last.toordinal(), lookup(user)
    mine = days.change(first, last) if days else None
    if days is None or mine is None:
        return None
    percentile = None
    if compared:
        found = [other.change(first, last) for other in map(lookup, world.users.values()) if other is not None]
        active = [change for change in found if change is not None]
        percentile = sum([change <= mine for change in active]) * 1000 // len(active) / 10
    return Change(days.until(last), mine, percentile)


def metric_days(metric: str) -> Lookup:
    def lookup(user: User) -> Timeline | None:
        progress = user.metrics.get(metric)
        return progress.days if progress else None

    return lookup


def attribute_days(metric: str, pair: tuple[str, str]) -> Lookup:
    def lookup(user: User) -> Timeline | None:
        progress = user.metrics.get(metric)
        return progress.attributes.get(pair) if progress and progress.attributes else None

    return lookup


def points_days(system: str) -> Lookup:
    def lookup(user: User) -> Timeline | None:
        account = user.accounts.get(system)
        return account.days if account else None

    return lookup


def completed_in(user: User, span: Span) -> list[str]:
    """The keys of the achievements completed on local days of the span, in order of completion."""
    zone = user.zone
    return [key for key, row in user.achievements.items() if span.first <= local_day(row.time, zone) <= span.last]


def best_standing(world: World, user: str, board: Leaderboard, span: Span) -> tuple[date, Standing] | None:
    """The best rank in any run that overlaps the span, the later run on a tie; with the run's first day."""
    best: tuple[date, Standing] | None = None
    for first in sorted(world.runs.get(board.key, {})):
        end = run_end(board, run_index(board, first))
        if first > span.last or (end is not None and end < span.first):
            continue
        standing = world.runs[board.key][first].standing(user)
        if standing.rank is not None and (best is None or standing.rank <= (best[1].rank or 0)):
            best = first, standing
    return best


def longest_streak(world: World, user: User, span: Span) -> Streak:
    """The most periods in a row that counted, of those that reach into the span; the first on a tie."""
    # Choice: a week over the end of a year is in both.
    streak, week_start = world.catalog.streak, world.catalog.settings.week_start
    frequency = streak.frequency if streak else "daily"
    best = NO_STREAK
    for rows in _streaks(world, user):
        periods = [Span(row.start, end_of_period(row.start, frequency, week_start)) for row in rows]
        reached = list(zip(periods, _lengths(rows), strict=True))
        counted = [row for row in reached if row[0].last >= span.first and row[0].first <= span.last]
        # Periods after a restore go on from the length that it gave back.
        length = min(len(counted), counted[-1][1] - counted[0][1] + 1) if counted else 0
        if length > best.length:
            best = Streak(length, max(counted[0][0].first, span.first), min(counted[-1][0].last, span.last))
    return best


def _lengths(rows: list[CountedPeriod]) -> list[int]:
    """The running length at each period of a streak, also at one that was reset."""
    return list(accumulate((row.length for row in rows), lambda before, length: length or before + 1, initial=0))[1:]


def _streaks(world: World, user: User) -> Iterator[list[CountedPeriod]]:
    """The periods that counted, streak by streak."""
    rows: list[CountedPeriod] = []
    for row in user.streak.history:
        if row.frozen:
            continue
        if rows and not went_on(world, user, row):
            yield rows
            rows = []
        rows.append(row)
    if rows:
        yield rows


def week_of(world: World) -> Callable[[date], date]:
    """The first day of the week around a day, by the organisation's setting."""
    return lambda day: start_of_period(day, "weekly", world.catalog.settings.week_start)


def week_span(world: World, first: date) -> Span:
    return Span(first, end_of_period(first, "weekly", world.catalog.settings.week_start))


def month_of(day: date) -> date:
    return day.replace(day=1)


def month_span(first: date) -> Span:
    return Span(first, end_of_period(first, "monthly"))

"""Streaks: periods that count, freezes that cover for them, midnights that end them (behaviour, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from mockserver.game.catalog import Streak
from mockserver.game.facts import (
    CatalogChanged,
    Entry,
    Fact,
    FreezeConsumed,
    FreezeEarned,
    FreezeIntervalPassed,
    MetricChanged,
    StreakExtended,
    StreakLost,
    StreakStarted,
)
from mockserver.game.periods import (
    MINUTE,
    ONE_DAY,
    end_of_period,
    lived_day,
    local_day,
    next_period,
    previous_period,
    start_of_day,
    start_of_period,
)
from mockserver.game.state import Person, StreakState
from mockserver.game.world import World


def count_period(world: World, entry: Entry) -> Iterator[Fact]:
    """The first event that meets the conditions of a period starts or extends the streak. Section 5."""
    fact = entry.fact
    streak = world.catalog.streak
    if streak is None or not isinstance(fact, MetricChanged):
        return
    person = world.users[fact.user]
    state = person.streak
    frequency, week_start = streak.frequency, world.catalog.settings.week_start
    period = start_of_period(fact.day, frequency, week_start)
    if state.counted is not None and period <= state.counted:
        return
    if not conditions_met(streak, person, period, end_of_period(period, frequency, week_start)):
        return
    expires = max(_last_chance(world, person, period), state.expires or period)
    if state.length:
        yield StreakExtended(fact.user, state.length + 1, fact.day, period, expires)
    else:
        yield StreakStarted(fact.user, fact.day, period, expires)


def _last_chance(world: World, person: Person, period: date) -> date:
    """The last day of the period after the one that begins on `period`."""
    streak, week_start = world.catalog.streak, world.catalog.settings.week_start
    frequency = streak.frequency if streak else "daily"
    following = next_period(period, frequency, week_start)
    if frequency == "daily":
        # Choice: a date that the user's zone skipped was nobody's chance, so the next one is.
        return lived_day(following, person.zone)
    return end_of_period(following, frequency, week_start)


def conditions_met(streak: Streak, person: Person, first: date, last: date) -> bool:
    """Whether the sums from `first` to `last` (inclusive) meet ANY or ALL of the conditions."""
    start, end = first.toordinal(), last.toordinal()
    if not streak.conditions:
        return any(progress.days.between(start, end) > 0 for progress in person.metrics.values())
    met = (
        condition.metric in person.metrics
        and person.metrics[condition.metric].days.between(start, end) >= condition.threshold
        for condition in streak.conditions
    )
    return all(met) if streak.evaluation == "all" else any(met)


def miss_period(world: World, person: Person, time: int) -> Iterator[Fact]:
    """At the end of `expires` a freeze covers the missed period, or the streak is lost. Section 5."""
    streak, state = world.catalog.streak, person.streak
    if streak is None or state.expires is None:
        return
    if streak.freezes is None or not state.freezes:
        yield StreakLost(person.profile.id, state.length)
        return
    missed = start_of_period(state.expires, streak.frequency, world.catalog.settings.week_start)
    chance = _last_chance(world, person, missed)
    # Choice: what is over already, since the user has travelled over it, was nobody's chance either.
    while person.end_of(chance) <= time and chance < date.max:
        chance = _last_chance(world, person, chance)
    yield FreezeConsumed(person.profile.id, missed, chance, state.freezes - 1)


def earn_freezes(world: World, person: Person, interval: int) -> Iterator[Fact]:
    """Every N days since the user was created some freezes are earned, never above the maximum. Section 5."""
    freezes = world.catalog.streak.freezes if world.catalog.streak else None
    if freezes is None:
        return
    held = person.streak.freezes
    earned = min(freezes.auto_earn_amount, freezes.maximum - held)
    if earned > 0:
        yield FreezeEarned(person.profile.id, interval, earned, held + earned)
    else:
        yield FreezeIntervalPassed(person.profile.id, interval)


def freezes_due(world: World, person: Person) -> tuple[int, int] | None:
    """When the next interval ends (ms UTC: 00:10 of that local day) and its number; None without auto-earn."""
    freezes = world.catalog.streak.freezes if world.catalog.streak else None
    if freezes is None or not freezes.auto_earn_interval:
        return None
    interval = person.streak.intervals + 1
    end = _interval_end(person, interval, freezes.auto_earn_interval)
    return None if end is None else (end, interval)


def _interval_end(person: Person, interval: int, days: int) -> int | None:
    """None when it would be beyond the calendar."""
    day = local_day(person.profile.created, person.zone).toordinal() + interval * days
    if day > date.max.toordinal():
        return None
    return start_of_day(date.fromordinal(day), person.zone) + 10 * MINUTE


def skip_intervals(world: World, entry: Entry) -> Iterator[Fact]:
    """Auto-earn may be switched on, or get another interval, while users are there already."""
    # Choice: intervals that are over by then earn nothing.
    freezes = world.catalog.streak.freezes if world.catalog.streak else None
    if freezes is None or not freezes.auto_earn_interval or not isinstance(entry.fact, CatalogChanged):
        return
    days = freezes.auto_earn_interval
    for user, person in world.users.items():
        lived = local_day(entry.time, person.zone) - local_day(person.profile.created, person.zone)
        passed = max(0, lived.days // days)
        if passed and (_interval_end(person, passed, days) or 0) > entry.time:
            passed -= 1
        if passed != person.streak.intervals:
            yield FreezeIntervalPassed(user, passed)


class HistoryRow(NamedTuple):
    start: date
    end: date
    length: int
    frozen: bool


def history(world: World, person: Person, periods: int, today: date) -> list[HistoryRow]:
    """The running length at each of the last `periods` periods, oldest first, the current one last. Section 5."""
    streak, week_start = world.catalog.streak, world.catalog.settings.week_start
    frequency = streak.frequency if streak else "daily"
    rows: list[HistoryRow] = []
    start = start_of_period(today, frequency, week_start)
    for _ in range(periods):
        end = end_of_period(start, frequency, week_start)
        rows.append(HistoryRow(start, end, *_length_at(person.streak, start, end)))
        start = previous_period(start, frequency, week_start)
    return rows[::-1]


def _length_at(state: StreakState, start: date, end: date) -> tuple[int, bool]:
    """The length in the period from `start` to `end`, and whether it was frozen."""
    at = state.history.begun_before(end + ONE_DAY)
    latest = state.history[at - 1] if at else None
    if latest is None:
        return 0, False
    if latest.start >= start:
        return latest.length, latest.frozen
    # A period that nobody had to fill, because its days were skipped, keeps the running length.
    following = state.history[at] if at < len(state.history) else None
    skipped = following is not None and (following.length > 1 or following.frozen)
    return (latest.length, False) if skipped else (0, False)


def rank(world: World, person: Person) -> int | None:
    """1 + the number of longer active streaks; None without a streak. Section 5."""
    length = person.streak.length
    return 1 + int(world.lengths.bisect_left((-length, -1, ""))) if length else None


def rankings(world: World, kind: str, limit: int) -> list[tuple[str, int]]:
    """(user, length) of the longest streaks, `active` or `longest` ever, ties by who got there first."""
    places = world.lengths if kind == "active" else world.longest
    return [(user, -length) for length, _, user in places.islice(0, limit)]

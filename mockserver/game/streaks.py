"""Streaks: periods that count, freezes that cover for them, midnights that end them (behaviour, section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from mockserver.game.catalog import Catalog, Streak
from mockserver.game.facts import (
    CatalogChanged,
    Entry,
    Fact,
    FreezeConsumed,
    FreezeEarned,
    FreezeGranted,
    FreezeIntervalPassed,
    MetricChanged,
    Pause,
    StreakExtended,
    StreakLost,
    StreakPreferences,
    StreakReset,
    StreakStarted,
)
from mockserver.game.periods import (
    MINUTE,
    ONE_DAY,
    end_of_period,
    existing_day,
    local_day,
    next_period,
    previous_period,
    start_of_day,
    start_of_period,
)
from mockserver.game.rows import CountedPeriod
from mockserver.game.state import User
from mockserver.game.world import World

DAILY = Streak()


def streak_of(world: World, user: User) -> Streak | None:
    """The streak as it holds for a user: the organisation's, with what the user has set. None: there is none."""
    streak, own = world.catalog.streak, user.own_streak
    return streak if own is None or streak is None else _with(streak, own)


@lru_cache(maxsize=4096)
def _with(streak: Streak, own: StreakPreferences) -> Streak | None:
    if own.enabled is False:
        return None
    if not streak.customizable:
        return streak
    # Choice: a user's own days off stand in the place of the organisation's.
    return replace(
        streak,
        conditions=streak.conditions if own.conditions is None else own.conditions,
        evaluation=own.evaluation or streak.evaluation,
        days_off=streak.days_off if own.days_off is None else own.days_off,
    )


def counts(catalog: Catalog, key: str) -> bool:
    """Whether there is a streak."""
    return catalog.streak is not None


def count_period(world: World, entry: Entry) -> Iterable[Fact]:
    """The first event that meets the conditions of a period starts or extends the streak. Section 5."""
    fact = entry.fact
    if not isinstance(fact, MetricChanged):
        return ()
    user = world.users[fact.user]
    streak, state = streak_of(world, user), user.streak
    if streak is None:
        return ()
    frequency, week_start = streak.frequency, world.catalog.settings.week_start
    period = start_of_period(fact.day, frequency, week_start)
    if state.counted is not None and period <= state.counted:
        return ()
    if not conditions_met(streak, user, period, end_of_period(period, frequency, week_start)):
        return ()
    expires = max(last_chance(world, user, period, user.pauses), state.expires or period)
    if state.length:
        return (StreakExtended(fact.user, state.length + 1, fact.day, period, expires),)
    return (StreakStarted(fact.user, fact.day, period, expires),)


def last_chance(world: World, user: User, period: date, pauses: tuple[Pause, ...]) -> date:
    """The last day of the first period after the one that begins on `period` that the user has to fill."""
    streak = world.catalog.streak or DAILY
    following = next_period(period, streak.frequency, world.catalog.settings.week_start)
    return chance_from(world, user, following, pauses)


def chance_from(world: World, user: User, period: date, pauses: tuple[Pause, ...]) -> date:
    """The last day of the first period, from the one that begins on `period` on, that the user has to fill."""
    streak, week_start = streak_of(world, user) or DAILY, world.catalog.settings.week_start
    while (last := end_of_period(period, streak.frequency, week_start)) < date.max:
        covering = pause_over(pauses, period, last)
        if covering is None and not _is_free(streak, user, period):
            break
        resumed = last if covering is None else max(covering.end, last)
        if resumed == date.max:
            return resumed
        period = start_of_period(resumed + ONE_DAY, streak.frequency, week_start)
    return last


def _is_free(streak: Streak, user: User, period: date) -> bool:
    """Whether nobody has to be active on a day: it is a day off, or the user's zone skipped it."""
    if streak.frequency != "daily":
        return False
    # Choice: a date that the user's zone skipped was nobody's chance, so the next one is.
    return is_day_off(streak, period) or existing_day(period, user.zone) != period


def is_day_off(streak: Streak, day: date) -> bool:
    return streak.frequency == "daily" and day.isoweekday() % 7 in streak.days_off


def pause_over(pauses: tuple[Pause, ...], first: date, last: date) -> Pause | None:
    """The pause that covers a period: one that has at least one of its days. None without one."""
    # Choice: part of a week or month is enough.
    return next((pause for pause in pauses if pause.start <= last and pause.end >= first), None)


def conditions_met(streak: Streak, user: User, first: date, last: date) -> bool:
    """Whether the sums from `first` to `last` (inclusive) meet ANY or ALL of the conditions."""
    start, end = first.toordinal(), last.toordinal()
    if not streak.conditions:
        return any(progress.days.between(start, end) > 0 for progress in user.metrics.values())
    met = (
        condition.metric in user.metrics
        and user.metrics[condition.metric].days.between(start, end) >= condition.threshold
        for condition in streak.conditions
    )
    return all(met) if streak.evaluation == "all" else any(met)


def miss_period(world: World, user: User, time: int) -> Iterator[Fact]:
    """At the end of `expires` a freeze covers the missed period, or the streak is lost. Section 5."""
    streak, state = world.catalog.streak, user.streak
    if streak is None or state.expires is None:
        return
    if streak.freezes is None or not state.freezes:
        yield StreakLost(user.profile.id, state.length, reset=False)
        return
    missed = start_of_period(state.expires, streak.frequency, world.catalog.settings.week_start)
    chance = last_chance(world, user, missed, user.pauses)
    # Choice: what is over already, since the user has travelled over it, was nobody's chance either.
    while user.end_of(chance) <= time and chance < date.max:
        chance = last_chance(world, user, chance, user.pauses)
    yield FreezeConsumed(user.profile.id, missed, chance, state.freezes - 1)


def earn_freezes(world: World, user: User, interval: int) -> Iterator[Fact]:
    """Every N days since the user was created some freezes are earned, never above the maximum. Section 5."""
    freezes = world.catalog.streak.freezes if world.catalog.streak else None
    if freezes is None:
        return
    held = user.streak.freezes
    earned = min(freezes.auto_earn_amount, freezes.maximum - held)
    if earned > 0:
        yield FreezeEarned(user.profile.id, interval, earned, held + earned)
    else:
        yield FreezeIntervalPassed(user.profile.id, interval)


def take_freeze(world: World, entry: Entry) -> Iterator[Fact]:
    """A freeze that the organisation grants is held like any other, up to the maximum."""
    freezes, fact = world.catalog.streak.freezes if world.catalog.streak else None, entry.fact
    if freezes is not None and isinstance(fact, FreezeGranted):
        state = world.users[fact.user].streak
        if state.freezes < freezes.maximum:
            yield FreezeEarned(fact.user, state.intervals, 1, state.freezes + 1)


def lose_reset(world: World, entry: Entry) -> Iterator[Fact]:
    """A reset ends the streak at once."""
    # Choice: it is lost, so `streak.lost` is sent.
    if isinstance(entry.fact, StreakReset):
        yield StreakLost(entry.fact.user, entry.fact.length, reset=True)


def freezes_due(world: World, user: User) -> tuple[int, int] | None:
    """When the next interval ends (ms UTC: 00:10 of that local day) and its number; None without auto-earn."""
    streak = streak_of(world, user)
    freezes = streak.freezes if streak else None
    if freezes is None or not freezes.auto_earn_interval:
        return None
    interval = user.streak.intervals + 1
    end = _interval_end(user, interval, freezes.auto_earn_interval)
    return None if end is None else (end, interval)


def _interval_end(user: User, interval: int, days: int) -> int | None:
    """None when it would be beyond the calendar."""
    day = local_day(user.profile.created, user.zone).toordinal() + interval * days
    if day > date.max.toordinal():
        return None
    return start_of_day(date.fromordinal(day), user.zone) + 10 * MINUTE


def skip_intervals(world: World, entry: Entry) -> Iterator[Fact]:
    """Auto-earn may be switched on, or get another interval, while users are there already."""
    # Choice: intervals that are over by then earn nothing.
    days = _auto_earn_interval(world.catalog)
    if not days or not isinstance(entry.fact, CatalogChanged) or days == _auto_earn_interval(world.former):
        return
    for user_id, user in world.users.items():
        existing = local_day(entry.time, user.zone) - local_day(user.profile.created, user.zone)
        passed = max(0, existing.days // days)
        if passed and (_interval_end(user, passed, days) or 0) > entry.time:
            passed -= 1
        if passed != user.streak.intervals:
            yield FreezeIntervalPassed(user_id, passed)


def _auto_earn_interval(catalog: Catalog | None) -> int | None:
    freezes = catalog.streak.freezes if catalog and catalog.streak else None
    return freezes.auto_earn_interval if freezes else None


class HistoryRow(NamedTuple):
    """`paused`: a pause kept the streak. `reset`: when it was reset in this period (ms UTC)."""

    start: date
    end: date
    length: int
    frozen: bool
    paused: bool
    reset: int | None


def history(world: World, user: User, periods: int, today: date) -> list[HistoryRow]:
    """The running length at each of the last `periods` periods, oldest first, the current one last. Section 5."""
    streak, week_start = streak_of(world, user) or world.catalog.streak or DAILY, world.catalog.settings.week_start
    frequency = streak.frequency
    rows: list[HistoryRow] = []
    start, ends = start_of_period(today, frequency, week_start), dict[int, date]()
    for _ in range(periods):
        end = end_of_period(start, frequency, week_start)
        rows.append(_history_row(world, streak, user, start, end, today, ends))
        start = previous_period(start, frequency, week_start)
    return rows[::-1]


def _history_row(
    world: World, streak: Streak, user: User, start: date, end: date, today: date, ends: dict[int, date]
) -> HistoryRow:
    """`ends`: those of streaks that were found so far, by how many periods had counted until then."""
    state = user.streak
    reset = next((row.time for row in reversed(state.resets) if start <= row.day <= end), None)
    at = state.history.begun_before(end + ONE_DAY if end < date.max else end)
    latest = state.history[at - 1] if at else None
    if latest is None:
        return HistoryRow(start, end, 0, False, False, reset)
    if latest.start >= start:
        return HistoryRow(start, end, latest.length, latest.frozen, False, reset)
    # A period that nobody had to fill keeps the running length, also when the streak ended later.
    pause = pause_over(user.pauses, start, end)
    if at < len(state.history):
        kept = went_on(world, user, state.history[at])
    else:
        kept = state.length > 0 and (end < today or pause is not None or is_day_off(streak, start))
    if not kept:
        if at not in ends:
            ends[at] = _end_of_streak(world, user, latest.start)
        kept = latest.length > 0 and end < ends[at]
    return HistoryRow(start, end, latest.length if kept else 0, False, kept and pause is not None, reset)


def went_on(world: World, user: User, period: CountedPeriod) -> bool:
    """Whether a period that counted or was frozen went on with the streak before it."""
    if period.length or period.frozen:
        return period.length > 1 or period.frozen
    streak = world.catalog.streak or DAILY
    end = end_of_period(period.start, streak.frequency, world.catalog.settings.week_start)
    resets = [row.length for row in user.streak.resets if period.start <= row.day <= end]
    return bool(resets) and resets[-1] > 1  # earlier ones came before it counted


def _end_of_streak(world: World, user: User, latest: date) -> date:
    """The last day of the period that was missed after the one that begins on `latest`, or that of a reset before. What
    was missed before a restore was excused."""
    missed, restored = last_chance(world, user, latest, user.pauses), 0
    for before, time, expires in user.streak.restores:
        if before == latest:
            missed, restored = max(missed, expires), time
    streak = world.catalog.streak or DAILY
    end = end_of_period(latest, streak.frequency, world.catalog.settings.week_start)
    return min([missed, *(row.day for row in user.streak.resets if row.day > end and row.time > restored)])


def rank(world: World, user: User) -> int | None:
    """1 + the number of longer active streaks; None without a streak. Section 5."""
    length = user.streak.length
    return world.lengths.rank((-length, -1, "")) if length else None


def rankings(world: World, kind: str, limit: int) -> list[tuple[str, int]]:
    """(user, length) of the longest streaks, `active` or `longest` ever, ties by who got there first."""
    places = world.lengths if kind == "active" else world.longest
    return [(user, -length) for length, _, user in places[:limit]]

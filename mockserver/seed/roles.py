"""The first seeded users have roles, so that every state that a front end must draw exists from the start.

A streak that expires tonight, a freeze used last night, a rank that rose today: such states exist for hours, and chance
alone would not provide them. `mockserver cast` lists who shows what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any, NamedTuple

from mockserver.game.catalog import MICRO, Catalog, PointsSystem, PointsTrigger
from mockserver.game.periods import (
    DAY,
    HOUR,
    MINUTE,
    end_of_period,
    local_day,
    previous_period,
    start_of_day,
    start_of_period,
    zone,
)
from mockserver.seed.identities import time_zone
from mockserver.seed.usage import Usage

# Days after the start of a period on which somebody with a role is active: in weeks and months twice.
ACTIVE_DAYS = {"daily": (0,), "weekly": (1, 4), "monthly": (3, 12)}
# So many periods ago joins who has lost a streak: too late to have earned a freeze.
JOINED_TO_LOSE = {"daily": 4, "weekly": 3, "monthly": 2}
JOINS_ON = {"daily": 0, "weekly": 2, "monthly": 14}  # days after the start of that period
KEY = "seeded-event-1"
MEASURES = {"minutes", "hours", "km", "m", "kg", "euros"}  # units of which there are fractions


class Past(NamedTuple):
    """Which periods of the streak have activity. `joined`: so many periods ago, None: at the beginning; `missed`:
    periods without activity, 0 is the current one."""

    joined: int | None
    missed: tuple[int, ...]


class ScriptedAction(NamedTuple):
    """One thing more that somebody with a role does: `before` milliseconds before the present."""

    before: int
    kind: str
    what: Any


class Role(NamedTuple):
    past: Callable[[str], Past] | None = None
    acts: Callable[[Usage], Iterator[ScriptedAction]] | None = None


def _correct(usage: Usage) -> Iterator[ScriptedAction]:
    """Reports too much by mistake, and takes half of it back."""
    for habit in usage.daily[:1]:
        amount = max(2, round(habit.amount / habit.step)) * habit.step
        yield ScriptedAction(26 * HOUR, "event", (habit.metric, amount, {}, None))
        yield ScriptedAction(
            26 * HOUR - 3 * MINUTE, "event", (habit.metric, -(amount // habit.step // 2) * habit.step, {}, None)
        )


def _report_a_fraction(usage: Usage) -> Iterator[ScriptedAction]:
    """Sends an amount with decimals."""
    metrics = usage.catalog.metrics
    measured = sorted(usage.habits, key=lambda row: (row.step, metrics[row.metric].units not in MEASURES))
    for habit in measured[:1]:
        yield ScriptedAction(
            27 * HOUR, "event", (habit.metric, round(habit.amount / MICRO) * MICRO + MICRO // 2, {}, None)
        )


def _send_with_a_key(usage: Usage) -> Iterator[ScriptedAction]:
    """Sends an event with an idempotency key; sent again, it is a replay."""
    for habit in usage.daily[:1]:
        yield ScriptedAction(25 * HOUR, "event", (habit.metric, max(habit.step, round(habit.amount)), {}, KEY))


def _claim_what_nobody_else_has(usage: Usage) -> Iterator[ScriptedAction]:
    if usage.rare:
        yield ScriptedAction(50 * HOUR, "complete", usage.rare)


def _be_granted_locked_ones(usage: Usage) -> Iterator[ScriptedAction]:
    """Completed the locked achievements while they were still on offer."""
    for row in usage.catalog.achievements.values():
        if row.status == "locked":
            yield ScriptedAction(20 * DAY, "grant", row.key)


def _lose_a_level(usage: Usage) -> Iterator[ScriptedAction]:
    """Spends all points of a system that has levels."""
    for system, trigger in _spending(usage.catalog):
        most = system.max_points or max(level.points for level in system.levels)
        times = -(-most // -trigger.points)
        yield ScriptedAction(10 * HOUR, "event", (trigger.metric, times * trigger.threshold * MICRO, {}, None))
        return


def _spending(catalog: Catalog) -> Iterator[tuple[PointsSystem, PointsTrigger]]:
    for system in catalog.points.values():
        for row in system.triggers:
            if system.levels and row.type == "metric" and row.points < 0 and row.status == "active":
                yield system, row


def _overtake(usage: Usage) -> Iterator[ScriptedAction]:
    """Does so much just now that others fall behind."""
    ranked = next((row.metric for row in usage.catalog.leaderboards.values() if row.metric), None)
    for habit in [row for row in usage.habits if row.metric == ranked] or usage.daily[:1]:
        usual = max(1, round(habit.amount / habit.step)) * habit.step
        yield ScriptedAction(40 * MINUTE, "event", (habit.metric, usual, {}, None))
        yield ScriptedAction(4 * MINUTE, "event", (habit.metric, 12 * usual, {}, None))


OVERTAKES = Role(acts=_overtake)
ROLES = {
    1: Role(past=lambda frequency: Past(6 if frequency == "daily" else 2, (0,))),
    2: Role(past=lambda frequency: Past(None, (0, 1))),
    3: Role(past=lambda frequency: Past(JOINED_TO_LOSE[frequency], (0, 1))),
    4: Role(acts=_correct),
    6: Role(acts=_report_a_fraction),
    7: Role(acts=_send_with_a_key),
    8: Role(acts=_claim_what_nobody_else_has),
    9: Role(acts=_be_granted_locked_ones),
    10: Role(acts=_lose_a_level),
}
MAY_OVERTAKE = (12, 5, 13, 15)  # the one whose day is the furthest on: most of the others have been active by then


def role_of(number: int, until: int) -> Role | None:
    """The role of the `number`-th user in a world whose present is `until` (ms UTC)."""
    if number in MAY_OVERTAKE:
        hours = {row: (until - _midnight(row, until)) / HOUR for row in MAY_OVERTAKE}
        return OVERTAKES if number == max(hours, key=lambda row: hours[row] if hours[row] < 23 else 0) else None
    return ROLES.get(number)


def _midnight(number: int, until: int) -> int:
    tz = zone(time_zone(number))
    return start_of_day(local_day(until, tz), tz)


class Script(NamedTuple):
    """A past as days: when somebody joins (an ordinal), and the days on which they are active after that."""

    joined: int
    days: frozenset[int]


def script(past: Past, catalog: Catalog, first: int, today: int) -> Script:
    """`first` and `today` (ordinals) are the first day of the history and the present one, both local."""
    frequency = catalog.streak.frequency if catalog.streak else "daily"
    week_start = catalog.settings.week_start
    start = start_of_period(date.fromordinal(today), frequency, week_start)
    periods: list[date] = []
    while len(periods) <= (past.joined if past.joined is not None else today - first):
        periods.append(start)
        if start.toordinal() <= first:
            break
        start = previous_period(start, frequency, week_start)
    joined = first if past.joined is None else max(first, periods[-1].toordinal() + JOINS_ON[frequency])
    days = set()
    for number, start in enumerate(periods):
        if number not in past.missed:
            end = end_of_period(start, frequency, week_start).toordinal()
            days |= {min(start.toordinal() + offset, end) for offset in ACTIVE_DAYS[frequency]}
    return Script(joined, frozenset(day for day in days if joined < day <= today))

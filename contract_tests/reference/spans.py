"""What happened in a span of days: summaries, and Wrapped (sections 4, 7, 9)."""

from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal
from typing import Any

from contract_tests.reference.calendar import Periods
from contract_tests.reference.user import User
from contract_tests.reference.world import ReferenceWorld

JSON = Any
Changes = list[tuple[date, Decimal]]


def of_metric(user: User, metric: str) -> Changes:
    return [(event.day, event.value) for event in user.events if event.metric == metric]


def of_points(user: User, system: str) -> Changes:
    return [(row.day, Decimal(row.awarded)) for row in user.awards.get(system, ())]


def summary(
    reference: ReferenceWorld, changes: Changes, aggregation: str, first: date, last: date
) -> list[tuple[date, float, float]]:
    """Every period that overlaps the span: its first day, the total at its end, the change in it."""
    periods, found = Periods(aggregation, reference.week_start), []
    for start in periods.within(first, last):
        end = periods.end(start)
        total = sum((change for day, change in changes if day <= end), Decimal())
        change = sum((change for day, change in changes if start <= day <= end), Decimal())
        found.append((start, float(total), float(change)))
    return found


def activity(reference: ReferenceWorld, user: User, year: int) -> dict[str, int]:
    """On how many days, in how many weeks and months of a year a user was active."""
    days = {event.day for event in user.events if event.day.year == year}
    weeks, months = Periods("weekly", reference.week_start), Periods("monthly")
    return {
        "daysActive": len(days),
        "weeksActive": len({weeks.start(day) for day in days}),
        "monthsActive": len({months.start(day) for day in days}),
    }


def busiest(reference: ReferenceWorld, user: User, year: int, frequency: str) -> date:
    """The first day of the period with most events, then the larger change, then the earlier one."""
    periods = Periods(frequency, reference.week_start)
    events, changes = Counter[date](), Counter[date]()
    for event in user.events:
        if event.day.year == year:
            start = periods.start(event.day)
            events[start] += 1
            changes[start] += event.value  # type: ignore[assignment]
    if not events:
        return periods.start(date(year, 1, 1))
    return min(events, key=lambda start: (-events[start], -changes[start], start))


def moved(changes: Changes, first: date, last: date) -> Decimal | None:
    """The change from one day to another; None where nothing happened."""
    inside = [change for day, change in changes if first <= day <= last]
    return sum(inside, Decimal()) if inside else None


def until(changes: Changes, last: date) -> Decimal:
    return sum((change for day, change in changes if day <= last), Decimal())


def percent(before: Decimal, change: Decimal) -> float:
    """A change in percent of what was before, one decimal, cut; from 0 it is 100, or 0 when nothing changed."""
    if before == 0:
        return 100.0 if change else 0.0
    tenths = abs(change) * 1000 // abs(before)
    return int(tenths if (change < 0) == (before < 0) else -tenths) / 10

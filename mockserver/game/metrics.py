"""What users do: amounts are added to running totals, exactly (behaviour, section 4)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from mockserver.game.catalog import MICRO, Frequency
from mockserver.game.errors import Refused
from mockserver.game.facts import MetricChanged
from mockserver.game.periods import end_of_period, next_period, start_of_period
from mockserver.game.rows import Timeline
from mockserver.game.world import World

GREATEST_TOTAL = 10**15 * MICRO


def millionths(value: float | int) -> int:
    """A JSON number of at most six decimals as whole millionths."""
    if isinstance(value, int):
        return value * MICRO
    return int(Decimal(repr(value)) * MICRO)


def number(amount: int) -> int | float:
    """Millionths as a JSON number: 0.3, never 0.30000000000000004."""
    whole, rest = divmod(amount, MICRO)
    return amount / MICRO if rest else whole


def change(
    world: World, user_id: str, metric: str, value: int, day: date, attributes: Mapping[str, str], key: str | None
) -> MetricChanged:
    """The fact of one event, whose user exists or is about to. Raises `Refused` when the total would leave ±1e15."""
    user = world.users.get(user_id)
    total = total_after(user.total(metric) if user else 0, value)
    return MetricChanged(user_id, metric, value, total, day, dict(attributes), key)


def total_after(total: int, value: int) -> int:
    """The sum, in millionths. Raises `Refused` when it would leave ±1e15."""
    if abs(total + value) > GREATEST_TOTAL:
        raise Refused("value would take the total beyond 1e15, the greatest total of a metric.")
    return total + value


class SummaryRow(NamedTuple):
    """A period, dated at its first day: the total at its end and the change in it."""

    date: date
    total: int
    change: int


def summary(days: Timeline | None, aggregation: Frequency, start: date, end: date, week_start: int) -> list[SummaryRow]:
    """Every period that touches `start` to `end` (inclusive), gaps filled, oldest first.

    Raises `Refused` when `start` is not before `end` or more than 400 days before it.
    """
    if start >= end:
        raise Refused("startDate must be before endDate.")
    if (end - start).days > 400:
        raise Refused("The range from startDate to endDate must not exceed 400 days.")
    days = days or Timeline()
    period = start_of_period(start, aggregation, week_start)
    total = days.until(period.toordinal() - 1)
    rows: list[SummaryRow] = []
    while True:
        last = end_of_period(period, aggregation, week_start)
        change = days.between(period.toordinal(), last.toordinal())
        total += change
        rows.append(SummaryRow(period, total, change))
        if last >= end:
            return rows
        period = next_period(period, aggregation, week_start)

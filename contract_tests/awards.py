"""Helpers for scenarios of points: a trigger to use, and the amount of an award."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from fractions import Fraction
from typing import Any, NamedTuple

from contract_tests.kit import MOST, Kit
from contract_tests.stage import Stage

Row = dict[str, Any]


class Paying(NamedTuple):
    """A points system, a trigger of it that pays for a metric, and the metric's key."""

    system: str
    trigger: Row
    metric: str


def plain_trigger(stage: Stage, of: str | None = None, *, times: float = 4, without: Collection[str] = ()) -> Paying:
    """A metric trigger without filters, in a system (or this one) where each award adds to the total.

    `times` its threshold fits into one event. `without`: types of triggers that the system must not have.
    """
    found = [
        Paying(system, row, stage.kit.metric_keys[row["metricId"]])
        for system, row in stage.kit.triggers("metric")
        if is_for_all(row)
        and row["metricId"] in stage.kit.metric_keys
        and system == (of or system)
        and only_adds(stage.kit, system)
        and not any(one["type"] in without for one in stage.kit.points[system]["triggers"])
        and row["metricThreshold"] * times <= MOST
    ]
    what = "metric points trigger without filters, in a system that only adds"
    picked: Paying = stage.kit.need(found, what + (f" to {of}" if of else ""))[0]
    return picked


def is_for_all(trigger: Row) -> bool:
    """Whether neither users nor events are filtered."""
    return not trigger["userAttributes"] and not trigger.get("eventAttributes")


def only_adds(kit: Kit, system: str) -> bool:
    """Whether nothing is taken away, cut to a maximum, or rounded to nothing."""
    row = kit.points[system]
    return row["maxPoints"] is None and all(brings(kit, system, trigger) for trigger in row["triggers"])


def brings(kit: Kit, system: str, trigger: Row) -> bool:
    """Whether an award is above 0, even with all boosts that make it smaller."""
    return bool(trigger["points"] * least(kit, system) >= 1)


def least(kit: Kit, system: str) -> Fraction:
    """What all boosts that make awards smaller multiply them by."""
    return product(boost for boost in kit.boosts[system] if boost["multiplier"] < 1)


def most_of(kit: Kit, system: str, points: int) -> Fraction:
    """The amount of an award of `points` with all boosts that make it greater."""
    return points * product(boost for boost in kit.boosts[system] if boost["multiplier"] > 1)


def product(boosts: Iterable[Row]) -> Fraction:
    """All multipliers multiplied, exactly."""
    return math.prod((Fraction(str(boost["multiplier"])) for boost in boosts), start=Fraction(1))


def awards_of(rows: list[Row], trigger: str) -> list[Row]:
    return [row for row in rows if row["trigger"]["id"] == trigger]


def boosted(points: int, boosts: list[Row]) -> int:
    """The amount of an award: multipliers multiply, the product is rounded once."""
    exact = points * product(boosts)
    kinds = {boost["rounding"] for boost in boosts}
    if kinds == {"up"}:
        return math.ceil(exact)
    if kinds == {"nearest"}:
        return math.floor(exact + Fraction(1, 2))
    return math.floor(exact)

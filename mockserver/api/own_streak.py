"""A user's own streak: schema `StreakPreferences` of newer specs; the body of this one lets it through unread."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from mockserver.game.catalog import MICRO, Catalog, StreakCondition
from mockserver.game.errors import NotAllowed, Refused
from mockserver.game.facts import StreakPreferences
from mockserver.game.metrics import millionths, number

JSON = Any
GREATEST = 10**12
MODES = {"OR": "any", "AND": "all"}
NOT_CUSTOMIZABLE = (
    "streak may set nothing but `enabled`: users of this organisation have no streaks of their own "
    "(`customizable` in the catalog's `streak`)."
)


def own_streak_shape(own: StreakPreferences) -> JSON:
    """What has been set; `enabled` always."""
    shape: JSON = {"enabled": own.enabled is not False}
    if own.evaluation is not None:
        shape["evaluationMode"] = "AND" if own.evaluation == "all" else "OR"
    if own.conditions is not None:
        shape["metrics"] = [{"key": row.metric, "threshold": number(row.threshold)} for row in own.conditions]
    if own.days_off is not None:
        shape["daysOff"] = list(own.days_off)
    return shape


def read_own_streak(catalog: Catalog, old: StreakPreferences | None, raw: JSON) -> StreakPreferences:
    """What a user has set after `raw` was sent: its fields are replaced, and with null left to the organisation again.

    Raises `NotAllowed` where users have no streaks of their own, `Refused` for what cannot be set.
    """
    if not isinstance(raw, dict):
        raise Refused(f"streak must be an object with fields of {_listed(FIELDS)}.")
    for name in raw:
        if name not in FIELDS:
            raise Refused(f"streak has no field {name!r}; its fields are {_listed(FIELDS)}.")
    customizable = catalog.streak is not None and catalog.streak.customizable
    if not customizable and any(name != "enabled" and value is not None for name, value in raw.items()):
        raise NotAllowed(NOT_CUSTOMIZABLE)
    changes = {
        FIELDS[name][0]: None if value is None else FIELDS[name][1](catalog, value) for name, value in raw.items()
    }
    return (old or StreakPreferences())._replace(**changes)


def _enabled(catalog: Catalog, value: JSON) -> bool:
    if not isinstance(value, bool):
        raise Refused("streak.enabled must be true or false.")
    return value


def _evaluation(catalog: Catalog, value: JSON) -> str:
    if not isinstance(value, str) or value not in MODES:
        raise Refused('streak.evaluationMode must be "OR" or "AND".')
    return MODES[value]


def _conditions(catalog: Catalog, value: JSON) -> tuple[StreakCondition, ...]:
    if not isinstance(value, list) or not value:
        raise Refused("streak.metrics must be an array of {key, threshold} with something in it, or null.")
    rows = tuple(_condition(catalog, f"streak.metrics[{index}]", row) for index, row in enumerate(value))
    if len({row.metric for row in rows}) < len(rows):
        raise Refused("streak.metrics must name each metric once.")
    return rows


def _condition(catalog: Catalog, name: str, row: JSON) -> StreakCondition:
    if not isinstance(row, dict) or row.keys() != {"key", "threshold"}:
        raise Refused(f"{name} must be an object with a key and a threshold, and nothing else.")
    key, threshold = row["key"], row["threshold"]
    metric = catalog.metrics.get(key) if isinstance(key, str) else None
    if metric is None or not metric.active:
        known = [row.key for row in catalog.metrics.values() if row.active]
        raise Refused(f"{name}.key must be the key of a metric, one of {_listed(known)}.")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 < threshold <= GREATEST:
        raise Refused(f"{name}.threshold must be a number above 0, at most {GREATEST}.")
    if isinstance(threshold, float) and Decimal(repr(threshold)) * MICRO % 1:
        raise Refused(f"{name}.threshold must have at most 6 decimals.")
    return StreakCondition(key, millionths(threshold))


def _days_off(catalog: Catalog, value: JSON) -> tuple[int, ...]:
    days = value if isinstance(value, list) else [None]
    if any(isinstance(day, bool) or not isinstance(day, int) or not 0 <= day <= 6 for day in days):
        raise Refused("streak.daysOff must be an array of weekdays, from 0 for Sunday to 6 for Saturday.")
    if len(set(days)) < len(days) or len(days) > 6:
        raise Refused("streak.daysOff must name each weekday once, and not all seven.")
    if days and catalog.streak is not None and catalog.streak.frequency != "daily":
        raise Refused(f"streak.daysOff goes with daily streaks alone; this one is {catalog.streak.frequency}.")
    return tuple(sorted(days))


def _listed(names: Any) -> str:
    return ", ".join(names)


# The fields as clients send them: what each is called here, and how it is read.
FIELDS: dict[str, tuple[str, Callable[[Catalog, JSON], Any]]] = {
    "enabled": ("enabled", _enabled),
    "evaluationMode": ("evaluation", _evaluation),
    "metrics": ("conditions", _conditions),
    "daysOff": ("days_off", _days_off),
}

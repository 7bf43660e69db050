"""What users of a catalog plausibly do: how much of a metric at a time, which values of an attribute."""

from __future__ import annotations

import math
from functools import cached_property
from typing import NamedTuple

from mockserver.game.catalog import MICRO, Achievement, Catalog, Filters, PointsTrigger

# Values of attributes that applications often have.
USUAL = {
    "plan": ("free", "premium", "team"),
    "plan-type": ("free", "premium", "team"),
    "tier": ("bronze", "silver", "gold"),
    "department": ("engineering", "design", "marketing"),
    "role": ("developer", "manager", "editor"),
    "source": ("web", "mobile-app", "desktop"),
    "platform": ("web", "ios", "android"),
    "device": ("phone", "tablet", "laptop"),
    "category": ("writing", "poetry", "journal"),
    "pace": ("run", "walk"),
    "style": ("freestyle", "breaststroke"),
    "language": ("en", "de", "ja"),
}

# Event attributes that say something only about some activities: parts of the keys of their metrics.
BELONGS_TO = {"pace": ("run", "walk"), "style": ("swum", "swim")}


class Habit(NamedTuple):
    """How somebody does something: `amount` at a typical time, in whole `step`s (both in millionths); `chance` is how
    often it comes about when there is occasion."""

    metric: str
    amount: float
    step: int
    chance: float


class Usage:
    """What is usual among the users of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.values = {key: self._values(key) for key in (*catalog.user_attributes, *catalog.event_attributes)}
        self.habits = tuple(self._habit(metric.key) for metric in catalog.metrics.values() if metric.active)
        self.daily = tuple(habit for habit in self.habits if habit.chance == 1.0) or self.habits
        claims = [row.key for row in catalog.achievements.values() if row.trigger == "api" and row.status == "active"]
        # The last of several is for one user alone, so that an achievement that only one has can be seen.
        self.rare = claims.pop() if len(claims) > 1 else None
        self.claims = tuple(claims)
        self.frequency = catalog.streak.frequency if catalog.streak else "daily"
        self.conditions = {row.metric: row.threshold for row in catalog.streak.conditions} if catalog.streak else {}
        self.event_keys = {habit.metric: self._event_keys(habit.metric) for habit in self.habits}

    def _habit(self, metric: str) -> Habit:
        """Such that the first goals are reached within days, and the last by the keenest within two months."""
        goals = sorted(self._goals(metric)) or [10 * MICRO]
        amount = math.sqrt(goals[0] * goals[-1] / 30)
        conditions = self.catalog.streak.conditions if self.catalog.streak else ()
        least = max((row.threshold for row in conditions if row.metric == metric), default=0)
        step = MICRO if all(goal % MICRO == 0 for goal in (*goals, least)) else MICRO // 10
        return Habit(metric, max(amount, step, 1.3 * least), step, min(1.0, max(0.1, amount / step)))

    def _goals(self, metric: str) -> list[int]:
        """Totals that mean something: those of achievements or, where there are none, of points."""
        rows = self.catalog.achievements.values()
        goals = [row.value for row in rows if row.metric == metric and row.status == "active"]
        triggers = [row for system in self.catalog.points.values() for row in system.triggers if row.metric == metric]
        return goals or [row.threshold * MICRO * count for row in triggers for count in (2, 50)]

    def _values(self, key: str) -> tuple[str, ...]:
        """Values of an attribute: first those that the catalog asks for, then usual ones."""
        filtered = [row.value for filters in self._filters for row in filters if row.key == key]
        usual = USUAL.get(key, ()) or tuple(f"{key}-{suffix}" for suffix in "abc")
        return tuple(dict.fromkeys([*filtered, *usual]))

    def _event_keys(self, metric: str) -> tuple[str, ...]:
        """The event attributes that go with a metric."""
        keys = self.catalog.event_attributes
        return tuple(key for key in keys if any(part in metric for part in BELONGS_TO.get(key, ("",))))

    @cached_property
    def _filters(self) -> list[Filters]:
        systems = self.catalog.points.values()
        rows: list[Achievement | PointsTrigger] = list(self.catalog.achievements.values())
        rows += [row for system in systems for row in system.triggers]
        found = [filters for row in rows for filters in (row.user_attributes, row.event_attributes)]
        return found + [row.user_attributes for system in systems for row in system.boosts]

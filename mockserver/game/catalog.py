"""What an organisation has set up: metrics, streak, achievements, points, leaderboards.

Immutable; a changed catalog is a new one. Money-like numbers are whole: a metric's amounts are counted
in millionths (`MICRO`), multipliers too, so that sums are exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cached_property
from typing import Any, Literal

MICRO = 1_000_000
MOST_REMEMBERED = 20_000

Frequency = Literal["daily", "weekly", "monthly"]
Status = Literal["active", "inactive", "archived", "locked"]
AchievementTrigger = Literal["metric", "streak", "api", "achievement"]
PointsTriggerType = Literal["metric", "achievement", "streak", "time", "user_creation"]
Evaluation = Literal["any", "all"]
Rounding = Literal["down", "up", "nearest"]
RankBy = Literal["metric", "points", "streak"]
RunUnit = Literal["day", "month", "year"]
Recap = Literal["weekly", "monthly", "none"]


@dataclass(frozen=True, slots=True)
class AttributeFilter:
    """One attribute must have this value, compared exactly."""

    key: str
    value: str


Filters = tuple[AttributeFilter, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    id: str
    key: str
    name: str
    units: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True)
class StreakCondition:
    """A metric's sum within the period must reach `threshold` (in millionths, more than 0)."""

    metric: str
    threshold: int


@dataclass(frozen=True, slots=True)
class Freezes:
    """Streak freezes: how many one starts with, can hold and earns by itself. Interval in days."""

    initial: int = 0
    maximum: int = 0
    auto_earn_interval: int | None = None
    auto_earn_amount: int = 1


@dataclass(frozen=True, slots=True)
class Streak:
    """The organisation's streak. No conditions: any metric with a positive sum in the period.

    `days_off`: weekdays (0 Sunday … 6 Saturday) on which nobody need be active, of a daily streak alone.
    `customizable`: whether users may have conditions and days off of their own.
    """

    frequency: Frequency = "daily"
    conditions: tuple[StreakCondition, ...] = ()
    evaluation: Evaluation = "any"
    freezes: Freezes | None = None
    days_off: tuple[int, ...] = ()
    customizable: bool = False


@dataclass(frozen=True, slots=True)
class Achievement:
    """Schema `AchievementResponse`. `value` in millionths; `prerequisites` are achievement keys."""

    id: str
    key: str
    name: str
    trigger: AchievementTrigger
    description: str | None = None
    badge_url: str | None = None
    metric: str | None = None
    value: int = 0
    streak_length: int = 0
    prerequisites: tuple[str, ...] = ()
    user_attributes: Filters = ()
    event_attributes: Filters = ()
    status: Literal["active", "inactive", "locked"] = "active"


@dataclass(frozen=True, slots=True)
class PointsTrigger:
    """Schema `PointsTrigger`. `threshold` in whole units of the metric, or a streak length."""

    id: str
    type: PointsTriggerType
    points: int
    status: Literal["active", "inactive", "archived"] = "active"
    metric: str | None = None
    threshold: int = 0
    achievement: str | None = None
    time_unit: Literal["hour", "day"] | None = None
    time_interval: int = 0
    user_attributes: Filters = ()
    event_attributes: Filters = ()
    created: int = 0
    updated: int = 0


@dataclass(frozen=True, slots=True)
class Level:
    id: str
    key: str
    name: str
    description: str
    points: int
    badge_url: str | None = None


@dataclass(frozen=True, slots=True)
class Boost:
    """Whole days, both inclusive, in each user's own zone. `multiplier` in millionths."""

    id: str
    name: str
    start: date
    end: date | None
    multiplier: int
    rounding: Rounding = "down"
    user_attributes: Filters = ()
    user: str | None = None


@dataclass(frozen=True)
class PointsSystem:
    """Levels are in ascending order of points; triggers, levels and boosts keep catalog order otherwise."""

    id: str
    key: str
    name: str
    description: str | None = None
    badge_url: str | None = None
    max_points: int | None = None
    triggers: tuple[PointsTrigger, ...] = ()
    levels: tuple[Level, ...] = ()
    boosts: tuple[Boost, ...] = ()

    @cached_property
    def creation_triggers(self) -> frozenset[str]:
        """The ids of those that pay at first identification."""
        return frozenset(row.id for row in self.triggers if row.type == "user_creation")

    @cached_property
    def _level_points(self) -> list[int]:
        return [level.points for level in self.levels]

    def level_at(self, total: int) -> Level | None:
        """The highest level whose points are at most `total`."""
        reached = bisect_right(self._level_points, total)
        return self.levels[reached - 1] if reached else None


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Schema `LeaderboardResponse`. `run_unit` None: one run that never repeats.

    `user_attributes`: who takes part. `start_time` (inclusive) and `end_time` (exclusive): the hours of each user's day
    in which activity counts, in minutes since midnight; None is midnight.
    """

    id: str
    key: str
    name: str
    rank_by: RankBy
    start: date
    end: date | None = None
    description: str | None = None
    metric: str | None = None
    points_system: str | None = None
    breakdown: tuple[str, ...] = ()
    max_participants: int = 1000
    run_unit: RunUnit | None = None
    run_interval: int | None = None
    user_attributes: Filters = ()
    start_time: int | None = None
    end_time: int | None = None

    def __hash__(self) -> int:
        """By its id: what is remembered of boards is looked up with every event."""
        return hash(self.id)


@dataclass(frozen=True, slots=True)
class WebhookEndpoint:
    """Where webhooks go. No `events`: all of them. No `secret`: one is generated."""

    url: str
    secret: str | None = None
    events: tuple[str, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True)
class Emails:
    """When messages fall due to a user, at full hours of the user's own time. `reactivation_days` ascend."""

    recap: Recap = "weekly"
    hour: int = 9
    reactivation_days: tuple[int, ...] = (7, 14, 30)
    streak_reminders: bool = True
    streak_reminder_hour: int = 18
    achievements: bool = True


@dataclass(frozen=True, slots=True)
class Settings:
    """Choices that belong to the organisation as a whole.

    `tenants` None: tenants come into being at first use. `week_start`: 0 Monday … 6 Sunday.
    `points_changed_window` in seconds, 0 turns merging off. `rank_changed_neighbours`: how many of those
    whose rank changed through another are told, None for all.
    """

    multi_tenant: bool = False
    tenants: tuple[str, ...] | None = None
    control_ratio: float = 0.0
    week_start: int = 6
    points_changed_window: int = 60
    rank_changed_neighbours: int | None = None


class Memo(dict[Any, Any]):
    """Forgets everything when it has grown too large: days are in many keys, and clocks go far."""

    def __setitem__(self, key: Any, value: Any) -> None:
        if len(self) >= MOST_REMEMBERED:
            self.clear()
        super().__setitem__(key, value)


@dataclass(frozen=True)
class Catalog:
    """All of it. Mappings are in catalog order, by key."""

    name: str
    metrics: dict[str, Metric] = field(default_factory=dict)
    user_attributes: tuple[str, ...] = ()
    event_attributes: tuple[str, ...] = ()
    streak: Streak | None = None
    achievements: dict[str, Achievement] = field(default_factory=dict)
    points: dict[str, PointsSystem] = field(default_factory=dict)
    leaderboards: dict[str, Leaderboard] = field(default_factory=dict)
    webhooks: tuple[WebhookEndpoint, ...] = ()
    settings: Settings = Settings()
    emails: Emails | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Only what was set up; what follows from it is found again."""
        return {row.name: getattr(self, row.name) for row in fields(self)}

    @cached_property
    def remembered(self) -> Memo:
        """What follows from its rows alone, found once by the code that needs it, under a key of its own."""
        return Memo()

    @cached_property
    def narrowed(self) -> dict[int, Any]:
        """What is left of tables of rules under it, by table: for `rules`."""
        return {}

    @cached_property
    def metric_achievements(self) -> dict[str, tuple[Achievement, ...]]:
        """Active metric achievements by metric, in the order in which one event completes them."""
        # Choice: lowest value first.
        found = {key: [row for row in rows if row.status == "active"] for key, rows in self.achievements_of.items()}
        return {key: tuple(sorted(rows, key=lambda row: row.value)) for key, rows in found.items()}

    @cached_property
    def achievements_of(self) -> dict[str, tuple[Achievement, ...]]:
        """All metric achievements by metric, in catalog order."""
        found: dict[str, list[Achievement]] = {key: [] for key in self.metrics}
        for achievement in self.achievements.values():
            if achievement.trigger == "metric":
                found[str(achievement.metric)].append(achievement)
        return {key: tuple(rows) for key, rows in found.items()}

    @cached_property
    def streak_achievements(self) -> tuple[Achievement, ...]:
        """Active streak achievements."""
        return tuple(a for a in self.achievements.values() if a.trigger == "streak" and a.status == "active")

    @cached_property
    def composites(self) -> tuple[Achievement, ...]:
        """Active achievements that need others."""
        return tuple(a for a in self.achievements.values() if a.trigger == "achievement" and a.status == "active")

    @cached_property
    def prerequisites(self) -> frozenset[str]:
        """The keys of those that some composite needs."""
        return frozenset(key for row in self.composites for key in row.prerequisites)

    @cached_property
    def filtered_composites(self) -> tuple[Achievement, ...]:
        """Active composites that are not for everybody."""
        return tuple(row for row in self.composites if row.user_attributes)

    @cached_property
    def triggers_by(
        self,
    ) -> dict[tuple[PointsTriggerType, str | None], tuple[tuple[PointsSystem, PointsTrigger], ...]]:
        """Active points triggers with their systems, by type and by the key of the metric or achievement that pays."""
        found: dict[tuple[PointsTriggerType, str | None], list[tuple[PointsSystem, PointsTrigger]]] = {}
        for system in self.points.values():
            for trigger in system.triggers:
                if trigger.status == "active":
                    subjects = {"metric": trigger.metric, "achievement": trigger.achievement}
                    found.setdefault((trigger.type, subjects.get(trigger.type)), []).append((system, trigger))
        return {kind: tuple(rows) for kind, rows in found.items()}

    @cached_property
    def triggers_by_id(self) -> dict[str, PointsTrigger]:
        return {row.id: row for system in self.points.values() for row in system.triggers}

    @cached_property
    def boosts_by_id(self) -> dict[str, Boost]:
        return {row.id: row for system in self.points.values() for row in system.boosts}

    @cached_property
    def watched_filters(self) -> dict[str, tuple[Filters, ...]]:
        """The sets of event filters that anything counts by, per metric (inactive ones included)."""
        found: dict[str, dict[Filters, None]] = {key: {} for key in self.metrics}
        for metric, filters in self._filtered():
            found.setdefault(metric, {})[filters] = None
        return {key: tuple(rows) for key, rows in found.items()}

    def _filtered(self) -> Iterable[tuple[str, Filters]]:
        for achievement in self.achievements.values():
            if achievement.metric and achievement.event_attributes:
                yield achievement.metric, achievement.event_attributes
        for system in self.points.values():
            for trigger in system.triggers:
                if trigger.metric and trigger.event_attributes:
                    yield trigger.metric, trigger.event_attributes

    @cached_property
    def boards_by(self) -> dict[tuple[RankBy, str | None], tuple[Leaderboard, ...]]:
        """Leaderboards by what moves them: a metric or a points system of that key, or the streak."""
        found: dict[tuple[RankBy, str | None], list[Leaderboard]] = {}
        for board in self.leaderboards.values():
            subjects = {"metric": board.metric, "points": board.points_system, "streak": None}
            found.setdefault((board.rank_by, subjects[board.rank_by]), []).append(board)
        return {kind: tuple(rows) for kind, rows in found.items()}

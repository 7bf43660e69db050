"""A small organisation for tests of the rules, made of plain dataclasses: everything in it can be taken in at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from mockserver.game.catalog import (
    MICRO,
    Achievement,
    AttributeFilter,
    Boost,
    Catalog,
    Filters,
    Freezes,
    Leaderboard,
    Level,
    Metric,
    PointsSystem,
    PointsTrigger,
    Settings,
    Streak,
)


def filters(**wanted: str) -> Filters:
    return tuple(AttributeFilter(key, value) for key, value in wanted.items())


def metric_achievement(key: str, value: float, metric: str = "words", **more: Any) -> Achievement:
    amount = round(value * MICRO)
    return Achievement(f"id-{key}", key, key.title(), "metric", metric=metric, value=amount, **more)


def streak_achievement(key: str, length: int, **more: Any) -> Achievement:
    return Achievement(f"id-{key}", key, key.title(), "streak", streak_length=length, **more)


def api_achievement(key: str, **more: Any) -> Achievement:
    return Achievement(f"id-{key}", key, key.title(), "api", **more)


def composite(key: str, *prerequisites: str, **more: Any) -> Achievement:
    return Achievement(f"id-{key}", key, key.title(), "achievement", prerequisites=prerequisites, **more)


def per_metric(points: int, threshold: int, metric: str = "words", **more: Any) -> PointsTrigger:
    name = f"{points}-per-{threshold}-{metric}{'-filtered' if more else ''}"
    return PointsTrigger(name, "metric", points, metric=metric, threshold=threshold, **more)


def level(key: str, points: int) -> Level:
    return Level(f"id-{key}", key, key.title(), "", points)


def boost(name: str, start: str, end: str | None, multiplier: float, **more: Any) -> Boost:
    last = date.fromisoformat(end) if end else None
    return Boost(f"id-{name}", name, date.fromisoformat(start), last, round(multiplier * MICRO), **more)


def board(key: str, start: str, end: str | None = None, **more: Any) -> Leaderboard:
    """By words, unless `more` says otherwise."""
    more = {"rank_by": "metric", "metric": "words"} | more
    if more["rank_by"] != "metric":
        del more["metric"]
    last = date.fromisoformat(end) if end else None
    return Leaderboard(f"id-{key}", key, key.title(), start=date.fromisoformat(start), end=last, **more)


def by_key(*rows: Any) -> dict[str, Any]:
    return {row.key: row for row in rows}


def points(key: str = "xp", **more: Any) -> PointsSystem:
    return PointsSystem(f"id-{key}", key, key.upper(), **more)


METRICS = by_key(
    Metric("id-words", "words", "Words", "words"),
    Metric("id-chapters", "chapters", "Chapters"),
    Metric("id-retired", "retired", "Retired", active=False),
)

BARE = Catalog(
    "Bare",
    metrics=METRICS,
    user_attributes=("plan", "region", "team"),
    event_attributes=("source", "genre"),
    streak=Streak(),
)
"""Metrics, attributes and a daily streak; nothing else, so that a test adds just what it is about."""

SAMPLE = replace(
    BARE,
    name="Sample",
    streak=Streak(freezes=Freezes(initial=1, maximum=3, auto_earn_interval=5, auto_earn_amount=2)),
    achievements=by_key(
        metric_achievement("hundred", 100),
        metric_achievement("five", 5),
        metric_achievement("phone", 50, event_attributes=filters(source="phone")),
        metric_achievement("pro", 20, user_attributes=filters(plan="pro")),
        metric_achievement("secret", 7, status="inactive"),
        streak_achievement("three-days", 3),
        streak_achievement("first-day", 1),
        api_achievement("onboarded"),
        api_achievement("team-red", user_attributes=filters(team="red")),
        api_achievement("founder", status="locked"),
        composite("all-round", "onboarded", "three-days"),
        composite("legend", "all-round", "hundred"),
    ),
    points=by_key(
        points(
            triggers=(
                per_metric(10, 10),
                per_metric(3, 7, event_attributes=filters(source="phone")),
                PointsTrigger("every-2-days", "streak", 20, threshold=2),
                PointsTrigger("for-onboarding", "achievement", 50, achievement="onboarded"),
                PointsTrigger("asleep", "metric", 1000, "archived", metric="words", threshold=1),
            ),
            levels=(level("bronze", 0), level("silver", 100), level("gold", 400)),
            boosts=(
                boost("double", "2025-04-03", "2025-04-04", 2),
                boost("own", "2025-03-01", None, 1.25, user="ann", rounding="up"),
                boost("pro", "2025-04-04", "2025-06-30", 1.5, user_attributes=filters(plan="pro")),
            ),
        ),
        points(
            "energy",
            max_points=60,
            triggers=(
                PointsTrigger("born", "user_creation", 50),
                PointsTrigger("rest", "time", 5, time_unit="hour", time_interval=6),
                PointsTrigger("cost", "metric", -25, metric="chapters", threshold=1),
            ),
            levels=(level("tired", 10), level("fit", 40)),
        ),
    ),
    leaderboards=by_key(
        board("ever", "2025-01-01"),
        board("weekly", "2025-03-30", run_unit="day", run_interval=7, max_participants=3),
        board("monthly", "2025-01-31", run_unit="month", run_interval=1, breakdown=("region",)),
        board("teams", "2025-03-01", breakdown=("region", "team")),
        board("xp-board", "2025-01-01", rank_by="points", points_system="xp"),
        board("streaks", "2025-04-03", "2025-05-02", rank_by="streak"),
        board("sprint", "2025-04-04", "2025-04-10"),
        board("past", "2025-03-01", "2025-03-15"),
    ),
    settings=Settings(control_ratio=0.3),
)
"""Some of everything."""

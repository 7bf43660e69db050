"""What the organisation has set up. Ids are short, and every achievement has a key, as in the spec's examples."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]

STARTED = "2024-05-01T08:30:00+02:00"
TODAY = datetime.now(UTC).date()
USER_ATTRIBUTES = ("club", "squad")
EVENT_ATTRIBUTES = ("stroke", "pool")

METRICS: dict[str, Row] = {
    "laps": {"id": "m1", "name": "Laps"},
    "metres": {"id": "m2", "name": "Metres swum"},
    "drills": {"id": "m3", "name": "Drills"},
}


def _pairs(**values: str) -> list[Row]:
    return [{"key": key, "value": value} for key, value in values.items()]


def _metric(key: str, least: float) -> Row:
    return {"trigger": "metric", "metric": key, "least": least}


ACHIEVEMENTS: dict[str, Row] = {
    "ten-laps": {"id": "a1", "name": "Ten laps", **_metric("laps", 10)},
    "hundred-laps": {"id": "a2", "name": "A hundred laps", **_metric("laps", 100), "description": "Long breath"},
    "butterfly": {"id": "a3", "name": "Butterfly", **_metric("laps", 50), "event": _pairs(stroke="butterfly")},
    "channel": {"id": "a4", "name": "The Channel", **_metric("metres", 33_300.5), "user": _pairs(club="seals")},
    "first-dip": {"id": "a5", "name": "First dip", "trigger": "api", "badge": "https://example.org/dip.svg"},
    "trainer": {"id": "a6", "name": "Trainer", "trigger": "api", "user": _pairs(club="seals", squad="a")},
    "one-day": {"id": "a7", "name": "In the water", "trigger": "streak", "length": 1},
    "month": {"id": "a8", "name": "A month of it", "trigger": "streak", "length": 30},
    "all-round": {"id": "a9", "name": "All-rounder", "trigger": "achievement", "needs": ["ten-laps", "first-dip"]},
}


def _boost(name: str, begins: int, ends: int | None, multiplier: float, rounding: str) -> Row:
    """A boost whose days are counted from today."""
    return {
        "id": f"b-{name}",
        "name": name,
        "start": (TODAY + timedelta(days=begins)).isoformat(),
        "end": None if ends is None else (TODAY + timedelta(days=ends)).isoformat(),
        "multiplier": multiplier,
        "rounding": rounding,
    }


POINTS: dict[str, Row] = {
    "stars": {
        "id": "p1",
        "name": "Stars",
        "description": "For swimming",
        "most": None,
        "triggers": [
            {"id": "t1", "type": "metric", "points": 2, "metric": "laps", "each": 10},
            {"id": "t2", "type": "metric", "points": 4, "metric": "metres", "each": 100, "user": _pairs(squad="a")},
            {"id": "t3", "type": "metric", "points": 5, "metric": "drills", "each": 5, "event": _pairs(pool="sea")},
            {"id": "t4", "type": "achievement", "points": 25, "achievement": "first-dip"},
            {"id": "t5", "type": "streak", "points": 2, "each": 1},
            {"id": "t6", "type": "user_creation", "points": 6},
        ],
        "levels": [
            {"key": "wood", "name": "Wood", "points": 0},
            {"key": "iron", "name": "Iron", "points": 30},
            {"key": "steel", "name": "Steel", "points": 300},
        ],
        "boosts": [
            _boost("opening", -400, -390, 2, "up"),
            _boost("season", -20, 200, 1.5, "nearest"),
            _boost("winter", 30, None, 3, "down"),
        ],
    },
    "coins": {
        "id": "p2",
        "name": "Coins",
        "description": None,
        "most": 100,
        "triggers": [{"id": "t7", "type": "metric", "points": 7, "metric": "drills", "each": 1}],
        "levels": [],
        "boosts": [],
    },
}


def _board(number: int, by: str, start: str, **more: Any) -> Row:
    """`by`: a metric, a points system, or `streak`."""
    return {
        "id": f"l{number}",
        "name": f"Board {number}",
        "by": by,
        "start": start,
        "end": None,
        "most": 1000,
        "unit": None,
        "every": None,
        "breakdown": [],
        **more,
    }


BOARDS: dict[str, Row] = {
    "ever": _board(1, "laps", "2024-05-01", description="All laps of all time"),
    "week": _board(2, "laps", "2024-05-06", unit="day", every=7, most=500),
    "stars-by-month": _board(3, "stars", "2024-05-01", unit="month", every=1),
    "stars-ever": _board(10, "stars", "2024-05-01"),
    "days": _board(4, "streak", "2024-05-01"),
    "clubs": _board(5, "laps", "2024-05-01", breakdown=["club"]),
    "squads": _board(6, "metres", "2024-05-01", breakdown=["club", "squad"], most=20),
    "podium": _board(7, "drills", "2024-05-01", most=3),
    "summer": _board(8, "laps", "2024-06-01", end="2024-08-31"),
    "future": _board(9, "metres", (TODAY + timedelta(days=100)).isoformat()),
}

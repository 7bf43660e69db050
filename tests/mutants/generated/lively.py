"""A lively catalog for the probe: every setting is used, and most differ from their defaults and their neighbours."""

from __future__ import annotations

from typing import Any

JSON = Any


def _achievement(name: str, trigger: str, **more: JSON) -> JSON:
    return {"name": name, "trigger": trigger, "description": f"How to: {name} & <more>", **more}


def catalog(frequency: str = "daily", **settings: JSON) -> JSON:
    """One with a streak of that frequency; `settings` of the organisation."""
    conditions = {} if frequency == "daily" else {"words": 50, "hours": 1.5}
    return {
        "name": "Lively",
        "userAttributes": ["plan", "Región", "team"],
        "eventAttributes": ["source", "kind"],
        "metrics": {
            "words": {"name": "Words ", "units": "words"},
            "hours": {"name": "Hours"},
            "Größe": {"name": "Größe", "units": "cm"},
            "007": {"name": "007 & Co"},
            "asleep": {"name": "Asleep", "status": "inactive"},
        },
        "streak": {
            "frequency": frequency,
            "conditions": conditions,
            "evaluation": "any" if frequency == "monthly" else "all",
            "freezes": {"initial": 1, "maximum": 3, "autoEarnInterval": 4, "autoEarnAmount": 2},
        },
        "achievements": _achievements(),
        "points": {"xp": _xp(), "energy": _energy(), "plain": {"name": "Plain", "triggers": []}},
        "leaderboards": _boards(),
        "settings": {"controlRatio": 0.4, "weekStart": "monday", "pointsChangedWindow": 90, **settings},
    }


def _achievements() -> JSON:
    badge = {"badgeUrl": "https://example.com/a?b=1&c=%C3%A9"}
    return {
        "first": _achievement("First", "metric", metricKey="words", metricValue=10, **badge),
        "tenth": _achievement("Tenth", "metric", metricKey="words", metricValue=100.5),
        "million": _achievement("Million", "metric", metricKey="words", metricValue=1_000_000),
        "for-some": _achievement(
            "For some", "metric", metricKey="words", metricValue=20, userAttributes={"plan": "Gold", "team": "A,B"}
        ),
        "by-phone": _achievement(
            "By phone", "metric", metricKey="words", metricValue=30, eventAttributes={"source": "phone"}
        ),
        "by-both": _achievement(
            "By both", "metric", metricKey="words", metricValue=20, eventAttributes={"source": "phone", "kind": "é"}
        ),
        "streak-1": _achievement("Spark", "streak", streakLength=1),
        "streak-3": _achievement("Three", "streak", streakLength=3),
        "streak-5": _achievement("Five", "streak", streakLength=5, userAttributes={"plan": "Gold"}),
        "call": _achievement("Call", "api"),
        "Call": _achievement("Capital call", "api"),
        "call-for-gold": _achievement("Call for gold", "api", userAttributes={"plan": "Gold"}),
        "both": _achievement("Both", "achievement", achievementKeys=["first", "call"]),
        "all": _achievement("All", "achievement", achievementKeys=["both", "streak-3", "tenth"]),
        "off": _achievement("Off", "metric", metricKey="words", metricValue=15, status="inactive"),
        "locked": _achievement("Locked", "metric", metricKey="words", metricValue=16, status="locked"),
    }


def _xp() -> JSON:
    return {
        "name": "XP",
        "description": "Experience",
        "badgeUrl": "https://example.com/xp.png",
        "triggers": [
            {"type": "metric", "metricKey": "words", "metricThreshold": 30, "points": 7, "updated": "-3d"},
            {
                "type": "metric",
                "metricKey": "words",
                "metricThreshold": 20,
                "points": 3,
                "userAttributes": {"plan": "Gold", "team": "A,B"},
                "eventAttributes": {"source": "phone", "kind": "é"},
            },
            {"type": "metric", "metricKey": "hours", "metricThreshold": 2, "points": -5},
            {"type": "streak", "streakLengthThreshold": 2, "points": 11},
            {"type": "achievement", "achievementKey": "call", "points": 13},
            {"type": "achievement", "achievementKey": "tenth", "points": 17, "userAttributes": {"plan": "Gold"}},
            {"type": "metric", "metricKey": "words", "metricThreshold": 5, "points": 99, "status": "inactive"},
            {"type": "metric", "metricKey": "words", "metricThreshold": 6, "points": 98, "status": "archived"},
        ],
        "levels": {
            "one": {"name": "One", "points": 5, "description": "The first"},
            "two": {"name": "Two", "points": 30, "badgeUrl": "https://example.com/2.png"},
            "three": {"name": "Three", "points": 80},
        },
        "boosts": [
            {"name": "Over", "start": "-30d", "end": "-20d", "multiplier": 3},
            {"name": "On", "start": "-1d", "end": "+3d", "multiplier": 1.5, "rounding": "up"},
            {"name": "Later", "start": "+2d", "end": "+6d", "multiplier": 1.25, "rounding": "nearest"},
            {"name": "Gold", "start": "+1d", "multiplier": 2, "userAttributes": {"plan": "Gold"}},
            {"name": "Own", "start": "today", "end": "+2d", "multiplier": 1.1, "userId": "Zoë-007"},
        ],
    }


def _energy() -> JSON:
    return {
        "name": "Energy",
        "maxPoints": 60,
        "triggers": [
            {"type": "user_creation", "points": 20},
            {"type": "time", "timeUnit": "hour", "timeInterval": 36, "points": 4},
            {"type": "time", "timeUnit": "day", "timeInterval": 2, "points": 9, "userAttributes": {"plan": "Gold"}},
            {"type": "metric", "metricKey": "hours", "metricThreshold": 1, "points": -6},
            {"type": "metric", "metricKey": "Größe", "metricThreshold": 10, "points": 15},
        ],
        "levels": {"low": {"name": "Low", "points": 0}, "high": {"name": "High", "points": 40}},
    }


def _boards() -> JSON:
    return {
        "ever": {
            "name": "Ever",
            "rankBy": "metric",
            "metricKey": "words",
            "start": "-100d",
            "description": "All of it",
        },
        "three": {"name": "Three", "rankBy": "metric", "metricKey": "words", "start": "-9d", "maxParticipants": 3},
        "runs": {
            "name": "Runs",
            "rankBy": "metric",
            "metricKey": "hours",
            "start": "-5d",
            "runUnit": "day",
            "runInterval": 3,
        },
        "months": {
            "name": "Months",
            "rankBy": "metric",
            "metricKey": "words",
            "start": "-70d",
            "runUnit": "month",
            "runInterval": 1,
            "maxParticipants": 50,
        },
        "by-plan": {
            "name": "By plan",
            "rankBy": "metric",
            "metricKey": "words",
            "start": "-9d",
            "breakdownAttributes": ["plan"],
        },
        "by-two": {
            "name": "By two",
            "rankBy": "points",
            "pointsSystemKey": "xp",
            "start": "-9d",
            "breakdownAttributes": ["plan", "team"],
        },
        "points": {"name": "Points", "rankBy": "points", "pointsSystemKey": "xp", "start": "-2d", "end": "+4d"},
        "streaks": {"name": "Streaks", "rankBy": "streak", "start": "-90d"},
        "soon": {"name": "Soon", "rankBy": "metric", "metricKey": "hours", "start": "+2d", "end": "+5d"},
        "past": {"name": "Past", "rankBy": "metric", "metricKey": "words", "start": "-9d", "end": "-4d"},
        "some": {
            "name": "Some",
            "rankBy": "metric",
            "metricKey": "words",
            "start": "-9d",
            "userAttributes": {"plan": "Gold"},
            "startTime": "08:00",
            "endTime": "20:30",
        },
    }

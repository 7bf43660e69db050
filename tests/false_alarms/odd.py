"""Catalogs that differ most from the one that comes with the server, each in one respect."""

from __future__ import annotations

from typing import Any

JSON = Any
#: Rows of these tables are named after their keys where they have no name.
NAMED = ("metrics", "achievements", "points", "leaderboards", "levels")


def counting(*metrics: str, **more: JSON) -> JSON:
    """A catalog that counts these."""
    return {"metrics": {key: {} for key in metrics}, **more}


def reach(metric: str, value: float, **more: JSON) -> JSON:
    """An achievement."""
    return {"trigger": "metric", "metricKey": metric, "metricValue": value, **more}


def lasting(length: int) -> JSON:
    """An achievement for a streak."""
    return {"trigger": "streak", "streakLength": length}


def called(**more: JSON) -> JSON:
    """An achievement that the application completes."""
    return {"trigger": "api", **more}


def pays(metric: str, threshold: int, points: int) -> JSON:
    """A trigger of points."""
    return {"type": "metric", "metricKey": metric, "metricThreshold": threshold, "points": points}


def pays_streak(length: int, points: int) -> JSON:
    return {"type": "streak", "streakLengthThreshold": length, "points": points}


def by_metric(metric: str, **more: JSON) -> JSON:
    """A leaderboard."""
    return {"rankBy": "metric", "metricKey": metric, "start": "-10d", **more}


def by_points(system: str, **more: JSON) -> JSON:
    return {"rankBy": "points", "pointsSystemKey": system, "start": "-10d", **more}


def by_streak(**more: JSON) -> JSON:
    return {"rankBy": "streak", "start": "-10d", **more}


def named(content: JSON) -> JSON:
    """With the names that a catalog must have."""
    found = dict(content)
    for table in NAMED:
        if isinstance(found.get(table), dict):  # `points` of a level are a number
            found[table] = {key: {"name": key.title(), **named(row)} for key, row in found[table].items()}
    return found


_WALKING = {
    "achievements": {"walker": reach("steps", 10), "hello": called()},
    "points": {"xp": {"triggers": [pays("steps", 10, 3)]}},
}
_TWO_IN_A_ROW = {
    "achievements": {"two": lasting(2)},
    "points": {"xp": {"triggers": [pays_streak(2, 3)]}},
}
_ANY_SCRIPT = {
    "userAttributes": ["plan", "département", "国家"],
    "eventAttributes": ["источник"],
    "metrics": {
        "слова": {"name": "Слова", "units": "слов"},
        "ציון": {"name": "נקודות"},
        "a b/c?d#e%f": {"name": "Reserved"},
    },
    "streak": {},
    "achievements": {
        "成就": reach("слова", 10, name="成就 🏆"),
        "مرحبا": called(),
        "a,b:c": called(userAttributes={"département": "R&D, Ö:1"}),
        "mobile": reach("слова", 3, eventAttributes={"источник": "телефон"}),
    },
    "points": {"点数": {"triggers": [pays("слова", 2, 5)], "levels": {"é": {"name": "É", "points": 10}}}},
    "leaderboards": {
        "таблица": by_metric("слова", name="Таблица"),
        "国家": by_metric("слова", breakdownAttributes=["国家"]),
    },
}
_SPENDING = {
    "streak": {"daysOff": [0, 3, 6], "customizable": True, "freezes": {"initial": 5, "maximum": 5}},
    "points": {
        "energy": {
            "maxPoints": 3,
            "triggers": [
                {"type": "user_creation", "points": 2},
                pays("actions", 1, -1),
                {"type": "time", "timeUnit": "hour", "timeInterval": 1, "points": 1},
                pays("rest", 3, 100),
            ],
        }
    },
    "leaderboards": {
        "energy": by_points("energy", runUnit="day", runInterval=1),
        "future": by_metric("rest", start="+3d", end="+5d"),
    },
}
_HUGE = {
    "achievements": {"rich": reach("cents", 9e11), "richer": reach("cents", 900_000_000_001)},
    "points": {
        "coins": {
            "triggers": [pays("cents", 900_000_000_000, 1_000_000), pays_streak(400, 7)],
            "levels": {"low": {"points": 0}, "high": {"points": 500_000}},
        }
    },
    "leaderboards": {"all": by_metric("cents"), "coins": by_points("coins")},
}
_BOOST = {"name": "Odd", "start": "-2d", "end": "+3d", "multiplier": 0.333333, "rounding": "nearest"}
_DECIMALS = {
    "metrics": {"kilometres": {"units": "km"}},
    "streak": {"conditions": {"kilometres": 0.25}},
    "achievements": {"a": reach("kilometres", 0.25), "b": reach("kilometres", 0.000001)},
    "points": {"xp": {"maxPoints": 7, "triggers": [pays("kilometres", 1, 3)], "boosts": [_BOOST]}},
    "leaderboards": {"all": by_metric("kilometres")},
}

#: Name → the catalog.
ODD: dict[str, JSON] = {
    "one metric only": counting("steps"),
    "no streak": counting(
        "steps",
        "miles",
        **_WALKING,
        userAttributes=["plan"],
        leaderboards={"all": by_metric("steps"), "xp": by_points("xp")},
    ),
    "no points": counting(
        "steps",
        streak={},
        achievements={"walker": reach("steps", 10), "three": lasting(3)},
        leaderboards={"all": by_metric("steps"), "streak": by_streak()},
    ),
    "no leaderboards": counting(
        "steps",
        streak={},
        points={"xp": {"triggers": [pays("steps", 1, 1)], "levels": {"one": {"points": 5}}}},
    ),
    "leaderboards for three": counting(
        "steps",
        userAttributes=["team"],
        streak={},
        points={"xp": {"triggers": [pays("steps", 1, 2)]}},
        leaderboards={
            "all": by_metric("steps", maxParticipants=3),
            "weekly": by_metric("steps", runUnit="day", runInterval=7, maxParticipants=3),
            "teams": by_metric("steps", breakdownAttributes=["team"], maxParticipants=3),
            "xp": by_points("xp", maxParticipants=1),
            "streak": by_streak(maxParticipants=2),
        },
    ),
    "thresholds of 9e11": counting("cents", streak={}, **_HUGE),
    "5,000 a week": counting(
        "steps",
        streak={"frequency": "weekly", "conditions": {"steps": 5000}},
        achievements={"two": lasting(2)},
        leaderboards={"streak": by_streak()},
        settings={"weekStart": "wednesday"},
    ),
    "5,000 a week and something else": counting(
        "steps",
        "miles",
        **_TWO_IN_A_ROW,
        streak={
            "frequency": "weekly",
            "evaluation": "all",
            "conditions": {"steps": 5000, "miles": 2.5},
            "freezes": {"initial": 1, "maximum": 2},
        },
        leaderboards={"streak": by_streak()},
    ),
    "monthly streak": counting(
        "steps",
        "miles",
        **_TWO_IN_A_ROW,
        streak={"frequency": "monthly", "freezes": {"initial": 0, "maximum": 1, "autoEarnInterval": 30}},
        leaderboards={"streak": by_streak(), "steps": by_metric("steps", runUnit="month", runInterval=1)},
    ),
    "decimals": _DECIMALS,
    "names in any script": _ANY_SCRIPT,
    "tenants": counting(
        "steps",
        **_WALKING,
        userAttributes=["plan"],
        streak={},
        leaderboards={"all": by_metric("steps")},
        settings={"multiTenant": True, "tenants": ["acme", "globex"]},
    ),
    "points that are taken away": counting("actions", "rest", **_SPENDING),
    "leaderboards at their end": counting(
        "a",
        "b",
        streak={"evaluation": "all", "conditions": {"a": 3, "b": 1_000_000}},
        leaderboards={
            "b": by_metric("b", start="-1d", end="today"),
            "years": by_metric("a", start="-400d", runUnit="year", runInterval=1),
        },
    ),
    "everything inactive": {
        "metrics": {"steps": {"status": "inactive"}},
        "achievements": {"hello": called(status="locked"), "gone": called(status="inactive")},
        "leaderboards": {"over": by_metric("steps", start="-30d", end="-20d")},
    },
    "nothing at all": {},
}
ODD = {name: {"name": name.capitalize(), **named(content)} for name, content in ODD.items()}

"""The rows of a catalog as JSON of the admin API: other rows by id, fields of a kind only with that kind."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from mockserver.api.leaderboards import time_of_day
from mockserver.catalogs.tables import derived_id
from mockserver.game.catalog import (
    Achievement,
    Boost,
    Catalog,
    Filters,
    Leaderboard,
    Level,
    Metric,
    PointsSystem,
    PointsTrigger,
)
from mockserver.game.engine import Game
from mockserver.game.metrics import number
from mockserver.game.periods import board_status, status_of_days, utc_day

JSON = Any


class Attribute(NamedTuple):
    """A key that users or events may have."""

    key: str
    type: Literal["user", "event"]

    @property
    def id(self) -> str:
        """Follows from the key: a catalog knows no ids of attributes."""
        return derived_id("attributes", self.type, self.key)


def attributes(catalog: Catalog) -> list[Attribute]:
    """Those of users, then those of events."""
    users = [Attribute(key, "user") for key in catalog.user_attributes]
    return users + [Attribute(key, "event") for key in catalog.event_attributes]


def attribute(game: Game, row: Attribute) -> JSON:
    # Choice: an attribute is called like its key, since a catalog has no other name for it.
    return {"id": row.id, "name": row.key, "key": row.key, "type": row.type}


def metric(game: Game, row: Metric) -> JSON:
    # Choice: a catalog knows no currencies, so every metric counts plain numbers.
    return {"id": row.id, "name": row.name, "key": row.key, "unitType": "number", "units": row.units or ""}


def achievement(game: Game, row: Achievement) -> JSON:
    catalog = game.world.catalog
    shape = {
        "id": row.id,
        "name": row.name,
        "description": row.description,
        "trigger": row.trigger,
        "status": row.status,
        "badge": _badge(row.badge_url),
        "userAttributes": _filters(row.user_attributes, "user"),
    }
    if row.trigger == "api":
        shape["key"] = row.key
    elif row.trigger == "streak":
        shape["streakLength"] = row.streak_length
    elif row.trigger == "achievement":
        shape["achievementIds"] = [catalog.achievements[key].id for key in row.prerequisites]
    else:
        shape["metricId"] = catalog.metrics[str(row.metric)].id
        shape["metricValue"] = number(row.value)
        shape["eventAttributes"] = _filters(row.event_attributes, "event")
    return shape


def system(game: Game, row: PointsSystem) -> JSON:
    return {
        "id": row.id,
        "name": row.name,
        "key": row.key,
        "description": row.description or "",
        "status": "active",
        "badge": _badge(row.badge_url),
        "maxPoints": row.max_points,
    }


def level(game: Game, row: Level) -> JSON:
    return {
        "id": row.id,
        "name": row.name,
        "key": row.key,
        "points": row.points,
        "description": row.description,
        "badge": _badge(row.badge_url),
    }


def boost(game: Game, row: Boost) -> JSON:
    """With its status on the UTC date; filters only where it is not one user's own."""
    shape = {
        "id": row.id,
        "name": row.name,
        "status": status_of_days(row.start, row.end, utc_day(game.now)),
        "start": row.start.isoformat(),
        "end": row.end.isoformat() if row.end else None,
        "multiplier": number(row.multiplier),
        "rounding": row.rounding,
        "userId": row.user,
    }
    return shape if row.user is not None else shape | {"userAttributes": _filters(row.user_attributes, "user")}


def trigger(game: Game, row: PointsTrigger) -> JSON:
    catalog = game.world.catalog
    shape = {
        "id": row.id,
        "type": row.type,
        "points": row.points,
        "status": row.status,
        "userAttributes": _filters(row.user_attributes, "user"),
        # Choice: totals stop at 0 (behaviour, section 7), and no event is blocked for want of points.
        "blockIfOutOfPoints": False,
    }
    if row.type == "metric":
        shape["metricId"] = catalog.metrics[str(row.metric)].id
        shape["metricThreshold"] = row.threshold
        shape["eventAttributes"] = _filters(row.event_attributes, "event")
    elif row.type == "streak":
        shape["streakLength"] = row.threshold
    elif row.type == "achievement":
        shape["achievementId"] = catalog.achievements[str(row.achievement)].id
    elif row.type == "time":
        shape |= {"timeUnit": f"{row.time_unit}s", "timeInterval": row.time_interval}
    return shape


def board(game: Game, row: Leaderboard) -> JSON:
    catalog = game.world.catalog
    shape = {
        "id": row.id,
        "name": row.name,
        "key": row.key,
        "description": row.description,
        "status": board_status(row, game.now),
        "rankBy": row.rank_by,
        "metricId": catalog.metrics[row.metric].id if row.metric else None,
        "pointsSystemId": catalog.points[row.points_system].id if row.points_system else None,
        "maxParticipants": row.max_participants,
        "start": row.start.isoformat(),
        "end": row.end.isoformat() if row.end else None,
        "breakdownAttributes": [Attribute(key, "user").id for key in row.breakdown],
        "startTime": None if row.start_time is None else time_of_day(row.start_time),
        "endTime": None if row.end_time is None else time_of_day(row.end_time),
        "userAttributes": _filters(row.user_attributes, "user"),
        "runUnit": row.run_unit,
        "runInterval": row.run_interval,
    }
    return {name: value for name, value in shape.items() if value is not None}


def _badge(url: str | None) -> JSON:
    return None if url is None else {"url": url}


def _filters(filters: Filters, type: Literal["user", "event"]) -> JSON:
    return [{"attributeId": Attribute(row.key, type).id, "attributeValue": row.value} for row in filters]

"""The bodies of webhooks, in the shapes of the API itself, from what was seen when they came about."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any, cast

from mockserver.api.achievements import user_achievement_shape
from mockserver.api.leaderboards import board_shape, breakdown_shape, rankings_shape, standing_shape
from mockserver.api.points import boost_shape, change_shape, level_shape, system_shape
from mockserver.api.users import user_shape
from mockserver.game import facts as f
from mockserver.game.catalog import Achievement, Boost, Catalog, Leaderboard, PointsSystem
from mockserver.game.periods import local_day, zone
from mockserver.game.rows import Award
from mockserver.game.state import Completion
from mockserver.game.world import World, group_of

JSON = dict[str, Any]
Group = tuple[str, ...]
Top = tuple[list[tuple[int, int, str]], list[str | None]]  # the first places of a ranking, and who has them by name


def achievement_completed(profile: f.Profile, catalog: Catalog, row: Achievement, completion: Completion) -> JSON:
    return {"user": user_shape(profile), "achievement": user_achievement_shape(catalog, row, completion)}


def streak_counted(profile: f.Profile, streak: JSON) -> JSON:
    return {"user": user_shape(profile), "streak": streak}


def streak_lost(profile: f.Profile, length: int) -> JSON:
    return {"user": user_shape(profile), "length": length}


def freezes_consumed(profile: f.Profile, consumed: int, freezes: int) -> JSON:
    return {"user": user_shape(profile), "consumed": consumed, "freezes": freezes}


def freezes_earned(profile: f.Profile, earned: int, freezes: int) -> JSON:
    return {"user": user_shape(profile), "earned": earned, "freezes": freezes}


def points_changed(world: World, profile: f.Profile, fact: f.PointsReported, awards: list[Award]) -> JSON:
    """`world` with the catalog as it was; awards have the status of boosts on the user's day then."""
    system = world.catalog.points[fact.system]
    day = local_day(world.time, zone(profile.tz))
    points = change_shape(world, system, awards, fact.total, day)
    if fact.level_changed:
        points["level"] = level_shape(system.level_at(fact.total))
    return {"user": user_shape(profile), "points": points}


def level_changed(profile: f.Profile, system: PointsSystem, fact: f.LevelChanged) -> JSON:
    levels = {level.key: level for level in system.levels}
    return {
        "user": user_shape(profile),
        "points": system_shape(system) | {"total": fact.total},
        "previousLevel": level_shape(levels.get(fact.previous or "")),
        "newLevel": level_shape(levels.get(fact.level or "")),
    }


def boost_changed(system: PointsSystem, boost: Boost, status: str) -> JSON:
    """Schema `PointsBoostWebhookPayload`: of everybody's boosts it tells a start before the day has begun in UTC."""
    return {
        "boost": boost_shape(boost, boost.start)
        | {
            "status": status,
            "userId": boost.user,
            "pointsSystemId": system.id,
            "pointsSystemKey": system.key,
            "pointsSystemName": system.name,
        }
    }


def recap_due(profile: f.Profile, first: date, last: date) -> JSON:
    return {
        "user": user_shape(profile),
        "recap": {"periodStart": first.isoformat(), "periodEnd": last.isoformat()},
    }


def reactivation_due(profile: f.Profile, number: int, days: int) -> JSON:
    """The `number`-th message since the user was last active, `days` days ago."""
    return {"user": user_shape(profile), "reactivation": {"messageNumber": number, "daysSinceLastActive": days}}


def board_changed(catalog: Catalog, time: int, key: str, run: date, group: Group | None, top: Top) -> JSON:
    """`start` and `end` are the board's; `run` is the first day of the run (behaviour, section 11)."""
    places, names = top
    rows = [(rank, -value, user) for rank, (value, _, user) in enumerate(places, 1)]
    users = {row[2]: SimpleNamespace(profile=SimpleNamespace(name=name)) for row, name in zip(rows, names, strict=True)}
    rankings = rankings_shape(cast(World, SimpleNamespace(users=users)), rows)  # all that it wants of a world
    board = catalog.leaderboards[key]
    return {"leaderboard": _board(catalog, time, board, run, group) | {"rankings": rankings}}


def rank_changed(
    catalog: Catalog,
    time: int,
    profile: f.Profile,
    key: str,
    run: date,
    previous_rank: int | None,
    previous_value: int | None,
    rank: int | None,
    value: int | None,
) -> JSON:
    """What one request did to somebody's place in a run, by an own score or by another user's."""
    board = catalog.leaderboards[key]
    before: JSON = {"previousRank": previous_rank, "previousValue": previous_value}
    after = standing_shape(f.Standing(rank, value)) | before
    return {
        "user": user_shape(profile),
        "leaderboard": _board(catalog, time, board, run, group_of(board, profile.attributes)) | after,
    }


def _board(catalog: Catalog, time: int, board: Leaderboard, run: date, group: Group | None) -> JSON:
    return {**board_shape(catalog, board, time), "run": run.isoformat(), **breakdown_shape(board, group)}

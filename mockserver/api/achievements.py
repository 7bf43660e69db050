"""Achievements: schemas `AchievementResponse`, `UserAchievementResponse` and the two with stats."""

from __future__ import annotations

from typing import Any

import orjson

from mockserver.api.pairs import attribute_pairs
from mockserver.api.points import points_map
from mockserver.api.shared import (
    JSON,
    entries_by_kind,
    event_filters_shape,
    filters_shape,
    find_claimable,
    find_user,
    once_per_row,
    record_with_user,
    today,
)
from mockserver.game.achievements import rarity, visible
from mockserver.game.catalog import Achievement, Catalog
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.facts import AchievementClaimed, Entry
from mockserver.game.metrics import number
from mockserver.game.periods import iso
from mockserver.game.state import Completion
from mockserver.game.users import upsert
from mockserver.game.world import World, matches


@once_per_row
def achievement_shape(catalog: Catalog, row: Achievement) -> JSON:
    """Schema `AchievementResponse`: what belongs to a trigger only on that trigger."""
    shape = {
        "id": row.id,
        "name": row.name,
        "trigger": row.trigger,
        "description": row.description,
        "badgeUrl": row.badge_url,
        "userAttributes": filters_shape(row.user_attributes),
    }
    if row.trigger == "api":
        shape["key"] = row.key
    elif row.trigger == "streak":
        shape["streakLength"] = row.streak_length
    elif row.trigger == "achievement":
        shape["achievementIds"] = [catalog.achievements[key].id for key in row.prerequisites]
    else:
        metric = catalog.metrics[str(row.metric)]
        shape |= {"metricId": metric.id, "metricName": metric.name, "metricValue": number(row.value)}
        shape |= event_filters_shape(row.event_attributes)
    return shape


def user_achievement_shape(catalog: Catalog, row: Achievement, completion: Completion | None) -> JSON:
    """Schema `UserAchievementResponse`."""
    achieved = iso(completion.time) if completion else None
    return achievement_shape(catalog, row) | {"achievedAt": achieved}


def stats_shape(world: World, row: Achievement) -> JSON:
    return {"completions": world.completions[row.key], "rarity": rarity(world, row.key)}


def achievements_all(game: Game, *, user_attributes: str | None = None) -> JSON:
    world, catalog = game.world, game.world.catalog
    pairs = attribute_pairs(user_attributes, world)
    return [
        achievement_shape(catalog, row) | stats_shape(world, row)
        for row in catalog.achievements.values()
        if row.status == "active" and (not pairs or matches(pairs, row.user_attributes))
    ]


def achievements_complete(game: Game, *, key: str, body: dict[str, Any]) -> JSON:
    world = game.world
    achievement = find_claimable(world.catalog, key)
    user_id = body["user"]["id"]
    fact = upsert(world, user_id, body["user"], game.now)
    attributes = fact.profile.attributes if fact else world.users[user_id].profile.attributes
    known = world.users.get(user_id)
    if not (known and key in known.achievements) and not matches(attributes, achievement.user_attributes):
        wanted = ", ".join(f"{row.key}: {row.value}" for row in achievement.user_attributes)
        raise Refused(f"Achievement {key!r} is only for users with the attributes {wanted}.")
    entries: list[Entry] = []
    if not (known and key in known.achievements):
        entries = record_with_user(game, fact, AchievementClaimed(user_id, key))
    elif fact:
        entries = game.record(fact)
    user = world.users[user_id]
    completion = user.achievements[key]
    return {
        "completionId": world.id_of("completion", completion.seq),
        "achievement": user_achievement_shape(world.catalog, achievement, completion),
        "points": orjson.loads(points_map(world, user, entries_by_kind(entries, user_id), today(game, user), [])),
    }


def users_achievements(game: Game, *, id: str, include_incomplete: str | None = None) -> JSON:
    world, user = game.world, find_user(game, id)
    catalog = world.catalog
    done = [catalog.achievements[key] for key in user.achievements if key in catalog.achievements]
    rows = [row for row in done if visible(user, row)]
    if include_incomplete:
        rows += [
            row for row in catalog.achievements.values() if row.key not in user.achievements and visible(user, row)
        ]
    return [
        user_achievement_shape(catalog, row, user.achievements.get(row.key)) | stats_shape(world, row) for row in rows
    ]

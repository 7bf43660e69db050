"""A world at a glance: how many users, how active they are, what they have; its achievements and its points."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

from mockserver.api.achievements import achievement_shape, stats_shape
from mockserver.api.points import boost_shape, level_shape, system_shape, trigger_shape
from mockserver.api.shared import filters_shape
from mockserver.control.request import JSON, ControlRequest
from mockserver.control.sentences import Names, signed
from mockserver.game.catalog import PointsSystem
from mockserver.game.engine import Game
from mockserver.game.periods import iso, utc_day
from mockserver.game.points import users_by_level
from mockserver.game.world import World

DAYS = 60
SLICE = 500  # users who are counted before others get their turn


async def overview(request: ControlRequest) -> JSON:
    """Counts of users, streaks, points, webhooks and facts, and the events of each of the last 60 days."""
    request.query()
    game, context = request.game(), request.context
    world = game.world
    days, events = await _events_by_day(game)
    return {
        "organisation": world.catalog.name,
        "users": len(world.users),
        "activeStreaks": len(world.lengths),
        "longestStreak": -world.lengths[0][0] if world.lengths else 0,
        "points": [
            system_shape(row) | {"total": sum(points * users for points, users in _totals(world, row).items())}
            for row in world.catalog.points.values()
        ],
        "completions": sum(world.completions.values()),
        "events": events,
        "webhooks": context.webhooks.outbox.produced,
        "deliveries": dict(Counter(row.state for row in context.webhooks.log)),
        "facts": len(world.journal),
        "days": days,
    }


def _totals(world: World, system: PointsSystem) -> Counter[int]:
    """How many users hold how many points."""
    return world.totals.get(system.key, Counter())


async def _events_by_day(game: Game) -> tuple[list[JSON], int]:
    """Events and active users of each day, everybody's by the local date; and all events of those days."""
    last = utc_day(game.now)
    first = last - timedelta(days=DAYS - 1)
    events: Counter[int] = Counter()
    active: Counter[int] = Counter()
    for count, user in enumerate(list(game.world.users.values()), 1):
        days: Counter[int] = Counter()
        for progress in user.metrics.values():
            for day, _, number in progress.days.rows(first.toordinal(), last.toordinal()):
                days[day] += number
        events.update(days)
        active.update(days.keys())
        if count % SLICE == 0:
            await asyncio.sleep(0)
    rows = [first + timedelta(days=offset) for offset in range(DAYS)]
    shapes: list[JSON] = [
        {"date": day.isoformat(), "events": events[day.toordinal()], "users": active[day.toordinal()]} for day in rows
    ]
    return shapes, events.total()


def list_achievements(request: ControlRequest) -> JSON:
    """All of the catalog, also those that are not active, each with how many have it."""
    request.query()
    world = request.game().world
    return {
        "achievements": [
            achievement_shape(world.catalog, row)
            | stats_shape(world, row)
            | {"key": row.key, "status": row.status, "prerequisites": list(row.prerequisites)}
            for row in world.catalog.achievements.values()
        ]
    }


def list_points(request: ControlRequest) -> JSON:
    """Every points system with its triggers, its boosts and how many users are at which level."""
    request.query()
    game = request.game()
    return {"systems": [_system(game, system) for system in game.world.catalog.points.values()]}


def _system(game: Game, system: PointsSystem) -> JSON:
    world, names, day = game.world, Names(game.world), utc_day(game.now)
    totals = _totals(world, system)
    at_levels = users_by_level(world, system) if system.levels else []
    return system_shape(system) | {
        "users": sum(users for points, users in totals.items() if points > 0),
        "total": sum(points * users for points, users in totals.items()),
        "triggers": [
            trigger_shape(world.catalog, row) | {"says": f"{signed(row.points)} for {names.trigger(row.id)}"}
            for row in system.triggers
        ],
        "boosts": [
            boost_shape(row, day) | {"userId": row.user, "userAttributes": filters_shape(row.user_attributes)}
            for row in system.boosts
        ],
        "levels": [
            level_shape(level) | {"users": users} for level, users in zip(system.levels, at_levels, strict=True)
        ],
        "belowLevels": len(world.users) - sum(at_levels),
        "now": iso(game.now),
    }

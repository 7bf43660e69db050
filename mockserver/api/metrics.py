"""Metric events and totals: schemas `EventResponse` and `MetricResponse`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from mockserver.api.achievements import user_achievement_shape
from mockserver.api.leaderboards import event_boards
from mockserver.api.points import points_map
from mockserver.api.rendered import GAP, Rendered, Template, Used, text
from mockserver.api.shared import JSON, entries_by_kind, find_metric, find_user, identify, record_with_user
from mockserver.api.streaks import event_streak
from mockserver.game.achievements import visible
from mockserver.game.catalog import Catalog, Frequency, Metric
from mockserver.game.engine import Game
from mockserver.game.facts import AchievementCompleted, Entry, Fact, StreakExtended, StreakStarted
from mockserver.game.metrics import change, millionths, number, summary
from mockserver.game.periods import local_day, zone
from mockserver.game.state import User
from mockserver.game.users import check_attribute_keys, upsert
from mockserver.game.world import World


def metrics_event(game: Game, *, key: str, body: dict[str, Any], idempotency_key: str | None = None) -> JSON:
    metric = find_metric(game.world.catalog, key)
    event, entries, replayed = record_event(game, key, body, idempotency_key)
    user = game.world.users[body["user"]["id"]]
    response = _response(game.world, user, metric, event, entries, game.now)
    if not idempotency_key:
        return response
    return response.content | {"idempotencyKey": idempotency_key, "idempotentReplayed": replayed}


def record_event(
    game: Game, key: str, body: dict[str, Any], idempotency_key: str | None
) -> tuple[int, list[Entry], bool]:
    """Records one event of a known metric. Returns its number, its entries, and whether it is a replay.

    Raises `Refused`, and then nothing is recorded.
    """
    world = game.world
    attributes = body.get("attributes") or {}
    if attributes:
        check_attribute_keys(attributes, world.catalog.event_attributes, "metrics")
    user = body["user"]["id"]
    known = world.users.get(user)
    first = known.keys.get((key, idempotency_key)) if known and known.keys and idempotency_key else None
    if first is not None:
        identify(game, user, body["user"])
        return first, [], True
    identified = upsert(world, user, body["user"], game.now)
    profile = identified.profile if identified else world.users[user].profile
    day = local_day(game.now, zone(profile.tz))
    event = change(world, user, key, millionths(body["value"]), day, attributes, idempotency_key or None)
    entries = record_with_user(game, identified, event)
    number = next(entry[0] for entry in entries if entry[3] is event)
    return number, entries, False


def _response(world: World, user: User, metric: Metric, event: int, entries: list[Entry], now: int) -> Rendered:
    """Schema `EventResponse`: the state after the event, and of the rest only what it changed."""
    happened, day = entries_by_kind(entries, user.profile.id), local_day(now, user.zone)
    used: Used = []
    achievements, streak = _achievements(world.catalog, user, happened), StreakStarted in happened
    body = _template(world.catalog, metric).fill(
        used,
        text(world.id_of("event", event)),
        number(user.total(metric.key)),
        achievements,
        event_streak(world, user, streak or StreakExtended in happened).fill(used),
        points_map(world, user, happened, day, used),
        event_boards(world, happened, day, now, used),
    )
    return Rendered(body, used if achievements == b"[]" else None)


def _template(catalog: Catalog, metric: Metric) -> Template:
    remembered, which = catalog.remembered, ("event", metric.id)
    template: Template | None = remembered.get(which)
    if template is None:
        shape = {
            "eventId": GAP,
            "metricId": metric.id,
            "total": GAP,
            "achievements": GAP,
            "currentStreak": GAP,
            "points": GAP,
            "leaderboards": GAP,
        }
        template = remembered[which] = Template(shape)
    return template


def _achievements(catalog: Catalog, user: User, happened: Mapping[type[Fact], Sequence[Entry]]) -> bytes:
    """Those that were completed, as JSON."""
    if AchievementCompleted not in happened:
        return b"[]"
    facts = [entry.fact for entry in happened[AchievementCompleted]]
    done = [fact.achievement for fact in facts if isinstance(fact, AchievementCompleted)]
    rows = [user_achievement_shape(catalog, catalog.achievements[key], user.achievements[key]) for key in done]
    return orjson.dumps(rows)


def metric_shape(world: World, user: User, metric: Metric) -> JSON:
    """Schema `MetricResponse`, with the metric's achievements, done or not.

    `status` is not in the spec; older official clients refuse a response without it (behaviour, section 4).
    """
    return {
        "id": metric.id,
        "key": metric.key,
        "name": metric.name,
        "status": "active",
        "current": number(user.total(metric.key)),
        "achievements": [
            user_achievement_shape(world.catalog, row, user.achievements.get(row.key))
            for row in world.catalog.achievements_of.get(metric.key, ())
            if visible(user, row)
        ],
    }


def users_all_metrics(game: Game, *, id: str) -> JSON:
    user = find_user(game, id)
    return [metric_shape(game.world, user, row) for row in game.world.catalog.metrics.values() if row.active]


def users_single_metric(game: Game, *, id: str, key: str) -> JSON:
    user = find_user(game, id)
    return metric_shape(game.world, user, find_metric(game.world.catalog, key))


def users_metric_event_summary(
    game: Game, *, id: str, key: str, aggregation: Frequency, start_date: date, end_date: date
) -> JSON:
    user, catalog = find_user(game, id), game.world.catalog
    progress = user.metrics.get(find_metric(catalog, key).key)
    days = progress.days if progress else None
    rows = summary(days, aggregation, start_date, end_date, catalog.settings.week_start)
    return [{"date": row.date.isoformat(), "total": number(row.total), "change": number(row.change)} for row in rows]

"""Points systems, awards, boosts and levels: schemas `PointsResponse`, `PointsAward`, `PointsBoost`, `PointsLevel`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from mockserver.api.pairs import attribute_pairs
from mockserver.api.rendered import GAP, Template, Used, text
from mockserver.api.shared import (
    JSON,
    event_filters_shape,
    filters_shape,
    find_points,
    find_user,
    once_per_row,
    today,
)
from mockserver.game.catalog import Boost, Catalog, Frequency, Level, PointsSystem, PointsTrigger
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.facts import Entry, Fact, LevelChanged, PointsAwarded
from mockserver.game.metrics import number, summary
from mockserver.game.periods import iso, status_of_days, utc_day
from mockserver.game.points import active_boosts, distribution, users_by_level
from mockserver.game.rows import Award
from mockserver.game.state import User
from mockserver.game.world import World


def system_shape(system: PointsSystem) -> JSON:
    """Schema `PointsResponse`."""
    return {
        "id": system.id,
        "key": system.key,
        "name": system.name,
        "description": system.description,
        "badgeUrl": system.badge_url,
        "maxPoints": system.max_points,
    }


def level_shape(level: Level | None) -> JSON:
    """Schema `PointsLevel`, or None."""
    if level is None:
        return None
    return {
        "id": level.id,
        "key": level.key,
        "name": level.name,
        "description": level.description,
        "badgeUrl": level.badge_url,
        "points": level.points,
    }


def boost_shape(boost: Boost, day: date) -> JSON:
    """Schema `PointsBoost`, with the status that it has on `day`."""
    return {
        "id": boost.id,
        "name": boost.name,
        "status": status_of_days(boost.start, boost.end, day),
        "start": boost.start.isoformat(),
        "end": boost.end.isoformat() if boost.end else None,
        "multiplier": number(boost.multiplier),
        "rounding": boost.rounding,
    }


@once_per_row
def trigger_shape(catalog: Catalog, row: PointsTrigger) -> JSON:
    """Schema `PointsTrigger`: what belongs to a type only on that type."""
    shape = {
        "id": row.id,
        "type": row.type,
        "points": row.points,
        "status": row.status,
        "userAttributes": filters_shape(row.user_attributes),
        "created": iso(row.created),
        "updated": iso(row.updated),
    }
    if row.type == "metric":
        metric = catalog.metrics[str(row.metric)]
        shape |= {"metricId": metric.id, "metricName": metric.name, "metricThreshold": row.threshold}
        shape |= event_filters_shape(row.event_attributes)
    elif row.type == "streak":
        shape["streakLengthThreshold"] = row.threshold
    elif row.type == "achievement":
        achievement = catalog.achievements[str(row.achievement)]
        shape |= {"achievementId": achievement.id, "achievementName": achievement.name}
    elif row.type == "time":
        shape |= {"timeUnit": row.time_unit, "timeInterval": row.time_interval}
    return shape


def award_shape(world: World, award: Award, day: date) -> JSON:
    """Schema `PointsAward`; boosts with their status on the user's local `day`."""
    known, key = world.catalog.remembered, (award.trigger, award.boosts, day)
    causes = known.get(key)
    if causes is None:
        causes = known[key] = _causes_shape(world.catalog, award.trigger, award.boosts, day)
    return _award(world.id_of("award", award.seq), award.awarded, iso(award.time), award.total, causes)


def _award(id: JSON, awarded: JSON, date: JSON, total: JSON, causes: JSON) -> JSON:
    return {"id": id, "awarded": awarded, "date": date, "total": total, **causes}


def _causes_shape(catalog: Catalog, trigger_id: str, boosts: Sequence[str], day: date) -> JSON:
    shape: JSON = {}
    trigger = catalog.triggers_by_id.get(trigger_id)
    if trigger is not None:  # a changed catalog may have dropped it
        shape["trigger"] = trigger_shape(catalog, trigger)
    known = catalog.boosts_by_id
    shape["boosts"] = [boost_shape(known[key], day) for key in boosts if key in known]
    return shape


def change_shape(world: World, system: PointsSystem, awards: Sequence[Award], total: int, day: date) -> JSON:
    """Schema `MetricEventPointsResponse` without `level`; the newest award first."""
    rows = sorted(awards, key=lambda row: -row.seq)
    added = sum([row.awarded for row in rows])
    return _change(system, total, added, [award_shape(world, row, day) for row in rows])


def _change(system: PointsSystem, total: JSON, added: JSON, awards: JSON) -> JSON:
    return system_shape(system) | {"total": total, "added": added, "awards": awards}


def points_map(
    world: World, user: User, happened: Mapping[type[Fact], Sequence[Entry]], day: date, used: Used
) -> bytes:
    """What happened to the user's points, by system: only systems that were affected. Schema
    `MetricEventPointsResponse`, with `level` when it is another than before."""
    if PointsAwarded not in happened:
        return b"{}"
    catalog, added, awards = world.catalog, dict[str, int](), dict[str, list[bytes]]()
    for seq, time, _, fact in happened[PointsAwarded]:
        assert isinstance(fact, PointsAwarded)
        _, key, trigger, awarded, total, _, boosts = fact
        template = _award_template(catalog, trigger, boosts, day)
        row = template.fill(used, text(world.id_of("award", seq)), awarded, text(iso(time)), total)
        added[key] = added.get(key, 0) + awarded
        awards.setdefault(key, []).append(row)
    members = []
    for key, rows in awards.items():
        total = user.points(key)
        template = _change_template(catalog, catalog.points[key], total, _level_changes(happened, key))
        members.append(template.fill(used, total, added[key], b"[%b]" % b",".join(rows[::-1])))
    return b"{%b}" % b",".join(members)


def _level_changes(happened: Mapping[type[Fact], Sequence[Entry]], system: str) -> bool:
    """Whether a user is at another level of a system than before all this."""
    if LevelChanged not in happened:
        return False
    facts = [entry.fact for entry in happened[LevelChanged]]
    changes = [fact for fact in facts if isinstance(fact, LevelChanged) and fact.system == system]
    return bool(changes) and changes[0].previous != changes[-1].level


def _award_template(catalog: Catalog, trigger: str, boosts: tuple[str, ...], day: date) -> Template:
    known, which = catalog.remembered, ("award", trigger, boosts, day)
    template: Template | None = known.get(which)
    if template is None:
        shape = _award(GAP, GAP, GAP, GAP, _causes_shape(catalog, trigger, boosts, day))
        template = known[which] = Template(shape)
    return template


def _change_template(catalog: Catalog, system: PointsSystem, total: int, levelled: bool) -> Template:
    level = system.level_at(total) if levelled else None
    known, which = catalog.remembered, ("change", system.id, levelled, level)
    template: Template | None = known.get(which)
    if template is None:
        shape = _change(system, GAP, GAP, GAP) | ({"level": level_shape(level)} if levelled else {})
        template = known[which] = Template(shape, system.key)
    return template


def users_points(game: Game, *, id: str, key: str, awards: int) -> JSON:
    user, system = find_user(game, id), find_points(game.world.catalog, key)
    account, day = user.accounts.get(key), today(game, user)
    rows = account.awards.newest(awards)[::-1] if account else []
    return system_shape(system) | {
        "total": user.points(key),
        "level": level_shape(system.level_at(user.points(key))),
        "awards": [award_shape(game.world, row, day) for row in rows],
    }


def users_points_boosts(game: Game, *, id: str, key: str) -> JSON:
    user, system = find_user(game, id), find_points(game.world.catalog, key)
    day = today(game, user)
    return [boost_shape(boost, day) for boost in active_boosts(game.world.catalog, system, user, day)]


def users_points_event_summary(
    game: Game, *, id: str, key: str, aggregation: Frequency, start_date: date, end_date: date
) -> JSON:
    user, system = find_user(game, id), find_points(game.world.catalog, key)
    account = user.accounts.get(system.key)
    days, week_start = account.days if account else None, game.world.catalog.settings.week_start
    rows = summary(days, aggregation, start_date, end_date, week_start)
    return [{"date": row.date.isoformat(), "total": row.total, "change": row.change} for row in rows]


def points_summary(game: Game, *, key: str, user_attributes: str | None = None) -> JSON:
    system = find_points(game.world.catalog, key)
    pairs = attribute_pairs(user_attributes, game.world)
    rows = distribution(game.world, system.key, pairs)
    return [{"from": row.first, "to": row.last, "users": row.users} for row in rows]


def points_system(game: Game, *, key: str) -> JSON:
    catalog = game.world.catalog
    system = find_points(catalog, key)
    triggers = [trigger_shape(catalog, row) for row in system.triggers if row.status == "active"]
    return system_shape(system) | {"triggers": triggers}


def points_boosts(game: Game, *, key: str, include_finished: bool) -> JSON:
    system, day = find_points(game.world.catalog, key), utc_day(game.now)
    shapes = [boost_shape(boost, day) for boost in system.boosts if boost.user is None]
    return [shape for shape in shapes if include_finished or shape["status"] != "finished"]


def points_levels(game: Game, *, key: str) -> JSON:
    return [level_shape(level) for level in find_points(game.world.catalog, key).levels]


def points_level_summary(game: Game, *, key: str) -> JSON:
    system = find_points(game.world.catalog, key)
    if not system.levels:
        raise Refused(f"Points system {key!r} has no levels.")
    users = users_by_level(game.world, system)
    return [{"level": level_shape(level), "users": number} for level, number in zip(system.levels, users, strict=True)]

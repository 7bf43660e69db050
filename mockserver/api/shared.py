"""Look-ups that several operations share: users, catalog rows, attribute pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any, TypeVar

from mockserver.game.catalog import Achievement, Catalog, Filters, Leaderboard, Metric, PointsSystem, PointsTrigger
from mockserver.game.engine import Game
from mockserver.game.errors import NotFound
from mockserver.game.facts import Entry, Fact, UserChanged, UserCreated
from mockserver.game.nearest import suggestion
from mockserver.game.periods import local_day
from mockserver.game.state import User
from mockserver.game.users import upsert

JSON = Any
Row = TypeVar("Row", Achievement, Leaderboard, PointsTrigger)


def once_per_row(make: Callable[[Catalog, Row], JSON]) -> Callable[[Catalog, Row], JSON]:
    """For a shape that depends on nothing but the catalog: made once, then shared. Copy it before you change it."""

    def shape(catalog: Catalog, row: Row) -> JSON:
        known = catalog.remembered.get(row.id)
        if known is None or known[0] is not row:
            known = catalog.remembered[row.id] = row, make(catalog, row)
        return known[1]

    return shape


def entries_by_kind(entries: Iterable[Entry], user: str) -> dict[type[Fact], list[Entry]]:
    """The entries about a user, by the type of their fact."""
    found: dict[type[Fact], list[Entry]] = {}
    for entry in entries:
        fact = entry[3]
        if fact[0] == user:
            kind = type(fact)
            if kind in found:
                found[kind].append(entry)
            else:
                found[kind] = [entry]
    return found


def find_user(game: Game, user_id: str) -> User:
    """Raises `NotFound`."""
    user = game.world.users.get(user_id)
    if user is None:
        raise NotFound(f"User {user_id!r} was not found.")
    return user


def find_metric(catalog: Catalog, key: str) -> Metric:
    """An active metric; raises `NotFound`."""
    metric = catalog.metrics.get(key)
    if metric is None or not metric.active:
        active = (key for key, row in catalog.metrics.items() if row.active)
        raise NotFound(f"Metric {key!r} was not found{suggestion(key, active)}")
    return metric


def find_points(catalog: Catalog, key: str) -> PointsSystem:
    """Raises `NotFound`."""
    if key not in catalog.points:
        raise NotFound(f"Points system {key!r} was not found{suggestion(key, catalog.points)}")
    return catalog.points[key]


def find_board(catalog: Catalog, key: str) -> Leaderboard:
    """Raises `NotFound`."""
    if key not in catalog.leaderboards:
        raise NotFound(f"Leaderboard {key!r} was not found{suggestion(key, catalog.leaderboards)}")
    return catalog.leaderboards[key]


def find_claimable(catalog: Catalog, key: str) -> Achievement:
    """An active achievement that the application completes itself; raises `NotFound`."""
    achievement = catalog.achievements.get(key)
    if achievement is None or not _claimable(achievement):
        there = (key for key, row in catalog.achievements.items() if _claimable(row))
        near = "." if achievement else suggestion(key, there)
        raise NotFound(f"Achievement {key!r} was not found among the active ones with the trigger 'api'{near}")
    return achievement


def _claimable(achievement: Achievement) -> bool:
    return achievement.trigger == "api" and achievement.status == "active"


def today(game: Game, user: User) -> date:
    """The user's local day."""
    return local_day(game.now, user.zone)


def identify(game: Game, user: str, fields: dict[str, Any]) -> list[Entry]:
    """Upserts a user; the entries are empty when nothing changed. Raises `Refused`."""
    fact = upsert(game.world, user, fields, game.now)
    return game.record(fact) if fact else []


def record_with_user(game: Game, identified: UserCreated | UserChanged | None, fact: Fact) -> list[Entry]:
    """Records a user's new profile, if it changed, and the fact, as one request."""
    return game.record(identified, fact) if identified else game.record(fact)


def filters_shape(filters: Filters) -> JSON:
    return [{"key": row.key, "value": row.value} for row in filters]


def event_filters_shape(filters: Filters) -> JSON:
    """`eventAttributes`, and the deprecated `eventAttribute` when there is exactly one (behaviour, section 6)."""
    rows = filters_shape(filters)
    return {"eventAttributes": rows, "eventAttribute": rows[0]} if len(rows) == 1 else {"eventAttributes": rows}

"""The catalog as lists: a page of rows, or one row by its id."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from mockserver.admin import shapes
from mockserver.admin.shapes import JSON, attributes
from mockserver.game.catalog import PointsSystem, PointsTrigger
from mockserver.game.engine import Game
from mockserver.game.errors import NotFound


class Collection(NamedTuple):
    """The functions of two calls: a list (`limit` and `skip`), and one row by `id`."""

    list: Callable[..., JSON]
    get: Callable[..., JSON]


def page(rows: Iterable[JSON], limit: int, skip: int) -> JSON:
    return [*rows][skip : skip + limit]


def found(rows: Iterable[Any], noun: str, id: str) -> Any:
    """The one of that id; raises `NotFound`."""
    for row in rows:
        if row.id == id:
            return row
    raise NotFound(f"{noun} {id!r} was not found; the list has the ids.")


class _Of:
    """A kind of row: where an organisation's rows are, and the JSON of one."""

    def __init__(self, noun: str, rows: Callable[[Game], Iterable[Any]], shape: Callable[[Game, Any], JSON]) -> None:
        self.noun, self.rows, self.shape = noun, rows, shape

    def collection(self, name: str) -> Collection:
        def list_(game: Game, *, limit: int, skip: int) -> JSON:
            return page((self.shape(game, row) for row in self.rows(game)), limit, skip)

        def get(game: Game, *, id: str) -> JSON:
            return self.shape(game, found(self.rows(game), self.noun, id))

        return _named(name, list_, get)


class _Within:
    """A kind of row that belongs to one points system."""

    def __init__(
        self, noun: str, rows: Callable[[PointsSystem], Iterable[Any]], shape: Callable[[Game, Any], JSON]
    ) -> None:
        self.noun, self.rows, self.shape = noun, rows, shape

    def collection(self, name: str) -> Collection:
        def list_(game: Game, *, system_id: str, limit: int, skip: int) -> JSON:
            return page((self.shape(game, row) for row in self._in(game, system_id)), limit, skip)

        def get(game: Game, *, system_id: str, id: str) -> JSON:
            return self.shape(game, found(self._in(game, system_id), self.noun, id))

        return _named(name, list_, get)

    def _in(self, game: Game, system_id: str) -> Iterable[Any]:
        system: PointsSystem = found(game.world.catalog.points.values(), "Points system", system_id)
        return self.rows(system)


def _named(name: str, list_: Callable[..., JSON], get: Callable[..., JSON]) -> Collection:
    list_.__name__, get.__name__ = f"admin_{name}_list", f"admin_{name}_get"
    return Collection(list_, get)


def _shown(row: PointsTrigger) -> bool:
    return row.status != "archived"


ATTRIBUTES = _Of("Attribute", lambda game: attributes(game.world.catalog), shapes.attribute).collection("attributes")
METRICS = _Of(
    "Metric", lambda game: (row for row in game.world.catalog.metrics.values() if row.active), shapes.metric
).collection("metrics")
ACHIEVEMENTS = _Of("Achievement", lambda game: game.world.catalog.achievements.values(), shapes.achievement).collection(
    "achievements"
)
SYSTEMS = _Of("Points system", lambda game: game.world.catalog.points.values(), shapes.system).collection(
    "points_systems"
)
LEVELS = _Within("Points level", lambda system: system.levels, shapes.level).collection("points_levels")
BOOSTS = _Within("Points boost", lambda system: system.boosts, shapes.boost).collection("points_boosts")
TRIGGERS = _Within("Points trigger", lambda system: filter(_shown, system.triggers), shapes.trigger).collection(
    "points_triggers"
)
BOARDS = _Of("Leaderboard", lambda game: game.world.catalog.leaderboards.values(), shapes.board).collection(
    "leaderboards"
)

"""Faults of the catalog: each of its settings is ignored, has its default or is taken for its neighbour."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import date, timedelta
from typing import Any, get_args, get_type_hints

from mockserver.game import catalog as game
from tests.mutants.fault import Fault

SETTING = "a setting of the catalog"
#: Names by which other rows refer to a row, and what says who is asked: no settings.
_NAMES = {"id", "key", "metric", "achievement", "points_system", "created", "updated", "url", "secret"}
#: Whose settings are changed.
_KINDS = (
    game.Metric,
    game.StreakCondition,
    game.Freezes,
    game.Streak,
    game.Achievement,
    game.PointsTrigger,
    game.Level,
    game.Boost,
    game.PointsSystem,
    game.Leaderboard,
    game.AttributeFilter,
    game.Settings,
)
Alter = Callable[[Any], Any]


def altered(value: Any, kind: type[Any], name: str, alter: Alter) -> Any:
    """The same catalog with one setting of each row of that kind altered."""
    if isinstance(value, dict):
        return {key: altered(one, kind, name, alter) for key, one in value.items()}
    if isinstance(value, tuple):
        return tuple(altered(one, kind, name, alter) for one in value)
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changes = {row.name: altered(getattr(value, row.name), kind, name, alter) for row in fields(value)}
    if isinstance(value, kind):
        changes[name] = alter(changes[name])
    return replace(value, **changes)


def patched(kind: type[Any], name: str, alter: Alter) -> Callable[[], None]:
    """Worlds live by a catalog that differs from the one they were given, which is what the control plane shows."""

    def patch() -> None:
        worlds: Any = importlib.import_module("mockserver.worlds")
        world, changed = worlds.World, worlds.CatalogChanged
        worlds.World = lambda catalog, *rest: world(_safely(catalog, kind, name, alter), *rest)
        worlds.CatalogChanged = lambda catalog: changed(_safely(catalog, kind, name, alter))

    return patch


def _safely(catalog: Any, kind: type[Any], name: str, alter: Alter) -> Any:
    return altered(catalog, kind, name, alter)


def _neighbours(value_type: str, values: tuple[Any, ...]) -> Iterator[tuple[str, Alter]]:
    if values and all(isinstance(one, str) for one in values):
        for one in values:
            yield f"always {one}", _always(one)
    elif "bool" in value_type:
        yield "its neighbour", lambda value: not value
    elif "int" in value_type:
        yield "its neighbour", _moved(1)
        yield "its neighbour below", _moved(-1)
    elif "float" in value_type:
        yield "its neighbour", lambda value: min(1.0, value + 0.5)
    elif "date" in value_type:
        yield "its neighbour", _later(1)
        yield "its neighbour below", _later(-1)
    elif "tuple" in value_type or "Filters" in value_type:
        yield "its first alone", lambda value: value[:1] if value else value
        yield "without its last", lambda value: value[:-1] if value else value


def _always(wanted: Any) -> Alter:
    return lambda value: wanted if value is not None else value


def _moved(by: int) -> Alter:
    """Amounts in millionths are moved by a whole one."""

    def alter(value: Any) -> Any:
        if value is None or isinstance(value, bool) or value == 0:
            return value
        step = by * game.MICRO if abs(value) >= game.MICRO and value % 1000 == 0 else by
        return value + step if value + step > 0 or value < 0 else value

    return alter


def _later(days: int) -> Alter:
    return lambda value: value + timedelta(days=days) if isinstance(value, date) else value


def faults() -> Iterator[Fault]:
    for kind in _KINDS:
        hints = get_type_hints(kind, vars(game))
        for row in fields(kind):
            if row.name in _NAMES:
                continue
            title = f"{kind.__name__} {row.name}"
            if row.default is not dataclasses.MISSING:
                yield Fault(f"{title}: its default instead", SETTING, patch=patched(kind, row.name, _default(row)))
            literals = tuple(one for one in get_args(hints[row.name]) if isinstance(one, str))
            literals = literals or _literals_within(hints[row.name])
            for what, alter in _neighbours(str(row.type), literals):
                yield Fault(f"{title}: {what}", SETTING, patch=patched(kind, row.name, alter))


def _literals_within(hint: Any) -> tuple[str, ...]:
    return tuple(value for part in get_args(hint) for value in get_args(part) if isinstance(value, str))


def _default(row: Any) -> Alter:
    return lambda value: row.default

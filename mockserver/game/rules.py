"""Tables of rules: fact → the rules that react to it, each in its phase; and what a catalog leaves of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from mockserver.game import facts as f
from mockserver.game.catalog import Catalog

if TYPE_CHECKING:
    from mockserver.game.world import World

Rule = Callable[["World", f.Entry], Iterable[f.Fact]]

# The facts whose second field is the key of a row of the catalog that they are about: a metric, an achievement, a
# points system.
ABOUT_A_ROW = {f.MetricChanged, f.AchievementClaimed, f.AchievementCompleted, f.PointsAwarded, f.PointsChanged}

Use = Callable[[Catalog, str], bool]


class Reaction(NamedTuple):
    """A rule, its phase, and `use`: whether it can yield anything under a catalog, for a fact about the row of that
    key (empty for other facts)."""

    phase: int
    rule: Rule
    use: Use = lambda catalog, key: True


class Rules:
    """A table, and for each catalog what is left of it."""

    def __init__(self, table: Mapping[type[f.Fact], tuple[Reaction, ...]]) -> None:
        self._table = table

    def under(self, catalog: Catalog) -> Narrowed:
        """Found once for each catalog."""
        narrowed: Narrowed | None = catalog.narrowed.get(id(self))
        if narrowed is None:
            narrowed = catalog.narrowed[id(self)] = Narrowed(self._table, catalog)
        return narrowed


class Narrowed(dict[tuple[type[f.Fact], str], tuple[tuple[int, Rule], ...]]):
    """The rules that can yield something, by the kind of fact and the key of the row that it is about; in the order of
    their phases."""

    def __init__(self, table: Mapping[type[f.Fact], tuple[Reaction, ...]], catalog: Catalog) -> None:
        self._table, self._catalog = table, catalog

    def __missing__(self, which: tuple[type[f.Fact], str]) -> tuple[tuple[int, Rule], ...]:
        kind, key = which
        rows = sorted(self._table.get(kind, ()), key=lambda row: row.phase)
        found = self[which] = tuple((row.phase, row.rule) for row in rows if row.use(self._catalog, key))
        return found

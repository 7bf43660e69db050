"""A catalog before it is put into force: what is wrong with it and where, and what it would change."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterator
from typing import Any

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.catalogs.problems import Path, dotted
from mockserver.control.facts import fact_shape
from mockserver.control.request import JSON, ControlRequest
from mockserver.control.worlds import given_catalog, read_catalog
from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game
from mockserver.game.facts import CatalogChanged, Entry
from mockserver.printable import printable
from mockserver.worlds import Organisation

FIRST_FACTS = 100


async def try_catalog(request: ControlRequest) -> JSON:
    """Reads a catalog as `PUT /_mock/catalog` does. Returns its problems, or what it would change. Changes nothing."""
    context = request.context
    organisation = context.organisation
    given = given_catalog(request)
    try:
        catalog = read_catalog(given, organisation.first_day)
    except CatalogError as error:
        problems = [
            {"line": row.line or None, "path": printable(dotted(row.path)), "message": printable(row.message)}
            for row in error.problems
        ]
        return {"valid": False, "problems": problems, "changes": [], "counts": {}, "facts": []}
    async with context.move_lock:
        counts, facts = _preview(organisation, catalog)
    return {
        "valid": True,
        "problems": [],
        "changes": list(changes(catalogs.dump(organisation.catalog), catalogs.dump(catalog))),
        "counts": dict(sorted(counts.items())),
        "facts": facts,
    }


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[JSON]:
    """What one catalog has and the other has not, by path: tables field by field, anything else as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in {**old, **new}:
            yield from changes(old.get(name), new.get(name), (*path, name))
    elif old != new:
        change = "added" if old is None else "removed" if new is None else "changed"
        yield {"path": dotted(path), "change": change, "from": old, "to": new}


def _preview(organisation: Organisation, catalog: Catalog) -> tuple[Counter[str], list[JSON]]:
    """The facts that would follow, found out on a copy of each population."""
    organisation.catch_up(organisation.clock.now())
    counts: Counter[str] = Counter()
    first: list[JSON] = []
    for game in organisation.games.values():
        copy = Game(pickle.loads(pickle.dumps(game.world, protocol=5)), now=game.now)
        entries: list[Entry] = copy.record(CatalogChanged(catalog))
        counts.update(type(entry.fact).__name__ for entry in entries)
        first += [fact_shape(copy.world, entry) for entry in entries[: FIRST_FACTS - len(first)]]
    return counts, first

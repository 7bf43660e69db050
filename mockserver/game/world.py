"""One population and all that it did. `World.apply` is the only writer, and it decides nothing."""

from __future__ import annotations

from mockserver.game.facts import Entry
from mockserver.game.population import Population
from mockserver.game.ranking import group_of, whole_value
from mockserver.game.state import matches
from mockserver.game.writers import WRITERS

__all__ = ["World", "group_of", "matches", "whole_value"]


class World(Population):
    """The state that follows from a catalog and a journal: replaying the journal gives an equal world."""

    def as_of(self, last: int) -> World:
        """The world made again from its journal, up to that entry. This one may be broken, its journal's end too."""
        again = World(self.first_catalog, self.seed, self.born, self.ids.key)
        for entry in self.journal:
            if entry.seq == again.journal.last + 1 and entry.seq <= last:
                again.apply(entry)
        return again

    def apply(self, entry: Entry) -> None:
        """Writes one fact down: in the journal and in the state that it changes."""
        self.journal.append(entry)
        _, self.time, _, fact = entry
        writer = WRITERS.get(type(fact))
        if writer is not None:
            writer(self, entry, fact)

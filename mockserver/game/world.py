"""One population and all that it did. `World.apply` is the only writer, and it never thinks."""

from __future__ import annotations

import hashlib
from collections import Counter
from datetime import date

from sortedcontainers import SortedList

from mockserver.game.catalog import Catalog
from mockserver.game.facts import Entry
from mockserver.game.journal import Journal
from mockserver.game.ranking import Run, group_of, whole_value
from mockserver.game.state import Person, matches
from mockserver.game.writers import WRITERS

__all__ = ["World", "group_of", "matches", "whole_value"]


class World:
    """The state that follows from a catalog and a journal: replaying the journal gives an equal world."""

    def __init__(self, catalog: Catalog, seed: str, born: int) -> None:
        self.catalog = catalog
        self.seed = seed
        self.born = born
        self.time = born
        self.journal = Journal()
        self.users: dict[str, Person] = {}
        self.completions: Counter[str] = Counter()
        self.totals: dict[str, Counter[int]] = {}
        self.lengths: SortedList = SortedList()
        self.longest: SortedList = SortedList()
        self.runs: dict[str, dict[date, Run]] = {}
        self.boosts_begun: set[str] = set()
        self.boosts_ended: set[str] = set()

    def id_of(self, kind: str, number: int) -> str:
        """A UUID (version 5 in form) that depends on nothing but the seed, the kind and the number."""
        digest = hashlib.sha1(f"{self.seed}/{kind}/{number}".encode(), usedforsecurity=False).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"

    def run(self, board: str, day: date) -> Run | None:
        """The run that begins on `day`, None while nobody has scored in it."""
        runs = self.runs.get(board)
        return runs.get(day) if runs else None

    def apply(self, entry: Entry) -> None:
        """Writes one fact down: in the journal and in the state that it changes."""
        self.journal.append(entry)
        self.time = entry.time
        writer = WRITERS.get(type(entry.fact))
        if writer is not None:
            writer(self, entry, entry.fact)

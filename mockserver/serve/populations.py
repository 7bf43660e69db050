"""Seeded populations, kept in memory: the next world with the same seed, users and time need not be seeded again.

What users do follows from the catalog, the seed, how many they are and the time alone, not from the API key of their
world. The key is in the ids only, and these are made when somebody reads them.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections import OrderedDict
from typing import Any

from mockserver.game.engine import Game
from mockserver.game.world import World
from mockserver.garbage import without_collecting
from mockserver.seed import Report, capturing
from mockserver.seed import populate as populate_anew
from mockserver.serve.population_files import PopulationFiles
from mockserver.webhooks.bodies import derive_events

MOST_BYTES = 64 * 2**20
MOST_USERS = 2_000  # more weigh so much that they are not worth keeping


class PopulationCache:
    """The populations used last, by what they follow from; `most` bytes of them. Safe for threads."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self.files = PopulationFiles(None)  # where else populations may be found
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """In bytes."""
        return sum(map(len, self._kept.values()))

    def populate(self, game: Game, *, seed: int, users: int, until: int, report: Report | None = None) -> list[Any]:
        """Fills an empty population as `mockserver.seed.populate` does, from the cache where it can.
        Returns what the webhooks of the last two days are made from, to which the game adds until it is observed
        otherwise."""
        if users > MOST_USERS:
            return populate_anew(game, seed=seed, users=users, until=until, report=report, capture=derive_events)
        name = _name(game.world, seed, users, until)
        kept = self._find(name) or self._read_file(name)
        if kept is None:
            captured = populate_anew(game, seed=seed, users=users, until=until, report=report, capture=derive_events)
            with without_collecting():
                state = pickle.dumps((game.world, game.now, captured), protocol=5)
            self._keep(name, state)
            self.files.keep(name, state)
            return captured
        with without_collecting():
            world, now, captured = pickle.loads(kept)
        world.ids.key = game.world.ids.key
        game.replace_world(world, now)
        game.observe = capturing(captured, derive_events)
        return captured  # type: ignore[no-any-return]

    def _find(self, name: bytes) -> bytes | None:
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None:
                self._kept.move_to_end(name)
            return kept

    def _read_file(self, name: bytes) -> bytes | None:
        """From the files, if it can be read."""
        state = self.files.find(name)
        if state is None:
            return None
        try:
            pickle.loads(state)
        except Exception:  # whatever is wrong with it, seeding again gives the same
            return None
        self._keep(name, state)
        return state

    def _keep(self, name: bytes, state: bytes) -> None:
        with self._lock:
            self._kept[name] = state
            while self.weight > self._most:
                self._kept.popitem(last=False)


def _name(world: World, seed: int, users: int, until: int) -> bytes:
    """A digest of all that a population follows from. A catalog's `repr` has all its fields in order."""
    given = (world.catalog, world.seed, world.born, seed, users, until)
    return hashlib.sha256(repr(given).encode()).digest()


POPULATIONS = PopulationCache()  # of this process: all servers in it share it

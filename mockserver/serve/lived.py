"""Populations that have lived, kept as they were at the end of it: the next world like one before need not live again.

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
from mockserver.seed import Report, collecting
from mockserver.seed import populate as live
from mockserver.serve.shelf import Shelf
from mockserver.webhooks.bodies import see

MOST_BYTES = 64 * 2**20
MOST_USERS = 2_000  # more weigh so much that they are not worth keeping


class Lived:
    """The populations used last, by what they follow from; `most` bytes of them. Any thread may ask."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self.shelf = Shelf(None)  # where else populations may be found
        self._kept: OrderedDict[bytes, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def weight(self) -> int:
        """In bytes."""
        return sum(map(len, self._kept.values()))

    def populate(self, game: Game, *, seed: int, users: int, until: int, report: Report | None = None) -> list[Any]:
        """Fills an empty population as `mockserver.seed.populate` does, whether somebody has lived like this or not.
        Returns what the webhooks of the last two days are made from, to which the game adds until it is observed
        otherwise."""
        if users > MOST_USERS:
            return live(game, seed=seed, users=users, until=until, report=report, glimpse=see)
        name = _name(game.world, seed, users, until)
        kept = self._find(name) or self._take_down(name)
        if kept is None:
            seen = live(game, seed=seed, users=users, until=until, report=report, glimpse=see)
            with without_collecting():
                state = pickle.dumps((game.world, game.now, seen), protocol=5)
            self._keep(name, state)
            self.shelf.keep(name, state)
            return seen
        with without_collecting():
            world, now, seen = pickle.loads(kept)
        world.ids.key = game.world.ids.key
        game.become(world, now)
        game.observe = collecting(seen, see)
        return seen  # type: ignore[no-any-return]

    def _find(self, name: bytes) -> bytes | None:
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None:
                self._kept.move_to_end(name)
            return kept

    def _take_down(self, name: bytes) -> bytes | None:
        """From the shelf, if it can be read."""
        state = self.shelf.find(name)
        if state is None:
            return None
        try:
            pickle.loads(state)
        except Exception:  # whatever is wrong with it, living again gives the same
            return None
        self._keep(name, state)
        return state

    def _keep(self, name: bytes, state: bytes) -> None:
        with self._lock:
            self._kept[name] = state
            while self.weight > self._most:
                self._kept.popitem(last=False)


def _name(world: World, seed: int, users: int, until: int) -> bytes:
    """Of all that a life follows from. A catalog's `repr` has all its fields, and them alone, in their order."""
    given = (world.catalog, world.seed, world.born, seed, users, until)
    return hashlib.sha256(repr(given).encode()).digest()


LIVED = Lived()  # of this process: each server in it may have lived for the others

"""A run and its users as they are now, or as they were after an earlier fact: what webhooks of scores are made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from mockserver.game.facts import Profile
from mockserver.game.moves import NOBODY, Move
from mockserver.game.places import Place
from mockserver.game.ranking import Run
from mockserver.game.world import World

Group = tuple[str, ...]


class View(Protocol):
    """`limit`: of places that the board shows."""

    limit: int

    def size(self, group: Group) -> int:
        """How many are ranked in a group."""
        ...

    def places(self, group: Group, start: int, stop: int) -> list[Place]:
        """Those from `start` on, before `stop`, from 0. Only value and user of each count."""
        ...

    def profile(self, user: str) -> Profile: ...


class CurrentRun:
    """As they are."""

    __slots__ = ("_run", "_world", "limit")

    def __init__(self, world: World, run: Run) -> None:
        self._world, self._run, self.limit = world, run, run.limit

    def size(self, group: Group) -> int:
        ranking = self._run.rankings.get(group)
        return 0 if ranking is None else len(ranking)

    def places(self, group: Group, start: int, stop: int) -> list[Place]:
        return self._run.ranking(group)[start:stop]

    def profile(self, user: str) -> Profile:
        return self._world.users[user].profile


class PastRun:
    """As they were: the moves since then are taken back, the newest first. Goes only further back."""

    def __init__(self, world: World, run: Run) -> None:
        self._world = world
        self._moves: Iterator[Move] = run.moves.newest()
        self._move = next(self._moves, None)  # the newest that is not taken back
        self._rankings = {group: list(ranking) for group, ranking in run.rankings.items()}
        self._users, self._groups = list(run.scores), list(run.groups)
        self._seq = world.journal.last
        self.limit = run.limit

    def back_to(self, seq: int) -> PastRun:
        """After the fact of that number."""
        self._seq = seq
        while self._move is not None and self._move[0] > seq:
            self._take_back(self._move)
            self._move = next(self._moves, None)
        return self

    def _take_back(self, move: Move) -> None:
        _, _, who, left, before, value, into, after, _ = move
        if who == NOBODY:
            self.limit = before
            return
        group, old = self._groups[into], self._groups[left]
        if after and group is not None:
            del self._rankings[group][after - 1]
        if before and old is not None:
            self._rankings.setdefault(old, []).insert(before - 1, (-value, 0, self._users[who]))

    def size(self, group: Group) -> int:
        return len(self._rankings.get(group, ()))

    def places(self, group: Group, start: int, stop: int) -> list[Place]:
        return self._rankings.get(group, [])[start:stop]

    def profile(self, user: str) -> Profile:
        return self._world.profile_at(user, self._seq)


class PastRuns:
    """Views of runs as they were, for what is asked about from the newest backwards."""

    def __init__(self) -> None:
        self._views: dict[int, tuple[Run, PastRun]] = {}

    def of(self, world: World, run: Run, seq: int) -> PastRun:
        """After the fact of that number, which is no newer than the one before that was asked about."""
        known = self._views.get(id(run))
        if known is None:
            known = self._views[id(run)] = run, PastRun(world, run)
        return known[1].back_to(seq)

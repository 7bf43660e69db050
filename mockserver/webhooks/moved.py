"""Who else moved when somebody's place on a board changed, and which of them are told (behaviour, section 11).

Read off the ranking as it is just after, since everybody between the old place and the new moved by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mockserver.game.facts import ScoreChanged, Standing
from mockserver.game.ranking import Place, Run, shown, taken_back

Group = tuple[str, ...] | None
Move = tuple[str, Standing, Standing]  # of whom; before and after


class Row(NamedTuple):
    """Users in a row, the first of them now at rank `first`, who all were `step` ranks before where they are now."""

    first: int
    step: int
    limit: int
    places: tuple[Place, ...]

    def moves(self) -> Iterator[Move]:
        """What became of each."""
        for rank, (value, _, user) in enumerate(self.places, self.first):
            yield user, shown(rank - self.step, -value, self.limit), shown(rank, -value, self.limit)


def others(run: Run, fact: ScoreChanged, most: int | None) -> list[Row]:
    """The others whose rank changed through a fact that was just applied; `most` of them, None for all."""
    was, now = fact.ranks
    if fact.left is not None:
        return _between(run, fact.left, was, 0, most) + _between(run, fact.group, 0, now, most)
    return [] if was == now else _between(run, fact.group, was, now, most)


def _between(run: Run, group: Group, was: int, now: int, most: int | None) -> list[Row]:
    """Those who moved in a group in which somebody went from rank `was` to `now`; 0: not there."""
    if group is None or was == now:
        return []
    ranking, limit = run.ranking(group), run.limit
    up = now > 0 and (not was or now < was)
    if up:
        first, last, step, edge = now + 1, min(was or len(ranking), limit + 1), 1, limit + 1
    else:
        first, last, step, edge = was, min(now - 1 if now else len(ranking), limit), -1, limit
    if first > last:
        return []
    if most is None or last - first < most:
        return [Row(first, step, limit, tuple(ranking[first - 1 : last]))]
    at_last = last == was if up else last == now - 1  # whether it ends where the user was or is, not with the board
    at_first = (most + up) // 2 if at_last else most
    told = {*range(first, first + at_first), *range(last + 1 - (most - at_first), last + 1)}
    told |= {rank for rank in (1, edge) if first <= rank <= last}
    return [Row(rank, step, limit, (ranking[rank - 1],)) for rank in sorted(told)]


def net(run: Run, facts: list[ScoreChanged], most: int | None) -> Iterator[Move]:
    """What several facts about one run, which were just applied, came to for everybody whose rank is another."""
    own = {fact.user: fact.before for fact in reversed(facts)}
    for user, before in own.items():
        after = run.standing(user)
        if before.rank != after.rank:
            yield user, before, after
    for group in dict.fromkeys(group for fact in facts for group in (fact.left, fact.group) if group is not None):
        yield from _nearest([move for move in _passed(run, group, facts) if move[0] not in own], facts, most)


def _passed(run: Run, group: tuple[str, ...], facts: list[ScoreChanged]) -> Iterator[Move]:
    places = run.ranking(group)[: run.limit + len(facts)]
    for now, (value, _, user) in enumerate(places, 1):
        rank = now
        for fact in reversed(facts):
            rank = taken_back(rank, group, fact.left or fact.group, fact.ranks[0], fact.group, fact.ranks[1])
        before, after = shown(rank, -value, run.limit), shown(now, -value, run.limit)
        if before != after:
            yield user, before, after


def _nearest(moves: list[Move], facts: list[ScoreChanged], most: int | None) -> Iterable[Move]:
    """The `most` nearest to any place that the facts are about, the new first, and who fell off or got on."""
    if most is None or len(moves) <= most:
        return moves
    ends = [rank for fact in facts for rank in fact.ranks if rank]
    near = sorted(moves, key=lambda move: min(abs((move[2].rank or move[1].rank or 0) - end) for end in ends))[:most]
    return [move for move in moves if move in near or move[2].rank == 1 or None in (move[1].rank, move[2].rank)]

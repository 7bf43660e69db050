"""The users who moved when another's place on a board changed, and which of them get webhooks (behaviour, section 11).

Read off the ranking as it is just after, since everybody between the old place and the new moved by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from mockserver.game.facts import ScoreChanged, Standing
from mockserver.game.moves import NOBODY
from mockserver.game.ranking import UNRANKED, Run, shown
from mockserver.webhooks.run_views import View

Group = tuple[str, ...] | None
Move = tuple[str, Standing, Standing]  # of whom; before and after


class Row(NamedTuple):
    """Users in a row in a group, now at the ranks from `first` to `last`, who all were `step` ranks before that."""

    group: tuple[str, ...]
    first: int
    last: int
    step: int

    def moves(self, view: View) -> Iterator[Move]:
        """What became of each."""
        limit = view.limit
        for rank, (value, _, user) in enumerate(view.places(self.group, self.first - 1, self.last), self.first):
            yield user, shown(rank - self.step, -value, limit), shown(rank, -value, limit)


def others(view: View, fact: ScoreChanged, most: int | None) -> list[Row]:
    """The others whose rank changed through a fact, seen just after it; at most `most` of them, None for all."""
    _, _, _, group, left, _, _, _, _, (was, now) = fact
    if left is not None:
        return _between(view, left, was, 0, most) + _between(view, group, 0, now, most)
    return [] if was == now else _between(view, group, was, now, most)


def _between(view: View, group: Group, was: int, now: int, most: int | None) -> list[Row]:
    """Those who moved in a group in which somebody went from rank `was` to `now`; 0: not there."""
    if group is None or was == now:
        return []
    limit, up = view.limit, now > 0 and (not was or now < was)
    if up:
        first, last, step, edge = now + 1, min(was or view.size(group), limit + 1), 1, limit + 1
    else:
        first, last, step, edge = was, min(now - 1 if now else view.size(group), limit), -1, limit
    if first > last:
        return []
    if most is None or last - first < most:
        return [Row(group, first, last, step)]
    at_last = last == was if up else last == now - 1  # whether it ends where the user was or is, not with the board
    at_first = (most + up) // 2 if at_last else most
    reported = {*range(first, first + at_first), *range(last + 1 - (most - at_first), last + 1)}
    reported |= {rank for rank in (1, edge) if first <= rank <= last}
    return [Row(group, rank, rank, step) for rank in sorted(reported)]


class Net(NamedTuple):
    """What all facts about one run came to, from some number on: the groups whose ranking is another, and everybody
    whose rank is, those first who did something themselves."""

    groups: list[tuple[str, ...]]
    moves: list[Move]


def net(run: Run, since: int, most: int | None) -> Net:
    """What has become of a run since before the fact of number `since`; of the others at most `most`, None for all."""
    values = {user: score.value for user, score in run.scores.items()}
    now: Rankings = {group: [place[2] for place in run.ranking(group)] for group in run.rankings}
    was, old, limit = _taken_back(run, now, since)
    earlier, later = _standings(was, values | old, limit), _standings(now, values, run.limit)
    moves = [(user, earlier.get(user, OFF)[1], later.get(user, OFF)[1]) for user in dict.fromkeys([*later, *earlier])]
    moved = [move for move in moves if move[1].rank != move[2].rank]
    own, others = [move for move in moved if move[0] in old], [move for move in moved if move[0] not in old]
    reported = [group for group in dict.fromkeys([*was, *now]) if _of(group, earlier) != _of(group, later)]
    return Net(reported, own + _nearest(others, own, most))


Rankings = dict[tuple[str, ...], list[str]]
Places = dict[str, tuple[Group, Standing]]
OFF: tuple[Group, Standing] = (None, UNRANKED)


def _taken_back(run: Run, now: Rankings, since: int) -> tuple[Rankings, dict[str, int], int]:
    """The rankings before the fact of number `since`, the values then of who did something, and the board's size."""
    was, old, limit = {group: ranking.copy() for group, ranking in now.items()}, dict[str, int](), run.limit
    users, groups = list(run.scores), list(run.groups)
    for seq, _, who, left, before, value, into, after, _ in run.moves.newest():
        if seq < since:
            break
        if who == NOBODY:
            limit = before
            continue
        if after:
            del was[_ranked(groups[into])][after - 1]
        if before:
            was.setdefault(_ranked(groups[left]), []).insert(before - 1, users[who])
        old[users[who]] = value
    return was, old, limit


def _ranked(group: Group) -> tuple[str, ...]:
    assert group is not None, "only groups have ranks"
    return group


def _standings(rankings: Rankings, values: dict[str, int], limit: int) -> Places:
    return {
        user: (group, Standing(rank, values[user]))
        for group, ranking in rankings.items()
        for rank, user in enumerate(ranking[:limit], 1)
    }


def _of(group: tuple[str, ...], places: Places) -> list[tuple[str, Standing]]:
    return [(user, standing) for user, (where, standing) in places.items() if where == group]


def _nearest(others: list[Move], own: list[Move], most: int | None) -> list[Move]:
    """The `most` nearest to any place that somebody left or took, the new first, and who fell off or got on."""
    if most is None or len(others) <= most:
        return others
    ends = [standing.rank for _, *both in own for standing in both if standing.rank] or [1]
    near = sorted(others, key=lambda move: min(abs((move[2].rank or move[1].rank or 0) - end) for end in ends))[:most]
    return [move for move in others if move in near or move[2].rank == 1 or None in (move[1].rank, move[2].rank)]

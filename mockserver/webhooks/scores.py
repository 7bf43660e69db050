"""What changed scores tell: the groups whose ranking is another, and everybody whose rank is (behaviour, section 11).

Most is never read. So only what the world will forget is taken down when it happens (the first places, the profiles),
and how many webhooks it will be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import NamedTuple

from mockserver.game import facts as f
from mockserver.game.catalog import Catalog
from mockserver.game.ranking import Run
from mockserver.game.world import World
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import Happening
from mockserver.webhooks.shapes import Group, Top

TOP = 10  # rankings in the events of a board (behaviour, section 11)

CHANGED = "leaderboard.changed"
RANK_CHANGED = "leaderboard.rank_changed"

Standing = tuple[int | None, int | None]  # rank and value, as in `facts.Standing` but cheaper to make
Move = tuple[str, Standing, Standing]  # of whom; before and after


class Scored(NamedTuple):
    """What one request or moment did to a run, of which `fact` is the last that happened.

    `moves` None: those of `fact` alone. `profiles`: of everybody who has another rank now, in the order of the moves.
    """

    fact: f.ScoreChanged
    tops: list[tuple[Group, Top]]
    moves: list[Move] | None
    profiles: list[f.Profile]

    def boards(self, catalog: Catalog, time: int) -> Iterator[Happening]:
        """Each group whose ranking changed, once, however often it did."""
        fact, tops, _, _ = self
        for group, top in tops:
            seen = catalog, time, fact.board, fact.run, group, top
            yield Happening(CHANGED, time, None, shapes.board_changed, seen)

    def ranks(self, catalog: Catalog, time: int) -> Iterator[Happening]:
        """Everybody whose rank is another after the request than before it, whoever caused it."""
        fact, _, moves, profiles = self
        rows = moved(_places(fact)) if moves is None else moves
        for profile, (user, before, after) in zip(profiles, rows, strict=True):
            seen = catalog, time, profile, fact.board, fact.run, *before, *after
            yield Happening(RANK_CHANGED, time, user, shapes.rank_changed, seen)


def scored(world: World, facts: list[f.ScoreChanged]) -> tuple[int, list[Scored]]:
    """What changes of scores, all of one request or moment, come to for each run, and how many webhooks that is.

    Called while the world is as it was then.
    """
    if len(facts) > 1:
        runs: dict[tuple[str, date], list[f.ScoreChanged]] = {}
        for fact in facts:
            runs.setdefault((fact.board, fact.run), []).append(fact)
        if len(runs) < len(facts):
            rows = [_of_several(world, several) for several in runs.values()]
            return sum(len(row.tops) + len(row.profiles) for row in rows), rows
    number, found = 0, list[Scored]()
    for fact in facts:
        users = [place[2] for shift in fact.shifts for place in shift[3]]
        if fact.before[0] != fact.after[0]:
            users.insert(0, fact.user)
        groups = _groups_changed(fact)
        if groups or users:
            number += len(groups) + len(users)
            found.append(_scored(world, fact, groups, None, users))
    return number, found


def _of_several(world: World, facts: list[f.ScoreChanged]) -> Scored:
    fact = facts[-1]
    groups = dict.fromkeys(group for each in facts for group in _groups_changed(each))
    moves = moved(_moves(facts, world.runs[fact.board][fact.run]))
    return _scored(world, fact, groups, moves, [move[0] for move in moves])


def _scored(
    world: World, fact: f.ScoreChanged, groups: Iterable[Group], moves: list[Move] | None, users: list[str]
) -> Scored:
    people, run = world.users, world.runs[fact.board][fact.run]
    tops = [(group, top(world, run, group)) for group in groups]
    return Scored(fact, tops, moves, [people[user].profile for user in users])


def moved(moves: Iterable[Move]) -> list[Move]:
    """Those with another rank than before."""
    return [move for move in moves if move[1][0] != move[2][0]]


def _groups_changed(fact: f.ScoreChanged) -> list[Group]:
    """The groups whose ranking is another than before: everybody who moved is in one of them."""
    left, group = fact.left, fact.group
    if left is None:
        return [group] if group is not None and fact.before != fact.after else []
    return [left, group] if group is not None and fact.after.rank is not None else [left]


def top(world: World, run: Run, group: Group) -> Top:
    """The first places of a group and the names that people have now."""
    places = run.ranking(group)[: min(TOP, run.limit)]
    known = run.told.get(group)
    if known is None or known[0] != world.renamed or known[1][0] != places:  # most changes are further down
        users = world.users
        known = run.told[group] = world.renamed, (places, [users[place[2]].profile.name for place in places])
    return known[1]


def _moves(facts: list[f.ScoreChanged], run: Run) -> Iterator[Move]:
    """What several changes in one run come to for everybody whom one of them moved; they lead to the run as it is."""
    before: dict[str, Standing] = {}
    for number, fact in enumerate(facts):
        for user, (rank, value), _ in _places(fact):
            if user not in before:
                rank = rank if user == fact.user else _rank_before(facts[:number], rank, run.limit)
                before[user] = rank, None if rank is None else value
    for user, standing in before.items():
        yield user, standing, run.standing(user)


def _rank_before(facts: list[f.ScoreChanged], rank: int | None, limit: int) -> int | None:
    """Which rank somebody had before others moved as the `facts` say."""
    if rank is None:
        return None
    for fact in reversed(facts):
        was, now = fact.before.rank or limit + 1, fact.after.rank or limit + 1
        rank += (was <= rank < now) - (now < rank <= was)
    return rank if rank <= limit else None


def _places(fact: f.ScoreChanged) -> Iterator[Move]:
    yield fact.user, fact.before, fact.after
    for user, before, after, value in fact.moved:
        yield user, (before, None if before is None else value), (after, None if after is None else value)

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


class Scores(NamedTuple):
    """Changes of scores, each in a run of its own, with what they were about as it was then.

    `tops`: of each group whose ranking changed; `profiles`: of everybody who has another rank; both in their order.
    """

    facts: list[f.ScoreChanged]
    tops: list[Top]
    profiles: list[f.Profile]

    def happenings(self, catalog: Catalog, time: int) -> Iterator[Happening]:
        """Each group whose ranking changed, and everybody whose rank is another, whoever caused it."""
        tops, profiles = iter(self.tops), iter(self.profiles)
        for fact in self.facts:
            yield from _boards(catalog, time, fact, zip(groups_changed(fact), tops, strict=False))
            yield from _ranks(catalog, time, fact, zip(moved(_places(fact)), profiles, strict=False))


def scores(world: World, facts: list[f.ScoreChanged]) -> Scores:
    """What one request or moment brought, while the world is as it was then."""
    tops: list[Top] = []
    profiles: list[f.Profile] = []
    users = world.users
    for fact in facts:
        user, board, first, _, _, _, before, after, _, shifts = fact
        for group in groups_changed(fact):
            tops.append(top(world, world.runs[board][first], group))
        if before[0] != after[0]:
            profiles.append(users[user].profile)
        for shift in shifts:
            profiles += [users[place[2]].profile for place in shift[3]]
    return Scores(facts, tops, profiles)


def each_in_its_run(facts: list[f.ScoreChanged]) -> bool:
    """Whether none of them is about a run that another is about, too."""
    return len(facts) == 1 or len({(fact.board, fact.run) for fact in facts}) == len(facts)


def several(world: World, facts: list[f.ScoreChanged], time: int) -> Iterator[Happening]:
    """What changes of scores come to when some are in the same run, while the world is as it was then."""
    changed = {(fact.board, fact.run, group): fact for fact in facts for group in groups_changed(fact)}
    for (board, first, group), fact in changed.items():
        yield from _boards(world.catalog, time, fact, [(group, top(world, world.runs[board][first], group))])
    runs: dict[tuple[str, date], list[f.ScoreChanged]] = {}
    for fact in facts:
        runs.setdefault((fact.board, fact.run), []).append(fact)
    for (board, first), rows in runs.items():
        moves = moved(_moves(rows, world.runs[board][first]))
        yield from _ranks(world.catalog, time, rows[0], [(move, world.users[move[0]].profile) for move in moves])


def _boards(
    catalog: Catalog, time: int, fact: f.ScoreChanged, rows: Iterable[tuple[Group, Top]]
) -> Iterator[Happening]:
    for group, first_places in rows:
        seen = catalog, time, fact.board, fact.run, group, first_places
        yield Happening(CHANGED, time, None, shapes.board_changed, seen)


def _ranks(
    catalog: Catalog, time: int, fact: f.ScoreChanged, rows: Iterable[tuple[Move, f.Profile]]
) -> Iterator[Happening]:
    for (user, before, after), profile in rows:
        seen = catalog, time, profile, fact.board, fact.run, *before, *after
        yield Happening(RANK_CHANGED, time, user, shapes.rank_changed, seen)


def moved(moves: Iterable[Move]) -> list[Move]:
    """Those with another rank than before."""
    return [move for move in moves if move[1][0] != move[2][0]]


def groups_changed(fact: f.ScoreChanged) -> list[Group]:
    """The groups whose ranking is another than before: everybody who moved is in one of them."""
    _, _, _, group, left, _, before, after, _, _ = fact
    if left is None:
        return [group] if group is not None and before != after else []
    return [left, group] if group is not None and after[0] is not None else [left]


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

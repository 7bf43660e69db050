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
from mockserver.webhooks.moved import Move, Row, net, others
from mockserver.webhooks.outbox import Happening
from mockserver.webhooks.shapes import Group, Top

TOP = 10  # rankings in the events of a board (behaviour, section 11)

CHANGED = "leaderboard.changed"
RANK_CHANGED = "leaderboard.rank_changed"


class Scores(NamedTuple):
    """Changes of scores, each in a run of its own, with what they were about as it was then.

    `tops`: of each group whose ranking changed; `moved`: for each fact, the others who are told; `profiles`: of
    everybody who has another rank; all in their order.
    """

    facts: list[f.ScoreChanged]
    tops: list[Top]
    moved: list[list[Row]]
    profiles: list[f.Profile]

    def happenings(self, catalog: Catalog, time: int) -> Iterator[Happening]:
        """Each group whose ranking changed, and everybody whose rank is another, whoever caused it."""
        tops, profiles = iter(self.tops), iter(self.profiles)
        for fact, rows in zip(self.facts, self.moved, strict=True):
            yield from _boards(catalog, time, fact, zip(groups_changed(fact), tops, strict=False))
            yield from _ranks(catalog, time, fact, zip(_moves(fact, rows), profiles, strict=False))


def scores(world: World, facts: list[f.ScoreChanged]) -> Scores:
    """What one request or moment brought, while the world is as it was then."""
    tops: list[Top] = []
    moved: list[list[Row]] = []
    profiles: list[f.Profile] = []
    users, most = world.users, world.catalog.settings.rank_changed_neighbours
    for fact in facts:
        user, board, first, _, left, _, before, after, _, (was, now) = fact
        if left is None and was == now and before == after:
            moved.append([])
            continue
        run = world.runs[board][first]
        for group in groups_changed(fact):
            tops.append(top(world, run, group))
        if before[0] != after[0]:
            profiles.append(users[user].profile)
        rows = others(run, fact, most)
        moved.append(rows)
        for row in rows:
            profiles += [users[place[2]].profile for place in row[3]]
    return Scores(facts, tops, moved, profiles)


def each_in_its_run(facts: list[f.ScoreChanged]) -> bool:
    """Whether none of them is about a run that another is about, too."""
    number = len(facts)
    return number == 1 or len({fact[1] for fact in facts}) == number or len({fact[1:3] for fact in facts}) == number


def several(world: World, entries: list[f.Entry], time: int) -> Iterator[Happening]:
    """What changes of scores come to when some are in the same run, while the world is as it was then."""
    firsts: dict[tuple[str, date], tuple[int, f.ScoreChanged]] = {}
    for seq, _, _, fact in entries:
        if isinstance(fact, f.ScoreChanged):
            firsts.setdefault((fact.board, fact.run), (seq, fact))
    most = world.catalog.settings.rank_changed_neighbours
    nets = [(fact, net(world.runs[fact.board][fact.run], seq, most)) for seq, fact in firsts.values()]
    for fact, came_to in nets:
        run = world.runs[fact.board][fact.run]
        yield from _boards(world.catalog, time, fact, [(group, top(world, run, group)) for group in came_to.groups])
    for fact, came_to in nets:
        yield from _ranks(world.catalog, time, fact, [(move, world.users[move[0]].profile) for move in came_to.moves])


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


def _moves(fact: f.ScoreChanged, rows: list[Row]) -> Iterator[Move]:
    """The user, if with another rank than before, and the others in `rows`."""
    if fact.before.rank != fact.after.rank:
        yield fact.user, fact.before, fact.after
    for row in rows:
        yield from row.moves()


def groups_changed(fact: f.ScoreChanged) -> list[Group]:
    """The groups whose ranking is another than before: everybody who moved is in one of them."""
    _, _, _, group, left, _, before, after, _, _ = fact
    if left is None or before[0] is None:
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

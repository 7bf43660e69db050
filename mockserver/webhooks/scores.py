"""Webhooks of changed scores: the groups whose ranking changed, and the users whose rank did (behaviour, section 11).

Most are never read. So only their number is worked out when a score changes: all ranks and names of that moment
follow from the moves of the run and from the journal.
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
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.rank_moves import Move, net, others
from mockserver.webhooks.run_views import CurrentRun, PastRuns, View
from mockserver.webhooks.shapes import Group, Top

TOP = 10  # rankings in the events of a board (behaviour, section 11)

CHANGED = "leaderboard.changed"
RANK_CHANGED = "leaderboard.rank_changed"


class Scores(NamedTuple):
    """Changes of scores, each in a run of its own, with these `runs`, when the newest fact had the number `seq`.

    `number`: how many webhooks they come to.
    """

    world: World
    catalog: Catalog
    seq: int
    facts: list[f.ScoreChanged]
    runs: list[Run]
    number: int

    def webhook_events(self, time: int, past: PastRuns) -> Iterator[WebhookEvent]:
        """Each group whose ranking changed, and everybody whose rank is another, caused by any user."""
        world, catalog, most = self.world, self.catalog, self.catalog.settings.rank_changed_neighbours
        for fact, run in zip(self.facts, self.runs, strict=True):
            present = world.journal.last == self.seq
            view: View = CurrentRun(world, run) if present else past.of(world, run, self.seq)
            groups = [(group, top(view, group)) for group in groups_changed(fact)]
            moves = [(fact.user, fact.before, fact.after)] if fact.before.rank != fact.after.rank else []
            for row in others(view, fact, most):
                moves += row.moves(view)
            yield from _boards(catalog, time, fact, groups)
            yield from _ranks(catalog, time, fact, [(move, view.profile(move[0])) for move in moves])


def scores(world: World, facts: list[f.ScoreChanged]) -> Scores:
    """What one request or moment brought, while the world is as it was then."""
    runs, number, catalog = [], 0, world.catalog
    for fact in facts:
        _, board, first, _, left, _, before, after, _, (was, now) = fact
        run = world.runs[board][first]
        runs.append(run)
        if left is not None or before != after:
            number += len(groups_changed(fact)) + (before[0] != after[0])
        if left is not None or was != now:
            rows = others(CurrentRun(world, run), fact, catalog.settings.rank_changed_neighbours)
            number += sum([last - first + 1 for _, first, last, _ in rows])
    return Scores(world, catalog, world.journal.last, facts, runs, number)


def each_in_its_run(facts: list[f.ScoreChanged]) -> bool:
    """Whether none of them is about a run that another is about, too."""
    number = len(facts)
    return number == 1 or len({fact[1] for fact in facts}) == number or len({fact[1:3] for fact in facts}) == number


def several(world: World, entries: list[f.Entry], time: int) -> Iterator[WebhookEvent]:
    """What changes of scores come to when some are in the same run, while the world is as it was then."""
    firsts: dict[tuple[str, date], tuple[int, f.ScoreChanged]] = {}
    for seq, _, _, fact in entries:
        if isinstance(fact, f.ScoreChanged):
            firsts.setdefault((fact.board, fact.run), (seq, fact))
    most = world.catalog.settings.rank_changed_neighbours
    nets = [(fact, net(world.runs[fact.board][fact.run], seq, most)) for seq, fact in firsts.values()]
    for fact, came_to in nets:
        view = CurrentRun(world, world.runs[fact.board][fact.run])
        yield from _boards(world.catalog, time, fact, [(group, top(view, group)) for group in came_to.groups])
    for fact, came_to in nets:
        yield from _ranks(world.catalog, time, fact, [(move, world.users[move[0]].profile) for move in came_to.moves])


def _boards(
    catalog: Catalog, time: int, fact: f.ScoreChanged, rows: Iterable[tuple[Group, Top]]
) -> Iterator[WebhookEvent]:
    for group, first_places in rows:
        arguments = catalog, time, fact.board, fact.run, group, first_places
        yield WebhookEvent(CHANGED, time, None, shapes.board_changed, arguments, fact.user)


def _ranks(
    catalog: Catalog, time: int, fact: f.ScoreChanged, rows: Iterable[tuple[Move, f.Profile]]
) -> Iterator[WebhookEvent]:
    for (user, before, after), profile in rows:
        arguments = catalog, time, profile, fact.board, fact.run, *before, *after
        yield WebhookEvent(RANK_CHANGED, time, user, shapes.rank_changed, arguments)


def groups_changed(fact: f.ScoreChanged) -> list[Group]:
    """The groups whose ranking is another than before: everybody who moved is in one of them."""
    _, _, _, group, left, _, before, after, _, _ = fact
    if left is None or before[0] is None:
        return [group] if group is not None and before != after else []
    return [left, group] if group is not None and after[0] is not None else [left]


def top(view: View, group: Group) -> Top:
    """The first places of a group and the names of their users."""
    places = view.places(group, 0, min(TOP, view.limit))
    return places, [view.profile(place[2]).name for place in places]

"""How facts unfold: a fact is applied, the rules that react to it say what follows, and so on until nothing does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heappop, heappush

from mockserver.game import facts as f
from mockserver.game.schedule import ARMS, Schedule
from mockserver.game.world import World

Rule = Callable[[World, f.Entry], Iterator[f.Fact]]
Rules = Mapping[type[f.Fact], tuple[tuple[int, Rule], ...]]  # each with its phase


def unfold(world: World, facts: Iterable[f.Fact], time: int, agenda: Schedule, rules: Rules) -> list[f.Entry]:
    """Applies facts and all that follows from them at `time`; the entries in the order in which they arose."""
    entries: list[f.Entry] = []
    queue: list[tuple[int, int, Rule, f.Entry]] = []
    cause: int | None = None
    journal = world.journal
    while True:
        for fact in facts:
            entry = f.Entry(journal.last + 1, time, cause, fact)
            world.apply(entry)
            entries.append(entry)
            kind = type(fact)
            for number, (phase, rule) in enumerate(rules.get(kind, ()), 8 * entry[0]):
                heappush(queue, (phase, number, rule, entry))
            if kind in ARMS:
                agenda.arm(world, entry)
        if not queue:
            return entries
        _, _, rule, reason = heappop(queue)
        facts, cause = rule(world, reason), reason[0]

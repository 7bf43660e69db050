"""Derivation: a fact is applied, the rules that react to it yield further facts, until nothing follows."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from mockserver.game import facts as f
from mockserver.game.rules import ABOUT_A_ROW, Rule, Rules
from mockserver.game.schedule import ARMS, Schedule
from mockserver.game.world import World


def derive(world: World, facts: Iterable[f.Fact], time: int, agenda: Schedule, rules: Rules) -> list[f.Entry]:
    """Applies facts and all that follows from them at `time`; the entries in the order in which they arose."""
    entries: list[f.Entry] = []
    queue: list[tuple[int, int, Rule, f.Entry]] = []
    cause: int | None = None
    journal, catalog = world.journal, world.catalog
    narrowed = rules.under(catalog)
    while True:
        for fact in facts:
            entry = f.Entry(journal.last + 1, time, cause, fact)
            world.apply(entry)
            entries.append(entry)
            if world.catalog is not catalog:
                catalog = world.catalog
                narrowed = rules.under(catalog)
            kind = type(fact)
            reactions = narrowed[kind, fact[1] if kind in ABOUT_A_ROW else ""]  # type: ignore[index,misc]
            if queue:
                for number, (phase, rule) in enumerate(reactions, 8 * entry[0]):
                    heappush(queue, (phase, number, rule, entry))
            elif reactions:  # in order of their phases, as a heap may be
                queue = [(phase, number, rule, entry) for number, (phase, rule) in enumerate(reactions, 8 * entry[0])]
            if kind in ARMS:
                agenda.arm(world, entry)
        if not queue:
            return entries
        _, _, rule, reason = heappop(queue)
        facts, cause = rule(world, reason), reason[0]

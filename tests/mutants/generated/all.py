"""All generated faults, and samples of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from itertools import chain

from tests.mutants.fault import Fault
from tests.mutants.generated import clocks, hooks, inputs, responses, settings


@cache
def generated() -> dict[str, Fault]:
    """By name; the same ones in every run."""
    rows = chain(responses.faults(), hooks.faults(), inputs.faults(), settings.faults(), clocks.faults())
    return {fault.name: fault for fault in rows}


def drawn(count: int, seed: int, wanted: Callable[[Fault], bool] = lambda fault: True) -> list[Fault]:
    """So many (of those `wanted`), each kind and each operation as often as any other, however many fields it has."""
    dice = random.Random(seed)
    groups: dict[str, dict[str, list[Fault]]] = {}
    for fault in filter(wanted, generated().values()):
        groups.setdefault(fault.kind, {}).setdefault(fault.about or fault.name.partition(":")[0], []).append(fault)
    for abouts in groups.values():
        for rows in abouts.values():
            dice.shuffle(rows)
    found: list[Fault] = []
    while len(found) < count and groups:
        kind = dice.choice(sorted(groups))
        about = dice.choice(sorted(groups[kind]))
        found.append(groups[kind][about].pop())
        if not groups[kind][about]:
            del groups[kind][about]
        if not groups[kind]:
            del groups[kind]
    return found

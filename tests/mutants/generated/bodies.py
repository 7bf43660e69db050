"""Faults in one field of a JSON body, whether a response or a webhook carries it."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from tests.mutants.fault import at
from tests.mutants.generated.changes import Change, suitable
from tests.mutants.generated.fields import Field

JSON = Any
DAY = 24 * 3_600_000


@dataclass
class Moment:
    """What is known when a body goes out. `subject`: world and question, alike for repetitions of the same one;
    `user`: whom it is about; `now`: the world's time in ms; `memory`: the fault's own."""

    world: str
    subject: str
    user: str
    now: int
    memory: dict[Any, Any]


Spoil = Callable[[JSON, Moment], None]


def places(content: JSON, path: str) -> list[tuple[Any, Any, str]]:
    """Holder, key and the place without stars, for every place of a path."""
    found = []
    for number, (holder, key) in enumerate(at(content, path)):
        found.append((holder, key, f"{path}#{number}"))
    return found


def missing(field: Field) -> Spoil:
    def spoil(content: JSON, moment: Moment) -> None:
        for holder, key in reversed(at(content, field.path)):
            del holder[key]

    return spoil


def changed(field: Field, change: Change) -> Spoil:
    def spoil(content: JSON, moment: Moment) -> None:
        for holder, key in at(content, field.path):
            holder[key] = change(holder[key])

    return spoil


def stale(field: Field) -> Spoil:
    """What the body before this one said, of the same question."""

    def spoil(content: JSON, moment: Moment) -> None:
        for holder, key, place in places(content, field.path):
            before = moment.memory.get((moment.world, moment.subject, place), holder[key])
            moment.memory[moment.world, moment.subject, place] = copy.deepcopy(holder[key])
            holder[key] = copy.deepcopy(before)

    return spoil


def of_another(field: Field) -> Spoil:
    """In a list the next row's, else what was last said of another user."""

    def spoil(content: JSON, moment: Moment) -> None:
        found = at(content, field.path)
        if len(found) > 1:
            values = [copy.deepcopy(holder[key]) for holder, key in found]
            for (holder, key), value in zip(found, [*values[1:], values[0]], strict=True):
                holder[key] = value
            return
        for holder, key in found:
            known = moment.memory.setdefault((moment.world, "others"), {})
            others = [value for user, value in known.items() if user != moment.user]
            known.pop(moment.user, None)
            known[moment.user] = copy.deepcopy(holder[key])
            if others:
                holder[key] = copy.deepcopy(others[-1])

    return spoil


def forgotten(field: Field, *, after: int = 0, others: int = 0) -> Spoil:
    """What was said first comes back: `after` so many ms, or when so many others were asked about."""

    def spoil(content: JSON, moment: Moment) -> None:
        asked = moment.memory[moment.world, "asked"] = moment.memory.get((moment.world, "asked"), 0) + 1
        for holder, key, place in places(content, field.path):
            first = moment.memory.setdefault(
                (moment.world, moment.subject, place), (copy.deepcopy(holder[key]), moment.now, asked)
            )
            if (after and moment.now - first[1] >= after) or (others and asked - first[2] >= others):
                holder[key] = copy.deepcopy(first[0])

    return spoil


def exchanged(one: Field, other: Field) -> Spoil:
    def spoil(content: JSON, moment: Moment) -> None:
        for holder, key in at(content, one.path):
            if other.name in holder:
                holder[key], holder[other.name] = holder[other.name], holder[key]

    return spoil


def copied(one: Field, other: Field) -> Spoil:
    """The first says what the second says."""

    def spoil(content: JSON, moment: Moment) -> None:
        for holder, key in at(content, one.path):
            if other.name in holder:
                holder[key] = copy.deepcopy(holder[other.name])

    return spoil


#: Names of siblings that are easily taken for each other.
_PAIRS = (
    (r"previous(\w+)", r"(?i:new)?\1"),
    (r"start", "end"),
    (r"(\w+)Start", r"\1End"),
    ("started", "periodStart"),
    ("expires", "periodEnd"),
    ("created", "updated"),
    ("min(\\w+)", r"max\1"),
    ("total", "change|added|awarded"),
    ("currentTotal", "changeThisPeriod"),
    ("rank", "value"),
    ("percentChange", "percentileThisPeriod"),
    ("freezes", "maxFreezes"),
    ("freezeAutoEarnInterval", "freezeAutoEarnAmount"),
    ("id", "key"),
    ("metricKey", "metricName"),
)


def siblings(fields: list[Field]) -> Iterator[tuple[Field, Field]]:
    for one, other in combinations(fields, 2):
        if one.holder == other.holder and (_alike(one.name, other.name) or _alike(other.name, one.name)):
            yield one, other


def _alike(one: str, other: str) -> bool:
    for first, second in _PAIRS:
        if found := re.fullmatch(first, one):
            wanted = second.replace(r"\1", found.group(1) if found.groups() else "")
            if re.fullmatch(wanted, other, re.IGNORECASE):
                return True
    return False


def spoils(fields: list[Field]) -> Iterator[tuple[Field, str, Spoil]]:
    """Every way to get these fields wrong: the field, what is wrong with it, and how."""
    for field in fields:
        yield field, "missing", missing(field)
        yield field, "null", changed(field, lambda value: None)
        if field.name != "type":
            yield field, "stale by one request", stale(field)
            yield field, "another user's", of_another(field)
            yield field, "forgotten after a day", forgotten(field, after=DAY)
            yield field, "forgotten after 20 others", forgotten(field, others=20)
        for name, change in suitable(field):
            yield field, name, changed(field, change)
    for one, other in siblings(fields):
        yield one, f"exchanged with {other.name}", exchanged(one, other)
        yield one, f"that of {other.name}", copied(one, other)
        yield other, f"that of {one.name}", copied(other, one)

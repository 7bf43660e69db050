"""The journal as JSON: each fact with its number, its moment, the number of the fact behind it, and a sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any

from mockserver.api.users import user_shape
from mockserver.control.fields import Query
from mockserver.control.sentences import sentence
from mockserver.game import facts as f
from mockserver.game.catalog import Catalog
from mockserver.game.journal import Journal
from mockserver.game.metrics import number
from mockserver.game.periods import iso
from mockserver.game.world import World

JSON = Any

KINDS: dict[str, type[f.Fact]] = {kind.__name__: kind for kind in f.Fact.__args__}
DEFAULT_LIMIT, GREATEST_LIMIT = 100, 1000
SLICE = 4096  # entries that are looked at before others get their turn

# What a field of a fact is called in JSON, where it is not its own name in camel case.
NAMES = {
    "user": "userId",
    "system": "pointsSystem",
    "board": "leaderboard",
    "day": "localDate",
    "level_changed": "levelChanged",
    "idempotency_key": "idempotencyKey",
}


def fact_shape(world: World, entry: f.Entry) -> JSON:
    """`number`, `time`, `kind`, `cause`, the fields of the fact, and `says`."""
    fact = entry.fact
    shape = {"number": entry.seq, "time": iso(entry.time), "kind": type(fact).__name__, "cause": entry.cause}
    for name, value in zip(fact._fields, fact, strict=True):
        shape[NAMES.get(name, name)] = _value(world, fact, name, value)
    return shape | {"says": sentence(world, fact)}


def _value(world: World, fact: f.Fact, name: str, value: Any) -> JSON:
    if isinstance(value, f.Profile):
        return user_shape(value)
    if isinstance(value, f.Pause):
        return {"id": value.id, "start": value.start.isoformat(), "end": value.end.isoformat()}
    if isinstance(value, f.Standing):
        return {"rank": value.rank, "value": value.value}
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Catalog):
        return {"name": value.name, **{key: list(getattr(value, key)) for key in _PARTS}}
    if isinstance(fact, f.MetricChanged) and name in ("value", "total"):
        return number(value)
    if isinstance(fact, f.ScoreChanged) and name == "gained":
        board = world.catalog.leaderboards.get(fact.board)
        return number(value) if board is not None and board.rank_by == "metric" else value
    special = _BY_NAME.get(name)
    if special is not None and value is not None:
        return special(world, value)
    return list(value) if isinstance(value, tuple) else value


_PARTS = ("metrics", "achievements", "points", "leaderboards")


def _trigger(world: World, id: str) -> JSON:
    """A points trigger has no key, so its type stands beside its id."""
    row = world.catalog.triggers_by_id.get(id)
    return {"id": id, "type": row.type if row else None}


def _boost(world: World, id: str) -> JSON:
    row = world.catalog.boosts_by_id.get(id)
    return {"id": id, "name": row.name if row else None}


def _boosts(world: World, ids: tuple[str, ...]) -> JSON:
    return [_boost(world, id) for id in ids]


def _lists(world: World, value: dict[str, tuple[str, ...]]) -> JSON:
    return {key: list(row) for key, row in value.items()}


def _history(world: World, value: tuple[tuple[date, int, bool], ...]) -> JSON:
    return [{"period": start.isoformat(), "length": length, "frozen": frozen} for start, length, frozen in value]


def _resets(world: World, value: tuple[f.Reset, ...]) -> JSON:
    return [{"localDate": day.isoformat(), "time": iso(time), "length": length} for day, time, length in value]


def _restores(world: World, value: tuple[tuple[date, int, date], ...]) -> JSON:
    return [{"after": start.isoformat(), "time": iso(time), "expires": end.isoformat()} for start, time, end in value]


_BY_NAME: dict[str, Callable[[World, Any], JSON]] = {
    "history": _history,
    "resets": _resets,
    "restores": _restores,
    "trigger": _trigger,
    "boost": _boost,
    "boosts": _boosts,
    "notifications": _lists,
}


class AboutUser:
    """Which entries of the journal are about a user: the user's own, and those that changed the user's rank.

    For entries that are asked about from the newest backwards, or newer ones each time with another one of these.
    """

    def __init__(self, world: World, user: str) -> None:
        self._world, self._user = world, user
        self._changes: dict[tuple[str, date], Iterator[int]] = {}
        self._next: dict[tuple[str, date], int] = {}

    def __contains__(self, entry: f.Entry) -> bool:
        fact = entry.fact
        if getattr(fact, "user", None) == self._user:
            return True
        return isinstance(fact, f.ScoreChanged) and self._changes_rank(fact.board, fact.run, entry.seq)

    def _changes_rank(self, board: str, first: date, seq: int) -> bool:
        """Whether the fact of that number changed the user's rank in a run. Reads no further back than it must."""
        which = board, first
        if which not in self._changes:
            run = self._world.run(board, first)
            self._changes[which] = (change.seq for change in run.changes(self._user)) if run else iter(())
            self._next[which] = next(self._changes[which], 0)
        while self._next[which] > seq:
            self._next[which] = next(self._changes[which], 0)
        return self._next[which] == seq


async def newest(journal: Journal, below: int | None = None) -> AsyncIterator[f.Entry]:
    """From the entry before number `below` (None: from the newest) backwards, giving way to others now and then."""
    last = len(journal) if below is None else min(below - 1, len(journal))
    for count, seq in enumerate(range(last, 0, -1), 1):
        yield journal.entry(seq)
        if count % SLICE == 0:
            await asyncio.sleep(0)


async def list_facts(world: World, query: Query) -> JSON:
    """Newest first. `next` is the `before` of the page that follows, null when there is none."""
    user, kind = query.text("userId"), query.one_of("kind", KINDS)
    since, until = query.moment("from"), query.moment("to")
    limit = query.whole("limit", 1, GREATEST_LIMIT) or DEFAULT_LIMIT
    about_user = AboutUser(world, user) if user is not None else None
    found: list[f.Entry] = []
    following = None
    async for entry in newest(world.journal, query.whole("before", 1, 10**15)):
        if since is not None and entry.time < since:
            break
        if until is not None and entry.time > until:
            continue
        if kind is not None and type(entry.fact) is not KINDS[kind]:
            continue
        if about_user is not None and entry not in about_user:
            continue
        if len(found) == limit:
            following = found[-1].seq
            break
        found.append(entry)
    return {
        "facts": [fact_shape(world, entry) for entry in found],
        "total": len(world.journal),
        "next": following,
    }

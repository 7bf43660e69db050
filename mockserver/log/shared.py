"""The log of a world in a cluster: how it begins, and all of it as the lines that other stores take.

The first record of a subject is the world's recipe. A world that was loaded has further records elsewhere, which come
after its recipe and before the rest: they were written first, so that it is there as a whole or not at all.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from mockserver.log.jetstream import STAGED, WORLDS, JetStreamStore, subject_of
from mockserver.log.record import DELETED, RECIPE, LogError, Record, decode, encode

AT_ONCE = 200  # records under way


class Staged(NamedTuple):
    """Where the records of a loaded world are, how many, and the digest of what was loaded."""

    id: str
    records: int
    digest: str


class Beginning(NamedTuple):
    """The first record of a log, its position and id."""

    position: int
    id: str
    record: Record

    @property
    def staged(self) -> Staged | None:
        given = self.record.arguments.get("loaded")
        return None if given is None else Staged(given["id"], given["records"], given["digest"])


async def beginning(store: JetStreamStore, key: str) -> Beginning | None:
    """None where no world is, or none any more."""
    subject = subject_of(WORLDS, key)
    newest = await store.last(subject)
    if newest is None or decode(newest.data).name == DELETED:
        return None
    async for message in store.read(subject, 0, newest.position):
        return Beginning(message.position, message.id, decode(message.data))
    return None


async def begin(store: JetStreamStore, key: str, recipe: Record, staged: Staged | None = None) -> Beginning:
    """From now on there is a world of that key. Raises `Conflict` when there is, or was, one."""
    if staged is not None:
        recipe = recipe._replace(arguments=recipe.arguments | {"loaded": staged._asdict()})
    id = store.new_id()
    position = await store.append(subject_of(WORLDS, key), 0, encode(recipe), id)
    return Beginning(position, id, recipe)


def digest(lines: Sequence[bytes]) -> str:
    """Of a world as text."""
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


async def stage(store: JetStreamStore, lines: Sequence[bytes], loaded: str) -> Staged:
    """Puts records where a world can begin with them. `loaded`: the digest of what they come from."""
    id = store.new_id()
    subject = subject_of(STAGED, id)
    for first in range(0, len(lines), AT_ONCE):
        page = enumerate(lines[first : first + AT_ONCE], first)
        await asyncio.gather(*(store.append(subject, None, line, f"{id}/{number}") for number, line in page))
    return Staged(id, len(lines), loaded)


async def staged_lines(store: JetStreamStore, staged: Staged | None) -> list[bytes]:
    """In order, whatever the order in which they came in. Raises `LogError` when one is missing."""
    if staged is None:
        return []
    subject, found = subject_of(STAGED, staged.id), dict[int, bytes]()
    newest = await store.last(subject)
    if newest is not None:
        async for message in store.read(subject, 0, newest.position):
            found[int(message.id.rpartition("/")[2])] = message.data
    if sorted(found) != list(range(staged.records)):
        raise LogError("the cluster lacks records of a world that was loaded")
    return [found[number] for number in range(staged.records)]


async def forget_staged(store: JetStreamStore, staged: Staged | None) -> None:
    if staged is not None:
        await store.forget(subject_of(STAGED, staged.id))


async def lines_of(store: JetStreamStore, key: str) -> list[bytes]:
    """A world as text. Raises `LogError` when there is none."""
    begun = await beginning(store, key)
    if begun is None or begun.record.name != RECIPE:
        raise LogError(f"the cluster holds no world of the key {key}")
    recipe = begun.record
    arguments = {name: value for name, value in recipe.arguments.items() if name != "loaded"}
    lines = [encode(recipe._replace(arguments=arguments)), *await staged_lines(store, begun.staged)]
    subject = subject_of(WORLDS, key)
    newest = await store.last(subject)
    if newest is not None:
        async for message in store.read(subject, begun.position, newest.position):
            lines.append(message.data)
    return lines

"""Wakes the streams of a world: one flag for all of them, and the same bytes for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import orjson

from mockserver.control.facts import JSON, fact_shape
from mockserver.game.facts import Entry
from mockserver.game.world import World
from mockserver.worlds import Organisation

PAUSE = 0.1  # seconds in which facts are gathered before they are sent
BUSY_PAUSE = 1.0  # the same while more facts happen than are sent
MOST = 100  # facts that are sent after one pause
NEWEST = 25  # of more only so many
KEEP_ALIVE = 15.0  # seconds without a word

Wanted = Callable[[World, Entry], bool]


class Feed:
    """Wakes the streams of one world. Costs a world nothing while nobody listens, and one flag per request else."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self._listeners = 0
        self._news = asyncio.Event()
        self._pause = PAUSE
        self._encoded: dict[tuple[int, int, int], bytes] = {}
        self.closed = False

    @property
    def has_listeners(self) -> bool:
        """Whether anybody listens."""
        return self._listeners > 0

    def close(self) -> None:
        """Ends all streams."""
        self.closed = True
        self.notify()

    def notify(self) -> None:
        """Something happened that is no fact: the clock was moved, the state was replaced."""
        self._news.set()

    def _observe(self, world: World, entries: list[Entry]) -> None:
        self._news.set()

    def enter(self) -> None:
        self._listeners += 1
        if self._listeners == 1:
            self._organisation.watch(self._observe)

    def leave(self) -> None:
        self._listeners -= 1
        if not self._listeners:
            self._organisation.unwatch(self._observe)
            self._encoded.clear()

    async def wait(self) -> bool:
        """Until there may be news; False when there was none for a while."""
        news = self._news
        try:
            await asyncio.wait_for(news.wait(), KEEP_ALIVE)
        except TimeoutError:
            return False
        await asyncio.sleep(0 if self.closed else self._pause)
        if self._news is news:  # the first to wake makes the flag that the next pause waits for
            self._news = asyncio.Event()
            self._encoded.clear()
        return True

    def facts(self, world: World, after: int, wanted: Wanted | None) -> bytes:
        """All facts after that number; of more than `MOST` the newest, and an event about the gap."""
        last = len(world.journal)
        first = after + 1 if last - after <= MOST else last - NEWEST + 1
        which = id(world), after, last
        if wanted is None and which in self._encoded:
            return self._encoded[which]
        self._pause = PAUSE if first == after + 1 else BUSY_PAUSE
        gap = b"" if first == after + 1 else message("gap", {"from": after + 1, "to": first - 1})
        entries = [world.journal.entry(number) for number in range(first, last + 1)]
        encoded = gap + b"".join(
            message("fact", fact_shape(world, entry), entry.seq)
            for entry in entries
            if wanted is None or wanted(world, entry)
        )
        if wanted is None:
            self._encoded[which] = encoded
        return encoded


def message(event: str, data: JSON, id: int | None = None) -> bytes:
    """One event of the stream."""
    number = b"" if id is None else b"id: %d\n" % id
    return b"event: %b\n%bdata: %b\n\n" % (event.encode(), number, _on_one_line(orjson.dumps(data)))


def _on_one_line(data: bytes) -> bytes:
    """Without what Python's clients take for the end of a line (`str.splitlines`), though the format does not."""
    for end in ("\x85", "\u2028", "\u2029"):
        data = data.replace(end.encode(), b"\\u%04x" % ord(end))
    return data

"""Facts as they happen, as server-sent events: a response that does not end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import Receive, Send

from mockserver.control.facts import KINDS, AboutUser
from mockserver.control.feed import Feed, Wanted, message
from mockserver.control.request import ControlRequest
from mockserver.game.facts import Entry
from mockserver.game.periods import iso
from mockserver.game.world import World
from mockserver.worlds import Organisation

HEAD = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


class Stream:
    """A response that does not end: sent piece by piece until the client leaves or the server does."""

    def __init__(self, feed: Feed, pieces: AsyncIterator[bytes]) -> None:
        self._feed = feed
        self._pieces = pieces

    async def send(self, receive: Receive, send: Send, *, only_head: bool) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": list(HEAD)})
        if not only_head:
            self._feed.enter()
            writing = asyncio.ensure_future(self._write(send))
            leaving = asyncio.ensure_future(_left(receive))
            try:
                await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                writing.cancel()
                leaving.cancel()
                await asyncio.gather(writing, leaving, return_exceptions=True)
                self._feed.leave()
        await send({"type": "http.response.body", "body": b""})

    async def _write(self, send: Send) -> None:
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def stream(request: ControlRequest) -> Stream:
    """Facts from now on, or after a number; `Last-Event-ID` says it too."""
    query = request.query("kind", "userId", "after")
    kind, user, after = query.one_of("kind", KINDS), query.text("userId"), query.whole("after", 0, 10**15)
    last = request.headers.get("last-event-id", "")
    if after is None and last.isascii() and last.isdigit() and len(last) < 16:
        after = int(last)
    request.game()
    wanted = None if kind is None and user is None else _wanted(kind, user)
    context = request.context
    return Stream(context.feed, _pieces(context.feed, context.organisation, request.tenant_filter, after, wanted))


def _wanted(kind: str | None, user: str | None) -> Wanted:
    def wanted(world: World, entry: Entry) -> bool:
        right = kind is None or type(entry.fact) is KINDS[kind]
        return right and (user is None or entry in AboutUser(world, user))

    return wanted


async def _pieces(
    feed: Feed, organisation: Organisation, tenant: str | None, after: int | None, wanted: Wanted | None
) -> AsyncIterator[bytes]:
    world = organisation.game(tenant).world
    sent = len(world.journal) if after is None else min(after, len(world.journal))
    clock = _clock(organisation)
    yield b"retry: 1000\n\n" + message("start", _shape(organisation) | {"number": sent})
    while not feed.closed:
        here = organisation.games.get(tenant)
        if here is not None and here.world is not world:
            world, sent, clock = here.world, len(here.world.journal), _clock(organisation)
            yield message("reset", _shape(organisation) | {"number": sent})
        if len(world.journal) > sent:
            piece, sent = feed.facts(world, sent, wanted), len(world.journal)
            if piece:
                yield piece
        if (then := _clock(organisation)) != clock:
            clock = then
            yield message("clock", _shape(organisation))
        if not await feed.wait():
            yield b": nothing happened\n\n"


def _shape(organisation: Organisation) -> dict[str, Any]:
    return {"now": iso(organisation.clock.now()), "frozen": organisation.clock.frozen}


def _clock(organisation: Organisation) -> object:
    """What differs when a clock was moved or stopped, and not because time passed."""
    return organisation.clock.hands

"""What a world can tell of itself: what it was asked, what happened, and why things are as they are."""

from __future__ import annotations

import asyncio

from mockserver.control import facts, why
from mockserver.control.ask import JSON, ControlRequest
from mockserver.control.described import CALLS
from mockserver.seed.cast import cast


def list_requests(ask: ControlRequest) -> JSON:
    """The newest requests and moves, newest first; of one tenant when one is named."""
    query = ask.query("operationId", "userId", "status", "after", "limit")
    return ask.side.requests.list(query, [*ask.plane.operations, *CALLS], ask.one_tenant)


def clear_requests(ask: ControlRequest) -> None:
    ask.side.requests.clear()


async def list_facts(ask: ControlRequest) -> JSON:
    """The journal, newest first."""
    query = ask.query("userId", "kind", "from", "to", "limit", "before")
    return await facts.list_facts(ask.game().world, query)


async def list_cast(ask: ControlRequest) -> JSON:
    """The states that a front end must draw: what each is, who is in it, and the request that shows it."""
    ask.query()
    prefix = ask.plane.document.prefix
    rows = []
    for state, meaning, found in cast(ask.game()):
        method, path = found.see.split(" ", 1) if found else ("", "")
        rows.append(
            {
                "state": state,
                "meaning": meaning,
                "found": found is not None,
                "userId": found.user if found else None,
                "detail": found.detail if found else None,
                "see": f"{method} {prefix}{path}" if found else None,
            }
        )
        await asyncio.sleep(0)  # others are served between two states
    return {"cast": rows}


async def explain(ask: ControlRequest) -> JSON:
    """Why somebody has these points, this achievement, this streak or this rank."""
    query = ask.query("userId", *why.SUBJECTS)
    return await why.explain(ask.game(), query)

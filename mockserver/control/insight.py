"""Calls that read a world: its requests, its facts, the reasons for its state."""

from __future__ import annotations

import asyncio

from mockserver.control import facts, why
from mockserver.control.described import CALLS
from mockserver.control.request import JSON, ControlRequest
from mockserver.seed.cast import cast


def list_requests(request: ControlRequest) -> JSON:
    """The newest requests and moves, newest first; of one tenant when one is named."""
    query = request.query("operationId", "userId", "status", "after", "limit")
    return request.context.requests.list(query, [*request.plane.operations, *CALLS], request.tenant_filter)


def clear_requests(request: ControlRequest) -> None:
    request.context.requests.clear()


async def list_facts(request: ControlRequest) -> JSON:
    """The journal, newest first."""
    query = request.query("userId", "kind", "from", "to", "limit", "before")
    return await facts.list_facts(request.game().world, query)


async def list_cast(request: ControlRequest) -> JSON:
    """The states that a front end must draw: what each is, who is in it, and the request that shows it."""
    request.query()
    prefix = request.plane.spec.prefix
    rows = []
    for state, meaning, found in cast(request.game()):
        method, path = found.request.split(" ", 1) if found else ("", "")
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


async def explain(request: ControlRequest) -> JSON:
    """Why somebody has these points, this achievement, this streak or this rank."""
    query = request.query("userId", *why.SUBJECTS)
    return await why.explain(request.game(), query)

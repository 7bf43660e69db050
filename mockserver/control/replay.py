"""Replays the records of a world: `World = replay_all(recipe, records)`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson

from mockserver.catalogs import CatalogError
from mockserver.clock import pin
from mockserver.control.context import WorldContext
from mockserver.control.plane import ControlPlane
from mockserver.control.request import ControlRequest
from mockserver.control.routes import execute_call
from mockserver.control.table import ROWS
from mockserver.control.worlds import SentCatalog
from mockserver.game.errors import GameError
from mockserver.log.record import CATALOG, LOADED, TENANT, TIME, LogError, Record, cannot_replay, decode
from mockserver.worlds import Organisation, ShuttingDown

AT_ONCE = 256  # records, then others get their turn

CALLS = {row.name: row for row in ROWS if row.kept}


async def replay_all(
    plane: ControlPlane,
    context: WorldContext,
    lines: Iterable[tuple[int, bytes]],
    report: Callable[[int], None] | None = None,
) -> int:
    """Repeats encoded records, in order; the position of the last one, 0 when there is none.

    The world's webhooks must pause and its recorder must be off. `report` is called now and then with the position.
    Raises `LogError` for a record that cannot be repeated, with its position.
    """
    position = 0
    for position, line in lines:
        try:
            await replay_record(plane, context, decode(line))
        except ShuttingDown:
            raise LogError("the server is about to end") from None
        except GameError:  # refused, as it was then
            pass
        except LogError as error:
            raise LogError(f"record {position} of the world {context.organisation.key}: {error}") from None
        if position % AT_ONCE == 0:
            if report is not None:
                report(position)
            await asyncio.sleep(0)
    reached = max((game.now for game in context.organisation.games.values()), default=0)
    context.organisation.clock.reach(reached)  # the machine's clock may be behind what it was then
    return position


async def replay_record(plane: ControlPlane, context: WorldContext, record: Record) -> Any:
    """Replays one record, at its time. Returns the result of a call of the control plane.

    Raises `GameError` when it is refused, `LogError` when it cannot be repeated at all.
    """
    if record.name in plane.operations or record.name == TENANT:
        assert plane.replay_operation is not None, "the application is made by now"
        plane.replay_operation(context.organisation, record)
    elif record.name == TIME:
        context.organisation.catch_up(record.time)
    elif record.name == CATALOG:
        with pin(record.real):
            try:
                change_file(context.organisation, SentCatalog(record.arguments["catalog"]))
            except (CatalogError, KeyError, TypeError) as error:
                raise cannot_replay(record, error) from None
    elif record.name == LOADED:
        with pin(record.real):
            forget_waiting(context, record)
    elif record.name in CALLS:
        return await _call(plane, context, record)
    else:
        raise LogError(f"this mockserver knows no command {record.name!r}")
    return None


async def _call(plane: ControlPlane, context: WorldContext, record: Record) -> Any:
    """A call of the control plane."""
    request = ControlRequest(
        plane=plane,
        name=record.name,
        world_context=context,
        tenant=record.tenant,
        path=record.arguments.get("path", {}),
        pairs=[],
        body=orjson.dumps(record.arguments.get("body")),
        media_type="",
        replayed=record,
        largest=sys.maxsize,
    )
    with pin(record.real):
        context.organisation.clock.reach(record.time)
        try:
            return await execute_call(CALLS[record.name], request)
        except (KeyError, TypeError) as error:
            raise cannot_replay(record, error) from None


def forget_waiting(context: WorldContext, record: Record) -> None:
    """Webhooks of what has happened so far are not sent any more; those of what follows are."""
    context.organisation.catch_up(record.time)
    context.webhooks.drop_waiting()


def change_file(organisation: Organisation, catalog: SentCatalog) -> None:
    """The file behind a world's catalog has changed: it is in force now, and after a reset. Raises `CatalogError`."""
    now = catalog(organisation.first_day)
    organisation.plan = replace(organisation.plan, catalog=catalog)
    organisation.change_catalog(now)

"""A world goes the way again that its records tell of: `World = fold(recipe, records)`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import orjson

from mockserver.catalogs import CatalogError
from mockserver.clock import pin
from mockserver.control.ask import ControlRequest
from mockserver.control.backstage import WorldContext
from mockserver.control.plane import ControlPlane
from mockserver.control.routes import perform
from mockserver.control.table import ROWS
from mockserver.control.worlds import Given
from mockserver.game.errors import GameError
from mockserver.log.record import CATALOG, LOADED, TENANT, TIME, LogError, Record, cannot_repeat, decode
from mockserver.worlds import Ending, Organisation

AT_ONCE = 256  # records, then others get their turn

CALLS = {row.name: row for row in ROWS if row.kept}


async def fold(
    plane: ControlPlane,
    side: WorldContext,
    lines: Iterable[tuple[int, bytes]],
    report: Callable[[int], None] | None = None,
) -> int:
    """Repeats encoded records, in order; the position of the last one, 0 when there is none.

    The world's webhooks must pause and its recorder must be off. `report` is told now and then how far it has come.
    Raises `LogError` for a record that cannot be repeated, with its position.
    """
    position = 0
    for position, line in lines:
        try:
            await repeat(plane, side, decode(line))
        except Ending:
            raise LogError("the server is about to end") from None
        except GameError:  # refused, as it was then
            pass
        except LogError as error:
            raise LogError(f"record {position} of the world {side.organisation.key}: {error}") from None
        if position % AT_ONCE == 0:
            if report is not None:
                report(position)
            await asyncio.sleep(0)
    reached = max((game.now for game in side.organisation.games.values()), default=0)
    side.organisation.clock.reach(reached)  # the machine's clock may be behind what it was then
    return position


async def repeat(plane: ControlPlane, side: WorldContext, record: Record) -> Any:
    """Lets happen again what one record tells of, at its time; the answer of a call of the control plane.

    Raises `GameError` when it is refused, `LogError` when it cannot be repeated at all.
    """
    if record.name in plane.operations or record.name == TENANT:
        assert plane.repeat is not None, "the application is made by now"
        plane.repeat(side.organisation, record)
    elif record.name == TIME:
        side.organisation.catch_up(record.time)
    elif record.name == CATALOG:
        with pin(record.real):
            try:
                change_file(side.organisation, Given(record.arguments["catalog"]))
            except (CatalogError, KeyError, TypeError) as error:
                raise cannot_repeat(record, error) from None
    elif record.name == LOADED:
        with pin(record.real):
            forget_waiting(side, record)
    elif record.name in CALLS:
        return await _call(plane, side, record)
    else:
        raise LogError(f"this mockserver knows no command {record.name!r}")
    return None


async def _call(plane: ControlPlane, side: WorldContext, record: Record) -> Any:
    """A call of the control plane."""
    ask = ControlRequest(
        plane=plane,
        name=record.name,
        backstage=side,
        tenant=record.tenant,
        path=record.arguments.get("path", {}),
        pairs=[],
        body=orjson.dumps(record.arguments.get("body")),
        media_type="",
        again=record,
        largest=sys.maxsize,
    )
    with pin(record.real):
        side.organisation.clock.reach(record.time)
        try:
            return await perform(CALLS[record.name], ask)
        except (KeyError, TypeError) as error:
            raise cannot_repeat(record, error) from None


def forget_waiting(side: WorldContext, record: Record) -> None:
    """What has happened so far is not sent any more; what happens from here on is."""
    side.organisation.catch_up(record.time)
    side.webhooks.drop_waiting()


def change_file(organisation: Organisation, catalog: Given) -> None:
    """The file behind a world's catalog has changed: it is in force now, and after a reset. Raises `CatalogError`."""
    now = catalog(organisation.first_day)
    organisation.plan = replace(organisation.plan, catalog=catalog)
    organisation.change_catalog(now)

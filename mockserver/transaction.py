"""A request is a transaction: all of it is recorded, also in the log where one is kept, or nothing."""

from __future__ import annotations

from typing import Any

from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.log.record import TENANT, Record
from mockserver.spec.binding import Function
from mockserver.worlds import Organisation


def execute_operation(
    organisation: Organisation,
    game: Game,
    tenant: str | None,
    name: str,
    function: Function,
    arguments: dict[str, Any],
) -> tuple[Any, bool]:
    """Calls an operation's function; logs the command if it changed anything. Returns the result, and whether it did.

    All of it or nothing: when something breaks on the way, the world is as it was.
    """
    before = game.world.journal.last
    game.begin()
    try:
        content = function(game, **arguments)
        is_new_tenant = tenant is not None and organisation.add_tenant(tenant, game)
    except GameError:
        if organisation.recorder is not None and game.world.journal.last != before:
            _log(organisation, game, Record(game.now, name, arguments, tenant))
        game.commit()
        raise
    except BaseException:
        game.undo()
        raise
    changed = game.world.journal.last != before
    if organisation.recorder is not None and (changed or is_new_tenant):
        record = Record(game.now, name, arguments, tenant) if changed else Record(game.now, TENANT, {}, tenant)
        _log(organisation, game, record, is_new_tenant=is_new_tenant)
    game.commit()
    return content, changed


def _log(organisation: Organisation, game: Game, record: Record, *, is_new_tenant: bool = False) -> None:
    """Gives the record to the recorder. When that fails, the request is undone."""
    assert organisation.recorder is not None
    try:
        organisation.recorder.add(record)
    except BaseException:
        game.undo()
        if is_new_tenant:
            organisation.remove_tenant(str(record.tenant))
        raise

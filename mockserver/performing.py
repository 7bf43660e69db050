"""A request is carried out as one: all of it, written down where a log is kept, or nothing."""

from __future__ import annotations

from typing import Any

from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.log.record import TENANT, Record
from mockserver.spec.binding import Function
from mockserver.worlds import Organisation


def perform(
    organisation: Organisation,
    game: Game,
    tenant: str | None,
    name: str,
    function: Function,
    arguments: dict[str, Any],
) -> tuple[Any, bool]:
    """Calls an operation's function, and writes down what it was told if that changed anything; whether it did.

    All of it or nothing: when something breaks on the way, the world is as it was.
    """
    before = game.world.journal.last
    game.begin()
    try:
        content = function(game, **arguments)
        founded = tenant is not None and organisation.admit(tenant, game)
    except GameError:
        if organisation.recorder is not None and game.world.journal.last != before:
            _write_down(organisation, game, Record(game.now, name, arguments, tenant))
        game.commit()
        raise
    except BaseException:
        game.undo()
        raise
    changed = game.world.journal.last != before
    if organisation.recorder is not None and (changed or founded):
        record = Record(game.now, name, arguments, tenant) if changed else Record(game.now, TENANT, {}, tenant)
        _write_down(organisation, game, record, founded=founded)
    game.commit()
    return content, changed


def _write_down(organisation: Organisation, game: Game, record: Record, *, founded: bool = False) -> None:
    """Gives the record to the recorder. When that fails, the request never happened."""
    assert organisation.recorder is not None
    try:
        organisation.recorder.add(record)
    except BaseException:
        game.undo()
        if founded:
            organisation.dismiss(str(record.tenant))
        raise

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
        _end(organisation, game, before, Record(game.now, name, arguments, tenant))
        raise
    except BaseException:
        game.undo()
        raise
    return content, _end(organisation, game, before, Record(game.now, name, arguments, tenant), founded=founded)


def _end(organisation: Organisation, game: Game, before: int, record: Record, *, founded: bool = False) -> bool:
    """Ends a request, once it is written down; whether it changed anything since the entry `before`."""
    changed, recorder = game.world.journal.last != before, organisation.recorder
    try:
        if recorder is not None and changed:
            recorder.add(record)
        elif recorder is not None and founded:
            recorder.add(record._replace(name=TENANT, arguments={}))
    except BaseException:
        game.undo()
        if founded:
            organisation.dismiss(str(record.tenant))
        raise
    game.commit()
    return changed

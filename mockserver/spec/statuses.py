"""Which status a refusal becomes: one table, read against the statuses that the operation declares."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from mockserver.game.errors import GameError, NotAllowed, NotFound, Refused, Unreadable

UNAUTHORISED = 401

# Most wanted first; the first that the operation declares is sent (behaviour, section 2).
PREFERENCES: dict[type[GameError], tuple[int, ...]] = {
    NotFound: (404, 422, 400),
    Refused: (422, 400, 404),
    NotAllowed: (403, 422, 400, 404),
    Unreadable: (400, 422, 404),
}


class HasRefusals(Protocol):
    """Whatever knows its own row of the table."""

    @property
    def refusals(self) -> dict[type[GameError], int]: ...


def refusals(declared: Collection[int]) -> dict[type[GameError], int]:
    """The table's column for an operation with these declared statuses. ValueError when none of them fits."""
    column = {}
    for kind, wanted in PREFERENCES.items():
        fitting = [status for status in wanted if status in declared]
        if not fitting:
            raise ValueError("declares no status for a refused request; one of 404, 422, 400 is needed")
        column[kind] = fitting[0]
    return column


def status_of(operation: HasRefusals, error: GameError) -> int:
    """The status that `operation` returns for `error`. An error of no particular kind counts as refused."""
    for kind in type(error).__mro__:
        if kind in operation.refusals:
            return operation.refusals[kind]
    return operation.refusals[Refused]

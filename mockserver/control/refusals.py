"""Why a call of the control plane is refused, beyond the errors of the game; and with which status."""

from __future__ import annotations

from mockserver.game.errors import GameError, NotFound, Refused, Unreadable
from mockserver.worlds import ShuttingDown


class Unauthorised(GameError):
    """The key or token is missing or unknown."""


class Forbidden(GameError):
    """The key or token does not allow this."""


STATUSES: dict[type[GameError], int] = {
    Unauthorised: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 422,
    Unreadable: 400,
    ShuttingDown: 503,
}


def status_of(refusal: GameError) -> int:
    """One table for the whole plane; an error of no particular kind counts as refused."""
    return next((STATUSES[kind] for kind in type(refusal).__mro__ if kind in STATUSES), 422)

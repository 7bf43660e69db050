"""The ways in which a request can be wrong. Which status each becomes is decided in one table, elsewhere."""

from __future__ import annotations


class GameError(Exception):
    """A sentence for the caller: what is wrong, where, and what was expected."""


class NotFound(GameError):
    """Something that the request names does not exist."""


class Refused(GameError):
    """The request can be read, but means something that is not allowed."""


class NotAllowed(Refused):
    """The request means something that the organisation has not switched on."""


class NothingToDo(Refused):
    """What is asked for is allowed, but would change nothing."""


class Unreadable(GameError):
    """The request's bytes cannot be read at all: not JSON, not UTF-8, too large, wrong media type."""

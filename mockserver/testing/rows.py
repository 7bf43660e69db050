"""Lists of what a world keeps, with a warning where it did not keep all."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from typing import Any


class LetGo(UserWarning):
    """A list lacks its oldest rows: the world keeps the newest ones only."""


class Rows(list[dict[str, Any]]):
    """A list; `let_go` counts the older rows, of whatever kind, that the world does not keep any more."""

    let_go: int = 0


def kept(what: str, rows: Iterable[dict[str, Any]], let_go: int) -> Rows:
    """The rows, with a warning when there were more of them once."""
    found = Rows(rows)
    found.let_go = let_go
    if let_go:
        warnings.warn(
            f"Of all {what} the world keeps the newest; {let_go} older ones are not in this list (see its let_go).",
            LetGo,
            stacklevel=3,
        )
    return found

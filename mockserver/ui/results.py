"""What came of what was done on the page, kept for the view that the browser is sent to afterwards."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

KEPT = 50


@dataclass(slots=True)
class Result:
    """`error` None: it was done. `facts` newest first; `counts` by kind; `more`: what only the view understands."""

    title: str
    error: str | None = None
    counts: dict[str, int] = field(default_factory=dict)
    facts: list[Any] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)


class Results:
    """The newest few, by a number that goes into the address of the next view."""

    def __init__(self) -> None:
        self._made = 0
        self._kept: OrderedDict[int, tuple[str, Result]] = OrderedDict()

    def keep(self, key: str, result: Result) -> int:
        """`key`: of the world in which it was done; nobody else gets to see it."""
        self._made += 1
        self._kept[self._made] = key, result
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return self._made

    def find(self, key: str, number: str) -> Result | None:
        kept = self._kept.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        return kept[1] if kept and kept[0] == key else None

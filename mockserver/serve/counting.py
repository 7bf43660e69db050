"""The server's own log on stderr: one record is one line without control characters, and repeated records are
counted."""

from __future__ import annotations

import logging
from collections.abc import Callable

from mockserver.clock import monotonic
from mockserver.printable import printable

BURST = 5  # records of one kind within a window; the rest is counted
WINDOW = 10.0  # seconds

Kind = tuple[str, int, str]


class OneLine(logging.Formatter):
    """No record looks like two: what follows its first line is indented, and control characters are escapes."""

    def format(self, record: logging.LogRecord) -> str:
        first, *rest = super().format(record).split("\n")
        return "\n    ".join([printable(first), *map(printable, rest)])


class Window:
    """The records of one kind since `began` (seconds of `clock.monotonic`): how many were emitted, how many not."""

    __slots__ = ("began", "emitted", "suppressed")

    def __init__(self, began: float) -> None:
        self.began = began
        self.emitted = self.suppressed = 0


class Counting(logging.StreamHandler):  # type: ignore[type-arg]
    """Emits the first records of a kind (one place and one text) in each window; of the others, how many,
    as soon as the window is over and anything is logged, at the latest at the end."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._windows: dict[Kind, Window] = {}
        self._last: dict[Kind, logging.LogRecord] = {}  # of those that were held back

    def emit(self, record: logging.LogRecord) -> None:
        now = self._clock()
        for kind in [kind for kind, window in self._windows.items() if now - window.began >= WINDOW]:
            self._end(kind)
        kind = record.name, record.levelno, str(record.msg)
        window = self._windows.setdefault(kind, Window(now))
        if window.emitted < BURST:
            window.emitted += 1
            super().emit(record)
        else:
            window.suppressed += 1
            record.exc_info = record.exc_text = None  # else it would keep alive all that the exception came through
            self._last[kind] = record

    def _end(self, kind: Kind) -> None:
        window, last = self._windows.pop(kind), self._last.pop(kind, None)
        if last is not None:
            last.msg, last.args = f"{window.suppressed} more like this one: {last.getMessage()}", ()
            super().emit(last)

    def close(self) -> None:
        """Emits how many records were suppressed."""
        for kind in list(self._windows):
            self._end(kind)
        super().close()

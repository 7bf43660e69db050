"""Standard error as the server writes to it: log records, and lines for what happens, which wait for no reader."""

from __future__ import annotations

import logging
import os
import select
import sys
from collections import deque
from typing import Literal

from mockserver.control.console import Console, Pace
from mockserver.control.lines import Jsonl, Text, encoded
from mockserver.game.periods import iso
from mockserver.serve.counting import Counting, OneLine

Format = Literal["text", "json"]

MOST_BYTES = 1 << 20  # that wait while the terminal reads too slowly; further lines are counted
PIECE = 1024  # bytes that are written at once: where there is room at all, there is room for so many


class Outlet:
    """A file descriptor that is written to as far as its reader keeps up. A terminal that is stopped (Ctrl-S, or a
    text that is being selected) stops no server."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll() if hasattr(select, "poll") else None
        if self._poll is not None:
            self._poll.register(descriptor, select.POLLOUT)
        self._waiting: deque[bytes] = deque()
        self._size = self._lost = 0

    def write(self, lines: list[str]) -> bool:
        """Whether all is out."""
        if self._lost and self._size < MOST_BYTES // 2:
            lines = [f"… {self._lost:,} lines were lost: what reads them is too slow.", *lines]
            self._lost = 0
        if self._size >= MOST_BYTES:
            self._lost += len(lines)
        elif lines:
            text = "\n".join(lines).encode(errors="backslashreplace") + b"\n"
            self._waiting.extend(text[start : start + PIECE] for start in range(0, len(text), PIECE))
            self._size += len(text)
        while self._waiting and self._has_room():
            piece = self._waiting.popleft()
            try:
                written = os.write(self._descriptor, piece)
            except BlockingIOError:
                written = 0
            except OSError:  # nobody is there to read any more
                self._waiting.clear()
                self._size = 0
                return True
            self._size -= written
            if written < len(piece):
                self._waiting.appendleft(piece[written:])
        return not self._waiting

    def _has_room(self) -> bool:
        """Whether a write would not have to wait; where the system cannot tell, it is tried."""
        return self._poll is None or bool(self._poll.poll(0))


class JsonFormatter(logging.Formatter):
    """A log record as one JSON object, beside those of the console."""

    def format(self, record: logging.LogRecord) -> str:
        row = {
            "time": iso(round(record.created * 1000)),
            "level": record.levelname.lower(),
            "event": "log",
            "logger": record.name,
            "message": record.getMessage(),
        }
        return encoded(row | ({"exception": self.formatException(record.exc_info)} if record.exc_info else {}))


def log_to_stderr(level: str, form: Format | None = None) -> None:
    """What uvicorn says of itself is for `debug` only."""
    handler = Counting()
    handler.setFormatter(JsonFormatter() if form == "json" else OneLine("%(levelname)s %(message)s"))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("httpx2").setLevel(logging.WARNING)  # a line per delivery: the delivery log says more
    if level != "debug":
        logging.getLogger("uvicorn").setLevel(max(logging.WARNING, logging.getLogger().level))


def console(level: str, form: Format | None) -> Console | None:
    """What writes a line for each request, delivery and move of a clock; None where nobody wants them: above `info`,
    and where neither a format nor a terminal says that somebody reads them."""
    if sys.stderr is None:  # closed by who started the server
        return None
    terminal = sys.stderr.isatty()
    if level not in ("info", "debug") or not (form or terminal):
        return None
    outlet = Outlet(sys.stderr.fileno())
    if form == "json":
        return Console(Jsonl(), outlet.write)
    return Console(Text(colours=terminal and _colours()), outlet.write, Pace() if terminal else None)


def _colours() -> bool:
    """https://no-color.org, and terminals that have none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

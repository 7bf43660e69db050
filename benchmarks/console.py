"""What the lines on the console cost: servers that write them, beside one that writes none."""

from __future__ import annotations

import os
import pty
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import IO

from benchmarks import targets
from benchmarks.load import EVENT, USER, loaded
from benchmarks.processes import Running
from benchmarks.tables import Cell, judged, show
from mockserver.seed import seeded_id

USERS = 50
SILENT, TERMINAL, JSON = "no lines (--log-level warning)", "a terminal", "a file (--log-format json)"
LEAST = {TERMINAL: 0.97, JSON: None}  # of the requests without lines


def show_console(seconds: float, rounds: int) -> None:
    """Requests per second of the server's core, each server loaded in turn."""
    rates: dict[tuple[str, str], list[float]] = {}
    users = [seeded_id(number) for number in range(USERS)]
    with ExitStack() as stack:
        servers = _start(stack)
        for call in (USER, EVENT):
            for number in range(rounds + 1):
                for name, server in servers.items():
                    rate = loaded(call, server, targets.PREFIX, users, seconds if number else min(1.0, seconds)).rate
                    if number:  # the first round only warms up
                        rates.setdefault((call.name, name), []).append(rate)
    rows: list[list[Cell]] = []
    for (call_name, name), found in rates.items():
        ratio = median(rate / silent for rate, silent in zip(found, rates[call_name, SILENT], strict=True))
        rows.append([call_name, name, median(found), None if name == SILENT else judged(ratio, least=LEAST[name])])
    heads = ("call", "lines go to", "requests/s", "÷ no lines")
    show("Requests per second of the server's core while it writes a line per request", heads, rows)


def _start(stack: ExitStack) -> dict[str, Running]:
    users, terminal = ("--users", str(USERS)), stack.enter_context(_terminal())
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    file = stack.enter_context((directory / "lines.jsonl").open("wb"))
    return {
        SILENT: stack.enter_context(targets.ours(*users, "--log-level", "warning")),
        TERMINAL: stack.enter_context(targets.ours(*users, errors=terminal)),
        JSON: stack.enter_context(targets.ours(*users, "--log-format", "json", errors=file)),
    }


@contextmanager
def _terminal() -> Iterator[IO[bytes]]:
    """A terminal that shows at once what it gets."""
    shown, written = pty.openpty()

    def show_all() -> None:
        try:
            while os.read(shown, 1 << 16):
                pass
        except OSError:  # nobody writes to it any more
            pass

    showing = threading.Thread(target=show_all)
    showing.start()
    with os.fdopen(written, "wb") as end:
        yield end
    showing.join()
    os.close(shown)

"""Shows progress: the test that runs now and the time left; at a terminal the line is rewritten in place."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import pytest

from contract_tests.options import part_of_file
from contract_tests.suite import Suite

#: Seconds between two lines when stderr is not a terminal.
APART = 15.0
#: Seconds between two changes of the line at a terminal.
SOON = 0.1


class Progress:
    """A pytest plugin. Progress goes to stderr, the report to stdout."""

    def __init__(self, suite: Suite) -> None:
        self.suite = suite
        self.count = self.done = 0
        self.began = self.printed = time.monotonic()
        self.at_terminal = sys.stderr.isatty()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.count = len(session.items)
        self.began = time.monotonic()

    def pytest_runtest_logstart(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        now = time.monotonic()
        if now - self.printed < (SOON if self.at_terminal else APART):
            return
        self.printed = now
        file, _, name = nodeid.rpartition("::")
        part = part_of_file(file.rpartition("/")[2])
        line = f"{self.done}/{self.count}  {part}  {name[:60]}  {self._left(now)}"
        if self.at_terminal:
            sys.stderr.write(f"\r\x1b[K{line}")
        else:
            sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def _left(self, now: float) -> str:
        gone = now - self.began
        if not self.done or gone < 1:
            return ""
        left = gone / self.done * (self.count - self.done)
        return f"about {left / 60:.0f} min left" if left > 90 else f"about {left:.0f} s left"

    def pytest_runtest_logfinish(self, nodeid: str, location: tuple[str, int | None, str]) -> None:
        self.done += 1
        self.suite.ran.add(nodeid.rpartition("::")[2])

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.suite.stopped = f"interrupted after {self.done} of {self.count} tests"

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self.at_terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@contextmanager
def ending_is_an_interrupt() -> Iterator[None]:
    """A run that gets SIGTERM, as CI sends it, still writes its reports."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

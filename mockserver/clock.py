"""The one place that reads the time: a world's clock, real, shifted or frozen. Milliseconds UTC."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

from mockserver.game.periods import FIRST_CLOCK, LAST_CLOCK

# Seconds of real time, to measure and to wait by. Tests replace `time.monotonic` in every module that holds it
# (freezegun does), and a wait that uses it would never end: they do not find a `partial`.
monotonic: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if sys.platform != "win32" else partial(time.monotonic)
)

_pinned: ContextVar[int | None] = ContextVar("pinned", default=None)


def real_time() -> int:
    pinned = _pinned.get()
    return time.time_ns() // 1_000_000 if pinned is None else pinned


@contextmanager
def pin(real: int | None = None) -> Iterator[int]:
    """In this context the real time stands still: at `real`, or where it is (pinned already or not)."""
    now = real_time() if real is None else real
    token = _pinned.set(now)
    try:
        yield now
    finally:
        _pinned.reset(token)


class Clock:
    """Runs from `now` on (None: the real time), or stands still there when `frozen`.

    Only `set` moves it back: when the machine's clock goes back, this one goes on from where it was.
    """

    __slots__ = ("_frozen_at", "_latest", "_offset")

    def __init__(self, now: int | None = None, frozen: bool = False) -> None:
        self._offset = 0 if now is None else now - real_time()
        self._latest = now or 0  # what it has shown, but for the past that a pinned time brings back
        self._frozen_at: int | None = None
        if frozen:
            self._frozen_at = real_time() if now is None else now

    @property
    def frozen(self) -> bool:
        return self._frozen_at is not None

    @property
    def hands(self) -> tuple[int, int | None]:
        """The same as long as nobody moves, stops or starts the clock."""
        return self._offset, self._frozen_at

    def now(self) -> int:
        if self._frozen_at is not None:
            return self._frozen_at
        pinned = _pinned.get()
        if pinned is not None:
            now = pinned + self._offset
        elif (now := time.time_ns() // 1_000_000 + self._offset) < self._latest:
            self._offset += self._latest - now
            now = self._latest
        else:
            self._latest = now
        return now if FIRST_CLOCK <= now <= LAST_CLOCK else min(max(now, FIRST_CLOCK), LAST_CLOCK)

    def reach(self, now: int) -> None:
        """It is at least `now`, as it was known to be at this moment; unless it stands still."""
        if self._frozen_at is None and (behind := now - self.now()) > 0:
            self._offset += behind

    def set(self, now: int, frozen: bool) -> None:
        """Moves the hands; running on from there, or frozen."""
        self._offset = now - real_time()
        self._latest = now
        self._frozen_at = now if frozen else None

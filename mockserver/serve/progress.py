"""Tells on stderr how far the seeding has come, once it takes above a second."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any

PATIENCE = 1.0  # seconds


class Progress:
    """Call it with what is done (0 to 1) and how many things were done; as a context it cleans up at the end."""

    def __init__(self, users: int) -> None:
        self._users = users
        self._started = time.perf_counter()
        self._bar: Any = None
        self._task: Any = None
        self._over = False

    def __call__(self, done: float, count: int) -> None:
        elapsed = time.perf_counter() - self._started
        if self._bar is None:
            if self._over or elapsed < PATIENCE:
                return
            self._open()
        self._bar.update(self._task, completed=done, rate=f"{count / elapsed:,.0f} events/s")

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (BarColumn(), TaskProgressColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn())
        text = TextColumn("{task.description}")
        self._bar = Progress(text, *columns, console=Console(stderr=True), transient=False)
        self._task = self._bar.add_task(f"{self._users:,} people live through their days", total=1.0, rate="")
        self._bar.start()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over = True  # worlds that are made later are nobody's to wait for
        if self._bar is not None:
            if kind is None:
                self._bar.update(self._task, completed=1.0)
            self._bar.stop()
            self._bar = None

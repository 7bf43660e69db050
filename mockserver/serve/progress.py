"""Shows on stderr how far the seeding has come, once it takes above a second."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from mockserver.clock import Clock, monotonic
from mockserver.game.engine import Game
from mockserver.game.periods import utc_day
from mockserver.serve.populations import POPULATIONS
from mockserver.worlds import Plan

PATIENCE = 1.0  # seconds


def populate(
    game: Game, *, seed: int, users: int, until: int, report: Callable[[float, int], None] | None = None
) -> Sequence[Any]:
    """Fills a population in silence. Returns what the webhooks of the last two days are made from."""
    return POPULATIONS.populate(game, seed=seed, users=users, until=until, report=report)


def populations(plan: Plan) -> int:
    """How many a world begins with: one, or one for each tenant that the catalog lists."""
    settings = plan.catalog(utc_day(Clock(plan.now).now())).settings
    return len(settings.tenants or ()) if settings.multi_tenant else 1


class Bar:
    """A bar on stderr that is drawn once the matter takes above a second; as a context it cleans up at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._started = monotonic()
        self._bar: Any = None
        self._task: Any = None
        self._over = False

    def show(self, done: float, count: int) -> None:
        """How much is done (0 to 1), and how many events that were."""
        elapsed = monotonic() - self._started
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
        self._task = self._bar.add_task(self._text, total=1.0, rate="")
        self._bar.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over = True  # what comes later is nobody's to wait for
        if self._bar is not None:
            if kind is None:
                self._bar.update(self._task, completed=1.0)
            self._bar.stop()
            self._bar = None


class Progress(Bar):
    """Seeds so many populations, `users` in each, under one bar."""

    def __init__(self, users: int, populations: int = 1) -> None:
        super().__init__(f"Seeding {users * populations:,} users")
        self._populations = populations
        self._settled = self._events = 0  # of the populations that are complete

    def populate(
        self, game: Game, *, seed: int, users: int, until: int, report: Callable[[float, int], None] | None = None
    ) -> Sequence[Any]:
        """Fills the next population, as `populate` does."""
        count = 0

        def show(done: float, so_far: int) -> None:
            nonlocal count
            count = so_far
            self.show((self._settled + done) / self._populations, self._events + so_far)
            if report is not None:
                report(done, so_far)

        captured = POPULATIONS.populate(game, seed=seed, users=users, until=until, report=show)
        self._settled += 1
        self._events += count
        return captured


class Repeating(Bar):
    """What was kept is repeated."""

    def __init__(self) -> None:
        super().__init__("What was kept is repeated")

    def report(self, done: int, total: int) -> None:
        self.show(done / max(total, 1), done)

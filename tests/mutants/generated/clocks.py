"""Faults of time: zones, days, weeks, and rules that forget what they should hold on to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mockserver.game import periods
from tests.mutants.fault import Fault, swap

TIME = "time"
PERIODS = "mockserver.game.periods"


def _offset(tz: Any, then: datetime = datetime(2025, 1, 15, tzinfo=UTC)) -> timedelta:
    return then.astimezone(tz).utcoffset() or timedelta()


def fixed(change: Callable[[timedelta], timedelta], *, only: Callable[[str], bool] = lambda name: True) -> Any:
    """Zones without summer time, at another distance from UTC, in whole hours."""

    def make(zone: Any) -> Any:
        def changed(name: str | None) -> Any:
            if not name or not only(name):
                return zone(name)
            hours = max(-12, min(14, change(_offset(zone(name))) // timedelta(hours=1)))
            return zone(f"Etc/GMT{-hours:+d}") if hours else zone("UTC")

        return changed

    return make


def _is_split(name: str) -> bool:
    return _offset(periods.zone.__wrapped__(name)) % timedelta(hours=1) != timedelta()


def shifted(by: int) -> Any:
    """Of a function that gives a day: the one before or after."""

    def make(old: Callable[..., date]) -> Callable[..., date]:
        return lambda *arguments, **named: old(*arguments, **named) + timedelta(days=by)

    return make


def week_from(start: int) -> Any:
    """Weeks begin on another day than the organisation's."""

    def make(old: Callable[..., Any]) -> Callable[..., Any]:
        return lambda day, frequency, week_start=6: old(day, frequency, start)

    return make


def as_frequency(old_one: str, new_one: str) -> Any:
    def make(old: Callable[..., Any]) -> Callable[..., Any]:
        return lambda day, frequency, week_start=6: old(day, new_one if frequency == old_one else frequency, week_start)

    return make


def _zones() -> dict[str, Any]:
    return {
        "zones: UTC for all": fixed(lambda offset: timedelta()),
        "zones: no summer time": fixed(lambda offset: offset, only=lambda name: not _is_split(name)),
        "zones: whole hours": fixed(lambda offset: offset, only=_is_split),
        "zones: east for west": fixed(lambda offset: -offset),
        "zones: three-part names are UTC": fixed(lambda offset: timedelta(), only=lambda name: name.count("/") > 1),
        "zones: names without a slash are UTC": fixed(lambda offset: timedelta(), only=lambda name: "/" not in name),
        "zones: at most 12 hours ahead": fixed(lambda offset: min(offset, timedelta(hours=12))),
    }


def faults() -> Iterator[Fault]:
    for name, make in _zones().items():
        yield Fault(name, TIME, patch=swap(PERIODS, "zone", make))
    for function in ("start_of_period", "end_of_period", "next_period", "previous_period"):
        for start in (0, 6):
            yield Fault(
                f"{function}: weeks begin on weekday {start}", TIME, patch=swap(PERIODS, function, week_from(start))
            )
        for old, new in (("monthly", "weekly"), ("weekly", "daily"), ("weekly", "monthly"), ("monthly", "daily")):
            name = f"{function}: {old} taken for {new}"
            yield Fault(name, TIME, patch=swap(PERIODS, function, as_frequency(old, new)))
    for function in ("start_of_period", "end_of_period", "local_day", "utc_day", "run_start", "first_day"):
        for by, what in ((1, "late"), (-1, "early")):
            yield Fault(f"{function}: a day {what}", TIME, patch=swap(PERIODS, function, shifted(by)))

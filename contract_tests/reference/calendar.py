"""Days, periods and runs, as the behaviour page defines them (sections 5 and 8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

JSON = Any
ONE_DAY = timedelta(days=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def first_instant(day: date, zone: ZoneInfo) -> datetime:
    """Local midnight, or the first moment of a day without midnight; the first if there are two."""
    found = datetime.combine(day, time(), zone).astimezone(UTC)
    while found.astimezone(zone).date() < day:
        found += timedelta(minutes=15)
    while (found - timedelta(minutes=15)).astimezone(zone).date() == day:
        found -= timedelta(minutes=15)
    return found


def local(moment: datetime, zone: ZoneInfo) -> date:
    return moment.astimezone(zone).date()


class Periods:
    """Periods of a frequency; weeks begin on `week_start`, a weekday's name."""

    def __init__(self, frequency: str, week_start: str = "sunday") -> None:
        self.frequency = frequency
        self._week_start = WEEKDAYS.index(week_start)

    def start(self, day: date) -> date:
        """The first day of the period that a day is in."""
        if self.frequency == "weekly":
            return day - ONE_DAY * ((day.weekday() - self._week_start) % 7)
        return day.replace(day=1) if self.frequency == "monthly" else day

    def end(self, day: date) -> date:
        """Its last day."""
        return self.after(day) - ONE_DAY

    def after(self, day: date) -> date:
        """The first day of the next period."""
        start = self.start(day)
        if self.frequency == "weekly":
            return start + 7 * ONE_DAY
        return (start + 32 * ONE_DAY).replace(day=1) if self.frequency == "monthly" else start + ONE_DAY

    def last(self, day: date, count: int) -> list[date]:
        """The starts of so many periods, oldest first, the one that a day is in last."""
        found = [self.start(day)]
        while len(found) < count:
            found.append(self.start(found[-1] - ONE_DAY))
        return found[::-1]

    def within(self, first: date, last: date) -> list[date]:
        """The starts of all periods that have a day in common with a span."""
        found = [self.start(first)]
        while (start := self.after(found[-1])) <= last:
            found.append(start)
        return found


def run_of(board: JSON, day: date) -> tuple[date, date | None] | None:
    """First and last day of the run that a day is in; None before the first and after the last."""
    start = date.fromisoformat(board["start"])
    end = date.fromisoformat(board["end"]) if board.get("end") else None
    if day < start or (end is not None and day > end):
        return None
    if not board.get("runUnit"):
        return start, end
    number = 0
    while _run_start(board, start, number + 1) <= day:
        number += 1
    last = _run_start(board, start, number + 1) - ONE_DAY
    return _run_start(board, start, number), last if end is None else min(last, end)


def _run_start(board: JSON, start: date, number: int) -> date:
    """Monthly and yearly runs keep the start's day, clamped to the month's end."""
    step = number * int(board["runInterval"])
    if board["runUnit"] == "day":
        return start + ONE_DAY * step
    months = start.month - 1 + step * (12 if board["runUnit"] == "year" else 1)
    first = date(start.year + months // 12, months % 12 + 1, 1)
    longest = ((first + 32 * ONE_DAY).replace(day=1) - ONE_DAY).day
    return first.replace(day=min(start.day, longest))

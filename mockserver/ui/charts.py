"""Where the lines and boxes of the pictures are: numbers for inline SVG, which the templates draw."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

JSON = Any

CELL, GAP = 13, 3  # of a calendar, in pixels
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Bar(NamedTuple):
    x: float
    y: float
    width: float
    height: float
    row: JSON


class Bars(NamedTuple):
    width: int
    height: int
    bars: list[Bar]
    most: int
    ticks: list[str]


def bars(rows: Sequence[JSON], name: str, width: int = 720, height: int = 140) -> Bars:
    """A bar for each row, as high as `row[name]`; the greatest value reaches the top."""
    most = max((row[name] for row in rows), default=0)
    step = width / max(1, len(rows))
    made = []
    for at, row in enumerate(rows):
        tall = round(height * row[name] / most, 1) if most else 0.0
        made.append(Bar(round(at * step + step * 0.12, 1), round(height - tall, 1), round(step * 0.76, 1), tall, row))
    return Bars(width, height, made, most, _ticks(rows))


class Line(NamedTuple):
    width: int
    height: int
    line: str
    area: str
    most: int
    ticks: list[str]


def line(rows: Sequence[JSON], name: str, width: int = 720, height: int = 120) -> Line:
    """`row[name]` over time as steps: a total holds until it changes."""
    values = [row[name] or 0 for row in rows]
    most, least = max(values, default=0), min(0, min(values, default=0))
    spread = (most - least) or 1
    step = width / max(1, len(rows))
    points = [
        (round(at * step, 1), round(height - height * (value - least) / spread, 1)) for at, value in enumerate(values)
    ]
    path = "".join(
        f"{'M' if at == 0 else 'H'}{x}" + (f" {y}" if at == 0 else f"V{y}") for at, (x, y) in enumerate(points)
    )
    path += f"H{width}" if points else ""
    return Line(width, height, path, f"{path}V{height}H0Z" if points else "", most, _ticks(rows))


def _ticks(rows: Sequence[JSON]) -> list[str]:
    """The days that are written under a picture, evenly from the first to the last."""
    return [rows[round(at * (len(rows) - 1) / 4)]["date"] for at in range(5)] if rows else []


class Cell(NamedTuple):
    x: int
    y: int
    row: JSON


class Calendar(NamedTuple):
    width: int
    height: int
    cells: list[Cell]
    months: list[tuple[int, str]]
    weekdays: list[tuple[int, str]]


def calendar(rows: Sequence[JSON], daily: bool, week_start: int = 6) -> Calendar:
    """A streak's periods: days as columns of weeks, weeks and months one after the other. Oldest first."""
    pitch, left, top = CELL + GAP, 34 if daily else 0, 18
    if not daily or not rows:
        shown = list(rows)[-52:]
        cells = [Cell(at % 26 * pitch, top + at // 26 * pitch, row) for at, row in enumerate(shown)]
        tall = (len(shown) - 1) // 26 + 1
        return Calendar(26 * pitch, top + tall * pitch, cells, [], [])
    first = date.fromisoformat(rows[0]["periodStart"])
    origin = first - timedelta(days=(first.weekday() - week_start) % 7)
    cells, months, seen = [], [], ""
    for row in rows:
        day = date.fromisoformat(row["periodStart"])
        column, line = divmod((day - origin).days, 7)
        cells.append(Cell(left + column * pitch, top + line * pitch, row))
        if day.day == 1 and f"{day:%b}" != seen:
            seen = f"{day:%b}"
            months.append((left + column * pitch, seen))
    weekdays = [(top + line * pitch, WEEKDAYS[(week_start + line) % 7]) for line in (1, 3, 5)]
    columns = cells[-1].x + pitch
    return Calendar(columns + CELL, top + 7 * pitch, cells, months, weekdays)


class Span(NamedTuple):
    """From `x` to `x + width`, in percent of the time line; `open`: it has no end."""

    x: float
    width: float
    row: JSON


def spans(rows: Sequence[JSON], today: str, days: int = 60) -> tuple[list[Span], float]:
    """Boosts on a time line of that many days before and after today, and where today is; others are left out."""
    now = date.fromisoformat(today[:10])
    first, whole = now - timedelta(days=days), 2 * days + 1
    found = []
    for row in rows:
        start, end = date.fromisoformat(row["start"]), date.fromisoformat(row["end"]) if row["end"] else date.max
        left = max(0, (start - first).days)
        right = min(whole, (end - first).days + 1)
        if left < right:
            found.append(Span(round(100 * left / whole, 2), round(100 * (right - left) / whole, 2), row))
    return found, round(100 * (days + 0.5) / whole, 2)

"""Results as tables: a figure, what it should be, and whether it is."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

console = Console(width=None if sys.stdout.isatty() else 120, soft_wrap=False)

Cell = str | float | None


def machine() -> str:
    """What the figures were taken on, in one line."""
    cpu = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = {line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line}
        cores = info.read_text().count("processor\t")
        cpu = f"{', '.join(sorted(names))} ({cores} cores)"
    return f"{cpu}, {platform.system()} {platform.release()}, Python {platform.python_version()}"


def show(title: str, heads: Iterable[str], rows: Iterable[Iterable[Cell]], caption: str | None = None) -> None:
    """Prints a table; numbers to the right, what was left out as a dash."""
    table = Table(title=title, caption=caption, title_justify="left", caption_justify="left")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*(_text(cell) for cell in row))
    console.print(table)


def _text(cell: Cell) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, str):
        return cell
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def judged(value: float | None, *, least: float | None = None, most: float | None = None, unit: str = "") -> str | None:
    """A figure beside what it should be: `0.84 ≥ 0.8 ✓`."""
    if value is None:
        return None
    figure = f"{value:.2f}" if value < 100 else f"{value:,.0f}"
    if least is not None:
        return f"{figure} {'≥' if value >= least else '<'} {least:g}{unit} {'✓' if value >= least else '✗'}"
    if most is not None:
        return f"{figure} {'≤' if value <= most else '>'} {most:g}{unit} {'✓' if value <= most else '✗'}"
    return f"{figure}{unit}"

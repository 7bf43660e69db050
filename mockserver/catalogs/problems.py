"""What is wrong with a catalog: every problem names the place it stands at, and all are reported together."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from mockserver.game.errors import Refused

Path = tuple[str | int, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


class Problem(NamedTuple):
    """Something wrong at `path`; `line` counts from 1, 0 where there are no lines to count."""

    path: Path
    message: str
    line: int = 0

    def __str__(self) -> str:
        where = [f"line {self.line}"] if self.line else []
        where += [dotted(self.path)] if self.path else []
        return f"{', '.join(where)}: {self.message}" if where else self.message


MOST_PROBLEMS = 100


class Enough(Exception):
    """There are too many problems to go on."""


class CatalogError(Refused):
    """A catalog that cannot be used. `str()` names it and lists every problem, one a line."""

    def __init__(self, name: str, problems: Iterable[Problem]) -> None:
        self.name = name
        self.problems = sorted(problems, key=lambda problem: problem.line)
        lines = [str(problem) for problem in self.problems]
        if len(lines) == 1:
            super().__init__(f"{name}, {lines[0]}" if self.problems[0].line else f"{name}: {lines[0]}")
        else:
            super().__init__("\n  ".join([f"{name}: {len(lines)} problems", *lines]))


@dataclass
class Reading:
    """One catalog being read: its first day, the problems met, the names referred to."""

    today: date
    problems: list[Problem] = field(default_factory=list)
    references: list[tuple[str, str, Path]] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """Where in the catalog the reader stands."""

    reading: Reading
    path: Path = ()

    def __truediv__(self, step: str | int) -> Place:
        return Place(self.reading, (*self.path, step))

    @property
    def today(self) -> date:
        return self.reading.today

    def wrong(self, message: str) -> Any:
        """Notes a problem here. The result, None, stands in for the value that could not be read.

        Raises `Enough` when there are too many.
        """
        self.reading.problems.append(Problem(self.path, message))
        if len(self.reading.problems) >= MOST_PROBLEMS:
            raise Enough

    def expected(self, what: str, found: object) -> Any:
        """Notes that something else than `found` belongs here. Returns None, as `wrong` does."""
        return self.wrong(f"expected {what}, found {shown(found)}")

    def refers(self, to: str, name: str) -> None:
        """Notes that `name` must be found under `to` (`metrics`, `userAttributes` …) in the end."""
        self.reading.references.append((to, name, self.path))


def dotted(path: Path) -> str:
    """`points.xp.triggers[0].metricKey`: keys as TOML writes them, positions from 0."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _BARE.match(step) else f'"{step}"')
    return text


def shown(value: object) -> str:
    """A value as its author wrote it, short."""
    names: dict[type, str] = {
        dict: "a table",
        list: "an array",
        type(None): "null",
        datetime: "a date with a time",
    }
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 40 else f'"{value[:37]}…"'
    if isinstance(value, int | float | Decimal | date) and not isinstance(value, datetime):
        return str(value)
    return names.get(type(value), f"a {type(value).__name__}")

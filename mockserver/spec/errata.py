"""What the mock does where the spec contradicts itself: the rows of `fixtures/errata.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mockserver.spec.compiler import resource
from mockserver.spec.contradictions import Contradiction


@dataclass(frozen=True, slots=True)
class Erratum:
    """`kind`, `where` and `names` say which contradictions it explains; `reading`: one that analysis cannot find;
    `since`: the version of the spec from which it holds, for what the mock's own does not have."""

    kind: str
    where: str
    names: tuple[str, ...]
    spec: str
    mock: str
    since: str = ""

    def explains(self, found: Contradiction) -> bool:
        return (self.kind, self.where) == (found.kind, found.where) and found.name in self.names


def errata(path: Path | None = None) -> list[Erratum]:
    """The rows, in the file's order (default: the file that comes with the mock)."""
    path = path or resource("fixtures") / "errata.toml"
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["erratum"]
    return [Erratum(**{**row, "names": tuple(row["names"])}) for row in rows]


def unexplained(found: Iterable[Contradiction], rows: Iterable[Erratum]) -> list[Contradiction]:
    """Contradictions that no row says anything about."""
    rows = list(rows)
    return [one for one in found if not any(row.explains(one) for row in rows)]

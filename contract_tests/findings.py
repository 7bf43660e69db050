"""Findings: each defect once, with the smallest request that shows it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from contract_tests.exchange import Exchange

#: At most this many places of one defect are listed when no request shows it.
MAX_PLACES = 20


@dataclass
class Finding:
    """`rule` is the expectation, `source` where it is written, `got` what happened instead.

    `field` is the place in the response, `expected` what should be there; both are empty if the rule says it all.
    `anywhere`: found by any test, it is one defect. `everywhere`: at any operation, too.
    `exchanges` are all requests of the test that found it, in order, when they can be sent again.
    """

    part: str
    test: str
    operation: str
    rule: str
    source: str
    got: str
    exchange: Exchange | None = None
    exchanges: list[Exchange] = dataclasses.field(default_factory=list)
    extra: dict[str, Any] = dataclasses.field(default_factory=dict)
    known: bool = False
    anywhere: bool = False
    everywhere: bool = False
    field: str = ""
    expected: str = ""

    @property
    def key(self) -> str:
        """Its key in a baseline: the same defect has the same key in every run."""
        test = "anywhere" if self.anywhere else self.test
        operation = "-" if self.everywhere else self.operation
        return " · ".join([self.part, test, operation, _without_particulars(self.rule)])


def _without_particulars(sentence: str) -> str:
    """Without quoted values and numbers, which differ from run to run."""
    return re.sub(r"\d+", "#", re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`", "'…'", sentence))[:240]


class Findings:
    """All findings, one for each key. Of two with the same key the one with the smaller request is kept."""

    def __init__(self) -> None:
        self._rows: dict[str, Finding] = {}
        self.counts: dict[str, int] = {}

    def add(self, finding: Finding) -> None:
        self.counts[finding.key] = self.counts.get(finding.key, 0) + 1
        kept = self._rows.get(finding.key)
        if kept is not None and finding.exchange is None:
            _say_more(kept, finding)
        elif kept is None or _size(finding) < _size(kept):
            self._rows[finding.key] = finding

    def of(self, keys: Iterable[str]) -> list[Finding]:
        return [self._rows[key] for key in keys if key in self._rows]

    def __iter__(self) -> Iterator[Finding]:
        return iter(self._rows.values())

    def __len__(self) -> int:
        return len(self._rows)


def _say_more(kept: Finding, other: Finding) -> None:
    """List every place where a defect was found that no request shows."""
    actual = kept.got.splitlines()
    if other.got not in actual and len(actual) < MAX_PLACES:
        kept.got = "\n".join([*actual, other.got])


def _size(finding: Finding) -> int:
    return finding.exchange.size if finding.exchange else 0

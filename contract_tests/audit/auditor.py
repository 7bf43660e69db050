"""Compares the target with the reference world, one field at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from contract_tests.exchange import Exchange
from contract_tests.random_catalogs import RandomCatalog
from contract_tests.reference import ReferenceWorld
from contract_tests.stage import Stage, moment
from contract_tests.suite import Suite

JSON = Any
#: The most findings of one world; more would repeat the same defect.
MOST = 12


class Auditor:
    """`ids`: the target's ids of what the catalog names, by kind and key, as its lists return them."""

    def __init__(self, suite: Suite, stage: Stage, random_catalog: RandomCatalog) -> None:
        self.suite, self.stage, self.random_catalog = suite, stage, random_catalog
        self.catalog = random_catalog.json
        self.began = stage.now()
        self.reference = ReferenceWorld(random_catalog.json, self.began)
        self.ids: dict[tuple[str, str], str] = {}
        self.found = 0

    def call(self, operation: str, **arguments: Any) -> JSON:
        return self.stage.get(operation, **arguments)

    def same_id(self, operation: str, kind: str, key: str, got: JSON, section: int) -> None:
        """The id of a thing is the one that it had where it was first shown."""
        self.same(operation, f"id of {kind}", got, self.ids.setdefault((kind, key), got), section)

    def same(self, operation: str, field: str, got: JSON, want: JSON, section: int) -> None:
        """Adds a finding unless both are equal; `section` is one of the behaviour page."""
        if got == want or self.found >= MOST or self.stage.client.spec.names.alike(got, want, field):
            return
        self.found += 1
        rule = f"{operation}: `{field}` follows from what the users did"
        message = f"{field} is {got!r}, expected {want!r}"
        self.suite.add_finding(rule, f"behaviour, section {section}", message, self._last(operation))

    def _last(self, operation: str) -> Exchange | None:
        """The newest request of this operation."""
        exchanges = self.suite.running.exchanges if self.suite.running else []
        return next((one for one in reversed(exchanges) if one.operation and one.operation.id == operation), None)


def when(text: JSON) -> datetime | None:
    return moment(text) if isinstance(text, str) else None


def as_pairs(wanted: dict[str, str] | None) -> list[JSON]:
    """Filters as the API shows them, in a fixed order."""
    return sorted(({"key": key, "value": value} for key, value in (wanted or {}).items()), key=lambda row: row["key"])


def sorted_pairs(rows: JSON) -> list[JSON]:
    """Filters of a response, in the same order, without fields that an implementation adds."""
    pairs = [{"key": row.get("key"), "value": row.get("value")} for row in rows or []]
    return sorted(pairs, key=lambda row: str(row["key"]))

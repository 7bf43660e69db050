"""How much a run has covered: the spec's operations, parameters, statuses and fields, and settings of catalogs."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from contract_tests.exchange import Exchange
from contract_tests.settings import Settings
from contract_tests.spec import Operation, Spec

#: Fields are looked for in this many responses of each operation and status; later ones rarely add any.
SAMPLED = 60


@dataclass(frozen=True)
class Share:
    """`seen` of `of`; `missing` names the rest."""

    seen: int
    of: int
    missing: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.seen}/{self.of}"


class Coverage:
    """Gets every exchange; its shares are read at the end."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.requests: Counter[tuple[str, str]] = Counter()
        self.statuses: defaultdict[str, set[int]] = defaultdict(set)
        self.parameters: defaultdict[str, set[str]] = defaultdict(set)
        self.fields: defaultdict[str, set[str]] = defaultdict(set)
        self.settings = Settings.load()
        self._sampled: Counter[tuple[str, int]] = Counter()

    def record(self, exchange: Exchange) -> None:
        operation = exchange.operation
        if exchange.control:
            self.settings.record(exchange)
        if operation is None:
            return
        self.requests[operation.id, exchange.part] += 1
        self.statuses[operation.id].add(exchange.status)
        self.parameters[operation.id].update(_parameters(operation, exchange))
        self._sampled[operation.id, exchange.status] += 1
        if self._sampled[operation.id, exchange.status] <= SAMPLED:
            self._fields(operation, exchange)

    def _fields(self, operation: Operation, exchange: Exchange) -> None:
        schema = _response_schema(operation, exchange.status)
        try:
            response = json.loads(exchange.response_body)
        except ValueError:
            return
        if schema is not None:
            self.fields[operation.id].update(self.spec.fields_seen(schema, response, operation.id))

    def share_of_operations(self) -> Share:
        called = {operation for operation, _ in self.requests}
        return _share(self.spec.operations, called)

    def share_of_statuses(self, operation: Operation) -> Share:
        return _share([str(s) for s in sorted(operation.statuses)], {str(s) for s in self.statuses[operation.id]})

    def share_of_parameters(self, operation: Operation) -> Share:
        names = [row["name"] for row in operation.parameters]
        if operation.body_schema is not None:
            names += ["body"]
        return _share(names, self.parameters[operation.id])

    def share_of_fields(self, operation: Operation) -> Share:
        names = {
            name
            for status in operation.statuses
            if (schema := _response_schema(operation, status)) is not None
            for name in self.spec.fields(schema, operation.id)
        }
        return _share(sorted(names), self.fields[operation.id])


def _share(names: list[str] | dict[str, Operation], seen: set[str]) -> Share:
    missing = tuple(name for name in names if name not in seen)
    return Share(len(names) - len(missing), len(names), missing)


def _parameters(operation: Operation, exchange: Exchange) -> Iterator[str]:
    query = {name for name, _ in parse_qsl(urlsplit(exchange.url).query, keep_blank_values=True)}
    headers = {name.lower() for name in exchange.headers}
    for row in operation.parameters:
        name = row["name"]
        if row["in"] == "path" or name in query or (row["in"] == "header" and name.lower() in headers):
            yield name
    if exchange.body:
        yield "body"


def _response_schema(operation: Operation, status: int) -> dict[str, object] | None:
    content = operation.raw["responses"].get(str(status), {}).get("content", {})
    found: dict[str, object] | None = content.get("application/json", {}).get("schema")
    return found

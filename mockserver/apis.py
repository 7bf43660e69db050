"""The APIs that the shell serves, each below prefixes of its own: what lies at which path, what is said of the rest."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import mockserver.api
from mockserver.admin.document import PREFIX, document
from mockserver.admin.table import FUNCTIONS
from mockserver.exchange import Response, error
from mockserver.spec import Document, Operation, bind, functions_of
from mockserver.spec.binding import Function
from mockserver.spec.paths import Paths

ALIAS = "/api"  # where an older SDK looks for the same operations


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation and its function; `whole`: that is about the organisation, not about one of its populations."""

    operation: Operation
    function: Function
    whole: bool


class Api:
    """What a document has, bound to functions. `elsewhere` ends the sentence for a path that it does not have."""

    def __init__(
        self, document: Document, functions: Mapping[str, Function], prefixes: tuple[str, ...], elsewhere: str = ""
    ) -> None:
        self.functions = bind(document, functions)
        self.prefixes = tuple(f"{prefix}/".encode() for prefix in dict.fromkeys(prefixes))
        self.paths = self._bound_paths(document)
        self._elsewhere = elsewhere

    def _bound_paths(self, document: Document) -> Paths[dict[str, Bound]]:
        """From a path to the bound operations there, by method."""
        by_path: dict[str, dict[str, Bound]] = {}
        for name, operation in document.operations.items():
            function = self.functions[name]
            whole = next(iter(inspect.signature(function).parameters)) == "organisation"
            by_path.setdefault(operation.path, {})[operation.method] = Bound(operation, function, whole)
        return Paths(by_path.items())

    def not_served(self, method: str, path: str, there: Mapping[str, Bound]) -> Response:
        """404 for a path, 405 for a method that the document does not have.

        Choice: without a key too, since only the document's operations want one.
        """
        if not there:
            return error(404, f"There is no {shown(path)} in this API{self._elsewhere}.")
        allowed = ", ".join(sorted(there))
        sentence = f"{method} is not allowed on {shown(path)}, only {allowed}."
        return error(405, sentence, (b"allow", allowed.encode()))


def application(document: Document) -> Api:
    """The document's operations. Raises `DocumentError` when they do not fit the functions of `mockserver.api`."""
    return Api(document, functions_of(mockserver.api), (document.prefix, ALIAS))


def administration() -> Api:
    """What the mock serves of the admin API."""
    served: dict[str, list[str]] = {}
    for operation in document().operations.values():
        served.setdefault(operation.path, []).append(operation.method)
    calls = ", ".join(f"{' and '.join(methods)} {path}" for path, methods in served.items())
    return Api(document(), FUNCTIONS, (PREFIX,), f"; of the admin API the mock serves, below {PREFIX}, {calls}")


def shown(path: str) -> str:
    """A path as it can stand in a sentence."""
    return ascii(path[:200])[1:-1]

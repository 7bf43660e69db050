"""The APIs that the application serves, each below its prefixes: paths, operations, and errors for other paths."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass

import mockserver.api
from mockserver.admin.openapi import PREFIX, admin_spec
from mockserver.admin.table import FUNCTIONS
from mockserver.exchange import Response, error_response
from mockserver.spec import Operation, Spec, bind, functions_of
from mockserver.spec.binding import Function
from mockserver.spec.paths import Paths

ALIAS = "/api"  # where an older SDK looks for the same operations


@dataclass(frozen=True, slots=True)
class Bound:
    """An operation and its function; `whole`: it is about the organisation, not about one tenant."""

    operation: Operation
    function: Function
    whole: bool


class Api:
    """What a spec has, bound to functions. `elsewhere` ends the error sentence for an unknown path."""

    def __init__(
        self, spec: Spec, functions: Mapping[str, Function], prefixes: tuple[str, ...], elsewhere: str = ""
    ) -> None:
        self.functions = bind(spec, functions)
        self.prefixes = tuple(f"{prefix}/".encode() for prefix in dict.fromkeys(prefixes))
        self.paths = self._bound_paths(spec)
        self._elsewhere = elsewhere

    def _bound_paths(self, spec: Spec) -> Paths[dict[str, Bound]]:
        """From a path to the bound operations there, by method."""
        by_path: dict[str, dict[str, Bound]] = {}
        for name, operation in spec.operations.items():
            function = self.functions[name]
            whole = next(iter(inspect.signature(function).parameters)) == "organisation"
            by_path.setdefault(operation.path, {})[operation.method] = Bound(operation, function, whole)
        return Paths(by_path.items())

    def not_served(self, method: str, path: str, by_method: Mapping[str, Bound]) -> Response:
        """404 for a path, 405 for a method that the spec does not have.

        Choice: without a key too, since only the spec's operations want one.
        """
        if not by_method:
            return error_response(404, f"There is no {shown(path)} in this API{self._elsewhere}.")
        allowed = ", ".join(sorted(by_method))
        message = f"{method} is not allowed on {shown(path)}, only {allowed}."
        return error_response(405, message, (b"allow", allowed.encode()))


def application(spec: Spec) -> Api:
    """The spec's operations. Raises `SpecError` when they do not fit the functions of `mockserver.api`."""
    return Api(spec, functions_of(mockserver.api), (spec.prefix, ALIAS))


def administration() -> Api:
    """What the mock serves of the admin API."""
    served: dict[str, list[str]] = {}
    for operation in admin_spec().operations.values():
        served.setdefault(operation.path, []).append(operation.method)
    calls = ", ".join(f"{' and '.join(methods)} {path}" for path, methods in served.items())
    return Api(admin_spec(), FUNCTIONS, (PREFIX,), f"; of the admin API the mock serves, below {PREFIX}, {calls}")


def shown(path: str) -> str:
    """A path as it can stand in a sentence."""
    return ascii(path[:200])[1:-1]

"""Every operation has a function that takes its arguments; one that a spec lacks is not served."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from mockserver.spec.checked import SpecError
from mockserver.spec.compiler import Spec
from mockserver.spec.operation import Operation

Function = Callable[..., Any]


def functions_of(package: ModuleType) -> dict[str, Function]:
    """The functions in a package's modules that could be operations: public, taking `game`, then keywords only."""
    found: dict[str, Function] = {}
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if inspect.isfunction(value) and value.__module__ == module.name and _could_be_operation(value):
                found[name] = value
    return found


def _could_be_operation(function: Function) -> bool:
    first, *rest = (*inspect.signature(function).parameters.values(), None)
    keywords = all(one is None or one.kind is one.KEYWORD_ONLY for one in rest)
    return not function.__name__.startswith("_") and first is not None and first.name == "game" and keywords


def bind(spec: Spec, functions: Mapping[str, Function]) -> dict[str, Function]:
    """The functions of the spec's operations by operationId. SpecError lists every mismatch.

    A function takes the game first and then, by keyword only, what the operation's `read` returns.
    """
    found = [f"  {name}: {what}" for name, what in mismatches(spec.operations, functions)]
    if found:
        raise SpecError("The spec and the functions do not fit:\n" + "\n".join(found))
    return {name: functions[name] for name in spec.operations}


def mismatches(operations: Mapping[str, Operation], functions: Mapping[str, Function]) -> Iterator[tuple[str, str]]:
    """Operations that no function fits, each with why."""
    for name, operation in operations.items():
        if name not in functions:
            yield name, "the spec has it, but no function does"
            continue
        parameters = inspect.signature(functions[name]).parameters.values()
        taken = {one.name: one.default is one.empty for one in parameters if one.kind is one.KEYWORD_ONLY}
        for argument in sorted(operation.arguments - taken.keys()):
            yield name, f"the spec gives `{argument}`, but the function does not take it"
        for argument in sorted(one for one, needed in taken.items() if needed and one not in operation.arguments):
            yield name, f"the function takes `{argument}`, but the spec does not give it"

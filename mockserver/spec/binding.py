"""Every operation has a function that takes its arguments; one that a document lacks is not served."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from mockserver.spec.checked import DocumentError
from mockserver.spec.document import Document
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


def bind(document: Document, functions: Mapping[str, Function]) -> dict[str, Function]:
    """The functions of the document's operations by operationId. DocumentError lists every mismatch.

    A function takes the game first and then, by keyword only, what the operation's `read` returns.
    """
    found = [f"  {name}: {what}" for name, what in mismatches(document.operations, functions)]
    if found:
        raise DocumentError("The document and the functions do not fit:\n" + "\n".join(found))
    return {name: functions[name] for name in document.operations}


def mismatches(operations: Mapping[str, Operation], functions: Mapping[str, Function]) -> Iterator[tuple[str, str]]:
    """Operations that no function fits, each with why."""
    for name, operation in operations.items():
        if name not in functions:
            yield name, "the document has it, but no function does"
            continue
        parameters = inspect.signature(functions[name]).parameters.values()
        taken = {one.name: one.default is one.empty for one in parameters if one.kind is one.KEYWORD_ONLY}
        for argument in sorted(operation.arguments - taken.keys()):
            yield name, f"the document gives `{argument}`, but the function does not take it"
        for argument in sorted(one for one, needed in taken.items() if needed and one not in operation.arguments):
            yield name, f"the function takes `{argument}`, but the document does not give it"

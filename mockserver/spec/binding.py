"""Every operation has one function and every function one operation, argument for argument."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mockserver.spec.checked import DocumentError
from mockserver.spec.document import Document
from mockserver.spec.operation import Operation

Handle = Callable[..., Any]


def bind(document: Document, handlers: Mapping[str, Handle]) -> dict[str, Handle]:
    """The handlers by operationId. DocumentError lists every mismatch, both ways.

    A handler takes the game first and then, by keyword only, what the operation's `read` returns.
    """
    mismatches = [
        *(f"{name}: the document has it, but no function does" for name in document.operations if name not in handlers),
        *(
            f"{name}: a function has it, but the document does not"
            for name in handlers
            if name not in document.operations
        ),
    ]
    for name, operation in document.operations.items():
        if name in handlers:
            mismatches.extend(_mismatches(operation, handlers[name]))
    if mismatches:
        raise DocumentError("The document and the functions do not fit:\n" + "\n".join(f"  {m}" for m in mismatches))
    return dict(handlers)


def _mismatches(operation: Operation, handler: Handle) -> Iterator[str]:
    taken = {name for name, one in inspect.signature(handler).parameters.items() if one.kind is one.KEYWORD_ONLY}
    given = operation.arguments
    for name in sorted(given - taken):
        yield f"{operation.id}: the document gives `{name}`, but the function does not take it"
    for name in sorted(taken - given):
        yield f"{operation.id}: the function takes `{name}`, but the document does not give it"

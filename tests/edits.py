"""Edited copies of the vendor's document, for tests of what tells versions of it apart."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mockserver import spec

DOCUMENT = spec.load().raw
Edit = Callable[[dict[str, Any]], object]


def at(thing: Any, *steps: Any) -> Any:
    for step in steps:
        thing = thing[step]
    return thing


def edited(edit: Edit, document: dict[str, Any] = DOCUMENT) -> dict[str, Any]:
    document = copy.deepcopy(document)
    edit(document)
    return document


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    return document["components"]["schemas"][name]  # type: ignore[no-any-return]


def operation(document: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    return document["paths"][path][method]  # type: ignore[no-any-return]

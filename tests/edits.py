"""Edited copies of the vendor's spec, for tests of differences between versions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from mockserver import spec

SPEC = spec.load().raw
Edit = Callable[[dict[str, Any]], object]


def at(thing: Any, *steps: Any) -> Any:
    for step in steps:
        thing = thing[step]
    return thing


def edited(edit: Edit, openapi: dict[str, Any] = SPEC) -> dict[str, Any]:
    openapi = copy.deepcopy(openapi)
    edit(openapi)
    return openapi


def schema(openapi: dict[str, Any], name: str) -> dict[str, Any]:
    return openapi["components"]["schemas"][name]  # type: ignore[no-any-return]


def operation(openapi: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    return openapi["paths"][path][method]  # type: ignore[no-any-return]

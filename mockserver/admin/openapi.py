"""The table as an OpenAPI document, so that its calls are read and checked like those of the API."""

from __future__ import annotations

from functools import cache
from typing import Any

from mockserver.admin import schemas as s
from mockserver.admin.table import ROWS, Row
from mockserver.spec import Spec
from mockserver.spec.compiler import compiled

PREFIX = "/admin/v1"


@cache
def admin_spec() -> Spec:
    """What the admin API is served from, compiled."""
    paths: dict[str, Any] = {}
    for row in ROWS:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row)
    info = {"title": "What the mock serves of the admin API", "version": "1"}
    return compiled({"openapi": "3.1.0", "info": info, "servers": [{"url": PREFIX}], "paths": paths})


def _operation(row: Row) -> dict[str, Any]:
    names = [part[1:-1] for part in row.path.split("/") if part.startswith("{")]
    operation: dict[str, Any] = {
        "operationId": row.name,
        "parameters": [{"name": name, "in": "path", "required": True, "schema": s.TEXT} for name in names]
        + [
            {"name": name, "in": "query", "required": name == "ids", "schema": schema}
            for name, schema in row.query.items()
        ],
        "responses": {str(status): _content(row.response) for status in row.statuses}
        | {str(status): _content(s.ERROR) for status in _refusals(row)},
    }
    if row.body is not None:
        operation["requestBody"] = _content(row.body) | {"required": True}
    return operation


def _refusals(row: Row) -> list[int]:
    return [*([] if row.body is None else [400]), 401, *([404] if row.may_lack else []), 422]


def _content(schema: s.Schema) -> dict[str, Any]:
    return {"description": "", "content": {"application/json": {"schema": schema}}}

"""The control plane's own OpenAPI document, made from its table of calls."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mockserver.control.described import Described, Param
from mockserver.control.request import JSON, Row
from mockserver.control.schemas import SCHEMAS, ref

REFUSALS = {
    "400": "The body cannot be read.",
    "401": "The key or the control token is missing or unknown.",
    "403": "The key or token does not allow this.",
    "404": "There is no such thing.",
    "422": "Something in the call makes no sense; the sentence names it.",
}


def openapi(rows: tuple[Row, ...], calls: Mapping[str, Described]) -> JSON:
    """The spec of these rows. KeyError for one that is not described."""
    from importlib.metadata import version

    paths: dict[str, Any] = {}
    for row in rows:
        paths.setdefault(f"/_mock{row.path}", {})[row.method.lower()] = _operation(row, calls[row.name])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Control plane of the Trophy mock server",
            "version": version("trophy-mockserver"),
            "description": "Everything that a test may do to a world from outside. See docs/control.md.",
        },
        "servers": [{"url": "/"}],
        "security": [{"apiKey": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-KEY"},
                "controlToken": {"type": "apiKey", "in": "header", "name": "X-Control-Token"},
            },
        },
    }


def _operation(row: Row, call: Described) -> JSON:
    operation: dict[str, Any] = {
        "operationId": row.name,
        "summary": call.summary,
        "tags": [row.path.split("/")[1].removesuffix(".json")],
        "parameters": [
            *(
                {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
                for name in _names(row.path)
            ),
            *(_parameter(param) for param in call.query),
        ],
        "responses": {
            str(row.status): _response(call),
            **{status: _refusal(says) for status, says in REFUSALS.items()},
        },
    }
    if row.root:
        operation["security"] = [{"apiKey": []}, {"controlToken": []}]
    if call.body is not None or call.toml:
        operation["requestBody"] = _body(call)
    return operation


def _names(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


def _parameter(param: Param) -> JSON:
    return {
        "name": param.name,
        "in": "query",
        "required": param.required,
        "description": param.says,
        "schema": param.schema,
    }


def _body(call: Described) -> JSON:
    if call.toml:
        catalog = {"anyOf": [{"type": "object"}, {"type": "string"}]}
        content = {"application/json": {"schema": catalog}, "application/toml": {"schema": {"type": "string"}}}
        return {"required": True, "content": content}
    rows = call.body or ()
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {param.name: param.schema | {"description": param.says} for param in rows},
        "additionalProperties": False,
    }
    if required := [param.name for param in rows if param.required]:
        schema["required"] = required
    return {"required": bool(required), "content": {"application/json": {"schema": schema}}}


def _response(call: Described) -> JSON:
    if call.stream:
        return {"description": call.summary, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    if call.response is None:
        return {"description": "Done."}
    return {"description": call.summary, "content": {"application/json": {"schema": call.response}}}


def _refusal(says: str) -> JSON:
    return {"description": says, "content": {"application/json": {"schema": ref("Error")}}}

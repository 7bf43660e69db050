"""Responses outside of the APIs: health, unknown paths, defects."""

from __future__ import annotations

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from mockserver.admin.openapi import PREFIX as ADMIN
from mockserver.apis import shown
from mockserver.exchange import DEFECT, Call, Response


async def health(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok"})


async def not_found(request: Request, exception: Exception) -> JSONResponse:
    """What Starlette itself refuses, outside the spec's paths, in the spec's shape of errors."""
    assert isinstance(exception, HTTPException)
    path = shown(request.url.path)
    message = f"{request.method} {path}: {exception.detail}."
    if exception.status_code == 404:
        prefix = request.app.spec.prefix
        message = f"There is no {path} here: {prefix} has the API, {ADMIN} the admin API, /_mock the control plane."
    headers = dict(exception.headers or {})
    if "Allow" in headers:  # Starlette has the methods in a set, whose order is another one in every run
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))
        message = f"{request.method} is not allowed on {path}, only {headers['Allow']}."
    response = JSONResponse({"error": message}, exception.status_code, headers=headers)
    if request.app.after:
        call = Call(request.method, request.url.path, request.scope["query_string"], {})
        request.app.after(call, Response(response.status_code, bytes(response.body)))
    return response


async def defect(request: Request, exception: Exception) -> JSONResponse:
    return JSONResponse(orjson.loads(DEFECT.body), DEFECT.status)

"""What the framework itself can do: Starlette with the spec's routes, each with a fixed response.

The file named by BENCH_RESPONSES has the responses by operation: [status, object].
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mockserver.spec import spec_path
from mockserver.spec.compiler import operations_of

responses = orjson.loads(Path(os.environ["BENCH_RESPONSES"]).read_bytes())


def fixed(operation: str) -> Callable[[Request], Awaitable[Response]]:
    status, body = responses.get(operation, (200, {}))

    async def endpoint(request: Request) -> Response:
        return Response(orjson.dumps(body), status, media_type="application/json")

    return endpoint


app = Starlette(
    routes=[
        Route(f"/v1{path}", fixed(declared["operationId"]), methods=[method.upper()])
        for path, method, _, declared in operations_of(orjson.loads(spec_path().read_bytes()))
    ]
)

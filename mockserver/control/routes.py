"""The calls of the control plane as routes: from an HTTP request to the row of the table that it is for, and back."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mockserver.control.context import WorldContext
from mockserver.control.plane import TOKEN, ControlPlane
from mockserver.control.refusals import Unauthorised, status_of
from mockserver.control.request import ControlRequest, Row
from mockserver.control.stream import Stream
from mockserver.control.table import ROWS
from mockserver.exchange import (
    DEFECT,
    NOT_KEPT,
    Call,
    Disconnected,
    Response,
    TooLarge,
    error_response,
    error_text,
    read_body,
    send_response,
)
from mockserver.game.errors import GameError, Refused
from mockserver.log.record import LogError
from mockserver.spec import header_text
from mockserver.spec.bodies import decoded, too_large
from mockserver.spec.operation import Headers

log = logging.getLogger("mockserver")

# Calls that are not in the request log: they would be all that is left in one that was just emptied.
SILENT = {"mock_requests_clear", "mock_reset", "mock_snapshots_restore"}


def routes(plane: ControlPlane) -> list[Route]:
    """One route for each path, below `/_mock`."""
    paths: dict[str, dict[str, Row]] = {}
    for row in ROWS:
        paths.setdefault(row.path, {})[row.method] = row
    # Paths without a variable come first, so that `/webhooks/events` is not taken for an endpoint's.
    return [
        Route(path, _Endpoint(plane, rows), methods=list(rows))
        for path, rows in sorted(paths.items(), key=lambda pair: "{" in pair[0])
    ]


async def execute_call(row: Row, control_request: ControlRequest) -> Any:
    """The call's result."""
    content: Any = row.handler(control_request)
    return await content if inspect.isawaitable(content) else content


async def _body(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes:
    try:
        return decoded(headers.get(b"content-encoding", b""), await read_body(receive, headers, most), most)
    except TooLarge:
        raise too_large(most) from None


def _check_given_once(headers: Headers) -> None:
    """Of two keys or tokens it is unclear which one is meant."""
    names = [name for name, _ in headers]
    for name, refusal in (("X-API-KEY", Unauthorised), (TOKEN, Unauthorised), ("Tenant-ID", Refused)):
        if names.count(name.lower().encode()) > 1:
            raise refusal(f"The {name} header must be given once, not several times.")


class _Endpoint:
    """The endpoint of one path of the plane: an ASGI application, so that its errors have the API's shape."""

    def __init__(self, plane: ControlPlane, rows: Mapping[str, Row]) -> None:
        self._plane = plane
        self._rows = rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        row = self._rows["GET" if request.method == "HEAD" else request.method]
        call = Call(request.method, scope["path"], scope["query_string"], dict(scope["headers"]))
        context = None
        try:
            _check_given_once(scope["headers"])
            if (farm := self._plane.worlds.farm) is not None and (key := request.headers.get("X-API-KEY")):
                await farm.ready(header_text(key.encode("latin-1")))
            context = self._plane.authorize(request.headers, root=row.root)
            call.body = await _body(receive, call.headers, row.largest)
            response = await self._respond(row, self._control_request(row, request, call, context))
            if isinstance(response, Stream):
                await response.send(receive, send, only_head=request.method == "HEAD")
                return
            batch = self._plane.worlds.batch
            if batch is not None and not await batch.written():
                response = NOT_KEPT
        except Disconnected:
            return
        except GameError as refusal:
            response = error_response(status_of(refusal), error_text(refusal))
        except LogError as failed:
            log.error("What %s wants could not be kept, so it did not happen: %s.", row.name, failed)
            response = NOT_KEPT
        except Exception:
            log.exception("%s failed; this is a defect of the mock", row.name)
            response = DEFECT
        await send_response(response, send)
        if (console := self._plane.console) is not None and (row.method != "GET" or response.status >= 400):
            console.requested(row.name, row.path, call, response)
        if context is not None and row.method != "GET" and row.name not in SILENT:
            context.requests.add(context.organisation.clock.now(), row.name, row.path, call, response)

    def _control_request(self, row: Row, request: Request, call: Call, context: WorldContext | None) -> ControlRequest:
        tenant = request.headers.get("Tenant-ID")
        return ControlRequest(
            plane=self._plane,
            name=row.name,
            largest=row.largest,
            world_context=context,
            tenant=header_text(tenant.encode("latin-1")) if tenant else None,
            path=request.path_params,
            pairs=request.query_params.multi_items(),
            body=call.body,
            media_type=request.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            headers=request.headers,
            client_left=request.scope["left"],
        )

    async def _respond(self, row: Row, control_request: ControlRequest) -> Response | Stream:
        if not row.root:
            control_request.context  # noqa: B018  a call about a world needs one, whatever else is wrong
        if row.method != "GET":
            control_request.query()  # a call that changes something takes its arguments in the body only
        farm = self._plane.worlds.farm
        content = await (
            execute_call(row, control_request) if farm is None or row.root else farm.call(row, control_request)
        )
        if isinstance(content, Stream):
            return content
        return Response(row.status, b"" if row.status == 204 else orjson.dumps(content))

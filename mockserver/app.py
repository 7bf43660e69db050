"""The application: from a request to its operation, its world and its function, and back to a checked response.

The steps: path and method (404, 405) → key (401) → tenant → the spec's shape → the function → the
spec's shape of the response. Nothing is awaited between the function's start and its end, so a request is atomic.
Any ASGI server can call it; one that has read a whole request may ask for the response at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Mount, Route, Router
from starlette.types import Lifespan, Receive, Scope, Send

from mockserver.api.rendered import Rendered
from mockserver.apis import Api, Bound, administration, application
from mockserver.cors import Origins
from mockserver.exchange import (
    DEFECT,
    NOT_KEPT,
    UNKNOWN_KEY,
    AfterHook,
    BeforeHook,
    Call,
    Disconnected,
    Response,
    TooLarge,
    drop,
    error_response,
    error_text,
    is_disconnected,
    join_headers,
    read_body,
    send_response,
)
from mockserver.fallback import defect, health, not_found
from mockserver.game.errors import GameError, Refused
from mockserver.log.record import TENANT, LogError, Record, cannot_replay
from mockserver.spec import Spec, header_text, status_of
from mockserver.spec.bodies import LONGEST_ID
from mockserver.spec.operation import Headers
from mockserver.transaction import execute_operation
from mockserver.worlds import Farm, Organisation, Worlds

MISSING_KEY = error_response(401, "The X-API-KEY header is missing or empty: it must hold an API key.")
REPEATED_KEY = error_response(401, "The X-API-KEY header must be given once, not several times.")

CONTROL = "/_mock/"

log = logging.getLogger("mockserver")


def create_app(
    worlds: Worlds,
    spec: Spec,
    *,
    check_responses: bool = True,
    control: Sequence[BaseRoute] = (),
    front: Sequence[BaseRoute] = (),
    before: BeforeHook | None = None,
    after: AfterHook | None = None,
    lifespan: Lifespan[Any] | None = None,
    unknown_key: str = UNKNOWN_KEY,
) -> App:
    """The fake Trophy: `spec` under its own prefix and `/api`, the admin API beside it, `control` under `/_mock`,
    `front` at the root.

    `check_responses`: every response is checked against the spec. `before` and `after` cost nothing when absent.
    `unknown_key`: the error for a key that opens no world.
    Raises SpecError when the spec and the functions of `mockserver.api` do not fit.
    """
    return App(worlds, spec, check_responses, control, front, before, after, lifespan, unknown_key)


@dataclass(slots=True)
class _IncomingRequest:
    """A request whose head has been read: the operations at its path, and its parts."""

    api: Api
    method: str
    path: str
    by_method: Mapping[str, Bound]
    values: list[bytes]
    query: bytes
    headers: Mapping[bytes, bytes]
    repeated: Headers  # all headers, when any came several times
    call: Call | None
    body: bytes | None = b""  # None: too large to be read

    def is_repeated(self, name: bytes) -> bool:
        return sum(given == name for given, _ in self.repeated) > 1


class App(Starlette):
    """Starlette for everything around; the spec's operations take a shorter way through `_call`.

    `cors` and `cors_control`: whose pages may call the APIs, and the control plane; None: those of no other origin.
    """

    cors: Origins | None = None
    cors_control: Origins | None = None

    def __init__(
        self,
        worlds: Worlds,
        spec: Spec,
        check_responses: bool,
        control: Sequence[BaseRoute],
        front: Sequence[BaseRoute],
        before: BeforeHook | None,
        after: AfterHook | None,
        lifespan: Lifespan[Any] | None,
        unknown_key: str,
    ) -> None:
        super().__init__(
            routes=[*front, Mount("/_mock", Router([*control, Route("/health", health)], redirect_slashes=False))],
            exception_handlers={HTTPException: not_found, Exception: defect},
            lifespan=lifespan,
        )
        self.router.redirect_slashes = False  # a path with a slash too many is none here, as it is none of the API
        self.worlds = worlds
        self.spec = spec
        apis = application(spec), administration()
        self._apis = [(prefix, api) for api in apis for prefix in api.prefixes]
        self.functions = {name: function for api in apis for name, function in api.functions.items()}
        self._check_responses = check_responses
        self._unknown_key = error_response(401, unknown_key)
        self._before, self.after = before, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
            found = self._find_api(raw)
            if found is not None:
                incoming = self._receive_head(
                    *found, scope["method"], scope["path"], scope["query_string"], scope["headers"]
                )
                with suppress(Disconnected):
                    await self._call(incoming, receive, send)
                return
            # What Starlette hands on is no longer the server's own `send`, which knows whether the client is there.
            scope["left"] = partial(getattr, getattr(send, "__self__", None), "disconnected", False)
            if self.cors_control is not None and scope["path"].startswith(CONTROL):
                await self.cors_control.around(super().__call__, scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def allows_origin(self, origin: bytes, raw: bytes) -> bool:
        """Whether pages of another origin may call what is at this path, as it was sent."""
        if self._find_api(raw) is not None:
            return self.cors is not None and self.cors.allows(origin)
        return self.cors_control is not None and raw.startswith(CONTROL.encode()) and self.cors_control.allows(origin)

    def respond_at_once(
        self, method: str, raw: bytes, query: bytes, headers: Headers, body: bytes, write: Callable[[Response], None]
    ) -> bool:
        """The shorter way of a request that has come in whole: nothing is awaited until its response is written.

        False, and nothing was done: it is not below a prefix, or a fault has to be awaited.
        """
        try:
            found = self._at_once(method, raw, query, headers, body)
        except Exception:
            log.exception("%s failed; this is a defect of the mock", method)
            found = None, DEFECT
        if found is None:
            return False
        call, response = found
        if self.cors is not None:
            write = self.cors.writing(write, headers)
        batch = self.worlds.batch
        if batch is None or not batch.pending:
            self._finish(call, response, write)
        else:  # it may depend on records that are not written yet
            batch.when_written(partial(self._finish, call, response, write))
        return True

    def _finish(
        self, call: Call | None, response: Response, write: Callable[[Response], None], kept: bool = True
    ) -> None:
        if not kept:
            response = NOT_KEPT
        write(response)
        if call and self.after:
            try:
                self.after(call, response)
            except Exception:
                log.exception("The work after a response failed; this is a defect of the mock")

    def _at_once(
        self, method: str, raw: bytes, query: bytes, headers: Headers, body: bytes
    ) -> tuple[Call | None, Response] | None:
        found = self._find_api(raw)
        if found is None or self.worlds.farm is not None:
            return None
        path = raw.decode("ascii")
        incoming = self._receive_head(*found, method, unquote(path) if "%" in path else path, query, headers)
        call, organisation = incoming.call, self._find_organisation(incoming)
        if isinstance(organisation, Response):
            return call, organisation
        if call and self._before and self._before(call) is not None:
            return None
        incoming.body = body
        if call and incoming.by_method[method].operation.body is not None:
            call.body = body
        return call, self._respond(incoming, partial(_execute, organisation, incoming))

    def _find_api(self, raw: bytes) -> tuple[Api, bytes] | None:
        """An API and what follows its prefix, as it was sent; None below no prefix."""
        for prefix, api in self._apis:
            if raw.startswith(prefix):
                return api, raw[len(prefix) - 1 :]
        return None

    def _receive_head(
        self, api: Api, below: bytes, method: str, path: str, query: bytes, sent: Headers
    ) -> _IncomingRequest:
        by_method, values = api.paths.find(below) or ({}, [])
        headers = dict(sent)
        repeated = sent if len(headers) != len(sent) else ()
        call = None
        if self._before or self.after:
            operation = by_method[method].operation if method in by_method else None
            call = Call(method, path, query, join_headers(sent) if repeated else headers, operation=operation)
        return _IncomingRequest(api, method, path, by_method, values, query, headers, repeated, call)

    async def _call(self, incoming: _IncomingRequest, receive: Receive, send: Send) -> None:
        organisation = self._find_organisation(incoming)
        if organisation is self._unknown_key and self.worlds.farm is not None:
            organisation = await self._load_shared(incoming, self.worlds.farm)
        if isinstance(organisation, Response):
            response = organisation
        else:
            try:
                response = await self._handle(organisation, incoming, receive)
            except Disconnected:
                raise
            except Exception:
                log.exception("%s failed; this is a defect of the mock", incoming.method)
                response = DEFECT
            if self.worlds.batch is not None and not await self.worlds.batch.written():
                response = NOT_KEPT
        if self.cors is not None:
            response = self.cors.on(response, incoming.headers.items())
        if is_disconnected(send):
            response = replace(response, status=0)
        try:
            await (drop(receive, send) if response.status == 0 else send_response(response, send))
        finally:
            if incoming.call and self.after:
                self.after(incoming.call, response)

    def _find_organisation(self, incoming: _IncomingRequest) -> Organisation | Response:
        """Path and method, then the key."""
        if incoming.method not in incoming.by_method:
            if self.cors is not None and incoming.method == "OPTIONS":
                preflight = self.cors.preflight(incoming.headers.items())
                if preflight is not None:
                    return preflight
            return incoming.api.not_served(incoming.method, incoming.path, incoming.by_method)
        key = incoming.headers.get(b"x-api-key")
        if not key:
            return MISSING_KEY
        if incoming.repeated and incoming.is_repeated(b"x-api-key"):
            return REPEATED_KEY
        organisation = self.worlds.find(header_text(key))
        if incoming.call:
            incoming.call.organisation = organisation
        if organisation is None:
            return self._unknown_key
        return NOT_KEPT if organisation.recovering else organisation

    async def _load_shared(self, incoming: _IncomingRequest, farm: Farm) -> Organisation | Response:
        """Loads a shared world that this server does not have yet."""
        try:
            await farm.ready(header_text(incoming.headers[b"x-api-key"]))
        except LogError as failed:
            log.warning("%s", failed)
            return NOT_KEPT
        return self._find_organisation(incoming)

    async def _respond_shared(self, organisation: Organisation, incoming: _IncomingRequest, farm: Farm) -> Response:
        """As `_respond`, for a world that other servers have, too."""
        bound = incoming.by_method[incoming.method]
        try:
            if bound.whole:
                shared = await farm.follow(organisation)
                return (
                    self._unknown_key
                    if shared is None
                    else self._respond(incoming, partial(_execute, shared, incoming))
                )
            outcome = await farm.execute(
                organisation,
                bound.operation.id,
                bound.function,
                partial(_tenant, incoming),
                partial(_read, bound, incoming),
            )
        except LogError as failed:
            log.warning("%s", failed)
            return NOT_KEPT
        return self._unknown_key if outcome is None else self._respond(incoming, outcome)

    async def _handle(self, organisation: Organisation, incoming: _IncomingRequest, receive: Receive) -> Response:
        """Reads the body, runs the hook before, then the function."""
        call = incoming.call
        if incoming.by_method[incoming.method].operation.body is not None:
            try:  # before anything takes time: what has come in whole is carried out, though its client leaves
                incoming.body = await read_body(receive, incoming.headers)
            except TooLarge:
                incoming.body = None
            if call:  # also where its function is not called: the request log shows it
                call.body = incoming.body or b""
        intervention = self._before(call) if call and self._before else None
        response = None if intervention is None else await intervention()
        if response is not None:
            return response
        if self.worlds.farm is not None:
            response = await self._respond_shared(organisation, incoming, self.worlds.farm)
        else:
            response = self._respond(incoming, partial(_execute, organisation, incoming))
        return call.override if call and call.override else response

    def replay(self, organisation: Organisation, record: Record) -> None:
        """Replays the record of a request, at its time. Raises `LogError` when it is none."""
        try:
            game = organisation.game(record.tenant, record.time)
            if record.name == TENANT:
                organisation.add_tenant(str(record.tenant), game)
                return
            function = self.functions[record.name]
            with suppress(GameError):  # refused after something was recorded, as it was then
                execute_operation(organisation, game, record.tenant, record.name, function, record.arguments)
        except (GameError, KeyError, TypeError) as error:
            raise cannot_replay(record, error) from None

    def _respond(self, incoming: _IncomingRequest, execute: Callable[[], tuple[Any, bool]]) -> Response:
        """The function's result, or its refusal, checked against the spec. Nothing is awaited in here."""
        bound, call = incoming.by_method[incoming.method], incoming.call
        operation = bound.operation
        try:
            try:
                content, changed = execute()
                status, subject = operation.success if changed else operation.unchanged, content
            except GameError as refusal:
                status, content = status_of(operation, refusal), {"error": error_text(refusal)}
                subject = type(refusal)  # the exception itself would keep its frames alive, the body too
            if self._check_responses and (fault := operation.check_response(status, content)):
                log.error("%s returned %d with a body that breaks the spec at %s", operation.id, status, fault)
                return error_response(
                    500, f"Defect of the mock: the response of {operation.id} breaks the spec at {fault}"
                )
            body = b"" if operation.checks.get(status) is None else serialized(content)
            if call is None:
                return Response(status, body)
            return Response(
                call.rewrite_status(operation, status, subject) if call.rewrite_status else status, body, call.applied
            )
        except Exception:
            log.exception("%s failed; this is a defect of the mock", operation.id)
            return DEFECT


def serialized(content: Any) -> bytes:
    """A response's body."""
    return content.body if type(content) is Rendered else orjson.dumps(content)


def _execute(organisation: Organisation, incoming: _IncomingRequest) -> tuple[Any, bool]:
    """Tenant, then shape, then meaning (behaviour, section 1): the result, and whether it changed the world.

    GameError: refused.
    """
    bound = incoming.by_method[incoming.method]
    tenant = None if bound.whole else _tenant(incoming)
    game = None if bound.whole else organisation.game(tenant)
    arguments = _read(bound, incoming)
    if game is None:
        return bound.function(organisation, **arguments), False
    return execute_operation(organisation, game, tenant, bound.operation.id, bound.function, arguments)


def _read(bound: Bound, incoming: _IncomingRequest) -> dict[str, Any]:
    return bound.operation.read(
        incoming.values, incoming.query, incoming.headers, incoming.body, repeated=incoming.repeated
    )


def _tenant(incoming: _IncomingRequest) -> str | None:
    given = incoming.headers.get(b"tenant-id")
    if given is None:
        return None
    if incoming.repeated and incoming.is_repeated(b"tenant-id"):
        raise Refused("Header `Tenant-ID` must be given once, not several times.")
    tenant = header_text(given)
    if len(tenant) > LONGEST_ID:
        raise Refused(f"Header `Tenant-ID` must have at most {LONGEST_ID} characters.")
    return tenant

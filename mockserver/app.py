"""The shell: a request finds its operation, its world and its function, and goes home as checked JSON.

One way through: path and method (404, 405) → key (401) → tenant → the document's shape → the function → the
document's shape of the answer. Between the function's start and its end nothing is awaited, so a request is whole.
Any ASGI server can call it; one that has a whole request in hand may ask for the answer at once.
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
    After,
    Before,
    Call,
    Disconnected,
    Response,
    TooLarge,
    drop,
    error,
    has_left,
    joined,
    read_body,
    send_response,
    sentence_of,
)
from mockserver.game.errors import GameError, Refused
from mockserver.log.record import TENANT, LogError, Record, cannot_repeat
from mockserver.outside import defect, health, no_such_page
from mockserver.performing import perform
from mockserver.spec import Document, header_text, status_of
from mockserver.spec.bodies import LONGEST_ID
from mockserver.spec.operation import Headers
from mockserver.worlds import Farm, Organisation, Worlds

MISSING_KEY = error(401, "The X-API-KEY header is missing or empty: it must hold an API key.")
REPEATED_KEY = error(401, "The X-API-KEY header must be given once, not several times.")

CONTROL = "/_mock/"

log = logging.getLogger("mockserver")


def create_app(
    worlds: Worlds,
    document: Document,
    *,
    check_responses: bool = True,
    control: Sequence[BaseRoute] = (),
    front: Sequence[BaseRoute] = (),
    before: Before | None = None,
    after: After | None = None,
    lifespan: Lifespan[Any] | None = None,
    unknown_key: str = UNKNOWN_KEY,
) -> App:
    """The fake Trophy: `document` under its own prefix and `/api`, the admin API beside it, `control` under `/_mock`,
    `front` at the root.

    `check_responses`: every answer is held against the document. `before` and `after` cost nothing when absent.
    `unknown_key`: what is said of a key that opens no world.
    Raises DocumentError when the document and the functions of `mockserver.api` do not fit.
    """
    return App(worlds, document, check_responses, control, front, before, after, lifespan, unknown_key)


@dataclass(slots=True)
class _Arrival:
    """A request whose head has been read: what its API has at its path, and what its function gets to see."""

    api: Api
    method: str
    path: str
    there: Mapping[str, Bound]
    values: list[bytes]
    query: bytes
    headers: Mapping[bytes, bytes]
    repeated: Headers  # all headers, when any came several times
    call: Call | None
    body: bytes | None = b""  # None: too large to be read

    def given_twice(self, name: bytes) -> bool:
        return sum(given == name for given, _ in self.repeated) > 1


class App(Starlette):
    """Starlette for everything around; the document's operations take a shorter way through `_call`.

    `cors` and `cors_control`: whose pages may call the APIs, and the control plane; None: those of no other origin.
    """

    cors: Origins | None = None
    cors_control: Origins | None = None

    def __init__(
        self,
        worlds: Worlds,
        document: Document,
        check_responses: bool,
        control: Sequence[BaseRoute],
        front: Sequence[BaseRoute],
        before: Before | None,
        after: After | None,
        lifespan: Lifespan[Any] | None,
        unknown_key: str,
    ) -> None:
        super().__init__(
            routes=[*front, Mount("/_mock", Router([*control, Route("/health", health)], redirect_slashes=False))],
            exception_handlers={HTTPException: no_such_page, Exception: defect},
            lifespan=lifespan,
        )
        self.router.redirect_slashes = False  # a path with a slash too many is none here, as it is none of the API
        self.worlds = worlds
        self.document = document
        apis = application(document), administration()
        self._apis = [(prefix, api) for api in apis for prefix in api.prefixes]
        self.functions = {name: function for api in apis for name, function in api.functions.items()}
        self._check_responses = check_responses
        self._unknown_key = error(401, unknown_key)
        self._before, self.after = before, after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
            found = self._below(raw)
            if found is not None:
                arrival = self._arrive(*found, scope["method"], scope["path"], scope["query_string"], scope["headers"])
                with suppress(Disconnected):
                    await self._call(arrival, receive, send)
                return
            # What Starlette hands on is no longer the server's own `send`, which knows whether the client is there.
            scope["left"] = partial(getattr, getattr(send, "__self__", None), "disconnected", False)
            if self.cors_control is not None and scope["path"].startswith(CONTROL):
                await self.cors_control.around(super().__call__, scope, receive, send)
                return
        await super().__call__(scope, receive, send)

    def lets_in(self, origin: bytes, raw: bytes) -> bool:
        """Whether pages of another origin may call what is at this path, as it was sent."""
        if self._below(raw) is not None:
            return self.cors is not None and self.cors.allows(origin)
        return self.cors_control is not None and raw.startswith(CONTROL.encode()) and self.cors_control.allows(origin)

    def respond_at_once(
        self, method: str, raw: bytes, query: bytes, headers: Headers, body: bytes, write: Callable[[Response], None]
    ) -> bool:
        """The shorter way of a request that has come in whole: nothing is awaited until its answer is written.

        False, and nothing was done: it is not below a prefix, or something is to befall it that takes time.
        """
        try:
            found = self._at_once(method, raw, query, headers, body)
        except Exception:
            log.exception("%s failed; this is a defect of the mock", method)
            found = None, DEFECT
        if found is None:
            return False
        call, answer = found
        if self.cors is not None:
            write = self.cors.writing(write, headers)
        turn = self.worlds.turn
        if turn is None or not turn.open:
            self._finish(call, answer, write)
        else:  # it may rest on what is not kept yet
            turn.hold(partial(self._finish, call, answer, write))
        return True

    def _finish(
        self, call: Call | None, answer: Response, write: Callable[[Response], None], kept: bool = True
    ) -> None:
        if not kept:
            answer = NOT_KEPT
        write(answer)
        if call and self.after:
            try:
                self.after(call, answer)
            except Exception:
                log.exception("What follows an answer failed; this is a defect of the mock")

    def _at_once(
        self, method: str, raw: bytes, query: bytes, headers: Headers, body: bytes
    ) -> tuple[Call | None, Response] | None:
        found = self._below(raw)
        if found is None or self.worlds.farm is not None:
            return None
        path = raw.decode("ascii")
        arrival = self._arrive(*found, method, unquote(path) if "%" in path else path, query, headers)
        call, organisation = arrival.call, self._admit(arrival)
        if isinstance(organisation, Response):
            return call, organisation
        if call and self._before and self._before(call) is not None:
            return None
        arrival.body = body
        if call and arrival.there[method].operation.body is not None:
            call.body = body
        return call, self._answer(arrival, partial(_ask, organisation, arrival))

    def _below(self, raw: bytes) -> tuple[Api, bytes] | None:
        """An API and what follows its prefix, as it was sent; None below no prefix."""
        for prefix, api in self._apis:
            if raw.startswith(prefix):
                return api, raw[len(prefix) - 1 :]
        return None

    def _arrive(self, api: Api, below: bytes, method: str, path: str, query: bytes, sent: Headers) -> _Arrival:
        there, values = api.paths.find(below) or ({}, [])
        headers = dict(sent)
        repeated = sent if len(headers) != len(sent) else ()
        call = None
        if self._before or self.after:
            operation = there[method].operation if method in there else None
            call = Call(method, path, query, joined(sent) if repeated else headers, operation=operation)
        return _Arrival(api, method, path, there, values, query, headers, repeated, call)

    async def _call(self, arrival: _Arrival, receive: Receive, send: Send) -> None:
        organisation = self._admit(arrival)
        if organisation is self._unknown_key and self.worlds.farm is not None:
            organisation = await self._fetch(arrival, self.worlds.farm)
        if isinstance(organisation, Response):
            answer = organisation
        else:
            try:
                answer = await self._enter(organisation, arrival, receive)
            except Disconnected:
                raise
            except Exception:
                log.exception("%s failed; this is a defect of the mock", arrival.method)
                answer = DEFECT
            if self.worlds.turn is not None and not await self.worlds.turn.settled():
                answer = NOT_KEPT
        if self.cors is not None:
            answer = self.cors.on(answer, arrival.headers.items())
        if has_left(send):
            answer = replace(answer, status=0)
        try:
            await (drop(receive, send) if answer.status == 0 else send_response(answer, send))
        finally:
            if arrival.call and self.after:
                self.after(arrival.call, answer)

    def _admit(self, arrival: _Arrival) -> Organisation | Response:
        """Path and method, then the key."""
        if arrival.method not in arrival.there:
            if self.cors is not None and arrival.method == "OPTIONS":
                asked = self.cors.preflight(arrival.headers.items())
                if asked is not None:
                    return asked
            return arrival.api.not_served(arrival.method, arrival.path, arrival.there)
        key = arrival.headers.get(b"x-api-key")
        if not key:
            return MISSING_KEY
        if arrival.repeated and arrival.given_twice(b"x-api-key"):
            return REPEATED_KEY
        organisation = self.worlds.find(header_text(key))
        if arrival.call:
            arrival.call.organisation = organisation
        if organisation is None:
            return self._unknown_key
        return NOT_KEPT if organisation.away else organisation

    async def _fetch(self, arrival: _Arrival, farm: Farm) -> Organisation | Response:
        """A world that this server does not know yet may be there."""
        try:
            await farm.ready(header_text(arrival.headers[b"x-api-key"]))
        except LogError as failed:
            log.warning("%s", failed)
            return NOT_KEPT
        return self._admit(arrival)

    async def _share(self, organisation: Organisation, arrival: _Arrival, farm: Farm) -> Response:
        """As `_answer`, for a world that other servers have, too."""
        bound = arrival.there[arrival.method]
        try:
            if bound.whole:
                there = await farm.follow(organisation)
                return self._unknown_key if there is None else self._answer(arrival, partial(_ask, there, arrival))
            outcome = await farm.ask(
                organisation,
                bound.operation.id,
                bound.function,
                partial(_tenant, arrival),
                partial(_read, bound, arrival),
            )
        except LogError as failed:
            log.warning("%s", failed)
            return NOT_KEPT
        return self._unknown_key if outcome is None else self._answer(arrival, outcome)

    async def _enter(self, organisation: Organisation, arrival: _Arrival, receive: Receive) -> Response:
        """The body, and those beside the way; then the function."""
        call = arrival.call
        if arrival.there[arrival.method].operation.body is not None:
            try:  # before anything takes time: what has come in whole is carried out, though its client leaves
                arrival.body = await read_body(receive, arrival.headers)
            except TooLarge:
                arrival.body = None
            if call:  # of what is not answered by its function, too: somebody may look at it
                call.body = arrival.body or b""
        befalls = self._before(call) if call and self._before else None
        answer = None if befalls is None else await befalls()
        if answer is not None:
            return answer
        if self.worlds.farm is not None:
            answer = await self._share(organisation, arrival, self.worlds.farm)
        else:
            answer = self._answer(arrival, partial(_ask, organisation, arrival))
        return call.instead if call and call.instead else answer

    def replay(self, organisation: Organisation, record: Record) -> None:
        """Lets happen again what a record tells of a request, at its time. Raises `LogError` for what is none."""
        try:
            game = organisation.game(record.tenant, record.time)
            if record.name == TENANT:
                organisation.admit(str(record.tenant), game)
                return
            function = self.functions[record.name]
            with suppress(GameError):  # refused with something written, as it was then
                perform(organisation, game, record.tenant, record.name, function, record.arguments)
        except (GameError, KeyError, TypeError) as error:
            raise cannot_repeat(record, error) from None

    def _answer(self, arrival: _Arrival, ask: Callable[[], tuple[Any, bool]]) -> Response:
        """The function's answer, or its refusal, held against the document. Nothing is awaited in here."""
        bound, call = arrival.there[arrival.method], arrival.call
        operation = bound.operation
        try:
            try:
                content, changed = ask()
                status, subject = operation.success if changed else operation.unchanged, content
            except GameError as refusal:
                status, content = status_of(operation, refusal), {"error": sentence_of(refusal)}
                subject = type(refusal)  # itself it would keep alive all that it came through, the body too
            if self._check_responses and (fault := operation.check_answer(status, content)):
                log.error("%s answered %d with a body that breaks the document at %s", operation.id, status, fault)
                return error(500, f"Defect of the mock: the answer of {operation.id} breaks the document at {fault}")
            body = b"" if operation.checks.get(status) is None else written(content)
            if call is None:
                return Response(status, body)
            return Response(call.restate(operation, status, subject) if call.restate else status, body, call.applied)
        except Exception:
            log.exception("%s failed; this is a defect of the mock", operation.id)
            return DEFECT


def written(content: Any) -> bytes:
    """A response's body."""
    return content.body if type(content) is Rendered else orjson.dumps(content)


def _ask(organisation: Organisation, arrival: _Arrival) -> tuple[Any, bool]:
    """Tenant, then shape, then meaning (behaviour, section 1): the answer, and whether it changed the world.

    GameError: refused.
    """
    bound = arrival.there[arrival.method]
    tenant = None if bound.whole else _tenant(arrival)
    game = None if bound.whole else organisation.game(tenant)
    arguments = _read(bound, arrival)
    if game is None:
        return bound.function(organisation, **arguments), False
    return perform(organisation, game, tenant, bound.operation.id, bound.function, arguments)


def _read(bound: Bound, arrival: _Arrival) -> dict[str, Any]:
    return bound.operation.read(arrival.values, arrival.query, arrival.headers, arrival.body, repeated=arrival.repeated)


def _tenant(arrival: _Arrival) -> str | None:
    given = arrival.headers.get(b"tenant-id")
    if given is None:
        return None
    if arrival.repeated and arrival.given_twice(b"tenant-id"):
        raise Refused("Header `Tenant-ID` must be given once, not several times.")
    tenant = header_text(given)
    if len(tenant) > LONGEST_ID:
        raise Refused(f"Header `Tenant-ID` must have at most {LONGEST_ID} characters.")
    return tenant

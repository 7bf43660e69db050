"""The control plane as the server knows it: it hands the shell its routes and its two seams, `before` and `after`."""

from __future__ import annotations

import hmac
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mockserver.admin.table import NAMES as ADMIN
from mockserver.control.ask import JSON, Ask, Ending, Forbidden, Row, Unauthorised
from mockserver.control.backstage import Backstage
from mockserver.control.console import Console
from mockserver.control.described import CALLS
from mockserver.control.faults import Faults
from mockserver.control.faults import read as read_faults
from mockserver.control.openapi import openapi
from mockserver.control.stream import Stream
from mockserver.control.table import ROWS
from mockserver.exchange import (
    NOT_KEPT,
    UNKNOWN_KEY,
    Answer,
    Befalls,
    Call,
    Disconnected,
    TooLarge,
    error,
    read_body,
    send_answer,
)
from mockserver.game.catalog import WebhookEndpoint
from mockserver.game.errors import GameError, NotFound, Refused, Unreadable
from mockserver.log.record import LogError, Record
from mockserver.spec import Document, header_text
from mockserver.spec.bodies import decoded, too_large
from mockserver.spec.operation import Headers
from mockserver.webhooks.bodies import kinds_of
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Worlds

TOKEN = "X-Control-Token"

log = logging.getLogger("mockserver")

STATUSES: dict[type[GameError], int] = {
    Unauthorised: 401,
    Forbidden: 403,
    NotFound: 404,
    Refused: 422,
    Unreadable: 400,
    Ending: 503,
}
# What is not kept in the request log: it would be all that is left in one that was just emptied.
SILENT = {"mock_requests_clear", "mock_reset", "mock_snapshots_restore"}


@dataclass(frozen=True)
class Settings:
    """How a server was started. `token` opens the plane; `locked`: nothing else does.

    `live_statuses` in every world that it has or makes; `endpoints` get the webhooks of the worlds given at start.
    `console` is told of all that happens. `keys_are`: what is said to whom a key is not known to.
    """

    token: str | None = None
    locked: bool = False
    prefer: bool = True
    live_statuses: bool = False
    endpoints: tuple[WebhookEndpoint, ...] = ()
    timing: Timing | None = None
    console: Console | None = None
    keys_are: str = ""


class Plane:
    """All that stands beside the worlds of one server, and the calls that reach it."""

    def __init__(self, worlds: Worlds, document: Document, settings: Settings | None = None) -> None:
        self.worlds = worlds
        self.document = document
        self.settings = settings or Settings()
        self.console = self.settings.console
        self.unknown_key = f"{UNKNOWN_KEY}{self.settings.keys_are}"
        self._kinds = kinds_of(document)
        self.operations = [*document.operations, *ADMIN]
        self.names = [*self.operations, *(row.name for row in ROWS)]
        # Set by whoever makes the application: makes a request again that a record tells of; makes a world from a log.
        self.repeat: Callable[[Organisation, Record], None] | None = None
        self.load: Callable[[list[bytes]], Awaitable[Organisation]] | None = None
        self._backstages: dict[Organisation, Backstage] = {}
        for organisation in worlds:
            side = self.backstage(organisation)
            for row in self.settings.endpoints:
                side.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)

    # For the shell

    @cached_property
    def openapi(self) -> JSON:
        """The document of the plane's own calls."""
        return openapi(ROWS, CALLS)

    @property
    def routes(self) -> list[Route]:
        """One route for each path, below `/_mock`."""
        paths: dict[str, dict[str, Row]] = {}
        for row in ROWS:
            paths.setdefault(row.path, {})[row.method] = row
        # Paths without a variable come first, so that `/webhooks/events` is not taken for an endpoint's.
        return [
            Route(path, _Endpoint(self, rows), methods=list(rows))
            for path, rows in sorted(paths.items(), key=lambda pair: "{" in pair[0])
        ]

    def before(self, call: Call) -> Befalls | None:
        """What is to befall a request before it is looked at; None when nothing is."""
        side = self._backstages.get(call.organisation) if call.organisation else None
        return side.before(call, self.settings.prefer) if side else None

    def after(self, call: Call, answer: Answer) -> None:
        """Called when the answer is out."""
        if self.console is not None:
            name, template = (call.operation.id, call.operation.path) if call.operation else ("", "")
            self.console.requested(name, template, call, answer)
        side = self._backstages.get(call.organisation) if call.organisation else None
        if side:
            side.after(call, answer)

    def tick(self) -> None:
        """Lets happen what has fallen due under the running clocks, and sends what came of it."""
        for organisation in self.worlds.tick():
            self.backstage(organisation).webhooks.flush()

    def flush(self) -> None:
        """Lets webhooks that have not been delivered yet go out."""
        for side in self._backstages.values():
            side.webhooks.flush()

    def hurry(self) -> None:
        """Nobody is made to wait any more, so that the server can end."""
        for side in self._backstages.values():
            side.hurry()

    async def close(self) -> None:
        """The end: deliveries under way get their grace."""
        for side in list(self._backstages.values()):
            await side.webhooks.close()

    # For the calls

    def backstage(self, organisation: Organisation) -> Backstage:
        """What stands beside a world; made when it is first asked for."""
        side = self._backstages.get(organisation)
        if side is None:
            sent = self.console.sent if self.console else None
            webhooks = Webhooks(organisation, self.settings.timing, self._kinds, sent)
            side = Backstage(organisation, webhooks, self.faults_at_start(organisation))
            self._backstages[organisation] = side
        return side

    def faults_at_start(self, organisation: Organisation) -> Faults:
        body = {"liveStatuses": self.settings.live_statuses}
        return read_faults(body, self.operations, str(organisation.plan.seed))

    async def dismiss(self, organisation: Organisation) -> None:
        """A world was deleted: nothing more is sent for it."""
        side = self._backstages.pop(organisation, None)
        if side is not None:
            side.feed.close()
            await side.webhooks.reset()

    def admit(self, headers: Mapping[str, str], row: Row) -> Backstage | None:
        """Who asks, and for which world. Raises `Unauthorised`, `Forbidden`."""
        trusted = self._trusted(headers.get(TOKEN))
        key = headers.get("X-API-KEY")
        organisation = self.worlds.find(header_text(key.encode("latin-1"))) if key else None
        if key and organisation is None:
            raise Unauthorised(self.unknown_key)
        if row.root and not trusted:
            if organisation is None:
                raise Unauthorised("The X-API-KEY header is missing or empty: it must hold an API key.")
            if organisation.key not in self.worlds.roots:
                raise Forbidden(
                    "Worlds are made, listed and deleted with a key that was given at start (or the control token); "
                    "this key opens a world that was made, and acts on that alone."
                )
        return self.backstage(organisation) if organisation else None

    def _trusted(self, token: str | None) -> bool:
        """Whether the control token was given. Raises `Unauthorised` for a wrong one, and for none where it must be."""
        wanted = self.settings.token
        if token is not None and wanted is not None:
            if hmac.compare_digest(token.encode("latin-1"), wanted.encode()):
                return True
            raise Unauthorised(f"The {TOKEN} header does not hold this server's control token.")
        if self.settings.locked:
            raise Unauthorised(
                f"This server's control plane wants the {TOKEN} header (`serve` takes one with --control-token, and "
                "prints one where other machines can reach the server; MockServer has it as control_token)."
            )
        return False


async def perform(row: Row, ask: Ask) -> Any:
    """The call's answer; one that changes something, and waits for nothing, takes effect as a whole."""
    if row.kept and not inspect.iscoroutinefunction(row.answer):
        with ask.effect():
            return row.answer(ask)
    content: Any = row.answer(ask)
    return await content if inspect.isawaitable(content) else content


def status_of(refusal: GameError) -> int:
    """One table for the whole plane; an error of no particular kind counts as refused."""
    return next((STATUSES[kind] for kind in type(refusal).__mro__ if kind in STATUSES), 422)


async def _body(receive: Receive, headers: Mapping[bytes, bytes], most: int) -> bytes:
    try:
        return decoded(headers.get(b"content-encoding", b""), await read_body(receive, headers, most), most)
    except TooLarge:
        raise too_large(most) from None


def _check_given_once(headers: Headers) -> None:
    """Of two keys or tokens nobody knows which one is meant."""
    names = [name for name, _ in headers]
    for name, refusal in (("X-API-KEY", Unauthorised), (TOKEN, Unauthorised), ("Tenant-ID", Refused)):
        if names.count(name.lower().encode()) > 1:
            raise refusal(f"The {name} header must be given once, not several times.")


class _Endpoint:
    """What answers on one path of the plane: an ASGI application, so that its errors have the API's shape."""

    def __init__(self, plane: Plane, rows: Mapping[str, Row]) -> None:
        self._plane = plane
        self._rows = rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        row = self._rows["GET" if request.method == "HEAD" else request.method]
        call = Call(request.method, scope["path"], scope["query_string"], dict(scope["headers"]))
        side = None
        try:
            _check_given_once(scope["headers"])
            if (farm := self._plane.worlds.farm) is not None and (key := request.headers.get("X-API-KEY")):
                await farm.ready(header_text(key.encode("latin-1")))
            side = self._plane.admit(request.headers, row)
            call.body = await _body(receive, call.headers, row.largest)
            answer = await self._answer(row, self._ask(row, request, call, side))
            if isinstance(answer, Stream):
                await answer.send(receive, send, only_head=request.method == "HEAD")
                return
            turn = self._plane.worlds.turn
            if turn is not None and not await turn.settled():
                answer = NOT_KEPT
        except Disconnected:
            return
        except GameError as refusal:
            answer = error(status_of(refusal), str(refusal))
        except LogError as failed:
            log.error("What %s wants could not be kept, so it did not happen: %s.", row.name, failed)
            answer = NOT_KEPT
        await send_answer(answer, send)
        if (console := self._plane.console) is not None and (row.method != "GET" or answer.status >= 400):
            console.requested(row.name, row.path, call, answer)
        if side is not None and row.method != "GET" and row.name not in SILENT:
            side.requests.add(side.organisation.clock.now(), row.name, row.path, call, answer)

    def _ask(self, row: Row, request: Request, call: Call, side: Backstage | None) -> Ask:
        tenant = request.headers.get("Tenant-ID")
        return Ask(
            plane=self._plane,
            name=row.name,
            largest=row.largest,
            backstage=side,
            tenant=header_text(tenant.encode("latin-1")) if tenant else None,
            path=request.path_params,
            pairs=request.query_params.multi_items(),
            body=call.body,
            media_type=request.headers.get("Content-Type", "").partition(";")[0].strip().lower(),
            headers=request.headers,
            left=request.scope["left"],
        )

    async def _answer(self, row: Row, ask: Ask) -> Answer | Stream:
        if not row.root:
            ask.side  # noqa: B018  a call about a world needs one, whatever else is wrong
        if row.method != "GET":
            ask.query()  # a call that changes something takes its arguments in the body, and skips none unseen
        farm = self._plane.worlds.farm
        if farm is not None and row.root:
            await farm.everywhere()
        content = await (perform(row, ask) if farm is None or row.root else farm.call(row, ask))
        if isinstance(content, Stream):
            return content
        return Answer(row.status, b"" if row.status == 204 else orjson.dumps(content))

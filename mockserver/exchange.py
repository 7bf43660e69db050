"""Requests and responses, as objects and as bytes. Knows HTTP, not the game."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from starlette.types import Receive, Send

from mockserver.catalogs import CatalogError
from mockserver.clock import monotonic
from mockserver.game.errors import GameError
from mockserver.printable import printable
from mockserver.spec import Operation
from mockserver.spec.bodies import LARGEST
from mockserver.worlds import Organisation

UNKNOWN_KEY = "The API key in the X-API-KEY header is not known."
JSON_HEADER = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """A status, the bytes of a JSON body (empty: none), and headers beside its type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


DROPPED = Response(0, b"")  # no response at all: the connection is closed under the client. Status 0: nothing was sent


@dataclass(slots=True)
class Call:
    """One request, for hooks and logs. `started` is of `clock.monotonic`.

    `operation` is None where the spec has none, `organisation` until the key is known, `body` until it is read.
    The hook before may set `applied`, headers that the response will carry, and `rewrite_status`, which turns the
    status that the spec declares for a content (or a kind of refusal) into the one that goes out. `override`
    goes out in place of the response of what was carried out.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    started: float = field(default_factory=monotonic)
    operation: Operation | None = None
    organisation: Organisation | None = None
    body: bytes = b""
    applied: tuple[tuple[bytes, bytes], ...] = ()
    rewrite_status: Callable[[Operation, int, Any], int] | None = None
    override: Response | None = None


# Called after the key check and before all else: what is to be awaited before the call, None for nothing. A
# response of its own ends the call, which then changes nothing.
Intervention = Callable[[], Awaitable[Response | None]]
BeforeHook = Callable[[Call], Intervention | None]
# Called once the response has gone out, whatever it was.
AfterHook = Callable[[Call, Response], None]


class TooLarge(Exception):
    """The body is longer than what is read of one."""


class Disconnected(Exception):
    """The client left before its request was complete."""


def error_text(refusal: GameError) -> str:
    """What a refusal says, with escapes in the place of control characters that came with the request. One that lists
    the problems of a catalog has a line for each."""
    lines = str(refusal).split("\n") if isinstance(refusal, CatalogError) else [str(refusal)]
    return "\n".join([printable(line) for line in lines])


def error_response(status: int, message: str, *headers: tuple[bytes, bytes]) -> Response:
    """A response in the one shape of errors: schema `ErrorBody`."""
    return Response(status, orjson.dumps({"error": message}), headers)


DEFECT = error_response(
    500, "The mock server failed. This is a defect of the mock, not of your request; its log says more."
)
# Where a log is kept, and it cannot be written.
NOT_KEPT = error_response(
    503,
    "What the request changed could not be kept, so it did not happen; the server's log says why. Try again.",
    (b"retry-after", b"1"),
)


def join_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; several of one name are one with commas between (RFC 9110)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], most: int = LARGEST) -> bytes:
    """The whole body, of at most so many bytes. TooLarge as soon as that is known: from its announced length, before
    anything is read.

    What is not read, the server drops as it comes in, so that the client gets the response.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > most:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(chunks) + chunk if chunks else chunk
        chunks.append(chunk)


async def send_response(response: Response, send: Send) -> None:
    headers = [*response.headers]
    if response.status != 204:  # which has no content, and no length of one (RFC 9110, section 8.6)
        headers += [JSON_HEADER, (b"content-length", b"%d" % len(response.body))]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


def is_disconnected(send: Send) -> bool:
    """Whether the client has hung up: nobody would get a response. False where the server does not say."""
    return bool(getattr(getattr(send, "__self__", None), "disconnected", False))


async def drop(receive: Receive, send: Send) -> None:
    """Closes the connection without a response. Without a socket: ConnectionResetError."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("The connection was dropped, as it was asked for.")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass

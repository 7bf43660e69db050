"""What comes in and what goes out: calls, answers and the bytes of both. Knows the wire, not the game."""

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


DROPPED = Response(0, b"")  # no answer at all: the connection is closed under the client. Status 0: nobody hears it


@dataclass(slots=True)
class Call:
    """One request on its way, for those who stand beside the way. `started` is of `clock.monotonic`.

    `operation` is None where the document has none, `organisation` until the key is known, `body` until it is read.
    Who is asked before may leave `applied`, headers that the answer will carry, and `restate`, which turns the
    status that the document declares for a content (or a kind of refusal) into the one that goes out. `instead`
    goes out in place of the answer to what was carried out.
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
    restate: Callable[[Operation, int, Any], int] | None = None
    instead: Response | None = None


# Asked after the key check and before all else: what is to befall the call, None when nothing is. It is awaited; an
# answer of its own ends the call, which then changes nothing.
Befalls = Callable[[], Awaitable[Response | None]]
Before = Callable[[Call], Befalls | None]
# Told once the answer has gone out, whatever it was.
After = Callable[[Call, Response], None]


class TooLarge(Exception):
    """The body is longer than what is read of one."""


class Disconnected(Exception):
    """The client left before its request was complete."""


def sentence_of(refusal: GameError) -> str:
    """What a refusal says, with escapes in the place of control characters that came with the request. One that lists
    the problems of a catalog has a line for each."""
    lines = str(refusal).split("\n") if isinstance(refusal, CatalogError) else [str(refusal)]
    return "\n".join([printable(line) for line in lines])


def error(status: int, sentence: str, *headers: tuple[bytes, bytes]) -> Response:
    """An answer in the one shape of errors: schema `ErrorBody`."""
    return Response(status, orjson.dumps({"error": sentence}), headers)


DEFECT = error(500, "The mock server failed. This is a defect of the mock, not of your request; its log says more.")
# Where a log is kept, and it cannot be written.
NOT_KEPT = error(
    503,
    "What the request changed could not be kept, so it did not happen; the server's log says why. Try again.",
    (b"retry-after", b"1"),
)


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; several of one name are one with commas between (RFC 9110)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


async def read_body(receive: Receive, headers: Mapping[bytes, bytes], most: int = LARGEST) -> bytes:
    """The whole body, of at most so many bytes. TooLarge as soon as that is known: from its announced length, before
    anything is read.

    What is not read, the server drops as it comes in, so that the client hears the answer.
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


async def send_response(answer: Response, send: Send) -> None:
    headers = [JSON_HEADER, (b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def has_left(send: Send) -> bool:
    """Whether the client has hung up: nobody would hear an answer. Servers that do not say so are believed."""
    return bool(getattr(getattr(send, "__self__", None), "disconnected", False))


async def drop(receive: Receive, send: Send) -> None:
    """Closes the connection without a word. Without a socket beneath, ConnectionResetError is all that is left."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("The connection was dropped, as it was asked for.")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass

"""What comes in and what goes out: calls, answers and the bytes of both. Knows the wire, not the game."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

import orjson
from starlette.types import Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from mockserver.spec import Operation
from mockserver.spec.bodies import LARGEST
from mockserver.worlds import Organisation

JSON_HEADER = (b"content-type", b"application/json")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, the bytes of a JSON body (empty: none), and headers beside its type and length."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


DROPPED = Answer(0, b"")  # no answer at all: the connection is closed under the client


@dataclass(slots=True)
class Call:
    """One request on its way, for those who stand beside the way. `started` is of `time.perf_counter`.

    `operation` is None where the document has none, `organisation` until the key is known, `body` until it is read.
    Who is asked before may leave `applied`, headers that the answer will carry, and `restate`, which turns the
    status that the document declares for a content (or a kind of refusal) into the one that goes out.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    started: float = field(default_factory=perf_counter)
    operation: Operation | None = None
    organisation: Organisation | None = None
    body: bytes = b""
    applied: tuple[tuple[bytes, bytes], ...] = ()
    restate: Callable[[Operation, int, Any], int] | None = None


# Asked after the key check and before all else; an answer of its own ends the call, which then changes nothing.
# None at once when there is nothing to do, so that nobody waits for it.
Before = Callable[[Call], Awaitable[Answer | None] | None]
# Told once the answer has gone out, whatever it was.
After = Callable[[Call, Answer], None]


class TooLarge(Exception):
    """The body is longer than what is read of one."""


class Disconnected(Exception):
    """The client left before its request was complete."""


def error(status: int, sentence: str, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer in the one shape of errors: schema `ErrorBody`."""
    return Answer(status, orjson.dumps({"error": sentence}), headers)


def joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name; several of one name are one with commas between (RFC 9110)."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        found[name] = found[name] + b", " + value if name in found else value
    return found


async def read_body(receive: Receive, headers: Mapping[bytes, bytes]) -> bytes:
    """The whole body. TooLarge as soon as that is known: from its announced length, before anything is read.

    What is not read, the server drops as it comes in, so that the client hears the answer.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced[:20]) > LARGEST:
        raise TooLarge
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST:
            raise TooLarge
        if not message.get("more_body"):
            return b"".join(chunks) + chunk if chunks else chunk
        chunks.append(chunk)


async def send_answer(answer: Answer, send: Send) -> None:
    cycle = getattr(send, "__self__", None)
    if type(cycle) is RequestResponseCycle and not cycle.flow.write_paused and cycle.scope["method"] != "HEAD":
        _write_at_once(answer, cycle)
        return
    headers = [JSON_HEADER, (b"content-length", b"%d" % len(answer.body)), *answer.headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _write_at_once(answer: Answer, cycle: RequestResponseCycle) -> None:
    """What uvicorn would write, in one piece: ours is whole, and its headers need no second look."""
    if cycle.disconnected:
        return
    head = [STATUS_LINE[answer.status]]
    for name, value in cycle.default_headers:
        head += (name, b": ", value, b"\r\n")
    for name, value in answer.headers:
        head += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        head.append(b"connection: close\r\n")
    head.append(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer.body))
    head.append(answer.body)
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    cycle.transport.write(b"".join(head))
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


async def drop(receive: Receive, send: Send) -> None:
    """Closes the connection without a word. Without a socket beneath, ConnectionResetError is all that is left."""
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        raise ConnectionResetError("The connection was dropped, as it was asked for.")
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass

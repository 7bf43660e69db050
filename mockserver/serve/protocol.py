"""HTTP as the server speaks it: uvicorn's, but a request that comes in whole is answered on the spot, what one
connection can fill the memory with has a limit, and what is no HTTP is told in JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from mockserver.exchange import Answer

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers that are waited for, beside the first that come in
MOST_AT_ONCE = 16  # answers in a row on one connection, then others get their turn

METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE")}


class Protocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`. An application with `answer_at_once` is asked that first.

    The way through ASGI (a task, an event, two messages) costs more than most answers do. It is left to requests
    that come in pieces, are made to wait, or ask for more than HTTP's plain part.
    """

    _in_head = False
    _head = 0
    _left = 0  # how many may still be answered before others get their turn
    _body: bytes | None = None  # of a request that is answered at once when it is whole; None: uvicorn has it

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._answer_at_once: Callable[..., bool] | None = getattr(self.app, "answer_at_once", None)

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._left and self._is_plain():
            self._body = b""
        else:
            super().on_headers_complete()

    def _is_plain(self) -> bool:
        """Whether nothing speaks against answering the request as soon as it is whole."""
        busy = self.cycle is not None and not self.cycle.response_complete
        return not (
            busy
            or self._answer_at_once is None
            or self.expect_100_continue
            or self.flow.write_paused
            or self.transport.is_closing()
            or self.parser.should_upgrade()
            or self.parser.get_method() not in METHODS
            or not self.url.startswith(b"/")
            or b"#" in self.url
            or not self.url.isascii()
        )

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, None
        if body is None:
            super().on_message_complete()
            return
        self._left -= 1
        path, _, query = self.url.partition(b"?")
        method = METHODS[self.parser.get_method()]
        assert self._answer_at_once is not None
        if not self._answer_at_once(method, path, query, self.headers, body, self._write):
            self._hand_over(body)
            super().on_message_complete()

    def _hand_over(self, body: bytes) -> None:
        """Lets uvicorn begin with a request, of whose body this much has come in."""
        super().on_headers_complete()
        if body:
            super().on_body(body)

    def _write(self, answer: Answer) -> None:
        """The whole answer in one piece; our headers need no second look."""
        head = [STATUS_LINE[answer.status]]
        for name, value in (*self.server_state.default_headers, *answer.headers):
            head += (name, b": ", value, b"\r\n")
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if not keep_alive:
            head.append(b"connection: close\r\n")
        head.append(b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(answer.body))
        head.append(answer.body)
        self.transport.write(b"".join(head))
        if not keep_alive:
            self.transport.close()
        self.on_response_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:  # uvicorn would read on with every answer, however many requests wait already
            self.flow.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.cycle = None  # type: ignore[assignment]  # it knows the protocol too: neither would go, nor the body

    def data_received(self, data: bytes) -> None:
        self._head += len(data) if self._in_head else 0
        self._left = MOST_AT_ONCE
        super().data_received(data)  # where another head begins, the count does too
        if self._body is not None:  # the rest is still on its way
            body, self._body = self._body, None
            if not self.transport.is_closing():
                self._hand_over(body)
        if self._in_head and self._head > LARGEST_HEAD:
            self.send_400_response(f"The request's line and headers must be at most {LARGEST_HEAD} bytes.")

    def send_400_response(self, msg: str) -> None:
        """Says what is wrong, in the API's shape of errors, and hangs up."""
        if self.transport.is_closing():
            return
        body = orjson.dumps({"error": msg})
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()

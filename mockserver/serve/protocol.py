"""HTTP as the server speaks it: uvicorn's, but a request that comes in whole is answered on the spot, what one
connection can fill the memory with has a limit, and what is no HTTP is told in JSON."""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mockserver.exchange import Answer

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers that are waited for, beside the first that come in
LONGEST_URL = 65535  # bytes; beyond them the parser's reading of addresses gives up
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
        self._quiet_since: float | None = None  # by the loop's clock: when the last answer went out; None: reading
        self._timer: TimerHandle | None = None
        self._under_way: RequestResponseCycle | None = None

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._left and self._is_plain():
            self._body = b""
        else:
            self._hand_over()

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
            or len(self.url) > LONGEST_URL
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
            self._hand_over()
            super().on_body(body)
            super().on_message_complete()

    def _hand_over(self) -> None:
        """Lets uvicorn begin with a request whose head has come in."""
        self._quiet_since = None  # uvicorn knows itself how long to wait after this one
        url, headers, asks_first = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, asks_first
        self.scope["headers"] = headers
        super().on_headers_complete()

    def _write(self, answer: Answer) -> None:
        """The whole answer in one piece; our headers need no second look."""
        body, more = answer.body, b""
        for name, value in answer.headers:
            more += b"%b: %b\r\n" % (name, value)
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if not keep_alive:
            more += b"connection: close\r\n"
        first = _first_lines(answer.status, tuple(self.server_state.default_headers))
        self.transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (first, more, len(body), body))
        if not keep_alive:
            self.transport.close()
        self.server_state.total_requests += 1
        self._await_next()

    def _await_next(self) -> None:
        """Hangs up when no request comes for a while. The timer is left to run: to set one costs more than to look."""
        self._quiet_since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._listen_for_silence)

    def _listen_for_silence(self) -> None:
        self._timer = None
        if self._quiet_since is not None:
            rest = self._quiet_since + self.timeout_keep_alive - self.loop.time()
            if rest > 0:
                self._timer = self.loop.call_later(rest, self._listen_for_silence)
            else:
                self.timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:  # uvicorn would read on with every answer, however many requests wait already
            self.flow.pause_reading()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._under_way = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._under_way is not None:  # uvicorn tells only the newest, which may still be waiting for its turn
            self._under_way.disconnected = True
            self._under_way.message_event.set()
            self._under_way = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.cycle = None  # type: ignore[assignment]  # it knows the protocol too: neither would go, nor the body

    def data_received(self, data: bytes) -> None:
        self._head += len(data) if self._in_head else 0
        self._left, self._quiet_since = MOST_AT_ONCE, None
        super().data_received(data)  # where another head begins, the count does too
        if self._body is not None:  # the rest is still on its way
            body, self._body = self._body, None
            if not self.transport.is_closing():
                self._hand_over()
                super().on_body(body)
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


@lru_cache(maxsize=256)
def _first_lines(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Of every answer with this status in the same second; the date is among the headers."""
    rows = b"".join([b"%b: %b\r\n" % row for row in headers])
    return b"%b%bcontent-type: application/json\r\n" % (STATUS_LINE[status], rows)

"""HTTP as the server speaks it: uvicorn's, but a request that comes in whole gets its response on the spot, what one
connection can fill the memory with has a limit, and errors of HTTP are JSON."""

from __future__ import annotations

from asyncio import TimerHandle
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from mockserver.exchange import AfterHook, Call, Response, error_response
from mockserver.serve.hosts import CORS, OPTION, Hosts

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers that are waited for, beside the first that come in
LONGEST_URL = 65535  # bytes; beyond them the parser's reading of addresses gives up
MOST_AT_ONCE = 16  # responses in a row on one connection, then others get their turn

LONGEST_MESSAGE = 60  # seconds from a request's first byte to its last, and from connecting to the first request
LINGER = 1.0  # seconds
SHORT_LINGER = 0.1  # when the server ends
SHUTTING_DOWN = error_response(503, "The server is about to end, and the request has not come in whole.")

OFFERS = (b"upgrade", b"http2-settings", b"connection")
_ALLOWING = f": allow the name with {OPTION} if you trust it."
_CALLING = f": allow the origin with {CORS}, or the name with {OPTION}, if you trust it."

METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE")}


class Protocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`. An application with `respond_at_once` is asked that first.

    The way through ASGI (a task, an event, two messages) costs more than most responses do. It is left to requests
    that come in pieces, are made to wait, or ask for more than HTTP's plain part.
    """

    _in_head = False
    _head = 0
    _left = 0  # how many requests may still be served before others get their turn
    _body: bytes | None = None  # of a request that is served at once when it is whole; None: uvicorn has it
    _offered = False  # the request offers to change the protocol, which is declined (RFC 9110, section 7.8)
    _refusal: Response | None = None  # ends the connection as soon as the responses to what came before are out
    _hanging_up = False
    _message_since: float | None = None  # by the loop's clock: when a message began that is not whole yet

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._respond_at_once: Callable[..., bool] | None = getattr(self.app, "respond_at_once", None)
        self._after: AfterHook | None = getattr(self.app, "after", None)
        self._allows_origin: Callable[[bytes, bytes], bool] = getattr(self.app, "allows_origin", _allows_no_origin)
        self._hosts: Hosts | None = getattr(getattr(self.app, "state", None), "hosts", None)
        self._idle_since: float | None = None  # by the loop's clock: when the last response went out; None: reading
        self._timer: TimerHandle | None = None
        self._message_timer: TimerHandle | None = None
        self._under_way: RequestResponseCycle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._message_since = self.loop.time()
        self._message_timer = self.loop.call_later(LONGEST_MESSAGE, self._check_timeout)

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        self._message_since = self.loop.time()
        self.url, self.headers, self.expect_100_continue = b"", [], False

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # fields of a trailer are no headers
            super().on_header(name, value.rstrip(b" \t"))

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._refusal is not None:
            return
        self._offered = self.parser.should_upgrade()
        if self._offered:
            return  # `data_received` begins again, without the offer
        if (refusal := self._check_head()) is not None:
            self._refuse(refusal)
        elif self._left and self._is_plain():
            self._body = b""
        else:
            self._hand_over()

    def _check_head(self) -> Response | None:
        """What is wrong with the request's head, whatever it asks for."""
        allowed, hosts = self._hosts, 0
        for name, value in self.headers:
            if name == b"host":
                hosts += 1
                if allowed is not None and not allowed.accepts(value):
                    return error_response(403, f"This server does not accept the name {_quoted(value)}{_ALLOWING}")
            elif name == b"origin":
                if allowed is not None and not (allowed.allows_origin(value) or self._allows_origin(value, self.url)):
                    return error_response(403, f"Pages of {_quoted(value)} may not call this server{_CALLING}")
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                return error_response(501, f"Transfer-Encoding {_quoted(value)} is not known here, only chunked.")
        if hosts != 1 and (hosts or self.parser.get_http_version() == "1.1"):
            return error_response(400, f"The Host header must be given once, not {hosts} times.")
        return None

    def _is_plain(self) -> bool:
        """Whether the request can be served as soon as it is whole."""
        busy = self.cycle is not None and not self.cycle.response_complete
        return not (
            busy
            or self._respond_at_once is None
            or self.expect_100_continue
            or self.flow.write_paused
            or self.transport.is_closing()
            or self.parser.get_method() not in METHODS
            or not self.url.startswith(b"/")
            or len(self.url) > LONGEST_URL
            or b"#" in self.url
            or not self.url.isascii()
        )

    def on_body(self, body: bytes) -> None:
        if self._refusal is not None:
            return
        if self._body is None:
            super().on_body(body)
        else:
            self._body += body

    def on_message_complete(self) -> None:
        if self._offered or self._refusal is not None:
            return
        self._message_since = None
        body, self._body = self._body, None
        if body is None:
            super().on_message_complete()
            return
        self._left -= 1
        path, _, query = self.url.partition(b"?")
        method = METHODS[self.parser.get_method()]
        assert self._respond_at_once is not None
        if not self._respond_at_once(method, path, query, self.headers, body, self._write):
            self._hand_over()
            super().on_body(body)
            super().on_message_complete()

    def _hand_over(self) -> None:
        """Lets uvicorn begin with a request whose head has come in."""
        self._idle_since = None  # uvicorn knows itself how long to wait after this one
        url, headers, expects_continue = self.url, self.headers, self.expect_100_continue
        super().on_message_begin()
        self.url, self.headers, self.expect_100_continue = url, headers, expects_continue
        self.scope["headers"] = headers
        super().on_headers_complete()

    def _write(self, response: Response) -> None:
        """The whole response in one piece; our headers need no second look."""
        body, more = response.body, b""
        for name, value in response.headers:
            more += b"%b: %b\r\n" % (name, value)
        keep_alive = self.parser.should_keep_alive() and self.parser.get_http_version() != "1.0"
        if not keep_alive:
            more += b"connection: close\r\n"
        first = _first_lines(response.status, tuple(self.server_state.default_headers))
        self.transport.write(b"%b%bcontent-length: %d\r\n\r\n%b" % (first, more, len(body), body))
        if not keep_alive:
            self.transport.close()
        self.server_state.total_requests += 1
        self._start_idle_timer()

    def _start_idle_timer(self) -> None:
        """Hangs up when no request comes for a while. The timer is left to run: to set one costs more than to look."""
        self._idle_since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._check_idle)

    def _check_idle(self) -> None:
        self._timer = None
        if self._idle_since is not None:
            rest = self._idle_since + self.timeout_keep_alive - self.loop.time()
            if rest > 0:
                self._timer = self.loop.call_later(rest, self._check_idle)
            else:
                self.timeout_keep_alive_handler()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:  # uvicorn would read on with every response, however many requests wait already
            self.flow.pause_reading()
        elif self._refusal is not None and not self.transport.is_closing() and not self._busy:
            self._hang_up(self._refusal)

    @property
    def _busy(self) -> bool:
        """Whether requests that came in before wait for their responses."""
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._under_way = cycle
        super()._start_asgi_task(cycle, app)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._under_way is not None:  # uvicorn tells only the newest, which may still be waiting for its turn
            self._under_way.disconnected = True
            self._under_way.message_event.set()
            self._under_way = None
        for timer in (self._timer, self._message_timer):
            if timer is not None:
                timer.cancel()
        self._timer = self._message_timer = None
        self.cycle = None  # type: ignore[assignment]  # it knows the protocol too: neither would go, nor the body

    def data_received(self, data: bytes) -> None:
        if self._hanging_up or self._refusal is not None:
            return  # whatever it is, it comes too late
        self._head += len(data) if self._in_head else 0
        self._left, self._idle_since = MOST_AT_ONCE, None
        self._unset_keepalive_if_required()
        self._feed(data)  # where another head begins, the count does too
        if self._body is not None:  # the rest is still on its way
            body, self._body = self._body, None
            if not self.transport.is_closing():
                self._hand_over()
                super().on_body(body)
        if self._in_head and self._head > LARGEST_HEAD:
            self.send_400_response(f"The request's line and headers must be at most {LARGEST_HEAD} bytes.")

    def _feed(self, data: bytes) -> None:
        """Gives the parser what came in. An offer to change the protocol is declined: the parser would take what
        follows the head for another protocol, so it gets the head again, without the offer, and all that follows."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as offer:
                if self._refusal is not None:
                    return
                head = self._head_without_offer()
                if head is None:
                    self._refuse(error_response(405, "CONNECT is not allowed here: this server is no proxy."))
                    return
                data = head + data[offer.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            else:
                return

    def _head_without_offer(self) -> bytes | None:
        """None for CONNECT, which means to change the protocol and nothing else."""
        method = self.parser.get_method()
        if method == b"CONNECT":
            return None
        version = self.parser.get_http_version().encode()
        rows = [(name, value) for name, value in self.headers if name not in OFFERS]
        rows += [(b"connection", left) for left in self._connection_without_offer()]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (
            method,
            self.url,
            version,
            b"".join([b"%b: %b\r\n" % row for row in rows]),
        )

    def _connection_without_offer(self) -> list[bytes]:
        words = [word.strip() for name, value in self.headers if name == b"connection" for word in value.split(b",")]
        return [word for word in words if word.lower() not in (b"upgrade", b"http2-settings")]

    def _check_timeout(self) -> None:
        """A request that has not come in whole after so long is given up, and a connection that never sent one."""
        now = self.loop.time()
        since = now if self._message_since is None else self._message_since
        rest = since + LONGEST_MESSAGE - now
        if rest > 0:
            self._message_timer = self.loop.call_later(rest, self._check_timeout)
            return
        self._message_timer = None
        if not self._in_head and self.cycle is None:  # nothing has ever come
            self.transport.close()
            return
        self._give_up(error_response(408, f"The request did not come in whole within {LONGEST_MESSAGE} seconds."))

    def _give_up(self, refusal: Response, linger: float = LINGER) -> None:
        """Ends the connection though a request on it has no response yet."""
        if self._busy:  # it waits for a body that does not come: disconnect it
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.pipeline.clear()
        self._refusal = refusal
        self._hang_up(refusal, linger)

    def shutdown(self) -> None:
        """The server is about to end: a request that is not whole yet gets a 503, and is not waited for."""
        half = self._in_head if not self._busy else self.cycle.more_body and not self.cycle.response_started
        if half and not self._hanging_up and not self.transport.is_closing():
            self._give_up(SHUTTING_DOWN, linger=SHORT_LINGER)
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Says what is wrong, in the API's shape of errors, and hangs up."""
        self._refuse(error_response(400, msg))

    def _refuse(self, refusal: Response) -> None:
        """Ends the connection with an error, after the responses to all that came in before."""
        if self._refusal is not None or self.transport.is_closing():
            return
        self._refusal, self._body = refusal, None
        if not self._busy:
            self._hang_up(refusal)

    def _hang_up(self, refusal: Response, linger: float = LINGER) -> None:
        """What still comes in is read and dropped for a moment: to close at once would reset the connection, and the
        client might never read the response."""
        self._hanging_up = True
        first = _first_lines(refusal.status, tuple(self.server_state.default_headers))
        last = b"connection: close\r\ncontent-length: %d\r\n\r\n" % len(refusal.body)
        self.transport.write(first + last + refusal.body)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(linger, self.transport.close)
        if self._after is not None:
            path, _, query = self.url.partition(b"?")
            method = self.parser.get_method().decode() if path else ""
            self._after(Call(method, unquote(path.decode("latin-1")), query, {}), refusal)


def _allows_no_origin(origin: bytes, url: bytes) -> bool:
    return False


def _quoted(value: bytes) -> str:
    """A header's value in a sentence: without control characters, not all of a long one."""
    return ascii(value[:200].decode("latin-1"))


@lru_cache(maxsize=256)
def _first_lines(status: int, headers: tuple[tuple[bytes, bytes], ...]) -> bytes:
    """Of every response with this status in the same second; the date is among the headers."""
    rows = b"".join([b"%b: %b\r\n" % row for row in headers])
    return b"%b%bcontent-type: application/json\r\n" % (STATUS_LINE[status], rows)

"""An HTTP/1.1 client for one receiver, over connections that stay open.

Its own and not a library's, because deliveries share the event loop with the API. A client that is made of tasks takes
several turns of the loop for each request, and under load a turn serves hundreds of others. Here the response is read,
and the next request written, in one callback.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from contextvars import Context
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import httptools

from mockserver.clock import monotonic

KEEP_IDLE = 2.0  # seconds; receivers mostly drop idle connections after 5, and none shall be cut off while it is used
READ_AT_MOST = 64 * 1024  # bytes of a response, which says nothing after its status

Ended = Callable[[int | None, str | None], None]  # the status if one came; what went wrong, or None


class Client:
    """Sends POST requests with JSON to one URL. Proxies of the environment are not used: most receivers are next door.

    Each request ends by one call of its `ended`, later and never within `post`; after `close` by none.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self.url, parts = url, urlsplit(url)
        self._host, secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if secure else 80)
        self._ssl = _trusted() if secure else None
        self._head = _head(url)
        self._timeout = timeout
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._connecting: set[asyncio.Task[None]] = set()

    def post(self, body: bytes, headers: bytes, ended: Ended) -> None:
        """`headers`: further ones, each line with its end. The response has to be complete within the timeout."""
        request = b"%b%bContent-Length: %d\r\n\r\n%b" % (self._head, headers, len(body), body)
        connection = self._open_one()
        if connection is not None:
            self._send(connection, request, ended, self._timeout)
            return
        # In a context of its own: the sender may have pinned the time.
        task = asyncio.get_running_loop().create_task(self._connect(request, ended), context=Context())
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def close(self) -> None:
        """Cuts off what is under way."""
        connecting = list(self._connecting)
        for task in connecting:
            task.cancel()
        for connection in (*self._idle, *self._busy):
            connection.cut()
        self._idle.clear()
        self._busy.clear()
        await asyncio.gather(*connecting, return_exceptions=True)
        await asyncio.sleep(0)  # sockets are closed a turn later

    async def _connect(self, request: bytes, ended: Ended) -> None:
        loop, since = asyncio.get_running_loop(), monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                _, connection = await loop.create_connection(
                    lambda: _Connection(self.released), self._host, self._port, ssl=self._ssl
                )
        except TimeoutError:
            ended(None, late(self._timeout))
        except (OSError, UnicodeError, ValueError) as error:  # the last two: of names that cannot be looked up
            ended(None, f"ConnectError: {error}")
        else:
            self._send(connection, request, ended, self._timeout - (monotonic() - since))

    def _send(self, connection: _Connection, request: bytes, ended: Ended, left: float) -> None:
        """`left`: seconds."""
        self._busy.add(connection)
        connection.send(request, ended, left, late(self._timeout))

    def _open_one(self) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and monotonic() - connection.idle_since < KEEP_IDLE:
                return connection
            connection.cut()
        return None

    def released(self, connection: _Connection) -> None:
        """The connection has done its work, and may do more if it is usable."""
        self._busy.discard(connection)
        if connection.usable:
            connection.idle_since = monotonic()
            self._idle.append(connection)
        else:
            connection.cut()


class _Connection(asyncio.Protocol):
    """One request at a time: `send`, then the response or what went wrong, once."""

    def __init__(self, released: Callable[[_Connection], None]) -> None:
        self.usable = True
        self.idle_since = 0.0
        self._released = released
        self._ended: Ended | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._status: int | None = None

    def send(self, request: bytes, ended: Ended, left: float, late: str) -> None:
        """`late`: what is said when there is no complete response in the seconds that are `left`."""
        self._ended = ended
        self._parser = httptools.HttpResponseParser(self)
        self._status, self._complete, self._until_closed, self._read = None, False, True, 0
        self._deadline = asyncio.get_running_loop().call_later(max(left, 0), self._end, late)
        self._transport.write(request)

    def cut(self) -> None:
        """Nothing is said about what was under way."""
        self.usable, self._ended = False, None
        if self._deadline is not None:
            self._deadline.cancel()
        self._transport.abort()

    def _end(self, error: str | None) -> None:
        ended, self._ended = self._ended, None
        if ended is None:
            return
        assert self._deadline is not None
        self._deadline.cancel()
        if error is not None:
            self.usable = False
        self._released(self)
        ended(self._status, error)

    # What the event loop says

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        if self._ended is None:  # nobody has asked
            self.cut()
            return
        self._read += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._until_closed = self._complete = True
            self.usable = False
        except httptools.HttpParserError as error:
            self.usable = False
            if not self._complete:  # what comes after a response means nothing
                self._end(f"RemoteProtocolError: {error}")
        if self._complete:
            self._end(None)
        elif self._read > READ_AT_MOST:
            self.usable = False
            self._end(None if self._status is not None else "RemoteProtocolError: the response is all head")

    def connection_lost(self, error: Exception | None) -> None:
        self.usable = False
        if error is not None:
            self._end(f"ReadError: {error}")
        elif self._status is None:
            self._end("RemoteProtocolError: the connection was closed without a response")
        elif self._until_closed:
            self._end(None)
        else:
            self._end("RemoteProtocolError: the connection was closed before the response was complete")

    # What the parser says

    def on_message_begin(self) -> None:
        if self._complete:  # two responses to one request
            self.usable = False
        else:
            self._status = None

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._until_closed = False

    def on_headers_complete(self) -> None:
        if not self._complete:
            status = self._parser.get_status_code()
            self._status = status if status == 101 or status >= 200 else None  # the others announce a response

    def on_message_complete(self) -> None:
        if self._status is not None and not self._complete:
            self._complete = True
            self.usable = self.usable and self._parser.should_keep_alive()


@cache
def _trusted() -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than a delivery."""
    return ssl.create_default_context()


def late(timeout: float) -> str:
    return f"no complete response within {timeout:g} s"


def _head(url: str) -> bytes:
    """What every request begins with."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else _ascii(host)
    if parts.port not in (None, 443 if parts.scheme == "https" else 80):
        name += f":{parts.port}"
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~")
    if parts.query:
        target += "?" + quote(parts.query, safe="/?%:@!$&'()*+,;=~")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {name}",
        "Accept: */*",
        "User-Agent: trophy-mockserver",
        "Content-Type: application/json",
    ]
    if parts.username is not None:
        given = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        lines.append(f"Authorization: Basic {base64.b64encode(given.encode()).decode()}")
    return "".join(f"{line}\r\n" for line in lines).encode()


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return quote(host)  # it cannot be looked up either

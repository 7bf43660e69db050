"""An HTTP client that sends bytes as given: paths are not normalised and bodies not repaired, so that bad requests
arrive as they are.

Every exchange is passed to the `observer`. At most `rate` requests are sent in a second; after a 429 the client waits
and sends the request again.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
import zlib
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import urlsplit

from contract_tests.blame import lines_here
from contract_tests.exchange import Exchange
from contract_tests.spec import Spec

TIMEOUT = 60.0
#: How often a request that got 429 is sent again, and the longest wait before it, in seconds.
REPEATS = 10
LONGEST_WAIT = 60.0
CONTROL_TOKEN = "X-Control-Token"
_UNSET: Any = object()


def unpacked(content: bytes, encoding: str) -> bytes:
    """A body without gzip or deflate, which a proxy may add. Returned as it is when it cannot be unpacked."""
    bits = {"gzip": 31, "x-gzip": 31, "deflate": 15}.get(encoding.strip().lower())
    if bits is None or not content:
        return content
    try:
        return zlib.decompress(content, bits)
    except zlib.error:
        return content


class RateLimiter:
    """At most `rate` requests in a second, over all clients that share it; None: no limit."""

    def __init__(self, rate: float | None) -> None:
        self.gap = 1 / rate if rate else 0.0
        self._next = 0.0
        self._gave_up = False
        self._lock = threading.Lock()

    def wait(self) -> None:
        with self._lock:
            now = time.monotonic()
            due = max(self._next, now)
            self._next = due + self.gap
        if due > now:
            time.sleep(due - now)

    def should_retry(self, exchange: Exchange, sent: int) -> bool:
        """Whether a request that got 429 is sent again; `sent`: how often it was sent. All requests wait as long as
        the response asks.

        After one request failed too often, no request is repeated: waiting does not help at this target.
        """
        if exchange.retry_after is None or self._gave_up:
            return False
        self._gave_up = sent > REPEATS
        with self._lock:
            self._next = max(self._next, time.monotonic() + min(exchange.retry_after, LONGEST_WAIT))
        return not self._gave_up


class NoResponse(OSError):
    """A request that got no response; the message says why."""

    def __init__(self, exchange: Exchange, cause: BaseException) -> None:
        self.exchange = exchange
        self.cause = cause
        self.recorded = False
        self.timed_out = isinstance(cause, TimeoutError) or "timed out" in str(cause)
        if self.timed_out:
            super().__init__(f"there was no response within {TIMEOUT:.0f} seconds")
        elif isinstance(cause, ConnectionRefusedError):
            super().__init__("the connection was refused")
        elif isinstance(cause, ConnectionError):
            super().__init__("the connection was closed without a response")
        else:
            super().__init__(f"there was no response that can be read: {cause or type(cause).__name__}")


class Connections:
    """Connections to one origin, one for each thread, kept until `close`."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self._kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._host = parts.netloc
        self._local = threading.local()
        self._open: list[http.client.HTTPConnection] = []

    def exchange(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with lower-case names, body. Raises `OSError` or `http.client.HTTPException`."""
        fresh = not hasattr(self._local, "connection")
        try:
            return self._once(method, target, body, headers)
        except (ConnectionError, http.client.CannotSendRequest):
            self._drop()
            if fresh:
                raise
            # The server has closed a connection that was kept open: that says nothing about the request.
            return self._once(method, target, body, headers)
        except (http.client.HTTPException, OSError):
            self._drop()
            raise

    def _once(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = self._connection()
        connection.putrequest(method, target, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value.encode("utf-8"))
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        body_back = response.read()
        headers_back = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers_back, unpacked(body_back, headers_back.get("content-encoding", ""))

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            self._local.connection = self._kind(self._host, timeout=TIMEOUT)
            self._open.append(self._local.connection)
        found: http.client.HTTPConnection = self._local.connection
        return found

    def _drop(self) -> None:
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            self._open.remove(self._local.connection)
            del self._local.connection

    def close(self) -> None:
        """Close what all threads have left open."""
        for connection in self._open:
            connection.close()
        self._open.clear()


class Client:
    """For one base URL and one key. Clients of the same target share a rate limiter and connections."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        spec: Spec,
        *,
        tenant: str | None = None,
        control_token: str | None = None,
        rate_limiter: RateLimiter | None = None,
        connections: Connections | None = None,
        observer: Callable[[Exchange], None] | None = None,
        on_no_response: Callable[[NoResponse], None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.tenant = tenant
        self.control_token = control_token
        self.spec = spec
        self.rate_limiter = rate_limiter or RateLimiter(None)
        self.observer = observer
        self.on_no_response = on_no_response
        parts = urlsplit(self.base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.connections = connections or Connections(self.origin)
        self._prefix = parts.path

    def with_key(self, api_key: str, tenant: str | None = None) -> Client:
        """The same target, another key or tenant."""
        return Client(
            self.base_url,
            api_key,
            self.spec,
            tenant=tenant,
            control_token=self.control_token,
            rate_limiter=self.rate_limiter,
            connections=self.connections,
            observer=self.observer,
            on_no_response=self.on_no_response,
        )

    def headers(self) -> dict[str, str]:
        """The headers of every valid request."""
        return {"X-API-KEY": self.api_key} | ({"Tenant-ID": self.tenant} if self.tenant else {})

    def control_headers(self) -> dict[str, str]:
        """The headers of a request to the control plane, besides the key."""
        return {CONTROL_TOKEN: self.control_token} if self.control_token else {}

    def call(self, operation_id: str, /, *, body: Any = _UNSET, **arguments: Any) -> Exchange:
        """Call an operation; names are those of the spec. None among the arguments means absent."""
        operation = self.spec.operations[operation_id]
        given = {name.replace("__", "-"): value for name, value in arguments.items() if value is not None}
        path, headers = operation.request(given)
        if body is _UNSET:
            return self.send(operation.method, path, headers=headers)
        return self.send_json(operation.method, path, body, headers=headers)

    def send_json(self, method: str, path: str, body: Any, *, headers: dict[str, str] | None = None) -> Exchange:
        content = json.dumps(body, separators=(",", ":")).encode()
        return self.send(method, path, body=content, headers={"Content-Type": "application/json"} | (headers or {}))

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        bare: bool = False,
        below_base: bool = True,
    ) -> Exchange:
        """`path` is below the base path, percent-encoded already. `bare`: no header but those given.

        Raises `NoResponse` when there is no response.
        """
        sent = (headers or {}) if bare else self.headers() | (headers or {})
        for number in count(1):
            exchange = self._send(method, path, body, sent, below_base)
            if not self.rate_limiter.should_retry(exchange, number):
                break
        return exchange

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str], below_base: bool) -> Exchange:
        """Send once, within the rate limit, and pass the exchange to the observer."""
        target = (self._prefix if below_base else "") + path
        self.rate_limiter.wait()
        exchange = Exchange(
            method=method,
            url=self.origin + target,
            headers=headers,
            body=body,
            status=0,
            response_headers={},
            response_body=b"",
            operation=self.spec.find(method, path) if below_base else None,
            path=path,
            control=not below_base,
            lines=lines_here(),
        )
        began = time.perf_counter()
        try:
            exchange.status, exchange.response_headers, exchange.response_body = self.connections.exchange(
                method, target, body, headers
            )
        except (OSError, http.client.HTTPException) as error:
            missing = NoResponse(exchange, error)
            if self.on_no_response:
                self.on_no_response(missing)
            raise missing from error
        exchange.seconds = time.perf_counter() - began
        if self.observer:
            self.observer(exchange)
        return exchange

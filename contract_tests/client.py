"""HTTP, bytes as given: paths are not normalised and bodies not mended, so that bad requests arrive as bad as they are.

Every exchange is told to the `observer`, and no more than `rate` requests leave in a second.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from contract_tests.document import Document
from contract_tests.exchange import Exchange

TIMEOUT = 60.0
_UNSET: Any = object()


class Pace:
    """At most `rate` requests in a second, over all clients that share it; None: as fast as they go."""

    def __init__(self, rate: float | None) -> None:
        self.gap = 1 / rate if rate else 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        if not self.gap:
            return
        with self._lock:
            now = time.monotonic()
            due = max(self._next, now)
            self._next = due + self.gap
        time.sleep(due - now)


class Client:
    """Speaks to one base URL with one key. Connections are kept, one for each thread."""

    def __init__(
        self,
        base_url: str,
        api_key: str,
        document: Document,
        *,
        tenant: str | None = None,
        pace: Pace | None = None,
        observer: Callable[[Exchange], None] | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.api_key = api_key
        self.tenant = tenant
        self.document = document
        self.pace = pace or Pace(None)
        self.observer = observer
        parts = urlsplit(self.base_url)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self._prefix = parts.path
        self._tls = parts.scheme == "https"
        self._host = parts.netloc
        self._local = threading.local()

    def with_key(self, api_key: str, tenant: str | None = None) -> Client:
        """The same target, another key or tenant."""
        return Client(
            self.base_url, api_key, self.document, tenant=tenant, pace=self.pace, observer=self.observer
        )

    def headers(self) -> dict[str, str]:
        """What every good request carries."""
        return {"X-API-KEY": self.api_key} | ({"Tenant-ID": self.tenant} if self.tenant else {})

    def call(self, operation_id: str, /, *, body: Any = _UNSET, **arguments: Any) -> Exchange:
        """An operation by the document's own names. None among the arguments means absent."""
        operation = self.document.operations[operation_id]
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

        Raises `OSError` when there is no answer.
        """
        sent = (headers or {}) if bare else self.headers() | (headers or {})
        target = (self._prefix if below_base else "") + path
        self.pace.wait()
        began = time.perf_counter()
        status, answer_headers, answer = self._exchange(method, target, body, sent)
        exchange = Exchange(
            method=method,
            url=self.origin + target,
            headers=sent,
            body=body,
            status=status,
            answer_headers=answer_headers,
            answer=answer,
            operation=self.document.find(method, path) if below_base else None,
            path=path,
            seconds=time.perf_counter() - began,
        )
        if self.observer:
            self.observer(exchange)
        return exchange

    def _exchange(
        self, method: str, target: str, body: bytes | None, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        fresh = not hasattr(self._local, "connection")
        try:
            return self._once(method, target, body, headers)
        except (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest):
            self.close()
            if fresh:
                raise
            # A kept connection that the other side has closed meanwhile is no answer about the request.
            return self._once(method, target, body, headers)
        except (http.client.HTTPException, OSError):
            self.close()
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
        answer = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, answer

    def _connection(self) -> http.client.HTTPConnection:
        if not hasattr(self._local, "connection"):
            kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
            self._local.connection = kind(self._host, timeout=TIMEOUT)
        found: http.client.HTTPConnection = self._local.connection
        return found

    def close(self) -> None:
        """Close this thread's connection; the next request opens another."""
        if hasattr(self._local, "connection"):
            self._local.connection.close()
            del self._local.connection

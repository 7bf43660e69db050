"""A target as the suite meets it elsewhere: our server behind a proxy, which hides its control plane."""

from __future__ import annotations

import http.client
import re
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from threading import Lock
from urllib.parse import urlsplit

from contract_tests.target import start
from tests import replay_mock

KEY = "proxy.key"
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Front:
    """`limit`: requests per second that are accepted, the others get 429. `asked`: all requests, refused ones too."""

    url: str
    upstream: str
    limit: int | None = None
    asked: list[tuple[str, str, bytes]] = field(default_factory=list)
    refused: int = 0
    _times: deque[float] = field(default_factory=deque)
    _lock: Lock = field(default_factory=Lock)

    def admits(self) -> bool:
        if self.limit is None:
            return True
        with self._lock:
            now = time.monotonic()
            while self._times and self._times[0] <= now - 1:
                self._times.popleft()
            if len(self._times) < self.limit:
                self._times.append(now)
                return True
            self.refused += 1
            return False

    def paths(self) -> list[str]:
        """Paths below the base path, without queries and with names of runs made equal."""
        below = [path.removeprefix("/v1").split("?")[0] for _, path, _ in self.asked]
        return [re.sub(r"ct[0-9a-f]{7,}", "ct", path) for path in below]


class Proxy(BaseHTTPRequestHandler):
    front: Front
    hidden: str
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def response(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.front.asked.append((self.command, self.path, body))
        if self.path.startswith(self.hidden):
            self.give(404, {"Content-Type": "application/json"}, b'{"error":"No such path."}')
        elif not self.front.admits():
            self.give(429, {"Content-Type": "application/json", "Retry-After": "1"}, b'{"error":"Too many."}')
        else:
            self.give(*self.fetched(body))

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Any method, the oddest too."""
        if name.startswith("do_"):
            return self.response
        raise AttributeError(name)

    def fetched(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.front.upstream).netloc, timeout=30)
        connection.putrequest(self.command, self.path, skip_accept_encoding=True, skip_host=True)
        for name, value in self.headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.endheaders(body or None)
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, dict(response.getheaders()), content

    def give(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in _HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def started(
    *words: str, limit: int | None = None, hidden: str = "/nowhere"
) -> Iterator[tuple[Front, dict[str, object]]]:
    """Our server, started with `words`, and what a proxy's class must know of it."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--api-key", KEY, "--users", "12", *words]
    upstream, stop = start(command)
    front = Front("", upstream, limit)
    try:
        yield front, {"front": front, "hidden": hidden}
    finally:
        stop()


@contextmanager
def fronted(*words: str, limit: int | None = None, hidden: str = "/_mock") -> Iterator[Front]:
    """Our server, started with `words`, behind a proxy that knows nothing below `hidden`."""
    with started(*words, limit=limit, hidden=hidden) as (front, attributes):
        server = replay_mock.start(type("Fronting", (Proxy,), attributes))
        front.url = server.url
        try:
            yield front
        finally:
            server.shutdown()
            server.server_close()

"""The application on a real port, in this process, so that a test may look at its log and its world."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from mockserver import catalogs, spec
from mockserver.app import App, create_app
from mockserver.worlds import DEFAULT_KEY, Plan, Worlds

SPEC = spec.load()
NOW = 1_768_478_400_000  # 2026-01-15T12:00:00Z


def fresh_worlds(catalog: str = "catalog.toml") -> Worlds:
    path = spec.resource("fixtures") / catalog
    return Worlds(Plan(lambda today: catalogs.load(path, today=today), now=NOW, frozen=True))


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    raw: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.raw)


@dataclass
class Served:
    app: App
    port: int

    def call(self, method: str, path: str, body: Any = None, *, key: str | None = DEFAULT_KEY, **headers: str) -> Reply:
        """One request on a connection of its own. `body`: bytes as they are, all else as JSON.

        Underscores in the names of `headers` become hyphens.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            sent["X-API-KEY"] = key
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def connect(self) -> socket.socket:
        """A bare connection, for what no client library would send."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)


@contextmanager
def served(
    app: App | None = None, *, http: Any = "httptools", keep_alive: float = 5, **options: Any
) -> Iterator[Served]:
    """`app`, or one made with `options` over fresh worlds, until the block ends.

    `http`: the protocol it is told. `keep_alive`: seconds after which an idle connection is hung up on.
    """
    app = app or create_app(fresh_worlds(), SPEC, **options)
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app,
        http=http,
        timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # seconds need not be whole
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield Served(app, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()

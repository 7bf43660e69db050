"""A real HTTP receiver of webhooks in a thread, which can be made to fail."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, NamedTuple

Outcome = int | Literal["hang", "cut", "late"]


class Received(NamedTuple):
    path: str
    signature: str | None
    content_type: str | None
    body: bytes


class Receiver:
    """`outcomes` are used one after the other, then 200; `always` overrides both, `decide` all.

    `cut` closes the connection without a response; `hang` waits for `go_on` and then cuts; `late` waits for
    `go_on` and then returns 200.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.outcomes: deque[Outcome] = deque()
        self.always: Outcome | None = None
        self.decide: Callable[[Received], Outcome] | None = None
        self.arrived = threading.Event()
        self.go_on = threading.Event()
        receiver = self

        class Post(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                receiver._receive(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Post)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/trophy"

    def _receive(self, post: BaseHTTPRequestHandler) -> None:
        body = post.rfile.read(int(post.headers["Content-Length"]))
        self.received.append(
            Received(post.path, post.headers["X-Trophy-Signature"], post.headers["Content-Type"], body)
        )
        outcome = self._next()
        self.arrived.set()
        if outcome in ("hang", "late"):
            self.go_on.wait()
        if outcome in ("hang", "cut"):
            post.close_connection = True
        else:
            self._respond(post, 200 if outcome == "late" else int(outcome))

    def _next(self) -> Outcome:
        if self.decide is not None:
            return self.decide(self.received[-1])
        return self.always or (self.outcomes.popleft() if self.outcomes else 200)

    def _respond(self, post: BaseHTTPRequestHandler, outcome: int) -> None:
        post.send_response(outcome)
        if 300 <= outcome < 400:
            post.send_header("Location", f"{self.url}/elsewhere")
        post.send_header("Content-Length", "0")
        post.end_headers()

    def bodies(self) -> list[bytes]:
        return [row.body for row in self.received]

    @contextmanager
    def running(self) -> Iterator[Receiver]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self.go_on.set()
            self._server.shutdown()
            thread.join()
            self._server.server_close()

"""A stateless mock that responds to every operation with the spec's own example, whatever was sent."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

SPEC = json.loads((Path(__file__).parents[1] / "openapi.json").read_text("utf-8"))
KEY = "replay.key"


def example(operation: dict[str, Any], sibling: dict[str, Any]) -> tuple[int, Any]:
    """The first success of an operation and its first example, or that of reading the same path."""
    status, response = next((s, r) for s, r in operation["responses"].items() if s.startswith("2"))
    media = response["content"]["application/json"]
    if "examples" not in media:
        return int(status), example(sibling, {})[1]
    return int(status), next(iter(media["examples"].values()))["value"]


def routes() -> list[tuple[re.Pattern[str], dict[str, tuple[int, Any]]]]:
    """Every path as a pattern, with its examples by method."""
    methods = {"get", "post", "put", "patch", "delete"}
    return [
        (
            re.compile("/v1" + re.sub(r"\{[^}]+\}", "[^/]+", path) + r"/?(\?.*)?"),
            {m.upper(): example(operation, item.get("get", {})) for m, operation in item.items() if m in methods},
        )
        for path, item in SPEC["paths"].items()
    ]


class Replay(BaseHTTPRequestHandler):
    """Looks at the key, the path and the method, and at nothing else."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    known = routes()

    def respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(length)
        if self.headers.get("X-API-KEY") != KEY:
            self.send(401, {"error": "Unknown API key."})
            return
        methods = next((found for pattern, found in self.known if pattern.fullmatch(self.path)), None)
        if methods is None:
            self.send(404, {"error": "No such path."})
        elif self.command not in methods:
            self.send(405, {"error": "Not that method."}, Allow=", ".join(methods))
        else:
            self.send(*methods[self.command])

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_TRACE = respond

    def send(self, status: int, content: Any, **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(HTTPStatus(status))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    """A server on a free port, in a thread."""

    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


def start(handler: type[BaseHTTPRequestHandler] = Replay) -> QuietServer:
    """Start it; `shutdown()` ends it."""
    server = QuietServer(("127.0.0.1", 0), handler)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server


if __name__ == "__main__":
    import time

    print(start().url, flush=True)
    time.sleep(1e6)

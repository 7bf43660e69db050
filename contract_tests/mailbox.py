"""Where webhooks arrive: a receiver on a port, with a box for each scenario."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from contract_tests.alike import canonical
from contract_tests.document import Document, Problem

HEADER = "X-Trophy-Signature"
#: Given to every endpoint that the suite sets up itself.
SECRET = "whsec_contract_suite"
#: Seconds without a webhook after which no more is expected, where no clock can be moved.
QUIET = 5.0
#: Seconds after which what goes on coming is not waited for.
LONGEST = 60.0
#: Seconds after which the receiver looks whether it is to end.
POLL = 0.02


@dataclass(frozen=True)
class Letter:
    """A webhook as it arrived; `answered` is what the receiver said to it."""

    body: bytes
    signature: str | None
    media: str
    answered: int = 200

    @property
    def content(self) -> Any:
        try:
            return canonical(json.loads(self.body))
        except (ValueError, RecursionError):
            return {}

    @property
    def kind(self) -> str:
        content = self.content
        return str(content.get("type")) if isinstance(content, dict) else ""

    @property
    def user(self) -> str | None:
        user = self.content.get("user")
        return user.get("id") if isinstance(user, dict) else None


def signature(secret: str, body: bytes) -> str:
    """base64(HMAC-SHA256(secret, body)) (behaviour, section 11)."""
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()


def mistakes(letter: Letter, document: Document, secret: str | None) -> list[Problem]:
    """What is wrong with a webhook by itself: body, signature, content type."""
    found = document.check_webhook(letter.content)
    if secret is not None and letter.signature != signature(secret, letter.body):
        said = f"{HEADER} is {letter.signature!r}, not the signature of these bytes"
        found.append(Problem("behaviour, section 11 [doc]", said))
    if letter.media.split(";")[0].strip().lower() != "application/json":
        found.append(Problem("behaviour, section 11 [doc]", f"content type is {letter.media!r}, not application/json"))
    return found


@dataclass
class Box:
    """The letters of one scenario. `answers` are given one after the other, then 200."""

    url: str
    secret: str | None
    letters: list[Letter] = field(default_factory=list)
    answers: deque[int] = field(default_factory=deque)
    newest: float = 0.0
    settle: Callable[[], None] = lambda: None

    def of(self, *kinds: str, user: str | None = None) -> list[Letter]:
        """Letters of these kinds (of one user), once all are in."""
        self.settle()
        return [one for one in self.letters if one.kind in kinds and user in (None, one.user)]

    def take(self, letter: Letter) -> int:
        status = self.answers.popleft() if self.answers else 200
        self.letters.append(Letter(letter.body, letter.signature, letter.media, status))
        self.newest = time.monotonic()
        return status


class PostOffice:
    """The receiver. A box is found by the path that a webhook is sent to; other paths share one box."""

    def __init__(self, port: int, host: str = "127.0.0.1", name: str = "127.0.0.1") -> None:
        """Listens on `host`; `name` is what senders call it. Raises `OSError` when the port is taken."""
        office = self

        class Counter(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                office._receive(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, port), Counter)
        self._server.daemon_threads = True
        self._boxes: dict[str, Box] = {}
        self.arrived = 0
        self.url = f"http://{name}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True).start()

    def box(self, secret: str | None, *, own: bool = True) -> Box:
        """A new box; not `own`: the one for everything that has no box of its own."""
        path = f"/{len(self._boxes) + 1}" if own else ""
        return self._boxes.setdefault(path, Box(self.url + path, secret))

    def _receive(self, post: BaseHTTPRequestHandler) -> None:
        body = post.rfile.read(int(post.headers.get("Content-Length") or 0))
        self.arrived += 1
        letter = Letter(body, post.headers.get(HEADER), post.headers.get("Content-Type") or "")
        box = self._boxes.get(post.path) or self._boxes.get("")
        post.send_response(box.take(letter) if box else 404)
        post.send_header("Content-Length", "0")
        post.end_headers()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_until_quiet(box: Box) -> None:
    """For targets whose clock cannot be moved: until nothing has come for a while, or the target does not stop."""
    began = time.monotonic()
    while time.monotonic() - max(began, box.newest) < QUIET and time.monotonic() - began < LONGEST:
        time.sleep(0.1)

"""Receives webhooks: a server on a port, with an inbox for each scenario."""

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
from contract_tests.spec import Problem, Spec

HEADER = "X-Trophy-Signature"
#: Given to every endpoint that the suite sets up itself.
SECRET = "whsec_contract_suite"
#: Seconds without a webhook after which no more is expected, where no clock can be moved.
QUIET = 5.0
#: Seconds after which waiting ends, even if webhooks keep coming.
LONGEST = 60.0
#: Seconds after which the receiver looks whether it is to end.
POLL = 0.02


@dataclass(frozen=True)
class Webhook:
    """A webhook as it arrived; `status` is what the receiver returned."""

    body: bytes
    signature: str | None
    media: str
    status: int = 200

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


def problems_of(webhook: Webhook, spec: Spec, secret: str | None) -> list[Problem]:
    """What is wrong with a webhook's body, signature or content type."""
    found = spec.check_webhook(webhook.content)
    if secret is not None and webhook.signature != signature(secret, webhook.body):
        message = f"{HEADER} is {webhook.signature!r}, not the signature of these bytes"
        found.append(Problem("behaviour, section 11 [documented]", message))
    if webhook.media.split(";")[0].strip().lower() != "application/json":
        found.append(
            Problem("behaviour, section 11 [documented]", f"content type is {webhook.media!r}, not application/json")
        )
    return found


@dataclass
class Inbox:
    """The webhooks of one scenario. `statuses` are returned one after the other, then 200."""

    url: str
    secret: str | None
    webhooks: list[Webhook] = field(default_factory=list)
    statuses: deque[int] = field(default_factory=deque)
    newest: float = 0.0
    wait_for_all: Callable[[], None] = lambda: None

    def of(self, *kinds: str, user: str | None = None) -> list[Webhook]:
        """Webhooks of these types (of one user), after all have arrived."""
        self.wait_for_all()
        return [one for one in self.webhooks if one.kind in kinds and user in (None, one.user)]

    def take(self, webhook: Webhook) -> int:
        status = self.statuses.popleft() if self.statuses else 200
        self.webhooks.append(Webhook(webhook.body, webhook.signature, webhook.media, status))
        self.newest = time.monotonic()
        return status


class WebhookReceiver:
    """The server. A webhook's path says which inbox it goes to; other paths share one inbox."""

    def __init__(self, port: int, host: str = "127.0.0.1", name: str = "127.0.0.1") -> None:
        """Listens on `host`; `name` is the host in its URL. Raises `OSError` when the port is taken."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_POST(self) -> None:
                receiver._receive(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self._inboxes: dict[str, Inbox] = {}
        self.arrived = 0
        self.url = f"http://{name}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(POLL,), daemon=True).start()

    def inbox(self, secret: str | None, *, own: bool = True) -> Inbox:
        """A new inbox; not `own`: the one for all webhooks that have no inbox of their own."""
        path = f"/{len(self._inboxes) + 1}" if own else ""
        return self._inboxes.setdefault(path, Inbox(self.url + path, secret))

    def _receive(self, post: BaseHTTPRequestHandler) -> None:
        body = post.rfile.read(int(post.headers.get("Content-Length") or 0))
        self.arrived += 1
        webhook = Webhook(body, post.headers.get(HEADER), post.headers.get("Content-Type") or "")
        inbox = self._inboxes.get(post.path) or self._inboxes.get("")
        post.send_response(inbox.take(webhook) if inbox else 404)
        post.send_header("Content-Length", "0")
        post.end_headers()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def wait_until_quiet(inbox: Inbox) -> bool:
    """For targets whose clock cannot be moved: wait until no webhook has come for a while, or for `LONGEST`.

    Whether it has become quiet.
    """
    began = time.monotonic()
    while time.monotonic() - began < LONGEST:
        if time.monotonic() - max(began, inbox.newest) >= QUIET:
            return True
        time.sleep(0.1)
    return False

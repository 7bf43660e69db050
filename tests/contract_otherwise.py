"""A proxy that writes everything in another way, as gateways do: other key order, spacing and numbers, `+00:00`, fields
of its own, gzip, chunks, and a delay."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests import replay_mock
from tests.contract_proxy import Front, Proxy, started

JSON = Any
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: Objects whose keys are data: no field is put in there.
MAPS = {"attributes", "notifications", "points", "leaderboards", "metrics", "byAttribute"}
CHUNK = 700  # bytes
EVERY = 25  # requests between two delays
DELAY = 0.02  # seconds


def rewritten(value: JSON, holder: str = "", *, data: bool = False) -> JSON:
    """The same value in another spelling. `data`: the keys of this object are no fields."""
    if isinstance(value, dict):
        inner = {
            key: rewritten(one, key, data=key in MAPS or holder == "byAttribute")
            for key, one in reversed(value.items())
        }
        return inner if data or not value else {"x-trace": "7f", **inner}
    if isinstance(value, list):
        return [rewritten(one, holder) for one in value]
    if isinstance(value, str) and _MOMENT.fullmatch(value):
        return value.replace("Z", "+00:00")
    return float(value) if type(value) is int and holder in ("total", "current", "metricValue", "value") else value


class Otherwise(Proxy):
    """Rewrites responses in other valid ways; only those that are JSON."""

    count = 0

    def give(self, status: int, headers: dict[str, str], content: bytes) -> None:
        type(self).count += 1
        if self.count % EVERY == 0:
            time.sleep(DELAY)
        if self.path.startswith("/v1") and content[:1] in (b"{", b"["):  # the control plane is no part of the contract
            content = json.dumps(rewritten(json.loads(content)), indent=1).encode()
        content = gzip.compress(content, 1) if content else content
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        if content:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        if self.command != "HEAD":
            for start in range(0, len(content), CHUNK):
                piece = content[start : start + CHUNK]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def reworded() -> Iterator[Front]:
    """Our server behind such a proxy; its control plane is reached as ever."""
    with started() as (front, attributes):
        server = replay_mock.start(type("Telling", (Otherwise,), attributes))
        front.url = server.url
        try:
            yield front
        finally:
            server.shutdown()
            server.server_close()

"""The newest 1,000 requests of a world, kept as bytes and decoded when they are read."""

from __future__ import annotations

import re
from collections import deque
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import orjson

from mockserver.clock import monotonic
from mockserver.control.fields import Query
from mockserver.exchange import DROPPED, Call, Response
from mockserver.game.errors import Unreadable
from mockserver.game.periods import iso
from mockserver.spec import header_text
from mockserver.spec.bodies import decoded

JSON = Any

KEPT = 1000
KEPT_BODY = 64 * 1024  # bytes of a body; the rest of a longer one is cut off
FAULT = b"x-mock-fault"  # says on a response which fault made it


class LoggedRequest(NamedTuple):
    """One request and its response. `time` in milliseconds UTC of the world's clock, `responded_at` in real seconds."""

    number: int
    time: int
    responded_at: float
    operation: str
    template: str
    call: Call
    response: Response


class RequestLog:
    """The newest `KEPT` requests to the operations, and calls that changed the world."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, int, float, str, str, Call, Response]] = deque(maxlen=KEPT)
        self._made = self._cleared = 0

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, time: int, operation: str, template: str, call: Call, response: Response) -> None:
        if len(call.body) > KEPT_BODY:
            call.body = call.body[:KEPT_BODY]
        if len(response.body) > KEPT_BODY:
            response = Response(response.status, response.body[:KEPT_BODY], response.headers)
        self._made += 1
        self._rows.append((self._made, time, monotonic(), operation, template, call, response))

    def clear(self) -> None:
        self._rows.clear()
        self._cleared = self._made

    def list(self, query: Query, operations: list[str], tenant: str | None) -> JSON:
        """Newest first, by `operationId`, `userId`, `status`, `after` and `limit`; `letGo` counts those no longer kept
        (of which those that were cleared are none)."""
        operation, user = query.one_of("operationId", operations), query.text("userId")
        after = query.whole("after", 0, 10**15) or 0
        status, limit = query.whole("status", 0, 599), query.whole("limit", 1, KEPT) or KEPT
        found = []
        for row in map(LoggedRequest._make, reversed(self._rows)):
            if row.number <= after:
                break
            if operation not in (None, row.operation) or status not in (None, row.response.status):
                continue
            if tenant not in (None, tenant_of(row.call)):
                continue
            if user is None or user == user_of(row.template, row.call):
                found.append(request_shape(row))
            if len(found) == limit:
                break
        return {"requests": found, "letGo": self._made - self._cleared - len(self._rows)}


def request_shape(row: LoggedRequest) -> JSON:
    """`status` null: the connection was dropped, or its client had left. A body that is no JSON, or was cut, is shown
    as text."""
    call, response = row.call, row.response
    applied = dict(response.headers).get(b"preference-applied")
    return {
        "number": row.number,
        "time": iso(row.time),
        "method": call.method,
        "path": call.path,
        "query": call.query.decode("latin-1"),
        "operationId": row.operation,
        "userId": user_of(row.template, call),
        "tenant": tenant_of(call),
        "idempotencyKey": _header(call, b"idempotency-key"),
        "status": response.status or None,
        "duration": round((row.responded_at - call.started) * 1000, 3),
        "fault": fault_of(response),
        "preference": applied.decode() if applied else None,
        "request": _readable(_unpacked(call)),
        "response": _readable(response.body),
    }


def fault_of(response: Response) -> str | None:
    """The fault that made it, None for one of the world's own."""
    fault = dict(response.headers).get(FAULT)
    return "drops" if response is DROPPED else fault.decode() if fault else None


def tenant_of(call: Call) -> str | None:
    return _header(call, b"tenant-id")


def _header(call: Call, name: bytes) -> str | None:
    value = call.headers.get(name)
    return header_text(value) if value else None


def _unpacked(call: Call) -> bytes:
    """The body as it was meant; as it came where that cannot be told, as of one that was cut."""
    try:
        return decoded(call.headers.get(b"content-encoding", b""), call.body)
    except Unreadable:
        return call.body


def _readable(body: bytes) -> JSON:
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace") + ("…" if len(body) >= KEPT_BODY else "")


def user_of(template: str, call: Call) -> str | None:
    """Whom a request is about: by its path, its query, or its body."""
    if template.startswith("/users/{id}"):
        match = _of_user(template).search(call.path)
        return match[1] if match else None
    body = _readable(_unpacked(call))
    if isinstance(body, dict):
        about = body.get("user", body)
        found = about.get("id", about.get("userId")) if isinstance(about, dict) else None
        return found if isinstance(found, str) else None
    return next(iter(parse_qs(call.query.decode("latin-1")).get("userId", ())), None)


@cache
def _of_user(template: str) -> re.Pattern[str]:
    """Finds the id of the user in a path of that form."""
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)).replace("[^/]+", "(.+)", 1)
    return re.compile(f"{pattern}$")

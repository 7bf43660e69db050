"""Calls of the control plane and the API from within the process, as any client makes them, with the same checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

import orjson
from starlette.types import ASGIApp, Message

JSON = Any


class Reply(NamedTuple):
    """A response. `status` 0: the connection was dropped."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    def json(self) -> JSON:
        return orjson.loads(self.body) if self.body else None

    @property
    def error(self) -> str:
        """The sentence of a refusal."""
        if not self.status:
            return "The connection was dropped without a response."
        try:
            return str(orjson.loads(self.body)["error"])
        except (orjson.JSONDecodeError, KeyError, TypeError):
            return f"The response was {self.status}."


class CallFailed(Exception):
    """A call whose content a view cannot do without was refused."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.error)
        self.reply = reply


class Calls:
    """`key`: of the world that is shown; `host`: under which the page was asked for."""

    def __init__(self, app: ASGIApp, key: str, tenant: str | None, token: str | None, host: str) -> None:
        self.key = key
        self.tenant = tenant
        self._app = app
        self._token = token
        self._host = host

    async def get(self, path: str, **query: object) -> JSON:
        """What a GET of the control plane returns. Raises `CallFailed`."""
        reply = await self.control("GET", path, query)
        if not reply.ok:
            raise CallFailed(reply)
        return reply.json()

    async def control(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | None = None,
        body: JSON = None,
        media_type: str = "application/json",
    ) -> Reply:
        """A call under `/_mock`; `body` bytes as they are, anything else as JSON. Parameters that are None are none."""
        return await self.send(method, f"/_mock{path}", query, body, {"content-type": media_type})

    async def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, object] | str | None = None,
        body: JSON = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Any call of this server, with the key, tenant and token of the visit; what is odd in `path` is escaped."""
        content = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
        text = query if isinstance(query, str) else urlencode(given(query or {}))
        raw = quote(path, safe="/%:@!$&'()*+,;=~")
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(raw),
            "raw_path": raw.encode(),
            "query_string": text.encode(),
            "root_path": "",
            "headers": self.headers(headers or {}, content),
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        return await _exchange(self._app, scope, content)

    def headers(self, more: Mapping[str, str], body: bytes = b"") -> list[tuple[bytes, bytes]]:
        found = {"host": self._host, "x-api-key": self.key}
        if self.tenant:
            found["tenant-id"] = self.tenant
        if self._token:
            found["x-control-token"] = self._token
        if body:
            found["content-length"] = str(len(body))
        found |= {name.lower(): value for name, value in more.items()}
        return [(name.encode(errors="replace"), value.encode(errors="replace")) for name, value in found.items()]


def given(query: Mapping[str, object]) -> list[tuple[str, str]]:
    """The parameters that are there: empty ones are as good as none on a page."""
    return [(name, str(value)) for name, value in query.items() if value is not None and value != ""]


async def _exchange(app: ASGIApp, scope: dict[str, Any], body: bytes) -> Reply:
    status, found, chunks = 0, dict[str, str](), list[bytes]()

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            found.update({name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]})
        else:
            chunks.append(message.get("body", b""))

    try:
        await app(scope, receive, send)
    except ConnectionResetError:
        return Reply(0, {}, b"")
    return Reply(status, found, b"".join(chunks))

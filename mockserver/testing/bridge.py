"""Requests to a server without a socket: a transport for the sync clients of httpx and httpx2.

Their async clients need none of it: `ASGITransport(app=server.app)` is enough.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from mockserver.testing.room import Room


def scope_of(method: str, path: str, raw_path: bytes, query: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
    """The scope of ASGI for a request."""
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": raw_path,
        "query_string": query,
        "headers": headers,
        "server": ("mockserver", 80),
        "client": ("test", 0),
        "root_path": "",
    }


def transport(library: ModuleType, room: Room) -> Any:
    """A `BaseTransport` of `library`, httpx or httpx2 (they look alike and are not the same)."""

    class Transport(library.BaseTransport):  # type: ignore[name-defined,misc]
        def handle_request(self, request: Any) -> Any:
            raw_path, _, query = request.url.raw_path.partition(b"?")
            headers = [(name.lower(), value) for name, value in request.headers.raw]
            scope = scope_of(request.method, request.url.path, raw_path, query, headers)
            try:
                answer = room.exchange(scope, request.read()).result()
            except ConnectionResetError as dropped:
                raise library.RemoteProtocolError(str(dropped), request=request) from None
            return library.Response(answer.status, headers=answer.headers, content=answer.body, request=request)

    return Transport()

"""Requests to a server without a socket: a transport for the clients of httpx and httpx2, sync and async."""

from __future__ import annotations

from concurrent.futures import Future
from types import ModuleType
from typing import Any

from mockserver.testing.app_thread import AppThread, ResponseMessages
from mockserver.testing.waiting import outcome


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


def transport(library: ModuleType, app_thread: AppThread) -> Any:
    """A transport of `library`, httpx or httpx2 (they look alike and are not the same), for its sync and async clients.

    What a client meets is what it meets at a socket: the library's errors for a connection that is dropped and for a
    response that takes longer than the client waits.
    """

    class Transport(library.BaseTransport, library.AsyncBaseTransport):  # type: ignore[name-defined,misc]
        def handle_request(self, request: Any) -> Any:
            future = _request(app_thread, request, request.read())
            try:
                return _response(library, request, future.result(_patience(request)))
            except (ConnectionResetError, TimeoutError) as error:
                future.cancel()
                raise _error(library, request, error) from None

        async def handle_async_request(self, request: Any) -> Any:
            future = _request(app_thread, request, await request.aread())
            try:
                response = await outcome(future, _patience(request))
            except (ConnectionResetError, TimeoutError) as error:
                raise _error(library, request, error) from None
            return _response(library, request, response)

    return Transport()


def _request(app_thread: AppThread, request: Any, body: bytes) -> Future[ResponseMessages]:
    raw_path, _, query = request.url.raw_path.partition(b"?")
    headers = [(name.lower(), value) for name, value in request.headers.raw]
    return app_thread.exchange(scope_of(request.method, request.url.path, raw_path, query, headers), body)


def _patience(request: Any) -> float | None:
    """Seconds that the client waits for a response; None: without a limit."""
    seconds: float | None = request.extensions.get("timeout", {}).get("read")
    return seconds


def _response(library: ModuleType, request: Any, response: ResponseMessages) -> Any:
    return library.Response(response.status, headers=response.headers, content=response.body, request=request)


def _error(library: ModuleType, request: Any, failure: OSError) -> Exception:
    kind = library.ReadTimeout if isinstance(failure, TimeoutError) else library.RemoteProtocolError
    error: Exception = kind(str(failure) or "The response did not come in time.", request=request)
    return error

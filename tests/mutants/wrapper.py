"""The wrapper around the app: reads a request whole, gives it to the fault, sends what comes back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import quote

from tests.mutants.fault import SPEC, ClientRequest, Memory, Plant, ServerResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
PREFIX = "/v1"


class Faulty:
    """An app with one fault in front of it. What is not below the API's prefix passes untouched."""

    def __init__(self, app: App, plant: Plant, *, hidden: str = "") -> None:
        """`hidden`: paths that begin so are not found."""
        self.app = app
        self.plant = plant
        self.hidden = hidden
        self.memory: Memory = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw: str = (scope.get("raw_path") or quote(scope.get("path", "")).encode()).decode("latin-1")
        if scope["type"] == "http" and self.hidden and raw.startswith(self.hidden):
            await _send_response(ServerResponse(404, {"content-type": "text/plain"}, b"Not found."), send)
            return
        if scope["type"] != "http" or not raw.startswith(PREFIX + "/"):
            await self.app(scope, receive, send)
            return
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        path = raw.removeprefix(PREFIX)
        request = ClientRequest(
            scope["method"], path, scope["query_string"].decode("latin-1"), headers, await _whole(receive)
        )
        request.now = self._now(headers.get("x-api-key", ""))
        found = SPEC.find(request.method, path)
        request.operation = found.id if found else None

        async def forward(changed: ClientRequest) -> ServerResponse:
            return await self._forward(scope, changed)

        await _send_response(await self.plant(request, forward, self.memory), send)

    def _now(self, key: str) -> int:
        """The time in the world that a key opens."""
        worlds = getattr(getattr(self.app, "args", (None,))[0], "worlds", None)
        found = worlds.find(key) if worlds else None
        return found.clock.now() if found else 0

    async def _forward(self, scope: Scope, request: ClientRequest) -> ServerResponse:
        """What the app says to a request."""
        headers = {name: value for name, value in request.headers.items() if name != "content-length"}
        if request.body or "content-length" in request.headers:
            headers["content-length"] = str(len(request.body))
        inner = dict(scope) | {
            "method": request.method,
            "raw_path": (PREFIX + request.path).encode("latin-1"),
            "path": PREFIX + request.path,
            "query_string": request.query.encode("latin-1"),
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
        }
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": request.body, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        await self.app(inner, receive, send)
        start = sent[0]
        found = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in start["headers"]}
        return ServerResponse(start["status"], found, b"".join(message.get("body", b"") for message in sent[1:]))


async def _whole(receive: Receive) -> bytes:
    chunks = []
    while True:
        message = await receive()
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


async def _send_response(json_response: ServerResponse, send: Send) -> None:
    headers = {name: value for name, value in json_response.headers.items() if name != "content-length"}
    rows = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    rows.append((b"content-length", str(len(json_response.body)).encode()))
    await send({"type": "http.response.start", "status": json_response.status, "headers": rows})
    await send({"type": "http.response.body", "body": json_response.body})

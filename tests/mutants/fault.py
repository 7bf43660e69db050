"""What a fault is, and ways to make one: change a response, change a request, or respond instead of the app."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode

from contract_tests.spec import Spec

JSON = Any
Memory = dict[Any, Any]
SPEC = Spec.load(Path(__file__).parents[2] / "openapi.json")


@dataclass
class ClientRequest:
    """A request on its way in; `path` is below the base path and still encoded; `now`: the world's time, ms UTC."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    operation: str | None = None
    now: int = 0

    @property
    def parameters(self) -> list[tuple[str, str]]:
        return parse_qsl(self.query, keep_blank_values=True)

    def with_parameters(self, pairs: list[tuple[str, str]]) -> ClientRequest:
        return replace(self, query=urlencode(pairs))

    @property
    def json(self) -> JSON:
        """The body, or {} where there is none that can be read."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def with_json(self, content: JSON) -> ClientRequest:
        return replace(self, body=json.dumps(content).encode())

    def segment(self, number: int) -> str:
        """A decoded part of the path: 1 is the id in /users/{id}/…"""
        return unquote(self.path.strip("/").split("/")[number])

    @property
    def user(self) -> str:
        """The user whom the request is about."""
        if self.path.startswith("/users/"):
            return self.segment(1)
        given = self.json.get("user")
        return str(given.get("id")) if isinstance(given, dict) else ""


@dataclass
class ServerResponse:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> JSON:
        return json.loads(self.body)

    def with_json(self, content: JSON) -> ServerResponse:
        return replace(self, body=json.dumps(content).encode())


Forward = Callable[[ClientRequest], Awaitable[ServerResponse]]
Plant = Callable[[ClientRequest, Forward, Memory], Awaitable[ServerResponse]]
Change = Callable[..., Any]


@dataclass(frozen=True)
class Fault:
    """`kind` groups faults in the report; `plant` stands between the client and the app, `sender` between the
    webhooks and the network; `patch` changes the server in this one process, for what cannot be reached from outside.
    `about`: the operation or the type of webhook that is wrong, where it is one.
    """

    name: str
    kind: str
    plant: Plant | None = None
    sender: Callable[..., Any] | None = field(default=None)
    patch: Callable[[], None] | None = field(default=None)
    about: str = ""


def json_response(status: int, content: JSON) -> ServerResponse:
    return ServerResponse(status, {"content-type": "application/json"}, json.dumps(content).encode())


def change_response(
    operations: str, change: Callable[[JSON, ClientRequest, Memory], JSON], *, errors: bool = False
) -> Plant:
    """Change the JSON of successful responses (or of errors). None from `change` means: changed in place."""
    names = set(operations.split())

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        if request.operation not in names or (response.status >= 400) != errors:
            return response
        content = response.json
        changed = change(content, request, memory)
        return response.with_json(content if changed is None else changed)

    return plant


def change_request(operations: str, change: Callable[[ClientRequest, Memory], ClientRequest | None]) -> Plant:
    """Change requests before they arrive. None from `change` means: as it is."""
    names = set(operations.split())

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        if request.operation in names:
            request = change(request, memory) or request
        return await forward(request)

    return plant


def respond_instead(when: Callable[[ClientRequest], bool], status: int, content: JSON) -> Plant:
    """Respond without calling the app whenever `when` says so."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        return json_response(status, content) if when(request) else await forward(request)

    return plant


def other_status(operations: str, old: int, new: int) -> Plant:
    """The same response with another status."""
    names = set(operations.split())

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        hit = request.operation in names and response.status == old
        return replace(response, status=new) if hit else response

    return plant


def swap(module: str, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Put `make(old)` in the place of a function, wherever the server holds it."""

    def patch() -> None:
        old = getattr(importlib.import_module(module), name)
        new = make(old)
        for holder in [held for key, held in sys.modules.items() if key.partition(".")[0] == "mockserver"]:
            for key in [key for key, value in vars(holder).items() if value is old]:
                setattr(holder, key, new)

    return patch


def crash(when: Callable[[ClientRequest], bool]) -> Plant:
    return respond_instead(when, 500, {"error": "Internal server error."})


# Changes of JSON by a path such as `rankings.*.userName`


def at(content: JSON, path: str) -> list[tuple[Any, Any]]:
    """Every holder and key that a path leads to; `*` stands for all members."""
    *way, last = path.split(".")
    holders = [content]
    for step in way:
        holders = [one for holder in holders for one in _members(holder, step)]
    found = []
    for holder in holders:
        if last == "*":
            found += [(holder, key) for key in (range(len(holder)) if isinstance(holder, list) else list(holder))]
        elif isinstance(holder, dict) and last in holder:
            found.append((holder, last))
    return found


def _members(holder: JSON, step: str) -> list[JSON]:
    if step == "*":
        return list(holder.values()) if isinstance(holder, dict) else list(holder)
    return [holder[step]] if isinstance(holder, dict) and step in holder else []


def drop(path: str) -> Change:
    def change(content: JSON, request: ClientRequest, memory: Memory) -> None:
        for holder, key in at(content, path):
            del holder[key]

    return change


def put(path: str, make: Callable[[JSON], JSON]) -> Change:
    def change(content: JSON, request: ClientRequest, memory: Memory) -> None:
        for holder, key in at(content, path):
            holder[key] = make(holder[key])

    return change


def without(*names: str) -> Callable[[ClientRequest, Memory], ClientRequest]:
    """Drop query parameters."""

    def change(request: ClientRequest, memory: Memory) -> ClientRequest:
        return request.with_parameters([(key, value) for key, value in request.parameters if key not in names])

    return change


def replaced(name: str, make: Callable[[str], str]) -> Callable[[ClientRequest, Memory], ClientRequest]:
    """Change a query parameter where it is given."""

    def change(request: ClientRequest, memory: Memory) -> ClientRequest:
        return request.with_parameters(
            [(key, make(value) if key == name else value) for key, value in request.parameters]
        )

    return change


def body(make: Callable[[JSON], JSON]) -> Callable[[ClientRequest, Memory], ClientRequest]:
    """Change the JSON of a request's body."""

    def change(request: ClientRequest, memory: Memory) -> ClientRequest:
        return request.with_json(make(request.json)) if request.json else request

    return change

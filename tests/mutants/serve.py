"""Our server with one planted fault: `python -m tests.mutants.serve "NAME OF THE FAULT" [options of serve]`."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx2

from mockserver.app import App
from tests.mutants.fault import Fault, Plant
from tests.mutants.faults import BY_NAME
from tests.mutants.generated.all import generated
from tests.mutants.otherwise import ANOTHER_WAY, otherwise
from tests.mutants.posted import HEADER, Post, Sender
from tests.mutants.wrapper import Faulty, Receive, Scope, Send


def plant(name: str) -> None:
    """Put the fault around every app of this process, and around every webhook that it sends."""
    if name == ANOTHER_WAY:
        _wrap(otherwise, hidden="/_mock")
    else:
        plant_fault(find(name))


def find(name: str) -> Fault:
    """A fault by its name, written by hand or generated. Raises `LookupError`."""
    return BY_NAME.get(name) or generated()[name]


def plant_fault(fault: Fault) -> None:
    if fault.patch is not None:
        fault.patch()
    if fault.plant is not None:
        _wrap(fault.plant)
    if fault.sender is not None:
        httpx2.AsyncHTTPTransport.handle_async_request = _sending(fault.sender)  # type: ignore[method-assign]


def _wrap(plant: Plant, hidden: str = "") -> None:
    inner, faulty = App.__call__, {}

    async def call(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if app not in faulty:
            faulty[app] = Faulty(partial(inner, app), plant, hidden=hidden)
        await faulty[app](scope, receive, send)

    App.__call__ = call  # type: ignore[method-assign,assignment]
    App.respond_at_once = lambda app, *asked: False  # type: ignore[method-assign]  # the short way would pass it by


class Nothing(httpx2.AsyncByteStream):
    """The body of an answer that says nothing."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b""


def _sending(sender: Sender) -> Any:
    send_on = httpx2.AsyncHTTPTransport.handle_async_request
    memory: dict[Any, Any] = {}

    async def handle(transport: httpx2.AsyncHTTPTransport, request: httpx2.Request) -> httpx2.Response:
        if HEADER not in request.headers:
            return await send_on(transport, request)
        kept = {name: value for name, value in request.headers.items() if name in (HEADER, "content-type")}

        async def send(body: bytes, headers: dict[str, str]) -> int:
            fresh = httpx2.Request("POST", request.url, headers=headers, content=body, extensions=request.extensions)
            answer = await send_on(transport, fresh)
            await answer.aread()
            await answer.aclose()
            return answer.status_code

        status = await sender(Post(await request.aread(), kept, memory, str(request.url)), send)
        return httpx2.Response(status, request=request, stream=Nothing())

    return handle


def serve(fault: Fault | None, options: list[str]) -> None:
    """Serve with this fault (with none) until the process ends."""
    if fault is not None:
        plant_fault(fault)
    serve_on(options)


def serve_on(options: list[str]) -> None:
    from mockserver.cli import main as commands

    commands(["serve", *options])


if __name__ == "__main__":
    plant(sys.argv[1])
    serve_on(sys.argv[2:])

"""Our server with one planted fault: `python -m tests.mutants.serve "NAME OF THE FAULT" [options of serve]`."""

from __future__ import annotations

import sys
from typing import Any

import httpx2

import mockserver.app
from tests.mutants.faults import BY_NAME
from tests.mutants.posted import HEADER, Post, Sender
from tests.mutants.wrapper import Faulty


def plant(name: str) -> None:
    """Put the fault around every app that is made from now on, and around every webhook that is sent."""
    fault = BY_NAME[name]
    if fault.plant is not None:
        create, planted = mockserver.app.create_app, fault.plant
        mockserver.app.create_app = lambda *args, **kwargs: Faulty(create(*args, **kwargs), planted)  # type: ignore[assignment,return-value]
    if fault.sender is not None:
        httpx2.AsyncHTTPTransport.handle_async_request = _sending(fault.sender)  # type: ignore[method-assign]


def _sending(sender: Sender) -> Any:
    send_on = httpx2.AsyncHTTPTransport.handle_async_request
    memory: dict[str, Any] = {}

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

        status = await sender(Post(await request.aread(), kept, memory), send)
        return httpx2.Response(status, request=request)

    return handle


def main() -> None:
    plant(sys.argv.pop(1))
    from mockserver.cli import main as commands

    commands(["serve", *sys.argv[1:]])


if __name__ == "__main__":
    main()

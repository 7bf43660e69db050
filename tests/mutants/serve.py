"""Our server with one planted fault: `python -m tests.mutants.serve "NAME OF THE FAULT" [options of serve]`."""

from __future__ import annotations

import asyncio
import sys
from contextvars import Context
from functools import partial
from typing import Any

from mockserver.app import App
from mockserver.webhooks.client import Client, Ended
from tests.mutants.fault import Fault, Plant
from tests.mutants.faults import BY_NAME
from tests.mutants.generated.all import generated
from tests.mutants.otherwise import ANOTHER_WAY, otherwise
from tests.mutants.posted import Post, Sender
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
        Client.post = _sending(fault.sender)  # type: ignore[method-assign]


def _wrap(plant: Plant, hidden: str = "") -> None:
    inner, faulty = App.__call__, {}

    async def call(app: App, scope: Scope, receive: Receive, send: Send) -> None:
        if app not in faulty:
            faulty[app] = Faulty(partial(inner, app), plant, hidden=hidden)
        await faulty[app](scope, receive, send)

    App.__call__ = call  # type: ignore[method-assign,assignment]
    App.respond_at_once = lambda app, *asked: False  # type: ignore[method-assign]  # the short way would pass it by


class Unsent(Exception):
    """No response came."""


def _sending(sender: Sender) -> Any:
    """In the place of `Client.post`: the sender decides what goes out, and how often."""
    post_on, memory = Client.post, dict[Any, Any]()
    running: set[asyncio.Task[None]] = set()

    def post(client: Client, body: bytes, headers: bytes, ended: Ended) -> None:
        async def send(body: bytes, headers: dict[str, str]) -> int:
            came: asyncio.Future[tuple[int | None, str | None]] = asyncio.get_running_loop().create_future()
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode()
            post_on(client, body, lines, lambda status, error: came.set_result((status, error)))
            status, error = await came
            if status is None:
                raise Unsent(error)
            return status

        async def carry() -> None:
            name, _, value = headers.decode().strip().partition(": ")
            try:
                status = await sender(Post(body, {name.lower(): value}, memory, client.url), send)
            except Unsent as unsent:
                ended(None, str(unsent))
            else:
                ended(status, None)

        task = asyncio.get_running_loop().create_task(carry(), context=Context())
        running.add(task)
        task.add_done_callback(running.discard)

    return post


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

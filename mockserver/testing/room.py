"""An event loop in a thread of its own, in which a server lives; all other threads and loops reach it through here."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from starlette.types import Message, Receive, Scope, Send

from mockserver.app import App
from mockserver.serve.server import make_http

T = TypeVar("T")


class Exchanged(list[Message]):
    """What an application sent as its answer: the messages of ASGI."""

    @property
    def status(self) -> int:
        return int(self[0]["status"])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self[1:])


class Room:
    """`listening` None: no socket, the application is reached by `exchange` and `app` alone."""

    def __init__(self, application: App, listening: socket.socket | None = None) -> None:
        self._application = application
        self._listening = listening
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._open: Future[None] = Future()
        self._thread = threading.Thread(target=self._live, name="mockserver", daemon=True)

    def open(self) -> None:
        """Returns when the server serves. Raises what kept it from starting."""
        self._thread.start()
        self._open.result()

    def close(self) -> None:
        """Returns when the server has stopped and its thread is gone."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Has the work done in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def exchange(self, scope: Scope, body: bytes) -> Future[Exchanged]:
        """A whole request, answered in the server's loop. The result raises ConnectionResetError when dropped.

        To cancel it is to hang up: what has not been done by then is not done.
        """
        return self.submit(_exchange(self._application, scope, body))

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application for other loops: an ASGI application, to be given to a transport of httpx."""
        assert scope["type"] == "http", "only HTTP is served here"
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        for answer in await asyncio.wrap_future(self.exchange(scope, body)):
            await send(answer)

    def _live(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:
                if self._open.done():
                    raise
                self._open.set_exception(error)

    async def _serve(self) -> None:
        async with self._application.router.lifespan_context(self._application):
            if self._listening is None:
                self._open.set_result(None)
                await self._end.wait()
            else:
                await self._serve_socket(self._listening)

    async def _serve_socket(self, listening: socket.socket) -> None:
        server = make_http(self._application, lifespan="off")
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        self._open.set_result(None)
        await self._end.wait()
        server.should_exit = True
        await serving


async def _exchange(application: App, scope: Scope, body: bytes) -> Exchanged:
    incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    sent = Exchanged()

    async def receive() -> Message:
        return incoming.pop() if incoming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    return sent

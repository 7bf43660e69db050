"""An event loop in a thread of its own, in which a server runs; all other threads and loops reach it through here."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Coroutine, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from starlette.types import Message, Receive, Scope, Send

from mockserver.app import App
from mockserver.clock import monotonic
from mockserver.serve.server import make_http
from mockserver.sockets import KEEP_ALIVE, local_host
from mockserver.testing.waiting import outcome

LONGEST_END = 30.0  # seconds; deliveries and open requests get five each


class ResponseMessages(list[Message]):
    """The response of an application: the messages of ASGI."""

    @property
    def status(self) -> int:
        return int(self[0]["status"])

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        return list(self[0]["headers"])

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self[1:])


class Loop(asyncio.SelectorEventLoop):
    """One whose time is real, whatever clock a test has put in place of the system's: its timers must end."""

    def time(self) -> float:
        return monotonic()


class AppThread:
    """`listening` empty: no socket, the application is reached by `exchange` and `app` alone."""

    def __init__(
        self, application: App, listening: Sequence[socket.socket] = (), keep_alive: float = KEEP_ALIVE
    ) -> None:
        self._application = application
        self._listening = listening
        self._keep_alive = keep_alive
        self._loop: asyncio.AbstractEventLoop | None = None
        self._at_work: set[asyncio.Future[None]] = set()
        self._end = asyncio.Event()
        self._open: Future[None] = Future()
        self._thread = threading.Thread(target=self._running, name="mockserver", daemon=True)
        self._process = os.getpid()

    def open(self) -> None:
        """Returns when the server serves. Raises what kept it from starting; then nothing of it is left."""
        self._thread.start()
        try:
            self._open.result()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Returns when the server has stopped and its thread is gone. RuntimeError if it does not end."""
        if os.getpid() != self._process:  # the server lives on in the process that this one was forked from
            for each in self._listening:
                each.close()
            return
        with suppress(Exception):  # the start was given up: it ends as soon as it is open
            self._open.result(LONGEST_END)
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: it ended by itself
                self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(LONGEST_END)
        if self._thread.is_alive():
            raise RuntimeError(
                f"The server has not stopped within {LONGEST_END:g} seconds; its thread ends with the process."
            )

    def exchange(self, scope: Scope, body: bytes) -> Future[ResponseMessages]:
        """A whole request, carried out in the server's loop. The result raises ConnectionResetError when dropped.

        To cancel it is to hang up: the request is carried out, as it has come in whole, and nobody gets the response.
        """
        responded: Future[ResponseMessages] = Future()
        if os.getpid() != self._process:
            responded.set_result(self._from_a_fork(scope, body))
            return responded
        client = _Client(body)
        responded.add_done_callback(lambda future: client.leave() if future.cancelled() else None)
        assert self._loop is not None
        work = _run_request(self._application, scope, client, responded)
        try:
            self._loop.call_soon_threadsafe(self._start, work)
        except RuntimeError:
            work.close()
            raise RuntimeError("This server does not run any more.") from None
        return responded

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._at_work.add(task)
        task.add_done_callback(self._at_work.discard)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application for other loops: an ASGI application, to be given to a transport of httpx."""
        assert scope["type"] == "http", "only HTTP is served here"
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        for response in await outcome(self.exchange(scope, body)):
            await send(response)

    def _from_a_fork(self, scope: Scope, body: bytes) -> ResponseMessages:
        """The loop lives in the process that this one was forked from, so only a socket leads there."""
        if not self._listening:
            raise RuntimeError(
                "This server lives in another process, which this one was forked from, and has no socket: "
                "make a server here, or leave out socket=False."
            )
        host, port = self._listening[0].getsockname()[:2]
        connection = HTTPConnection(local_host(host), port, timeout=LONGEST_END)
        query = f"?{scope['query_string'].decode()}" if scope["query_string"] else ""
        headers = {name.decode(): value for name, value in scope["headers"]}
        try:
            connection.request(scope["method"], scope["raw_path"].decode() + query, body or None, headers)
            response = connection.getresponse()
            rows = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.getheaders()]
            start = {"type": "http.response.start", "status": response.status, "headers": rows}
            return ResponseMessages([start, {"type": "http.response.body", "body": response.read()}])
        finally:
            connection.close()

    def _running(self) -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            try:
                runner.run(self._serve())
            except BaseException as error:
                if self._open.done():
                    raise
                self._open.set_exception(error)
            finally:
                for each in self._listening:
                    each.close()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with self._application.router.lifespan_context(self._application):
            if not self._listening:
                self._open.set_result(None)
                await self._end.wait()
            else:
                await self._serve_sockets()

    async def _serve_sockets(self) -> None:
        server = make_http(self._application, lifespan="off", keep_alive=self._keep_alive)
        serving = asyncio.create_task(server.serve(sockets=list(self._listening)))
        self._open.set_result(None)
        await self._end.wait()
        server.should_exit = True
        await serving


class _Client:
    """The other end of an exchange without a socket; `send` and `receive` are those of ASGI."""

    def __init__(self, body: bytes) -> None:
        self._incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self.messages = ResponseMessages()
        self.disconnected = False

    def leave(self) -> None:
        self.disconnected = True

    async def receive(self) -> Message:
        return self._incoming.pop() if self._incoming else {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.messages.append(message)


async def _run_request(application: App, scope: Scope, client: _Client, responded: Future[ResponseMessages]) -> None:
    """Sets the future to the application's response; one that was cancelled meanwhile stays as it is."""
    messages: ResponseMessages | None = None
    failure: BaseException | None = None
    try:
        await application(scope, client.receive, client.send)
        messages = client.messages
    except asyncio.CancelledError:
        failure = ConnectionResetError("The server has stopped before it responded.")
    except BaseException as error:
        failure = error
    with suppress(InvalidStateError):
        if messages is None:
            responded.set_exception(failure)
        else:
            responded.set_result(messages)

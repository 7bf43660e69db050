"""How connections come in: all that wait at once, and not at the cost of the server when there are too many."""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import subprocess
import sys
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
import uvloop
from processes import KEY
from test_protocol import Reader

from mockserver.serve.acceptor import Acceptor
from mockserver.sockets import open_sockets

MANY = 50
READ = f"GET /v1/achievements HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {KEY}\r\n\r\n".encode()


@pytest.mark.parametrize("new_loop", [uvloop.new_event_loop, asyncio.new_event_loop])
def test_all_that_wait_are_taken_in_one_turn(new_loop: object) -> None:
    async def let_in() -> int:
        first, made = asyncio.Event(), list[asyncio.BaseTransport]()

        class Kept(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                first.set()
                made.append(transport)

        door = Acceptor(listening, Kept)
        door.open()
        await first.wait()
        door.close()  # nobody is taken from now on
        await door.wait_closed()
        for transport in made:
            transport.close()
        return len(made)

    with ExitStack() as stack:
        listening = stack.enter_context(closing(open_sockets("127.0.0.1", 0)[0]))
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(listening.getsockname()))
        with asyncio.Runner(loop_factory=new_loop) as runner:  # type: ignore[arg-type]
            assert runner.run(let_in()) == MANY


def test_a_connection_that_has_left_already_is_closed_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """macOS takes no option for a socket whose client has gone."""

    class Left(socket.socket):
        def setsockopt(self, *given: object) -> None:
            raise OSError(errno.EINVAL, "Invalid argument")

    class Listening:
        def __init__(self, given: list[socket.socket]) -> None:
            self._given = given

        def accept(self) -> tuple[socket.socket, None]:
            if not self._given:
                raise BlockingIOError
            return self._given.pop(), None

    async def accept() -> None:
        door = Acceptor(Listening([connection]), asyncio.Protocol)  # type: ignore[arg-type]
        door._accept()
        await door.wait_closed()

    connection = Left()
    asyncio.run(accept())
    assert connection.fileno() == -1
    assert "A connection was lost before it was served" in caplog.text


def test_without_a_file_descriptor_it_says_so_and_goes_on_when_there_is_one() -> None:
    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))

    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "0", "--log-level", "warning"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=few
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            url = next(line.split()[-1] for line in process.stdout if "Base URL" in line)
            where = ("127.0.0.1", urlsplit(url).port)
            with ExitStack() as stack:
                for _ in range(60):
                    stack.enter_context(socket.create_connection(where, timeout=30))
                assert "No connection can be taken: Too many open files" in process.stderr.readline()
            with socket.create_connection(where, timeout=30) as client:
                client.sendall(READ)
                assert Reader(client).read_response()[0] == 200
        finally:
            process.terminate()
            said = process.communicate(timeout=30)[1]
    assert "Traceback" not in said
    assert said.count("No connection can be taken") <= 2  # now and then, not for each

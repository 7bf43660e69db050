"""Servers in tests end, whatever a test does to its clock, its loop, its process or its patience, and leave nothing:
no thread, no port, no file, no process."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import time_machine
import trio
from freezegun import freeze_time

from mockserver.log.record import LogError
from mockserver.testing import MockServer
from mockserver.testing.app_thread import AppThread

THEN = "2026-01-15"
IGNORED = ["trophy"]  # looking through its modules would load them, with a clock that pydantic cannot read
ROUNDS = 20  # servers of each kind; ten kinds make two hundred


def frozen() -> Any:
    return freeze_time(THEN, ignore=IGNORED)


def files() -> set[str]:
    """The open files and sockets of this process, as the kernel names them."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except OSError:  # that of the listing itself
            continue
    return found


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Nothing of the servers of a test is there at its end."""
    threads, before = set(threading.enumerate()), files()
    yield
    left = [thread for thread in threading.enumerate() if thread not in threads and thread.name == "mockserver"]
    assert left == []
    assert {name for name in files() - before if "socket:" in name or "eventpoll" in name} == set()


@contextmanager
def many(**options: Any) -> Iterator[list[MockServer]]:
    """Servers side by side, since each takes a moment to end, in which it does nothing."""
    servers = [MockServer(**options) for _ in range(ROUNDS)]
    with ThreadPoolExecutor(ROUNDS) as pool:
        list(pool.map(MockServer.start, servers))
        yield servers
        list(pool.map(MockServer.stop, servers))


def start_and_stop() -> None:
    with many() as servers:
        assert len({server.url for server in servers}) == ROUNDS


def without_a_socket() -> None:
    with many(socket=False) as servers:
        assert [server.requests() for server in servers] == [[]] * ROUNDS


def frozen_within() -> None:
    with many(), frozen():
        pass


def frozen_around() -> None:
    with frozen(), many() as servers:
        assert {server.now.isoformat() for server in servers} == {"2026-01-15T00:00:00+00:00"}


def frozen_at_the_start() -> None:
    with ExitStack() as stack, frozen():
        stack.enter_context(many())


def frozen_at_the_end() -> None:
    with ExitStack() as stack:
        stack.enter_context(many())
        stack.enter_context(frozen())
        stack.pop_all().close()


def travelled() -> None:
    with time_machine.travel(THEN, tick=False), many():
        pass


async def advanced(number: int) -> None:
    async with MockServer() as server:
        await server.advance(days=number)


def under_asyncio() -> None:
    async def story() -> None:
        await asyncio.gather(*map(advanced, range(ROUNDS)))

    asyncio.run(story())


def under_trio() -> None:
    async def story() -> None:
        async with trio.open_nursery() as nursery:
            for number in range(ROUNDS):
                nursery.start_soon(advanced, number)

    trio.run(story)


def again() -> None:
    with many() as servers, ThreadPoolExecutor(ROUNDS) as pool:
        list(pool.map(MockServer.stop, servers))
        assert not any(server.running for server in servers)
        list(pool.map(MockServer.stop, servers))
        list(pool.map(MockServer.start, servers))


KINDS = [
    start_and_stop,
    without_a_socket,
    frozen_within,
    frozen_around,
    frozen_at_the_start,
    frozen_at_the_end,
    travelled,
    under_asyncio,
    under_trio,
    again,
]


@pytest.mark.skipif(sys.platform != "linux", reason="counts what is in /proc")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_twenty_servers_started_and_stopped_leave_nothing(kind: Callable[[], None], nothing_left: None) -> None:
    kind()


# A task that is cancelled owns nothing


@pytest.mark.skipif(sys.platform != "linux", reason="counts what is in /proc")
def test_cancelled_at_any_moment_of_its_start_it_is_not_there(nothing_left: None) -> None:
    async def story(patience: float) -> None:
        try:
            async with asyncio.timeout(patience):
                async with MockServer() as server:
                    await server.advance(days=1)
                    async with await server.world():
                        await asyncio.sleep(5)
        except TimeoutError:
            return
        raise AssertionError("nobody was cancelled")

    for n in range(10):
        asyncio.run(story(n * 0.008))


@pytest.mark.skipif(sys.platform != "linux", reason="counts what is in /proc")
def test_cancelled_under_trio_it_is_not_there_either(nothing_left: None) -> None:
    async def story(patience: float) -> None:
        with trio.move_on_after(patience) as scope:
            async with MockServer() as server, await server.world():
                await trio.sleep(5)
        assert scope.cancelled_caught

    for n in range(10):
        trio.run(story, n * 0.008)


def test_a_world_whose_making_is_cancelled_is_not_there() -> None:
    async def story() -> None:
        async with MockServer() as server:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.001):
                    await server.world(users=20)
            assert len((await server.control("GET", "/worlds"))["worlds"]) == 1

    asyncio.run(story())


def test_an_interrupted_start_leaves_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[AppThread] = []

    def interrupted(self: AppThread) -> None:
        tried.append(self)
        self._thread.start()
        self.close()
        raise KeyboardInterrupt

    monkeypatch.setattr(AppThread, "open", interrupted)
    server = MockServer()
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert not server.running
    assert not tried[0]._thread.is_alive()
    assert [each.fileno() for each in tried[0]._listening] == [-1]


def test_a_start_that_fails_leaves_neither_a_port_nor_a_kept_directory_taken(tmp_path: Path) -> None:
    with MockServer(keep=tmp_path / "kept") as first, pytest.raises(OSError, match="in use"):
        MockServer(port=urlsplit(first.url).port or 0, keep=tmp_path / "other").start()
    with MockServer(keep=tmp_path / "other"):
        other = MockServer(keep=tmp_path / "other", port=free_port())
        with pytest.raises(LogError):
            other.start()
    with MockServer(port=other._place[1] if other._place else 0):
        pass


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


# Other loops, other processes


TRIO_CLIENT = pytest.mark.parametrize("by", ["transport", "app"])


@TRIO_CLIENT
def test_clients_under_trio_reach_a_server_without_a_socket(by: str) -> None:
    async def story() -> None:
        async with MockServer(socket=False) as server:
            transport = server.transport(httpx) if by == "transport" else httpx.ASGITransport(app=server.app)
            async with httpx.AsyncClient(transport=transport, headers={"X-API-KEY": server.api_key}) as client:
                assert (await client.get(f"{server.url}/achievements")).status_code == 200
                await server.faults(latency={"ms": 300})
                if by == "transport":
                    with pytest.raises(httpx.ReadTimeout):
                        await client.get(f"{server.url}/achievements", timeout=0.05)

    trio.run(story)


def in_a_fork(deed: Callable[[], Any]) -> str:
    """What a forked child says of it."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = repr(deed())
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
        os.write(writing, said.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nobody forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
def test_a_forked_child_is_served_over_the_socket_or_refused_with_a_sentence() -> None:
    with MockServer(now="2026-03-01T12:00:00Z", frozen=True) as server:
        assert "2026, 3, 1, 12" in in_a_fork(lambda: server.now)
        assert in_a_fork(lambda: server.advance(days=1)["now"]) == "'2026-03-02T12:00:00.000Z'"
        assert in_a_fork(server.stop) == "None"
        assert server.now.day == 2
    with MockServer(socket=False) as server:
        assert "lives in another process" in in_a_fork(lambda: server.now)


GEVENT = """
from gevent import monkey; monkey.patch_all()
import urllib.request
from mockserver.testing import MockServer
for _ in range(5):
    with MockServer() as server:
        server.advance(days=1)
        asked = urllib.request.Request(server.url + "/achievements", headers={"X-API-KEY": server.api_key})
        assert urllib.request.urlopen(asked).status == 200
print("over")
"""


def test_it_lives_and_ends_under_gevent() -> None:
    done = subprocess.run([sys.executable, "-c", GEVENT], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.returncode) == ("over\n", 0), done.stderr


def test_a_server_that_does_not_end_is_said_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    server, busy = MockServer(socket=False).start(), threading.Event()
    server._opened()._loop.call_soon_threadsafe(busy.wait)  # its loop has something else to do
    with impatient(monkeypatch), pytest.raises(RuntimeError, match="has not stopped within 0 seconds"):
        server.stop()
    busy.set()
    assert not server.running


@contextmanager
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setattr("mockserver.testing.app_thread.LONGEST_END", 0)
        yield

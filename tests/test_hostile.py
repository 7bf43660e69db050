"""Clients that mean harm, over real sockets: each is refused, memory stays bounded, and the others are served."""

from __future__ import annotations

import random
import resource
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from processes import KEY
from test_cli_serve import running

MIB = 1 << 20
EVENT = "/v1/metrics/words-written/event"
SECONDS = 4  # of full rate


class Server:
    """Where the server listens and what it weighs."""

    def __init__(self, url: str, pid: int) -> None:
        self.port = urlsplit(url).port or 0
        self.pid = pid

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def resident(self) -> int:
        """Bytes in memory now."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("--users", "10", "--history-days", "3", "--log-level", "critical") as started:
        yield Server(started.url, started.process.pid)


def head(path: str = EVENT, *more: str, method: str = "POST") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", f"X-API-KEY: {KEY}", "Content-Type: application/json"]
    return "\r\n".join([*lines, *more, "", ""]).encode()


def read_response(client: socket.socket) -> tuple[int, bytes]:
    """Status and body of the next response; (0, b"") when the server closed without one."""
    taken = b""
    while b"\r\n\r\n" not in taken:
        more = client.recv(65536)
        if not more:
            return 0, b""
        taken += more
    start, _, body = taken.partition(b"\r\n\r\n")
    length = int(start.lower().split(b"content-length:")[1].split(b"\r\n")[0])
    while len(body) < length:
        body += client.recv(65536)
    return int(start[9:12]), body


def assert_served(server: Server, times: int = 20) -> None:
    """A well-behaved client gets all its responses."""
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
        for _ in range(times):
            client.request("GET", "/v1/users/user-123", headers={"X-API-KEY": KEY})
            reply = client.getresponse()
            reply.read()
            assert reply.status == 200


@pytest.mark.parametrize("path", [EVENT, "/v1/users", "/v1/achievements/finish-onboarding/complete", "/_mock/worlds"])
def test_a_body_that_is_announced_too_long_is_refused_before_any_of_it_is_sent(server: Server, path: str) -> None:
    with server.connect() as client:
        client.sendall(head(path, "Content-Length: 1000000000000"))
        status, body = read_response(client)
    assert status in (400, 422)
    most = 1 << 26 if path == "/_mock/worlds" else 1 << 20  # a world may come as a whole log
    assert f"at most {most} bytes".encode() in body


def test_a_body_of_unknown_length_is_refused_as_soon_as_it_is_too_long(server: Server) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    with server.connect() as client:
        client.sendall(head(EVENT, "Transfer-Encoding: chunked"))
        assert send_until_response(client, chunk) < 16 * MIB
        assert read_response(client)[0] == 400


@pytest.mark.parametrize("start", ["GET /v1/users/", "GET /v1/users/a HTTP/1.1\r\nX-Long: "])
def test_a_head_without_an_end_is_cut_off(server: Server, start: str) -> None:
    with server.connect() as client:
        client.sendall(start.encode())
        assert send_until_response(client, b"a" * 0x10000) < 16 * MIB
        status, body = read_response(client)
    assert status in (0, 400)  # 0: the system closed it while bytes were on their way
    assert status == 0 or b"65536" in body


def test_headers_without_an_end_are_cut_off(server: Server) -> None:
    with server.connect() as client:
        client.sendall(b"GET /v1/users/a HTTP/1.1\r\n")
        assert send_until_response(client, b"".join(b"x-%d: y\r\n" % number for number in range(5000))) < 16 * MIB


def send_until_response(client: socket.socket, chunk: bytes) -> int:
    """Sends the same again and again until the server has something to say; how many bytes that took."""
    sent = 0
    client.setblocking(False)
    while sent < 64 * MIB:
        readable, writable, _ = select.select([client], [client], [], 30)
        assert readable or writable, "the server neither reads nor responds"
        if readable:
            break
        try:
            sent += client.send(chunk)
        except (BrokenPipeError, ConnectionResetError):
            break
    client.settimeout(30)
    return sent


def hostile_bodies() -> dict[str, bytes]:
    """JSON, nearly JSON and worse, each at most 1 MiB."""
    deep, user = MIB // 2, b'{"user":{"id":"user-123"},"value":'
    return {
        "lists in lists": b"[" * deep + b"]" * deep,
        "lists without an end": b"[" * MIB,
        "objects in objects": b'{"a":' * 170_000 + b"1" + b"}" * 170_000,
        "a deep attribute": user + b'1,"attributes":{"source":' + b"[" * 500 + b"]" * 500 + b"}}",
        "a million digits": user + b"9" * (MIB - 100) + b"}",
        "a million decimals": user + b"0." + b"1" * (MIB - 100) + b"}",
        "beyond all numbers": user + b"1e999}",
        "far beyond": user + b"-1e308}",
        "almost nothing": user + b"1e-300}",
        "no number": user + b"NaN}",
        "a string of a million": b'{"user":{"id":"' + b"x" * (MIB - 100) + b'"}}',
        "a hundred thousand keys": b"{" + b",".join(b'"%d":0' % number for number in range(90_000)) + b"}",
        "the same key over and over": b"{" + b",".join([b'"value":1'] * 100_000) + b"}",
        "half a surrogate pair": user + b'1,"attributes":{"source":"\\ud800"}}',
        "a NUL": b'{"user":{"id":"a\\u0000b"},"value":1}',
        "not UTF-8": b'{"user":{"id":"\xff\xfe"},"value":1}',
        "bytes at random": random.Random(1).randbytes(MIB // 4),
    }


@pytest.mark.parametrize("name", hostile_bodies())
def test_a_hostile_body_is_refused_and_the_connection_goes_on(server: Server, name: str) -> None:
    body = hostile_bodies()[name]
    with server.connect() as client:
        client.sendall(head(EVENT, f"Content-Length: {len(body)}") + body)
        status, reason = read_response(client)
        assert (status, reason[:10]) in ((400, b'{"error":"'), (422, b'{"error":"')), reason[:200]
        client.sendall(head("/v1/users/user-123", method="GET"))
        assert read_response(client)[0] == 200


def test_idle_and_slow_connections_keep_nobody_from_being_served(server: Server) -> None:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    body = b'{"user":{"id":"slow"},"value":1}'
    start = head(EVENT, f"Content-Length: {len(body)}")
    before = server.resident()
    with ExitStack() as stack:
        idle, half_heads, slow = (
            [stack.enter_context(server.connect()) for _ in range(min(most, (soft - 100) // 4))]
            for most in (2000, 200, 200)
        )
        for client in half_heads:
            client.sendall(start[:20])
        for client in slow:
            client.sendall(start)
        for number in range(len(body)):
            for client in slow[:20]:
                client.sendall(body[number : number + 1])
            assert_served(server, times=1)
        assert [read_response(client)[0] for client in slow[:20]] == [201] * 20
        idle[-1].sendall(head("/v1/users/slow", method="GET"))
        assert read_response(idle[-1])[0] == 200
        assert server.resident() - before < 100 * MIB


def test_responses_that_nobody_reads_do_not_pile_up(server: Server) -> None:
    flood = head("/v1/leaderboards/all-time", method="GET") * 500
    before = server.resident()
    with ExitStack() as stack:
        clients = [stack.enter_context(server.connect()) for _ in range(10)]
        for client in clients:
            client.settimeout(0.2)
            with suppress(TimeoutError):  # the server has stopped to read from it
                for _ in range(200):
                    client.sendall(flood)
        assert_served(server)
        assert server.resident() - before < 200 * MIB


def test_at_full_rate_others_are_served_nothing_fails_and_memory_stays_bounded(server: Server) -> None:
    statuses: list[int] = []
    until = time.monotonic() + SECONDS
    bodies = list(hostile_bodies().values())

    def body(dice: random.Random, client: socket.socket) -> None:
        chosen = dice.choice(bodies)
        client.sendall(head(EVENT, f"Content-Length: {len(chosen)}") + chosen)
        statuses.append(read_response(client)[0])

    def announce(dice: random.Random, client: socket.socket) -> None:
        client.sendall(head(EVENT, f"Content-Length: {10 ** dice.randint(7, 30)}"))
        statuses.append(read_response(client)[0])

    def leave(dice: random.Random, client: socket.socket) -> None:
        chosen = head(EVENT, "Content-Length: 1000") + b'{"user":'
        client.sendall(chosen[: dice.randrange(len(chosen))])

    def talk_nonsense(dice: random.Random, client: socket.socket) -> None:
        client.sendall(dice.randbytes(dice.randrange(1, 5000)))

    def harm(number: int, ways: list[Callable[[random.Random, socket.socket], None]]) -> None:
        dice = random.Random(number)
        while time.monotonic() < until:
            with server.connect() as client:
                dice.choice(ways)(dice, client)

    before = server.resident()
    threads = [
        threading.Thread(target=harm, args=(number, [body, announce, leave, talk_nonsense])) for number in range(8)
    ]
    for thread in threads:
        thread.start()
    while time.monotonic() < until:
        assert_served(server, times=5)
    for thread in threads:
        thread.join()
    assert set(statuses) <= {400, 422}
    assert len(statuses) > 20
    assert server.resident() - before < 150 * MIB
    assert_served(server)

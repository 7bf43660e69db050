"""The server's HTTP protocol over bare sockets: the response does not depend on how the request arrives."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import pytest
from app_server import SPEC, Served, fresh_worlds, served

from mockserver.app import create_app
from mockserver.exchange import DROPPED, Call, Intervention, Response
from mockserver.serve.protocol import MOST_AT_ONCE, Protocol

KEY = b"X-API-KEY: 00000000.local"
JSON = b"Content-Type: application/json"
EVENT = b'{"user":{"id":"ann"},"value":12.5}'
BATCH = b'[{"key":"words-written","user":{"id":"ann"},"value":1}]'


def request(start: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([start, b"Host: localhost", *headers, *length, b"", body])


REQUESTS = {
    "event": request(b"POST /v1/metrics/words-written/event HTTP/1.1", KEY, JSON, body=EVENT),
    "event without a key": request(b"POST /v1/metrics/words-written/event HTTP/1.1", JSON, body=EVENT),
    "refused event": request(b"POST /v1/metrics/words-written/event HTTP/1.1", KEY, JSON, body=b'{"value":1}'),
    "chunked": request(b"PUT /v1/users/ann HTTP/1.1", KEY, JSON, b"Transfer-Encoding: chunked")
    + b'7\r\n{"name"\r\n7\r\n:"Ann"}\r\n0\r\n\r\n',
    "read": request(b"GET /v1/users/ann HTTP/1.1", KEY),
    "read with a body": request(b"GET /v1/users/ann HTTP/1.1", KEY, body=b"whatever"),
    "escaped path and query": request(b"GET /v1/users/%61nn?x=%20y HTTP/1.1", KEY),
    "alias": request(b"GET /api/achievements?userAttributes= HTTP/1.1", KEY),
    "admin": request(b"GET /admin/v1/metrics?limit=2 HTTP/1.1", KEY),
    "admin with a body": request(
        b"POST /admin/v1/metrics/events HTTP/1.1",
        KEY,
        JSON,
        body=b'[{"key":"words-written","user":{"id":"ann"},"value":1}]',
    ),
    "no such admin call": request(b"GET /admin/v1/settings HTTP/1.1", KEY),
    "key twice": request(b"GET /v1/users/ann HTTP/1.1", KEY, KEY),
    "unknown path": request(b"GET /v1/%ffnothing HTTP/1.1", KEY),
    "wrong method": request(b"DELETE /v1/users/ann HTTP/1.1", KEY),
    "method without a short way": request(b"OPTIONS /v1/users/ann HTTP/1.1", KEY),
    "head": request(b"HEAD /v1/users/ann HTTP/1.1", KEY),
    "outside the API": request(b"GET /_mock/health HTTP/1.1"),
    "whole address": request(b"GET http://here/v1/users/ann HTTP/1.1", KEY),
    "fragment": request(b"GET /v1/users/ann#there HTTP/1.1", KEY),
    "asks first": request(b"PUT /v1/users/ann HTTP/1.1", KEY, JSON, b"Expect: 100-continue", body=b"{}"),
    "wants to speak another language": request(
        b"GET /v1/users/ann HTTP/1.1", KEY, b"Connection: upgrade", b"Upgrade: h2c"
    ),
}


class Reader:
    """Reads responses from a connection one by one."""

    def __init__(self, client: socket.socket) -> None:
        self._file = client.makefile("rb")

    def read_response(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers by lower-case name without the date, body; status 0 when there is none any more."""
        line = self._file.readline()
        if line.startswith(b"HTTP/1.1 100"):
            assert self._file.readline() == b"\r\n"
            line = self._file.readline()
        if not line:
            return 0, {}, b""
        headers = {}
        while (row := self._file.readline()) != b"\r\n":
            name, _, value = row.decode().partition(":")
            headers[name.lower()] = value.strip()
        headers.pop("date")
        return int(line.split()[1]), headers, b"" if head_only else self._file.read(int(headers["content-length"]))


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served(http=Protocol) as running:
        yield running


def send_pieces(server: Served, *pieces: bytes, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
    """One request in pieces, each of which the server has seen before the next one is sent."""
    with closing(server.connect()) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            if number:
                server.call("GET", "/_mock/health")
            client.sendall(piece)
        return Reader(client).read_response(head_only=head_only)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_way_makes_no_difference_to_the_response(name: str) -> None:
    raw, head_only = REQUESTS[name], name == "head"
    ends = [len(raw)] if name == "asks first" else [raw.index(b"\r\n") + 9, raw.index(b"\r\n\r\n") + 6]
    found = []
    # Through uvicorn alone; whole, with its head in pieces, and with its body in pieces through ours.
    for http, end in [("httptools", len(raw)), *((Protocol, end) for end in (len(raw), *ends))]:
        with served(http=http) as server:
            server.call("PUT", "/v1/users/ann", {})
            pieces = [piece for piece in (raw[:end], raw[end:]) if piece]
            status, headers, body = send_pieces(server, *pieces, head_only=head_only)
            headers.pop("server", None)  # uvicorn's name
            found.append((status, headers, body))
    assert found[0][0] >= 200
    assert all(response == found[0] for response in found[1:])


def test_an_old_client_and_one_that_is_done_are_hung_up_on(server: Served) -> None:
    raw = REQUESTS["alias"]
    for last in (
        raw.replace(b"HTTP/1.1", b"HTTP/1.0"),
        raw.replace(b"Host: localhost", b"Host: localhost\r\nConnection: close"),
    ):
        with closing(server.connect()) as client:
            client.sendall(last + REQUESTS["read"])
            reader = Reader(client)
            status, headers, _ = reader.read_response()
            assert (status, headers["connection"]) == (200, "close")
            assert reader.read_response()[0] == 0


def test_requests_sent_in_one_go_get_all_responses_in_order(server: Served) -> None:
    number = 3 * MOST_AT_ONCE
    bodies = [b'{"user":{"id":"pipe"},"value":%d}' % (n + 1) for n in range(number)]
    start = b"POST /v1/metrics/words-written/event HTTP/1.1"
    with closing(server.connect()) as client:
        client.sendall(b"".join(request(start, KEY, JSON, body=body) for body in bodies))
        reader = Reader(client)
        totals = [json.loads(reader.read_response()[2])["total"] for _ in bodies]
    assert totals == [n * (n + 1) // 2 for n in range(1, number + 1)]


@contextmanager
def slow_for(user: str, seconds: float = 0.05, **options: float) -> Iterator[Served]:
    """Requests about `user` are made to wait."""

    async def wait() -> Response | None:
        await asyncio.sleep(seconds)
        return None

    def before(call: Call) -> Intervention | None:
        return wait if call.path.endswith(user) else None

    app = create_app(fresh_worlds(), SPEC, before=before)
    with served(app, http=Protocol, **options) as running:  # type: ignore[arg-type]
        yield running


def test_who_is_made_to_wait_is_not_overtaken_on_its_connection() -> None:
    with slow_for("slow") as server, closing(server.connect()) as client:
        for user in ("slow", "fast"):
            server.call("PUT", f"/v1/users/{user}", {})
        wanted = ["fast", "slow", "fast", "slow", "slow", "fast"]
        client.sendall(b"".join(request(f"GET /v1/users/{user} HTTP/1.1".encode(), KEY) for user in wanted))
        reader = Reader(client)
        assert [json.loads(reader.read_response()[2])["id"] for _ in wanted] == wanted


def test_who_leaves_in_the_middle_changes_nothing(server: Served) -> None:
    raw = REQUESTS["event"].replace(b"ann", b"gone")
    with closing(server.connect()) as client:
        client.sendall(raw[:-3])
        server.call("GET", "/_mock/health")
    assert server.call("GET", "/v1/users/gone").json["error"] == "User 'gone' was not found."


def test_what_is_no_http_after_a_good_head_is_told_so(server: Served) -> None:
    with closing(server.connect()) as client:
        client.sendall(request(b"PUT /v1/users/ann HTTP/1.1", KEY, JSON, b"Transfer-Encoding: chunked") + b"zz\r\n{}")
        status, headers, _ = _plain(client)
        assert (status, headers["connection"]) == (400, "close")


def _plain(client: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """A response without a date."""
    raw = b""
    while more := client.recv(65536):
        raw += more
    head, _, body = raw.partition(b"\r\n\r\n")
    rows = [row.split(": ", 1) for row in head.decode().split("\r\n")[1:]]
    return int(head.split()[1]), dict(rows), body


def test_only_what_comes_in_whole_takes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    app, taken = create_app(fresh_worlds(), SPEC), []
    respond_at_once = app.respond_at_once
    monkeypatch.setattr(app, "respond_at_once", lambda *asked: taken.append(asked[1]) or respond_at_once(*asked))
    with served(app, http=Protocol) as server:
        raw = REQUESTS["event"]
        assert send_pieces(server, raw[:-3], raw[-3:])[0] == send_pieces(server, raw)[0] == 201
    assert taken.count(b"/v1/metrics/words-written/event") == 1


def test_who_falls_silent_is_hung_up_on() -> None:
    with served(http=Protocol, keep_alive=0.1) as server, closing(server.connect()) as client:
        reader = Reader(client)
        for name in ("read", "method without a short way", "read"):
            client.sendall(REQUESTS[name])
            assert reader.read_response()[0] >= 400  # there is no such user, and no such method
        assert reader.read_response()[0] == 0


def test_who_waits_longer_for_a_response_than_others_may_be_silent_is_not_hung_up_on() -> None:
    with slow_for("slow", seconds=0.4, keep_alive=0.1) as server, closing(server.connect()) as client:
        wanted = ["fast", "slow"]  # the first one is accepted at once, and from then on the connection is watched
        client.sendall(b"".join(request(f"GET /v1/users/{user} HTTP/1.1".encode(), KEY) for user in wanted))
        reader = Reader(client)
        assert [reader.read_response()[0] for _ in wanted] == [422, 422]


@pytest.mark.parametrize("end", [None, -3])
def test_an_address_without_end_is_refused_whatever_way_it_comes(server: Served, end: int | None) -> None:
    raw = request(b"PUT /v1/users/ann?" + b"a" * 66_000 + b" HTTP/1.1", KEY, JSON, body=b"{}    ")
    with closing(server.connect()) as client:
        client.sendall(raw[:end])
        assert _plain(client)[0] == 400


def test_a_defect_is_told_once_logged_and_never_blamed_on_the_client(caplog: pytest.LogCaptureFixture) -> None:
    def before(call: Call) -> Intervention | None:
        if call.path.endswith("before"):
            raise ZeroDivisionError
        return None

    def after(call: Call, response: Response) -> None:
        if call.path.endswith("after"):
            raise ZeroDivisionError

    app = create_app(fresh_worlds(), SPEC, before=before, after=after)
    with served(app, http=Protocol) as server, closing(server.connect()) as client:
        reader = Reader(client)
        for user, status in (("before", 500), ("after", 200), ("neither", 200)):
            client.sendall(request(f"PUT /v1/users/{user} HTTP/1.1".encode(), KEY, JSON, body=b"{}"))
            assert reader.read_response()[0] == status
    assert [row.exc_info[0] for row in caplog.records if row.exc_info] == [ZeroDivisionError] * 2


def test_who_says_that_nothing_more_comes_still_gets_the_responses(server: Served) -> None:
    with closing(server.connect()) as client:
        client.sendall(2 * REQUESTS["event"])
        client.shutdown(socket.SHUT_WR)
        reader = Reader(client)
        assert [reader.read_response()[0] for _ in range(3)] == [201, 201, 0]


def test_what_is_no_http_after_a_request_is_refused_after_its_response(server: Served) -> None:
    with closing(server.connect()) as client:
        client.sendall(REQUESTS["event"] + b"nonsense\r\n\r\n")
        assert Reader(client).read_response()[0] == 201


def test_a_dropped_request_is_over_though_another_one_waits_behind_it() -> None:
    left: list[set[asyncio.Task[Any]]] = []

    async def drop_it() -> Response | None:
        return DROPPED

    async def look() -> Response | None:
        left.append({task for task in asyncio.all_tasks() if "run_asgi" in repr(task)} - {asyncio.current_task()})
        return None

    def before(call: Call) -> Intervention | None:
        return {"dropped": drop_it, "look": look}.get(call.path.rpartition("/")[2])

    with served(create_app(fresh_worlds(), SPEC, before=before), http=Protocol) as server:
        with closing(server.connect()) as client:
            client.sendall(2 * request(b"GET /v1/users/dropped HTTP/1.1", KEY))
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        server.call("GET", "/v1/users/anybody")  # one turn more
        server.call("GET", "/v1/users/look")
    assert left == [set()]

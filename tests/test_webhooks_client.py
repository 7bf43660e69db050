"""The client of deliveries, against receivers that respond in every way that HTTP/1.1 allows, and in others."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from deliveries import play

from mockserver.webhooks.client import Client

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Outcome = tuple[int | None, str | None]


class Raw:
    """A receiver that writes the given bytes after each request; it notes requests and how many connections came."""

    def __init__(self, *responses: bytes, close: bool = False) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self._responses, self._close = list(responses), close
        self._tasks: list[asyncio.Task[Any]] = []

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[int]:
        """Its port; afterwards no connection is left."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.append(task)
        try:
            await self._respond(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _respond(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            self.requests.append(head + await reader.readexactly(length))
            response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
            for part in response.split(b"|"):  # one segment after the other
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.001)
            if self._close:
                return


def send_request(
    raw: Raw, times: int = 1, url: str = "http://127.0.0.1:{port}/trophy", timeout: float = 10
) -> list[Outcome]:
    """What comes of requests, one after the other."""

    async def story() -> list[Outcome]:
        async with raw.serving() as port:
            client = Client(url.format(port=port), timeout)
            try:
                return [await one(client) for _ in range(times)]
            finally:
                await client.close()

    return play(story)  # type: ignore[no-any-return]


async def one(client: Client) -> Outcome:
    ended: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    client.post(b"{}", b"X-One: 1\r\n", lambda status, error: ended.set_result((status, error)))
    assert not ended.done()
    return await ended


@pytest.mark.parametrize(
    ("response", "close"),
    [
        (OK, False),
        (b"HTTP/1.1 20|0 OK\r\nConte|nt-Length: 2\r\n\r\no|k", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n|0\r\n\r\n", False),
        (b"HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n|" + OK, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", True),
        (b"HTTP/1.0 200 OK\r\n\r\n", True),
    ],
)
def test_a_response_is_complete_when_http_says_so(response: bytes, close: bool) -> None:
    raw = Raw(response, close=close)
    ((status, error), *others) = send_request(raw, times=3)
    assert (status, error) == (204 if b"204" in response else 200, None)
    assert set(others) == {(status, None)}
    assert raw.connections == (3 if close else 1)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"", (None, "RemoteProtocolError: the connection was closed without a response")),
        (b"HTTP/1.1 200 OK\r\nContent-Le", (None, "RemoteProtocolError: the connection was closed without a response")),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
            (200, "RemoteProtocolError: the connection was closed before the response was complete"),
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n", (None, "RemoteProtocolError: the connection was closed without a response")),
        (b"SSH-2.0-OpenSSH_9\r\n", (None, "RemoteProtocolError: Expected HTTP/, RTSP/ or ICE/")),
    ],
)
def test_a_response_that_is_none_is_an_error_with_its_reason(response: bytes, expected: Outcome) -> None:
    ((status, error),) = send_request(Raw(response, close=True))
    assert status == expected[0]
    assert str(error).startswith(str(expected[1]).split(",")[0])


def test_a_status_that_promises_another_protocol_is_the_response() -> None:
    raw = Raw(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nwhatever", OK)
    assert send_request(raw, times=2) == [(101, None), (200, None)]
    assert raw.connections == 2


def test_no_more_is_read_than_is_needed() -> None:
    endless = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 200_000, OK)
    assert send_request(endless, times=2) == [(200, None), (200, None)]
    assert endless.connections == 2
    ((status, error),) = send_request(Raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000))
    assert (status, str(error)[:19]) == (None, "RemoteProtocolError")


@pytest.mark.parametrize("extra", [OK, b"rubbish"])
def test_what_comes_after_a_response_is_not_taken_for_the_next_one(extra: bytes) -> None:
    refusing = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    raw = Raw(OK + extra, refusing)
    assert send_request(raw, times=2) == [(200, None), (500, None)]
    assert raw.connections == 2


def test_a_connection_that_the_receiver_closed_meanwhile_is_not_used_again() -> None:
    raw = Raw(OK, close=True)

    async def story() -> list[Outcome]:
        outcomes = []
        async with raw.serving() as port:
            client = Client(f"http://127.0.0.1:{port}/", 10)
            for number in range(1, 4):
                outcomes.append(await one(client))
                while client._idle and client._idle[0].usable:
                    await asyncio.sleep(0.001)
                assert raw.connections == number
            await client.close()
        return outcomes

    assert play(story) == [(200, None)] * 3


def test_a_handler_that_takes_too_long_gets_no_more_time() -> None:
    late = "no complete response within 0.1 s"
    assert send_request(Raw(b"|" * 400), timeout=0.1) == [(None, late)]
    assert send_request(Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n" + b"|" * 400), timeout=0.1) == [(200, late)]


@pytest.mark.parametrize(
    ("url", "line", "host"),
    [
        ("http://127.0.0.1:{port}", b"POST / HTTP/1.1", b"127.0.0.1:{port}"),
        ("http://127.0.0.1:{port}/a%20b/ü?q=ö&r=%2F#f", b"POST /a%20b/%C3%BC?q=%C3%B6&r=%2F HTTP/1.1", None),
        ("http://localhost:{port}/x", b"POST /x HTTP/1.1", b"localhost:{port}"),
    ],
)
def test_the_request_is_made_from_the_url(url: str, line: bytes, host: bytes | None) -> None:
    raw = Raw(OK)
    assert send_request(raw, url=url) == [(200, None)]
    head, body = raw.requests[0].split(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    assert first == line
    assert body == b"{}"
    fields = dict(row.split(b": ") for row in headers)
    assert fields.keys() == {b"Host", b"Accept", b"User-Agent", b"Content-Type", b"X-One", b"Content-Length"}
    if host is not None:
        assert fields[b"Host"].split(b":")[0] == host.split(b":")[0]


def test_a_name_and_a_password_in_the_url_are_sent_as_such() -> None:
    raw = Raw(OK)
    assert send_request(raw, url="http://m%40x:s%3Acret@127.0.0.1:{port}/") == [(200, None)]
    expected = b"Authorization: Basic " + base64.b64encode(b"m@x:s:cret")
    assert expected in raw.requests[0].split(b"\r\n")


def test_after_its_end_a_client_says_nothing() -> None:
    said: list[Any] = []

    async def story() -> None:
        async with Raw(b"|" * 400).serving() as port:
            client = Client(f"http://127.0.0.1:{port}/", 10)
            client.post(b"{}", b"", lambda *outcome: said.append(outcome))
            for _ in range(10):
                await asyncio.sleep(0.001)
            client.post(b"{}", b"", lambda *outcome: said.append(outcome))  # still connecting
            await client.close()
            await asyncio.sleep(0.01)

    play(story)
    assert said == []

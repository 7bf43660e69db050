"""`python -m benchmarks.receiver PORT MILLISECONDS`: takes webhooks, and returns 200 after that time."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from benchmarks.processes import HOST

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"


class Receiver(asyncio.Protocol):
    """One connection; requests come whole or in pieces, one at a time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]) if b"POST" in head else 0
        if len(body) >= length:
            self._read = body[length:]
            if self._seconds:
                asyncio.get_running_loop().call_later(self._seconds, self._transport.write, OK)  # type: ignore[attr-defined]
            else:
                self._transport.write(OK)  # type: ignore[attr-defined]


async def receive(port: int, seconds: float) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(seconds), HOST, port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(receive(int(sys.argv[1]), float(sys.argv[2]) / 1000))

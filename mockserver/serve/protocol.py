"""HTTP as the server speaks it: uvicorn's, but what one connection can fill the memory with has a limit, and what is
no HTTP is told in JSON."""

from __future__ import annotations

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 64 * 1024  # bytes of a request's line and headers that are waited for, beside the first that come in


class Protocol(HttpToolsProtocol):
    """Give it to uvicorn as `http`."""

    _in_head = False
    _head = 0

    def on_message_begin(self) -> None:
        self._in_head, self._head = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.pipeline:  # uvicorn would read on with every answer, however many requests wait already
            self.flow.pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.cycle = None  # type: ignore[assignment]  # it knows the protocol too: neither would go, nor the body

    def data_received(self, data: bytes) -> None:
        self._head += len(data) if self._in_head else 0
        super().data_received(data)  # where another head begins, the count does too
        if self._in_head and self._head > LARGEST_HEAD:
            self.send_400_response(f"The request's line and headers must be at most {LARGEST_HEAD} bytes.")

    def send_400_response(self, msg: str) -> None:
        """Says what is wrong, in the API's shape of errors, and hangs up."""
        if self.transport.is_closing():
            return
        body = orjson.dumps({"error": msg})
        head = "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n"
        self.transport.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        self.transport.close()

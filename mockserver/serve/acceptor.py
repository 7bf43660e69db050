"""Accepts connections: all that wait at once, and again after file descriptors have run out.

uvloop's own servers take one connection in each turn of the loop, so that of many clients that reconnect while others
are busy some wait for seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

MOST_AT_ONCE = 256  # connections taken in one turn
RETRY_AFTER = 0.5  # seconds until it is tried again when none could be taken
WARN_EVERY = 10.0  # seconds between two complaints

log = logging.getLogger("mockserver")


class Acceptor:
    """One listening socket. It has the interface of an asyncio server; the socket stays the owner's."""

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._listening = listening
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._connecting: set[asyncio.Task[object]] = set()
        self._closed = False
        self._last_warning: float | None = None  # by the loop's clock, when it last complained

    def open(self) -> None:
        """Takes connections from now on. NotImplementedError on a loop that cannot watch sockets."""
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening.fileno(), self._accept)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Connections that were taken have their protocol."""
        if self._connecting:
            await asyncio.wait(self._connecting)

    def _accept(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # it left while it waited
            except OSError as error:
                self._pause(error)
                return
            task = self._loop.create_task(self._serve_connection(connection))
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    async def _serve_connection(self, connection: socket.socket) -> None:
        try:
            connection.setblocking(False)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # refused by macOS when it has left
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as error:
            connection.close()
            log.warning("A connection was lost before it was served: %s.", error)

    def _pause(self, error: OSError) -> None:
        """No file descriptor is left, or no memory: those who come wait until there is one again."""
        now = self._loop.time()
        if self._last_warning is None or now - self._last_warning >= WARN_EVERY:
            self._last_warning = now
            log.error("No connection can be taken: %s. Those who come wait until others have left.", error.strerror)
        self._loop.remove_reader(self._listening.fileno())
        self._loop.call_later(RETRY_AFTER, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)

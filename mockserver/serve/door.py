"""Where connections come in: all that wait are taken at once, and a want of file descriptors is told and outlived.

uvloop's own servers take one connection in each turn of the loop, so that of many clients that reconnect while others
are busy some wait for seconds.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable

MOST_AT_ONCE = 256  # connections taken in one turn
REST = 0.5  # seconds until it is tried again when none could be taken
SILENCE = 10.0  # seconds between two complaints

log = logging.getLogger("mockserver")


class Door:
    """One listening socket. It looks like an asyncio server to whoever closes it; the socket stays the owner's."""

    def __init__(self, listening: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self._listening = listening
        self._protocol = protocol
        self._loop = asyncio.get_running_loop()
        self._coming: set[asyncio.Task[object]] = set()
        self._closed = False
        self._told: float | None = None  # by the loop's clock, when it last complained

    def open(self) -> None:
        """Takes connections from now on. NotImplementedError on a loop that cannot watch sockets."""
        self._listening.setblocking(False)
        self._loop.add_reader(self._listening.fileno(), self._take)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._listening.fileno())

    async def wait_closed(self) -> None:
        """Connections that were taken have their protocol."""
        if self._coming:
            await asyncio.wait(self._coming)

    def _take(self) -> None:
        for _ in range(MOST_AT_ONCE):
            try:
                connection, _ = self._listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionAbortedError:
                continue  # it left while it waited
            except OSError as trouble:
                self._pause(trouble)
                return
            connection.setblocking(False)
            if connection.family != socket.AF_UNIX:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            task = self._loop.create_task(self._let_in(connection))
            self._coming.add(task)
            task.add_done_callback(self._coming.discard)

    async def _let_in(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection)
        except OSError as trouble:
            connection.close()
            log.warning("A connection was lost before it was served: %s.", trouble)

    def _pause(self, trouble: OSError) -> None:
        """No file descriptor is left, or no memory: those who come wait until there is one again."""
        now = self._loop.time()
        if self._told is None or now - self._told >= SILENCE:
            self._told = now
            log.error("No connection can be taken: %s. Those who come wait until others have left.", trouble.strerror)
        self._loop.remove_reader(self._listening.fileno())
        self._loop.call_later(REST, self._resume)

    def _resume(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._listening.fileno(), self._take)

"""The socket that a server listens on."""

from __future__ import annotations

import os
import socket

BACKLOG = 2048


def open_socket(host: str, port: int) -> socket.socket:
    """Takes connections from now on; port 0 is any free one. Raises OSError, or UnicodeError for an odd host.

    It says that it speaks TCP, which `socket.create_server` leaves open: without that, asyncio does not send small
    packets at once, and every answer takes 40 milliseconds.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening

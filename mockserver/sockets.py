"""The socket that a server or a receiver listens on, and what to say where that cannot be."""

from __future__ import annotations

import errno
import os
import socket

import click

BACKLOG = 2048


class CannotListen(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that takes connections already, so that a taken port is told at once. CannotListen, with the reason."""
    try:
        return open_socket(host, port)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", -1)
        if number < 0:  # of looking the name up
            raise CannotListen(f"Cannot listen on {host}: no such host is known here.") from None
        if number == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} of {host} is taken: choose another with --port, or any free one with --port 0."
            ) from None
        raise CannotListen(f"Cannot listen on {host}:{port}: {os.strerror(number)}.") from None


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


def local_url(host: str, port: int) -> str:
    """The address to give to clients on this machine; every address means the loopback one here."""
    local = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{local}]' if ':' in local else local}:{port}"

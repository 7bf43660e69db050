"""The sockets that a server or a receiver listens on, and what to say where that cannot be."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence

import click

BACKLOG = 2048
# Seconds. Clients keep connections in pools, and one that the server closes first fails the request that is just then
# sent on it; the pools of Node and aiohttp wait for 4 to 60 seconds, load balancers for 60.
KEEP_ALIVE = 75.0
LONGEST_KEEP_ALIVE = 86_400.0
TRIES = 20  # any free port of one address may be taken at another


class CannotListen(click.ClickException):
    """One sentence, exit code 2."""

    exit_code = 2


def listen_on(host: str, port: int) -> list[socket.socket]:
    """Sockets that take connections already, so that a taken port is told at once. CannotListen, with the reason."""
    if not host:  # which would mean all addresses: nobody says that by an empty variable
        raise CannotListen("--host must not be empty; 0.0.0.0 stands for all addresses.")
    try:
        return open_sockets(host, port)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None)
        if isinstance(error, socket.gaierror | UnicodeError):  # whose numbers are of another kind, and differ by system
            raise CannotListen(f"Cannot listen on {host}: no such host is known here.") from None
        if number == errno.EADDRINUSE:
            raise CannotListen(
                f"Port {port} of {host} is taken: choose another with --port, or any free one with --port 0."
            ) from None
        raise CannotListen(f"Cannot listen on {host}:{port}: {error.strerror}.") from None


def open_sockets(host: str, port: int) -> list[socket.socket]:
    """One socket for each address of the host, as localhost has two, and all on one port; 0 is any free one.

    They take connections from now on. Raises OSError, or UnicodeError for an odd host.
    """
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = list(dict.fromkeys((family, str(place[0])) for family, _, _, _, place in found))
    for attempt in range(1, TRIES + 1):
        try:
            return _open_all(addresses, port)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE or attempt == TRIES:
                raise
    raise AssertionError  # the last attempt returns or raises


def _open_all(addresses: Sequence[tuple[int, str]], port: int) -> list[socket.socket]:
    """An address that this machine does not have is left out, as long as there is another."""
    opened: list[socket.socket] = []
    failure: OSError | None = None
    try:
        for family, address in addresses:
            try:
                opened.append(_open_one(family, address, port))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                failure = error
            else:
                port = opened[-1].getsockname()[1]
        if not opened and failure is not None:
            raise failure
    except BaseException:
        for each in opened:
            each.close()
        raise
    return opened


def _open_one(family: int, address: str, port: int) -> socket.socket:
    """It says that it speaks TCP, which `socket.create_server` leaves open: without that, asyncio does not send small
    packets at once, and every response takes 40 milliseconds."""
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":  # elsewhere it would let two servers have one port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind((address, port))
        listening.listen(BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening


def local_host(host: str) -> str:
    """What this machine calls it: every address means the loopback one here."""
    return {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)


def local_url(host: str, port: int) -> str:
    """The address to give to clients on this machine."""
    local = local_host(host)
    return f"http://{f'[{local}]' if ':' in local else local}:{port}"

"""Which `Host` names a server accepts, so that no web page can reach it under a name of its own (DNS rebinding)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from mockserver.cors import Origins

ANY = "*"
OPTION = "--allowed-host (MOCKSERVER_ALLOWED_HOST)"
CORS = "--cors (MOCKSERVER_CORS)"
CORS_CONTROL = "--cors-control (MOCKSERVER_CORS_CONTROL)"
EXPECTED = (
    "a name such as host.docker.internal, without scheme, port or path, *.NAME for all below it, or * for every one"
)

_NAME = re.compile(r"\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*", re.ASCII)


class CorsOrigins(NamedTuple):
    """Whose pages may call the APIs, and the control plane; None: those of no other origin."""

    api: Origins | None = None
    control: Origins | None = None


def cors_origins(api: Iterable[str], control: Iterable[str]) -> CorsOrigins:
    """From origins as they are given. ValueError for what can be none."""
    api, control = tuple(api), tuple(control)
    return CorsOrigins(Origins(api, CORS) if api else None, Origins(control, CORS_CONTROL) if control else None)


class Hosts:
    """Names that are accepted: `localhost` and what ends with `.localhost`, IP addresses, the name that the server
    was told to listen on, and those that are allowed besides (`*.example.com`: all below it; `*`: every name).

    An IP address is safe: a page has to have a name to be pointed at another address.
    """

    def __init__(self, bound: str, allowed: Iterable[str] = ()) -> None:
        """ValueError for what is allowed and no request can be for."""
        names = [_allowed(name) for name in allowed]
        self._any = ANY in names
        self._names = {"localhost", bound.lower(), *names}
        self._ends = (".localhost", *(name[1:] for name in names if name.startswith("*.")))
        self._known: dict[bytes, bool] = {}

    def accepts(self, host: bytes) -> bool:
        """Whether that value of the header `Host` is accepted; its port does not matter."""
        known = self._known.get(host)
        if known is None:
            known = self._allows(_name(host.decode("latin-1")))
            if len(self._known) < 256:
                self._known[host] = known
        return known

    def allows_origin(self, origin: bytes) -> bool:
        """Whether pages of that `Origin` may make requests: those of this machine and of the allowed names."""
        try:
            name = urlsplit(origin.decode("latin-1")).hostname
        except ValueError:
            return False
        return name is not None and self._allows(name)

    def _allows(self, name: str | None) -> bool:
        if name is None:
            return False
        name = name.lower().rstrip(".")
        return self._any or name in self._names or name.endswith(self._ends) or _is_address(name)


def _allowed(name: str) -> str:
    """As it is compared. ValueError."""
    plain = name.lower().rstrip(".")
    if not (_NAME.fullmatch(plain) or _is_address(plain)):
        raise ValueError(f"expected {EXPECTED}; found {name!r}")
    return plain


def _name(host: str) -> str | None:
    """The name in `name:port`; None when it is neither."""
    if host.startswith("["):
        name, closing, port = host[1:].partition("]")
        port = port.removeprefix(":") if closing else "?"
    else:
        name, _, port = host.partition(":")
    return name if name and (not port or port.isdecimal()) else None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True

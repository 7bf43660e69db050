"""Scripts on web pages of other origins: which of them may call, and the headers by which a browser learns it (the CORS
protocol of the Fetch standard). Cookies are never wanted: a key opens a world, and it is sent in a header."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mockserver.exchange import Response, error_response, send_response

ANY = "*"
EXPECTED = "an origin such as http://localhost:5173 or https://*.example.com, without a path, or * for every one"

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:\*\.)?(?:[a-z0-9_.-]+|\[[0-9a-f:]+\])(?::\d{1,5})?|null", re.ASCII)
_PORTS = {"http": ":80", "https": ":443"}  # browsers leave them out
_REMEMBERED = 256  # origins

METHODS = b"GET, POST, PUT, PATCH, DELETE"
SHOWN = b"Retry-After, X-RateLimit-Reset, Preference-Applied, X-Mock-Fault"  # beside those that scripts always see
MAX_AGE = b"600"  # seconds for which a browser need not ask again

Headers = Iterable[tuple[bytes, bytes]]


class Origins:
    """Origins whose pages may call. ValueError for what can be none. `option`: how others are let in."""

    def __init__(self, allowed: Iterable[str], option: str) -> None:
        names = [_plain(one) for one in allowed]
        self._any = ANY in names
        self._names = {name.encode() for name in names if "*" not in name}
        self._ends = [tuple(name.encode().split(b"*")) for name in names if "://*." in name]
        self._option = option
        self._known: dict[bytes, tuple[tuple[bytes, bytes], ...]] = {}

    def allows(self, origin: bytes) -> bool:
        """Whether pages of that value of the header `Origin` may call."""
        if self._any or origin in self._names:
            return True
        return any(origin.startswith(begin) and origin.endswith(end) for begin, end in self._ends)

    def headers(self, sent: Headers) -> tuple[tuple[bytes, bytes], ...]:
        """What a response to that request also says; nothing to those that no page made, or one that may not call."""
        origin = _sent(sent, b"origin")
        if origin is None or not self.allows(origin):
            return ()
        if (known := self._known.get(origin)) is not None:
            return known
        shown = (b"access-control-expose-headers", SHOWN)
        if self._any:
            found: tuple[tuple[bytes, bytes], ...] = ((b"access-control-allow-origin", b"*"), shown)
        else:
            found = ((b"access-control-allow-origin", origin), shown, (b"vary", b"Origin"))
        if len(self._known) < _REMEMBERED:
            self._known[origin] = found
        return found

    def on(self, response: Response, sent: Headers) -> Response:
        """The response to that request, readable for scripts that may call."""
        more = self.headers(sent) if response.status else ()  # a dropped connection has no headers
        return replace(response, headers=(*response.headers, *more)) if more else response

    def writing(self, write: Callable[[Response], None], sent: Headers) -> Callable[[Response], None]:
        """What writes the response to that request, whichever it will be, as `on` makes it."""
        more = self.headers(sent)
        return (lambda response: write(replace(response, headers=(*response.headers, *more)))) if more else write

    def preflight(self, sent: Headers) -> Response | None:
        """The response to a browser that asks whether it may make a request, before `on`; None when it does not ask."""
        sent = list(sent)
        origin = _sent(sent, b"origin")
        if origin is None or _sent(sent, b"access-control-request-method") is None:
            return None
        if not self.allows(origin):
            name = ascii(origin[:200].decode("latin-1"))
            return error_response(403, f"Pages of {name} may not call this: allow the origin with {self._option}.")
        found = [(b"access-control-allow-methods", METHODS), (b"access-control-max-age", MAX_AGE)]
        if wanted := _sent(sent, b"access-control-request-headers"):
            found.append((b"access-control-allow-headers", wanted))
        if _sent(sent, b"access-control-request-private-network") == b"true":
            found.append((b"access-control-allow-private-network", b"true"))
        return Response(204, b"", tuple(found))

    async def around(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Calls an application whose responses are no `Response`."""
        if scope["method"] == "OPTIONS" and (preflight := self.preflight(scope["headers"])) is not None:
            await send_response(self.on(preflight, scope["headers"]), send)
            return
        more = self.headers(scope["headers"])

        async def send_more(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await app(scope, receive, send_more if more else send)


def _sent(headers: Headers, name: bytes) -> bytes | None:
    return next((value for given, value in headers if given == name), None)


def _plain(origin: str) -> str:
    """As a browser writes it. ValueError."""
    name = origin.strip().lower()
    if name != ANY and not _ORIGIN.fullmatch(name):
        raise ValueError(f"expected {EXPECTED}; found {origin!r}")
    return name.removesuffix(_PORTS.get(name.partition("://")[0], "/"))

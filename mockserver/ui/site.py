"""The page's routes and its access checks: the token, the browser's headers, and that changes come from the page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from mockserver.exchange import Disconnected, TooLarge, read_body
from mockserver.ui.formatting import HOME

if TYPE_CHECKING:
    from mockserver.ui.calls import CallFailed
    from mockserver.ui.layout import Visit

STATIC = Path(__file__).parent / "static"
TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
TOKEN = "mock_token"
LONGEST_VISIT = 12 * 3600  # seconds that a browser keeps the token
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Site:
    """The page of one server, an ASGI application. `key`: of the world that is shown first."""

    def __init__(self, key: str) -> None:
        from mockserver.ui.results import Results

        self.key = key
        self.results = Results()

    @property
    def routes(self) -> list[BaseRoute]:
        """To be mounted under `/_mock`."""
        return [
            Route("/ui/static/{name}", static),
            Route("/ui", self, methods=["GET", "POST"]),
            Route("/ui/{view:path}", self, methods=["GET", "POST"]),
        ]

    @property
    def front(self) -> list[BaseRoute]:
        """What a browser finds at the root of the server; 404 for requests that do not accept HTML."""
        return [Route("/", redirect_to_page)]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        view = request.path_params.get("view", "").strip("/")
        if view == "stream" and request.method == "GET":
            await self._stream(request, receive, send)
            return
        try:
            response = await (
                self._do(request, view, receive) if request.method == "POST" else self._show(request, view)
            )
        except Disconnected:
            return
        guard(response, request)
        await response(scope, receive, send)

    async def _show(self, request: Request, view: str) -> Response:
        from mockserver.ui import layout
        from mockserver.ui.views import VIEWS

        if view not in VIEWS:
            raise HTTPException(404)
        visit = self._visit(request, view)
        try:
            await layout.tenant_of(visit)
            return await VIEWS[view](visit)
        except layout.CallFailed as error:
            return await self._failed(visit, error)

    async def _failed(self, visit: Visit, error: CallFailed) -> Response:
        """What was refused; where the server wants a token that this browser does not have, the way in."""
        from mockserver.ui import layout

        if error.reply.status == 401 and (await visit.root_calls.control("GET", "/clock")).status == 401:
            return layout.login(wrong=TOKEN in visit.request.cookies)
        return layout.failed(visit, error)

    async def _do(self, request: Request, view: str, receive: Receive) -> Response:
        from mockserver.ui import layout
        from mockserver.ui.actions import ACTIONS, done

        visit = self._visit(request, view)
        if not comes_from_the_page(request.headers):
            sentence = "This change did not come from the page itself, so nothing was done."
            return layout.refused(visit, 403, sentence)
        try:
            visit.take_form(await read_body(receive, dict(request.scope["headers"])))
        except TooLarge:
            return layout.refused(visit, 413, "What was sent is longer than 1 MiB.")
        if view in ("login", "logout"):
            return await self._log_in(request, visit.form.get("token", "") if view == "login" else "")
        if view not in ACTIONS:
            raise HTTPException(404)
        try:
            await layout.tenant_of(visit)
            return done(visit, await ACTIONS[view](visit))
        except layout.CallFailed as error:
            return await self._failed(visit, error)

    def _visit(self, request: Request, view: str) -> Visit:
        from mockserver.ui.layout import Visit

        return Visit(request, view, self.key, request.cookies.get(TOKEN), self.results)

    async def _log_in(self, request: Request, token: str) -> Response:
        """Keeps a token that opens the control plane; without one the browser forgets it."""
        from mockserver.ui import layout

        response: Response = RedirectResponse(HOME, 303)
        if not token:
            response.delete_cookie(TOKEN, path=HOME, httponly=True, samesite="strict")
            return response
        visit = layout.Visit(request, "", self.key, token, self.results)
        if not token.isascii() or (await visit.root_calls.control("GET", "/clock")).status == 401:
            return layout.login(wrong=True)
        secure = request.url.scheme == "https"
        response.set_cookie(
            TOKEN, token, max_age=LONGEST_VISIT, path=HOME, httponly=True, samesite="strict", secure=secure
        )
        return response

    async def _stream(self, request: Request, receive: Receive, send: Send) -> None:
        """The control plane's stream, for a browser, which cannot send headers with it."""
        visit = self._visit(request, "stream")
        more = {name: request.headers[name] for name in ("last-event-id",) if name in request.headers}
        after = request.query_params.get("after", "")
        scope = dict(request.scope) | {
            "path": "/_mock/stream",
            "raw_path": b"/_mock/stream",
            "root_path": "",
            "query_string": b"after=%d" % int(after) if after.isascii() and after.isdigit() else b"",
            "headers": visit.calls.headers(more),
        }
        for name in ("app", "router", "endpoint", "path_params", "app_root_path"):
            scope.pop(name, None)
        await request.app(scope, receive, send)


def guard(response: Response, request: Request) -> None:
    """What every response of the page says to the browser."""
    response.headers.update(HEADERS)
    response.headers.setdefault("Cache-Control", "no-store")


def comes_from_the_page(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that a change was asked for by a page of this very origin.

    `Sec-Fetch-Site` is sent to trustworthy addresses, `Origin` with every form; a client that sends neither is no
    browser and has the control plane itself.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site not in (None, "same-origin"):
        return False
    if origin is None:
        return site == "same-origin"
    return bool(urlsplit(origin).netloc) and urlsplit(origin).netloc == headers.get("host")


async def static(request: Request) -> Response:
    """A file of the page. Its address changes with its content, so it may be kept for ever."""
    name = request.path_params["name"]
    file = STATIC / name
    if file.parent != STATIC or file.suffix not in TYPES or not file.is_file():
        raise HTTPException(404)
    response = Response(file.read_bytes(), headers={"Content-Type": TYPES[file.suffix]})
    response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    guard(response, request)
    return response


async def redirect_to_page(request: Request) -> Response:
    """Leads a browser to the page."""
    if "text/html" not in request.headers.get("accept", ""):
        raise HTTPException(404)
    response = RedirectResponse(HOME, 307)
    guard(response, request)
    return response

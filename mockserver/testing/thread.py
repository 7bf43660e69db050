"""A server that is started as `mockserver serve` starts one, in a thread of this process."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from starlette.types import ASGIApp

from mockserver.app import App
from mockserver.control.fields import read_moment
from mockserver.control.plane import Settings
from mockserver.game.periods import iso
from mockserver.serve.banner import base_url
from mockserver.serve.hosts import cors_origins
from mockserver.serve.options import guarded, hosts_for, key_hint
from mockserver.serve.progress import populate
from mockserver.serve.server import make_app, make_plane
from mockserver.serve.spec_choice import AnySpec, choose_spec
from mockserver.serve.world_source import LocalWorlds, make_keeper
from mockserver.sockets import KEEP_ALIVE, open_sockets
from mockserver.testing.app_thread import AppThread
from mockserver.testing.bridge import transport
from mockserver.testing.options import AnyCatalog, catalog_to_send, catalog_to_serve, check_options
from mockserver.testing.world import MadeWorld, Time, World
from mockserver.webhooks.delivery import CONCURRENCY, Timing
from mockserver.worlds import DEFAULT_KEY, Plan, Worlds

PLAN = {"catalog": "catalog", "seed": 1, "users": 0, "history_days": None, "now": None, "frozen": False}
SOCKETLESS_URL = "http://mockserver"  # where a server without a socket is


class ThreadServer(World):
    """Served from `start` to `stop`, and a `World` itself: its first. `MockServer` says what the options mean."""

    def __init__(
        self,
        *,
        catalog: AnyCatalog = "catalog",
        seed: int = 1,
        users: int = 0,
        history_days: int | None = None,
        now: Time | None = None,
        frozen: bool = False,
        api_key: str = DEFAULT_KEY,
        socket: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        check_responses: bool = True,
        live_statuses: bool = False,
        webhook_retry_delay: float = 60.0,
        webhook_concurrency: int = CONCURRENCY,
        control_token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        cors: Iterable[str] = (),
        cors_control: Iterable[str] = (),
        keep: str | Path | None = None,
        keep_alive: float = KEEP_ALIVE,
        document: AnySpec | None = None,
    ) -> None:
        check_options(
            users=users,
            history_days=history_days,
            webhook_retry_delay=webhook_retry_delay,
            webhook_concurrency=webhook_concurrency,
            keep_alive=keep_alive,
            seed=seed,
            port=port,
            host=host,
            flags={
                "frozen": frozen,
                "socket": socket,
                "check_responses": check_responses,
                "live_statuses": live_statuses,
            },
            headers={"api_key": api_key, "control_token": control_token},
            places={"keep": keep, "document": None if isinstance(document, Mapping) else document},
        )
        token, locked = guarded(host, control_token) if socket else (control_token, False)
        super().__init__(self._opened, SOCKETLESS_URL, api_key, token=token)
        self._plan = Plan(catalog_to_serve(catalog), seed, users, _milliseconds(now), frozen, history_days)
        settings = Settings(
            token=token,
            locked=locked,
            live_statuses=live_statuses,
            timing=Timing(retry_delay=webhook_retry_delay, concurrency=webhook_concurrency),
        )
        named = key_hint(host, (api_key,), "that of MockServer(api_key=…)", settings)
        self._settings = replace(settings, key_hint=named)
        self._check_responses = check_responses
        self._hosts = hosts_for(host, _several("allowed_hosts", allowed_hosts, "names"))
        self._cors = cors_origins(_several("cors", cors, "origins"), _several("cors_control", cors_control, "origins"))
        self._keep = keep
        self._keep_alive = keep_alive
        given = dict(zip(PLAN, (catalog, seed, users, history_days, now, frozen), strict=True))
        self._given = {name for name, default in PLAN.items() if given[name] != default}
        self._spec = document
        self._place = (host, port) if socket else None
        self._here: AppThread | None = None

    def start(self) -> Self:
        """Serves from now on; `stop` ends it. Raises `CatalogError` and `SpecError` for a catalog or spec that
        cannot be used, `LogError` for a directory that cannot be kept in, OSError."""
        if self._here is not None:
            raise RuntimeError("This server runs already.")
        listening = [] if self._place is None else open_sockets(*self._place)
        try:
            application = self._application()
            app_thread = AppThread(application, listening, self._keep_alive)
            app_thread.open()
        except BaseException:
            for each in listening:
                each.close()
            raise
        if self._place is not None:
            self._url = base_url(self._place[0], listening[0].getsockname()[1], application.spec.prefix)
        self._here = app_thread
        return self

    def _application(self) -> App:
        keys, spec = (self.api_key,), choose_spec(self._spec)
        self._url = f"{SOCKETLESS_URL}{spec.prefix}"
        if self._keep is None:
            plane = make_plane(Worlds(self._plan, keys, populate), self._settings, spec)
            return make_app(plane, check_responses=self._check_responses, hosts=self._hosts, cors=self._cors)
        keeper = make_keeper(self._keep)
        source = LocalWorlds(keeper)
        try:
            plane = make_plane(source.worlds(self._plan, keys, populate, self._given), self._settings, spec)
            application = make_app(plane, check_responses=self._check_responses, hosts=self._hosts, cors=self._cors)
            source.bring_up(plane, application)
        except BaseException:
            keeper.close()
            raise
        return application

    def stop(self) -> None:
        """Stops the server, and returns when nothing of it is left; no effect when it does not run. Webhooks
        under way get a few seconds. RuntimeError should it not end within thirty."""
        here, self._here = self._here, None
        if here is not None:
            here.close()

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._here is not None

    @property
    def url(self) -> str:
        """The base URL of the API, /v1 included."""
        self._opened()
        return self._url

    @property
    def control_token(self) -> str | None:
        """What others than this object send as X-Control-Token; None where no token is needed and none was given."""
        return self._token

    @property
    def app(self) -> ASGIApp:
        """The server as an ASGI application that may be called from any event loop.

        `httpx.AsyncClient(transport=httpx.ASGITransport(app=server.app))` needs no socket; so with httpx2. A dropped
        connection is a ConnectionResetError there; `transport` raises the library's own error.
        """
        return self._opened().app

    def transport(self, library: ModuleType) -> Any:
        """For clients of httpx or httpx2, sync and async: `httpx.Client(transport=server.transport(httpx))`."""
        return transport(library, self._opened())

    def world(
        self,
        *,
        catalog: AnyCatalog | None = None,
        seed: int | None = None,
        users: int = 0,
        history_days: int | None = None,
        now: Time | None = None,
        frozen: bool = False,
    ) -> MadeWorld:
        """A fresh world with a key of its own, which no other sees. What is not given is as in `docs/control.md`."""
        moment = _milliseconds(now)
        given = {
            "catalog": None if catalog is None else catalog_to_send(catalog),
            "seed": seed,
            "users": users,
            "historyDays": history_days,
            "now": None if moment is None else iso(moment),
            "frozen": frozen,
        }
        return MadeWorld(self, self.control("POST", "/worlds", given)["apiKey"], lambda: self.running)

    def _opened(self) -> AppThread:
        if self._here is None:
            raise RuntimeError("This server does not run: use it in a with block, or call start().")
        return self._here


def _several(name: str, given: Iterable[str], of: str) -> tuple[str, ...]:
    """ValueError for one text in the place of several, and for what is no text."""
    several = (given,) if isinstance(given, str) or not isinstance(given, Iterable) else tuple(given)
    if several == (given,) or not all(isinstance(one, str) for one in several):
        raise ValueError(f"{name} must be a list of {of}, not {given!r}.")
    return several


def _milliseconds(time: Time | None) -> int | None:
    """Raises ValueError for what is no time that a clock can show."""
    if time is None:
        return None
    text = time.isoformat() if isinstance(time, date) else time
    moment = read_moment(text) if isinstance(text, str) else None
    if moment is None:
        raise ValueError(f"{time!r} is not an ISO 8601 time between 1970 and 9000.")
    return moment

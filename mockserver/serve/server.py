"""A server from its parts, put together in the same way for the command line and for tests in Python."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from socket import socket
from typing import Any, Literal

import uvicorn

from mockserver.app import App, create_app
from mockserver.control import loading
from mockserver.control.plane import ControlPlane, Settings
from mockserver.control.routes import routes
from mockserver.serve.acceptor import Acceptor
from mockserver.serve.catalog_file import CatalogFile
from mockserver.serve.hosts import CorsOrigins, Hosts
from mockserver.serve.protocol import Protocol
from mockserver.serve.spec_choice import choose_spec
from mockserver.serve.upkeep import upkeep
from mockserver.sockets import BACKLOG, KEEP_ALIVE
from mockserver.spec import Spec
from mockserver.ui.site import Site
from mockserver.worlds import Worlds


def make_plane(worlds: Worlds, settings: Settings, spec: Spec | None = None) -> ControlPlane:
    """What stands beside these worlds. `spec`: the one to serve, from `choose_spec`; the one that comes with the
    mock when None. Raises `SpecError` when that is broken."""
    return ControlPlane(worlds, spec or choose_spec(None), settings)


def make_app(
    plane: ControlPlane,
    *,
    check_responses: bool = True,
    watched: CatalogFile | None = None,
    hosts: Hosts | None = None,
    cors: CorsOrigins | None = None,
) -> App:
    """The API and the control plane over its worlds; while its lifespan lasts, their clocks run.

    `hosts`: the names that it accepts on a socket, None: all. `cors`: the pages that may call it.

    Raises `SpecError` when the spec does not fit the code.
    """
    site = Site(plane.worlds.roots[0])
    app = create_app(
        plane.worlds,
        plane.spec,
        check_responses=check_responses,
        control=[*routes(plane), *site.routes],
        front=site.front,
        before=plane.before,
        after=plane.after,
        lifespan=upkeep(plane, watched),
        unknown_key=plane.unknown_key,
    )
    if cors is not None:
        app.cors, app.cors_control = cors
    app.state.stop_waiting, app.state.hosts = plane.stop_waiting, hosts
    plane.replay_operation, plane.load = app.replay, partial(loading.load, plane)
    return app


class Server(uvicorn.Server):
    """Uvicorn's, with `Acceptor`. Before it waits for open requests, those that only wait (for latency, a stream) are
    ended."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        watches = sys.platform != "win32"  # where the loop of asyncio cannot watch a listening socket
        acceptors = [Acceptor(each, self._protocol) for each in sockets or () if watches]
        await super().startup([] if acceptors else sockets)
        for acceptor in acceptors:
            acceptor.open()
        self.servers += acceptors  # type: ignore[arg-type]  # they are closed like servers of asyncio

    def _protocol(self) -> asyncio.Protocol:
        return Protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.stop_waiting()
        await super().shutdown(sockets)


def make_http(app: App, *, lifespan: Literal["auto", "off"] = "auto", keep_alive: float = KEEP_ALIVE) -> uvicorn.Server:
    """What speaks HTTP for it. `lifespan` "off": the caller runs that of the application. `keep_alive`: seconds
    that a connection without requests stays open."""
    return Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            http=Protocol,
            ws="none",
            lifespan=lifespan,
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=keep_alive,  # type: ignore[arg-type]  # seconds need not be whole
        )
    )

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
from mockserver.serve.catalog_file import CatalogFile
from mockserver.serve.door import Door
from mockserver.serve.fit import choose
from mockserver.serve.hosts import Hosts, Shared
from mockserver.serve.protocol import Protocol
from mockserver.serve.upkeep import upkeep
from mockserver.sockets import BACKLOG, KEEP_ALIVE
from mockserver.spec import Document
from mockserver.ui.site import Site
from mockserver.worlds import Worlds


def make_plane(worlds: Worlds, settings: Settings, document: Document | None = None) -> ControlPlane:
    """What stands beside these worlds. `document`: the one to serve, from `fit.choose`; the one that comes with the
    mock when None. Raises `DocumentError` when that is broken."""
    return ControlPlane(worlds, document or choose(None), settings)


def make_app(
    plane: ControlPlane,
    *,
    check_responses: bool = True,
    watched: CatalogFile | None = None,
    hosts: Hosts | None = None,
    shared: Shared | None = None,
) -> App:
    """The API and the control plane over its worlds; while its lifespan lasts, their clocks run.

    `hosts`: the names that it answers to on a socket, None: all. `shared`: the pages that may call it.

    Raises `DocumentError` when the document does not fit the code.
    """
    site = Site(plane.worlds.roots[0])
    app = create_app(
        plane.worlds,
        plane.document,
        check_responses=check_responses,
        control=[*routes(plane), *site.routes],
        front=site.front,
        before=plane.before,
        after=plane.after,
        lifespan=upkeep(plane, watched),
        unknown_key=plane.unknown_key,
    )
    if shared is not None:
        app.cors, app.cors_control = shared
    app.state.hurry, app.state.hosts = plane.hurry, hosts
    plane.repeat, plane.load = app.replay, partial(loading.load, plane)
    return app


class Server(uvicorn.Server):
    """Uvicorn's, with doors of our own. Before it waits for open requests, those that are only made to wait are let
    go."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        watches = sys.platform != "win32"  # where the loop of asyncio cannot watch a listening socket
        doors = [Door(each, self._protocol) for each in sockets or () if watches]
        await super().startup([] if doors else sockets)
        for door in doors:
            door.open()
        self.servers += doors  # type: ignore[arg-type]  # they are closed like servers of asyncio

    def _protocol(self) -> asyncio.Protocol:
        return Protocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        app: Any = self.config.app
        app.state.hurry()
        await super().shutdown(sockets)


def make_http(app: App, *, lifespan: Literal["auto", "off"] = "auto", keep_alive: float = KEEP_ALIVE) -> uvicorn.Server:
    """What speaks HTTP for it. `lifespan` "off": whoever calls keeps that of the application. `keep_alive`: seconds
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

"""A server in this process whose worlds are kept, told things step by step, killed and started again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping, Sequence
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson
from lives import known

from mockserver import catalogs, spec
from mockserver.app import App, create_app
from mockserver.clock import pin
from mockserver.control.loading import LoadedLog, load
from mockserver.control.plane import ControlPlane
from mockserver.control.routes import routes
from mockserver.control.worlds import SentCatalog
from mockserver.exchange import Response
from mockserver.game.periods import iso
from mockserver.keep.keeper import Keeper
from mockserver.log.sqlite import FILE, SqliteStore
from mockserver.serve.progress import populate
from mockserver.testing.bridge import scope_of
from mockserver.worlds import DEFAULT_KEY, Organisation, Plan, Worlds

SPEC = spec.load()
START = 1_768_478_400_000  # 2026-01-15T12:00:00Z
HEADERS = [(b"x-api-key", DEFAULT_KEY.encode()), (b"content-type", b"application/json")]


class Step(NamedTuple):
    """A request, `wait` milliseconds of real time after the one before. The control plane is at /_mock."""

    method: str
    path: str
    body: Any = None
    tenant: str | None = None
    wait: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Server:
    """`directory` None: nothing is kept. `story`: what the world begins with. The real time is what the steps say."""

    def __init__(
        self, directory: Path | None, real: int = START, story: Sequence[bytes] | None = None, **plan: Any
    ) -> None:
        self.now = real
        self.directory = directory
        self.runner = asyncio.Runner()
        with pin(real):
            self.plan = Plan(SentCatalog("catalog"), **plan)
            actual = None if story is None else LoadedLog(list(story))
            worlds = self.make_worlds(actual)
            self.plane = ControlPlane(worlds, SPEC)
            self.app: App = create_app(
                worlds, SPEC, control=routes(self.plane), before=self.plane.before, after=self.plane.after
            )
            self.plane.replay_operation, self.plane.load = self.app.replay, partial(load, self.plane)
            self.runner.run(self.bring_up(actual), context=copy_context())

    def make_worlds(self, story: LoadedLog | None) -> Worlds:
        others = [] if story is None else [story.organisation(DEFAULT_KEY, populate)]
        if self.directory is None:
            self.keeper = None
            return Worlds(self.plan, populate=populate, known=others)
        self.keeper = Keeper(SqliteStore(self.directory))
        return self.keeper.open(self.plan, (DEFAULT_KEY,), populate, others=others)

    async def bring_up(self, story: LoadedLog | None) -> None:
        if self.keeper is not None:
            await self.keeper.bring_up(self.plane)
        if story is not None:
            await story.replay(self.plane, self.world, 0)
            await asyncio.sleep(0)  # the turn ends

    @property
    def world(self) -> Organisation:
        return self.find(DEFAULT_KEY)

    def find(self, key: str) -> Organisation:
        organisation = self.plane.worlds.find(key)
        assert organisation is not None
        return organisation

    def take(self, step: Step) -> tuple[int, Any]:
        """Status and body of the response."""
        self.now += step.wait
        with pin(self.now):
            response = self.runner.run(self._send(step), context=copy_context())
        return response.status, orjson.loads(response.body or b"null")

    async def _send(self, step: Step) -> Response:
        self.plane.tick()
        tenant = [(b"tenant-id", step.tenant.encode())] if step.tenant else []
        headers = [*HEADERS, *tenant, *step.headers]
        body = b"" if step.body is None else orjson.dumps(step.body)
        path, _, query = step.path.partition("?")
        written: list[Response] = []
        if self.app.respond_at_once(step.method, path.encode(), query.encode(), headers, body, written.append):
            await asyncio.sleep(0)  # the turn ends
            return written[0]
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope_of(step.method, path, path.encode(), query.encode(), headers), receive, send)
        return Response(sent[0]["status"], sent[1].get("body", b""))

    def image(self, to: Path) -> Path:
        """What the disk has if the process is killed now."""
        assert self.directory is not None
        to.mkdir()
        for name in (FILE, f"{FILE}-wal"):
            if (self.directory / name).exists():
                shutil.copy(self.directory / name, to / name)
        return to

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *how: object) -> None:
        self.runner.run(self.plane.close())
        if self.keeper is not None:
            self.keeper.store.close()
        self.runner.close()

    def log(self) -> list[bytes]:
        """The records of the first world."""
        assert self.keeper is not None
        return [line for _, line in self.keeper.store.read(DEFAULT_KEY)]

    def everything(self, key: str = DEFAULT_KEY) -> Mapping[str, Any]:
        """All that there is to know about a world and what stands beside it."""
        with pin(self.now):
            organisation, context = self.find(key), self.plane.context(self.find(key))
            organisation.catch_up(organisation.clock.now())
            return {
                "clock": (iso(organisation.clock.now()), organisation.clock.frozen),
                "catalog": catalogs.dump(organisation.catalog),
                "first day": organisation.first_day,
                "worlds": {tenant: known(game.world) for tenant, game in organisation.games.items()},
                "facts": {tenant: list(game.world.journal) for tenant, game in organisation.games.items()},
                "events": [(event.id, event.tenant, event.body) for event in context.webhooks.outbox],
                "let go": context.webhooks.outbox.let_go,
                "deliveries": [(row.id, row.event.id, row.endpoint.id) for row in context.webhooks.log],
                "endpoints": [row.as_json() for row in context.webhooks.endpoints],
                "snapshots": context.snapshots.times(),
                "faults": context.faults.as_json(),
            }

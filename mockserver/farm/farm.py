"""All shared worlds of one server: found when they are first asked for, kept up with, and, on one server of all, told
of by webhook."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mockserver.clock import pin
from mockserver.control.ask import Ask, Row
from mockserver.control.plane import Plane
from mockserver.control.recipe import Recipe, check_recipe, read_recipe, recipe_record
from mockserver.farm.outcomes import Outcomes
from mockserver.farm.replica import Gone, Outcome, Replica
from mockserver.log.jetstream import LEASE, WORLDS, JetStreamHome, subject_of
from mockserver.log.record import Conflict, LogError, decode, encode
from mockserver.spec.binding import Function
from mockserver.worlds import Organisation, Plan, Populate, Worlds

if TYPE_CHECKING:
    from mockserver.app import App

TICK = 0.25  # seconds
LOOK_AROUND = 2.0  # seconds from one look at all worlds to the next
BEAT = 1.0  # seconds from one sign of life of the server that sends webhooks to the next
SILENCE = 4.0  # seconds without one, after which another server takes over

MOST_WAITING = 1000  # webhooks of a world that a server which does not send them keeps in mind

log = logging.getLogger("mockserver")


class Farm:
    """First `prepare`, which makes the worlds; then `join`, once there is an application; then `start` in its loop."""

    def __init__(self, servers: list[str], *, local_reads: bool = False) -> None:
        self._home = JetStreamHome(servers)
        self._local = local_reads
        self._recipes: dict[str, tuple[int, Recipe]] = {}
        self._replicas: dict[str, Replica] = {}
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._id = uuid4().hex
        self._sends = False
        self._lease = (0, 0.0)  # position of the newest sign of life, and when it was first seen

    # At the start

    def prepare(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key: the shared one, or a new one that is shared from now on. Raises `LogError`."""
        made: dict[str, Organisation] = {}
        for key in keys:
            with pin() as real:
                made[key] = Organisation(key, replace(plan, users=0), populate)
                made[key].plan = plan
                line = encode(recipe_record(made[key], 0, (), real))
            asyncio.run(self._agree(key, line))
            recipe = self._recipes[key][1]
            check_recipe(recipe, plan, given, "the cluster")
            if "catalog" in given and getattr(recipe.plan.catalog, "source", None) != getattr(
                plan.catalog, "source", None
            ):
                raise LogError(
                    f"the world of the key {key} in the cluster was made with another catalog than --catalog"
                )
        known = [_organisation(key, self._recipes[key][1], populate) for key in keys]
        return Worlds(plan, keys, populate, known)

    async def _agree(self, key: str, line: bytes) -> None:
        """Whoever comes first says how the world is made."""
        await self._home.open()
        try:
            subject = subject_of(WORLDS, key)
            with suppress(Conflict):
                await self._home.append(subject, 0, line, uuid4().hex)
            self._recipes[key] = await self._recipe(key)
        finally:
            await self._home.close()

    async def _recipe(self, key: str) -> tuple[int, Recipe]:
        newest = await self._home.last(subject_of(WORLDS, key))
        if newest is not None:
            async for message in self._home.read(subject_of(WORLDS, key), 0, newest.position):
                return message.position, read_recipe(decode(message.data))
        raise LogError(f"the cluster has no world of the key {key}")

    def join(self, plane: Plane, app: App) -> None:
        self._plane, self._app = plane, app
        plane.worlds.farm = self

    async def start(self) -> None:
        """Catches up with all worlds that it knows; from here on they are followed. Raises `LogError`."""
        await self._home.open()
        await self._home.watch(self._heard)
        for key, (position, recipe) in self._recipes.items():
            await self._take_up(key, position, recipe)
        self._tasks = [
            asyncio.create_task(self._every(*row))
            for row in ((TICK, self._tick), (LOOK_AROUND, self._look), (BEAT, self._beat))
        ]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._home.close()

    # Being asked

    async def ready(self, key: str) -> None:
        """Brings a world up that is not there yet, if there is one of that key. Raises `LogError`."""
        if key in self._replicas:
            return
        if key not in self._coming:
            self._coming[key] = asyncio.create_task(self._bring_up(key))
        try:
            await asyncio.shield(self._coming[key])
        finally:
            self._coming.pop(key, None)

    async def ask(
        self,
        organisation: Organisation,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Outcome | None:
        """The outcome of a request to an operation; None when the world is gone. Raises `LogError`."""
        try:
            return await self._replicas[organisation.key].ask(name, function, tenant, read, self._local)
        except Gone:
            await self._drop(organisation.key)
            return None

    async def follow(self, organisation: Organisation) -> None:
        if not self._local:
            with suppress(Gone):
                await self._replicas[organisation.key].follow()

    async def call(self, row: Row, ask: Ask) -> Any:
        """The answer of a call of the control plane about a world. Raises `LogError`, `GameError`."""
        replica = self._replicas[ask.organisation.key]
        return await (replica.command(row, ask) if row.kept else replica.look(row, ask))

    async def everywhere(self) -> None:
        """All worlds of the cluster are here. Raises `LogError`."""
        for key in await self._home.counts(WORLDS):
            await self.ready(key)

    def new_key(self) -> str:
        """Servers that share worlds do not count together."""
        digits = secrets.token_hex(20)
        return f"{digits[:8]}.{digits[8:]}"

    async def founded(self, organisation: Organisation, real: int) -> None:
        with pin(real):
            line = encode(recipe_record(organisation, 0, (), real))
        position = await self._home.append(subject_of(WORLDS, organisation.key), 0, line, uuid4().hex)
        await self._take_up(organisation.key, position, read_recipe(decode(line)), organisation)

    async def deleted(self, organisation: Organisation) -> None:
        await self._replicas[organisation.key].delete()
        await self._drop(organisation.key)

    # Inside

    async def _bring_up(self, key: str) -> None:
        newest = await self._home.last(subject_of(WORLDS, key))
        if newest is None or decode(newest.data).name == "deleted":
            return
        position, recipe = await self._recipe(key)
        with suppress(Gone):
            await self._take_up(key, position, recipe)

    async def _take_up(self, key: str, position: int, recipe: Recipe, organisation: Organisation | None = None) -> None:
        worlds = self._plane.worlds
        organisation = organisation or worlds.find(key)
        if organisation is None:
            organisation = await asyncio.to_thread(_organisation, key, recipe, worlds.populate)
        replica = Replica(self._home, self._plane, self._app, organisation, position)
        await replica.side.webhooks.pause(await Outcomes.read(self._home, key))
        await replica.follow()
        if self._sends:
            replica.side.webhooks.go_on()
            replica.side.webhooks.flush()
        self._replicas[key] = replica
        worlds.admit(organisation)

    async def _drop(self, key: str) -> None:
        replica = self._replicas.pop(key, None)
        if replica is not None:
            self._plane.worlds.delete(key)
            await self._plane.dismiss(replica.organisation)

    def _heard(self, subject: str) -> None:
        key = bytes.fromhex(subject.rpartition(".")[2]).decode()
        if key in self._replicas:
            self._replicas[key].dirty = True

    async def _every(self, seconds: float, what: Callable[[], Any]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await what()
            except LogError as error:
                log.debug("%s", error)
            except Exception:
                log.exception("Keeping up with the cluster failed. This is a defect of the mock.")

    async def _tick(self) -> None:
        for key, replica in list(self._replicas.items()):
            try:
                await replica.tick()
            except Gone:
                await self._drop(key)

    async def _look(self) -> None:
        """Hints may be lost; and whoever sends webhooks has to know all worlds."""
        for replica in self._replicas.values():
            replica.dirty = True
        if self._sends:
            await self.everywhere()
            return
        for key, replica in list(self._replicas.items()):
            if replica.side.webhooks.waiting > MOST_WAITING:  # another server has sent most of it long ago
                async with replica.lock:
                    replica.side.webhooks.learn(await Outcomes.read(self._home, key))

    async def _beat(self) -> None:
        """One server sends webhooks: the one whose signs of life are in the log."""
        newest = await self._home.last(LEASE)
        position, seen = self._lease
        if newest is not None and newest.position != position:
            self._lease = position, seen = newest.position, time.monotonic()
        mine = newest is not None and newest.data == self._id.encode()
        if newest is None or mine or time.monotonic() - seen > SILENCE:
            try:
                position = await self._home.append(
                    LEASE, newest.position if newest else 0, self._id.encode(), uuid4().hex
                )
                self._lease, mine = (position, time.monotonic()), True
                await self._home.forget(LEASE, keep=1)
            except Conflict:
                mine = False
        if mine != self._sends:
            self._sends = mine
            await self._change_over()

    async def _change_over(self) -> None:
        log.info("This server %s webhooks.", "sends" if self._sends else "does not send any more")
        for key, replica in list(self._replicas.items()):
            webhooks = replica.side.webhooks
            if not self._sends:
                webhooks.paused = True
                continue
            async with replica.lock:
                webhooks.learn(await Outcomes.read(self._home, key))
                webhooks.go_on()
                webhooks.flush()


def _organisation(key: str, recipe: Recipe, populate: Populate | None) -> Organisation:
    with pin(recipe.real):
        return Organisation(key, replace(recipe.plan, origin=recipe.key), populate)

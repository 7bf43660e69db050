"""How a server comes to the worlds that it shares: the log says how they are made, its options may say nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mockserver.clock import pin
from mockserver.control.loading import LoadedLog
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import check_recipe, read_recipe, recipe_record
from mockserver.farm.checkpoints import Checkpoints, Kept
from mockserver.farm.farm import Farm
from mockserver.farm.replica import At
from mockserver.farm.restored import RestoredWorld, restore_world, usable
from mockserver.game.catalog import WebhookEndpoint
from mockserver.log import shared
from mockserver.log.jetstream import JetStreamStore
from mockserver.log.record import Conflict, LogError, Record, decode
from mockserver.log.shared import Beginning
from mockserver.worlds import Organisation, Plan, Populate, Worlds

if TYPE_CHECKING:
    from mockserver.app import App

Report = Callable[[int], None]
Found = dict[str, tuple[Beginning, Kept | None]]


class Start:
    """First `worlds`, then `bring_up`, once there is a plane with an application over them; the rest happens while the
    server starts to serve. `loaded_log`: what the first world begins with, if nobody has begun it yet."""

    def __init__(
        self,
        servers: list[str],
        checkpoints: Checkpoints,
        *,
        local_reads: bool,
        idle: float,
        endpoints: Sequence[WebhookEndpoint] = (),
        loaded_log: LoadedLog | None = None,
    ) -> None:
        self._store = JetStreamStore(servers)
        self._checkpoints = checkpoints
        self.farm = Farm(self._store, checkpoints, local_reads=local_reads, idle=idle)
        self._endpoints = tuple(endpoints)
        self._loaded_log = loaded_log
        self._to_load = ""

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key: the shared one, or a new one that is shared from now on. Raises `LogError`."""
        loaded = keys[0] if self._loaded_log is not None else None
        with pin() as real:
            recipes = {key: self._recipe(key, plan, populate, real) for key in keys}
        found = asyncio.run(self._agree(recipes, loaded))
        known = []
        for key in keys:
            if key not in found:
                assert self._loaded_log is not None
                self._to_load = key
                known.append(self._loaded_log.organisation(key, populate))
                continue
            if key != loaded:
                _check(key, found[key][0], plan, given)
            restored = restore_world(key, *found[key], populate)
            self.farm.first.append((restored, False))
            known.append(restored.organisation)
        return Worlds(plan, keys, populate, known)

    def _recipe(self, key: str, plan: Plan, populate: Populate, real: int) -> Record:
        organisation = Organisation(key, replace(plan, users=0), populate)
        organisation.plan = plan
        return recipe_record(organisation, 0, self._endpoints, real)

    async def _agree(self, recipes: dict[str, Record], loaded: str | None) -> Found:
        """The first server says how a world is made. The `loaded` one is not among them when it is still to be."""
        await self._store.open()
        try:
            found: Found = {}
            for key, recipe in recipes.items():
                if key == loaded:
                    begun = await self._loaded(key)
                else:
                    with suppress(Conflict):
                        await shared.begin(self._store, key, recipe)
                    begun = await shared.beginning(self._store, key)
                    if begun is None:
                        raise LogError(f"the cluster had a world of the key {key}, which was deleted: take another key")
                if begun is not None:
                    found[key] = begun, await usable(self._store, self._checkpoints, begun)
            return found
        finally:
            await self._store.close()

    async def _loaded(self, key: str) -> Beginning | None:
        """The world that somebody has loaded from the same file before. Raises `LogError` when it is another one."""
        assert self._loaded_log is not None
        begun = await shared.beginning(self._store, key)
        if begun is not None and (begun.staged is None or begun.staged.digest != shared.digest(self._loaded_log.lines)):
            raise LogError(
                f"the cluster holds a world of the key {key} already, and it did not begin with what --load names"
            )
        return begun

    def bring_up(self, plane: ControlPlane, app: App) -> None:
        self.farm.join(plane, app)

    @property
    def total(self) -> int:
        """How many records there are to load."""
        return len(self._loaded_log.lines) if self._loaded_log is not None and self._to_load else 0

    async def load(self, plane: ControlPlane, report: Report | None = None) -> None:
        """Replays the loaded log in the first world, and shares it. Raises `LogError`."""
        if self._loaded_log is None or not self._to_load:
            return
        key = self._to_load
        organisation = plane.worlds.find(key)
        assert organisation is not None
        lines = await self._loaded_log.replay(plane, organisation, 0, report)
        await self._store.open()
        try:
            restored = await self._share(key, organisation, lines)
            if restored is None:  # another server was faster
                begun = await self._loaded(key)
                if begun is None:
                    raise LogError(f"the cluster had a world of the key {key}, which was deleted: take another key")
                await plane.remove(organisation)
                restored = restore_world(key, begun, None, plane.worlds.populate)
                plane.worlds.add(restored.organisation)
        finally:
            await self._store.close()
        self.farm.first.append((restored, restored.organisation is organisation))

    async def _share(self, key: str, organisation: Organisation, lines: list[bytes]) -> RestoredWorld | None:
        assert self._loaded_log is not None
        staged = await shared.stage(self._store, lines[1:], shared.digest(self._loaded_log.lines))
        try:
            begun = await shared.begin(self._store, key, decode(lines[0]), staged)
        except Conflict:
            await shared.forget_staged(self._store, staged)
            return None
        return RestoredWorld(begun, At(begun.position, begun.id, 1), organisation, None)


def _check(key: str, begun: Beginning, plan: Plan, given: Collection[str]) -> None:
    recipe = read_recipe(begun.record)
    check_recipe(recipe, plan, given, "the cluster")
    was, wanted = (getattr(catalog, "source", None) for catalog in (recipe.plan.catalog, plan.catalog))
    if "catalog" in given and was != wanted:
        raise LogError(f"the world of the key {key} in the cluster was made with another catalog than --catalog")

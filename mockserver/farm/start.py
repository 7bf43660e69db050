"""How a server comes to the worlds that it shares: the log says how they are made, its options may say nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from mockserver.clock import pin
from mockserver.control.loading import Story
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import check_recipe, read_recipe, recipe_record
from mockserver.farm.checkpoints import Checkpoints, Kept
from mockserver.farm.farm import Farm
from mockserver.farm.lives import Life, life_of, usable
from mockserver.farm.replica import At
from mockserver.game.catalog import WebhookEndpoint
from mockserver.log import shared
from mockserver.log.jetstream import JetStreamHome
from mockserver.log.record import Conflict, LogError, Record, decode
from mockserver.log.shared import Beginning
from mockserver.worlds import Organisation, Plan, Populate, Worlds

if TYPE_CHECKING:
    from mockserver.app import App

Report = Callable[[int], None]
Found = dict[str, tuple[Beginning, Kept | None]]


class Start:
    """First `worlds`, then `bring_up`, once there is a plane with an application over them; the rest happens while the
    server starts to serve. `story`: what the first world begins with, if nobody has begun it yet."""

    def __init__(
        self,
        servers: list[str],
        checkpoints: Checkpoints,
        *,
        local_reads: bool,
        idle: float,
        endpoints: Sequence[WebhookEndpoint] = (),
        story: Story | None = None,
    ) -> None:
        self._home = JetStreamHome(servers)
        self._checkpoints = checkpoints
        self.farm = Farm(self._home, checkpoints, local_reads=local_reads, idle=idle)
        self._endpoints = tuple(endpoints)
        self._story = story
        self._to_load = ""

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key: the shared one, or a new one that is shared from now on. Raises `LogError`."""
        loaded = keys[0] if self._story is not None else None
        with pin() as real:
            recipes = {key: self._recipe(key, plan, populate, real) for key in keys}
        found = asyncio.run(self._agree(recipes, loaded))
        known = []
        for key in keys:
            if key not in found:
                assert self._story is not None
                self._to_load = key
                known.append(self._story.organisation(key, populate))
                continue
            if key != loaded:
                _check(key, found[key][0], plan, given)
            life = life_of(key, *found[key], populate)
            self.farm.first.append((life, False))
            known.append(life.organisation)
        return Worlds(plan, keys, populate, known)

    def _recipe(self, key: str, plan: Plan, populate: Populate, real: int) -> Record:
        organisation = Organisation(key, replace(plan, users=0), populate)
        organisation.plan = plan
        return recipe_record(organisation, 0, self._endpoints, real)

    async def _agree(self, recipes: dict[str, Record], loaded: str | None) -> Found:
        """Whoever comes first says how a world is made. The `loaded` one is not among them when it is still to be."""
        await self._home.open()
        try:
            found: Found = {}
            for key, recipe in recipes.items():
                if key == loaded:
                    begun = await self._loaded(key)
                else:
                    with suppress(Conflict):
                        await shared.begin(self._home, key, recipe)
                    begun = await shared.beginning(self._home, key)
                    if begun is None:
                        raise LogError(f"the cluster had a world of the key {key}, which was deleted: take another key")
                if begun is not None:
                    found[key] = begun, await usable(self._home, self._checkpoints, begun)
            return found
        finally:
            await self._home.close()

    async def _loaded(self, key: str) -> Beginning | None:
        """The world that somebody has loaded from the same file before. Raises `LogError` when it is another one."""
        assert self._story is not None
        begun = await shared.beginning(self._home, key)
        if begun is not None and (begun.staged is None or begun.staged.digest != shared.digest(self._story.lines)):
            raise LogError(
                f"the cluster holds a world of the key {key} already, and it did not begin with what --load names"
            )
        return begun

    def bring_up(self, plane: ControlPlane, app: App) -> None:
        self.farm.join(plane, app)

    @property
    def total(self) -> int:
        """How many records there are to load."""
        return len(self._story.lines) if self._story is not None and self._to_load else 0

    async def load(self, plane: ControlPlane, report: Report | None = None) -> None:
        """Lets the first world live through its story, and shares it. Raises `LogError`."""
        if self._story is None or not self._to_load:
            return
        key = self._to_load
        organisation = plane.worlds.find(key)
        assert organisation is not None
        lines = await self._story.live_through(plane, organisation, 0, report)
        await self._home.open()
        try:
            life = await self._share(key, organisation, lines)
            if life is None:  # another server was faster
                begun = await self._loaded(key)
                if begun is None:
                    raise LogError(f"the cluster had a world of the key {key}, which was deleted: take another key")
                await plane.dismiss(organisation)
                life = life_of(key, begun, None, plane.worlds.populate)
                plane.worlds.admit(life.organisation)
        finally:
            await self._home.close()
        self.farm.first.append((life, life.organisation is organisation))

    async def _share(self, key: str, organisation: Organisation, lines: list[bytes]) -> Life | None:
        assert self._story is not None
        staged = await shared.stage(self._home, lines[1:], shared.digest(self._story.lines))
        try:
            begun = await shared.begin(self._home, key, decode(lines[0]), staged)
        except Conflict:
            await shared.forget_staged(self._home, staged)
            return None
        return Life(begun, At(begun.position, begun.id, 1), organisation, None)


def _check(key: str, begun: Beginning, plan: Plan, given: Collection[str]) -> None:
    recipe = read_recipe(begun.record)
    check_recipe(recipe, plan, given, "the cluster")
    was, wanted = (getattr(catalog, "source", None) for catalog in (recipe.plan.catalog, plan.catalog))
    if "catalog" in given and was != wanted:
        raise LogError(f"the world of the key {key} in the cluster was made with another catalog than --catalog")

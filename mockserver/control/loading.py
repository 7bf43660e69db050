"""A world from a log that was made elsewhere: its records are replayed, and it goes on from there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mockserver.catalogs import CatalogError
from mockserver.clock import pin
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe, read_recipe
from mockserver.control.replay import forget_waiting, replay_all
from mockserver.log.record import LOADED, LogError, Record, decode, encode
from mockserver.worlds import Organisation, Populate, ShuttingDown

Report = Callable[[int], None]


class LoadedLog:
    """The encoded records of one world, the recipe first. Raises `LogError` when that is none."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.recipe: Recipe = read_recipe(decode(lines[0]))

    def organisation(self, key: str, populate: Populate | None) -> Organisation:
        """The world as it was made; its ids are those that it had under its own key. Raises `LogError`."""
        with pin(self.recipe.real):
            try:
                return Organisation(key, replace(self.recipe.plan, origin=self.recipe.key), populate)
            except CatalogError as error:
                raise LogError(f"the world cannot be made: {error}") from None

    async def replay(
        self, plane: ControlPlane, organisation: Organisation, made: int, report: Report | None = None
    ) -> list[bytes]:
        """Repeats the records. Webhooks that were sent then are not sent again. From here on the world is kept, where
        worlds are. What its log is now. Raises `LogError`."""
        context = plane.context(organisation)
        await context.webhooks.pause(None)
        for row in self.recipe.endpoints:
            context.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
        await replay_all(plane, context, enumerate(self.lines[1:], 2), report)
        context.webhooks.go_on()
        with pin() as real:
            loaded = Record(organisation.clock.now(), LOADED, {}, real=real)
            forget_waiting(context, loaded)
            recipe = decode(self.lines[0])
            recipe = recipe._replace(arguments=recipe.arguments | {"made": made, "fromFile": False})
            lines = [encode(recipe), *self.lines[1:], encode(loaded)]
            if plane.worlds.keeper is not None:
                plane.worlds.keeper.loaded(organisation, lines)
            return lines


async def load(plane: ControlPlane, lines: list[bytes]) -> Organisation:
    """A new world with a key of its own, made from these records. Raises `LogError`, `ShuttingDown`."""
    loaded_log, worlds = LoadedLog(lines), plane.worlds
    key, made = worlds.new_key() if worlds.farm is None else worlds.farm.new_key(), worlds.made
    organisation = await asyncio.to_thread(loaded_log.organisation, key, worlds.populate_running)

    def wanted(done: int) -> None:
        if worlds.shutting_down:
            raise ShuttingDown("The server is about to end, and the world has not been loaded.")

    try:
        lines = await loaded_log.replay(plane, organisation, made, wanted)
        if worlds.farm is not None:
            await worlds.farm.loaded(organisation, lines)
    except BaseException:
        await plane.remove(organisation)
        raise
    return worlds.add(organisation)

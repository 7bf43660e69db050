"""A world from somebody else's log: it lives through all that the records tell, and goes on from there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from mockserver.catalogs import CatalogError
from mockserver.clock import pin
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe, read_recipe
from mockserver.control.replay import fold, forget_waiting
from mockserver.log.record import LOADED, LogError, Record, decode, encode
from mockserver.worlds import Ending, Organisation, Populate

Report = Callable[[int], None]


class Story:
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

    async def live_through(
        self, plane: ControlPlane, organisation: Organisation, made: int, report: Report | None = None
    ) -> list[bytes]:
        """Repeats the records. Webhooks that were sent then are not sent again. From here on the world is kept, where
        worlds are. What its log is now. Raises `LogError`."""
        side = plane.backstage(organisation)
        await side.webhooks.pause(None)
        for row in self.recipe.endpoints:
            side.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
        await fold(plane, side, enumerate(self.lines[1:], 2), report)
        side.webhooks.go_on()
        with pin() as real:
            loaded = Record(organisation.clock.now(), LOADED, {}, real=real)
            forget_waiting(side, loaded)
            recipe = decode(self.lines[0])
            recipe = recipe._replace(arguments=recipe.arguments | {"made": made, "fromFile": False})
            lines = [encode(recipe), *self.lines[1:], encode(loaded)]
            if plane.worlds.keeper is not None:
                plane.worlds.keeper.adopted(organisation, lines)
            return lines


async def load(plane: ControlPlane, lines: list[bytes]) -> Organisation:
    """A new world with a key of its own, which has lived through these records. Raises `LogError`, `Ending`."""
    story, worlds = Story(lines), plane.worlds
    key, made = worlds.new_key() if worlds.farm is None else worlds.farm.new_key(), worlds.made
    organisation = await asyncio.to_thread(story.organisation, key, worlds.live)

    def wanted(done: int) -> None:
        if worlds.ending:
            raise Ending("The server is about to end, and the world has not been loaded.")

    try:
        lines = await story.live_through(plane, organisation, made, wanted)
        if worlds.farm is not None:
            await worlds.farm.adopted(organisation, lines)
    except BaseException:
        await plane.dismiss(organisation)
        raise
    return worlds.admit(organisation)

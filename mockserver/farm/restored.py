"""A shared world on its way up, as far as it can be had without its log."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from mockserver.control import checkpoint
from mockserver.control.recipe import read_recipe
from mockserver.farm.checkpoints import Checkpoints, Kept
from mockserver.farm.replica import At
from mockserver.log.jetstream import JetStreamStore
from mockserver.log.shared import Beginning
from mockserver.worlds import Organisation, Populate


class RestoredWorld(NamedTuple):
    """A world on its way up: as it was made, or after the record `at`."""

    begun: Beginning
    at: At
    organisation: Organisation
    saved: checkpoint.Saved | None


def restore_world(key: str, begun: Beginning, kept: Kept | None, populate: Populate | None) -> RestoredWorld:
    """The world as far as it can be had without its log."""
    recipe = read_recipe(begun.record)
    if kept is None:
        organisation = checkpoint.make_organisation(key, recipe, populate)
        return RestoredWorld(begun, At(begun.position, begun.id, 1), organisation, None)
    organisation = checkpoint.make_organisation(key, recipe, populate, kept.saved, kept.real)
    return RestoredWorld(begun, kept.at, organisation, kept.saved)


async def usable(store: JetStreamStore, checkpoints: Checkpoints, begun: Beginning) -> Kept | None:
    """A checkpoint of the world that begins so, if its record is in the log."""
    kept = await asyncio.to_thread(checkpoints.read, begun.id)
    if kept is None:
        return None
    there = await store.at(kept.at.position)
    return kept if there is not None and there.id == kept.at.id else None

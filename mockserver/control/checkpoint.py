"""A world as it stands, so that whoever brings it up need not repeat all that it was told.

A checkpoint is worth something to the same code alone; to any other it is as if there were none.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import zlib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import mockserver
from mockserver.clock import pin
from mockserver.control.backstage import WorldContext
from mockserver.control.faults import read as read_faults
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe
from mockserver.control.worlds import Given
from mockserver.webhooks.delivery import Ledger
from mockserver.worlds import Organisation, Populate


class Saved(NamedTuple):
    """`source`: of the world's catalog in its plan. `world` and `side` are `state()`s, `faults` what is switched on."""

    source: Any
    world: Any
    side: Any
    faults: Any


@cache
def code() -> str:
    """Changes whenever this package or what its states are made of does."""
    digest = hashlib.sha256(sys.version.encode())
    root = Path(mockserver.__file__).parent
    for file in sorted(root.rglob("*.py")):
        digest.update(f"\n{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def pack(side: WorldContext) -> tuple[int, bytes]:
    """The real time (ms UTC), and the world with what stands beside it."""
    organisation = side.organisation
    with pin() as real:
        source = getattr(organisation.plan.catalog, "source", None)
        saved = Saved(source, organisation.state(), side.state(), side.faults.as_json())
        return real, zlib.compress(pickle.dumps(tuple(saved), protocol=5), 1)


def unpack(by: str, state: bytes) -> Saved | None:
    """What was packed; None when the code that did so, `by`, is another one."""
    if by != code():
        return None
    try:
        return Saved(*pickle.loads(zlib.decompress(state)))
    except Exception:  # whatever is wrong with it, the log has the same and more
        return None


def organisation_of(
    key: str, recipe: Recipe, populate: Populate | None, saved: Saved | None = None, real: int | None = None
) -> Organisation:
    """The world as it was when it was made; or, at that `real` time, when it was `saved`."""
    plan = replace(recipe.plan, origin=recipe.key)
    if saved is not None:
        plan = replace(plan, catalog=Given(saved.source))
    with pin(recipe.real if saved is None else real):
        return Organisation(key, plan, populate, saved.world if saved else None)


async def set_back(
    plane: ControlPlane, side: WorldContext, recipe: Recipe, saved: Saved | None, ledger: Ledger
) -> None:
    """What stands beside such a world is as it was then, too. Its webhooks pause; `ledger` knows what came of them."""
    await side.webhooks.pause(ledger)
    if saved is None:
        side.faults = plane.faults_at_start(side.organisation)
        for row in recipe.endpoints:
            side.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
    else:
        side.resume(saved.side)
        side.faults = read_faults(saved.faults, plane.operations, str(side.organisation.plan.seed))

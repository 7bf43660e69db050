"""The state of a world, so that a server that brings it up need not replay its whole log.

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
from mockserver.control.context import WorldContext
from mockserver.control.faults import read as read_faults
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe
from mockserver.control.worlds import SentCatalog
from mockserver.webhooks.delivery import Ledger
from mockserver.worlds import Organisation, Populate


class Saved(NamedTuple):
    """`source`: of the catalog in the world's plan. `world` and `context`: their `state()`. `faults`: what is on."""

    source: Any
    world: Any
    context: Any
    faults: Any


@cache
def code_version() -> str:
    """Changes whenever this package or what its states are made of does."""
    digest = hashlib.sha256(sys.version.encode())
    root = Path(mockserver.__file__).parent
    for file in sorted(root.rglob("*.py")):
        digest.update(f"\n{file.relative_to(root)}\n".encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


def pack(context: WorldContext) -> tuple[int, bytes]:
    """The real time (ms UTC), and the world with what stands beside it."""
    organisation = context.organisation
    with pin() as real:
        source = getattr(organisation.plan.catalog, "source", None)
        saved = Saved(source, organisation.state(), context.state(), context.faults.as_json())
        return real, zlib.compress(pickle.dumps(tuple(saved), protocol=5), 1)


def unpack(by: str, state: bytes) -> Saved | None:
    """What was packed; None when the code that did so, `by`, is another one."""
    if by != code_version():
        return None
    try:
        return Saved(*pickle.loads(zlib.decompress(state)))
    except Exception:  # whatever is wrong with it, the log has the same and more
        return None


def make_organisation(
    key: str, recipe: Recipe, populate: Populate | None, saved: Saved | None = None, real: int | None = None
) -> Organisation:
    """The world as it was when it was made; or, at that `real` time, when it was `saved`."""
    plan = replace(recipe.plan, origin=recipe.key)
    if saved is not None:
        plan = replace(plan, catalog=SentCatalog(saved.source))
    with pin(recipe.real if saved is None else real):
        return Organisation(key, plan, populate, saved.world if saved else None)


async def restore_context(
    plane: ControlPlane, context: WorldContext, recipe: Recipe, saved: Saved | None, ledger: Ledger
) -> None:
    """What stands beside such a world is as it was then, too. Its webhooks pause; `ledger` knows what came of them."""
    await context.webhooks.pause(ledger)
    if saved is None:
        context.faults = plane.faults_at_start(context.organisation)
        for row in recipe.endpoints:
            context.webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
    else:
        context.resume(saved.context)
        context.faults = read_faults(saved.faults, plane.operations, str(context.organisation.plan.seed))

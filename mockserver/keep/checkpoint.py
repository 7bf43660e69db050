"""A world as it stands, so that the next start need not repeat all that it was told.

A checkpoint is worth something to the same code alone; to any other it is as if there were none.
"""

from __future__ import annotations

import hashlib
import pickle
import sys
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import mockserver
from mockserver.clock import pin
from mockserver.control.backstage import Backstage
from mockserver.log.sqlite import Checkpoint


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


def take(side: Backstage, position: int) -> Checkpoint:
    """The world and what stands beside it, after the record at `position`."""
    organisation = side.organisation
    with pin() as real:
        source = getattr(organisation.plan.catalog, "source", None)
        saved = Saved(source, organisation.state(), side.state(), side.faults.as_json())
        state = zlib.compress(pickle.dumps(tuple(saved), protocol=5), 1)
    return Checkpoint(position, code(), real, state)


def read(checkpoint: Checkpoint | None) -> Saved | None:
    """What is in it; None when there is none, or none that this code can read."""
    if checkpoint is None or checkpoint.code != code():
        return None
    try:
        return Saved(*pickle.loads(zlib.decompress(checkpoint.state)))
    except Exception:  # whatever is wrong with it, the log has the same and more
        return None

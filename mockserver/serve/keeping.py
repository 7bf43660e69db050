"""A server whose worlds are kept: what it needs before it serves. Nothing of it is loaded where none are."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mockserver.control.plane import Plane
    from mockserver.keep.keeper import Keeper


def make_keeper(directory: str | Path, *, sync: bool = False) -> Keeper:
    """What keeps worlds in that directory. Raises `LogError` when it cannot be used."""
    from mockserver.keep.keeper import Keeper
    from mockserver.log.sqlite import SqliteHome

    return Keeper(SqliteHome(directory, sync=sync))


def bring_up(keeper: Keeper, plane: Plane) -> None:
    """Brings the kept worlds of a server that is not running yet to where they were. Raises `LogError`."""
    from mockserver.serve.progress import Repeating

    with ThreadPoolExecutor(1) as thread, Repeating() as progress:  # this thread may have an event loop of its own
        thread.submit(asyncio.run, keeper.bring_up(plane, progress.report)).result()

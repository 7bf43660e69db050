"""Worlds that were there before their server: kept in a directory, or loaded from a file."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mockserver.log.record import LogError
from mockserver.worlds import Plan, Populate, Worlds

if TYPE_CHECKING:
    from mockserver.app import App
    from mockserver.control.loading import Story
    from mockserver.control.plane import Plane
    from mockserver.keep.keeper import Keeper
    from mockserver.serve.progress import Repeating


def make_keeper(directory: str | Path, *, sync: bool = False) -> Keeper:
    """What keeps worlds in that directory. Raises `LogError` when it cannot be used."""
    from mockserver.keep.keeper import Keeper
    from mockserver.log.sqlite import SqliteHome

    return Keeper(SqliteHome(directory, sync=sync))


class Before:
    """First `worlds`, then `bring_up`, once there is a plane with an application over them."""

    def __init__(self, keeper: Keeper | None, story: Story | None = None) -> None:
        self._keeper = keeper
        self._story = story
        self._loaded = ""

    def roots(self) -> tuple[str, ...]:
        """The keys of kept worlds that were given at a start: they open them when none are given. Raises `LogError`."""
        return self._keeper.roots() if self._keeper else ()

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key; the first one's is the loaded one. Raises `LogError`."""
        if self._story is None:
            loaded = []
        else:
            self._loaded = keys[0]
            if self._keeper is not None and self._loaded in self._keeper.home.worlds():
                raise LogError(f"{self._keeper.home.file.parent} holds a world of the key {self._loaded} already")
            loaded = [self._story.organisation(self._loaded, populate)]
        if self._keeper is None:
            return Worlds(plan, keys, populate, loaded)
        return self._keeper.open(plan, keys, populate, given, loaded)

    def bring_up(self, plane: Plane, app: App) -> None:
        """Brings the worlds of a server that is not running yet to where they were. Raises `LogError`."""
        from mockserver.serve.progress import Repeating

        with ThreadPoolExecutor(1) as thread, Repeating() as progress:  # this thread may have an event loop of its own
            thread.submit(asyncio.run, self._live_through(plane, progress)).result()

    async def _live_through(self, plane: Plane, progress: Repeating) -> None:
        if self._keeper is not None:
            await self._keeper.bring_up(plane, progress.report)
        if self._story is not None:
            organisation, total = plane.worlds.find(self._loaded), len(self._story.lines)
            assert organisation is not None
            await self._story.live_through(plane, organisation, 0, lambda done: progress.report(done, total))


class Sharing:
    """Worlds that several servers share, in the place of `Before`. Raises `LogError`."""

    def __init__(self, servers: str, *, local_reads: bool) -> None:
        self._servers = [server.strip() for server in servers.split(",") if server.strip()]
        self._local_reads = local_reads

    def roots(self) -> tuple[str, ...]:
        """None: other servers' keys are theirs."""
        return ()

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key, as the cluster has it."""
        try:
            import nats  # noqa: F401
        except ImportError:
            raise LogError("--log needs nats-py: pip install 'trophy-mockserver[farm]'") from None
        from mockserver.farm.farm import Farm

        self._farm = Farm(self._servers, local_reads=self._local_reads)
        return self._farm.prepare(plan, keys, populate, given)

    def bring_up(self, plane: Plane, app: App) -> None:
        """The rest happens while the server starts to serve."""
        self._farm.join(plane, app)


def worlds_before(
    keep: str | None, sync: bool, load: str | None, cluster: str | None, *, local_reads: bool
) -> Before | Sharing | None:
    """Where the options say that worlds come from; None when from nowhere. Raises `LogError`, UsageError."""
    if sync and keep is None:
        raise click.UsageError("--keep-sync says how --keep writes, which is not given.")
    if cluster is not None:
        if keep is not None or load is not None:
            raise click.UsageError("--log does not go together with --keep and --load.")
        return Sharing(cluster, local_reads=local_reads)
    if keep is None and load is None:
        return None
    from mockserver.control.loading import Story
    from mockserver.log.text import read

    story = Story(read(load)) if load else None
    return Before(make_keeper(keep, sync=sync) if keep else None, story)

"""Worlds that were there before their server: kept in a directory, or loaded from a file."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from mockserver.log.record import LogError
from mockserver.worlds import Plan, Populate, Worlds

if TYPE_CHECKING:
    from mockserver.app import App
    from mockserver.control.loading import LoadedLog
    from mockserver.control.plane import ControlPlane
    from mockserver.game.catalog import WebhookEndpoint
    from mockserver.keep.keeper import Keeper
    from mockserver.serve.progress import Repeating


def make_keeper(directory: str | Path, *, sync: bool = False) -> Keeper:
    """What keeps worlds in that directory. Raises `LogError` when it cannot be used."""
    from mockserver.keep.keeper import Keeper
    from mockserver.log.sqlite import SqliteStore

    return Keeper(SqliteStore(directory, sync=sync))


class LocalWorlds:
    """First `worlds`, then `bring_up`, once there is a plane with an application over them."""

    def __init__(self, keeper: Keeper | None, loaded_log: LoadedLog | None = None) -> None:
        self._keeper = keeper
        self._loaded_log = loaded_log
        self._loaded = ""

    def roots(self) -> tuple[str, ...]:
        """The keys of kept worlds that were given at a start: they open them when none are given. Raises `LogError`."""
        return self._keeper.roots() if self._keeper else ()

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key; the first one's is the loaded one. Raises `LogError`."""
        if self._loaded_log is None:
            loaded = []
        else:
            self._loaded = keys[0]
            if self._keeper is not None and self._loaded in self._keeper.store.worlds():
                raise LogError(f"{self._keeper.store.file.parent} holds a world of the key {self._loaded} already")
            loaded = [self._loaded_log.organisation(self._loaded, populate)]
        if self._keeper is None:
            return Worlds(plan, keys, populate, loaded)
        return self._keeper.open(plan, keys, populate, given, loaded)

    def bring_up(self, plane: ControlPlane, app: App) -> None:
        """Brings the worlds of a server that is not running yet to where they were. Raises `LogError`."""
        from mockserver.serve.progress import Repeating

        with ThreadPoolExecutor(1) as thread, Repeating() as progress:  # this thread may have an event loop of its own
            thread.submit(asyncio.run, self._replay(plane, progress)).result()

    async def _replay(self, plane: ControlPlane, progress: Repeating) -> None:
        if self._keeper is not None:
            await self._keeper.bring_up(plane, progress.report)
        if self._loaded_log is not None:
            organisation, total = plane.worlds.find(self._loaded), len(self._loaded_log.lines)
            assert organisation is not None
            await self._loaded_log.replay(plane, organisation, 0, lambda done: progress.report(done, total))
            if self._keeper is not None:
                self._keeper.batch.flush_or_fail()


class SharedOptions(NamedTuple):
    """What the options of `serve` say about worlds that several servers share. `idle` in seconds; `checkpoints`: a
    directory other than the user's own for what can be made again."""

    cluster: str
    local_reads: bool = False
    idle: float | None = None
    checkpoints: str | None = None

    @property
    def servers(self) -> list[str]:
        return [server.strip() for server in self.cluster.split(",") if server.strip()]


class SharedWorlds:
    """Worlds that several servers share, in the place of `LocalWorlds`. Raises `LogError`."""

    def __init__(
        self, options: SharedOptions, endpoints: Sequence[WebhookEndpoint] = (), loaded_log: LoadedLog | None = None
    ) -> None:
        self._options = options
        self._endpoints = endpoints
        self._loaded_log = loaded_log

    def roots(self) -> tuple[str, ...]:
        """None: other servers' keys are theirs."""
        return ()

    def worlds(self, plan: Plan, keys: tuple[str, ...], populate: Populate, given: Collection[str] = ()) -> Worlds:
        """A world for each key, as the cluster has it."""
        try:
            import nats  # noqa: F401
        except ImportError:
            raise LogError("--log needs nats-py: pip install 'trophy-mockserver[farm]'") from None
        from mockserver.cache import directory
        from mockserver.farm.checkpoints import Checkpoints
        from mockserver.farm.farm import IDLE
        from mockserver.farm.start import Start

        given_directory = self._options.checkpoints
        checkpoints = Checkpoints(directory("checkpoints") if given_directory is None else Path(given_directory))
        self._start = Start(
            self._options.servers,
            checkpoints,
            local_reads=self._options.local_reads,
            idle=IDLE if self._options.idle is None else self._options.idle,
            endpoints=self._endpoints,
            loaded_log=self._loaded_log,
        )
        return self._start.worlds(plan, keys, populate, given)

    def bring_up(self, plane: ControlPlane, app: App) -> None:
        """The rest happens while the server starts to serve."""
        from mockserver.serve.progress import Repeating

        self._start.bring_up(plane, app)
        total = self._start.total
        with ThreadPoolExecutor(1) as thread, Repeating() as progress:
            thread.submit(asyncio.run, self._start.load(plane, lambda done: progress.report(done, total))).result()


def world_source(
    keep: str | None, sync: bool, load: str | None, shared: SharedOptions, endpoints: Sequence[WebhookEndpoint] = ()
) -> LocalWorlds | SharedWorlds | None:
    """Where the options say that worlds come from; None when from nowhere. Raises `LogError`, UsageError."""
    if sync and keep is None:
        raise click.UsageError("--keep-sync says how --keep writes, which is not given.")
    if shared.cluster and not shared.servers:
        raise click.UsageError("--log names no server; it takes addresses such as nats://a:4222,nats://b:4222.")
    if shared.cluster and keep is not None:
        raise click.UsageError(
            "--keep and --log are two homes for the same records: give one of them. With --log each server keeps "
            "checkpoints of its own in --checkpoints."
        )
    for name, value in (("--idle", shared.idle), ("--checkpoints", shared.checkpoints)):
        if value is not None and not shared.cluster:
            raise click.UsageError(f"{name} is about the worlds of --log, which is not given.")
    loaded_log = _loaded_log(load)
    if shared.cluster:
        return SharedWorlds(shared, endpoints, loaded_log)
    if keep is None and loaded_log is None:
        return None
    return LocalWorlds(make_keeper(keep, sync=sync) if keep else None, loaded_log)


def _loaded_log(file: str | None) -> LoadedLog | None:
    if file is None:
        return None
    from mockserver.control.loading import LoadedLog
    from mockserver.log.text import read

    return LoadedLog(read(file))

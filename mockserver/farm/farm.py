"""All shared worlds of one server: brought up when they are first asked for, followed, and dropped when they
are idle; one of the servers sends their webhooks."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from mockserver.clock import pin, real_time
from mockserver.control import checkpoint
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import read_recipe, recipe_record
from mockserver.control.refusals import Unauthorised
from mockserver.control.request import ControlRequest, Row
from mockserver.farm.checkpoints import Checkpoints
from mockserver.farm.outcomes import Outcomes
from mockserver.farm.replica import ADD_ENDPOINT, At, Outcome, Replica, ReplicaDropped, WorldDeleted
from mockserver.farm.restored import RestoredWorld, restore_world, usable
from mockserver.farm.sender import BEAT, Sender
from mockserver.log import shared
from mockserver.log.jetstream import LISTENED, OUTCOMES, WORLDS, JetStreamStore, Unavailable, subject_of
from mockserver.log.record import LogError, decode
from mockserver.spec.binding import Function
from mockserver.worlds import Organisation, ShuttingDown

if TYPE_CHECKING:
    from mockserver.app import App

TICK = 0.25  # seconds
RESYNC_EVERY = 2.0  # seconds from one look at all worlds to the next
IDLE = 600.0  # seconds without a request, after which a world is dropped
SUSPEND_EVERY = 0.5  # seconds from one look for such worlds to the next

OFTEN = 20_000  # records from one checkpoint to the next, when nothing is appended just then
MOST_WAITING = 1000  # webhooks of a world that a server which does not send them keeps in mind

log = logging.getLogger("mockserver")


class Suspended(NamedTuple):
    """A world that was dropped after so many records. `due`: the real time (ms UTC) at which something happens in it
    by itself next."""

    number: int
    due: int | None


class Farm:
    """First `join`, once there is an application; then `start` in its loop. `idle` in seconds."""

    def __init__(
        self, store: JetStreamStore, checkpoints: Checkpoints, *, local_reads: bool = False, idle: float = IDLE
    ) -> None:
        self.store = store
        self._checkpoints = checkpoints
        self._local = local_reads
        self._idle = idle
        self._replicas: dict[str, Replica] = {}
        self._loading: dict[str, asyncio.Task[None]] = {}
        self._suspended: dict[str, Suspended] = {}
        self._deleted: set[str] = set()
        self._listened: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._sender = Sender(store, store.name)
        self._stopping = False
        self.first: list[
            tuple[RestoredWorld, bool]
        ] = []  # what `start` takes up; whether it has lived through its beginning

    def join(self, plane: ControlPlane, app: App) -> None:
        self.plane, self._app = plane, app
        plane.worlds.farm = self

    async def start(self) -> None:
        """Catches up with the first worlds; from here on they are followed. Raises `LogError`."""
        await self.open()
        self._checkpoints.sweep()
        rows = (TICK, self.tick), (RESYNC_EVERY, self._resync), (BEAT, self._beat), (SUSPEND_EVERY, self.suspend_idle)
        self._tasks = [asyncio.create_task(self._every(*row)) for row in rows]

    async def open(self) -> None:
        """As `start`, but nothing happens by itself."""
        await self.store.open()
        await self.store.watch(self._on_append)
        for restored, replayed in self.first:
            await self._take_up(restored, replayed=replayed)
            if endpoints := self.plane.settings.endpoints:
                await self._announce_endpoints(restored.organisation.key)
                await self._replicas[restored.organisation.key].add_endpoints(endpoints)
        self.first.clear()

    async def stop(self) -> None:
        """Before the end: checkpoints make the next start quick; deliveries are still on their way."""
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for replica in self._replicas.values():
            self._save(replica)

    async def close(self) -> None:
        """The end, once what became of the last deliveries is written."""
        await asyncio.gather(*(replica.ledger.settled() for replica in self._replicas.values()))
        await self.store.close()

    # Being asked

    async def ready(self, key: str) -> None:
        """Brings a world up that is not there yet, if there is one of that key. Raises `LogError`."""
        await self._loaded_replica(key)

    async def _loaded_replica(self, key: str) -> Replica | None:
        replica = self._replicas.get(key)
        if replica is not None and not replica.whole and not replica.lock.locked():  # locked: it is being replayed
            if self._stopping:
                raise Unavailable("this server is about to end")
            await self._drop(replica)
            replica = None
        if replica is None:
            if key not in self._loading:
                self._loading[key] = asyncio.create_task(self._bring_up(key))
                self._loading[key].add_done_callback(partial(self._loading_done, key))
            await asyncio.shield(self._loading[key])
            replica = self._replicas.get(key)
        if replica is not None:
            replica.touch()
        return replica

    def _loading_done(self, key: str, task: asyncio.Task[None]) -> None:
        del self._loading[key]
        if not task.cancelled():
            task.exception()  # raised where somebody still waits

    async def _run_on(self, key: str, what: Callable[[Replica], Awaitable[Any]]) -> Any:
        """The result of `what` for a world that is up. Raises `WorldDeleted` when there is none of that key."""
        while (replica := await self._loaded_replica(key)) is not None:
            try:
                return await what(replica)
            except ReplicaDropped:
                continue
            except WorldDeleted:
                await self._drop(replica)
        raise WorldDeleted

    async def execute(
        self,
        organisation: Organisation,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Outcome | None:
        """The outcome of a request to an operation; None when the world is gone. Raises `LogError`."""
        with suppress(WorldDeleted):
            outcome: Outcome = await self._run_on(
                organisation.key, lambda replica: replica.execute(name, function, tenant, read, self._local)
            )
            return outcome
        return None

    async def follow(self, organisation: Organisation) -> Organisation | None:
        async def what(replica: Replica) -> Organisation:
            if not self._local:
                await replica.follow()
            return replica.organisation

        with suppress(WorldDeleted):
            there: Organisation = await self._run_on(organisation.key, what)
            return there
        return None

    async def call(self, row: Row, request: ControlRequest) -> Any:
        """The result of a call of the control plane about a world. Raises `LogError`, `GameError`."""

        async def what(replica: Replica) -> Any:
            request.world_context = replica.context
            if not row.kept:
                return await replica.read_call(row, request)
            if row.name == ADD_ENDPOINT:
                await self._announce_endpoints(replica.organisation.key)
            content = await replica.write_call(row, request)
            if row.waits and request.json().get("wait"):
                await self._await_deliveries(replica, request)
            return content

        try:
            return await self._run_on(request.organisation.key, what)
        except WorldDeleted:
            raise Unauthorised(self.plane.unknown_key) from None

    async def _await_deliveries(self, replica: Replica, request: ControlRequest) -> None:
        """Until no delivery of a webhook is due, whichever server sends it."""
        webhooks = replica.context.webhooks
        while replica.has_delivery_due() and not request.client_left():
            if replica.context.shutting_down:
                raise ShuttingDown("The server is about to end; it has happened, and webhooks are still on their way.")
            await asyncio.sleep(0.05)
            if webhooks.paused:
                async with replica.lock:
                    await replica.read_outcomes()

    async def load_all(self) -> None:
        """All worlds of the cluster are here. Raises `LogError`."""
        for key in await self.store.counts(WORLDS):
            await self._ready_if_there(key)

    async def number(self) -> int:
        return len(await self.store.counts(WORLDS))

    def new_key(self) -> str:
        """Servers that share worlds do not count together."""
        digits = secrets.token_hex(20)
        return f"{digits[:8]}.{digits[8:]}"

    async def created(self, organisation: Organisation, real: int) -> None:
        with pin(real):
            recipe = recipe_record(organisation, 0, (), real)
        await self._announce(organisation)
        begun = await shared.begin(self.store, organisation.key, recipe)
        await self._take_up(RestoredWorld(begun, At(begun.position, begun.id, 1), organisation, None))

    async def loaded(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        await self._announce(organisation)
        staged = await shared.stage(self.store, lines[1:], shared.digest(lines[:-1]))
        begun = await shared.begin(self.store, organisation.key, decode(lines[0]), staged)
        restored = RestoredWorld(begun, At(begun.position, begun.id, 1), organisation, None)
        await self._take_up(restored, replayed=True)

    async def deleted(self, organisation: Organisation) -> None:
        key = organisation.key

        async def what(replica: Replica) -> None:
            await replica.delete()
            for kind in (LISTENED, OUTCOMES):
                await self.store.forget(subject_of(kind, key))
            await shared.forget_staged(self.store, replica.begun.staged)
            self._checkpoints.remove(replica.begun.id)
            raise WorldDeleted

        with suppress(WorldDeleted):
            await self._run_on(key, what)

    # Coming and going

    async def _bring_up(self, key: str) -> None:
        begun = await shared.beginning(self.store, key)
        if begun is None:
            return
        kept = await usable(self.store, self._checkpoints, begun)
        with suppress(WorldDeleted):
            await self._take_up(await asyncio.to_thread(restore_world, key, begun, kept, self.plane.worlds.populate))

    async def _take_up(self, restored: RestoredWorld, *, replayed: bool = False) -> None:
        """`replayed`: it has been through what comes before its log already."""
        organisation = restored.organisation
        replica = Replica(self.store, self.plane, self._app, organisation, restored.begun, restored.at)
        webhooks = replica.context.webhooks
        webhooks.permitted = self._sender.permits
        ledger = await Outcomes.read(self.store, organisation.key)
        if replayed:
            webhooks.keep_in(ledger)
            webhooks.hold_back()
        else:
            recipe = read_recipe(restored.begun.record)
            await checkpoint.restore_context(self.plane, replica.context, recipe, restored.saved, ledger)
            if restored.saved is None:
                await replica.replay_lines(await shared.staged_lines(self.store, restored.begun.staged))
        replica.ledger = ledger
        replica.saved = 0 if restored.saved is None else restored.at.number
        await replica.follow()
        await self._announce(organisation)
        if self._sender.sends:
            webhooks.go_on()
            webhooks.flush()
        self._suspended.pop(organisation.key, None)
        self._replicas[organisation.key] = replica
        self.plane.worlds.add(organisation)

    async def _announce(self, organisation: Organisation) -> None:
        if len(self.plane.context(organisation).webhooks.endpoints):
            await self._announce_endpoints(organisation.key)

    async def _announce_endpoints(self, key: str) -> None:
        """The server that sends webhooks keeps worlds with endpoints up, also without requests."""
        if key not in self._listened:
            await self.store.append(subject_of(LISTENED, key), None, b"")
            self._listened.add(key)

    async def _drop(self, replica: Replica) -> None:
        key = replica.organisation.key
        replica.dropped = True
        if self._replicas.get(key) is replica:
            del self._replicas[key]
            self.plane.worlds.delete(key)
            await self.plane.remove(replica.organisation)

    def _save(self, replica: Replica) -> None:
        if replica.whole and replica.at.number > replica.saved:
            self._checkpoints.write(replica.begun.id, replica.at, replica.context)
            replica.saved = replica.at.number

    async def suspend_idle(self) -> None:
        """Drops worlds that nobody has asked for of late, and takes checkpoints of those with many new records."""
        for key, replica in list(self._replicas.items()):
            if not replica.whole:
                await self._drop(replica)
            elif replica.is_idle(self._idle, self._sender.sends):
                self._save(replica)
                self._suspended[key] = Suspended(replica.at.number, replica.wakes())
                await self._drop(replica)
            elif replica.at.number - replica.saved >= OFTEN and replica.is_quiet():
                self._save(replica)

    # Keeping up

    def _on_append(self, key: str) -> None:
        """Another server has appended to the log of a world."""
        replica = self._replicas.get(key)
        if replica is not None:
            replica.dirty = True
            if self._sender.sends:
                replica.touch()
        elif key in self._listened:
            self._suspended.pop(key, None)

    async def _every(self, seconds: float, what: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await what()
            except LogError as error:
                log.debug("%s", error)
            except Exception:
                log.exception("Keeping up with the cluster failed. This is a defect of the mock.")

    async def tick(self) -> None:
        """What is due happens, in worlds that are up, and on the server that sends webhooks in others that have any."""
        if self._sender.sends:
            now = real_time()
            for key in self._listened - self._replicas.keys() - self._deleted:
                suspended = self._suspended.get(key)
                if suspended is None or (suspended.due is not None and suspended.due <= now):
                    await self._ready_if_there(key)
        for replica in list(self._replicas.values()):
            try:
                await replica.tick()
            except (WorldDeleted, ReplicaDropped):
                await self._drop(replica)

    async def _resync(self) -> None:
        """Hints may be lost; and the server that sends webhooks has to know all worlds with endpoints."""
        for replica in list(self._replicas.values()):
            replica.dirty = True
            if not self._sender.sends and replica.context.webhooks.waiting > MOST_WAITING:
                async with replica.lock:
                    await replica.read_outcomes()  # another server has sent most of it long ago
        if self._sender.sends:
            self._listened |= (await self.store.counts(LISTENED)).keys()
            numbers = await self.store.counts(WORLDS)
            for key, suspended in list(self._suspended.items()):
                if suspended.number != numbers.get(key):
                    del self._suspended[key]  # something was appended meanwhile

    async def _ready_if_there(self, key: str) -> None:
        if key not in self._deleted and await self._loaded_replica(key) is None:
            self._deleted.add(key)

    async def _beat(self) -> None:
        if await self._sender.beat():
            await self._sender_changed()
        elif self._sender.sends:
            for replica in self._replicas.values():
                replica.context.webhooks.flush()  # what was held back because a sign of life was late

    async def _sender_changed(self) -> None:
        sends = self._sender.sends
        log.info("This server %s webhooks.", "sends" if sends else "does not send any more")
        for replica in list(self._replicas.values()):
            webhooks = replica.context.webhooks
            webhooks.hold_back()
            if sends:
                async with replica.lock:
                    await replica.read_outcomes()
                    webhooks.go_on()
                    webhooks.flush()

"""All shared worlds of one server: brought up when they are first asked for, followed, and dropped when nobody asks any
more; and, on one server of all, told of by webhook."""

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
from mockserver.control.ask import ControlRequest, Row
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import read_recipe, recipe_record
from mockserver.control.refusals import Unauthorised
from mockserver.farm.checkpoints import Checkpoints
from mockserver.farm.lives import Life, life_of, usable
from mockserver.farm.outcomes import Outcomes
from mockserver.farm.replica import ADD_ENDPOINT, At, Gone, Left, Outcome, Replica
from mockserver.farm.sender import BEAT, Sender
from mockserver.log import shared
from mockserver.log.jetstream import LISTENED, OUTCOMES, WORLDS, JetStreamHome, Unavailable, subject_of
from mockserver.log.record import LogError, decode
from mockserver.spec.binding import Function
from mockserver.worlds import Ending, Organisation

if TYPE_CHECKING:
    from mockserver.app import App

TICK = 0.25  # seconds
LOOK_AROUND = 2.0  # seconds from one look at all worlds to the next
IDLE = 600.0  # seconds without a request, after which a world is dropped
DOZE = 0.5  # seconds from one look for such worlds to the next

OFTEN = 20_000  # records from one checkpoint to the next, when nothing is appended just then
MOST_WAITING = 1000  # webhooks of a world that a server which does not send them keeps in mind

log = logging.getLogger("mockserver")


class Asleep(NamedTuple):
    """A world that was dropped after so many records. `due`: the real time (ms UTC) at which something happens in it
    by itself next."""

    number: int
    due: int | None


class Farm:
    """First `join`, once there is an application; then `start` in its loop. `idle` in seconds."""

    def __init__(
        self, home: JetStreamHome, checkpoints: Checkpoints, *, local_reads: bool = False, idle: float = IDLE
    ) -> None:
        self.home = home
        self._checkpoints = checkpoints
        self._local = local_reads
        self._idle = idle
        self._replicas: dict[str, Replica] = {}
        self._coming: dict[str, asyncio.Task[None]] = {}
        self._asleep: dict[str, Asleep] = {}
        self._gone: set[str] = set()
        self._listened: set[str] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._sender = Sender(home, home.name)
        self._stopping = False
        self.first: list[tuple[Life, bool]] = []  # what `start` takes up; whether it has lived through its beginning

    def join(self, plane: ControlPlane, app: App) -> None:
        self.plane, self._app = plane, app
        plane.worlds.farm = self

    async def start(self) -> None:
        """Catches up with the first worlds; from here on they are followed. Raises `LogError`."""
        await self.open()
        self._checkpoints.sweep()
        rows = (TICK, self.tick), (LOOK_AROUND, self._look), (BEAT, self._beat), (DOZE, self.doze)
        self._tasks = [asyncio.create_task(self._every(*row)) for row in rows]

    async def open(self) -> None:
        """As `start`, but nothing happens by itself."""
        await self.home.open()
        await self.home.watch(self._heard)
        for life, lived in self.first:
            await self._take_up(life, lived=lived)
            if endpoints := self.plane.settings.endpoints:
                await self._tell_listened(life.organisation.key)
                await self._replicas[life.organisation.key].add_endpoints(endpoints)
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
        await self.home.close()

    # Being asked

    async def ready(self, key: str) -> None:
        """Brings a world up that is not there yet, if there is one of that key. Raises `LogError`."""
        await self._up(key)

    async def _up(self, key: str) -> Replica | None:
        replica = self._replicas.get(key)
        if replica is not None and not replica.whole:
            if self._stopping:
                raise Unavailable("this server is about to end")
            await self._drop(replica)
            replica = None
        if replica is None:
            if key not in self._coming:
                self._coming[key] = asyncio.create_task(self._bring_up(key))
                self._coming[key].add_done_callback(partial(self._has_come, key))
            await asyncio.shield(self._coming[key])
            replica = self._replicas.get(key)
        if replica is not None:
            replica.touch()
        return replica

    def _has_come(self, key: str, task: asyncio.Task[None]) -> None:
        del self._coming[key]
        if not task.cancelled():
            task.exception()  # told to whoever still waits

    async def _with(self, key: str, what: Callable[[Replica], Awaitable[Any]]) -> Any:
        """What comes of doing it with a world that is up. Raises `Gone` when there is none of that key."""
        while (replica := await self._up(key)) is not None:
            try:
                return await what(replica)
            except Left:
                continue
            except Gone:
                await self._drop(replica)
        raise Gone

    async def ask(
        self,
        organisation: Organisation,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Outcome | None:
        """The outcome of a request to an operation; None when the world is gone. Raises `LogError`."""
        with suppress(Gone):
            outcome: Outcome = await self._with(
                organisation.key, lambda replica: replica.ask(name, function, tenant, read, self._local)
            )
            return outcome
        return None

    async def follow(self, organisation: Organisation) -> Organisation | None:
        async def what(replica: Replica) -> Organisation:
            if not self._local:
                await replica.follow()
            return replica.organisation

        with suppress(Gone):
            there: Organisation = await self._with(organisation.key, what)
            return there
        return None

    async def call(self, row: Row, ask: ControlRequest) -> Any:
        """The answer of a call of the control plane about a world. Raises `LogError`, `GameError`."""

        async def what(replica: Replica) -> Any:
            ask.backstage = replica.side
            if not row.kept:
                return await replica.look(row, ask)
            if row.name == ADD_ENDPOINT:
                await self._tell_listened(replica.organisation.key)
            content = await replica.command(row, ask)
            if row.waits and ask.json().get("wait"):
                await self._await_deliveries(replica, ask)
            return content

        try:
            return await self._with(ask.organisation.key, what)
        except Gone:
            raise Unauthorised(self.plane.unknown_key) from None

    async def _await_deliveries(self, replica: Replica, ask: ControlRequest) -> None:
        """Until no delivery of a webhook is due, whoever sends it."""
        webhooks = replica.side.webhooks
        while replica.has_delivery_due() and not ask.left():
            if replica.side.ending:
                raise Ending("The server is about to end; it has happened, and webhooks are still on their way.")
            await asyncio.sleep(0.05)
            if webhooks.paused:
                async with replica.lock:
                    await replica.learn()

    async def everywhere(self) -> None:
        """All worlds of the cluster are here. Raises `LogError`."""
        for key in await self.home.counts(WORLDS):
            await self._ready_if_there(key)

    async def number(self) -> int:
        return len(await self.home.counts(WORLDS))

    def new_key(self) -> str:
        """Servers that share worlds do not count together."""
        digits = secrets.token_hex(20)
        return f"{digits[:8]}.{digits[8:]}"

    async def founded(self, organisation: Organisation, real: int) -> None:
        with pin(real):
            recipe = recipe_record(organisation, 0, (), real)
        await self._tell_of(organisation)
        begun = await shared.begin(self.home, organisation.key, recipe)
        await self._take_up(Life(begun, At(begun.position, begun.id, 1), organisation, None))

    async def adopted(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        await self._tell_of(organisation)
        staged = await shared.stage(self.home, lines[1:], shared.digest(lines[:-1]))
        begun = await shared.begin(self.home, organisation.key, decode(lines[0]), staged)
        life = Life(begun, At(begun.position, begun.id, 1), organisation, None)
        await self._take_up(life, lived=True)

    async def deleted(self, organisation: Organisation) -> None:
        key = organisation.key

        async def what(replica: Replica) -> None:
            await replica.delete()
            for kind in (LISTENED, OUTCOMES):
                await self.home.forget(subject_of(kind, key))
            await shared.forget_staged(self.home, replica.begun.staged)
            self._checkpoints.remove(replica.begun.id)
            raise Gone

        with suppress(Gone):
            await self._with(key, what)

    # Coming and going

    async def _bring_up(self, key: str) -> None:
        begun = await shared.beginning(self.home, key)
        if begun is None:
            return
        kept = await usable(self.home, self._checkpoints, begun)
        with suppress(Gone):
            await self._take_up(await asyncio.to_thread(life_of, key, begun, kept, self.plane.worlds.populate))

    async def _take_up(self, life: Life, *, lived: bool = False) -> None:
        """`lived`: it has been through what comes before its log already."""
        organisation = life.organisation
        replica = Replica(self.home, self.plane, self._app, organisation, life.begun, life.at)
        webhooks = replica.side.webhooks
        webhooks.permitted = self._sender.permits
        ledger = await Outcomes.read(self.home, organisation.key)
        if lived:
            webhooks.keep_in(ledger)
            webhooks.hold_back()
        else:
            recipe = read_recipe(life.begun.record)
            await checkpoint.set_back(self.plane, replica.side, recipe, life.saved, ledger)
            if life.saved is None:
                await replica.repeat_all(await shared.staged_lines(self.home, life.begun.staged))
        replica.ledger = ledger
        replica.saved = 0 if life.saved is None else life.at.number
        await replica.follow()
        await self._tell_of(organisation)
        if self._sender.sends:
            webhooks.go_on()
            webhooks.flush()
        self._asleep.pop(organisation.key, None)
        self._replicas[organisation.key] = replica
        self.plane.worlds.admit(organisation)

    async def _tell_of(self, organisation: Organisation) -> None:
        if len(self.plane.backstage(organisation).webhooks.endpoints):
            await self._tell_listened(organisation.key)

    async def _tell_listened(self, key: str) -> None:
        """Whoever sends webhooks has to look after worlds that have endpoints, also when nobody asks for them."""
        if key not in self._listened:
            await self.home.append(subject_of(LISTENED, key), None, b"")
            self._listened.add(key)

    async def _drop(self, replica: Replica) -> None:
        key = replica.organisation.key
        replica.left = True
        if self._replicas.get(key) is replica:
            del self._replicas[key]
            self.plane.worlds.delete(key)
            await self.plane.dismiss(replica.organisation)

    def _save(self, replica: Replica) -> None:
        if replica.whole and replica.at.number > replica.saved:
            self._checkpoints.write(replica.begun.id, replica.at, replica.side)
            replica.saved = replica.at.number

    async def doze(self) -> None:
        """Drops worlds that nobody has asked for of late, and takes checkpoints of those that were told much."""
        for key, replica in list(self._replicas.items()):
            if not replica.whole:
                await self._drop(replica)
            elif replica.is_idle(self._idle, self._sender.sends):
                self._save(replica)
                self._asleep[key] = Asleep(replica.at.number, replica.wakes())
                await self._drop(replica)
            elif replica.at.number - replica.saved >= OFTEN and replica.is_quiet():
                self._save(replica)

    # Keeping up

    def _heard(self, key: str) -> None:
        """Another server has told a world something."""
        replica = self._replicas.get(key)
        if replica is not None:
            replica.dirty = True
            if self._sender.sends:
                replica.touch()
        elif key in self._listened:
            self._asleep.pop(key, None)

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
            for key in self._listened - self._replicas.keys() - self._gone:
                asleep = self._asleep.get(key)
                if asleep is None or (asleep.due is not None and asleep.due <= now):
                    await self._ready_if_there(key)
        for replica in list(self._replicas.values()):
            try:
                await replica.tick()
            except (Gone, Left):
                await self._drop(replica)

    async def _look(self) -> None:
        """Hints may be lost; and whoever sends webhooks has to know all worlds that have endpoints."""
        for replica in list(self._replicas.values()):
            replica.dirty = True
            if not self._sender.sends and replica.side.webhooks.waiting > MOST_WAITING:
                async with replica.lock:
                    await replica.learn()  # another server has sent most of it long ago
        if self._sender.sends:
            self._listened |= (await self.home.counts(LISTENED)).keys()
            numbers = await self.home.counts(WORLDS)
            for key, asleep in list(self._asleep.items()):
                if asleep.number != numbers.get(key):
                    del self._asleep[key]  # it was told something meanwhile

    async def _ready_if_there(self, key: str) -> None:
        if key not in self._gone and await self._up(key) is None:
            self._gone.add(key)

    async def _beat(self) -> None:
        if await self._sender.beat():
            await self._change_over()
        elif self._sender.sends:
            for replica in self._replicas.values():
                replica.side.webhooks.flush()  # what was held back because a sign of life was late

    async def _change_over(self) -> None:
        sends = self._sender.sends
        log.info("This server %s webhooks.", "sends" if sends else "does not send any more")
        for replica in list(self._replicas.values()):
            webhooks = replica.side.webhooks
            webhooks.hold_back()
            if sends:
                async with replica.lock:
                    await replica.learn()
                    webhooks.go_on()
                    webhooks.flush()

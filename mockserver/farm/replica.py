"""One shared world on one server: it follows the world's log, and appends commands to it.

A request is tried first without being carried out. If it is refused or only reads, that is the response, once the log
has nothing newer. Otherwise its record is appended after the newest one that this server knows; when somebody else was
faster, the server reads on and tries again. Only what is in the log happens, on all servers alike.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from mockserver.clock import pin, real_time
from mockserver.control import replay
from mockserver.control.plane import ControlPlane
from mockserver.control.request import ControlRequest, Row, WouldChange
from mockserver.control.routes import execute_call
from mockserver.farm.outcomes import Outcomes
from mockserver.game.catalog import WebhookEndpoint
from mockserver.game.engine import Game
from mockserver.game.errors import GameError, Refused
from mockserver.log.jetstream import WORLDS, JetStreamStore, TooLong, Unavailable, subject_of
from mockserver.log.record import DELETED, RECIPE, TENANT, TIME, Conflict, Record, decode, encode
from mockserver.log.shared import Beginning
from mockserver.spec.binding import Function
from mockserver.transaction import execute_operation
from mockserver.worlds import Organisation, ShuttingDown, applying

if TYPE_CHECKING:
    from mockserver.app import App

MOST_RACES = 200  # lost in a row
ADD_ENDPOINT = "mock_webhooks_add"
LEFT_TO_OTHERS = "The server is about to end. What was asked is in the log, and the other servers carry it out."

Outcome = Callable[[], Any]  # gives the result, or raises the refusal
Tenant = Callable[[], str | None]
Read = Callable[[], dict[str, Any]]  # the arguments of the operation


class WorldDeleted(Exception):
    """The world was deleted."""


class ReplicaDropped(Exception):
    """The world is not on this server any more, or not as it ought to be; it can be brought up again."""


class _WouldWrite(Exception):
    """The request is about to change something."""


class At(NamedTuple):
    """A place in a world's log: the position and the id of the record there, and how many there are until then."""

    position: int
    id: str
    number: int


class Replica:
    """`begun`: the first record of the log; `at`: the newest that has been repeated here."""

    def __init__(
        self, store: JetStreamStore, plane: ControlPlane, app: App, organisation: Organisation, begun: Beginning, at: At
    ) -> None:
        self.organisation = organisation
        self.begun = begun
        self.at = at
        self.saved = 0  # so many records are in the newest checkpoint
        self.ledger = Outcomes(store, organisation.key)
        self.touched = self._last_append = time.monotonic()
        self.dirty = True  # somebody may have appended
        self.dropped = False  # nobody may use it any more
        self.whole = True  # no record was repeated in part
        self.lock = asyncio.Lock()
        self.context = plane.context(organisation)
        self._store, self._plane, self._app = store, plane, app
        self._subject = subject_of(WORLDS, organisation.key)
        self._time = max((game.now for game in organisation.games.values()), default=0)
        organisation.shared = True

    # Following

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[None]:
        """One after the other. Raises `ReplicaDropped`."""
        async with self.lock:
            if self.dropped or not self.whole:
                raise ReplicaDropped
            yield

    async def follow(self) -> None:
        """Repeats what has been appended meanwhile. Raises `WorldDeleted`, `ReplicaDropped`, `Unavailable`."""
        async with self._exclusive():
            await self._follow()

    async def _follow(self, id: str = "") -> tuple[bool, Outcome | None]:
        """Whether anything was appended; the outcome of the record of that id, if it is among it."""
        self.dirty = False
        newest = await self._store.last(self._subject)
        if newest is None:
            raise WorldDeleted
        before, found = self.at, None
        async for message in self._store.read(self._subject, self.at.position, newest.position):
            outcome = await self._replay_line(message.data)
            self._advance_to(message.position, message.id)
            found = outcome if id and message.id == id else found
        return self.at is not before, found

    async def replay_lines(self, lines: Iterable[bytes]) -> None:
        """Records that come before those of the log. Raises `LogError`."""
        for line in lines:
            await self._replay_line(line)

    def _advance_to(self, position: int, id: str) -> None:
        self._last_append = time.monotonic()
        self.at = At(position, id, self.at.number + 1)

    async def _replay_line(self, line: bytes) -> Outcome:
        """A record that was there before. Raises `Unavailable` when the server ends on the way."""
        try:
            return await self._replay(decode(line))
        except ShuttingDown:
            raise Unavailable("this server is about to end") from None

    async def _replay(self, record: Record) -> Outcome:
        """Applies a record here. Returns its outcome. Raises `ShuttingDown`."""
        token = applying.set(True)
        self.whole = False
        try:
            content = await self._apply(record)
        except ShuttingDown:  # somewhere on the way
            raise
        except GameError as refusal:  # the same on all servers
            self.whole = True
            return _refused(refusal)
        else:
            self.whole = True
        finally:
            applying.reset(token)
            # A reset and a restored snapshot set it back.
            self._time = max((game.now for game in self.organisation.games.values()), default=record.time)
            self.context.webhooks.flush()
        return lambda: content

    async def _apply(self, record: Record) -> Any:
        organisation = self.organisation
        if record.name == DELETED:
            raise WorldDeleted
        if record.name == RECIPE:
            return None
        function = self._app.functions.get(record.name)
        if function is None or record.name == TENANT:
            return await replay.replay_record(self._plane, self.context, record)
        game = organisation.game(record.tenant, record.time)
        return execute_operation(organisation, game, record.tenant, record.name, function, record.arguments)

    # Coming and going

    def touch(self) -> None:
        """Somebody needs it."""
        self.touched = time.monotonic()

    def is_quiet(self) -> bool:
        """Whether nothing was appended for a second."""
        return time.monotonic() - self._last_append > 1 and not self.lock.locked()

    def is_idle(self, seconds: float, sends: bool) -> bool:
        """Whether nobody has needed it for so long; nor this server, which `sends` webhooks or does not."""
        context = self.context
        if (
            time.monotonic() - self.touched < seconds
            or self.lock.locked()
            or context.move_lock.locked()
            or context.feed.has_listeners
        ):
            return False
        if not sends:
            return True
        wakes = self.wakes()
        return not self.has_delivery_due() and (wakes is None or wakes - real_time() > seconds * 1000)

    def has_delivery_due(self) -> bool:
        due = self.context.webhooks.next_due()
        return due is not None and due <= self.organisation.clock.now()

    def wakes(self) -> int | None:
        """The real time (ms UTC) at which something happens by itself that may send a webhook; None: never."""
        organisation, webhooks = self.organisation, self.context.webhooks
        if organisation.clock.frozen or not len(webhooks.endpoints):
            return None
        moments = [moment for moment in (organisation.next_due(), webhooks.next_due()) if moment is not None]
        return real_time() + min(moments) - organisation.clock.now() if moments else None

    async def read_outcomes(self) -> None:
        """What became of webhooks that another server has sent. Raises `LogError`."""
        await self.ledger.read_on()
        self.context.webhooks.read_outcomes(self.ledger)

    # Being asked

    async def execute(
        self,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
        local: bool,
    ) -> Outcome:
        """A request to an operation. `local`: what is known here is good enough to be read. Raises `WorldDeleted`,
        `ReplicaDropped`, `Unavailable`."""
        async with self._exclusive():
            for _ in range(MOST_RACES):
                try:
                    now = await self._now(local)
                    tried = self._try(now, name, function, tenant, read)
                    if isinstance(tried, Record):
                        outcome = await self._append(tried)
                        if tried.name != TENANT:
                            return outcome
                        continue  # now that the tenant is there it can be read
                    if local or not (await self._follow())[0]:
                        return tried
                except Conflict:
                    continue
        raise Unavailable(f"others were faster {MOST_RACES} times")

    def _try(
        self,
        now: int,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Outcome | Record:
        """The outcome when nothing is to be written, else the record."""
        organisation = self.organisation
        with self._at(now):
            try:
                whose = tenant()
                game = organisation.game(whose, now)
                arguments = read()
                content = function(_dry_run_game(game), **arguments)
            except _WouldWrite:
                return Record(now, name, arguments, whose)
            except GameError as refusal:
                return _refused(refusal)
            if whose is not None and organisation.catalog.settings.multi_tenant and whose not in organisation.games:
                return Record(now, TENANT, {}, whose)
            return lambda: (content, False)

    async def write_call(self, row: Row, request: ControlRequest) -> Any:
        """A call of the control plane that changes something. Raises `WorldDeleted`, `ReplicaDropped`,
        `Unavailable`, GameError."""
        async with self._exclusive():
            for _ in range(MOST_RACES):
                try:
                    now = await self._now()
                    tried = await self._try_call(now, row, request)
                    if isinstance(tried, Record):
                        return (await self._append(tried))()
                    if not (await self._follow())[0]:
                        return tried()
                except Conflict:
                    continue
        raise Unavailable(f"others were faster {MOST_RACES} times")

    async def _try_call(self, now: int, row: Row, request: ControlRequest) -> Outcome | Record:
        """The outcome when it is refused, else the record."""
        with pin():
            try:
                content = await execute_call(row, replace(request, trial=True))
            except WouldChange as would:
                return would.record._replace(time=max(now, would.record.time))
            except GameError as refusal:
                return _refused(refusal)
        return lambda: content

    async def read_call(self, row: Row, request: ControlRequest) -> Any:
        """A call of the control plane that only reads."""
        async with self._exclusive():
            await self._follow()
            try:
                await self._catch_up()
            except Conflict:
                await self._follow()
        return await execute_call(row, request)

    async def tick(self) -> None:
        """What is due happens, once, on whichever server is first."""
        async with self._exclusive():
            await self._read_on()
            try:
                await self._catch_up()
            except Conflict:
                self.dirty = True

    async def add_endpoints(self, wanted: Iterable[WebhookEndpoint]) -> None:
        """Those that are not there yet."""
        async with self._exclusive():
            for _ in range(MOST_RACES):
                await self._follow()
                there = {(row.url, row.events) for row in self.context.webhooks.endpoints}
                missing = [row for row in wanted if (row.url, row.events) not in there]
                if not missing:
                    return
                with suppress(Conflict):
                    now = await self._catch_up()
                    arguments = {"body": asdict(missing[0])}
                    (await self._append(Record(now, ADD_ENDPOINT, arguments, real=real_time())))()

    async def delete(self) -> None:
        """The end of the world, on all servers."""
        async with self._exclusive():
            await self._follow()
            await self._store.append(self._subject, None, encode(Record(self._time, DELETED, {})))
            await self._store.forget(self._subject, keep=1)

    # Inside

    async def _now(self, local: bool = False) -> int:
        """The world's time, after what is known to have been appended and what is due until then. Raises `Conflict`.

        `local`: as far as this server knows when it is on its own.
        """
        try:
            await self._read_on()
            return await self._catch_up()
        except Unavailable:
            if local:
                return self._time
            raise

    async def _read_on(self) -> None:
        if self.dirty:
            await self._follow()

    async def _catch_up(self) -> int:
        """The world's time; what is due until then has happened. Raises `Conflict`."""
        now = max(self.organisation.clock.now(), self._time)
        due = self.organisation.next_due()
        if due is not None and due <= now:
            await self._append(Record(now, TIME, {}))
        return now

    async def _append(self, record: Record) -> Outcome:
        """Appends a record and applies it. When another server was faster: reads on, and raises `Conflict`."""
        line, id = encode(record), self._store.new_id()
        try:
            position = await self._store.append(self._subject, self.at.position, line, id)
        except TooLong as error:
            return _refused(Refused(f"The request is too long to be shared: {error}."))
        except Conflict:
            _, outcome = await self._follow(id)
            if outcome is None:
                raise
            return outcome  # an attempt that seemed to fail had not
        try:
            outcome = await self._replay(decode(line))
        except ShuttingDown:
            raise ShuttingDown(LEFT_TO_OTHERS) from None
        self._advance_to(position, id)
        return outcome

    @contextmanager
    def _at(self, now: int) -> Iterator[None]:
        """As if it were `now`, when nothing is due until then; afterwards as before."""
        games = [(game, game.now) for game in self.organisation.games.values()]
        for game, _ in games:
            game.now = max(now, game.now)
        try:
            yield
        finally:
            for game, before in games:
                game.now = before


def _dry_run_game(game: Game) -> Game:
    """The same population, but recording a fact raises `_WouldWrite`."""

    def record(*facts: Any) -> Any:
        raise _WouldWrite

    tried = copy.copy(game)
    tried.record = record  # type: ignore[method-assign]
    return tried


def _refused(refusal: GameError) -> Outcome:
    def outcome() -> Any:
        raise refusal

    return outcome

"""One shared world on one server: it follows the world's log, and appends to it what it is asked to do.

A request is tried first without being carried out. If it is refused or only reads, that is the answer. Otherwise its
record is appended after the newest one that this server knows; when somebody else was faster, the server reads on and
tries again. Only what is in the log happens, on all servers alike.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from mockserver.app import perform
from mockserver.clock import real_time
from mockserver.control import replay
from mockserver.control.ask import Ask, Row
from mockserver.control.plane import Plane
from mockserver.control.routes import perform as perform_call
from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.log.jetstream import WORLDS, JetStreamHome, Unavailable, subject_of
from mockserver.log.record import DELETED, RECIPE, TENANT, TIME, Conflict, LogError, Record, decode, encode
from mockserver.spec.binding import Function
from mockserver.worlds import Organisation, applying

if TYPE_CHECKING:
    from mockserver.app import App

MOST_RACES = 200  # lost in a row

Outcome = Callable[[], Any]  # gives the answer, or raises the refusal
Tenant = Callable[[], str | None]
Read = Callable[[], dict[str, Any]]  # the arguments of the operation


class Gone(Exception):
    """The world was deleted."""


class _WouldWrite(Exception):
    """The request is about to change something."""


class Replica:
    """`position`: of the newest record that has been repeated here; 0: not even the recipe."""

    def __init__(self, home: JetStreamHome, plane: Plane, app: App, organisation: Organisation, position: int) -> None:
        self.organisation = organisation
        self.position = position
        self.dirty = True  # somebody may have appended
        self.lock = asyncio.Lock()
        self.side = plane.backstage(organisation)
        self._home, self._plane, self._app = home, plane, app
        self._subject = subject_of(WORLDS, organisation.key)
        self._time = max((game.now for game in organisation.games.values()), default=0)
        organisation.shared = True

    # Following

    async def follow(self) -> None:
        """Repeats what has been appended meanwhile. Raises `Gone`, `Unavailable`."""
        async with self.lock:
            await self._follow()

    async def _follow(self, id: str = "") -> Outcome | None:
        """The outcome of the record of that id, if it is among what was appended."""
        newest = await self._home.last(self._subject)
        if newest is None:
            raise Gone
        found = None
        async for message in self._home.read(self._subject, self.position, newest.position):
            outcome = await self._repeat(decode(message.data))
            self.position = message.position
            found = outcome if id and message.id == id else found
        self.dirty = False
        return found

    async def _repeat(self, record: Record) -> Outcome:
        """Lets a record happen here; what comes out of it."""
        token = applying.set(True)
        try:
            content = await self._happen(record)
        except GameError as refusal:  # the same on all servers
            return _refused(refusal)
        finally:
            applying.reset(token)
            # A reset and a restored snapshot set it back.
            self._time = max((game.now for game in self.organisation.games.values()), default=record.time)
            self.side.webhooks.flush()
        return lambda: content

    async def _happen(self, record: Record) -> Any:
        organisation = self.organisation
        if record.name == TIME:
            return organisation.catch_up(record.time)
        if record.name == DELETED:
            raise Gone
        if record.name == RECIPE:
            return None
        function = self._app.functions.get(record.name)
        if function is None or record.name == TENANT:
            return await replay.repeat(self._plane, self.side, record)
        game = organisation.game(record.tenant, record.time)
        return perform(organisation, game, record.tenant, record.name, function, record.arguments)

    # Being asked

    async def ask(
        self,
        name: str,
        function: Function,
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
        local: bool,
    ) -> Outcome:
        """A request to an operation. `local`: what is known here is good enough to be read. Raises `Unavailable`."""
        async with self.lock:
            if not local:
                await self._follow()
            for _ in range(MOST_RACES):
                try:
                    now = await self._until_now()
                    tried = self._try(now, name, function, tenant, read)
                    return await self._tell(tried) if isinstance(tried, Record) else tried
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
                content = function(_tried(game), **arguments)
            except _WouldWrite:
                return Record(now, name, arguments, whose)
            except GameError as refusal:
                return _refused(refusal)
            if whose is not None and organisation.catalog.settings.multi_tenant and whose not in organisation.games:
                return Record(now, TENANT, {}, whose)
            return lambda: (content, False)

    async def command(self, row: Row, ask: Ask) -> Any:
        """A call of the control plane that changes something. It is in the log also when it is refused in the
        end, and changes nothing then."""
        async with self.lock:
            await self._follow()
            for _ in range(MOST_RACES):
                try:
                    now = await self._until_now()
                    return (await self._tell(Record(now, row.name, ask.arguments(), ask.tenant, real_time())))()
                except Conflict:
                    continue
        raise Unavailable(f"others were faster {MOST_RACES} times")

    async def look(self, row: Row, ask: Ask) -> Any:
        """A call of the control plane that only reads."""
        async with self.lock:
            await self._follow()
            try:
                await self._until_now()
            except Conflict:
                await self._follow()
        return await perform_call(row, ask)

    async def tick(self) -> None:
        """What is due happens, once, whoever comes first."""
        async with self.lock:
            if self.dirty:
                await self._follow()
            try:
                await self._until_now()
            except Conflict:
                self.dirty = True

    async def delete(self) -> None:
        async with self.lock:
            await self._follow()
            await self._home.append(self._subject, None, encode(Record(self._time, DELETED, {})), uuid4().hex)

    # Inside

    async def _until_now(self) -> int:
        """The world's time; what is due until then has happened. Raises `Conflict`."""
        now = max(self.organisation.clock.now(), self._time)
        due = self.organisation.next_due()
        if due is not None and due <= now:
            await self._tell(Record(now, TIME, {}))
        return now

    async def _tell(self, record: Record) -> Outcome:
        """Appends a record and lets it happen. When somebody else was faster: reads on, and raises `Conflict`."""
        id = uuid4().hex
        try:
            position = await self._home.append(self._subject, self.position, encode(record), id)
        except Conflict:
            outcome = await self._follow(id)
            if outcome is None:
                raise
            return outcome  # an attempt that seemed to fail had not
        outcome = await self._repeat(decode(encode(record)))
        self.position = position
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


def _tried(game: Game) -> Game:
    """The same population, but whoever tells it something has to stop."""

    def tell(*facts: Any) -> Any:
        raise _WouldWrite

    tried = copy.copy(game)
    tried.tell = tell  # type: ignore[method-assign]
    return tried


def _refused(refusal: GameError) -> Outcome:
    def outcome() -> Any:
        raise refusal

    return outcome


__all__ = ["Gone", "LogError", "Outcome", "Replica"]

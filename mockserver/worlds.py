"""The organisations behind the API keys: each has a catalog, a clock and one population per tenant."""

from __future__ import annotations

import hashlib
import logging
import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from mockserver.clock import Clock
from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game, Observer
from mockserver.game.errors import GameError, NotFound, Refused
from mockserver.game.facts import CatalogChanged, Entry
from mockserver.game.nearest import instead
from mockserver.game.periods import DAY, FIRST_CLOCK, MINUTE, utc_day
from mockserver.game.world import World
from mockserver.garbage import without_collecting
from mockserver.log.turn import Recorder, Turn

DEFAULT_KEY = "00000000.local"
QUARTER = 15 * MINUTE
HISTORY_DAYS = {"daily": 60, "weekly": 84, "monthly": 150}
CatalogOn = Callable[[date], Catalog]

log = logging.getLogger("mockserver")


# Whether a record of a shared world is being repeated: then, and only then, its time passes.
applying: ContextVar[bool] = ContextVar("applying", default=False)


class Ending(GameError):
    """The server is about to end, and does not finish what takes its time."""


class TenantNotFound(NotFound):
    """The tenant of a request is none of those that the catalog lists."""


class Populate(Protocol):
    """Fills an empty population with users who have been active from the game's now until `until` (ms UTC).

    Returns what the webhooks of their last days are made from, oldest first; the game may add to it until it is
    observed otherwise. `report` is told now and then how much is done (0 to 1), and how many deeds that were; what it
    raises ends the matter.
    """

    def __call__(
        self, game: Game, *, seed: int, users: int, until: int, report: Callable[[float, int], None] | None = None
    ) -> Sequence[Any]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """How a world is made, and made again by a reset.

    `catalog` gives the catalog as of the world's first day; `now` (ms UTC) None is the real time;
    `history_days` is how long its `users` have been active; None: as long as its streak makes it worth seeing.
    `origin`: the API key under which the world was first made, if that is not its own: what is derived from a key is
    derived from that one. `rounded`: by the real time, users have been active until the last quarter of an hour, so
    that worlds that are made one after the other have had the same past.
    """

    catalog: CatalogOn
    seed: int = 1
    users: int = 0
    now: int | None = None
    frozen: bool = False
    history_days: int | None = None
    origin: str | None = None
    rounded: bool = True

    def lived_until(self, now: int) -> int:
        """The moment (ms UTC) before which users have done what they have done: on the same day as `now`, everywhere.
        All zones begin their days with a quarter of an hour."""
        since = now % QUARTER
        return now if self.now is not None or not self.rounded or not since else now - since + 1

    def days_before(self, catalog: Catalog) -> int:
        """How many days of history the users have."""
        if self.history_days is not None:
            return self.history_days
        return HISTORY_DAYS[catalog.streak.frequency if catalog.streak else "daily"]


class Organisation:
    """One world: what an API key opens. Its catalog counts relative days from its `first_day` (UTC).

    `recorder` writes down what the world is told, where a log is kept. `state` (of `state()`) instead of a new life.
    """

    clock: Clock
    first_day: date
    catalog: Catalog
    games: dict[str | None, Game]

    def __init__(self, key: str, plan: Plan, populate: Populate | None = None, state: Any = None) -> None:
        self.key = key
        self.plan = plan
        self.recorder: Recorder | None = None
        self.shared = False  # time passes only as its log says
        self.away = False  # it is on its way back to what its log says, and answers nobody meanwhile
        self.recent: list[tuple[str | None, Any]] = []  # by tenant: of the webhooks of seeded users' last days
        self._populate = populate
        self._observers: list[Observer] = []
        if state is None:
            self.reset()
        else:
            self.clock = Clock()
            self.resume(state)

    @property
    def origin(self) -> str:
        """The key that ids and secrets are derived from."""
        return self.plan.origin or self.key

    def become(self, other: Organisation) -> None:
        """Takes over the whole state of another world, which must not be used any more; observers stay."""
        self.clock, self.first_day, self.catalog, self.games = other.clock, other.first_day, other.catalog, other.games
        self.recent = other.recent
        for game in self.games.values():
            self._attach(game)

    def reset(self) -> None:
        """Back to the seed: clock, catalog and people as they were made."""
        plan = self.plan
        clock = Clock(plan.now, plan.frozen)
        now = clock.now()
        first_day = utc_day(now)
        catalog = plan.catalog(first_day)
        self.clock, self.first_day, self.catalog = clock, first_day, catalog
        self.games, self.recent = {}, []
        settings = self.catalog.settings
        for tenant in (settings.tenants or ()) if settings.multi_tenant else (None,):
            self._found(tenant, now)

    def _found(self, tenant: str | None, now: int) -> Game:
        plan = self.plan
        lived = plan.days_before(self.catalog) * DAY if plan.users else 0
        seed = str(plan.seed) if tenant is None else f"{plan.seed}/{tenant}"
        until = plan.lived_until(now) if plan.users else now
        game = self.games[tenant] = Game(World(self.catalog, seed, max(FIRST_CLOCK, until - lived), self.origin))
        seen: Sequence[Any] = ()
        if plan.users and self._populate is not None:
            seen = self._populate(game, seed=plan.seed, users=plan.users, until=until)
        game.catch_up(now)
        self.recent += [(tenant, one) for one in seen]
        self._attach(game)
        return game

    def _attach(self, game: Game) -> None:
        game.observe = self._observe if self._observers else None

    def _observe(self, world: World, entries: list[Entry]) -> None:
        for observer in self._observers:
            try:
                observer(world, entries)
            except Exception:  # it has happened, whatever becomes of those who look on
                log.exception("What follows from a change could not be worked out; this is a defect of the mock")

    def watch(self, observer: Observer) -> None:
        """From now on `observer` is told of every request and every due moment."""
        self._observers.append(observer)
        for game in self.games.values():
            self._attach(game)

    def unwatch(self, observer: Observer) -> None:
        self._observers.remove(observer)
        for game in self.games.values():
            self._attach(game)

    def game(self, tenant: str | None = None, now: int | None = None) -> Game:
        """The population that a request is about, caught up with the clock (or `now`); of a tenant that is not known
        yet a new one, which comes into being with `admit`.

        Raises `Refused` without a tenant where one is required, `NotFound` for one that is not listed.
        """
        now = self.clock.now() if now is None else now
        settings = self.catalog.settings
        if not settings.multi_tenant:
            tenant = None
        elif not tenant:
            raise Refused("The Tenant-ID header is required: this organisation is multi-tenant.")
        elif settings.tenants is not None and tenant not in settings.tenants:
            raise TenantNotFound(f"Tenant {tenant!r} was not found{instead(tenant, settings.tenants)}")
        game = self.games.get(tenant)
        if game is None:
            game = Game(World(self.catalog, f"{self.plan.seed}/{tenant}", now, self.origin))
            self._attach(game)
        self.catch_up(now)
        return game

    def admit(self, tenant: str, game: Game) -> bool:
        """From now on a tenant is there: its first request was one that could be answered. Whether it is new."""
        if not self.catalog.settings.multi_tenant or tenant in self.games:
            return False
        self.games[tenant] = game
        return True

    def dismiss(self, tenant: str) -> None:
        """A tenant that was just admitted is not there after all."""
        self.games.pop(tenant, None)

    def next_due(self) -> int | None:
        """When something may fall due next in any population (ms UTC)."""
        return min((due for game in self.games.values() if (due := game.next_due()) is not None), default=None)

    def catch_up(self, now: int) -> None:
        """Settles what falls due until `now` in all populations, in one order of time."""
        if self.shared and not applying.get():
            return
        if len(self.games) > 1:
            while (due := self.next_due()) is not None and due <= now:
                for game in self.games.values():
                    if game.next_due() == due:
                        game.catch_up(due)
        for game in self.games.values():
            game.catch_up(now)

    def change_catalog(self, catalog: Catalog) -> None:
        """Puts a new catalog into force, now, in all populations or in none."""
        self.catch_up(self.clock.now())
        games, before = list(self.games.values()), self.catalog
        try:
            for game in games:
                game.begin()
                game.tell(CatalogChanged(catalog))
            self.catalog = catalog
        except BaseException:
            self.catalog = before
            for game in games:
                game.undo()
            raise
        for game in games:
            game.commit()

    def snapshot(self) -> bytes:
        """All of the world's state: populations, catalog and clock."""
        with without_collecting():
            return pickle.dumps(self.state(), protocol=5)

    def restore(self, snapshot: bytes) -> None:
        """Everything as it was when the snapshot was taken, the clock included."""
        with without_collecting():
            state = pickle.loads(snapshot)
        self.resume(state)

    def state(self) -> Any:
        """What a snapshot holds, to be pickled alone or with what refers to it."""
        for game in self.games.values():
            game.undo()
        worlds = {tenant: (game.world, game.now) for tenant, game in self.games.items()}
        return self.first_day, self.catalog, self.clock.now(), self.clock.frozen, worlds

    def resume(self, state: Any) -> None:
        """Goes on from a `state()`, which must not be used any more; its clock from where it stood."""
        first_day, catalog, now, frozen, worlds = state
        games = {tenant: Game(world, now=then) for tenant, (world, then) in worlds.items()}
        for game in games.values():
            self._attach(game)
        self.clock.set(now, frozen)
        self.first_day, self.catalog, self.games, self.recent = first_day, catalog, games, []


class Keeper(Protocol):
    """Keeps what the worlds of a server are told. Raises `LogError` when it cannot."""

    def founded(self, organisation: Organisation, real: int, made: int) -> None:
        """A world was made at that real time (ms UTC), the so many-th of this server."""
        ...

    def adopted(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        """A world has lived through these records, the recipe first."""
        ...

    def deleted(self, organisation: Organisation) -> None:
        """A world is about to be deleted."""
        ...

    def told(self, organisation: Organisation, name: str, arguments: dict[str, Any]) -> None:
        """The server itself has told a world something, at the moment (pinned) that it is."""
        ...

    def tick(self) -> None:
        """Called several times a second."""
        ...

    def save_all(self) -> None:
        """Before the end: what makes the next start quick."""
        ...

    def close(self) -> None:
        """The end: nothing is told any more."""
        ...


class Farm(Protocol):
    """Worlds that several servers share. Raises `LogError` when the others cannot be reached."""

    async def ready(self, key: str) -> None:
        """Brings the world of that key up, if there is one."""
        ...

    async def ask(
        self,
        organisation: Organisation,
        name: str,
        function: Callable[..., Any],
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Callable[[], tuple[Any, bool]] | None:
        """A request to an operation: what gives its answer or raises its refusal; None when the world is gone."""
        ...

    async def follow(self, organisation: Organisation) -> Organisation | None:
        """The world as it is in the log now; None when it is gone."""
        ...

    async def call(self, row: Any, ask: Any) -> Any:
        """A call of the control plane about one world: its answer."""
        ...

    async def everywhere(self) -> None:
        """Brings all worlds up."""
        ...

    async def number(self) -> int:
        """How many worlds there are, up or not."""
        ...

    def new_key(self) -> str: ...

    async def founded(self, organisation: Organisation, real: int) -> None:
        """A world was made here at that real time (ms UTC), and is shared from now on."""
        ...

    async def adopted(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        """A world has lived through these records here, the recipe first, and is shared from now on."""
        ...

    async def deleted(self, organisation: Organisation) -> None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None:
        """Before the end: nothing happens by itself any more."""
        ...

    async def close(self) -> None: ...


class Worlds:
    """All organisations of one server, by API key. `roots`: the keys given at start.

    `known`: worlds that were there before; `made`: how many had been made with a key from the counter by then.
    """

    def __init__(
        self,
        plan: Plan,
        keys: tuple[str, ...] = (DEFAULT_KEY,),
        populate: Populate | None = None,
        known: Iterable[Organisation] = (),
        made: int = 0,
    ) -> None:
        self.plan = plan
        self.roots = keys
        self.populate = populate
        self.turn: Turn | None = None  # where logs are kept, answers wait for its end
        self.keeper: Keeper | None = None
        self.farm: Farm | None = None
        self.ending = False  # whoever waits for a world to be made hears that it is not
        self.made = made
        there = {organisation.key: organisation for organisation in known}
        roots = {key: there.get(key) or Organisation(key, plan, populate) for key in keys}
        self._worlds = roots | there

    def __iter__(self) -> Iterator[Organisation]:
        return iter(list(self._worlds.values()))

    def __len__(self) -> int:
        return len(self._worlds)

    def find(self, key: str | None) -> Organisation | None:
        return self._worlds.get(key) if key else None

    def make(self, plan: Plan) -> Organisation:
        """A new world with a key of its own."""
        return self.admit(Organisation(self.new_key(), plan, self.populate))

    def live(
        self, game: Game, *, seed: int, users: int, until: int, report: Callable[[float, int], None] | None = None
    ) -> Sequence[Any]:
        """Populates a world while the server runs. Raises `Ending` as soon as it is about to end."""

        def wanted(done: float, deeds: int) -> None:
            if self.ending:
                raise Ending("The server is about to end, and the world has not been made.")
            if report is not None:
                report(done, deeds)

        assert self.populate is not None, "only worlds with users are populated"
        return self.populate(game, seed=seed, users=users, until=until, report=wanted)

    def new_key(self) -> str:
        """The next key, derived from the server's seed and a counter."""
        self.made += 1
        digest = hashlib.sha256(f"{self.plan.seed}/world/{self.made}".encode()).hexdigest()
        return f"{digest[:8]}.{digest[8:40]}"

    def admit(self, organisation: Organisation) -> Organisation:
        """Opens the door of a world that was made elsewhere (in a thread, when people have to live first)."""
        self._worlds[organisation.key] = organisation
        return organisation

    def delete(self, key: str) -> bool:
        """Whether there was such a world to delete."""
        return self._worlds.pop(key, None) is not None

    def tick(self) -> list[Organisation]:
        """Lets what has fallen due under the running clocks happen, without any request; where it did."""
        moved = []
        for organisation in self:
            if organisation.shared or organisation.away:
                continue
            now, due = organisation.clock.now(), organisation.next_due()
            if due is not None and due <= now:
                try:
                    organisation.catch_up(now)
                except Exception:  # one world must not stop the time of the others
                    log.exception("The time of world %s stands still. This is a defect of the mock.", organisation.key)
                moved.append(organisation)
        return moved

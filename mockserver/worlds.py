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
from mockserver.game.nearest import suggestion
from mockserver.game.periods import DAY, FIRST_CLOCK, MINUTE, utc_day
from mockserver.game.world import World
from mockserver.garbage import without_collecting
from mockserver.log.batch import Batch, Recorder

DEFAULT_KEY = "00000000.local"
QUARTER = 15 * MINUTE
HISTORY_DAYS = {"daily": 60, "weekly": 84, "monthly": 150}
CatalogFactory = Callable[[date], Catalog]

log = logging.getLogger("mockserver")


# Whether a record of a shared world is being repeated: then, and only then, its time passes.
applying: ContextVar[bool] = ContextVar("applying", default=False)


class ShuttingDown(GameError):
    """The server is about to end, and does not finish what takes its time."""


class TenantNotFound(NotFound):
    """The tenant of a request is none of those that the catalog lists."""


class Populate(Protocol):
    """Fills an empty population with users who were active from the game's now until `until` (ms UTC).

    Returns what the webhooks of their last days are made from, oldest first; the game may add to it until it is
    observed otherwise. `report` is called now and then: how much is done (0 to 1), how many actions that were; what it
    raises ends the seeding.
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

    catalog: CatalogFactory
    seed: int = 1
    users: int = 0
    now: int | None = None
    frozen: bool = False
    history_days: int | None = None
    origin: str | None = None
    rounded: bool = True

    def active_until(self, now: int) -> int:
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

    `recorder` logs the world's commands, where a log is kept. `state` (of `state()`): goes on from it.
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
        self.recovering = False  # it is going back to what its log says, and serves no request meanwhile
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

    def take_over(self, other: Organisation) -> None:
        """Takes over the whole state of another world, which must not be used any more; observers stay."""
        self.clock, self.first_day, self.catalog, self.games = other.clock, other.first_day, other.catalog, other.games
        self.recent = other.recent
        for game in self.games.values():
            self._attach(game)

    def reset(self) -> None:
        """Back to the seed: clock, catalog and users as they were made."""
        plan = self.plan
        clock = Clock(plan.now, plan.frozen)
        now = clock.now()
        first_day = utc_day(now)
        catalog = plan.catalog(first_day)
        self.clock, self.first_day, self.catalog = clock, first_day, catalog
        self.games, self.recent = {}, []
        for tenant in self._tenants():
            self._create_game(tenant, now)

    def _tenants(self) -> tuple[str | None, ...]:
        """Those whose populations are there from the beginning."""
        settings = self.catalog.settings
        return (settings.tenants or ()) if settings.multi_tenant else (None,)

    def _empty_game(self, tenant: str | None, now: int) -> Game:
        """A population in which nobody is yet."""
        seed = str(self.plan.seed) if tenant is None else f"{self.plan.seed}/{tenant}"
        return Game(World(self.catalog, seed, max(FIRST_CLOCK, now), self.origin))

    def _create_game(self, tenant: str | None, now: int) -> Game:
        plan = self.plan
        history = plan.days_before(self.catalog) * DAY if plan.users else 0
        until = plan.active_until(now) if plan.users else now
        game = self.games[tenant] = self._empty_game(tenant, until - history)
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
            except Exception:  # it has happened, also where an observer fails
                log.exception("What follows from a change could not be worked out; this is a defect of the mock")

    def watch(self, observer: Observer) -> None:
        """From now on `observer` is called after every request and every due moment."""
        self._observers.append(observer)
        for game in self.games.values():
            self._attach(game)

    def unwatch(self, observer: Observer) -> None:
        self._observers.remove(observer)
        for game in self.games.values():
            self._attach(game)

    def game(self, tenant: str | None = None, now: int | None = None) -> Game:
        """The population that a request is about, caught up with the clock (or `now`); of a tenant that is not known
        yet a new one, which comes into being with `add_tenant`.

        Raises `Refused` without a tenant where one is required, `NotFound` for one that is not listed.
        """
        now = self.clock.now() if now is None else now
        settings = self.catalog.settings
        if not settings.multi_tenant:
            tenant = None
        elif not tenant:
            raise Refused("The Tenant-ID header is required: this organisation is multi-tenant.")
        elif settings.tenants is not None and tenant not in settings.tenants:
            raise TenantNotFound(f"Tenant {tenant!r} was not found{suggestion(tenant, settings.tenants)}")
        game = self.games.get(tenant)
        if game is None:
            game = self._empty_game(tenant, now)
            self._attach(game)
        self.catch_up(now)
        return game

    def add_tenant(self, tenant: str, game: Game) -> bool:
        """From now on a tenant is there: its first request was one that could be served. Whether it is new."""
        if not self.catalog.settings.multi_tenant or tenant in self.games:
            return False
        self.games[tenant] = game
        return True

    def remove_tenant(self, tenant: str) -> None:
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
        now = self.clock.now()
        self.catch_up(now)
        games, before = list(self.games.values()), self.catalog
        try:
            for game in games:
                game.begin()
                game.record(CatalogChanged(catalog))
            self.catalog = catalog
        except BaseException:
            self.catalog = before
            for game in games:
                game.undo()
            raise
        for game in games:
            game.commit()
        for tenant in self._tenants():
            if tenant not in self.games:
                self._attach(self.games.setdefault(tenant, self._empty_game(tenant, now)))

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
    """Logs the commands of a server's worlds. Raises `LogError` when it cannot."""

    def created(self, organisation: Organisation, real: int, made: int) -> None:
        """A world was made at that real time (ms UTC), the so many-th of this server."""
        ...

    def loaded(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        """A world was made from these records, the recipe first."""
        ...

    def deleted(self, organisation: Organisation) -> None:
        """A world is about to be deleted."""
        ...

    def record(self, organisation: Organisation, name: str, arguments: dict[str, Any]) -> None:
        """A command of the server itself, at the (pinned) moment."""
        ...

    def tick(self) -> None:
        """Called several times a second."""
        ...

    def save_all(self) -> None:
        """Before the end: what makes the next start quick."""
        ...

    def close(self) -> None:
        """The end: nothing is logged any more."""
        ...


class Farm(Protocol):
    """Worlds that several servers share. Raises `LogError` when the others cannot be reached."""

    async def ready(self, key: str) -> None:
        """Brings the world of that key up, if there is one."""
        ...

    async def execute(
        self,
        organisation: Organisation,
        name: str,
        function: Callable[..., Any],
        tenant: Callable[[], str | None],
        read: Callable[[], dict[str, Any]],
    ) -> Callable[[], tuple[Any, bool]] | None:
        """Runs a request: a function that returns its result or raises its refusal; None: the world is gone."""
        ...

    async def follow(self, organisation: Organisation) -> Organisation | None:
        """The world as it is in the log now; None when it is gone."""
        ...

    async def call(self, row: Any, request: Any) -> Any:
        """A call of the control plane about one world: its result."""
        ...

    async def load_all(self) -> None:
        """Brings all worlds up."""
        ...

    async def number(self) -> int:
        """How many worlds there are, up or not."""
        ...

    def new_key(self) -> str: ...

    async def created(self, organisation: Organisation, real: int) -> None:
        """A world was made here at that real time (ms UTC), and is shared from now on."""
        ...

    async def loaded(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        """A world was made from these records here, the recipe first, and is shared from now on."""
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
        self.batch: Batch | None = None  # where logs are kept, responses wait until it is written
        self.keeper: Keeper | None = None
        self.farm: Farm | None = None
        self.shutting_down = False  # worlds that are being made are given up
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
        return self.add(Organisation(self.new_key(), plan, self.populate))

    def populate_running(
        self, game: Game, *, seed: int, users: int, until: int, report: Callable[[float, int], None] | None = None
    ) -> Sequence[Any]:
        """Populates a world while the server runs. Raises `ShuttingDown` as soon as it is about to end."""

        def report_unless_shutting_down(done: float, actions: int) -> None:
            if self.shutting_down:
                raise ShuttingDown("The server is about to end, and the world has not been made.")
            if report is not None:
                report(done, actions)

        assert self.populate is not None, "only worlds with users are populated"
        return self.populate(game, seed=seed, users=users, until=until, report=report_unless_shutting_down)

    def new_key(self) -> str:
        """The next key, derived from the server's seed and a counter."""
        self.made += 1
        digest = hashlib.sha256(f"{self.plan.seed}/world/{self.made}".encode()).hexdigest()
        return f"{digest[:8]}.{digest[8:40]}"

    def add(self, organisation: Organisation) -> Organisation:
        """Adds a world that was made elsewhere (in a thread, when users are seeded)."""
        self._worlds[organisation.key] = organisation
        return organisation

    def delete(self, key: str) -> bool:
        """Whether there was such a world to delete."""
        return self._worlds.pop(key, None) is not None

    def tick(self) -> list[Organisation]:
        """Settles what has fallen due under the running clocks. Returns the worlds where anything has."""
        moved = []
        for organisation in self:
            if organisation.shared or organisation.recovering:
                continue
            now, due = organisation.clock.now(), organisation.next_due()
            if due is not None and due <= now:
                try:
                    organisation.catch_up(now)
                except Exception:  # one world must not stop the time of the others
                    log.exception("The time of world %s stands still. This is a defect of the mock.", organisation.key)
                moved.append(organisation)
        return moved

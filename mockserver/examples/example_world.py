"""The world that examples are taken from: seeded users with weeks of history, and all webhooks of that time.

A scenario has one main user, the same in all requests and webhooks, so that bodies of one batch fit together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cached_property
from typing import Any, NamedTuple

from mockserver.game import facts as f
from mockserver.game.catalog import Achievement, Catalog, Leaderboard, PointsSystem
from mockserver.game.engine import Game
from mockserver.game.leaderboards import current_run
from mockserver.game.metrics import number
from mockserver.game.periods import DAY, local_day, utc_day
from mockserver.game.points import active_boosts
from mockserver.game.state import User
from mockserver.game.world import World, matches
from mockserver.seed import populate, seeded_id
from mockserver.seed.identities import Identities
from mockserver.seed.usage import Habit, Usage
from mockserver.webhooks.bodies import KINDS, webhook_events
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.worlds import HISTORY_DAYS, CatalogFactory, Organisation, Plan, Worlds

JSON = dict[str, Any]

USERS = 24
HISTORY = 45 * DAY  # with a daily streak; with others as long as users of a server have been active
TENANT = "example-tenant"
MANY = 60  # webhooks about nobody in particular: a board with breakdown has one for each group at once
FAR = 5  # an event is at most so many times as large as usual


class CommittingGame(Game):
    """A game in which every recorded fact is a request of its own."""

    def record(self, *facts: f.Fact) -> list[f.Entry]:
        entries = super().record(*facts)
        self.commit()
        return entries


class WebhookCollector:
    """The newest webhooks of each type, by the user whom they are about (None: nobody in particular)."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._rows: dict[str, dict[str | None, deque[WebhookEvent]]] = {kind: {} for kind in KINDS}

    def observe(self, world: World, entries: list[f.Entry]) -> None:
        for row in webhook_events(world, entries):
            kept = self._kept + (0 if row.user else MANY)
            self._rows[row.kind].setdefault(row.user, deque(maxlen=kept)).appendleft(row)

    def about(self, kind: str, user: str | None) -> Iterable[WebhookEvent]:
        """Newest first."""
        return self._rows[kind].get(user, ())

    def kinds_about(self, user: str) -> int:
        """How many types there are about this user."""
        return sum(user in rows for rows in self._rows.values())


class ExampleWorld:
    """A world at `now` with seeded users, and its webhooks. `main_users`: those with the most types of webhooks."""

    def __init__(self, catalog_factory: CatalogFactory, seed: int, now: int, scenarios: int = 1) -> None:
        catalog = _with_one_tenant(catalog_factory(utc_day(now)))
        self.seed, self.users = seed, max(USERS, scenarios * 3 // 2)
        self.tenant = catalog.settings.tenants[0] if catalog.settings.tenants else None
        self.collected = WebhookCollector(scenarios + 4)
        self.worlds = Worlds(Plan(lambda day: catalog, seed=seed, now=now, frozen=True))
        self.game = self._populate(next(iter(self.worlds)), catalog, now)
        self.usage = Usage(catalog)
        self.identities = Identities(f"{seed}/{self.game.world.seed}", self.usage)
        ids = [seeded_id(count) for count in range(self.users)]
        self.main_users = sorted((user for user in ids if user in self.game.world.users), key=self._variety)

    def _populate(self, organisation: Organisation, catalog: Catalog, now: int) -> Game:
        """Seeds the users, and puts their world behind the organisation's key."""
        frequency = catalog.streak.frequency if catalog.streak else "daily"
        history = HISTORY if frequency == "daily" else HISTORY_DAYS[frequency] * DAY
        world = World(catalog, str(self.seed), max(0, now - history))
        game = CommittingGame(world, self.collected.observe)
        populate(game, seed=self.seed, users=self.users, until=now)
        game.catch_up(now)
        organisation.games = {self.tenant: game}
        organisation.watch(self.collected.observe)
        return game

    def _variety(self, user_id: str) -> tuple[int, bool, int]:
        """Most types of webhooks first; of these, users whose next event extends a streak."""
        user = self.game.world.users[user_id]
        streak, today = user.streak, local_day(self.game.now, user.zone)
        return -self.collected.kinds_about(user_id), streak.length == 0 or streak.counted == today, -streak.length

    @property
    def catalog(self) -> Catalog:
        return self.game.world.catalog


def _with_one_tenant(catalog: Catalog) -> Catalog:
    settings = catalog.settings
    if not settings.multi_tenant:
        return replace(catalog, settings=replace(settings, tenants=None))
    return replace(catalog, settings=replace(settings, tenants=(settings.tenants or (TENANT,))[:1]))


class Event(NamedTuple):
    """`amount` in millionths."""

    metric: str
    amount: int
    attributes: dict[str, str]


class Scenario:
    """The user and the rows of the catalog that requests are about; what the catalog lacks is None.

    Chosen when first asked for, so the writing operations come before the reading ones.
    """

    def __init__(self, example_world: ExampleWorld, count: int, main_user: str) -> None:
        self.example_world, self.count, self.main_user = example_world, count, main_user
        self.game, self.catalog = example_world.game, example_world.catalog

    @property
    def user(self) -> User:
        return self.game.world.users[self.main_user]

    @property
    def today(self) -> date:
        return local_day(self.game.now, self.user.zone)

    def id_of(self, thing: str) -> str:
        return self.game.world.id_of(f"example {thing}", self.count)

    @cached_property
    def new_user(self) -> JSON:
        """Somebody who is not there yet, as schema `UpsertedUser`."""
        number = self.example_world.users + self.count
        return {"id": seeded_id(number), **self.example_world.identities.identity(number)}

    @property
    def unknown_id(self) -> str:
        """The id of a user who does not exist."""
        return seeded_id(100 * self.example_world.users + self.count)

    @cached_property
    def event(self) -> Event | None:
        """The main user's next event: as near as possible to the next achievement."""
        plans = [self._plan(habit) for habit in self.example_world.usage.habits]
        return min(plans, key=lambda plan: plan[0])[1] if plans else None

    def _plan(self, habit: Habit) -> tuple[float, Event]:
        """How far the next achievement is, in events of usual size, and the event."""
        usage = self.example_world.usage
        attributes = {key: usage.values[key][0] for key in usage.event_keys[habit.metric]}
        progress = self.user.metrics.get(habit.metric)
        usual = max(1, round(habit.amount / habit.step)) * habit.step
        far, amount = float("inf"), usual
        for row in self.catalog.metric_achievements.get(habit.metric, ()):
            missing = row.value - (progress.sum_of(row.event_attributes).total if progress else 0)
            due = 0 < missing < far * usual and matches(self.user.profile.attributes, row.user_attributes)
            if due and matches(attributes, row.event_attributes):
                far, amount = missing / usual, -(-missing // habit.step) * habit.step
        return far, Event(habit.metric, amount if far <= FAR else usual, attributes)

    @property
    def event_body(self) -> JSON | None:
        if self.event is None:
            return None
        profile = self.user.profile
        known = {"id": self.main_user, "email": profile.email, "name": profile.name, "tz": profile.tz}
        body: JSON = {
            "user": {key: value for key, value in known.items() if value is not None},
            "value": number(self.event.amount),
        }
        return body | ({"attributes": self.event.attributes} if self.event.attributes else {})

    @cached_property
    def claim(self) -> tuple[Achievement, str] | None:
        """An achievement that the application completes, and for whom: rather one that is new, and pays."""
        rows = [row for row in self.catalog.achievements.values() if (row.trigger, row.status) == ("api", "active")]
        paying = {subject for kind, subject in self.catalog.triggers_by if kind == "achievement"}
        rows.sort(key=lambda row: row.key not in paying)
        users = self.game.world.users
        pairs = [(row, user) for row in rows for user in (self.main_user, self.new_user["id"])]
        fitting = [pair for pair in pairs if matches(users[pair[1]].profile.attributes, pair[0].user_attributes)]
        fresh = [pair for pair in fitting if pair[0].key not in users[pair[1]].achievements]
        return next(iter(fresh or fitting), None)

    @cached_property
    def system(self) -> PointsSystem | None:
        """A points system: rather one with levels in which the main user has points."""
        rows = list(self.catalog.points.values())
        return max(rows, key=lambda row: (bool(row.levels), self.user.points(row.key) > 0), default=None)

    @property
    def levelled(self) -> PointsSystem | None:
        return self.system if self.system and self.system.levels else None

    @property
    def boosted(self) -> PointsSystem | None:
        """A points system with boosts for everybody, the same as the other if that has any."""
        rows = [self.system, *self.catalog.points.values()]
        return next((row for row in rows if row and any(boost.user is None for boost in row.boosts)), None)

    @property
    def boosting(self) -> PointsSystem | None:
        """A points system in which a boost is on for the main user."""
        rows = [row for row in (self.system, *self.catalog.points.values()) if row]
        return next((row for row in rows if active_boosts(self.catalog, row, self.user, self.today)), None)

    @cached_property
    def board(self) -> Leaderboard | None:
        """A leaderboard: rather one without groups that the main user is on and has moved on."""
        rows = list(self.catalog.leaderboards.values())
        collected = list(self.example_world.collected.about("leaderboard.rank_changed", self.main_user))
        moved = {row.shape()["leaderboard"]["key"] for row in collected if row.time == collected[0].time}

        def fits(row: Leaderboard) -> tuple[bool, bool, bool, bool]:
            return self._is_on(row), not row.breakdown, row.key in moved, bool(row.run_unit)

        return max(rows, key=fits, default=None)

    def _is_on(self, board: Leaderboard) -> bool:
        run = self.game.world.run(board.key, current_run(board, self.today))
        return run is not None and run.standing(self.main_user).rank is not None


def pick(scenario: Scenario, kind: str, used: list[WebhookEvent]) -> WebhookEvent | None:
    """A webhook of that type that is not used yet: the newest about the main user, else about nobody or another."""
    subjects = {row.key for row in (scenario.board, scenario.system) if row}
    for user in dict.fromkeys((scenario.main_user, None, scenario.new_user["id"], *scenario.example_world.main_users)):
        for row in sorted(scenario.example_world.collected.about(kind, user), key=lambda row: _place(row, subjects)):
            if all(row is not other for other in used):
                return row
    return None


def _place(row: WebhookEvent, subjects: set[str]) -> tuple[int, bool, bool, int]:
    """The newest first, then about the rows of the scenario, then boards with users on them."""
    body = row.shape()
    about = body.get("leaderboard") or body.get("points") or {}
    since = row.time if row.user else 0
    return -since, about.get("key") not in subjects, not about.get("rankings"), -row.time

"""The world that examples are taken from: people who have lived through weeks, and all webhooks on the way.

A scene has one hero, the same in all that is asked and told, so that bodies of one batch fit together.
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
from mockserver.game.state import Person
from mockserver.game.world import World, matches
from mockserver.seed import populate, user_id
from mockserver.seed.customs import Customs, Habit
from mockserver.seed.people import People
from mockserver.webhooks.bodies import KINDS, webhook_events
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.worlds import HISTORY_DAYS, CatalogOn, Organisation, Plan, Worlds

JSON = dict[str, Any]

USERS = 24
HISTORY = 45 * DAY  # with a daily streak; with others as long as people live in a server's world
TENANT = "example-tenant"
MANY = 60  # webhooks about nobody in particular: a board with breakdown tells of all groups at once
FAR = 5  # an event is at most so many times as large as usual


class Lived(Game):
    """A game in which whatever is told is a request of its own."""

    def tell(self, *facts: f.Fact) -> list[f.Entry]:
        entries = super().tell(*facts)
        self.commit()
        return entries


class Told:
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
        """How many types have told of this user."""
        return sum(user in rows for rows in self._rows.values())


class Stage:
    """A world at `now`, people in it, and what it told. `heroes` are those of whom most types of webhooks tell."""

    def __init__(self, catalog_on: CatalogOn, seed: int, now: int, scenes: int = 1) -> None:
        catalog = _with_one_tenant(catalog_on(utc_day(now)))
        self.seed, self.users = seed, max(USERS, scenes * 3 // 2)
        self.tenant = catalog.settings.tenants[0] if catalog.settings.tenants else None
        self.told = Told(scenes + 4)
        self.worlds = Worlds(Plan(lambda day: catalog, seed=seed, now=now, frozen=True))
        self.game = self._live(next(iter(self.worlds)), catalog, now)
        self.customs = Customs(catalog)
        self.people = People(f"{seed}/{self.game.world.seed}", self.customs)
        ids = [user_id(count) for count in range(self.users)]
        self.heroes = sorted((user for user in ids if user in self.game.world.users), key=self._fame)

    def _live(self, organisation: Organisation, catalog: Catalog, now: int) -> Game:
        """Lets the people live, and puts their world behind the organisation's key."""
        frequency = catalog.streak.frequency if catalog.streak else "daily"
        history = HISTORY if frequency == "daily" else HISTORY_DAYS[frequency] * DAY
        world = World(catalog, str(self.seed), max(0, now - history))
        game = Lived(world, self.told.observe)
        populate(game, seed=self.seed, users=self.users, until=now)
        game.catch_up(now)
        organisation.games = {self.tenant: game}
        organisation.watch(self.told.observe)
        return game

    def _fame(self, user: str) -> tuple[int, bool, int]:
        """Those who have met most; of these rather those with a streak that their next event extends."""
        person = self.game.world.users[user]
        streak, today = person.streak, local_day(self.game.now, person.zone)
        return -self.told.kinds_about(user), streak.length == 0 or streak.counted == today, -streak.length

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


class Scene:
    """Who plays, and on which rows of the catalog; what the catalog lacks is None.

    Chosen when first asked for, so the writing operations come before the reading ones.
    """

    def __init__(self, stage: Stage, count: int, hero: str) -> None:
        self.stage, self.count, self.hero = stage, count, hero
        self.game, self.catalog = stage.game, stage.catalog

    @property
    def person(self) -> Person:
        return self.game.world.users[self.hero]

    @property
    def today(self) -> date:
        return local_day(self.game.now, self.person.zone)

    def id_of(self, thing: str) -> str:
        return self.game.world.id_of(f"example {thing}", self.count)

    @cached_property
    def newcomer(self) -> JSON:
        """Somebody who is not there yet, as schema `UpsertedUser`."""
        number = self.stage.users + self.count
        return {"id": user_id(number), **self.stage.people.identity(number)}

    @property
    def stranger(self) -> str:
        """The id of a user who does not exist."""
        return user_id(100 * self.stage.users + self.count)

    @cached_property
    def event(self) -> Event | None:
        """What the hero does next: as near as possible to the next achievement."""
        plans = [self._plan(habit) for habit in self.stage.customs.habits]
        return min(plans, key=lambda plan: plan[0])[1] if plans else None

    def _plan(self, habit: Habit) -> tuple[float, Event]:
        """How far the next achievement is, in events of usual size, and the event."""
        customs = self.stage.customs
        attributes = {key: customs.values[key][0] for key in customs.event_keys[habit.metric]}
        progress = self.person.metrics.get(habit.metric)
        usual = max(1, round(habit.amount / habit.step)) * habit.step
        far, amount = float("inf"), usual
        for row in self.catalog.metric_achievements.get(habit.metric, ()):
            missing = row.value - (progress.sum_of(row.event_attributes).total if progress else 0)
            due = 0 < missing < far * usual and matches(self.person.profile.attributes, row.user_attributes)
            if due and matches(attributes, row.event_attributes):
                far, amount = missing / usual, -(-missing // habit.step) * habit.step
        return far, Event(habit.metric, amount if far <= FAR else usual, attributes)

    @property
    def event_body(self) -> JSON | None:
        if self.event is None:
            return None
        profile = self.person.profile
        known = {"id": self.hero, "email": profile.email, "name": profile.name, "tz": profile.tz}
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
        pairs = [(row, user) for row in rows for user in (self.hero, self.newcomer["id"])]
        fitting = [pair for pair in pairs if matches(users[pair[1]].profile.attributes, pair[0].user_attributes)]
        fresh = [pair for pair in fitting if pair[0].key not in users[pair[1]].achievements]
        return next(iter(fresh or fitting), None)

    @cached_property
    def system(self) -> PointsSystem | None:
        """A points system: rather one with levels in which the hero has points."""
        rows = list(self.catalog.points.values())
        return max(rows, key=lambda row: (bool(row.levels), self.person.points(row.key) > 0), default=None)

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
        """A points system in which a boost is on for the hero."""
        rows = [row for row in (self.system, *self.catalog.points.values()) if row]
        return next((row for row in rows if active_boosts(self.catalog, row, self.person, self.today)), None)

    @cached_property
    def board(self) -> Leaderboard | None:
        """A leaderboard: rather one that everybody sees alike, and that the hero is on and has moved on."""
        rows = list(self.catalog.leaderboards.values())
        told = list(self.stage.told.about("leaderboard.rank_changed", self.hero))
        moved = {row.shape()["leaderboard"]["key"] for row in told if row.time == told[0].time}

        def fits(row: Leaderboard) -> tuple[bool, bool, bool, bool]:
            return self._is_on(row), not row.breakdown, row.key in moved, bool(row.run_unit)

        return max(rows, key=fits, default=None)

    def _is_on(self, board: Leaderboard) -> bool:
        run = self.game.world.run(board.key, current_run(board, self.today))
        return run is not None and run.standing(self.hero).rank is not None


def pick(scene: Scene, kind: str, used: list[WebhookEvent]) -> WebhookEvent | None:
    """A webhook of that type that is not used yet: the newest about the hero, else about nobody or another."""
    subjects = {row.key for row in (scene.board, scene.system) if row}
    for user in dict.fromkeys((scene.hero, None, scene.newcomer["id"], *scene.stage.heroes)):
        for row in sorted(scene.stage.told.about(kind, user), key=lambda row: _place(row, subjects)):
            if all(row is not other for other in used):
                return row
    return None


def _place(row: WebhookEvent, subjects: set[str]) -> tuple[int, bool, bool, int]:
    """First what the hero has just met, then what all else is about, then boards with somebody on them."""
    body = row.shape()
    about = body.get("leaderboard") or body.get("points") or {}
    since = row.time if row.user else 0
    return -since, about.get("key") not in subjects, not about.get("rankings"), -row.time

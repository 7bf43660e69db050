"""Worlds made, listed and deleted, and one's own world put back: to the seed, to a snapshot, under another catalog."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.clock import pin, real_time
from mockserver.control.ask import JSON, ControlRequest
from mockserver.control.fields import Fields
from mockserver.control.refusals import Forbidden
from mockserver.game.catalog import Catalog
from mockserver.game.errors import NotFound, Refused, Unreadable
from mockserver.game.nearest import nearest, perhaps
from mockserver.game.periods import iso, utc_day
from mockserver.log.record import LogError
from mockserver.log.text import story
from mockserver.spec.wording import either
from mockserver.worlds import CatalogOn, Organisation, Plan, Worlds

MOST_WORLDS = 10_000
MOST_USERS = 10_000
LONGEST_HISTORY = 366  # days
TOML = ("application/toml", "text/toml", "text/x-toml")

_NAMES = either(catalogs.BUNDLED)


def world_shape(worlds: Worlds, organisation: Organisation) -> JSON:
    plan = organisation.plan
    return {
        "apiKey": organisation.key,
        "root": organisation.key in worlds.roots,
        "organisation": organisation.catalog.name,
        "seed": plan.seed,
        "users": sum(len(game.world.users) for game in organisation.games.values()),
        "now": iso(organisation.clock.now()),
        "frozen": organisation.clock.frozen,
        "tenants": list(map(str, organisation.games)) if organisation.catalog.settings.multi_tenant else None,
    }


async def list_worlds(ask: ControlRequest) -> JSON:
    """All worlds of the server, those given at start first."""
    ask.query()
    worlds = ask.plane.worlds
    if worlds.farm is not None:
        await worlds.farm.everywhere()
    ordered = sorted(worlds, key=lambda organisation: organisation.key not in worlds.roots)
    return {"worlds": [world_shape(worlds, organisation) for organisation in ordered]}


async def make_world(ask: ControlRequest) -> JSON:
    """`{"catalog"?, "seed"?, "users"?, "historyDays"?, "now"?, "frozen"?}` or `{"load"}` → its key and what it is."""
    worlds = ask.plane.worlds
    if (len(worlds) if worlds.farm is None else await worlds.farm.number()) >= MOST_WORLDS:
        raise Refused(f"There are {MOST_WORLDS} worlds already; delete one to make another.")
    fields = ask.fields("catalog", "seed", "users", "historyDays", "now", "frozen", "load")
    if (given := fields.raw("load")) is not None:
        return world_shape(worlds, await _load(ask, fields, given))
    plan = _plan(fields, worlds.plan)
    key, made = worlds.new_key() if worlds.farm is None else worlds.farm.new_key(), worlds.made
    with pin() as real:
        organisation = await found(worlds, key, plan)
        ask.plane.backstage(organisation)
        if worlds.keeper is not None:
            worlds.keeper.founded(organisation, real, made)
    if worlds.farm is not None:
        await worlds.farm.founded(organisation, real)
    worlds.admit(organisation)
    return world_shape(worlds, organisation)


async def _load(ask: ControlRequest, fields: Fields, given: Any) -> Organisation:
    """A world that lives through the records of a log: its text, or its records as objects."""
    if fields.present() != ["load"]:
        raise Refused("Body field `load` says all about a world: leave the other fields out.")
    if isinstance(given, str):
        lines = given.encode().splitlines()
    elif isinstance(given, list):
        lines = [orjson.dumps(record) for record in given]
    else:
        raise fields.expected("load", "the text of a log (JSONL), or its records in an array")
    assert ask.plane.load is not None, "the application is made by now"
    try:
        return await ask.plane.load(story(lines, "Body field `load`"))
    except LogError as error:
        raise Refused(f"{error}.") from None


def _plan(fields: Fields, default: Plan) -> Plan:
    """The server's catalog and seed, nobody in it, the real time, running, unless something else is asked for."""
    given = fields.raw("catalog")
    seed, users = fields.whole("seed", -(10**15), 10**15), fields.whole("users", 0, MOST_USERS)
    history, now = fields.whole("historyDays", 0, LONGEST_HISTORY), fields.moment("now")
    frozen = fields.flag("frozen")
    catalog = default.catalog
    if given is not None:
        catalog = catalog_on(given)
        catalog(utc_day(real_time() if now is None else now))
    return Plan(
        catalog,
        seed=default.seed if seed is None else seed,
        users=users or 0,
        now=now,
        frozen=bool(frozen),
        history_days=default.history_days if history is None else history,
    )


def catalog_on(given: Any) -> CatalogOn:
    """A catalog as data, as the text of a TOML file or by its name, to be read on any first day. Refused otherwise."""
    if not isinstance(given, str | dict):
        raise Refused(
            "Body field `catalog` must be a catalog as an object, the text of one in TOML, "
            f"or the name of one that comes with the server: {_NAMES}."
        )

    return Given(given)


class Given:
    """A catalog that was sent: `source` is what was said, with names of catalogs spelt out."""

    def __init__(self, given: str | dict[str, Any]) -> None:
        self.source = spelt_out(given)
        self._given = given
        self._read: tuple[date, Catalog] | None = None

    def __call__(self, today: date) -> Catalog:
        if self._read is None or self._read[0] != today:
            self._read = today, read_catalog(self._given, today)
        return self._read[1]


def spelt_out(given: Any) -> Any:
    """A catalog by name as its text: another version may have another one of that name."""
    return catalogs.read(catalogs.fixture(given)) if given in catalogs.BUNDLED else given


def read_catalog(given: Any, today: date) -> Catalog:
    """`CatalogError` tells everything that is wrong with it."""
    if not isinstance(given, str):
        return catalogs.from_data(given, today=today, name="The catalog")
    if given in catalogs.BUNDLED:
        return _coming_with_it(given, today)
    try:
        return _parsed(given, today)
    except CatalogError as error:
        if "\n" in given or catalogs.is_toml(given):
            raise
        problem = error.problems[0]
        sentence = f"{problem.message}; nor is it the name of a catalog that comes with the server: {_NAMES}"
        sentence += perhaps(nearest(given, catalogs.BUNDLED))
        raise CatalogError(error.name, [problem._replace(message=sentence)]) from None


@lru_cache(maxsize=16)
def _parsed(text: str, today: date) -> Catalog:
    """Worlds that begin on the same day share one catalog, which nobody changes."""
    return catalogs.parse(text, today=today, name="The catalog")


@lru_cache(maxsize=8)
def _coming_with_it(name: str, today: date) -> Catalog:
    return catalogs.load(catalogs.fixture(name), today=today)


async def found(worlds: Worlds, key: str, plan: Plan) -> Organisation:
    """A world as planned. When people have to live first, they do so in a thread, and others are served meanwhile."""
    if plan.users:
        return await asyncio.to_thread(Organisation, key, plan, worlds.live)
    return Organisation(key, plan, worlds.live)


async def delete_world(ask: ControlRequest) -> None:
    """NotFound when there is none of that key; those given at start stay."""
    key, worlds = ask.path["apiKey"], ask.plane.worlds
    if key in worlds.roots:
        raise Forbidden("A world whose key was given at start cannot be deleted; reset it instead.")
    if worlds.farm is not None:
        await worlds.farm.ready(key)
    organisation = worlds.find(key)
    if organisation is None:
        raise NotFound(f"No world has the API key {key[:80]!r}.")
    if worlds.keeper is not None:
        worlds.keeper.deleted(organisation)
    if worlds.farm is not None:
        await worlds.farm.deleted(organisation)
    worlds.delete(key)
    await ask.plane.dismiss(organisation)


async def reset(ask: ControlRequest) -> JSON:
    """Back to the seed, with faults as at start; requests, events and deliveries so far are forgotten."""
    ask.fields()
    side = ask.side
    organisation = side.organisation
    async with side.moving:
        ask.certain()  # to make a world takes its time
        with pin() as real:
            fresh = await found(ask.plane.worlds, organisation.key, organisation.plan)
        with ask.effect(real):
            organisation.become(fresh)
            side.faults = ask.plane.faults_at_start(organisation)
            forgotten = side.forget()
            side.webhooks.recall()
        await forgotten
    return world_shape(ask.plane.worlds, organisation)


def list_snapshots(ask: ControlRequest) -> JSON:
    """The snapshots that can be restored, with the world's time at which each was taken, oldest first."""
    ask.query()
    times = ask.side.snapshots.times()
    return {"snapshots": [{"id": name, "time": iso(time)} for name, time in times.items()]}


async def take_snapshot(ask: ControlRequest) -> JSON:
    """Keeps the state of the world; `{"id"}` names it."""
    ask.fields()
    async with ask.side.moving:
        ask.side.snapshots.check_room()
        with ask.effect():
            return {"id": ask.side.snapshots.take()}


async def restore_snapshot(ask: ControlRequest) -> JSON:
    """Everything as it was, the clock included; requests, events and deliveries so far are forgotten."""
    ask.fields()
    side = ask.side
    async with side.moving:
        side.snapshots.find(ask.path["id"])
        with ask.effect():
            side.snapshots.restore(ask.path["id"])
            forgotten = side.forget()
        await forgotten
    return world_shape(ask.plane.worlds, side.organisation)


def delete_snapshot(ask: ControlRequest) -> None:
    ask.side.snapshots.find(ask.path["id"])
    with ask.effect():
        ask.side.snapshots.delete(ask.path["id"])


def read_the_catalog(ask: ControlRequest) -> JSON:
    """The catalog in force, days absolute; it can be put back as it is. As TOML: `{"toml"}`, the text of a file."""
    wanted = ask.query("format").one_of("format", ("json", "toml"))
    content = catalogs.dump(ask.organisation.catalog)
    return {"toml": catalogs.to_toml(content)} if wanted == "toml" else content


async def put_catalog(ask: ControlRequest) -> JSON:
    """A whole new catalog, as JSON, as TOML with that media type, or by name; days count from the world's first."""
    side, given = ask.side, given_catalog(ask)
    async with side.moving:
        organisation = side.organisation
        catalog = read_catalog(given, organisation.first_day)
        with ask.effect(given=spelt_out(given)):
            organisation.change_catalog(catalog)
    side.webhooks.flush()
    return catalogs.dump(organisation.catalog)


def given_catalog(ask: ControlRequest) -> Any:
    """What the body says: the text of a file in TOML with that media type, else what its JSON says."""
    return _toml(ask.body) if ask.media_type in TOML else ask.json()


def _toml(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The body must be UTF-8.") from None

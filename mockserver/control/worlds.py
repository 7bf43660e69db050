"""Calls that make, list and delete worlds, and that reset, restore or change one."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.clock import pin, real_time
from mockserver.control.fields import Fields
from mockserver.control.refusals import Forbidden
from mockserver.control.request import JSON, ControlRequest
from mockserver.game.catalog import Catalog
from mockserver.game.errors import NotFound, Refused, Unreadable
from mockserver.game.nearest import did_you_mean, nearest
from mockserver.game.periods import iso, utc_day
from mockserver.log.record import LogError
from mockserver.log.text import parse_lines
from mockserver.spec.wording import either
from mockserver.worlds import CatalogFactory, Organisation, Plan, Worlds

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


async def list_worlds(request: ControlRequest) -> JSON:
    """All worlds of the server, those given at start first."""
    request.query()
    worlds = request.plane.worlds
    if worlds.farm is not None:
        await worlds.farm.load_all()
    ordered = sorted(worlds, key=lambda organisation: organisation.key not in worlds.roots)
    return {"worlds": [world_shape(worlds, organisation) for organisation in ordered]}


async def make_world(request: ControlRequest) -> JSON:
    """`{"catalog"?, "seed"?, "users"?, "historyDays"?, "now"?, "frozen"?}` or `{"load"}` → its key and what it is."""
    worlds = request.plane.worlds
    if (len(worlds) if worlds.farm is None else await worlds.farm.number()) >= MOST_WORLDS:
        raise Refused(f"There are {MOST_WORLDS} worlds already; delete one to make another.")
    fields = request.fields("catalog", "seed", "users", "historyDays", "now", "frozen", "load")
    if (given := fields.raw("load")) is not None:
        return world_shape(worlds, await _load(request, fields, given))
    plan = _plan(fields, worlds.plan)
    key, made = worlds.new_key() if worlds.farm is None else worlds.farm.new_key(), worlds.made
    with pin() as real:
        organisation = await create_organisation(worlds, key, plan)
        request.plane.context(organisation)
        if worlds.keeper is not None:
            worlds.keeper.created(organisation, real, made)
    if worlds.farm is not None:
        await worlds.farm.created(organisation, real)
    worlds.add(organisation)
    return world_shape(worlds, organisation)


async def _load(request: ControlRequest, fields: Fields, given: Any) -> Organisation:
    """A world that lives through the records of a log: its text, or its records as objects."""
    if fields.present() != ["load"]:
        raise Refused("Body field `load` says all about a world: leave the other fields out.")
    if isinstance(given, str):
        lines = given.encode().splitlines()
    elif isinstance(given, list):
        lines = [orjson.dumps(record) for record in given]
    else:
        raise fields.expected("load", "the text of a log (JSONL), or its records in an array")
    assert request.plane.load is not None, "the application is made by now"
    try:
        return await request.plane.load(parse_lines(lines, "Body field `load`"))
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
        catalog = catalog_factory(given)
        catalog(utc_day(real_time() if now is None else now))
    return Plan(
        catalog,
        seed=default.seed if seed is None else seed,
        users=users or 0,
        now=now,
        frozen=bool(frozen),
        history_days=default.history_days if history is None else history,
    )


def catalog_factory(given: Any) -> CatalogFactory:
    """A catalog as data, as the text of a TOML file or by its name, to be read on any first day. Refused otherwise."""
    if not isinstance(given, str | dict):
        raise Refused(
            "Body field `catalog` must be a catalog as an object, the text of one in TOML, "
            f"or the name of one that comes with the server: {_NAMES}."
        )

    return SentCatalog(given)


class SentCatalog:
    """A catalog that was sent: `source` is what was said, with names of catalogs spelt out."""

    def __init__(self, given: str | dict[str, Any]) -> None:
        self.source = expanded(given)
        self._given = given
        self._read: tuple[date, Catalog] | None = None

    def __call__(self, today: date) -> Catalog:
        if self._read is None or self._read[0] != today:
            self._read = today, read_catalog(self._given, today)
        return self._read[1]


def expanded(given: Any) -> Any:
    """A catalog by name as its text: another version may have another one of that name."""
    return catalogs.read(catalogs.fixture(given)) if given in catalogs.BUNDLED else given


def read_catalog(given: Any, today: date) -> Catalog:
    """Raises `CatalogError` with everything that is wrong with it."""
    if not isinstance(given, str):
        return catalogs.from_data(given, today=today, name="The catalog")
    if given in catalogs.BUNDLED:
        return _bundled(given, today)
    try:
        return _parsed(given, today)
    except CatalogError as error:
        if "\n" in given or catalogs.is_toml(given):
            raise
        problem = error.problems[0]
        sentence = f"{problem.message}; nor is it the name of a catalog that comes with the server: {_NAMES}"
        sentence += did_you_mean(nearest(given, catalogs.BUNDLED))
        raise CatalogError(error.name, [problem._replace(message=sentence)]) from None


@lru_cache(maxsize=16)
def _parsed(text: str, today: date) -> Catalog:
    """Worlds that begin on the same day share one catalog, which nobody changes."""
    return catalogs.parse(text, today=today, name="The catalog")


@lru_cache(maxsize=8)
def _bundled(name: str, today: date) -> Catalog:
    return catalogs.load(catalogs.fixture(name), today=today)


async def create_organisation(worlds: Worlds, key: str, plan: Plan) -> Organisation:
    """A world as planned. Users are seeded in a thread, and other requests are served meanwhile."""
    if plan.users:
        return await asyncio.to_thread(Organisation, key, plan, worlds.populate_running)
    return Organisation(key, plan, worlds.populate_running)


async def delete_world(request: ControlRequest) -> None:
    """NotFound when there is none of that key; those given at start stay."""
    key, worlds = request.path["apiKey"], request.plane.worlds
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
    await request.plane.remove(organisation)


async def reset(request: ControlRequest) -> JSON:
    """Back to the seed, with faults as at start; requests, events and deliveries so far are forgotten."""
    request.fields()
    context = request.context
    organisation = context.organisation
    async with context.move_lock:
        request.end_trial()  # to make a world takes its time
        with pin() as real:
            fresh = await create_organisation(request.plane.worlds, organisation.key, organisation.plan)
        with request.effect(real):
            organisation.take_over(fresh)
            context.faults = request.plane.faults_at_start(organisation)
            forgotten = context.clear()
            context.webhooks.recall()
        await forgotten
    return world_shape(request.plane.worlds, organisation)


def list_snapshots(request: ControlRequest) -> JSON:
    """The snapshots that can be restored, with the world's time at which each was taken, oldest first."""
    request.query()
    times = request.context.snapshots.times()
    return {"snapshots": [{"id": name, "time": iso(time)} for name, time in times.items()]}


async def take_snapshot(request: ControlRequest) -> JSON:
    """Keeps the state of the world; `{"id"}` names it."""
    request.fields()
    async with request.context.move_lock:
        request.context.snapshots.check_room()
        with request.effect():
            return {"id": request.context.snapshots.take()}


async def restore_snapshot(request: ControlRequest) -> JSON:
    """Everything as it was, the clock included; requests, events and deliveries so far are forgotten."""
    request.fields()
    context = request.context
    async with context.move_lock:
        context.snapshots.find(request.path["id"])
        with request.effect():
            context.snapshots.restore(request.path["id"])
            forgotten = context.clear()
        await forgotten
    return world_shape(request.plane.worlds, context.organisation)


def delete_snapshot(request: ControlRequest) -> None:
    request.context.snapshots.find(request.path["id"])
    with request.effect():
        request.context.snapshots.delete(request.path["id"])


def read_the_catalog(request: ControlRequest) -> JSON:
    """The catalog in force, days absolute; it can be put back as it is. As TOML: `{"toml"}`, the text of a file."""
    wanted = request.query("format").one_of("format", ("json", "toml"))
    content = catalogs.dump(request.organisation.catalog)
    return {"toml": catalogs.to_toml(content)} if wanted == "toml" else content


async def put_catalog(request: ControlRequest) -> JSON:
    """A whole new catalog, as JSON, as TOML with that media type, or by name; days count from the world's first."""
    context, given = request.context, given_catalog(request)
    async with context.move_lock:
        organisation = context.organisation
        catalog = read_catalog(given, organisation.first_day)
        with request.effect(given=expanded(given)):
            organisation.change_catalog(catalog)
    context.webhooks.flush()
    return catalogs.dump(organisation.catalog)


def given_catalog(request: ControlRequest) -> Any:
    """What the body says: the text of a file in TOML with that media type, else what its JSON says."""
    return _toml(request.body) if request.media_type in TOML else request.json()


def _toml(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable("The body must be UTF-8.") from None

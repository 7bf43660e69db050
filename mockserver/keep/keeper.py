"""Keeps the worlds of one server in a directory: restores them at the start, and logs their commands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextvars import Context
from dataclasses import asdict, replace
from typing import NamedTuple

from mockserver.clock import pin, real_time
from mockserver.control import checkpoint
from mockserver.control.context import WorldContext
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe, check_recipe, read_recipe, recipe_record
from mockserver.control.replay import change_file, replay_all
from mockserver.control.worlds import SentCatalog
from mockserver.game.catalog import WebhookEndpoint
from mockserver.keep.deliveries import Deliveries
from mockserver.log.batch import Batch, Recorder
from mockserver.log.record import CATALOG, LogError, Record, decode, encode
from mockserver.log.sqlite import Checkpoint, SqliteStore
from mockserver.worlds import Organisation, Plan, Populate, Worlds

PATIENCE = 1.0  # seconds from one attempt to write again to the next
OFTEN = 20_000  # records from one checkpoint to the next, when nothing is written just then
AT_LEAST = 200_000  # records after which one is taken, whatever is going on
QUIET = 1_000  # milliseconds without a record

Report = Callable[[int, int], None]  # how many records have been repeated, of how many

log = logging.getLogger("mockserver")


class KeptWorld(NamedTuple):
    """What is kept of a world: its recipe, and where a checkpoint saved goes on from."""

    recipe: Recipe
    saved: checkpoint.Saved | None
    position: int
    real: int


class Keeper:
    """First `open`, which makes the worlds; then `bring_up`, once there is a plane with an application over them."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.batch = Batch(store, self._write_failed)
        self._kept_worlds: dict[str, KeptWorld] = {}
        self._created: dict[str, int] = {}  # worlds that were made at this start, and at which real time
        self._saved: dict[str, int] = {}  # the positions of the newest checkpoints
        self._written: dict[str, tuple[int, int]] = {}  # the newest record that was seen, and when
        self._recovery: asyncio.Task[None] | None = None
        self._follow = False  # whether worlds that were made from the server's catalog take up what is new in it

    # At the start

    def roots(self) -> tuple[str, ...]:
        """The worlds that were not made by others."""
        return tuple(key for key in self.store.worlds() if not self._recipe(key).made)

    def open(
        self,
        plan: Plan,
        keys: tuple[str, ...],
        populate: Populate,
        given: Collection[str] = (),
        others: Sequence[Organisation] = (),
    ) -> Worlds:
        """All worlds that are kept, as far as their checkpoints go, and new ones for the other `keys`.

        `given`: the fields of the plan that somebody asked for. `others`: worlds that come from elsewhere. Raises
        `LogError` when a kept world of these keys was made otherwise than was asked for, or cannot be read.
        """
        self._plan, self._follow = plan, "catalog" in given
        known, made = list(others), self.store.made
        for key in self.store.worlds():
            kept = self._kept_worlds[key] = self._read(key)
            made = max(made, kept.recipe.made)
            if key in keys:
                check_recipe(kept.recipe, plan, given, str(self.store.file.parent))
            known.append(checkpoint.make_organisation(key, kept.recipe, populate, kept.saved, kept.real))
        there = {organisation.key for organisation in known}
        for key in keys:
            if key not in there:
                with pin() as self._created[key]:
                    known.append(Organisation(key, plan, populate))
        return Worlds(plan, keys, populate, known, made)

    async def bring_up(self, plane: ControlPlane, report: Report | None = None) -> None:
        """Repeats what came after the checkpoints; from here on all is kept. Raises `LogError`."""
        lengths = {key: self.store.length(key) for key in self._kept_worlds}
        total = sum(lengths[key] - kept.position for key, kept in self._kept_worlds.items())
        done = 0
        for key, kept in self._kept_worlds.items():
            before, position = done, kept.position
            await self._replay(
                plane,
                plane.context(_find(plane.worlds, key)),
                kept,
                lambda now, before=before, position=position: (  # type: ignore[misc]
                    report(before + now - position, total) if report else None
                ),
            )
            done += lengths[key] - kept.position
        for key, kept in self._kept_worlds.items():
            organisation = _find(plane.worlds, key)
            self._follow_file(organisation, kept.recipe)
            if key in plane.worlds.roots:
                self._add_endpoints(plane, organisation)
        self._plane = plane
        for key, real in self._created.items():
            self.created(_find(plane.worlds, key), real, 0, plane.settings.endpoints)
        self._kept_worlds.clear()
        plane.worlds.batch, plane.worlds.keeper = self.batch, self
        self.batch.flush_or_fail()

    def _follow_file(self, organisation: Organisation, recipe: Recipe) -> None:
        """A world that was made from the server's catalog belongs to that file again; what is new in it comes into
        force, if it is the file that was asked for."""
        file = self._plan.catalog
        text = getattr(file, "source", None)
        if not recipe.from_file or text is None:
            return
        if getattr(organisation.plan.catalog, "source", None) != text:
            if not self._follow:
                return
            with pin():
                change_file(organisation, SentCatalog(text))
                self.record(organisation, CATALOG, {"catalog": text})
        organisation.plan = replace(organisation.plan, catalog=file)

    def _add_endpoints(self, plane: ControlPlane, organisation: Organisation) -> None:
        """Those that were asked for and are not there yet."""
        webhooks = plane.context(organisation).webhooks
        there = {(row.url, row.events) for row in webhooks.endpoints}
        for row in plane.settings.endpoints:
            if (row.url, row.events) not in there:
                with pin():
                    organisation.catch_up(organisation.clock.now())
                    webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
                    self.record(organisation, "mock_webhooks_add", {"body": asdict(row)})

    def _recipe(self, key: str) -> Recipe:
        try:
            return read_recipe(decode(next(self.store.read(key), (0, b""))[1]))
        except LogError as error:
            raise LogError(f"{self.store.file}, record 1 of the world {key}: {error}") from None

    def _read(self, key: str) -> KeptWorld:
        recipe = self._recipe(key)
        newest = self.store.checkpoint(key)
        saved = checkpoint.unpack(newest.code, newest.state) if newest else None
        if newest is None or saved is None or newest.position > self.store.length(key):
            return KeptWorld(recipe, None, 1, recipe.real)
        return KeptWorld(recipe, saved, newest.position, newest.real)

    async def _replay(
        self, plane: ControlPlane, context: WorldContext, kept: KeptWorld, report: Callable[[int], None] | None = None
    ) -> None:
        organisation, key = context.organisation, context.organisation.key
        organisation.recorder = None
        await checkpoint.restore_context(plane, context, kept.recipe, kept.saved, Deliveries(self.store, key))
        try:
            position = await replay_all(plane, context, self.store.read(key, kept.position), report)
        except LogError as error:
            raise LogError(f"{self.store.file}, {error}") from None
        organisation.recorder = Recorder(self.batch, key, max(position, kept.position))
        self._saved[key] = kept.position if kept.saved else 0
        context.webhooks.go_on()

    # While it runs

    def created(
        self, organisation: Organisation, real: int, made: int, endpoints: tuple[WebhookEndpoint, ...] = ()
    ) -> None:
        with pin(real):
            recipe = recipe_record(organisation, made, endpoints, real)
        self.loaded(organisation, [encode(recipe)])

    def loaded(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        recorder = organisation.recorder = Recorder(self.batch, organisation.key)
        for line in lines:
            recorder.add_line(line)
        self._plane.context(organisation).webhooks.keep_in(Deliveries(self.store, organisation.key))

    def deleted(self, organisation: Organisation) -> None:
        self.batch.flush()
        self.store.made = self._plane.worlds.made
        self.store.delete(organisation.key)
        organisation.recorder = None

    def record(self, organisation: Organisation, name: str, arguments: dict[str, object]) -> None:
        """Logs a command of the server itself, at its (pinned) moment."""
        if organisation.recorder is not None:
            organisation.recorder.add(Record(organisation.clock.now(), name, arguments, real=real_time()))

    def tick(self) -> None:
        """Now and then: writes down what became of webhooks, and a checkpoint where many records have come in."""
        if self._recovery is not None:
            return
        try:
            self.store.flush()
            for organisation in self._plane.worlds:
                if self._is_due(organisation):
                    self.save(organisation)
        except LogError as error:
            log.error("What became of webhooks, or a checkpoint, could not be kept: %s.", error)

    def _is_due(self, organisation: Organisation) -> bool:
        recorder, now = organisation.recorder, real_time()
        if recorder is None or recorder.position - self._saved.get(organisation.key, 0) < OFTEN:
            return False
        position, since = self._written.get(organisation.key, (0, now))
        if position != recorder.position:
            self._written[organisation.key] = recorder.position, now
            return recorder.position - self._saved.get(organisation.key, 0) >= AT_LEAST
        return now - since >= QUIET

    def save(self, organisation: Organisation) -> None:
        """Takes a checkpoint. Raises `LogError`."""
        recorder = organisation.recorder
        if (
            recorder is not None
            and not organisation.recovering
            and recorder.position > self._saved.get(organisation.key, 0)
        ):
            self.batch.flush()
            packed = checkpoint.pack(self._plane.context(organisation))
            taken = Checkpoint(recorder.position, checkpoint.code_version(), *packed)
            self.store.keep_checkpoint(organisation.key, taken)
            self._saved[organisation.key] = recorder.position

    def save_all(self) -> None:
        """Before the end: checkpoints, so that the next start is quick; deliveries are still on their way."""
        try:
            for organisation in self._plane.worlds:
                self.save(organisation)
        except LogError as error:
            log.error("A checkpoint could not be kept: %s. The next start takes longer.", error)

    def close(self) -> None:
        self.batch.flush()
        self.store.close()

    # When it could not be written

    def _write_failed(self, keys: set[str]) -> None:
        """These worlds have changed without it being kept: they serve no request until they are as they were."""
        for key in keys:
            organisation = self._plane.worlds.find(key)
            if organisation is not None:
                organisation.recovering = True
                self._plane.context(organisation).webhooks.paused = True
        if self._recovery is None:
            self._recovery = asyncio.get_running_loop().create_task(self._recover(), context=Context())

    async def _recover(self) -> None:
        """As soon as something can be written again, everything that was not kept is undone."""
        while True:
            await asyncio.sleep(PATIENCE)
            try:
                self.store.made = self._plane.worlds.made  # can anything be written?
                away = [organisation for organisation in self._plane.worlds if organisation.recovering]
                for organisation in away:
                    await self._roll_back(organisation)
                log.warning("Commands can be kept again; %d worlds are back to what they were.", len(away))
                self._recovery = None
                return
            except LogError as error:
                log.debug("Still: %s", error)
            except Exception:
                log.exception("Going back to what is kept failed; this is a defect of the mock")

    async def _roll_back(self, organisation: Organisation) -> None:
        key, plane = organisation.key, self._plane
        if not self.store.length(key):  # its making was what could not be kept
            plane.worlds.delete(key)
            await plane.remove(organisation)
            return
        kept = self._read(key)
        populate = plane.worlds.populate
        fresh = await asyncio.to_thread(checkpoint.make_organisation, key, kept.recipe, populate, kept.saved, kept.real)
        organisation.plan = fresh.plan
        organisation.take_over(fresh)
        await self._replay(plane, plane.context(organisation), kept)
        self._follow_file(organisation, kept.recipe)
        organisation.recovering = False
        plane.context(organisation).webhooks.flush()


def _find(worlds: Worlds, key: str) -> Organisation:
    organisation = worlds.find(key)
    assert organisation is not None
    return organisation

"""Keeps the worlds of one server in a directory: brings them up at the start, writes down what they are told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextvars import Context
from dataclasses import asdict, replace
from typing import NamedTuple

from mockserver.clock import pin, real_time
from mockserver.control import checkpoint
from mockserver.control.backstage import WorldContext
from mockserver.control.plane import ControlPlane
from mockserver.control.recipe import Recipe, check_recipe, read_recipe, recipe_record
from mockserver.control.replay import change_file, fold
from mockserver.control.worlds import Given
from mockserver.game.catalog import WebhookEndpoint
from mockserver.keep.deliveries import Deliveries
from mockserver.log.record import CATALOG, LogError, Record, decode, encode
from mockserver.log.sqlite import Checkpoint, SqliteHome
from mockserver.log.turn import Recorder, Turn
from mockserver.worlds import Organisation, Plan, Populate, Worlds

PATIENCE = 1.0  # seconds from one attempt to write again to the next
OFTEN = 20_000  # records from one checkpoint to the next, when nothing is written just then
AT_LEAST = 200_000  # records after which one is taken, whatever is going on
QUIET = 1_000  # milliseconds without a record

Report = Callable[[int, int], None]  # how many records have been repeated, of how many

log = logging.getLogger("mockserver")


class Life(NamedTuple):
    """What is kept of a world: its recipe, and where a checkpoint saved goes on from."""

    recipe: Recipe
    saved: checkpoint.Saved | None
    position: int
    real: int


class Keeper:
    """First `open`, which makes the worlds; then `bring_up`, once there is a plane with an application over them."""

    def __init__(self, home: SqliteHome) -> None:
        self.home = home
        self.turn = Turn(home, self._lost)
        self._lives: dict[str, Life] = {}
        self._born: dict[str, int] = {}  # worlds that were made at this start, and at which real time
        self._saved: dict[str, int] = {}  # the positions of the newest checkpoints
        self._written: dict[str, tuple[int, int]] = {}  # the newest record that was seen, and when
        self._mending: asyncio.Task[None] | None = None
        self._follow = False  # whether worlds that were made from the server's catalog take up what is new in it

    # At the start

    def roots(self) -> tuple[str, ...]:
        """The worlds that were not made by others."""
        return tuple(key for key in self.home.worlds() if not self._recipe(key).made)

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
        known, made = list(others), self.home.made
        for key in self.home.worlds():
            life = self._lives[key] = self._read(key)
            made = max(made, life.recipe.made)
            if key in keys:
                check_recipe(life.recipe, plan, given, str(self.home.file.parent))
            known.append(checkpoint.organisation_of(key, life.recipe, populate, life.saved, life.real))
        there = {organisation.key for organisation in known}
        for key in keys:
            if key not in there:
                with pin() as self._born[key]:
                    known.append(Organisation(key, plan, populate))
        return Worlds(plan, keys, populate, known, made)

    async def bring_up(self, plane: ControlPlane, report: Report | None = None) -> None:
        """Repeats what came after the checkpoints; from here on all is kept. Raises `LogError`."""
        lengths = {key: self.home.length(key) for key in self._lives}
        total = sum(lengths[key] - life.position for key, life in self._lives.items())
        done = 0
        for key, life in self._lives.items():
            before, position = done, life.position
            await self._live_through(
                plane,
                plane.backstage(_found(plane.worlds, key)),
                life,
                lambda now, before=before, position=position: (  # type: ignore[misc]
                    report(before + now - position, total) if report else None
                ),
            )
            done += lengths[key] - life.position
        for key, life in self._lives.items():
            organisation = _found(plane.worlds, key)
            self._follow_file(organisation, life.recipe)
            if key in plane.worlds.roots:
                self._add_endpoints(plane, organisation)
        self._plane = plane
        for key, real in self._born.items():
            self.founded(_found(plane.worlds, key), real, 0, plane.settings.endpoints)
        self._lives.clear()
        plane.worlds.turn, plane.worlds.keeper = self.turn, self
        self.turn.end()

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
                change_file(organisation, Given(text))
                self.told(organisation, CATALOG, {"catalog": text})
        organisation.plan = replace(organisation.plan, catalog=file)

    def _add_endpoints(self, plane: ControlPlane, organisation: Organisation) -> None:
        """Those that were asked for and are not there yet."""
        webhooks = plane.backstage(organisation).webhooks
        there = {(row.url, row.events) for row in webhooks.endpoints}
        for row in plane.settings.endpoints:
            if (row.url, row.events) not in there:
                with pin():
                    organisation.catch_up(organisation.clock.now())
                    webhooks.add_endpoint(row.url, row.secret, row.events, row.active)
                    self.told(organisation, "mock_webhooks_add", {"body": asdict(row)})

    def _recipe(self, key: str) -> Recipe:
        try:
            return read_recipe(decode(next(self.home.read(key), (0, b""))[1]))
        except LogError as error:
            raise LogError(f"{self.home.file}, record 1 of the world {key}: {error}") from None

    def _read(self, key: str) -> Life:
        recipe = self._recipe(key)
        newest = self.home.checkpoint(key)
        saved = checkpoint.unpack(newest.code, newest.state) if newest else None
        if newest is None or saved is None or newest.position > self.home.length(key):
            return Life(recipe, None, 1, recipe.real)
        return Life(recipe, saved, newest.position, newest.real)

    async def _live_through(
        self, plane: ControlPlane, side: WorldContext, life: Life, report: Callable[[int], None] | None = None
    ) -> None:
        organisation, key = side.organisation, side.organisation.key
        organisation.recorder = None
        await checkpoint.set_back(plane, side, life.recipe, life.saved, Deliveries(self.home, key))
        try:
            position = await fold(plane, side, self.home.read(key, life.position), report)
        except LogError as error:
            raise LogError(f"{self.home.file}, {error}") from None
        organisation.recorder = Recorder(self.turn, key, max(position, life.position))
        self._saved[key] = life.position if life.saved else 0
        side.webhooks.go_on()

    # While it runs

    def founded(
        self, organisation: Organisation, real: int, made: int, endpoints: tuple[WebhookEndpoint, ...] = ()
    ) -> None:
        with pin(real):
            recipe = recipe_record(organisation, made, endpoints, real)
        self.adopted(organisation, [encode(recipe)])

    def adopted(self, organisation: Organisation, lines: Sequence[bytes]) -> None:
        recorder = organisation.recorder = Recorder(self.turn, organisation.key)
        for line in lines:
            recorder.add_line(line)
        self._plane.backstage(organisation).webhooks.keep_in(Deliveries(self.home, organisation.key))

    def deleted(self, organisation: Organisation) -> None:
        self.turn.end()
        self.home.made = self._plane.worlds.made
        self.home.delete(organisation.key)
        organisation.recorder = None

    def told(self, organisation: Organisation, name: str, arguments: dict[str, object]) -> None:
        """Writes down what a world was told by the server itself, at the moment (pinned) at which it was."""
        if organisation.recorder is not None:
            organisation.recorder.add(Record(organisation.clock.now(), name, arguments, real=real_time()))

    def tick(self) -> None:
        """Now and then: writes down what became of webhooks, and a checkpoint where many records have come in."""
        if self._mending is not None:
            return
        try:
            self.home.flush()
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
        if recorder is not None and not organisation.away and recorder.position > self._saved.get(organisation.key, 0):
            self.turn.end()
            packed = checkpoint.pack(self._plane.backstage(organisation))
            taken = Checkpoint(recorder.position, checkpoint.code(), *packed)
            self.home.keep_checkpoint(organisation.key, taken)
            self._saved[organisation.key] = recorder.position

    def save_all(self) -> None:
        """Before the end: checkpoints, so that the next start is quick; deliveries are still on their way."""
        try:
            for organisation in self._plane.worlds:
                self.save(organisation)
        except LogError as error:
            log.error("A checkpoint could not be kept: %s. The next start takes longer.", error)

    def close(self) -> None:
        self.turn.end()
        self.home.close()

    # When it could not be written

    def _lost(self, keys: set[str]) -> None:
        """These worlds have changed without it being kept: nobody is answered by them until they are as they were."""
        for key in keys:
            organisation = self._plane.worlds.find(key)
            if organisation is not None:
                organisation.away = True
                self._plane.backstage(organisation).webhooks.paused = True
        if self._mending is None:
            self._mending = asyncio.get_running_loop().create_task(self._mend(), context=Context())

    async def _mend(self) -> None:
        """As soon as something can be written again, everything that was not kept is undone."""
        while True:
            await asyncio.sleep(PATIENCE)
            try:
                self.home.made = self._plane.worlds.made  # can anything be written?
                away = [organisation for organisation in self._plane.worlds if organisation.away]
                for organisation in away:
                    await self._undo(organisation)
                log.warning("Commands can be kept again; %d worlds are back to what they were.", len(away))
                self._mending = None
                return
            except LogError as error:
                log.debug("Still: %s", error)
            except Exception:
                log.exception("Going back to what is kept failed; this is a defect of the mock")

    async def _undo(self, organisation: Organisation) -> None:
        key, plane = organisation.key, self._plane
        if not self.home.length(key):  # its making was what could not be kept
            plane.worlds.delete(key)
            await plane.dismiss(organisation)
            return
        life = self._read(key)
        populate = plane.worlds.populate
        fresh = await asyncio.to_thread(checkpoint.organisation_of, key, life.recipe, populate, life.saved, life.real)
        organisation.plan = fresh.plan
        organisation.become(fresh)
        await self._live_through(plane, plane.backstage(organisation), life)
        self._follow_file(organisation, life.recipe)
        organisation.away = False
        plane.backstage(organisation).webhooks.flush()


def _found(worlds: Worlds, key: str) -> Organisation:
    organisation = worlds.find(key)
    assert organisation is not None
    return organisation

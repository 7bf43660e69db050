"""The calls of a world's clock: read, set, freeze, unfreeze, advance; and what happened on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from mockserver.control.context import WorldContext
from mockserver.control.facts import fact_shape
from mockserver.control.fields import Fields
from mockserver.control.request import JSON, ControlRequest
from mockserver.exchange import Disconnected
from mockserver.game.errors import Refused
from mockserver.game.facts import Entry
from mockserver.game.periods import DAY, HOUR, LAST_CLOCK, MINUTE, SECOND, iso
from mockserver.game.world import World
from mockserver.worlds import Organisation, ShuttingDown

FIRST_FACTS = 100
STEP = HOUR  # of the world's time between two yields to other requests
# Choice: a single move is at most a hundred years, since every day of them is played.
LONGEST_MOVE = 36_525 * DAY
ENDING = "The server is about to end; the time stands where it has come to."
UNITS = {"days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}


class MoveSummary:
    """The facts of an advance: how many of each kind, and the first ones."""

    def __init__(self, organisation: Organisation) -> None:
        self._organisation = organisation
        self.counts: Counter[str] = Counter()
        self.first: list[JSON] = []

    def observe(self, world: World, entries: list[Entry]) -> None:
        self.counts.update(type(entry.fact).__name__ for entry in entries)
        for entry in entries[: FIRST_FACTS - len(self.first)]:
            self.first.append(self._of(world) | fact_shape(world, entry))

    def _of(self, world: World) -> dict[str, Any]:
        """Whose fact it is, where there are tenants."""
        if not self._organisation.catalog.settings.multi_tenant:
            return {}
        games = self._organisation.games.items()
        return {"tenant": next((tenant for tenant, game in games if game.world is world), None)}


async def move(request: ControlRequest, to: Callable[[int], int], frozen: bool | None = None) -> JSON:
    """Lets the time pass from now to `to(now)`; `frozen` None leaves the clock running or frozen as it is.

    Other worlds are served meanwhile; moves of this one wait for each other. Refused when time would run backwards.
    When the client leaves or the server ends, the clock stays where it is then, and what happened until then stays.
    """
    context = request.context
    organisation = context.organisation
    async with context.move_lock:
        _check_wanted(request)
        clock = organisation.clock
        start = request.replayed.time if request.replayed else clock.now()
        then_frozen = clock.frozen if frozen is None else frozen
        target, summary = to(start), MoveSummary(organisation)
        _check(start, target)
        request.end_trial()
        try:
            while not _step(context, summary, target):
                await asyncio.sleep(0)
                _check_wanted(request)
        except BaseException:
            with request.effect(time=start, given=_partial_body(request, clock.now(), then_frozen)):
                clock.set(clock.now(), then_frozen)
            context.webhooks.clock_moved()
            context.feed.notify()
            raise
        with request.effect(time=start):
            clock.set(clock.now(), then_frozen)
        context.webhooks.clock_moved()
        context.feed.notify()
        if request.plane.console is not None and request.replayed is None:
            request.plane.console.moved(start, clock.now(), then_frozen, summary.counts)
        return clock_shape(organisation) | {
            "from": iso(start),
            "counts": dict(sorted(summary.counts.items())),
            "facts": summary.first,
        }


def _check_wanted(request: ControlRequest) -> None:
    """Raises `Disconnected` or `ShuttingDown` when nobody waits for the move any more."""
    if request.client_left():
        raise Disconnected
    if request.context.shutting_down:
        raise ShuttingDown(ENDING)


def _partial_body(request: ControlRequest, time: int, frozen: bool) -> JSON:
    """The body of a move that was as long as this one has become."""
    return {"to": iso(time)} if request.name == "mock_clock_advance" else {"now": iso(time), "frozen": frozen}


def _step(context: WorldContext, summary: MoveSummary, target: int) -> bool:
    """Goes to the next moment at which something is due, and a little further; whether `target` is reached."""
    organisation = context.organisation
    due = organisation.next_due()
    now = organisation.clock.now()
    time = target if due is None else min(target, max(due, now) + STEP)
    organisation.clock.set(time, frozen=True)
    organisation.watch(summary.observe)
    try:
        organisation.catch_up(time)
    finally:
        organisation.unwatch(summary.observe)
    context.webhooks.clock_moved()
    context.webhooks.flush()
    return time == target


def _check(start: int, target: int) -> None:
    if target < start:
        raise Refused(
            f"The clock stands at {iso(start)} and cannot go back to {iso(target)}: what has happened stays. "
            "Use POST /_mock/reset or restore a snapshot."
        )
    if target > LAST_CLOCK:
        raise Refused(f"Clocks run until {iso(LAST_CLOCK)}; from {iso(start)} this would go beyond.")
    if target - start > LONGEST_MOVE:
        raise Refused("One move is at most 36525 days (a hundred years), since all of them are lived through.")


def clock_shape(organisation: Organisation) -> JSON:
    clock = organisation.clock
    now = clock.now()
    organisation.catch_up(now)
    due = organisation.next_due()
    return {"now": iso(now), "frozen": clock.frozen, "nextDue": None if due is None else iso(due)}


def read_clock(request: ControlRequest) -> JSON:
    """The time, whether it stands still, and when something may fall due next."""
    request.query()
    return clock_shape(request.organisation)


async def set_clock(request: ControlRequest) -> JSON:
    """`{"now"?, "frozen"?}`: what falls due until `now` happens."""
    fields = request.fields("now", "frozen")
    now, frozen = fields.moment("now"), fields.flag("frozen")
    if now is None and frozen is None:
        raise Refused("The body must have `now`, an ISO 8601 time, or `frozen`, true or false, or both.")
    return await move(request, lambda start: start if now is None else now, frozen)


async def advance_clock(request: ControlRequest) -> JSON:
    """`{"days"?, "hours"?, "minutes"?, "seconds"?}` or `{"to"}`; `"wait"`: until no delivery of a webhook is due."""
    fields = request.fields(*UNITS, "to", "wait")
    passing, to, wait = _passing(fields), fields.moment("to"), fields.flag("wait")
    if to is not None and passing is not None:
        raise Refused("The body must have either `to` or an amount of time, not both.")
    if to is None and passing is None and wait is None:
        raise Refused("The body must have `days`, `hours`, `minutes` or `seconds`, or the time to go `to`.")
    moved = await move(request, lambda start: start + (passing or 0) if to is None else to)
    if (
        wait
        and request.replayed is None
        and not await request.context.wait_unless_shutdown(request.context.webhooks.idle())
    ):
        raise ShuttingDown(ENDING)
    return moved


def _passing(fields: Fields) -> int | None:
    """The amounts added up, in milliseconds; None when there are none."""
    total = None
    for name, unit in UNITS.items():
        most = LONGEST_MOVE // unit
        amount = fields.number(name, -most, most)
        if amount is not None:
            total = (total or 0) + round(amount * unit)
    return total

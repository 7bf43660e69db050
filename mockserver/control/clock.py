"""The world's clock from outside: read, set, frozen, let go, advanced; and what happened on the way."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any

from mockserver.control.ask import JSON, ControlRequest
from mockserver.control.backstage import WorldContext
from mockserver.control.facts import fact_shape
from mockserver.control.fields import Fields
from mockserver.exchange import Disconnected
from mockserver.game.errors import Refused
from mockserver.game.facts import Entry
from mockserver.game.periods import DAY, HOUR, LAST_CLOCK, MINUTE, SECOND, iso
from mockserver.game.world import World
from mockserver.worlds import Ending, Organisation

FIRST_FACTS = 100
STRIDE = HOUR  # after so much of the world's time others get their turn
# Choice: a single move is at most a hundred years, since every day of them is lived through.
LONGEST_MOVE = 36_525 * DAY
ENDING = "The server is about to end; the time stands where it has come to."
UNITS = {"days": DAY, "hours": HOUR, "minutes": MINUTE, "seconds": SECOND}


class Happened:
    """What an advance brought: how many facts of each kind, and the first of them."""

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


async def move(ask: ControlRequest, to: Callable[[int], int], frozen: bool | None = None) -> JSON:
    """Lets the time pass from now to `to(now)`; `frozen` None leaves the clock running or frozen as it is.

    Other worlds are served meanwhile; moves of this one wait for each other. Refused when time would run backwards.
    When the client leaves or the server ends, the time stands where it has come to, and what happened until then stays.
    """
    side = ask.side
    organisation = side.organisation
    async with side.moving:
        _check_wanted(ask)
        clock = organisation.clock
        start = ask.again.time if ask.again else clock.now()
        then_frozen = clock.frozen if frozen is None else frozen
        target, happened = to(start), Happened(organisation)
        _check(start, target)
        ask.certain()
        try:
            while not _stride(side, happened, target):
                await asyncio.sleep(0)
                _check_wanted(ask)
        except BaseException:
            with ask.effect(time=start, given=_shorter(ask, clock.now(), then_frozen)):
                clock.set(clock.now(), then_frozen)
            side.webhooks.clock_moved()
            side.feed.poke()
            raise
        with ask.effect(time=start):
            clock.set(clock.now(), then_frozen)
        side.webhooks.clock_moved()
        side.feed.poke()
        if ask.plane.console is not None and ask.again is None:
            ask.plane.console.moved(start, clock.now(), then_frozen, happened.counts)
        return clock_shape(organisation) | {
            "from": iso(start),
            "counts": dict(sorted(happened.counts.items())),
            "facts": happened.first,
        }


def _check_wanted(ask: ControlRequest) -> None:
    """Raises `Disconnected` or `Ending` when nobody waits for the move any more."""
    if ask.left():
        raise Disconnected
    if ask.side.ending:
        raise Ending(ENDING)


def _shorter(ask: ControlRequest, time: int, frozen: bool) -> JSON:
    """The body of a move that was as long as this one has become."""
    return {"to": iso(time)} if ask.name == "mock_clock_advance" else {"now": iso(time), "frozen": frozen}


def _stride(side: WorldContext, happened: Happened, target: int) -> bool:
    """Goes to the next moment at which something is due, and a little further; whether `target` is reached."""
    organisation = side.organisation
    due = organisation.next_due()
    now = organisation.clock.now()
    time = target if due is None else min(target, max(due, now) + STRIDE)
    organisation.clock.set(time, frozen=True)
    organisation.watch(happened.observe)
    try:
        organisation.catch_up(time)
    finally:
        organisation.unwatch(happened.observe)
    side.webhooks.clock_moved()
    side.webhooks.flush()
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


def read_clock(ask: ControlRequest) -> JSON:
    """The time, whether it stands still, and when something may fall due next."""
    ask.query()
    return clock_shape(ask.organisation)


async def set_clock(ask: ControlRequest) -> JSON:
    """`{"now"?, "frozen"?}`: what falls due until `now` happens."""
    fields = ask.fields("now", "frozen")
    now, frozen = fields.moment("now"), fields.flag("frozen")
    if now is None and frozen is None:
        raise Refused("The body must have `now`, an ISO 8601 time, or `frozen`, true or false, or both.")
    return await move(ask, lambda start: start if now is None else now, frozen)


async def advance_clock(ask: ControlRequest) -> JSON:
    """`{"days"?, "hours"?, "minutes"?, "seconds"?}` or `{"to"}`; `"wait"`: until no delivery of a webhook is due."""
    fields = ask.fields(*UNITS, "to", "wait")
    passing, to, wait = _passing(fields), fields.moment("to"), fields.flag("wait")
    if to is not None and passing is not None:
        raise Refused("The body must have either `to` or an amount of time, not both.")
    if to is None and passing is None and wait is None:
        raise Refused("The body must have `days`, `hours`, `minutes` or `seconds`, or the time to go `to`.")
    moved = await move(ask, lambda start: start + (passing or 0) if to is None else to)
    if wait and ask.again is None and not await ask.side.unless_ending(ask.side.webhooks.idle()):
        raise Ending(ENDING)
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

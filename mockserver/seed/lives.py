"""What seeded users do and when: each follows a rhythm of their own, and the first ones play a role besides."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple, TypeVar

from mockserver.game.periods import DAY, HOUR, MINUTE, local_day, start_of_day, zone
from mockserver.game.users import NOTIFICATION_TYPES
from mockserver.seed.customs import Customs, Habit
from mockserver.seed.people import time_zone
from mockserver.seed.rhythm import draw
from mockserver.seed.roles import role_of, script

T = TypeVar("T")

FAR_EAST = 14 * HOUR  # no local day begins earlier than so long before the UTC day of the same date


class Deed(NamedTuple):
    """What somebody does at `time` (ms UTC): `kind` is join, event, complete, grant or prefer. Deeds sort by time."""

    time: int
    number: int
    step: int
    kind: str
    what: Any


class Life:
    """One user's days within the history from `since` to `until` (ms UTC)."""

    __slots__ = ("_customs", "_days", "_dice", "_home", "_kept", "_role", "_until", "favourite", "joined", "number",
                 "rhythm")  # fmt: skip

    def __init__(self, seed: str, number: int, since: int, until: int, customs: Customs) -> None:
        dice = self._dice = random.Random(f"{seed}/life/{number}")
        self._customs, self._until = customs, until
        self.number = number
        self._home = zone(time_zone(number))
        self.rhythm = draw(dice, number)
        self.favourite = min(int(dice.expovariate(1.0)), len(customs.daily) - 1)
        role = self._role = role_of(number, until)
        first, today = local_day(since, self._home).toordinal(), local_day(until - 1, self._home).toordinal()
        joined = first if number == 0 or role or dice.random() < 0.3 else dice.randint(first, max(first, today))
        self._kept = role is not None and role.past is not None
        if role and role.past:
            past = script(role.past(customs.frequency), customs.catalog, first, today)
            joined, self._days = past.joined, past.days
        elif self.rhythm:
            self._days = frozenset(self.rhythm.active_days(dice, joined, today))
        else:
            self._days = frozenset()
        time = max(self._moment(joined), since + dice.randrange(HOUR))
        self.joined = time if time < until else dice.randrange(since, max(since + 1, until))

    def deeds(self, day: int) -> Iterator[Deed]:
        """What is done on a local day (an ordinal)."""
        if day == local_day(self.joined, self._home).toordinal():
            yield from self._arrive()
        elif day in self._days:
            time = self._moment(day)
            if time > self.joined + HOUR:
                yield from self._work(time)

    def _moment(self, day: int) -> int:
        """When on a local day there is activity (ms UTC)."""
        minute = self.rhythm.time_of_day(self._dice) if self.rhythm else 12 * 60
        return start_of_day(date.fromordinal(day), self._home) + minute * MINUTE + self._dice.randrange(MINUTE)

    def _arrive(self) -> Iterator[Deed]:
        yield Deed(self.joined, self.number, 0, "join", None)
        if self.number % 4 == 0:
            yield Deed(self.joined + MINUTE, self.number, 1, "prefer", self._preferences())
        if self.rhythm or self._kept:
            yield from self._work(self.joined + 2 * MINUTE)
        if self._role and self._role.acts:
            for step, (before, kind, what) in enumerate(self._role.acts(self._customs), 1000):
                time = max(self._until - before, self.joined + step * MINUTE - 997 * MINUTE)
                yield Deed(time, self.number, step, kind, what)

    def _work(self, time: int) -> Iterator[Deed]:
        step = 2
        for kind, what in (*self._events(), *self._claims()):
            yield Deed(time, self.number, step, kind, what)
            time, step = time + self._dice.randint(MINUTE, 9 * MINUTE), step + 1

    @property
    def _zeal(self) -> float:
        return self.rhythm.zeal if self.rhythm else 1.0

    def _events(self) -> Iterator[tuple[str, Any]]:
        favourite = self._customs.daily[self.favourite] if self._customs.daily else None
        wanted = self._customs.conditions if self._kept else {}
        for habit in self._customs.habits:
            if habit is favourite or habit.metric in wanted or self._dice.random() < 0.3 * self._zeal * habit.chance:
                yield "event", self._event(habit, wanted.get(habit.metric, 0))

    def _claims(self) -> Iterator[tuple[str, Any]]:
        """The first achievement that applications complete is the one that most users get."""
        for position, key in enumerate(self._customs.claims):
            if self._dice.random() < (0.02 if position else 0.3) * self._zeal:
                yield "complete", key

    def _event(self, habit: Habit, least: int) -> tuple[str, int, dict[str, str], None]:
        """Metric, amount (millionths, at least `least`), attributes, no idempotency key."""
        dice, customs = self._dice, self._customs
        steps = round(habit.amount / habit.step * self._zeal * dice.lognormvariate(0, 0.5))
        keys = customs.event_keys[habit.metric]
        attributes = {key: dice.choice(customs.values[key]) for key in keys if dice.random() < 0.8}
        return habit.metric, max(1, steps, -(-least // habit.step)) * habit.step, attributes, None

    def _preferences(self) -> dict[str, list[str]]:
        dice = self._dice
        return {kind: dice.sample(["email", "push"], dice.randint(0, 2)) for kind in NOTIFICATION_TYPES}


def deeds(
    seed: str, users: int, since: int, until: int, customs: Customs, rest: Callable[[], None] | None = None
) -> Iterator[Deed]:
    """All deeds of all users from `since` to before `until` (ms UTC), in order of time. `rest` is called now and then
    while no deed is ready yet."""
    lives = [Life(seed, number, since, until, customs) for number in resting(range(users), rest)]
    waiting: list[Deed] = []
    epoch = date(1970, 1, 1).toordinal()
    for day in range(since // DAY - 1, until // DAY + 2):
        waiting += [deed for life in resting(lives, rest) for deed in life.deeds(epoch + day) if deed.time < until]
        waiting.sort()
        settled = bisect_left(waiting, (day + 1) * DAY - FAR_EAST, key=lambda deed: deed.time)
        yield from waiting[:settled]
        del waiting[:settled]
    yield from waiting


def resting(rows: Iterable[T], rest: Callable[[], None] | None) -> Iterator[T]:
    """The rows, with a rest before each 256."""
    for number, row in enumerate(rows):
        if rest is not None and number % 256 == 0:
            rest()
        yield row


def first_deeds(seed: str, users: int, now: int, customs: Customs) -> Iterator[Deed]:
    """Without a past: everybody arrives now and does one thing."""
    for number in range(users):
        yield Deed(now, number, 0, "join", None)
        if customs.habits:
            dice = random.Random(f"{seed}/life/{number}")
            habit = customs.habits[0]
            amount = max(1, round(habit.amount / habit.step * dice.lognormvariate(0, 0.5))) * habit.step
            yield Deed(now, number, 1, "event", (habit.metric, amount, {}, None))

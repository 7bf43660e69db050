"""What seeded users do and when: each has an own rhythm, and the first ones have a role too."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import Any, NamedTuple, TypeVar

from mockserver.game.periods import DAY, HOUR, MINUTE, local_day, start_of_day, zone
from mockserver.game.users import NOTIFICATION_TYPES
from mockserver.seed.identities import time_zone
from mockserver.seed.rhythm import draw
from mockserver.seed.roles import role_of, script
from mockserver.seed.usage import Habit, Usage

T = TypeVar("T")

FAR_EAST = 14 * HOUR  # no local day begins earlier than so long before the UTC day of the same date


class Action(NamedTuple):
    """What a user does at `time` (ms UTC): `kind` is join, event, complete, grant or prefer. Actions sort by time."""

    time: int
    number: int
    step: int
    kind: str
    what: Any


class UserActivity:
    """One user's days within the history from `since` to `until` (ms UTC)."""

    __slots__ = (
        "_days",
        "_dice",
        "_kept",
        "_role",
        "_until",
        "_usage",
        "_zone",
        "favourite",
        "joined",
        "number",
        "rhythm",
    )  # fmt: skip

    def __init__(self, seed: str, number: int, since: int, until: int, usage: Usage) -> None:
        dice = self._dice = random.Random(f"{seed}/life/{number}")
        self._usage, self._until = usage, until
        self.number = number
        self._zone = zone(time_zone(number))
        self.rhythm = draw(dice, number)
        self.favourite = min(int(dice.expovariate(1.0)), len(usage.daily) - 1)
        role = self._role = role_of(number, until)
        first, today = local_day(since, self._zone).toordinal(), local_day(until - 1, self._zone).toordinal()
        joined = first if number == 0 or role or dice.random() < 0.3 else dice.randint(first, max(first, today))
        self._kept = role is not None and role.past is not None
        if role and role.past:
            past = script(role.past(usage.frequency), usage.catalog, first, today)
            joined, self._days = past.joined, past.days
        elif self.rhythm:
            self._days = frozenset(self.rhythm.active_days(dice, joined, today))
        else:
            self._days = frozenset()
        time = max(self._moment(joined), since + dice.randrange(HOUR))
        self.joined = time if time < until else dice.randrange(since, max(since + 1, until))

    def actions(self, day: int) -> Iterator[Action]:
        """What is done on a local day (an ordinal)."""
        if day == local_day(self.joined, self._zone).toordinal():
            yield from self._join()
        elif day in self._days:
            time = self._moment(day)
            if time > self.joined + HOUR:
                yield from self._work(time)

    def _moment(self, day: int) -> int:
        """When on a local day there is activity (ms UTC)."""
        minute = self.rhythm.time_of_day(self._dice) if self.rhythm else 12 * 60
        return start_of_day(date.fromordinal(day), self._zone) + minute * MINUTE + self._dice.randrange(MINUTE)

    def _join(self) -> Iterator[Action]:
        yield Action(self.joined, self.number, 0, "join", None)
        if self.number % 4 == 0:
            yield Action(self.joined + MINUTE, self.number, 1, "prefer", self._preferences())
        if self.rhythm or self._kept:
            yield from self._work(self.joined + 2 * MINUTE)
        if self._role and self._role.acts:
            for step, (before, kind, what) in enumerate(self._role.acts(self._usage), 1000):
                time = max(self._until - before, self.joined + step * MINUTE - 997 * MINUTE)
                yield Action(time, self.number, step, kind, what)

    def _work(self, time: int) -> Iterator[Action]:
        step = 2
        for kind, what in (*self._events(), *self._claims()):
            yield Action(time, self.number, step, kind, what)
            time, step = time + self._dice.randint(MINUTE, 9 * MINUTE), step + 1

    @property
    def _activity_factor(self) -> float:
        return self.rhythm.zeal if self.rhythm else 1.0

    def _events(self) -> Iterator[tuple[str, Any]]:
        favourite = self._usage.daily[self.favourite] if self._usage.daily else None
        wanted = self._usage.conditions if self._kept else {}
        for habit in self._usage.habits:
            if (
                habit is favourite
                or habit.metric in wanted
                or self._dice.random() < 0.3 * self._activity_factor * habit.chance
            ):
                yield "event", self._event(habit, wanted.get(habit.metric, 0))

    def _claims(self) -> Iterator[tuple[str, Any]]:
        """The first achievement that applications complete is the one that most users get."""
        for position, key in enumerate(self._usage.claims):
            if self._dice.random() < (0.02 if position else 0.3) * self._activity_factor:
                yield "complete", key

    def _event(self, habit: Habit, least: int) -> tuple[str, int, dict[str, str], None]:
        """Metric, amount (millionths, at least `least`), attributes, no idempotency key."""
        dice, usage = self._dice, self._usage
        steps = round(habit.amount / habit.step * self._activity_factor * dice.lognormvariate(0, 0.5))
        keys = usage.event_keys[habit.metric]
        attributes = {key: dice.choice(usage.values[key]) for key in keys if dice.random() < 0.8}
        return habit.metric, max(1, steps, -(-least // habit.step)) * habit.step, attributes, None

    def _preferences(self) -> dict[str, list[str]]:
        dice = self._dice
        return {kind: dice.sample(["email", "push"], dice.randint(0, 2)) for kind in NOTIFICATION_TYPES}


def actions(
    seed: str, users: int, since: int, until: int, usage: Usage, pause: Callable[[], None] | None = None
) -> Iterator[Action]:
    """All actions of all users from `since` to before `until` (ms UTC), in order of time. `pause` is called now and
    then while no action is ready yet."""
    activities = [UserActivity(seed, number, since, until, usage) for number in pausing(range(users), pause)]
    waiting: list[Action] = []
    epoch = date(1970, 1, 1).toordinal()
    for day in range(since // DAY - 1, until // DAY + 2):
        waiting += [
            action
            for activity in pausing(activities, pause)
            for action in activity.actions(epoch + day)
            if action.time < until
        ]
        waiting.sort()
        settled = bisect_left(waiting, (day + 1) * DAY - FAR_EAST, key=lambda action: action.time)
        yield from waiting[:settled]
        del waiting[:settled]
    yield from waiting


def pausing(rows: Iterable[T], pause: Callable[[], None] | None) -> Iterator[T]:
    """The rows, with a call of `pause` before each 256."""
    for number, row in enumerate(rows):
        if pause is not None and number % 256 == 0:
            pause()
        yield row


def first_actions(seed: str, users: int, now: int, usage: Usage) -> Iterator[Action]:
    """Without a past: everybody arrives now and does one thing."""
    for number in range(users):
        yield Action(now, number, 0, "join", None)
        if usage.habits:
            dice = random.Random(f"{seed}/life/{number}")
            habit = usage.habits[0]
            amount = max(1, round(habit.amount / habit.step * dice.lognormvariate(0, 0.5))) * habit.step
            yield Action(now, number, 1, "event", (habit.metric, amount, {}, None))

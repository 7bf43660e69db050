"""What seeded people do and when. Each has a temperament: some keep their streaks, some lapse, a few never stop."""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from mockserver.game.periods import DAY, HOUR, MINUTE, moment, zone
from mockserver.game.users import NOTIFICATION_TYPES
from mockserver.seed.customs import Customs, Habit
from mockserver.seed.people import home


class Deed(NamedTuple):
    """What somebody does at `time` (ms UTC): `kind` is join, event, complete or prefer. Deeds sort by time."""

    time: int
    number: int
    step: int
    kind: str
    what: Any


class Temperament(NamedTuple):
    """`active`: the chance of a day with activity; `zeal`: how much more or less than usual is done."""

    active: float
    zeal: float


TIRELESS = Temperament(1.0, 1.8)
POWER = Temperament(0.98, 1.7)
STEADY = Temperament(0.9, 1.0)
CASUAL = Temperament(0.4, 0.7)
LAPSED = Temperament(0.8, 0.9)
VISITOR = Temperament(0.0, 0.0)

# Of twelve people one does far more than the others and one only looks in. The very first never misses a day.
CAST = (POWER, CASUAL, STEADY, LAPSED, CASUAL, STEADY, CASUAL, LAPSED, STEADY, CASUAL, VISITOR, LAPSED)


class Life:
    """One person's days within the history from `since` to `until` (ms UTC)."""

    __slots__ = ("_customs", "_dice", "favourite", "joined", "lapses", "minute", "number", "temperament")

    def __init__(self, seed: str, number: int, since: int, until: int, customs: Customs) -> None:
        dice = self._dice = random.Random(f"{seed}/life/{number}")
        self._customs = customs
        self.number = number
        self.temperament = CAST[number % len(CAST)] if number else TIRELESS
        self.favourite = min(int(dice.expovariate(1.0)), len(customs.daily) - 1)
        self.minute = self._usual_minute(since)
        self.joined = self._joins(since, until)
        days = (until - self.joined) // DAY + 1
        stays = dice.uniform(0.3, 0.8) if self.temperament is LAPSED else 1.0
        self.lapses = self.joined // DAY + round(days * stays)

    def _usual_minute(self, since: int) -> int:
        """A minute of the UTC day which is between 7 and 20 o'clock at home."""
        offset = moment(since).astimezone(zone(home(self.number).tz)).utcoffset() or timedelta()
        return (self._dice.randint(7 * 60, 20 * 60) - offset // timedelta(minutes=1)) % (24 * 60)

    def _joins(self, since: int, until: int) -> int:
        """When the person is first identified: a third were there from the beginning."""
        dice, last = self._dice, (until - 1) // DAY
        first = since // DAY + 1
        early = self.number == 0 or dice.random() < 0.3
        day = first if early else dice.randint(first, max(first, last))
        time = day * DAY + self.minute * MINUTE + dice.randrange(30 * MINUTE)
        return time if since <= time < until else dice.randrange(since, max(since + 1, until))

    def deeds(self, day: int) -> Iterator[Deed]:
        """What is done around the usual minute of a day (counted since 1970): up to an hour earlier or two later."""
        if day == self.joined // DAY:
            yield from self._arrive()
        elif self.joined // DAY < day <= self.lapses and self._dice.random() < self.temperament.active:
            time = day * DAY + self.minute * MINUTE + self._dice.randint(-60 * MINUTE, 30 * MINUTE)
            if time > self.joined + HOUR:
                yield from self._work(time)

    def _arrive(self) -> Iterator[Deed]:
        yield Deed(self.joined, self.number, 0, "join", None)
        if self.number % 4 == 0:
            yield Deed(self.joined + MINUTE, self.number, 1, "prefer", self._preferences())
        if self.temperament is not VISITOR:
            yield from self._work(self.joined + 2 * MINUTE)

    def _work(self, time: int) -> Iterator[Deed]:
        dice, step = self._dice, 2
        for kind, what in (*self._events(), *self._claims()):
            yield Deed(time, self.number, step, kind, what)
            time, step = time + dice.randint(MINUTE, 9 * MINUTE), step + 1

    def _events(self) -> Iterator[tuple[str, Any]]:
        favourite = self._customs.daily[self.favourite] if self._customs.daily else None
        for habit in self._customs.habits:
            if habit is favourite or self._dice.random() < 0.3 * self.temperament.zeal * habit.chance:
                yield "event", self._event(habit)

    def _claims(self) -> Iterator[tuple[str, Any]]:
        """The first achievement that applications complete is the one that most people get."""
        for position, key in enumerate(self._customs.claims):
            if self._dice.random() < (0.02 if position else 0.3) * self.temperament.zeal:
                yield "complete", key

    def _event(self, habit: Habit) -> tuple[str, int, dict[str, str]]:
        """Metric, amount (millionths), attributes."""
        dice, customs = self._dice, self._customs
        steps = round(habit.amount / habit.step * self.temperament.zeal * dice.lognormvariate(0, 0.5))
        keys = customs.event_keys[habit.metric]
        attributes = {key: dice.choice(customs.values[key]) for key in keys if dice.random() < 0.8}
        return habit.metric, max(1, steps) * habit.step, attributes

    def _preferences(self) -> dict[str, list[str]]:
        dice = self._dice
        return {kind: dice.sample(["email", "push"], dice.randint(0, 2)) for kind in NOTIFICATION_TYPES}


def deeds(seed: str, users: int, since: int, until: int, customs: Customs) -> Iterator[Deed]:
    """All deeds of all people from `since` to before `until` (ms UTC), in order of time."""
    lives = [Life(seed, number, since, until, customs) for number in range(users)]
    waiting: list[Deed] = []
    for day in range(since // DAY, until // DAY + 1):
        waiting += [deed for life in lives for deed in life.deeds(day) if deed.time < until]
        waiting.sort()
        settled = bisect_left(waiting, (day + 1) * DAY - 2 * HOUR, key=lambda deed: deed.time)
        yield from waiting[:settled]
        del waiting[:settled]
    yield from waiting


def first_deeds(seed: str, users: int, now: int, customs: Customs) -> Iterator[Deed]:
    """Without a past: everybody arrives now and does one thing."""
    for number in range(users):
        yield Deed(now, number, 0, "join", None)
        if customs.habits:
            dice = random.Random(f"{seed}/life/{number}")
            habit = customs.habits[0]
            amount = max(1, round(habit.amount / habit.step * dice.lognormvariate(0, 0.5))) * habit.step
            yield Deed(now, number, 1, "event", (habit.metric, amount, {}))

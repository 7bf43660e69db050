"""When a seeded user is active: the hour, the weekday, holidays, and active weeks between weeks of rest.

Every user has a rhythm of their own. Few users are very active and many are a little active, so streaks and points have
the long tail that real applications show.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from math import ceil, log
from typing import NamedTuple, TypeVar

Choice = TypeVar("Choice")

# Local times at which users use an application (minutes after midnight) and how many do: most in the evening.
PEAKS = {7 * 60 + 30: 14, 12 * 60 + 30: 13, 17 * 60 + 45: 17, 20 * 60: 26, 21 * 60 + 30: 19, 22 * 60 + 45: 9, 20: 1}
EARLIEST, LATEST = 5 * 60, 23 * 60 + 15  # of everybody but the few who are awake after midnight

# Weekdays and weekends: how much of the usual activity there is. Most users are less active at weekends.
WEEKS = (((1.0, 0.75), 5), ((1.0, 1.0), 4), ((0.8, 1.0), 1), ((1.0, 0.2), 1))
QUIET_DAYS = {(12, 24), (12, 25), (12, 26), (12, 31), (1, 1)}
VISITORS = 12  # one user in so many only looks in, and does nothing


class Rhythm(NamedTuple):
    """`zealous` and `resting`: the typical length of such a phase in days. `chance`: of activity on a zealous day.
    `weekday` and `weekend` weigh it. `zeal`: how much is done at a time, 1 is usual. `minute`: local time of day."""

    zealous: float
    resting: float
    chance: float
    weekday: float
    weekend: float
    zeal: float
    minute: int

    def time_of_day(self, dice: random.Random) -> int:
        """Minutes after local midnight: usually about the same, now and then at another time."""
        usual = self.minute if dice.random() < 0.75 else pick(dice, PEAKS)
        minute = round(dice.gauss(usual, 40))
        if usual < EARLIEST:
            return min(max(minute, 0), 2 * 60)
        return min(max(minute, EARLIEST), LATEST)

    def active_days(self, dice: random.Random, joined: int, last: int) -> Iterator[int]:
        """The days (ordinals) after the one of joining on which there is activity."""
        leaves = joined + round((last - joined) * dice.uniform(0.2, 0.9)) if dice.random() < 0.15 else last
        away = self._holidays(dice, joined, last)
        day, zealous = joined + 1, True
        while day <= leaves:
            length = ceil(dice.lognormvariate(log(self.zealous if zealous else self.resting), 0.8))
            for active in range(day, min(day + length, leaves + 1)):
                if zealous and active not in away and dice.random() < self.chance * self._weight(active):
                    yield active
            day, zealous = day + length, not zealous

    def _weight(self, day: int) -> float:
        on = date.fromordinal(day)
        weight = self.weekend if on.weekday() >= 5 else self.weekday
        return weight * (0.5 if (on.month, on.day) in QUIET_DAYS else 1.0)

    @staticmethod
    def _holidays(dice: random.Random, joined: int, last: int) -> range:
        """One user in three is away for some days."""
        if dice.random() > 0.35 or last - joined < 10:
            return range(0)
        start = dice.randint(joined + 3, last)
        return range(start, start + dice.randint(4, 12))


def draw(dice: random.Random, number: int) -> Rhythm | None:
    """The rhythm of the `number`-th user; None for a visitor. The very first user never misses a day."""
    minute = pick(dice, PEAKS)
    if number == 0:
        return Rhythm(1e6, 1.0, 1.0, 1.0, 1.0, 1.1, max(minute, EARLIEST))
    keenness = dice.random()
    weekday, weekend = pick(dice, dict(WEEKS))
    if number % VISITORS == VISITORS - 1:
        return None
    return Rhythm(
        zealous=4 + 22 * keenness**2,
        resting=1.5 + 4 * (1 - keenness),
        chance=0.78 + 0.21 * keenness,
        weekday=weekday,
        weekend=weekend + (1 - weekend) * keenness**2,
        zeal=dice.uniform(0.6, 1.2) + 0.3 * keenness,
        minute=minute,
    )


def pick(dice: random.Random, weighted: dict[Choice, int]) -> Choice:
    """One of the keys, by its weight."""
    return dice.choices(list(weighted), list(weighted.values()))[0]

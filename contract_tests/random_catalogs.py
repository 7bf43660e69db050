"""Random catalogs: every one is valid, and every setting is used so that it has an effect.

A setting that has one value per catalog (the frequency, whether there are freezes) depends on the number of the world,
so that a few worlds have all values. Only the format of catalogs is known here (docs/catalog.md); the target's control
plane makes worlds of them.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from contract_tests.texts import ALIKE, LONG, odd

JSON = Any
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
#: In a header blanks at the ends do not belong to the value.
TENANT = odd().strip()
SOURCES = ("phone", "Phone")
TEAMS = ("Łódź", "LODZ", "北京")
NAMES = ("Écriture", "Écriture & <i>co</i>", " Ürün ", "執筆", "№ 7", "Zoe\u0308s Punkte", "ﬁne", "007 \u200bagent")


class RandomCatalog:
    """One catalog: `json` goes to the target, with absolute dates. `plans` and `teams` are values of its filters."""

    def __init__(self, seed: int, today: date, number: int = 0) -> None:
        self.rng = random.Random(f"{seed} {number}")
        self.today, self.number = today, number
        self._made = 0
        self.plans = (odd(), self.rng.choice(ALIKE))
        self.teams = self.rng.sample(TEAMS, 2)
        self.json = self._catalog()

    def _day(self, offset: int) -> str:
        return (self.today + timedelta(days=offset)).isoformat()

    def _name(self) -> str:
        self._made += 1
        return odd(str(self._made)) if self._made % 4 else f"{self.rng.choice(NAMES)} {self._made}"

    def _maybe(self, chance: float, **more: JSON) -> dict[str, JSON]:
        return more if self.rng.random() < chance else {}

    def _texts(self) -> dict[str, JSON]:
        """A description and a badge, with some probability."""
        found = self._maybe(0.8, description=f" About {self._name()}")
        return found | self._maybe(0.7, badgeUrl=f"https://Example.com/{LONG}/00{self._made}.png?x=1&y=%20")

    def _filters(self, place: int) -> dict[str, JSON]:
        """No filters, then filters for users, for events, for both, row by row; with one or two attributes."""
        users = {"plan": self.plans[0]} | ({"team": self.teams[0]} if place % 8 < 4 else {})
        events = {"source": self.rng.choice(SOURCES)} | ({"kind": odd()} if place % 8 < 4 else {})
        found = {"userAttributes": users} if place % 4 in (1, 3) else {}
        return found | ({"eventAttributes": events} if place % 4 in (2, 3) else {})

    def _users(self, place: int) -> dict[str, JSON]:
        """Every second row is for some users only."""
        return {"userAttributes": self._filters(place)["userAttributes"]} if place % 2 else {}

    def _catalog(self) -> JSON:
        metrics = {key: {"name": self._name(), **self._maybe(0.8, units=odd("3"))} for key in self._keys()}
        self.metrics = list(metrics)
        return {
            "name": "Drawn",
            "userAttributes": ["plan", "team"],
            "eventAttributes": ["source", "kind"],
            "metrics": metrics | {"asleep": {"name": "Asleep", "status": "inactive"}},
            "streak": self._streak(),
            "achievements": self._achievements(),
            "points": {key: self._points(key) for key in ("xp", odd())},
            "leaderboards": self._boards(),
            "settings": {
                "weekStart": self.rng.choice(WEEKDAYS),
                "controlRatio": (0, 1, 0.5)[self.number % 3],
                "multiTenant": self.number % 2 == 0,
                "pointsChangedWindow": (45, 3600, 0, 60)[self.number % 4],
            },
        }

    def _keys(self) -> list[str]:
        keys = [odd(), *self.rng.sample(["words", "Words", "007", "Größe", "a.b c", self.rng.choice(ALIKE)], 2)]
        self.rng.shuffle(keys)
        return keys

    def _streak(self) -> JSON:
        """Three worlds have all frequencies, six all evaluations too; every fourth counts any activity."""
        number, pick = self.number, self.rng.randint
        wanted = self.rng.sample((1, 2.5, 7), 2)
        initial = int(number % 6 != 5)
        days = pick(4, 6) if number % 3 else pick(26, 31)  # so many that streaks are lost before
        interval = {"autoEarnInterval": days, "autoEarnAmount": 2}
        freezes = {"initial": initial, "maximum": initial + pick(1, 2)} | (interval if number % 3 != 2 else {})
        return {
            "frequency": ("weekly", "daily", "monthly")[number % 3],
            "evaluation": ("any", "all")[(number % 3 + number // 3) % 2],
            **({"conditions": dict(zip(self.metrics, wanted, strict=False))} if number % 4 != 3 else {}),
            **({"freezes": freezes} if number % 5 != 4 else {}),
        }

    def _achievements(self) -> JSON:
        found: dict[str, JSON] = {}
        for key in self.metrics:
            for value in (1, self.rng.choice((2.5, 10, 60)), 10**9):
                row = {"trigger": "metric", "metricKey": key, "metricValue": value}
                found[f"m{len(found)}"] = row | self._filters(len(found) + self.number)
        for length in range(1, 4):
            found[f"s{length}"] = {"trigger": "streak", "streakLength": length} | self._users(length)
        found["call"] = {"trigger": "api"}
        found[odd()] = {"trigger": "api"} | self._users(self.rng.choice((0, 1, 5)))
        found["gone"] = {"trigger": "api", "status": "inactive"}
        found["closed"] = {"trigger": "api", "status": "locked"}
        found["asleep"] = {"trigger": "metric", "metricKey": self.metrics[0], "metricValue": 1, "status": "inactive"}
        found["shut"] = {"trigger": "metric", "metricKey": self.metrics[0], "metricValue": 1, "status": "locked"}
        found["two"] = {"trigger": "achievement", "achievementKeys": ["call", "m0"]}
        found["three"] = {"trigger": "achievement", "achievementKeys": ["two", "s1"]} | self._users(self.number)
        return {key: {"name": self._name(), **self._texts(), **row} for key, row in found.items()}

    def _points(self, key: str) -> JSON:
        thresholds = sorted(self.rng.sample(range(1, 90), 3))
        first = self.rng.choice((0, 1, thresholds[0]))
        points = [first, first + thresholds[1], first + thresholds[2] + 20]
        levels = {f"{key}{at}": {"name": self._name(), "points": at, **self._texts()} for at in dict.fromkeys(points)}
        return {
            "name": self._name(),
            **self._texts(),
            **({"maxPoints": self.rng.randint(60, 150)} if (key != "xp") == (self.number % 2 == 0) else {}),
            "triggers": self._triggers(key),
            **({"levels": levels} if self.rng.random() < 0.9 else {}),
            "boosts": self._boosts(),
        }

    def _triggers(self, key: str) -> list[JSON]:
        pick, turn = self.rng.randint, self.number + (key != "xp")
        rows: list[JSON] = [
            {"type": "metric", "metricKey": metric, "metricThreshold": pick(1, 20), "points": pick(1, 9)}
            | self._filters(place + turn)
            for place, metric in enumerate(self.metrics)
        ]
        rows.append({"type": "metric", "metricKey": self.metrics[-1], "metricThreshold": 25, "points": -pick(1, 4)})
        streak = {"type": "streak", "streakLengthThreshold": pick(1, 2), "points": pick(1, 30)}
        rows.append(streak | self._users(turn))
        rows.append({"type": "achievement", "achievementKey": "call", "points": pick(1, 30)})
        rows.append({"type": "achievement", "achievementKey": "m1", "points": pick(1, 30)} | self._users(turn + 1))
        rows.append({"type": "user_creation", "points": pick(1, 30)} | self._users(turn + 1))
        hours = {"type": "time", "timeUnit": "hour", "timeInterval": pick(30, 90), "points": pick(1, 5)}
        days = {"type": "time", "timeUnit": "day", "timeInterval": pick(2, 4), "points": pick(1, 5)}
        rows.append((hours if turn % 2 else days) | self._users(self.rng.choice((0, 0, 1))))
        asleep = {"type": "metric", "metricKey": self.metrics[0], "metricThreshold": 1, "points": 500}
        return [*rows, asleep | {"status": ("inactive", "archived")[turn % 2]}]

    def _boosts(self) -> list[JSON]:
        """In most systems all boosts have the same rounding, because several different ones always round down."""
        spans = [*self.rng.sample([(-2, 2), (0, 1), (1, 3), (20, 30)], 2), (-30, -20), (2, None)]
        rounding, found = self.rng.choice(("up", "nearest", "up", "down")), list[JSON]()
        for place, (first, last) in enumerate(spans):
            row = {"name": self._name(), "start": self._day(first), "multiplier": self.rng.choice((1.1, 1.5, 1.25))}
            row |= {} if last is None else {"end": self._day(last)}
            row |= {"rounding": self.rng.choice(("up", "down", "nearest")) if place == 2 else rounding}
            found.append(row | (self._users(self.rng.choice((1, 5))), {"userId": odd()}, {}, {})[place])
        return found

    def _boards(self) -> JSON:
        metric = self.rng.choice(self.metrics)
        by_metric = {"rankBy": "metric", "metricKey": metric}
        by_points = {"rankBy": "points", "pointsSystemKey": "xp"}
        rows: dict[str, JSON] = {
            odd(): {**by_metric, "start": self._day(-100)},
            "small": {**by_metric, "start": self._day(-9), "maxParticipants": self.rng.randint(2, 4)},
            "runs": {**by_metric, "start": self._day(-8), "runUnit": "day", "runInterval": self.rng.randint(2, 4)},
            "months": {**by_points, "start": self._day(-70), "runUnit": "month", "runInterval": 1},
            "points": {**by_points, "start": self._day(-1), "end": self._day(self.rng.randint(20, 40))},
            "streaks": {"rankBy": "streak", "start": self._day(-100)},
            "plans": {**by_metric, "start": self._day(-9), "breakdownAttributes": ["plan"]},
            "pairs": {**by_points, "start": self._day(-9), "breakdownAttributes": ["plan", "team"]},
            "some": {
                **by_metric,
                "start": self._day(-9),
                "userAttributes": {"plan": self.plans[0], "team": self.teams[0]},
                "startTime": "06:30",
                "endTime": "21:45",
            },
            "soon": {**by_metric, "start": self._day(200)},
            "over": {**by_metric, "start": self._day(-30), "end": self._day(-10)},
        }
        return {
            key: {"name": self._name(), **self._maybe(0.5, description=self._name()), **row}
            for key, row in rows.items()
        }

"""Random catalogs: every one is valid, and their settings differ.

Only the format of catalogs is known here (docs/catalog.md); the target's control plane makes worlds of them.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

JSON = Any
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
#: Similar values: another case, another Unicode form, one more space, a leading zero.
PLANS = ("Gold", "gold", "Gold ", "Zoë", "Zoe\u0308", "007", "7", "a,b:c\\", "")
TEAMS = ("Łódź", "LODZ", "北京")
NAMES = ("Écriture", "Écriture & <i>co</i>", " Ürün ", "執筆", "№ 7", "Zoe\u0308s Punkte", "ﬁne", "007 \u200bagent")


class RandomCatalog:
    """One catalog: `json` goes to the target, with absolute dates."""

    def __init__(self, seed: int, today: date) -> None:
        self.rng = random.Random(seed)
        self.today = today
        self._made = 0
        self.json = self._catalog()

    def _day(self, offset: int) -> str:
        return (self.today + timedelta(days=offset)).isoformat()

    def _name(self) -> str:
        self._made += 1
        return f"{self.rng.choice(NAMES)} {self._made}"

    def _maybe(self, chance: float, **more: JSON) -> dict[str, JSON]:
        return more if self.rng.random() < chance else {}

    def _texts(self) -> dict[str, JSON]:
        """A description and a badge, with some probability."""
        found = self._maybe(0.7, description=f"About {self._name()}")
        return found | self._maybe(0.5, badgeUrl=f"https://example.com/b/{self._made}.png?x=1&y=%20")

    def _users(self, chance: float) -> dict[str, JSON]:
        wanted = {"plan": self.rng.choice(PLANS)} | self._maybe(0.2, team=self.rng.choice(TEAMS))
        return self._maybe(chance, userAttributes=wanted)

    def _events(self, chance: float) -> dict[str, JSON]:
        wanted = {"source": self.rng.choice(("phone", "Phone"))} | self._maybe(0.4, kind="é")
        return self._maybe(chance, eventAttributes=wanted)

    def _catalog(self) -> JSON:
        metrics = {key: {"name": self._name(), **self._maybe(0.6, units="words")} for key in self._keys()}
        self.metrics = list(metrics)
        frequency = self.rng.choice(("daily", "weekly", "monthly"))
        return {
            "name": "Drawn",
            "userAttributes": ["plan", "team"],
            "eventAttributes": ["source", "kind"],
            "metrics": metrics | {"asleep": {"name": "Asleep", "status": "inactive"}},
            "streak": self._streak(frequency),
            "achievements": self._achievements(),
            "points": {key: self._points(key) for key in ("xp", "XP")[: self.rng.randint(1, 2)]},
            "leaderboards": self._boards(),
            "settings": {
                "weekStart": self.rng.choice(WEEKDAYS),
                "controlRatio": self.rng.choice((0, 0, 0.5, 1)),
                "pointsChangedWindow": self.rng.choice((0, 60, 60, 3600)),
            },
        }

    def _keys(self) -> list[str]:
        keys = ["words", "Words", "007", "Größe", "a.b c"]
        self.rng.shuffle(keys)
        return keys[: self.rng.randint(2, 4)]

    def _streak(self, frequency: str) -> JSON:
        thresholds = self.rng.sample(self.metrics, self.rng.randint(1, 2))
        conditions = {key: self.rng.choice((1, 2.5, 40)) for key in thresholds}
        freezes = {
            "initial": self.rng.randint(0, 1),
            "maximum": self.rng.randint(1, 3),
            **self._maybe(0.7, autoEarnInterval=self.rng.randint(1, 5), autoEarnAmount=self.rng.randint(1, 2)),
        }
        return {
            "frequency": frequency,
            "evaluation": self.rng.choice(("any", "all")),
            **self._maybe(0.7, conditions=conditions),
            **self._maybe(0.7, freezes=freezes),
        }

    def _achievements(self) -> JSON:
        found: dict[str, JSON] = {}
        for key in self.metrics:
            for value in (1, self.rng.choice((2.5, 10, 60)), 10**9):
                row = {"trigger": "metric", "metricKey": key, "metricValue": value}
                found[f"m{len(found)}"] = row | self._users(0.25) | self._events(0.3)
        for length in range(1, 4):
            found[f"s{length}"] = {"trigger": "streak", "streakLength": length} | self._users(0.2)
        found["call"] = {"trigger": "api"}
        found["Call"] = {"trigger": "api"} | self._users(0.5)
        found["gone"] = {"trigger": "api", "status": "inactive"}
        found["closed"] = {"trigger": "api", "status": "locked"}
        found["asleep"] = {"trigger": "metric", "metricKey": self.metrics[0], "metricValue": 1, "status": "inactive"}
        found["two"] = {"trigger": "achievement", "achievementKeys": ["call", "m0"]}
        found["three"] = {"trigger": "achievement", "achievementKeys": ["two", "s1"]} | self._users(0.2)
        return {key: {"name": self._name(), **self._texts(), **row} for key, row in found.items()}

    def _points(self, key: str) -> JSON:
        thresholds = sorted(self.rng.sample(range(1, 90), 3))
        first = self.rng.choice((0, 1, thresholds[0]))
        points = [first, first + thresholds[1], first + thresholds[2] + 20]
        levels = {f"{key}{at}": {"name": self._name(), "points": at, **self._texts()} for at in dict.fromkeys(points)}
        return {
            "name": self._name(),
            **self._texts(),
            **self._maybe(0.4, maxPoints=self.rng.randint(60, 150)),
            "triggers": self._triggers(),
            **({"levels": levels} if self.rng.random() < 0.9 else {}),
            "boosts": self._boosts() if self.rng.random() < 0.8 else [],
        }

    def _triggers(self) -> list[JSON]:
        pick = self.rng.randint
        rows: list[JSON] = [
            {"type": "metric", "metricKey": metric, "metricThreshold": pick(1, 20), "points": pick(1, 9)}
            | self._users(0.2)
            | self._events(0.3)
            for metric in self.metrics
        ]
        rows.append({"type": "metric", "metricKey": self.metrics[-1], "metricThreshold": 25, "points": -pick(1, 4)})
        rows.append({"type": "streak", "streakLengthThreshold": pick(1, 2), "points": pick(1, 30)} | self._users(0.2))
        rows.append({"type": "achievement", "achievementKey": "call", "points": pick(1, 30)})
        rows.append({"type": "achievement", "achievementKey": "m1", "points": pick(1, 30)} | self._users(0.2))
        rows += self.rng.sample(
            [
                {"type": "user_creation", "points": pick(1, 30)},
                {"type": "time", "timeUnit": "hour", "timeInterval": pick(30, 90), "points": pick(1, 5)},
                {"type": "time", "timeUnit": "day", "timeInterval": pick(1, 3), "points": pick(1, 5)},
            ],
            pick(1, 3),
        )
        asleep = {"type": "metric", "metricKey": self.metrics[0], "metricThreshold": 1, "points": 500}
        return [*rows, asleep | {"status": self.rng.choice(("inactive", "archived"))}]

    def _boosts(self) -> list[JSON]:
        spans = [(-30, -20), (-2, 2), (0, 1), (1, 3), (2, None), (20, 30)]
        found = []
        for first, last in self.rng.sample(spans, 4):
            row = {"name": self._name(), "start": self._day(first), "multiplier": self.rng.choice((1.1, 1.5, 2, 1.25))}
            row |= {} if last is None else {"end": self._day(last)}
            row |= {"rounding": self.rng.choice(("up", "down", "nearest"))}
            found.append(row | (self._users(0.3) or self._maybe(0.2, userId="ann")))
        return found

    def _boards(self) -> JSON:
        metric = self.rng.choice(self.metrics)
        by_metric = {"rankBy": "metric", "metricKey": metric}
        by_points = {"rankBy": "points", "pointsSystemKey": "xp"}
        rows: dict[str, JSON] = {
            "ever": {**by_metric, "start": self._day(-100)},
            "small": {**by_metric, "start": self._day(-9), "maxParticipants": self.rng.randint(2, 4)},
            "runs": {**by_metric, "start": self._day(-8), "runUnit": "day", "runInterval": self.rng.randint(1, 4)},
            "months": {**by_points, "start": self._day(-70), "runUnit": "month", "runInterval": 1},
            "points": {**by_points, "start": self._day(-1), "end": self._day(self.rng.randint(20, 40))},
            "streaks": {"rankBy": "streak", "start": self._day(-100)},
            "plans": {**by_metric, "start": self._day(-9), "breakdownAttributes": ["plan"]},
            "pairs": {**by_points, "start": self._day(-9), "breakdownAttributes": ["plan", "team"]},
            "soon": {**by_metric, "start": self._day(200)},
            "over": {**by_metric, "start": self._day(-30), "end": self._day(-10)},
        }
        return {
            key: {"name": self._name(), **self._maybe(0.5, description=self._name()), **row}
            for key, row in rows.items()
        }

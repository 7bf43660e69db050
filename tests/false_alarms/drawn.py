"""A generator of valid catalogs: every field is drawn, small and large, plain and odd; one seed, one catalog."""

from __future__ import annotations

import random
from typing import Any

JSON = Any
WORDS = ("steps", "km", "plan", "team", "xp", "слова", "成就", "a b/c?d", "é", "ציון", "R&D", "x:y,z", "100%", "_", "A")
VALUES = ("pro", "free", "Zürich", "東京", "Washington, D.C.", "a:b", "R&D")
#: Thresholds: most are small, some are fractions, some as large as any number may be.
AMOUNTS = (1, 1, 2, 3, 7, 10, 100, 1000, 5000, 250_000, 9 * 10**11, 10**12)
FRACTIONS = (0.25, 0.5, 2.5, 0.000001, 99.999999)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def drawn(seed: int) -> dict[str, JSON]:
    """The catalog of a seed, as data."""
    return _Draw(random.Random(seed)).catalog(seed)


class _Draw:
    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.users: list[str] = []
        self.events: list[str] = []
        self.metrics: list[str] = []
        self.achievements: list[str] = []
        self.systems: list[str] = []

    def catalog(self, seed: int) -> dict[str, JSON]:
        self.users, self.events, self.metrics = self.keys(0, 3), self.keys(0, 2), self.keys(1, 4)
        content: dict[str, JSON] = {"name": f"Drawn {seed}", "userAttributes": self.users}
        content |= {"eventAttributes": self.events}
        statuses = ("active",) * 4 + ("inactive",)
        content["metrics"] = {key: {"name": key.title(), "status": self.of(statuses)} for key in self.metrics}
        if self.maybe(0.75):
            content["streak"] = self.streak()
        content["achievements"] = {key: self.achievement(key) for key in self.keys(0, 6)}
        content["points"] = {key: self.system(key) for key in self.keys(0, 2)}
        self.systems = list(content["points"])
        content["leaderboards"] = {key: self.board(key) for key in self.keys(0, 5)}
        content["settings"] = self.settings()
        return content

    # Chances

    def maybe(self, share: float = 0.5) -> bool:
        return self.chance.random() < share

    def of(self, options: Any) -> Any:
        return self.chance.choice(list(options))

    def keys(self, least: int, most: int) -> list[str]:
        return self.chance.sample(WORDS, self.chance.randint(least, most))

    def amount(self) -> int:
        return int(self.of(AMOUNTS))

    def filters(self, keys: list[str], share: float = 0.25) -> dict[str, str]:
        if not keys or not self.maybe(share):
            return {}
        return {key: self.of(VALUES) for key in self.chance.sample(keys, self.chance.randint(1, len(keys)))}

    # Parts

    def streak(self) -> dict[str, JSON]:
        found: dict[str, JSON] = {"frequency": self.of(("daily", "daily", "weekly", "monthly"))}
        if self.maybe(0.4):
            keys = self.chance.sample(self.metrics, self.chance.randint(1, len(self.metrics)))
            found["conditions"] = {key: self.of((*AMOUNTS[:9], *FRACTIONS)) for key in keys}
            found["evaluation"] = self.of(("any", "all"))
        if self.maybe():
            most = self.of((1, 2, 3, 10, 100))
            found["freezes"] = {"initial": self.chance.randint(0, min(most, 3)), "maximum": most}
            if self.maybe():
                found["freezes"] |= {
                    "autoEarnInterval": self.of((1, 2, 7, 30, 10_000)),
                    "autoEarnAmount": self.of((1, 2)),
                }
        if found["frequency"] == "daily" and self.maybe(0.2):
            found["daysOff"] = sorted(self.chance.sample(range(7), self.chance.randint(1, 3)))
        return found | {"customizable": self.maybe()}

    def achievement(self, key: str) -> dict[str, JSON]:
        trigger = self.of(
            ("metric", "metric", "streak", "api", "achievement") if self.achievements else ("metric", "api")
        )
        found: dict[str, JSON] = {"name": key.title(), "trigger": trigger, "userAttributes": self.filters(self.users)}
        if trigger == "metric":
            found |= {"metricKey": self.of(self.metrics), "metricValue": self.of((*AMOUNTS, *FRACTIONS))}
            found["eventAttributes"] = self.filters(self.events)
        elif trigger == "streak":
            found["streakLength"] = self.of((1, 2, 3, 50, 400))
        elif trigger == "achievement":
            found["achievementKeys"] = self.chance.sample(
                self.achievements, self.chance.randint(1, len(self.achievements))
            )
        found["status"] = self.of(("active",) * 6 + ("inactive", "locked"))
        self.achievements.append(key)
        return found

    def system(self, key: str) -> dict[str, JSON]:
        found: dict[str, JSON] = {
            "name": key.upper(),
            "triggers": [self.trigger() for _ in range(self.chance.randint(0, 4))],
        }
        if self.maybe(0.3):
            found["maxPoints"] = self.of((1, 50, 100, 10**9))
        if self.maybe(0.6):
            steps = sorted(self.chance.sample((0, 1, 5, 100, 2500, 10**6, 10**11), self.chance.randint(1, 4)))
            found["levels"] = {f"level-{n}": {"name": f"Level {n}", "points": points} for n, points in enumerate(steps)}
        found["boosts"] = [self.boost(number) for number in range(self.chance.randint(0, 2))]
        return found

    def trigger(self) -> dict[str, JSON]:
        kind = self.of(
            ("metric", "metric", "streak", "time", "user_creation", *(["achievement"] if self.achievements else []))
        )
        found: dict[str, JSON] = {"type": kind, "points": self.of((1, 2, 10, 75, 1_000_000, -1, -15))}
        found["userAttributes"] = self.filters(self.users)
        if kind == "metric":
            found |= {"metricKey": self.of(self.metrics), "metricThreshold": self.amount()}
            found["eventAttributes"] = self.filters(self.events)
        elif kind == "streak":
            found["streakLengthThreshold"] = self.of((1, 2, 7, 400))
        elif kind == "achievement":
            found["achievementKey"] = self.of(self.achievements)
        elif kind == "time":
            found |= {"timeUnit": self.of(("hour", "day")), "timeInterval": self.of((1, 7, 24, 1_000_000))}
        return found | {"status": self.of(("active",) * 5 + ("inactive", "archived"))}

    def boost(self, number: int) -> dict[str, JSON]:
        found: dict[str, JSON] = {"name": f"Boost {number}", "start": self.of(("-40d", "-2d", "today", "+3d"))}
        if self.maybe(0.7):
            found["end"] = {"-40d": "-10d", "-2d": "+4d", "today": "today", "+3d": "+20d"}[found["start"]]
        found |= {
            "multiplier": self.of((2, 1.5, 0.333333, 10, 0.000001)),
            "rounding": self.of(("down", "up", "nearest")),
        }
        return found | {"userAttributes": self.filters(self.users)}

    def board(self, key: str) -> dict[str, JSON]:
        by = self.of(("metric", "metric", "points", "streak") if self.systems else ("metric", "metric", "streak"))
        found: dict[str, JSON] = {"name": key.title(), "rankBy": by, "start": self.of(("-400d", "-10d", "-1d", "+5d"))}
        found |= {"maxParticipants": self.of((1, 2, 3, 12, 100, 1000))}
        if self.maybe(0.3):
            found["end"] = {"-400d": "-100d", "-10d": "+10d", "-1d": "today", "+5d": "+6d"}[found["start"]]
        if by == "metric":
            found["metricKey"] = self.of(self.metrics)
        elif by == "points":
            found["pointsSystemKey"] = self.of(self.systems)
        if by != "streak" and self.maybe():
            found |= {"runUnit": self.of(("day", "month", "year")), "runInterval": self.of((1, 7, 30))}
        if by != "streak" and self.maybe(0.15):
            found |= {"startTime": "09:00", "endTime": "17:30"}
        if self.users and self.maybe(0.25):
            found["breakdownAttributes"] = self.chance.sample(self.users, self.chance.randint(1, len(self.users)))
        return found | {"userAttributes": self.filters(self.users, 0.15)}

    def settings(self) -> dict[str, JSON]:
        found: dict[str, JSON] = {"controlRatio": self.of((0, 0, 0.1, 1)), "weekStart": self.of(WEEKDAYS)}
        found |= {"pointsChangedWindow": self.of((60, 60, 0, 3600))}
        if self.maybe(0.15):
            found |= {"multiTenant": True} | ({"tenants": [TENANT, "globex"]} if self.maybe() else {})
        return found | ({"rankChangedNeighbours": self.of((0, 1, 5))} if self.maybe(0.2) else {})


#: Whom the suite speaks for where there are tenants.
TENANT = "acme"

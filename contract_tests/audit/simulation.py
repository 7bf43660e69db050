"""Simulates users of a world with a random catalog."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

from contract_tests.audit.auditor import Auditor
from contract_tests.audit.boards import group_of, place_of
from contract_tests.audit.catalog import check_achievement, check_level, system_row
from contract_tests.audit.users import check_award, check_profile, check_streak
from contract_tests.random_catalogs import SOURCES
from contract_tests.reference import points
from contract_tests.reference.boards import Place
from contract_tests.reference.user import User
from contract_tests.stage import stamp
from contract_tests.texts import ALIKE, odd

JSON = Any
#: Pairs of similar ids: two of them in each world.
IDS = ("Ann", "Zoë", "Zoe\u0308", "007", "7", "a%20b", "a b", "zero\u200b", "zero", "ﬁ/+?", *ALIKE)
#: Unusual zones: quarter hours, names with three parts and without a slash, both ends of the date line, half an hour of
#: summer time, old names. Every second world has others.
ZONES: tuple[tuple[str | None, ...], ...] = (
    ("Asia/Kathmandu", "America/Argentina/Buenos_Aires", "Pacific/Kiritimati", "Europe/Berlin", "Singapore"),
    ("US/Pacific", "Australia/Lord_Howe", None, "America/St_Johns", "America/Indiana/Indianapolis"),
)
NAMES = ("Ann & <Co>", "Łódź", "нина", "007", "n" * 200, "北京 🎉", odd("5"), odd("6"))
STEP = timedelta(days=4)
#: The smallest difference of values, and an amount that no threshold needs.
LEAST, FAR = Decimal("0.000001"), Decimal(1000)
LARGE = Decimal("3000000000.5")
VALUES = ("1", "2.5", "0.000001", "13", "40.25", "-3", "7", "1000000", "99.999999", "0.1")


class Simulation:
    """Does the same in the target and in the reference world, and compares each response with it at once."""

    def __init__(self, auditor: Auditor) -> None:
        self.auditor, self.reference = auditor, auditor.reference
        self.rng = auditor.random_catalog.rng
        self.keys: dict[tuple[str, str], str] = {}

    def create_users(self, count: int) -> None:
        """Create users in all ways that the API has."""
        ids = ["ann", odd(), odd("/"), *self.rng.sample(IDS, count - 3)]
        zones = ZONES[self.auditor.random_catalog.number % 2] if count <= len(ZONES[0]) else [*ZONES[0], *ZONES[1]]
        zones, names = self.rng.sample(zones, len(zones)), self.rng.sample(NAMES, len(NAMES))
        for number, id in enumerate(ids):
            profile: dict[str, JSON] = {"name": odd() if number in (0, 1) else names[number % len(names)]}
            profile |= {"tz": zone} if (zone := zones[number % len(zones)]) else {}
            profile |= {"email": f"{number}@Example.org"} if number % 3 else {}
            profile |= {"deviceTokens": [odd(), "b", odd("3"), "a"]} if number % 2 else {}
            attributes = {"plan": self._plan(number)} if number % 5 != 4 else {}
            attributes |= {"team": self.auditor.random_catalog.teams[number // 3 % 2]} if number % 5 != 2 else {}
            self.create_user(id, profile | {"attributes": attributes}, number % 3)
            self._wait(timedelta(seconds=61))  # otherwise time triggers pay all users at the same moment

    def _plan(self, number: int) -> str:
        """The plan in the filters, one that is similar to it, and another one."""
        return (*self.auditor.random_catalog.plans, self.rng.choice(("Gold", "gold", "")))[number % 3]

    def create_user(self, id: str, profile: dict[str, JSON], way: int) -> None:
        user = self.reference.add_user(id, **profile)
        if way == 0:
            shown = self.auditor.call("users_create", body={"id": id, **profile})
            check_profile(self.auditor, "users_create", shown, user)
        elif way == 1:
            shown = self.auditor.call("users_identify", id=id, body=profile)
            check_profile(self.auditor, "users_identify", shown, user)
        else:
            shown = self.auditor.call("users_identify", id=id, body={"attributes": profile.pop("attributes")} | profile)
            check_profile(self.auditor, "users_identify", shown, user)

    def update_users(self) -> None:
        """Change names, emails, tokens and preferences of all users, in all ways that the API has."""
        for number, id in enumerate(list(self.reference.users)):
            profile: dict[str, JSON] = {"name": odd(f"n{number}"), "email": f"00{number}.New@Example.org"}
            profile |= {"deviceTokens": [odd("t"), f"{number}"]}
            user = self.reference.update_user(id, **profile)
            way = ("users_update", "users_identify", "users_create")[number % 3]
            where = {} if way == "users_create" else {"id": id}
            shown = self.auditor.call(way, **where, body=profile | ({} if where else {"id": id}))
            check_profile(self.auditor, way, shown, user)
            user.notifications["recap"] = [["email"], [], ["push"]][number % 3]
            actual = self.auditor.call("users_update_preferences", id=id, body={"notifications": user.notifications})
            want = {"notifications": user.notifications}
            self.auditor.same("users_update_preferences", "notifications", actual, want, 3)

    def act(self) -> None:
        """What all users do on one day."""
        users = list(self.reference.users.values())
        for user in self.rng.sample(users, len(users)):
            for _ in range(self.rng.choice((0, 1, 1, 2, 3))):
                self.event(user)
            if self.rng.random() < 0.3:
                self.complete(user, self.rng.choice(("call", odd())))

    def pass_days(self, days: int) -> None:
        """Move the clock by some days and an odd number of hours and minutes."""
        self._wait(timedelta(days=days, hours=self.rng.randint(0, 20), minutes=self.rng.randint(0, 59), seconds=7))

    def _wait(self, amount: timedelta) -> None:
        """In short steps, so that a slow machine can deliver the webhooks of each step."""
        then = self.reference.now + amount
        while self.reference.now < then:
            step = min(then, self.reference.now + STEP)
            self.auditor.stage.clock.advance(to=stamp(step), wait=True)
            self.reference.advance_to(step)

    # An event

    def splash(self) -> None:
        """A value above 32 bits, with a half, for a metric that awards points without a limit."""
        catalog, ann = self.auditor.catalog, self.reference.users["ann"]
        system = next(key for key, row in catalog["points"].items() if "maxPoints" not in row)
        row = next(row for _, row in self.reference.triggers(system, "metric") if ann.has(row.get("userAttributes")))
        self.event(ann, LARGE, row["metricKey"], row.get("eventAttributes") or {})

    def event(
        self,
        user: User,
        value: Decimal | None = None,
        metric: str | None = None,
        wanted: dict[str, str] | None = None,
    ) -> None:
        conditions = list(self.reference.streak.get("conditions") or {}) * 2
        metric = metric or self.rng.choice([*self.auditor.random_catalog.metrics, *conditions])
        attributes = {"source": self.rng.choice(SOURCES)} if self.rng.random() < 0.8 else {}
        attributes |= (
            {"kind": self.rng.choice((odd(), odd(), self.rng.choice(ALIKE)))} if self.rng.random() < 0.6 else {}
        )
        attributes |= wanted or {}
        number = self._value(user, metric, attributes) if value is None else value
        amount: float = int(number) if number == int(number) else float(number)
        key = self._fresh_key(user, metric)
        boards = dict(self._places(user))
        before = {system: len(user.awards.get(system, ())) for system in self.auditor.catalog["points"]}
        done, length = set(user.completed), user.streak.length
        self.reference.event(user.id, metric, number, attributes)
        shown = self.auditor.stage.event(user.id, amount, metric, attributes=attributes or None, key=key)
        same = self.auditor.same
        same("metrics_event", "total", shown["total"], float(user.total(metric)), 4)
        same("metrics_event", "metricId", shown["metricId"], self.auditor.ids.get(("metrics", metric)), 4)
        same("metrics_event", "idempotencyKey", shown.get("idempotencyKey"), key, 4)
        check_streak(self.auditor, "metrics_event", shown["currentStreak"], user)
        same("metrics_event", "extended", shown["currentStreak"]["extended"], user.streak.length > length, 5)
        self._completed(user, shown["achievements"], set(user.completed) - done)
        self._awards_given(user, "metrics_event", shown["points"], before)
        self._ranks_changed(user, shown["leaderboards"], boards)
        if key and self.rng.random() < 0.5:
            self._replay(user, metric, amount, attributes, key, shown)

    def _value(self, user: User, metric: str, attributes: dict[str, str]) -> Decimal:
        """A common value, or one that just reaches a threshold of the catalog or just does not."""
        gaps = sorted(gap for gap in self._gaps(user, metric, attributes) if 0 < gap < FAR)
        if not gaps or self.rng.random() < 0.4:
            return Decimal(self.rng.choice(VALUES))
        gap = self.rng.choice(gaps[:3])
        return gap - LEAST if gap > LEAST and self.rng.random() < 0.4 else gap

    def _gaps(self, user: User, metric: str, attributes: dict[str, str]) -> Iterator[Decimal]:
        """How much is missing to each threshold of a metric for which the event counts."""
        catalog, reference = self.auditor.catalog, self.reference
        for row in reference.achievements("active").values():
            filters = row.get("eventAttributes")
            if row.get("metricKey") == metric and (filters or {}).items() <= attributes.items():
                yield Decimal(str(row["metricValue"])) - user.total(metric, filters)
        for system in catalog["points"]:
            for _, row in reference.triggers(system, "metric"):
                filters = row.get("eventAttributes")
                if row["metricKey"] == metric and (filters or {}).items() <= attributes.items():
                    step, peak = Decimal(row["metricThreshold"]), user.peak(metric, filters)
                    yield (peak // step + 1) * step - user.total(metric, filters)
        if (wanted := (reference.streak.get("conditions") or {}).get(metric)) is not None:
            first = reference.periods.start(reference.today(user))
            sums = (event.value for event in user.events if event.metric == metric and event.day >= first)
            yield Decimal(str(wanted)) - sum(sums, Decimal())

    def _fresh_key(self, user: User, metric: str) -> str | None:
        """A new idempotency key, similar to others: keys belong to one user and one metric."""
        if self.rng.random() < 0.5:
            return None
        number = sum(owner == user.id for owner, _ in self.keys)
        base = ("k", "K", "k" * 90 + "1", "k" * 90 + "2", "007", "7", "k%20", "k+")[number % 8]
        key = base if number < 8 else f"{base}{number}"
        self.keys[user.id, f"{metric} {key}"] = key
        return key

    def _replay(self, user: User, metric: str, value: float, attributes: JSON, key: str, first: JSON) -> None:
        shown = self.auditor.stage.event(user.id, value, metric, attributes=attributes or None, key=key)
        same = self.auditor.same
        same("metrics_event", "idempotentReplayed", shown["idempotentReplayed"], True, 4)
        same("metrics_event", "eventId", shown["eventId"], first["eventId"], 4)
        same("metrics_event", "total", shown["total"], float(user.total(metric)), 4)
        same("metrics_event", "extended", shown["currentStreak"]["extended"], False, 5)
        actual = (shown["achievements"], shown["points"], shown["leaderboards"])
        same("metrics_event", "what a replay changes", actual, ([], {}, {}), 4)

    def replay_old(self) -> None:
        """Idempotency keys never expire."""
        for (user, text), key in list(self.keys.items())[:6]:
            metric = text.removesuffix(f" {key}")
            shown = self.auditor.stage.event(user, 5, metric, key=key)
            self.auditor.same("metrics_event", "idempotentReplayed", shown["idempotentReplayed"], True, 4)
            total = float(self.reference.users[user].total(metric))
            self.auditor.same("metrics_event", "total", shown["total"], total, 4)

    def _completed(self, user: User, rows: JSON, fresh: set[str]) -> None:
        by_name = {row["name"]: key for key, row in self.reference.achievements("active").items()}
        actual = {by_name.get(row["name"], row["name"]): row for row in rows}
        self.auditor.same("metrics_event", "achievements", sorted(actual), sorted(fresh), 6)
        for key in fresh & set(actual):
            check_achievement(self.auditor, "metrics_event", key, actual[key])

    def _awards_given(self, user: User, operation: str, shown: JSON, before: dict[str, int]) -> None:
        """Check the awards of one request, by system; a level is there only where it changed."""
        fresh = {key: user.awards.get(key, [])[count:] for key, count in before.items()}
        changed = {key: rows for key, rows in fresh.items() if rows}
        self.auditor.same(operation, "points", sorted(shown), sorted(changed), 7)
        for key in set(shown) & set(changed):
            row, system, awards = shown[key], self.auditor.catalog["points"][key], changed[key]
            want = {"total": user.points(key), "added": sum(award.awarded for award in awards)}
            for field, value in (want | system_row(self.auditor, key)).items():
                self.auditor.same(operation, field, row.get(field), value, 7)
            self.auditor.same(operation, "number of awards", len(row["awards"]), len(awards), 7)
            for actual, award in zip(row["awards"], awards[::-1], strict=False):
                check_award(self.auditor, operation, actual, user, key, award)
            old, new = points.level(system, want["total"] - want["added"]), points.level(system, want["total"])
            self.auditor.same(operation, "level is in the response", "level" in row, old != new, 7)
            if old != new and "level" in row:
                check_level(self.auditor, operation, row["level"], key, new)

    def _places(self, user: User) -> Iterator[tuple[str, Place | None]]:
        for key, board in self.auditor.catalog["leaderboards"].items():
            if key not in ("soon", "over"):
                yield key, place_of(self.auditor, board, user, self.reference.today(user))

    def _ranks_changed(self, user: User, shown: JSON, before: dict[str, Place | None]) -> None:
        """Check the user's ranks before and after on all boards that changed."""
        for key, after in self._places(user):
            was, now = before[key], after
            if key in shown:
                actual = (shown[key]["previousRank"], shown[key]["rank"])
                want = (was.rank if was else None, now.rank if now else None)
                self.auditor.same("metrics_event", f"previousRank and rank on {key}", actual, want, 8)
                group = group_of(self.auditor.catalog["leaderboards"][key], user)
                pairs = {row["key"]: row["value"] for row in shown[key].get("breakdownAttributeValues") or ()}
                self.auditor.same("metrics_event", "breakdownAttributeValues", pairs, group or {}, 8)
            elif was != now and (was is None or now is None or was.value != now.value):
                self.auditor.same("metrics_event", f"{key} is in the response", False, True, 8)

    # A completion

    def complete(self, user: User, key: str) -> None:
        row = self.auditor.catalog["achievements"][key]
        body = {"user": {"id": user.id}}
        if not user.has(row.get("userAttributes")):
            self.auditor.stage.refused("achievements_complete", key=key, body=body)
            return
        before = {system: len(user.awards.get(system, ())) for system in self.auditor.catalog["points"]}
        self.reference.complete(user.id, key)
        shown = self.auditor.call("achievements_complete", key=key, body=body)
        check_achievement(self.auditor, "achievements_complete", key, shown["achievement"])
        self._awards_given(user, "achievements_complete", shown["points"], before)
        for closed in ("gone", "closed", "m0", "nowhere"):
            self.auditor.stage.refused("achievements_complete", key=closed, body=body)

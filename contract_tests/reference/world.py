"""The reference world: users, what they did, and what followed from it, in the order of section 4."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from contract_tests.reference import points
from contract_tests.reference.calendar import ONE_DAY, Periods, first_instant, local
from contract_tests.reference.user import Event, Streak, User

JSON = Any


class ReferenceWorld:
    """`catalog`: as the target got it, with absolute dates. Users keep their zone and their attributes."""

    def __init__(self, catalog: JSON, now: datetime) -> None:
        self.catalog, self.now = catalog, now
        self.users: dict[str, User] = {}
        self.streak: JSON = catalog.get("streak") or {}
        settings = catalog.get("settings") or {}
        self.week_start: str = settings.get("weekStart") or "sunday"
        self.periods = Periods(self.streak.get("frequency", "daily"), self.week_start)
        self._numbers = count(1)
        self._number = 0  # of the current request: everything that follows from it has the same number

    # Commands

    def add_user(self, id: str, **profile: JSON) -> User:
        """A new user."""
        self._number = next(self._numbers)
        zone = ZoneInfo(profile.get("tz") or "UTC")
        user = User(id, self.now, zone, dict(profile.get("attributes") or {}), changes=[(self.now, profile)])
        user.streak.freezes = (self.streak.get("freezes") or {}).get("initial") or 0
        self.users[id] = user
        self._pay(user, "user_creation", lambda trigger: 1)
        return user

    def update_user(self, id: str, **changes: JSON) -> User:
        """Other values for some fields of a user's profile: none of which anything depends on."""
        user = self.users[id]
        user.changes.append((self.now, user.profile | changes))
        return user

    def event(self, id: str, metric: str, value: Decimal, attributes: dict[str, str]) -> None:
        user = self.users[id]
        before = {str(row): user.peak(row["metricKey"], row.get("eventAttributes")) for row in self._metric_triggers()}
        self._number = next(self._numbers)
        event = Event(self._number, self.now, self.today(user), metric, value, attributes)
        user.events.append(event)
        length = user.streak.length
        self._extend(user)
        extended = user.streak.length if user.streak.length != length else 0
        fresh = self._complete(user, metric, bool(extended))

        def passed(row: JSON) -> int:
            if row["metricKey"] != metric or not event.matches(row.get("eventAttributes")):
                return 0
            after = user.peak(metric, row.get("eventAttributes"))
            return int(after // row["metricThreshold"] - before[str(row)] // row["metricThreshold"])

        self._pay(user, "metric", passed)
        self._pay(user, "streak", lambda row: int(extended > 0 and extended % row["streakLengthThreshold"] == 0))
        self._pay(user, "achievement", lambda row: int(row["achievementKey"] in fresh))

    def complete(self, id: str, key: str) -> None:
        """The API completes an achievement."""
        user = self.users[id]
        if key not in user.completed:
            self._number = next(self._numbers)
            user.completed[key] = self.now
            fresh = [key, *self._composites(user)]
            self._pay(user, "achievement", lambda row: int(row["achievementKey"] in fresh))

    def advance_to(self, then: datetime) -> None:
        """Move the clock; what is due meanwhile happens in its order. What is due at one moment is one change."""
        before: datetime | None = None
        for moment, user, happen in sorted(self._due(then), key=lambda row: row[0]):
            if before != moment:
                self._number = next(self._numbers)
            self.now = before = moment
            happen(user)
        self.now = then

    # Reading

    def today(self, user: User) -> date:
        return local(self.now, user.zone)

    def achievements(self, *statuses: str) -> dict[str, JSON]:
        found: dict[str, JSON] = self.catalog.get("achievements") or {}
        return {key: row for key, row in found.items() if (row.get("status") or "active") in statuses}

    def triggers(self, system: str, kind: str) -> Iterator[tuple[int, JSON]]:
        for place, row in enumerate(self.catalog["points"][system].get("triggers") or ()):
            if row["type"] == kind and (row.get("status") or "active") == "active":
                yield place, row

    def _metric_triggers(self) -> Iterator[JSON]:
        for system in self.catalog.get("points") or {}:
            for _, row in self.triggers(system, "metric"):
                yield row

    # Points

    def _pay(self, user: User, kind: str, times: Any) -> None:
        for system in self.catalog.get("points") or {}:
            for place, row in self.triggers(system, kind):
                if paid := times(row):
                    self.award(user, system, place, row, paid)

    def award(self, user: User, system: str, place: int, row: JSON, times: int = 1) -> None:
        if user.has(row.get("userAttributes")):
            points.award(self.catalog["points"][system], user, system, place, row, times, self._number, self.now)

    # Achievements

    def _complete(self, user: User, metric: str, extended: bool) -> list[str]:
        """The keys of achievements that this event completes."""
        fresh = []
        for key, row in self.achievements("active").items():
            if key in user.completed or not user.has(row.get("userAttributes")):
                continue
            by_metric = row["trigger"] == "metric" and row["metricKey"] == metric
            reached = by_metric and user.total(metric, row.get("eventAttributes")) >= Decimal(str(row["metricValue"]))
            by_streak = row["trigger"] == "streak" and extended and user.streak.length >= row["streakLength"]
            if reached or by_streak:
                fresh.append(key)
        user.completed.update(dict.fromkeys(fresh, self.now))
        return [*fresh, *self._composites(user)]

    def _composites(self, user: User) -> list[str]:
        """The keys of composite achievements that are completed now."""
        fresh: list[str] = []
        rows = {key: row for key, row in self.achievements("active").items() if row["trigger"] == "achievement"}
        while found := [
            key
            for key, row in rows.items()
            if key not in user.completed
            and user.has(row.get("userAttributes"))
            and all(one in user.completed for one in row["achievementKeys"])
        ]:
            user.completed.update(dict.fromkeys(found, self.now))
            fresh += found
        return fresh

    # Streaks

    def _extend(self, user: User) -> None:
        """A period counts as soon as its conditions are met."""
        streak, today = user.streak, self.today(user)
        start = self.periods.start(today)
        if not self.streak or start in streak.counted or not self._met(user, start):
            return
        began = streak.length == 0
        streak.length += 1
        streak.started = today if began else streak.started
        streak.latest, streak.extended = start, self.now
        streak.expires = self.periods.end(self.periods.after(start))
        streak.counted[start] = streak.length
        streak.since = self._number
        streak.lengths.append((self._number, self.now, streak.length))
        self._record_webhook(user, "streak.started" if began else "streak.extended", self.streak_fields(user))

    def streak_fields(self, user: User) -> dict[str, JSON]:
        """The fields that every streak has (schema `BaseStreakResponse`); None: null or absent."""
        streak = user.streak
        dates = {"started": streak.started, "periodStart": streak.latest, "expires": streak.expires}
        dates["periodEnd"] = self.periods.end(streak.latest) if streak.latest else None
        found: dict[str, JSON] = {name: str(day) if day and streak.length else None for name, day in dates.items()}
        found |= {"length": streak.length, "frequency": self.streak.get("frequency", "daily")}
        freezes: dict[str, JSON] = self.streak.get("freezes") or {}
        interval = freezes.get("autoEarnInterval")
        found |= {"freezes": streak.freezes if freezes else None, "maxFreezes": freezes.get("maximum")}
        amount = freezes.get("autoEarnAmount", 1) if interval else None
        return found | {"freezeAutoEarnInterval": interval, "freezeAutoEarnAmount": amount}

    def _record_webhook(self, user: User, kind: str, shown: dict[str, JSON]) -> None:
        user.streak.webhooks.append((kind, shown, self.now))

    def _met(self, user: User, start: date) -> bool:
        end = self.periods.end(start)
        sums: dict[str, Decimal] = {}
        for event in user.events:
            if start <= event.day <= end:
                sums[event.metric] = sums.get(event.metric, Decimal()) + event.value
        wanted = self.streak.get("conditions") or {}
        if not wanted:
            return any(total > 0 for total in sums.values())
        met = [sums.get(key, Decimal()) >= Decimal(str(threshold)) for key, threshold in wanted.items()]
        return all(met) if self.streak.get("evaluation") == "all" else any(met)

    def _midnight(self, user: User) -> None:
        streak = user.streak
        if not streak.length or streak.expires is None or self.today(user) <= streak.expires:
            return
        if streak.freezes:
            streak.freezes -= 1
            missed = self.periods.start(streak.expires)
            streak.frozen[missed] = streak.length
            streak.expires = self.periods.end(self.periods.after(missed))
            self._record_webhook(user, "streak.freeze_consumed", {"consumed": 1, "freezes": streak.freezes})
            return
        lost = streak.length
        user.streak = Streak(
            counted=streak.counted,
            frozen=streak.frozen,
            freezes=streak.freezes,
            webhooks=streak.webhooks,
            lengths=[*streak.lengths, (self._number, self.now, 0)],
        )
        self._record_webhook(user, "streak.lost", {"length": lost})

    def _earn(self, user: User) -> None:
        freezes = self.streak["freezes"]
        held = min(freezes["maximum"], user.streak.freezes + (freezes.get("autoEarnAmount") or 1))
        if held > user.streak.freezes:
            self._record_webhook(user, "streak.freeze_earned", {"earned": held - user.streak.freezes, "freezes": held})
            user.streak.freezes = held

    # Time

    def _due(self, then: datetime) -> Iterator[tuple[datetime, User, Any]]:
        for user in self.users.values():
            day = local(self.now, user.zone) + ONE_DAY
            born = local(user.created, user.zone)
            while (midnight := first_instant(day, user.zone)) <= then:
                yield midnight, user, self._midnight
                interval = (self.streak.get("freezes") or {}).get("autoEarnInterval")
                earned = midnight + timedelta(minutes=10)
                if interval and (day - born).days % interval == 0 and earned <= then:
                    yield earned, user, self._earn
                day += ONE_DAY
            yield from self._earning_today(user, then)
            yield from self._time_triggers(user, then)

    def _earning_today(self, user: User, then: datetime) -> Iterator[tuple[datetime, User, Any]]:
        """Freezes that are due today: they are earned ten minutes after midnight."""
        interval = (self.streak.get("freezes") or {}).get("autoEarnInterval")
        day, born = local(self.now, user.zone), local(user.created, user.zone)
        earned = first_instant(day, user.zone) + timedelta(minutes=10)
        if interval and day > born and (day - born).days % interval == 0 and self.now < earned <= then:
            yield earned, user, self._earn

    def _time_triggers(self, user: User, then: datetime) -> Iterator[tuple[datetime, User, Any]]:
        for system in self.catalog.get("points") or {}:
            for place, row in self.triggers(system, "time"):
                step = timedelta(hours=row["timeInterval"] * (24 if row["timeUnit"] == "day" else 1))
                due = user.created + step * ((self.now - user.created) // step + 1)
                while due <= then:
                    yield due, user, lambda whom, s=system, p=place, r=row: self.award(whom, s, p, r)
                    due += step

"""The books of an organisation: users, what they did, and what came of it, by the order of section 4."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from contract_tests.ledger import points
from contract_tests.ledger.calendar import ONE_DAY, Periods, first_instant, local
from contract_tests.ledger.people import Deed, Person, Streak

JSON = Any


class Books:
    """`catalog`: as it was given to the target, days absolute. Users keep their zone and their attributes."""

    def __init__(self, catalog: JSON, now: datetime) -> None:
        self.catalog, self.now = catalog, now
        self.people: dict[str, Person] = {}
        self.streak: JSON = catalog.get("streak") or {}
        settings = catalog.get("settings") or {}
        self.week_start: str = settings.get("weekStart") or "sunday"
        self.periods = Periods(self.streak.get("frequency", "daily"), self.week_start)
        self._numbers = count(1)
        self._act = 0  # the number of what happens now: all that comes of it has the same

    # What is told

    def user(self, id: str, **profile: JSON) -> Person:
        """A user who is identified for the first time."""
        self._act = next(self._numbers)
        zone = ZoneInfo(profile.get("tz") or "UTC")
        person = Person(id, self.now, zone, profile, dict(profile.get("attributes") or {}))
        person.streak.freezes = (self.streak.get("freezes") or {}).get("initial") or 0
        self.people[id] = person
        self._pay(person, "user_creation", lambda trigger: 1)
        return person

    def event(self, id: str, metric: str, value: Decimal, attributes: dict[str, str]) -> None:
        person = self.people[id]
        before = {
            str(row): person.peak(row["metricKey"], row.get("eventAttributes")) for row in self._metric_triggers()
        }
        self._act = next(self._numbers)
        deed = Deed(self._act, self.now, self.today(person), metric, value, attributes)
        person.deeds.append(deed)
        length = person.streak.length
        self._extend(person)
        extended = person.streak.length if person.streak.length != length else 0
        fresh = self._complete(person, metric, bool(extended))

        def passed(row: JSON) -> int:
            if row["metricKey"] != metric or not deed.matches(row.get("eventAttributes")):
                return 0
            after = person.peak(metric, row.get("eventAttributes"))
            return int(after // row["metricThreshold"] - before[str(row)] // row["metricThreshold"])

        self._pay(person, "metric", passed)
        self._pay(person, "streak", lambda row: int(extended > 0 and extended % row["streakLengthThreshold"] == 0))
        self._pay(person, "achievement", lambda row: int(row["achievementKey"] in fresh))

    def complete(self, id: str, key: str) -> None:
        """An achievement is completed by the call."""
        person = self.people[id]
        if key not in person.done:
            self._act = next(self._numbers)
            person.done[key] = self.now
            fresh = [key, *self._composites(person)]
            self._pay(person, "achievement", lambda row: int(row["achievementKey"] in fresh))

    def pass_to(self, then: datetime) -> None:
        """Time passes, and with it everything falls due in its order."""
        for moment, person, happen in sorted(self._due(then), key=lambda row: row[0]):
            self.now, self._act = moment, next(self._numbers)
            happen(person)
        self.now = then

    # What can be asked

    def today(self, person: Person) -> date:
        return local(self.now, person.zone)

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

    def _pay(self, person: Person, kind: str, times: Any) -> None:
        for system in self.catalog.get("points") or {}:
            for place, row in self.triggers(system, kind):
                if paid := times(row):
                    self.award(person, system, place, row, paid)

    def award(self, person: Person, system: str, place: int, row: JSON, times: int = 1) -> None:
        if person.has(row.get("userAttributes")):
            points.award(self.catalog["points"][system], person, system, place, row, times, self._act, self.now)

    # Achievements

    def _complete(self, person: Person, metric: str, extended: bool) -> list[str]:
        """What this event completes."""
        fresh = []
        for key, row in self.achievements("active").items():
            if key in person.done or not person.has(row.get("userAttributes")):
                continue
            by_metric = row["trigger"] == "metric" and row["metricKey"] == metric
            reached = by_metric and person.total(metric, row.get("eventAttributes")) >= Decimal(str(row["metricValue"]))
            by_streak = row["trigger"] == "streak" and extended and person.streak.length >= row["streakLength"]
            if reached or by_streak:
                fresh.append(key)
        person.done.update(dict.fromkeys(fresh, self.now))
        return [*fresh, *self._composites(person)]

    def _composites(self, person: Person) -> list[str]:
        """Until nothing more unlocks."""
        fresh: list[str] = []
        rows = {key: row for key, row in self.achievements("active").items() if row["trigger"] == "achievement"}
        while found := [
            key
            for key, row in rows.items()
            if key not in person.done
            and person.has(row.get("userAttributes"))
            and all(one in person.done for one in row["achievementKeys"])
        ]:
            person.done.update(dict.fromkeys(found, self.now))
            fresh += found
        return fresh

    # Streaks

    def _extend(self, person: Person) -> None:
        """The period counts the moment its conditions are met."""
        streak, today = person.streak, self.today(person)
        start = self.periods.start(today)
        if not self.streak or start in streak.counted or not self._met(person, start):
            return
        began = streak.length == 0
        streak.length += 1
        streak.started = today if began else streak.started
        streak.latest, streak.extended = start, self.now
        streak.expires = self.periods.end(self.periods.after(start))
        streak.counted[start] = streak.length
        streak.since = self._act
        shown: dict[str, JSON] = {"freezes": streak.freezes} if self.streak.get("freezes") else {}
        shown |= {"length": streak.length, "started": str(streak.started), "expires": str(streak.expires)}
        shown |= {"periodStart": str(start), "periodEnd": str(self.periods.end(start))}
        self._tell(person, "streak.started" if began else "streak.extended", shown)

    def _tell(self, person: Person, kind: str, shown: dict[str, JSON]) -> None:
        person.streak.told.append((kind, shown, self.now))

    def _met(self, person: Person, start: date) -> bool:
        end = self.periods.end(start)
        sums: dict[str, Decimal] = {}
        for deed in person.deeds:
            if start <= deed.day <= end:
                sums[deed.metric] = sums.get(deed.metric, Decimal()) + deed.value
        wanted = self.streak.get("conditions") or {}
        if not wanted:
            return any(total > 0 for total in sums.values())
        met = [sums.get(key, Decimal()) >= Decimal(str(threshold)) for key, threshold in wanted.items()]
        return all(met) if self.streak.get("evaluation") == "all" else any(met)

    def _midnight(self, person: Person) -> None:
        streak = person.streak
        if not streak.length or streak.expires is None or self.today(person) <= streak.expires:
            return
        if streak.freezes:
            streak.freezes -= 1
            missed = self.periods.start(streak.expires)
            streak.frozen[missed] = streak.length
            streak.expires = self.periods.end(self.periods.after(missed))
            self._tell(person, "streak.freeze_consumed", {"consumed": 1, "freezes": streak.freezes})
            return
        lost = streak.length
        kept = Streak(counted=streak.counted, frozen=streak.frozen, freezes=streak.freezes, told=streak.told)
        person.streak = kept
        self._tell(person, "streak.lost", {"length": lost})

    def _earn(self, person: Person) -> None:
        freezes = self.streak["freezes"]
        held = min(freezes["maximum"], person.streak.freezes + (freezes.get("autoEarnAmount") or 1))
        if held > person.streak.freezes:
            self._tell(person, "streak.freeze_earned", {"earned": held - person.streak.freezes, "freezes": held})
            person.streak.freezes = held

    # What time brings

    def _due(self, then: datetime) -> Iterator[tuple[datetime, Person, Any]]:
        for person in self.people.values():
            day = local(self.now, person.zone) + ONE_DAY
            born = local(person.created, person.zone)
            while (midnight := first_instant(day, person.zone)) <= then:
                yield midnight, person, self._midnight
                interval = (self.streak.get("freezes") or {}).get("autoEarnInterval")
                earned = midnight + timedelta(minutes=10)
                if interval and (day - born).days % interval == 0 and earned <= then:
                    yield earned, person, self._earn
                day += ONE_DAY
            yield from self._earning_today(person, then)
            yield from self._time_triggers(person, then)

    def _earning_today(self, person: Person, then: datetime) -> Iterator[tuple[datetime, Person, Any]]:
        """Freezes whose ten minutes after midnight are still to come on the day that it is."""
        interval = (self.streak.get("freezes") or {}).get("autoEarnInterval")
        day, born = local(self.now, person.zone), local(person.created, person.zone)
        earned = first_instant(day, person.zone) + timedelta(minutes=10)
        if interval and day > born and (day - born).days % interval == 0 and self.now < earned <= then:
            yield earned, person, self._earn

    def _time_triggers(self, person: Person, then: datetime) -> Iterator[tuple[datetime, Person, Any]]:
        for system in self.catalog.get("points") or {}:
            for place, row in self.triggers(system, "time"):
                step = timedelta(hours=row["timeInterval"] * (24 if row["timeUnit"] == "day" else 1))
                due = person.created + step * ((self.now - person.created) // step + 1)
                while due <= then:
                    yield due, person, lambda whom, s=system, p=place, r=row: self.award(whom, s, p, r)
                    due += step

"""The state of one user in the reference world."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

JSON = Any


@dataclass(frozen=True)
class Event:
    """A metric event; `number` is that of its request, so that the order is known."""

    number: int
    time: datetime
    day: date
    metric: str
    value: Decimal
    attributes: dict[str, str]

    def matches(self, wanted: dict[str, str] | None) -> bool:
        return all(self.attributes.get(key) == value for key, value in (wanted or {}).items())


@dataclass(frozen=True)
class Award:
    """`trigger`: its place in the catalog's list."""

    number: int
    time: datetime
    day: date
    trigger: int
    awarded: int
    total: int
    boosts: tuple[str, ...]


@dataclass
class Streak:
    """`counted` and `frozen`: by period, the length that was reached or kept. `webhooks`: type of each webhook that is
    due, with its content and its time. `lengths`: each length that there was, with its number and its time."""

    length: int = 0
    started: date | None = None
    latest: date | None = None
    expires: date | None = None
    extended: datetime | None = None
    freezes: int = 0
    counted: dict[date, int] = field(default_factory=dict)
    frozen: dict[date, int] = field(default_factory=dict)
    since: int = 0
    webhooks: list[tuple[str, dict[str, JSON], datetime]] = field(default_factory=list)
    lengths: list[tuple[int, datetime, int]] = field(default_factory=list)


@dataclass
class User:
    """`completed`: when each achievement was completed, by key. `changes`: each profile and its time."""

    id: str
    created: datetime
    zone: ZoneInfo
    attributes: dict[str, str]
    events: list[Event] = field(default_factory=list)
    streak: Streak = field(default_factory=Streak)
    completed: dict[str, datetime] = field(default_factory=dict)
    awards: dict[str, list[Award]] = field(default_factory=dict)
    notifications: dict[str, list[str]] = field(default_factory=dict)
    changes: list[tuple[datetime, dict[str, JSON]]] = field(default_factory=list)

    @property
    def profile(self) -> dict[str, JSON]:
        return self.changes[-1][1]

    def profile_at(self, time: datetime) -> tuple[datetime, dict[str, JSON]]:
        """The profile at a time, and when it was last changed before."""
        return [change for change in self.changes if change[0] <= time][-1]

    def total(self, metric: str, attributes: dict[str, str] | None = None) -> Decimal:
        events = (event for event in self.events if event.metric == metric and event.matches(attributes))
        return sum((event.value for event in events), Decimal())

    def peak(self, metric: str, attributes: dict[str, str] | None) -> Decimal:
        """The highest value that the sum of matching events has had."""
        found = most = Decimal()
        for event in self.events:
            if event.metric == metric and event.matches(attributes):
                found += event.value
                most = max(most, found)
        return most

    def points(self, system: str) -> int:
        rows = self.awards.get(system)
        return rows[-1].total if rows else 0

    def has(self, wanted: dict[str, str] | None) -> bool:
        """Whether the user has all these attributes."""
        return all(self.attributes.get(key) == value for key, value in (wanted or {}).items())

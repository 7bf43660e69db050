"""What a scenario works with: a world of its own if the target can make one, otherwise users of its own.

Its methods send requests, and fail unless the response is the declared success (or, for `refused`, an error).
"""

from __future__ import annotations

import copy
import time
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from contract_tests.client import Client
from contract_tests.control import Control
from contract_tests.exchange import Exchange
from contract_tests.kit import Kit

JSON = Any
_ABSENT: Any = object()
#: A little more than one, for a clock that cannot be moved.
A_SECOND = 1.05
#: A scenario waits for at most this many periods of a streak.
MAX_PERIODS = 40


class Stage:
    """`fresh`: there are no other users, so absolute numbers can be expected."""

    def __init__(
        self,
        client: Client,
        kit: Kit,
        *,
        prefix: str,
        control: Control | None,
        fresh: bool,
        no_control: str = "no /_mock control plane",
    ) -> None:
        self.client = client
        self.kit = kit
        self.prefix = prefix
        self.control = control
        self.fresh = fresh
        self.no_control = no_control
        self._users = 0

    def of_tenant(self, tenant: str) -> Stage:
        """The same stage for another tenant."""
        client = self.client.with_key(self.client.api_key, tenant)
        found = copy.copy(self)
        found.client, found._users = client, 0
        return found

    # Users

    def name(self, word: str = "user") -> str:
        """An id that nobody has."""
        self._users += 1
        return f"{self.prefix}-{word}-{self._users}"

    def user(self, word: str = "user", **fields: Any) -> str:
        """A new user; its id."""
        identity = self.name(word)
        response = self.get("users_create", body={"id": identity, **fields})
        assert response["id"] == identity, f"created {identity!r}, the response says {response['id']!r}"
        return identity

    # Requests

    def has(self, operation: str) -> bool:
        """Whether the spec has this operation: versions differ."""
        return operation in self.client.spec.operations

    def call(self, operation: str, /, **arguments: Any) -> Exchange:
        """Send a request and accept any response. Skips the test if the spec has no such operation."""
        if not self.has(operation):
            pytest.skip(f"the spec has no {operation}")
        return self.client.call(operation, **arguments)

    def get(self, operation: str, /, **arguments: Any) -> JSON:
        """The response's JSON of an operation that must succeed."""
        response = self.call(operation, **arguments)
        declared = self.client.spec.operations[operation].success
        accepted = (declared, 202) if operation == "metrics_event" else (declared,)
        assert response.status in accepted, (
            f"{operation} returned {response.status} {response.error!r}, expected {declared}"
        )
        return response.json

    def refused(self, operation: str, /, **arguments: Any) -> Exchange:
        """A request that must be refused with a declared 4xx other than 401."""
        response = self.call(operation, **arguments)
        assert 400 <= response.status < 500, f"{operation} returned {response.status}, expected it to be refused"
        assert response.status not in (401, 403), f"{operation} returned {response.status} to a valid key"
        return response

    def event(
        self,
        user: str | dict[str, Any],
        value: float = 1,
        metric: str | None = None,
        *,
        attributes: dict[str, str] | None = None,
        key: str | None = None,
    ) -> JSON:
        """A metric event; `key` is its idempotency key."""
        return self.get("metrics_event", **self._event(user, value, metric, attributes, key))

    def refused_event(
        self,
        user: str | dict[str, Any],
        value: Any = 1,
        metric: str | None = None,
        *,
        attributes: Any = None,
        key: str | None = None,
    ) -> Exchange:
        return self.refused("metrics_event", **self._event(user, value, metric, attributes, key))

    def _event(
        self, user: str | dict[str, Any], value: Any, metric: str | None, attributes: Any, key: str | None
    ) -> dict[str, Any]:
        body = {"user": {"id": user} if isinstance(user, str) else user, "value": value}
        if attributes is not None:
            body["attributes"] = attributes
        return {"key": metric or self.kit.metric(), "Idempotency__Key": key, "body": body}

    def extend(self, user: str) -> JSON:
        """An event that extends the streak, if its period still can; the whole response."""
        return self.event(user, self.kit.streak_value, self.kit.streaking())

    def known(self, value: JSON) -> JSON:
        """The fields that the spec names: an implementation may add others in some operations."""
        return self.client.spec.names.known(value)

    # Reading

    def total(self, user: str, metric: str | None = None) -> float:
        found: float = self.get("users_single_metric", id=user, key=metric or self.kit.metric())["current"]
        return found

    def points(self, user: str, system: str, awards: int = 100) -> JSON:
        return self.get("users_points", id=user, key=system, awards=awards)

    def streak(self, user: str, **arguments: Any) -> JSON:
        return self.get("users_streak", id=user, **arguments)

    def completed(self, user: str) -> list[JSON]:
        found: list[JSON] = self.get("users_achievements", id=user)
        return found

    def board(self, key: str, **arguments: Any) -> JSON:
        return self.get("leaderboards_get", key=key, **arguments)

    def place(self, user: str, board: str, **arguments: Any) -> JSON:
        return self.get("users_leaderboard", id=user, key=board, **arguments)

    def summary(self, user: str, aggregation: str, start: date, end: date, metric: str | None = None) -> list[JSON]:
        found: list[JSON] = self.get(
            "users_metric_event_summary",
            id=user,
            key=metric or self.kit.metric(),
            aggregation=aggregation,
            startDate=start,
            endDate=end,
        )
        return found

    # Time

    @property
    def clock(self) -> Control:
        """The control plane, or a skip."""
        if self.control is None:
            pytest.skip(f"the target's clock cannot be moved ({self.no_control})")
        return self.control

    def now(self) -> datetime:
        """The target's time, UTC. Without a control plane it is when a new user was created."""
        if self.control is not None:
            return moment(self.control.now())
        user = self.user("clock")
        return moment(self.get("users_get", id=user)["created"])

    def today(self) -> date:
        return self.now().date()

    def pass_time(self, **amount: int) -> None:
        """Move the clock by days, hours, minutes or seconds."""
        self.clock.advance(**amount)

    def let_time_pass(self) -> None:
        """So much that what comes has a later time than what was, in whole seconds too."""
        if self.control is not None:
            self.pass_time(minutes=1)
        else:
            time.sleep(A_SECOND)

    def next_day(self) -> date:
        """Move the clock to noon (UTC) of the next day, so that only one midnight lies between."""
        due = (self.now() + timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
        self.clock.advance(to=stamp(due))
        return due.date()

    def next_period(self) -> date:
        """Move the clock to noon of a day in the next period of the streak: a day, a week or a month later."""
        frequency = (self.kit.streak or {}).get("frequency")
        if frequency == "monthly":
            due = (self.now().replace(day=15) + timedelta(days=30)).replace(day=12)
        elif frequency == "weekly":
            due = self.now() + timedelta(days=7)
        else:
            return self.next_day()
        self.clock.advance(to=stamp(due.replace(hour=12, minute=0, second=0, microsecond=0)))
        return due.date()

    def skip_if_longer(self, periods: int) -> None:
        """Skips a scenario that takes more periods of the streak than a run has time for."""
        if periods > MAX_PERIODS:
            pytest.skip(f"it takes {periods} periods of the streak, a scenario waits for {MAX_PERIODS} at most")


def moment(text: str) -> datetime:
    """An ISO 8601 time."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def stamp(value: datetime) -> str:
    return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"


def day(text: str) -> date:
    return date.fromisoformat(text)

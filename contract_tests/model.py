"""A model of what a walk has done, in a few sums: later responses must agree with earlier ones, in any order.

The clock does not move during a walk, so only the walk's own requests change anything.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

from contract_tests.exchange import Exchange

JSON = Any


class Mismatch(NamedTuple):
    """A rule that was broken, and how."""

    rule: str
    got: str


class Model:
    """Gets every exchange of a walk and returns what does not fit."""

    def __init__(self) -> None:
        self.names: dict[str, JSON] = {}
        self.totals: dict[tuple[str, str], Decimal] = {}
        self.preferences: dict[str, dict[str, list[str]]] = {}
        self.completed: dict[str, dict[str, str]] = {}
        self.lengths: dict[str, int] = {}
        self.points: dict[tuple[str, str], int] = {}
        self.created: dict[str, str] = {}

    def check(self, exchange: Exchange) -> Iterator[Mismatch]:
        """Compare a successful response with what is known, then learn from it. Other responses change nothing."""
        operation = exchange.operation
        if operation is None or not 200 <= exchange.status < 300:
            return
        segments = [unquote(part) for part in urlsplit(exchange.path).path.strip("/").split("/")]
        check = getattr(self, f"_{operation.id}", None)
        if check is not None:
            try:
                yield from check(exchange, segments)
            except (KeyError, TypeError, AttributeError, AssertionError) as error:
                yield Mismatch("Responses can be read", f"{type(error).__name__}: {error}")

    def reads_after(self, exchange: Exchange) -> list[tuple[str, dict[str, str]]]:
        """The reads to do after a write: operations and arguments that show everything about its user."""
        user = self._written(exchange)
        if user is None:
            return []
        metrics = [metric for known, metric in self.totals if known == user]
        systems = [system for known, system in self.points if known == user]
        return [
            ("users_get", {"id": user}),
            ("users_get_preferences", {"id": user}),
            ("users_achievements", {"id": user}),
            ("users_streak", {"id": user}),
            *(("users_single_metric", {"id": user, "key": metric}) for metric in metrics),
            *(("users_points", {"id": user, "key": system}) for system in systems),
        ]

    def _written(self, exchange: Exchange) -> str | None:
        """The user whom a successful write was about."""
        operation = exchange.operation
        if operation is None or not operation.writes or exchange.status >= 300:
            return None
        if operation.path.startswith("/users/{id}"):
            return unquote(urlsplit(exchange.path).path.split("/")[2])
        body = _body(exchange)
        found = body.get("user", body)
        return found.get("id") if isinstance(found, dict) else None

    # Users

    def _users_create(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._user(exchange.json, _body(exchange))

    def _users_identify(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._user(exchange.json, _body(exchange), segments[1])

    def _users_update(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._user(exchange.json, _body(exchange), segments[1])

    def _users_get(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._user(exchange.json, {}, segments[1])

    def _user(self, response: JSON, sent: JSON, asked: str | None = None) -> Iterator[Mismatch]:
        user = response["id"]
        if asked is not None and user != asked:
            yield Mismatch("A response is about the user in the request", f"asked for {asked!r}, got {user!r}")
        self._learn_name(user, sent)
        if user in self.names and response["name"] != self.names[user]:
            yield Mismatch("A name stays until it is changed", f"{response['name']!r}, it was {self.names[user]!r}")
        if self.created.setdefault(user, response["created"]) != response["created"]:
            yield Mismatch("`created` never changes", f"{response['created']}, it was {self.created[user]}")

    def _learn_name(self, user: str, sent: JSON) -> None:
        if "name" in sent:
            self.names[user] = sent["name"]

    def _users_get_preferences(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._preferences(segments[1], exchange.json)

    def _users_update_preferences(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        sent = _body(exchange).get("notifications") or {}
        known = ("achievement_completed", "recap", "reactivation", "streak_reminder")
        # What a new user has is the target's own choice.
        held = self.preferences.setdefault(segments[1], dict(exchange.json["notifications"]))
        held.update({kind: channels for kind, channels in sent.items() if kind in known})
        yield from self._preferences(segments[1], exchange.json)

    def _preferences(self, user: str, response: JSON) -> Iterator[Mismatch]:
        known = self.preferences.setdefault(user, dict(response["notifications"]))
        held = {kind: set(channels) for kind, channels in known.items()}
        actual = {kind: set(channels) for kind, channels in response["notifications"].items()}
        if held != actual:
            yield Mismatch("Preferences stay until they are changed", f"{actual}, they were {held}")

    # What users do

    def _metrics_event(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        sent, response = _body(exchange), exchange.json
        user, metric = sent["user"]["id"], segments[1]
        self._learn_name(user, sent["user"])
        replayed = response.get("idempotentReplayed", False)
        if not replayed and (user, metric) in self.totals:
            self.totals[user, metric] += Decimal(str(sent["value"]))
        yield from self._total(user, metric, response["total"])
        for row in response["achievements"]:
            if row["id"] in self.completed.get(user, {}):
                yield Mismatch("Each achievement is completed once", f"{row['name']} is in a second response")
            self.completed.setdefault(user, {})[row["id"]] = row["achievedAt"]
        yield from self._length(user, response["currentStreak"]["length"])
        for system, row in response["points"].items():
            self.points[user, system] = row["total"]

    def _users_single_metric(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._total(segments[1], segments[3], exchange.json["current"])

    def _users_all_metrics(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        for row in exchange.json:
            yield from self._total(segments[1], row["key"], row["current"])

    def _total(self, user: str, metric: str, actual: float) -> Iterator[Mismatch]:
        known = self.totals.setdefault((user, metric), Decimal(str(actual)))
        if float(known) != actual:
            yield Mismatch("A total is the sum of the events", f"{metric}: {actual}, the events add up to {known}")
            self.totals[user, metric] = Decimal(str(actual))

    def _achievements_complete(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        sent, response = _body(exchange), exchange.json
        user, row = sent["user"]["id"], response["achievement"]
        self._learn_name(user, sent["user"])
        known = self.completed.setdefault(user, {}).setdefault(row["id"], row["achievedAt"])
        if known != row["achievedAt"]:
            yield Mismatch("A second completion returns the first", f"{row['achievedAt']}, before it was {known}")
        for system, points in response["points"].items():
            self.points[user, system] = points["total"]

    def _users_achievements(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        actual = {row["id"]: row["achievedAt"] for row in exchange.json if row["achievedAt"]}
        for identity, when in self.completed.get(segments[1], {}).items():
            if actual.get(identity) != when:
                yield Mismatch("Completed achievements stay", f"{identity}: {actual.get(identity)}, it was {when}")
        self.completed.setdefault(segments[1], {}).update(actual)

    def _users_streak(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        yield from self._length(segments[1], exchange.json["length"])

    def _streaks_list(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        asked = parse_qs(urlsplit(exchange.path).query, keep_blank_values=True).get("userIds", [])
        for row in exchange.json:
            if row["userId"] in asked:
                yield from self._length(row["userId"], row["streakLength"])

    def _length(self, user: str, actual: int) -> Iterator[Mismatch]:
        if actual < self.lengths.get(user, 0) or actual > 1 + self.lengths.get(user, actual):
            rule = "Within a day a streak is not lost and grows by 1 at most"
            yield Mismatch(rule, f"{actual}, it was {self.lengths[user]}")
        self.lengths[user] = actual

    def _users_points(self, exchange: Exchange, segments: list[str]) -> Iterator[Mismatch]:
        user, system, response = segments[1], segments[3], exchange.json
        if self.points.get((user, system), response["total"]) != response["total"]:
            got = f"{system}: {response['total']}, an event returned {self.points[user, system]}"
            yield Mismatch("Points are what the last event returned", got)
        self.points[user, system] = response["total"]


def _body(exchange: Exchange) -> JSON:
    found = json.loads(exchange.body or b"{}")
    return found if isinstance(found, dict) else {}

"""What the target's organisation has set up, found through its API. Tests skip if what they need is not found.

Discovery writes: it creates one user and sends one large event to each metric, because points systems are listed
nowhere. With --read-only only what can be listed is found.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from contract_tests.client import Client
from contract_tests.target import CannotRun

JSON = Any
#: Enough for most streak conditions and thresholds, small enough for any store of numbers.
LARGE = 100_000
VERY_LARGE = 10**9
#: The largest value that an event may have (behaviour, section 2).
MOST = 10**12
#: The value that scenarios send to extend a streak, if it is enough.
STREAK_VALUE = 100
#: What can be named in --config, and a pattern that finds it in the message of a skip.
CONFIG_KEYS = {
    "metrics": "metrics?",
    "achievements": "achievement",
    "points": "points (?:system|trigger)",
    "leaderboards": "leaderboard",
    "user_attributes": "user attribute",
    "event_attributes": "event attribute",
    "users": "user",
}
_MEANT = re.compile("|".join(rf"\b(?P<{key}>{words})\b" for key, words in CONFIG_KEYS.items()))


@dataclass
class Kit:
    """Keys, in the order in which they were found, and the rows that the API returns about them.

    `unlisted` are achievements that only --config names. `leaderboards` are those that rank all users at all hours,
    `all_leaderboards` the others too. `streak_value` is a value that extends the streak, whatever its conditions.
    `settings` are the catalog's settings, which only a control plane returns.
    """

    metrics: list[str] = field(default_factory=list)
    points: dict[str, JSON] = field(default_factory=dict)
    levels: dict[str, list[JSON]] = field(default_factory=dict)
    boosts: dict[str, list[JSON]] = field(default_factory=dict)
    achievements: list[JSON] = field(default_factory=list)
    unlisted: list[JSON] = field(default_factory=list)
    leaderboards: dict[str, JSON] = field(default_factory=dict)
    user_attributes: list[str] = field(default_factory=list)
    event_attributes: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    metric_keys: dict[str, str] = field(default_factory=dict)
    all_leaderboards: dict[str, JSON] = field(default_factory=dict)
    streak_metric: str | None = None
    streak: JSON = None
    streak_value: float = STREAK_VALUE
    settings: dict[str, JSON] = field(default_factory=dict)

    @property
    def large(self) -> float:
        """A value that changes as much as one event can, and extends the streak."""
        return max(LARGE, self.streak_value)

    def need(self, found: Any, what: str) -> Any:
        """Returns `found`, or skips if it is empty; `what` says what the target lacks."""
        if not found:
            key = config_key_for(what)
            pytest.skip(f"the target shows no {what}" + (f"; name one under {key} in the --config file" if key else ""))
        return found

    def metric(self, number: int = 0) -> str:
        found = self.metrics[number : number + 1]
        return str(self.need(found, "metric" if number == 0 else f"{number + 1} metrics")[0])

    def streaking(self) -> str:
        """A metric whose events extend the streak."""
        return str(self.need(self.streak_metric, "metric that extends a streak"))

    def boards(self, **wanted: Any) -> list[JSON]:
        """Leaderboards with these values of fields."""
        return [row for row in self.leaderboards.values() if all(row.get(k) == v for k, v in wanted.items())]

    def triggers(self, kind: str) -> list[tuple[str, JSON]]:
        """Active points triggers of a type, with the key of their system."""
        return [
            (key, row)
            for key, system in self.points.items()
            for row in system["triggers"]
            if row["type"] == kind and row["status"] == "active"
        ]

    def plain(self, kind: str) -> JSON:
        """An achievement with this trigger and without filters."""
        found = [
            row
            for row in (*self.achievements, *self.unlisted)
            if row["trigger"] == kind and not row["userAttributes"] and not row.get("eventAttributes")
        ]
        return self.need(found, f"{kind} achievement without filters")[0]


def config_key_for(what: str) -> str | None:
    """The key of the --config file under which this can be named, if any."""
    thing = re.split(r" (?:with|without|that|for|of|on)\b|,", what)[0]
    found = [match.lastgroup for match in _MEANT.finditer(thing)]
    return found[-1] if found else None


def read_config(path: Path | None) -> dict[str, list[str]]:
    """Keys that the user names. Raises `CannotRun`."""
    if path is None:
        return {}
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise CannotRun(f"{path} cannot be read: {error}.") from error
    for key, value in found.items():
        if key not in CONFIG_KEYS:
            raise CannotRun(f"{path}: {key} is not one of {', '.join(CONFIG_KEYS)}.")
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise CannotRun(f"{path}: {key} must be a list of strings.")
    return found


def discover(
    client: Client,
    config: dict[str, list[str]],
    *,
    user: str,
    read_only: bool,
    other_users: bool = True,
    catalog: dict[str, JSON] | None = None,
) -> Kit:
    """Everything that the API shows. Responses that cannot be read leave their part of the kit empty.

    `other_users`: with --read-only, users may be taken from a ranking; not at the live service, whose users are real.
    `catalog`: what the control plane returns as set up; only what the API does not show is taken from it.
    """
    catalog = catalog or {}
    kit = Kit(
        metrics=list(config.get("metrics", [])),
        user_attributes=list(config.get("user_attributes", [])),
        event_attributes=list(config.get("event_attributes", [])),
        users=list(config.get("users", [])),
    )
    _find_achievements(client, kit, config.get("achievements", []), None if read_only else user)
    kit.settings = {"daysOff": (catalog.get("streak") or {}).get("daysOff", []), **catalog.get("settings", {})}
    _find_leaderboards(client, kit, config.get("leaderboards", []))
    if read_only and other_users and "streaks_rankings" in client.spec.operations:
        kit.users += [row["userId"] for row in _get_list(client, "streaks_rankings", type="longest")]
    _find_metrics(client, kit, user, read_only)
    seen = [row["pointsSystemKey"] for row in kit.leaderboards.values() if row.get("pointsSystemKey")]
    seen += [] if read_only else _find_points_systems(client, kit, user)
    for key in _unique([*config.get("points", []), *catalog.get("points", {}), *seen]):
        _find_points(client, kit, key)
    _find_attributes(kit)
    return kit


def _find_leaderboards(client: Client, kit: Kit, named: list[str]) -> None:
    rows = {row["key"]: row for row in _get_list(client, "leaderboards_all", includeFinished=True) if "key" in row}
    for key in named:
        if key not in rows and "key" in (row := _get_object(client, "leaderboards_get", key=key)):
            rows[key] = {name: value for name, value in row.items() if name != "rankings"}
    kit.all_leaderboards = rows
    kit.leaderboards = {key: row for key, row in rows.items() if _for_everybody(row)}


def _for_everybody(board: JSON) -> bool:
    """Whether a leaderboard ranks all users at all hours, as scenarios expect. Newer specs have others."""
    return not any(board.get(name) for name in ("userAttributes", "startTime", "endTime"))


def _get(client: Client, operation: str, **arguments: Any) -> JSON:
    """The response's JSON; None for an error or a response that cannot be read."""
    try:
        response = client.call(operation, **arguments)
        return response.json if response.status < 400 else None
    except (AssertionError, OSError):
        return None


def _get_list(client: Client, operation: str, **arguments: Any) -> list[JSON]:
    """The list that the API returns; empty if it returns none."""
    found = _get(client, operation, **arguments)
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


def _get_object(client: Client, operation: str, **arguments: Any) -> dict[str, JSON]:
    """The object that the API returns; empty if it returns none."""
    found = _get(client, operation, **arguments)
    return found if isinstance(found, dict) else {}


def _find_achievements(client: Client, kit: Kit, named: list[str], user: str | None) -> None:
    """Those named come first; one that is not listed is found by completing it."""
    listed = _get_list(client, "achievements_all")
    kit.achievements = sorted(listed, key=lambda row: row.get("key") not in named)
    for key in [key for key in named if all(row.get("key") != key for row in listed)]:
        if user is not None:
            returned = _get_object(client, "achievements_complete", key=key, body={"user": {"id": user}}).get(
                "achievement"
            )
            if isinstance(returned, dict):
                kit.unlisted.append({"trigger": "api", "userAttributes": [], **returned, "key": key})


def _find_metrics(client: Client, kit: Kit, user: str, read_only: bool) -> None:
    """The metrics in a user's list are active; without a list, metrics of leaderboards are taken."""
    if read_only:
        someone = kit.users[0] if kit.users else None
    else:
        client.call("users_identify", id=user, body={})
        someone = user
    listed = _get(client, "users_all_metrics", id=someone) if someone else None
    found = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    kit.metric_keys = {row["id"]: row["key"] for row in found if "id" in row and "key" in row}
    boards = [row["metricKey"] for row in kit.leaderboards.values() if row.get("metricKey")]
    kit.metrics = _unique([*kit.metrics, *kit.metric_keys.values(), *([] if isinstance(listed, list) else boards)])


def _find_points_systems(client: Client, kit: Kit, user: str) -> list[str]:
    """Send each metric a large event from a user of its own. Returns the keys of points systems in the responses."""
    seen: list[str] = []
    for number, metric in enumerate(kit.metrics):
        returned = _send_event(client, metric, f"{user}-{number}", LARGE)
        if not isinstance(streak := returned.get("currentStreak"), dict):
            continue
        seen += list(returned.get("points") or [])
        kit.streak = streak
        if kit.streak_metric is None:
            _find_streak_value(client, kit, metric, f"{user}-{number}", bool(streak.get("extended")))
    return seen


def _find_streak_value(client: Client, kit: Kit, metric: str, user: str, by_large: bool) -> None:
    """Find a value that extends the streak of a user who has done nothing yet: small, large, or none."""
    for value in (STREAK_VALUE, LARGE) if by_large else (VERY_LARGE, MOST):
        returned = _send_event(client, metric, f"{user}-{value}", value).get("currentStreak")
        if (isinstance(returned, dict) and returned.get("extended")) or value == LARGE:
            kit.streak_metric, kit.streak_value = metric, value
            return


def _send_event(client: Client, metric: str, user: str, value: float) -> dict[str, JSON]:
    """The response to an event; empty if it is refused."""
    return _get_object(client, "metrics_event", key=metric, body={"user": {"id": user}, "value": value})


def _find_points(client: Client, kit: Kit, key: str) -> None:
    system = _get_object(client, "points_system", key=key)
    if not isinstance(system.get("triggers"), list):
        return
    kit.points[key] = system
    kit.levels[key] = _get_list(client, "points_levels", key=key)
    kit.boosts[key] = _get_list(client, "points_boosts", key=key, includeFinished=True)


def _find_attributes(kit: Kit) -> None:
    triggers = [row for system in kit.points.values() for row in system["triggers"]]
    rows = [*kit.achievements, *triggers]
    keys = [one["key"] for row in rows for one in row.get("userAttributes") or []]
    keys += [key for row in kit.leaderboards.values() for key in row.get("breakdownAttributes") or []]
    kit.user_attributes = _unique([*kit.user_attributes, *keys])
    events = [one["key"] for row in rows for one in row.get("eventAttributes") or []]
    kit.event_attributes = _unique([*kit.event_attributes, *events])


def _unique(keys: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(keys))

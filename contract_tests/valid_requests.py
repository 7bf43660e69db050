"""A valid request for every operation. Tests of bad requests change it in one place."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from contract_tests.boards import pairs_of
from contract_tests.exchange import Exchange
from contract_tests.spec import Operation
from contract_tests.stage import Stage

JSON = Any
_NO_BODY: Any = object()
#: The default limit of a page.
PAGE = 10


@dataclass
class ValidRequest:
    """Arguments and body; `send(…)` sends it, with parameters changed."""

    stage: Stage
    operation: Operation
    arguments: dict[str, Any]
    body: JSON = field(default=_NO_BODY)

    @property
    def has_body(self) -> bool:
        return self.body is not _NO_BODY

    def send(self, **changed: Any) -> Exchange:
        """Send it with these parameters instead; None leaves one out."""
        arguments = {name: value for name, value in (self.arguments | changed).items() if value is not None}
        path, headers = self.operation.request(arguments)
        if self.has_body:
            return self.stage.client.send_json(self.operation.method, path, self.body, headers=headers)
        return self.stage.client.send(self.operation.method, path, headers=headers)

    def send_raw(self, content: bytes | None, headers: dict[str, str]) -> Exchange:
        """Send it with these bytes as the body and these headers besides the key."""
        path, more = self.operation.request(self.arguments)
        return self.stage.client.send(self.operation.method, path, body=content, headers=more | headers)

    def path(self) -> str:
        return self.operation.request(self.arguments)[0]


def valid_request(stage: Stage, operation: Operation, user: str) -> ValidRequest:
    """For a user that exists. Skips when the target lacks what the operation needs."""
    arguments: dict[str, Any] = {}
    for row in operation.parameters:
        if row.get("required"):
            arguments[row["name"]] = _argument(stage, operation, row, user)
    if operation.id == "leaderboards_get":
        arguments |= _board(stage, str(arguments["key"]))
    return ValidRequest(stage, operation, arguments, _body(operation, user))


def _argument(stage: Stage, operation: Operation, row: dict[str, Any], user: str) -> Any:
    name = row["name"]
    if name == "id":
        return user
    if name == "userIds":
        return [user]
    if name in ("startDate", "endDate"):
        return {"startDate": "2025-03-01", "endDate": "2025-03-31"}[name]
    if name == "key":
        return _key(stage, operation)
    if "enum" in row["schema"]:
        return row["schema"]["enum"][0]
    return pytest.skip(f"the suite knows no valid value for {operation.id}'s parameter {name}")


def _key(stage: Stage, operation: Operation) -> str:
    kit = stage.kit
    if "metrics/" in operation.path:
        return kit.metric()
    if "points/" in operation.path:
        levelled = [key for key in kit.points if kit.levels.get(key)]
        if operation.id == "points_level_summary":  # a system without levels is refused
            return str(kit.need(levelled, "points system with levels")[0])
        return str(kit.need(levelled or list(kit.points), "points system")[0])
    if "leaderboards/" in operation.path:
        rows = sorted(kit.leaderboards.values(), key=_preferred)
        return str(kit.need(rows, "leaderboard")[0]["key"])
    return str(kit.plain("api")["key"])


def _board(stage: Stage, key: str) -> dict[str, str]:
    """A board with a breakdown cannot be read without its attributes."""
    breakdown = stage.kit.leaderboards[key]["breakdownAttributes"]
    return {"userAttributes": pairs_of(dict.fromkeys(breakdown, "x"))} if breakdown else {}


def _preferred(board: dict[str, Any]) -> tuple[bool, bool, bool]:
    """First of all one that has a run now, then one that is read without attributes."""
    return board.get("status") != "active", bool(board["breakdownAttributes"]), is_small(board)


def is_small(board: dict[str, Any]) -> bool:
    """Whether it has fewer places than the default page: a limit above its size is refused."""
    return bool(board["maxParticipants"] < PAGE)


def _body(operation: Operation, user: str) -> JSON:
    bodies = {
        "achievements_complete": {"user": {"id": user}},
        "metrics_event": {"user": {"id": user}, "value": 1},
        "users_create": {"id": user},
        "users_identify": {"name": "Ann"},
        "users_update": {"name": "Ann"},
        "users_update_preferences": {"notifications": {"recap": ["email"]}},
    }
    return bodies.get(operation.id, {}) if operation.body_schema is not None else _NO_BODY

"""OpenAPI links, which the spec does not have: the operations that can follow a response about a user.

They go into a copy in memory; the spec itself is not changed.
"""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import quote

from contract_tests.kit import Kit
from contract_tests.spec import Spec

JSON = Any

#: Where each operation's request or response names its user.
USER_IN = {
    "users_create": "$response.body#/id",
    "users_get": "$response.body#/id",
    "users_identify": "$request.path.id",
    "users_update": "$request.path.id",
    "users_get_preferences": "$request.path.id",
    "users_update_preferences": "$request.path.id",
    "users_single_metric": "$request.path.id",
    "users_achievements": "$request.path.id",
    "users_streak": "$request.path.id",
    "users_points": "$request.path.id",
    "metrics_event": "$request.body#/user/id",
    "achievements_complete": "$request.body#/user/id",
}

#: Operations that need only the user's id.
BY_ID = (
    "users_get",
    "users_identify",
    "users_update",
    "users_get_preferences",
    "users_update_preferences",
    "users_all_metrics",
    "users_achievements",
    "users_streak",
    "users_wrapped",
)
ON_THE_WAY = {
    *USER_IN,
    *BY_ID,
    "streaks_list",
    "users_metric_event_summary",
    "users_points_event_summary",
    "users_leaderboard",
    "leaderboards_get",
}
WRITES = ("metrics_event", "achievements_complete", "users_identify", "users_update", "users_update_preferences")
SPAN = {"query.aggregation": "daily", "query.startDate": "2025-03-01", "query.endDate": "2025-03-31"}


def with_links(spec: Spec, kit: Kit) -> dict[str, JSON]:
    """A copy of the spec in which every response about a user has links, with keys that the target knows."""
    raw = copy.deepcopy(spec.raw)
    for source, user in USER_IN.items():
        operation = spec.operations[source]
        response = raw["paths"][operation.path][operation.method.lower()]["responses"][str(operation.success)]
        response["links"] = _links(kit, user)
    return raw


def _links(kit: Kit, user: str) -> dict[str, JSON]:
    found = {target: _link(target, {"path.id": user}) for target in BY_ID}
    found["streaks_list"] = _link("streaks_list", {"query.userIds": user})
    for metric in kit.metrics[:2]:
        event = _link("metrics_event", {"path.key": in_path(metric)})
        found[f"metrics_event-{metric}"] = event | {"requestBody": {"user": {"id": user}}}
        where = {"path.id": user, "path.key": in_path(metric)}
        found[f"users_single_metric-{metric}"] = _link("users_single_metric", where)
        found[f"summary-{metric}"] = _link("users_metric_event_summary", where | SPAN)
    for system in kit.points:
        where = {"path.id": user, "path.key": in_path(system)}
        found[f"users_points-{system}"] = _link("users_points", where)
        found[f"points_summary-{system}"] = _link("users_points_event_summary", where | SPAN)
    for board in [key for key, row in kit.leaderboards.items() if not row["breakdownAttributes"]][:2]:
        where = {"path.id": user, "path.key": in_path(board)}
        found[f"users_leaderboard-{board}"] = _link("users_leaderboard", where)
        page = {"path.key": in_path(board), "query.userId": user}
        found[f"leaderboards_get-{board}"] = _link("leaderboards_get", page)
    for key in [row["key"] for row in kit.achievements if row["trigger"] == "api" and not row["userAttributes"]][:2]:
        link = _link("achievements_complete", {"path.key": in_path(key)})
        found[f"achievements_complete-{key}"] = link | {"requestBody": {"user": {"id": user}}}
    return found | _more_writes(found)


def in_path(key: str) -> str:
    """A key as a part of a path, percent-encoded: schemathesis does not encode it."""
    return quote(key, safe="")


def _more_writes(links: dict[str, JSON]) -> dict[str, JSON]:
    """Walks choose links at random. The model reads after each write itself, so the links should mostly write."""
    writes = {name: link for name, link in links.items() if link["operationId"] in WRITES}
    return {f"{name}-again-{turn}": link for turn in range(4) for name, link in writes.items()}


def _link(target: str, parameters: dict[str, str]) -> dict[str, JSON]:
    return {"operationId": target, "parameters": parameters}

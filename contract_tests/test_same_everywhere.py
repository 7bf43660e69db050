"""All operations return the same about what is set up: in lists, for a user, in the response to an event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.rules import rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("users_", "points_", "leaderboards_", "metrics_event", "achievements_")
JSON = Any
#: Fields that differ neither by user nor by time; the key is a field that shows the kind of row.
FIXED = {
    "trigger": ("name", "description", "badgeUrl", "trigger", "key", "metricId", "metricValue", "metricName"),
    "streakLength": ("streakLength",),
    "achievementIds": ("achievementIds",),
    "rankBy": (
        *("name", "key", "rankBy", "description", "metricKey", "metricName", "pointsSystemKey", "pointsSystemName"),
        *("breakdownAttribute", "breakdownAttributes", "maxParticipants", "runUnit", "runInterval"),
    ),
    "multiplier": ("name", "start", "end", "multiplier", "rounding"),
    "metricThreshold": ("metricThreshold", "metricId", "metricName", "eventAttributes", "eventAttribute"),
    "streakLengthThreshold": ("streakLengthThreshold",),
    "timeInterval": ("timeInterval", "timeUnit"),
    "userAttributes": ("userAttributes", "eventAttributes", "eventAttribute"),
    "created": ("created", "type", "points", "status"),
    "maxPoints": ("name", "key", "description", "badgeUrl", "maxPoints"),
}


def rows(node: JSON) -> Iterator[JSON]:
    """Every object in a response that has an id of its own."""
    if isinstance(node, dict):
        if isinstance(node.get("id"), str):
            yield node
        for part in node.values():
            yield from rows(part)
    elif isinstance(node, list):
        for part in node:
            yield from rows(part)


def fixed(row: JSON) -> dict[str, JSON]:
    """The fields of a row that never differ; none for rows of users."""
    if "deviceTokens" in row:
        return {}
    names = {name for mark, fields in FIXED.items() if mark in row for name in fields}
    found = {name: row[name] for name in names if name in row}
    return {name: _free(value) for name, value in found.items()}


def _free(value: JSON) -> JSON:
    """Sorts lists of filters and prerequisites, whose order is free."""
    return sorted(value, key=str) if isinstance(value, list) else value


def everything(stage: Stage, user: str) -> Iterator[tuple[str, JSON]]:
    """The responses of all operations that return what is set up, after events that change as much as they can."""
    kit = stage.kit
    for metric in kit.metrics:
        yield "metrics_event", stage.event(user, 1, metric)
        yield "metrics_event", stage.event(user, kit.large, metric)
        yield "users_single_metric", stage.get("users_single_metric", id=user, key=metric)
    calls = [row["key"] for row in kit.achievements if row["trigger"] == "api" and not row["userAttributes"]]
    for key in calls[:3]:
        yield "achievements_complete", stage.get("achievements_complete", key=key, body={"user": {"id": user}})
    yield "achievements_all", stage.get("achievements_all")
    yield "users_all_metrics", stage.get("users_all_metrics", id=user)
    yield "users_achievements", stage.get("users_achievements", id=user, includeIncomplete="true")
    yield "leaderboards_all", stage.get("leaderboards_all", includeFinished=True)
    yield "users_wrapped", stage.get("users_wrapped", id=user)
    for key, board in kit.leaderboards.items():
        shown = ("active", "finished") if stage.control is not None else ("active",)
        if board["breakdownAttributes"] or board.get("status") not in shown:
            continue
        # `start` and `end` are the run's in the response to an event, and the board's elsewhere: they are not compared.
        yield "leaderboards_get", stage.board(key)
        yield "users_leaderboard", stage.place(user, key)
    for system in kit.points:
        yield "points_system", stage.get("points_system", key=system)
        yield "points_levels", stage.get("points_levels", key=system)
        yield "points_boosts", stage.get("points_boosts", key=system, includeFinished=True)
        yield "users_points", stage.points(user, system)
        yield "users_points_boosts", stage.get("users_points_boosts", id=user, key=system)
        if kit.levels.get(system):
            yield "points_level_summary", stage.get("points_level_summary", key=system)


@rule("All operations return the same values for what is set up", "the spec's schemas, by id")
def test_what_is_set_up_is_the_same_everywhere(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    known: dict[tuple[str, str], tuple[JSON, str]] = {}
    compared = 0
    for operation, response in everything(stage, ann):
        for row in rows(response):
            for field, value in fixed(row).items():
                before, where = known.setdefault((row["id"], field), (value, operation))
                compared += where != operation
                assert value == before, (
                    f"{operation} returns {field} of {row['id']} as {value!r}, {where} returned {before!r}"
                )
    if not compared:
        pytest.skip("the target has nothing that two operations return")


@rule("All operations return the same fields for what is set up", "the spec's schemas, by id", choice=True)
def test_no_field_is_left_out_in_one_place(stage: Stage) -> None:
    """Rows of one kind have the same optional fields: a description, a badge, a threshold."""
    ann = stage.user("ann", name="Ann")
    known: dict[str, tuple[set[str], str]] = {}
    for operation, response in everything(stage, ann):
        for row in rows(response):
            names = set(fixed(row)) - {"key", "eventAttribute", "created", "type", "status", "points"}
            before, where = known.setdefault(row["id"], (names, operation))
            if names and before and "rankBy" not in row:
                assert names == before, f"{operation} returns {sorted(names)} of {row['id']}, {where} {sorted(before)}"

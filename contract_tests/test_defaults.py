"""Defaults of parameters, for users who have more rows than that; and parameters that are written wrong."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contract_tests.awards import plain_trigger
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.valid_requests import valid_request

pytestmark = pytest.mark.operations("users_", "points_", "leaderboards_", "streaks_", "metrics_", "achievements_")
#: More than any default.
MANY = 12


def check_default(stage: Stage, rows: str, operation: str, name: str, **arguments: Any) -> None:
    """Without a parameter the response has as many rows as its declared default says, although there are more."""
    if not stage.has(operation):
        pytest.skip(f"the spec has no {operation}")
    parameters = stage.client.spec.operations[operation].parameters
    default = next(row["schema"]["default"] for row in parameters if row["name"] == name)

    def rows_with(**given: int) -> list[Any]:
        found = stage.get(operation, **arguments, **given)
        return list(found[rows] if rows else found)

    if len(rows_with(**{name: default + 1})) <= default:
        pytest.skip(f"{operation} has no more than {default} {rows or 'rows'} to show")
    shown = rows_with()
    assert len(shown) == default, f"without {name} {len(shown)} are shown, the default is {default}"
    assert shown == rows_with(**{name: default}), f"{name}={default} differs from leaving it out"


@rule("By default 10 awards are returned", "users_points, parameter awards")
def test_the_default_number_of_awards(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann = stage.user("ann")
    for _ in range(MANY):
        stage.event(ann, trigger["metricThreshold"], metric)
    check_default(stage, "awards", "users_points", "awards", id=ann, key=system)


@rule("By default 10 events of a ranking's history are returned", "users_leaderboard, numEvents")
def test_the_default_number_of_history_events(stage: Stage) -> None:
    board = ranking_by_metric(stage)
    ann = stage.user("ann")
    for _ in range(MANY):
        stage.event(ann, 1000, board["metricKey"])
    check_default(stage, "history", "users_leaderboard", "numEvents", id=ann, key=board["key"])


@rule("By default 10 users of a leaderboard are returned", "leaderboards_get, parameter limit")
def test_the_default_number_of_ranks(stage: Stage) -> None:
    board = ranking_by_metric(stage)
    for _ in range(MANY):
        stage.event(stage.user(), 1000, board["metricKey"])
    check_default(stage, "rankings", "leaderboards_get", "limit", key=board["key"])


@rule("By default 10 streaks are ranked", "streaks_rankings, parameter limit")
def test_the_default_number_of_ranked_streaks(stage: Stage) -> None:
    for _ in range(MANY):
        stage.extend(stage.user())
    check_default(stage, "", "streaks_rankings", "limit")


def ranking_by_metric(stage: Stage) -> Any:
    """An active metric board without breakdown, with room for more users than the default."""
    found = [
        row
        for row in stage.kit.boards(status="active", rankBy="metric")
        if not row["breakdownAttributes"]
        and (row["maxParticipants"] or MANY) >= MANY
        and row.get("metricKey") in stage.kit.metrics
    ]
    return stage.kit.need(found, "active leaderboard of a metric without a breakdown")[0]


# Spellings


@rule("Booleans are written true and false", behaviour(2, "choice"), choice=True)
@pytest.mark.parametrize("operation", ["points_boosts", "leaderboards_all"])
def test_booleans_are_true_and_false(stage: Stage, operation: str) -> None:
    arguments = {"key": stage.kit.need(list(stage.kit.points), "points system")[0]} if "points" in operation else {}
    for value in ("1", "0", "True", "yes", "on", "TRUE"):
        stage.refused(operation, includeFinished=value, **arguments)


@rule("A date parameter takes a date without a time", behaviour(2, "choice"), choice=True)
@pytest.mark.parametrize("operation", ["users_metric_event_summary", "users_points_event_summary"])
def test_dates_are_dates(stage: Stage, operation: str) -> None:
    key = stage.kit.metric() if "metric" in operation else stage.kit.need(list(stage.kit.points), "points system")[0]
    start, end = date(2025, 3, 1), date(2025, 3, 31)
    valid = {"id": stage.user("ann"), "key": key, "aggregation": "daily", "startDate": start, "endDate": end}
    stage.get(operation, **valid)
    for name, value in (("startDate", start), ("endDate", end)):
        for odd in (f"{value}T00:00:00Z", f"{value} ", f"{value:%Y%m%d}", f"{value:%d/%m/%Y}", "1741000000"):
            stage.refused(operation, **valid | {name: odd})


@rule("The parameter `run` takes a date without a time", behaviour(2, "choice"), choice=True)
def test_runs_are_dates(stage: Stage) -> None:
    board = ranking_by_metric(stage)["key"]
    yesterday = stage.today() - timedelta(days=1)
    for odd in (f"{yesterday}T00:00:00Z", f"{yesterday:%Y%m%d}", "yesterday"):
        stage.refused("leaderboards_get", key=board, run=odd)
        stage.refused("users_leaderboard", id=stage.user("ann"), key=board, run=odd)


@rule("A user's id is not empty", behaviour(2, "choice"), choice=True)
def test_an_empty_id_is_refused(stage: Stage) -> None:
    stage.refused_event("")
    stage.refused("users_create", body={"id": "", "name": "Nobody"})
    stage.refused("achievements_complete", key=stage.kit.plain("api")["key"], body={"user": {"id": ""}})


BODIES = ("metrics_event", "users_create", "users_identify", "users_update", "users_update_preferences")


@pytest.mark.destructive
@rule(
    "Bodies up to 1 MiB are accepted, and fields that are not declared are ignored", behaviour(2, "choice"), choice=True
)
@pytest.mark.parametrize("operation", BODIES)
def test_large_bodies_are_read(stage: Stage, operation: str) -> None:
    valid = valid_request(stage, stage.client.spec.operations[operation], stage.user("ann"))
    for size in (20_000, 120_000, 1_000_000):
        valid.body = valid.body | {"padding": "x" * size}
        response = valid.send()
        assert response.status == valid.operation.success, (
            f"a body of {size:,} bytes: {response.status} {response.error!r}"
        )
    valid.body = valid.body | {"padding": "x" * 1_100_000}
    response = valid.send()
    assert 400 <= response.status < 500, f"a body of more than 1 MiB: {response.status}"

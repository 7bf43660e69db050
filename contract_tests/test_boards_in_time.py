"""Leaderboards over time: they begin, and start again with new runs. Most tests need a clock that can be moved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract_tests.boards import has_room, open_board, users_with_scores
from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day
from contract_tests.test_streaks import wait_until_lost

pytestmark = pytest.mark.operations("leaderboards_", "users_leaderboard", "metrics_event")

DAY = timedelta(days=1)


@rule("A scheduled leaderboard has no rankings yet", behaviour(8, "choice"))
def test_a_scheduled_board_is_empty(stage: Stage) -> None:
    rows = [row for row in stage.kit.boards(status="scheduled") if not row["breakdownAttributes"]]
    board = stage.kit.need(rows, "scheduled leaderboard without breakdown")[0]
    ann = stage.user("ann")
    if board.get("metricKey") in stage.kit.metrics:
        actual = stage.event(ann, 10, board["metricKey"])["leaderboards"]
        assert board["key"] not in actual, "an event changes a board that has not begun"
    assert stage.board(board["key"])["rankings"] == []


@rule("A streak leaderboard ranks by the current length", behaviour(8))
def test_a_streak_board_ranks_lengths(stage: Stage) -> None:
    rows = [
        row
        for row in stage.kit.boards(rankBy="streak", status="active")
        if not row["breakdownAttributes"]
        and has_room(stage, row, 2)
        and (row["end"] is None or stage.control is None)  # periods of the streak will pass
    ]
    board = stage.kit.need(rows, "active streak leaderboard with room")[0]
    ann, ben = stage.user("ann"), stage.user("ben")
    stage.extend(ann)
    assert stage.place(ann, board["key"])["value"] == 1 == stage.streak(ann)["length"]
    if stage.control and not stage.kit.settings.get("daysOff"):
        stage.next_period()
        for user in (ann, ben):
            stage.extend(user)
        assert stage.place(ann, board["key"])["value"] == 2
        wait_until_lost(stage, ann)
        assert stage.place(ann, board["key"])["value"] is None, "the streak is lost, and the board still has it"
        assert stage.board(board["key"])["rankings"] == []


@rule("A new run starts at 0, and the run before keeps its result", behaviour(8))
def test_a_new_run_starts_from_nothing(stage: Stage) -> None:
    rows = [
        row
        for row in stage.kit.boards(rankBy="metric", status="active", runUnit="day")
        if not row["breakdownAttributes"]
        and row["runInterval"]
        and row["metricKey"] in stage.kit.metrics
        and row["end"] is None
        and has_room(stage, row, 2)
    ]
    board = stage.kit.need(rows, "metric leaderboard that repeats every few days")[0]
    assert stage.clock
    ann, ben = users_with_scores(stage, board, 30, 20)
    first, length = stage.today(), board["runInterval"]
    began = first
    while (began - day(board["start"])).days % length:
        began -= DAY
    stage.clock.advance(to=f"{began + length * DAY}T12:00:00.000Z")
    assert stage.board(board["key"])["rankings"] == [], "the new run begins with old values"
    stage.event(ben, 5, board["metricKey"])
    assert [(row["userId"], row["value"]) for row in stage.board(board["key"])["rankings"]] == [(ben, 5)]
    old = stage.board(board["key"], run=began)["rankings"]
    assert [(row["userId"], row["value"]) for row in old] == [(ann, 30), (ben, 20)]
    actual = stage.event(ben, 1, board["metricKey"])["leaderboards"][board["key"]]
    assert (day(actual["start"]), day(actual["end"])) == (began + length * DAY, began + (2 * length - 1) * DAY)


@rule("Any day of a run can be used to request it", behaviour(8, "choice"), choice=True)
def test_a_run_is_found_by_any_day(stage: Stage) -> None:
    board = open_board(stage)
    (ann,) = users_with_scores(stage, board, 30)
    assert stage.board(board["key"], run=stage.today())["rankings"] == stage.board(board["key"])["rankings"]
    assert stage.place(ann, board["key"], run=stage.today())["value"] == 30


@rule("A scheduled leaderboard begins on its first day", behaviour(8))
def test_a_scheduled_board_begins(stage: Stage) -> None:
    rows = [
        row
        for row in stage.kit.boards(status="scheduled", rankBy="metric")
        if not row["breakdownAttributes"] and row["metricKey"] in stage.kit.metrics
    ]
    board = stage.kit.need(rows, "scheduled metric leaderboard without breakdown")[0]
    ann = stage.user("ann")
    stage.event(ann, 10, board["metricKey"])
    stage.clock.advance(to=f"{day(board['start'])}T12:00:00.000Z")
    actual = stage.event(ann, 25, board["metricKey"])["leaderboards"]
    assert board["key"] in actual, "its first day has come, and an event does not change it"
    begun = stage.board(board["key"])
    assert begun["status"] == "active"
    assert [(row["userId"], row["value"]) for row in begun["rankings"]] == [(ann, 25)], "events before the start count"
    listed = {row["key"]: row["status"] for row in stage.get("leaderboards_all")}
    assert listed[board["key"]] == "active"


@rule("A leaderboard that repeats every month starts again on its day", behaviour(8))
def test_a_monthly_board_starts_again(stages: Stages) -> None:
    catalog = """
name = "Months"
[metrics.steps]
name = "Steps"
[leaderboards.monthly]
name = "Monthly"
rankBy = "metric"
metricKey = "steps"
start = "2025-01-05"
runUnit = "month"
runInterval = 1
"""
    stage = stages.new(catalog=catalog)
    ann, ben = stage.user("ann"), stage.user("ben")
    stage.event(ann, 30, "steps")
    stage.clock.advance(to="2025-04-04T12:00:00.000Z")
    stage.event(ben, 20, "steps")
    assert [row["userId"] for row in stage.board("monthly")["rankings"]] == [ann, ben]
    stage.clock.advance(to="2025-04-05T12:00:00.000Z")
    assert stage.board("monthly")["rankings"] == [], "the new month begins with old values"
    actual = stage.event(ben, 5, "steps")["leaderboards"]["monthly"]
    assert (actual["start"], actual["end"], actual["rank"]) == ("2025-04-05", "2025-05-04", 1)
    old = stage.board("monthly", run="2025-03-05")["rankings"]
    assert [(row["userId"], row["value"]) for row in old] == [(ann, 30), (ben, 20)]


@rule("Deductions count on a points leaderboard too", behaviour(8))
def test_a_points_board_counts_deductions(stages: Stages) -> None:
    catalog = """
name = "Deductions"
[metrics.steps]
name = "Steps"
[metrics.falls]
name = "Falls"
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 1
points = 10
[[points.xp.triggers]]
type = "metric"
metricKey = "falls"
metricThreshold = 1
points = -15
[leaderboards.xp]
name = "XP"
rankBy = "points"
pointsSystemKey = "xp"
start = "-5d"
"""
    stage = stages.new(catalog=catalog)
    ann, ben = stage.user("ann"), stage.user("ben")
    stage.event(ann, 5, "steps")
    stage.event(ben, 4, "steps")
    actual = stage.event(ann, 1, "falls")["leaderboards"]["xp"]
    assert (actual["previousRank"], actual["rank"]) == (1, 2)
    rows = stage.board("xp")["rankings"]
    assert [(row["userId"], row["value"]) for row in rows] == [(ben, 40), (ann, 35)]


@rule(
    "A setting of the catalog limits how many overtaken users a webhook is sent for",
    behaviour(11, "choice"),
    choice=True,
)
def test_a_catalog_limits_webhooks_of_ranks(stages: Stages) -> None:
    catalog = """
name = "Few are told"
[metrics.steps]
name = "Steps"
[leaderboards.all]
name = "All"
rankBy = "metric"
metricKey = "steps"
start = "-5d"
[settings]
rankChangedNeighbours = 1
"""
    stage = stages.new(catalog=catalog)
    users = [stage.user(name) for name in ("ann", "ben", "cem", "dan")]
    for user, steps in zip(users[:3], (30, 20, 10), strict=True):
        stage.event(user, steps, "steps")
    before = len(stage.clock.call("GET", "/webhooks/events?type=leaderboard.rank_changed")["events"])
    stage.event(users[3], 100, "steps")
    rows = stage.clock.call("GET", "/webhooks/events?type=leaderboard.rank_changed")["events"][before:]
    assert [row["userId"] for row in rows] == [users[3], users[0]], "webhooks are sent for the user and the nearest one"

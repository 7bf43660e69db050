"""Leaderboards: each user has one place, the order follows the values, and all operations agree."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import pytest

from contract_tests.awards import plain_trigger
from contract_tests.boards import (
    all_rankings,
    current_run,
    group_ranking,
    has_room,
    open_board,
    pairs_of,
    users_with_scores,
)
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, moment

pytestmark = pytest.mark.operations("leaderboards_", "users_leaderboard", "metrics_event")

HOUR = timedelta(hours=1)


@rule("Ranks are ordered by value, each user once", "#/components/schemas/LeaderboardRanking")
def test_ranks_follow_values(stage: Stage) -> None:
    board = open_board(stage)
    users = users_with_scores(stage, board, 30, 50, 10, 40, 20)
    rows = all_rankings(stage, board["key"])
    assert rows[0]["rank"] == 1
    for row, after in itertools.pairwise(rows):  # users with the same value may share a rank, or not
        below = after["value"] < row["value"]
        assert after["rank"] >= row["rank"] + below, f"{after} comes after {row}"
    values = [row["value"] for row in rows]
    assert values == sorted(values, reverse=True), "ranks do not follow values"
    assert len({row["userId"] for row in rows}) == len(rows), "somebody is ranked twice"
    mine = {row["userId"]: row for row in rows if row["userId"] in users}
    assert [mine[user]["value"] for user in users] == [30, 50, 10, 40, 20]
    assert mine[users[1]]["userName"] == "Player 1"
    if stage.fresh:
        assert [row["userId"] for row in rows] == [users[n] for n in (1, 3, 0, 4, 2)]


@rule("Ranks are 1, 2, 3 …, ties too", behaviour(8, "choice"), choice=True)
def test_ranks_have_no_gaps(stage: Stage) -> None:
    board = open_board(stage)
    users_with_scores(stage, board, 30, 50, 30, 50, 50)
    assert [row["rank"] for row in all_rankings(stage, board["key"])] == [1, 2, 3, 4, 5], "ranks have gaps or repeat"


@rule("Pages cover a board without gaps or repeats", "leaderboards_get, parameters offset and limit")
def test_pages_cover_the_board(stage: Stage) -> None:
    board = open_board(stage, 7)
    users_with_scores(stage, board, *range(10, 80, 10))
    everyone = all_rankings(stage, board["key"])
    for size in (1, 2, 3):
        rows: list[dict[str, Any]] = []
        for offset in range(0, 6, size):
            page = stage.board(board["key"], offset=offset, limit=size)["rankings"]
            assert len(page) <= size, f"{len(page)} rows, asked for {size}"
            rows += page
        assert rows == everyone[: len(rows)], f"pages of {size} differ from the board"
        assert len(rows) >= 6
    assert stage.board(board["key"], limit=0)["rankings"] == []
    assert stage.board(board["key"], offset=len(everyone) + 5)["rankings"] == []


@rule("Without offset and limit the first ten are shown", "leaderboards_get, defaults of offset and limit")
def test_ten_are_shown(stage: Stage) -> None:
    board = open_board(stage, 12)
    users_with_scores(stage, board, *range(1, 13))
    assert stage.board(board["key"])["rankings"] == all_rankings(stage, board["key"])[:10]


@rule("With userId the page begins at that user's row", "leaderboards_get, parameter userId")
def test_a_page_can_begin_with_a_user(stage: Stage) -> None:
    board = open_board(stage)
    users = users_with_scores(stage, board, 30, 50, 10, 40, 20)
    run = current_run(stage, board, users[1])
    everyone = all_rankings(stage, board["key"])
    place = next(n for n, row in enumerate(everyone) if row["userId"] == users[3])
    assert stage.board(board["key"], userId=users[3], limit=2)["rankings"] == everyone[place : place + 2]
    assert stage.board(board["key"], userId=users[3], offset=1, limit=2)["rankings"] == everyone[place + 1 : place + 3]
    page = stage.board(board["key"], run=run, userId=users[3], limit=2)["rankings"]
    assert page == everyone[place : place + 2], "with a run named, the page begins elsewhere"
    assert stage.board(board["key"], userId="nobody")["rankings"] == [], "an unknown user has a page"
    outsider = stage.user("outsider")
    assert stage.board(board["key"], userId=outsider)["rankings"] == [], "a user who is not on the board has a page"


@rule("A limit above maxParticipants is refused", "leaderboards_get, parameter limit")
def test_the_limit_is_bounded(stage: Stage) -> None:
    board = open_board(stage)
    stage.refused("leaderboards_get", key=board["key"], limit=board["maxParticipants"] + 1)
    stage.board(board["key"], limit=board["maxParticipants"])


@rule("users_leaderboard agrees with leaderboards_get", behaviour(8))
def test_a_users_view_agrees_with_the_board(stage: Stage) -> None:
    board = open_board(stage)
    users = users_with_scores(stage, board, 30, 50, 10)
    rows = {row["userId"]: row for row in all_rankings(stage, board["key"])}
    for user in users:
        mine = stage.place(user, board["key"])
        assert (mine["rank"], mine["value"]) == (rows[user]["rank"], rows[user]["value"])
        assert mine["key"] == board["key"]
    outsider = stage.place(stage.user("outsider"), board["key"])
    assert (outsider["rank"], outsider["value"], outsider["history"]) == (None, None, [])


@rule(
    "The response to an event has the user's rank before and after",
    "#/components/schemas/MetricEventLeaderboardResponse",
)
def test_an_event_returns_ranks(stage: Stage) -> None:
    board = open_board(stage)
    ann, ben = users_with_scores(stage, board, 20, 30)
    before = stage.place(ann, board["key"])
    response = stage.event(ann, 15, board["metricKey"])["leaderboards"][board["key"]]
    after = stage.place(ann, board["key"])
    assert response["previousRank"] == before["rank"], f"says {response['previousRank']}, was {before['rank']}"
    assert response["rank"] == after["rank"]
    assert after["rank"] < stage.place(ben, board["key"])["rank"], "35 does not lead before 30"
    newcomer = stage.name("newcomer")
    first = stage.event(newcomer, 1, board["metricKey"])["leaderboards"][board["key"]]
    assert first["previousRank"] is None, "a newcomer had a rank before"
    assert first["rank"] == stage.place(newcomer, board["key"])["rank"]


@rule("The response to an event has only leaderboards that it changed", behaviour(4))
def test_an_event_returns_only_boards_that_it_changed(stage: Stage) -> None:
    board = open_board(stage)
    ann = stage.user("ann")
    actual = stage.event(ann, 5, board["metricKey"])["leaderboards"]
    assert board["key"] in actual
    for key, row in actual.items():
        if row["rankBy"] == "metric":
            assert row["metricKey"] == board["metricKey"], f"{key} ranks by {row['metricKey']}"
        assert stage.kit.all_leaderboards[key]["status"] == "active", f"{key} is not active"


@rule("A lower value moves a user down, and a user at 0 has no rank", behaviour(8, "choice"))
def test_a_negative_event_moves_down(stage: Stage) -> None:
    board = open_board(stage)
    ann, ben = users_with_scores(stage, board, 30, 20)
    stage.event(ann, -15, board["metricKey"])
    assert stage.place(ann, board["key"])["rank"] > stage.place(ben, board["key"])["rank"]
    stage.event(ann, -15, board["metricKey"])
    gone = stage.place(ann, board["key"])
    assert (gone["rank"], gone["value"]) == (None, None)
    assert ann not in [row["userId"] for row in all_rankings(stage, board["key"])]


@rule("Users with the same value are ranked in the order in which they reached it", behaviour(8, "choice"), choice=True)
def test_ties_go_to_who_was_first(stage: Stage) -> None:
    board = open_board(stage)
    users = users_with_scores(stage, board, 7, 7, 7, 7)
    ranked = [row["userId"] for row in all_rankings(stage, board["key"])]
    assert ranked == users, "a tie is not in the order in which the value was reached"
    stage.event(users[0], 0.5, board["metricKey"])
    assert [row["userId"] for row in all_rankings(stage, board["key"])] == users


@rule("A leaderboard shows the user's current name", "#/components/schemas/LeaderboardRanking/properties/userName")
def test_a_board_shows_new_names(stage: Stage) -> None:
    board = open_board(stage)
    (ann,) = users_with_scores(stage, board, 40)
    assert [row["userName"] for row in stage.board(board["key"], userId=ann, limit=1)["rankings"]] == ["Player 0"]
    stage.get("users_update", id=ann, body={"name": "Ann the Great"})
    names = [row["userName"] for row in stage.board(board["key"], userId=ann, limit=1)["rankings"]]
    assert names == ["Ann the Great"], f"renamed, and the board says {names}"


@rule("Reading a leaderboard twice returns the same order, ties included", behaviour(8))
def test_the_order_of_ties_is_stable(stage: Stage) -> None:
    board = open_board(stage)
    users = users_with_scores(stage, board, 7, 7, 7, 7, 7)
    first = all_rankings(stage, board["key"])
    for _ in range(4):
        assert all_rankings(stage, board["key"]) == first, "the order changed although nothing happened"
    for user in users:
        row = next(row for row in first if row["userId"] == user)
        assert stage.place(user, board["key"])["rank"] == row["rank"]


@rule("The history has the changes of the user's own value, newest last", behaviour(8, "choice"))
def test_the_history_is_a_chain(stage: Stage) -> None:
    board = open_board(stage)
    ann, ben = users_with_scores(stage, board, 10, 25)
    for value in (5, 20, -3):
        stage.event(ann, value, board["metricKey"])
    rows = stage.place(ann, board["key"], numEvents=100)["history"]
    values = [row["value"] for row in rows]
    assert sorted(values) == sorted([10, 15, 35, 32]), f"the values were 10, 15, 35, 32, the history says {values}"
    if stage.control:
        assert values == [10, 15, 35, 32], "newest last"
        for before, after in itertools.pairwise(rows):
            assert after["previousValue"] == before["value"]
        assert [row["rank"] < row["previousRank"] for row in rows[1:]] == [False, True, False]
        assert len(stage.place(ann, board["key"], numEvents=2)["history"]) == 2
    for row in rows:
        for actual in (row.get("time"), row.get("timestamp")):
            assert actual is None or abs(moment(actual) - stage.now()) < HOUR, f"dated {actual}, it is {stage.now()}"
    assert ben


@rule("The history ends with the current rank and value, even if another user's event changed the rank", behaviour(8))
def test_the_history_ends_with_the_standing(stage: Stage) -> None:
    board = open_board(stage)
    ann, ben = users_with_scores(stage, board, 10, 25)
    for value, user in ((0, ann), (30, ann), (-15, ben), (20, ben)):
        if value:
            stage.event(user, value, board["metricKey"])
        for one in (ann, ben):
            place = stage.place(one, board["key"])
            history = place["history"]
            ends = history[-1:] if stage.control is not None else (history[0], history[-1])  # our newest is the last
            standing = (place["rank"], place["value"])
            assert standing in [(end["rank"], end["value"]) for end in ends], f"of {one}, after {value} for {user}"


@rule(
    "`threshold` is the value from which a user is ranked",
    "#/components/schemas/MetricEventLeaderboardResponse/properties/threshold",
)
def test_the_threshold_while_there_is_room(stage: Stage) -> None:
    board = open_board(stage)
    if not stage.fresh:
        pytest.skip("others may be on the board")
    ann = stage.user("ann")
    actual = stage.event(ann, 5, board["metricKey"])["leaderboards"][board["key"]]
    assert actual["threshold"] == 1, "there is room, so the least value gets in"


def board_of_groups(stage: Stage) -> dict[str, Any]:
    """An active metric board with a breakdown, with room in each group."""
    rows = [
        row
        for row in stage.kit.boards(rankBy="metric", status="active")
        if row["breakdownAttributes"] and row["metricKey"] in stage.kit.metrics and row["maxParticipants"] >= 2
    ]
    found: dict[str, Any] = stage.kit.need(rows, "active metric leaderboard with a breakdown")[0]
    return found


@rule("A leaderboard with breakdown ranks each group separately", behaviour(8))
def test_a_breakdown_ranks_each_group(stage: Stage) -> None:
    board = board_of_groups(stage)
    names, tag = board["breakdownAttributes"], stage.prefix
    north, south = (dict.fromkeys(names, f"{tag}-{side}") for side in ("north", "south"))
    ann, ben = stage.user("ann", attributes=north), stage.user("ben", attributes=south)
    cleo, nobody = stage.user("cleo", attributes=north), stage.user("nobody")
    for user, value in ((ann, 10), (ben, 20), (cleo, 30), (nobody, 40)):
        stage.event(user, value, board["metricKey"])
    assert group_ranking(stage, board, north) == [(cleo, 1), (ann, 2)]
    assert group_ranking(stage, board, north, offset=1) == [(ann, 2)], "a group has no pages"
    assert group_ranking(stage, board, south) == [(ben, 1)]
    assert stage.place(ann, board["key"])["rank"] == 2
    assert stage.place(nobody, board["key"])["rank"] is None, "a user without the attribute is in a group"
    stage.refused("leaderboards_get", key=board["key"])


@rule("A user whose attribute changes moves to the other group with the score", behaviour(8, "choice"), choice=True)
def test_another_attribute_is_another_group(stage: Stage) -> None:
    board = board_of_groups(stage)
    north, south = (dict.fromkeys(board["breakdownAttributes"], side) for side in ("north", "south"))
    ann, ben = stage.user("ann", attributes=north), stage.user("ben", attributes=north)
    stage.event(ann, 30, board["metricKey"])
    stage.event(ben, 20, board["metricKey"])
    assert group_ranking(stage, board, north) == [(ann, 1), (ben, 2)]
    stage.get("users_update", id=ann, body={"attributes": south})
    assert group_ranking(stage, board, north) == [(ben, 1)], "the user who has left is still in the old group"
    assert group_ranking(stage, board, south) == [(ann, 1)], "the score has not moved along"
    assert stage.place(ann, board["key"])["value"] == 30


@rule("A group can be requested by values with commas and colons", behaviour(2, "choice"), choice=True)
@pytest.mark.parametrize("escaped", [False, True])
def test_a_group_whose_value_has_a_comma_is_found(stage: Stage, escaped: bool) -> None:
    board = board_of_groups(stage)
    value = f"{stage.prefix}, D.C.: north"
    attributes = dict.fromkeys(board["breakdownAttributes"], value)
    ann = stage.user("ann", attributes=attributes)
    stage.event(ann, 5, board["metricKey"])
    if not escaped and any(sign in key for key in attributes for sign in ",:\\"):
        pytest.skip("a key of the target has special characters")
    text = pairs_of(attributes) if escaped else ",".join(f"{key}:{value}" for key in attributes)
    found = stage.board(board["key"], userAttributes=text)["rankings"]
    assert [row["userId"] for row in found] == [ann], f"{text} finds {found}"


@rule("userAttributes is refused for leaderboards without breakdown", "leaderboards_get, parameter userAttributes")
def test_no_breakdown_no_attributes(stage: Stage) -> None:
    board = open_board(stage)
    key = stage.kit.need(stage.kit.user_attributes, "user attribute")[0]
    stage.refused("leaderboards_get", key=board["key"], userAttributes=pairs_of({key: "x"}))


@rule("A run is requested by one of its days, and other days are refused", "leaderboards_get, parameter run")
def test_runs_are_found_by_their_day(stage: Stage) -> None:
    board = open_board(stage)
    (ann,) = users_with_scores(stage, board, 30)
    run = current_run(stage, board, ann)
    assert stage.board(board["key"], run=run)["rankings"] == stage.board(board["key"])["rankings"]
    mine = stage.place(ann, board["key"])
    assert mine["value"] >= 30
    assert stage.place(ann, board["key"], run=run)["value"] == mine["value"]
    for key in ("leaderboards_get", "users_leaderboard"):
        someone = {"id": ann} if key.startswith("u") else {}
        response = stage.refused(key, key=board["key"], run="1999-01-01", **someone)
        if stage.control is not None:  # the 404 of the spec is about a leaderboard
            assert response.status == 404, f"returned {response.status}, expected 404"


@rule("A leaderboard that does not exist is not found", "#/paths/~1leaderboards~1{key}/get/responses/404")
def test_an_unknown_board_is_not_found(stage: Stage) -> None:
    assert stage.refused("leaderboards_get", key="no-such-board").status == 404
    assert stage.refused("users_leaderboard", id=stage.user("ann"), key="no-such-board").status == 404


@rule(
    "Finished leaderboards are listed only if the request asks for them", "leaderboards_all, parameter includeFinished"
)
def test_finished_boards_are_listed_on_demand(stage: Stage) -> None:
    usual = stage.get("leaderboards_all")
    every = stage.get("leaderboards_all", includeFinished=True)
    assert all(row["status"] != "finished" for row in usual)
    assert [row for row in every if row["status"] != "finished"] == usual
    keys = [row["key"] for row in every]
    assert len(set(keys)) == len(keys)
    for row in every:
        shown = ("metricKey" in row, "pointsSystemKey" in row)
        assert shown == (row["rankBy"] == "metric", row["rankBy"] == "points"), f"{row['key']} ranks by {row['rankBy']}"


@rule("A points leaderboard ranks by the points gained", behaviour(8))
def test_a_points_board_ranks_points(stage: Stage) -> None:
    rows = [
        r
        for r in stage.kit.boards(rankBy="points", status="active")
        if not r["breakdownAttributes"] and r["runUnit"] is None and has_room(stage, r, 1)
    ]
    board = stage.kit.need(rows, "active points leaderboard that never repeats, with room")[0]
    ann = stage.user("ann")
    _, trigger, metric = plain_trigger(stage, board["pointsSystemKey"])
    response = stage.event(ann, 3 * trigger["metricThreshold"], metric)
    total = stage.points(ann, board["pointsSystemKey"])["total"]
    assert total > 0, f"three times {trigger['metricThreshold']} earned no points"
    assert stage.place(ann, board["key"])["value"] == total
    assert response["leaderboards"][board["key"]]["rank"] == stage.place(ann, board["key"])["rank"]


@rule("A leaderboard ranks at most maxParticipants users, and others have no rank", behaviour(8))
def test_a_board_is_full(stage: Stage) -> None:
    rows = [
        row
        for row in stage.kit.boards(status="active")
        if row["maxParticipants"] <= 60
        and not row["breakdownAttributes"]
        and row["rankBy"] in (("metric", "points") if stage.fresh else ("metric",))
    ]
    board = stage.kit.need(rows, "active leaderboard for at most 60 participants")[0]
    users, size = [], board["maxParticipants"]
    metric, unit = board.get("metricKey"), 1000
    others = 0 if stage.fresh else highest_value(stage, board)
    if metric is None:
        _, trigger, metric = plain_trigger(stage, board["pointsSystemKey"], times=size + 3)
        unit = trigger["metricThreshold"]
    elif metric not in stage.kit.metrics:
        pytest.skip("the metric of that leaderboard is not active")
    for number in range(size + 2):
        users.append(stage.name("p"))
        actual = stage.event(users[-1], others + unit * (size + 3 - number), metric)["leaderboards"]
    rows = all_rankings(stage, board["key"])
    if not stage.fresh and {row["userId"] for row in rows} - set(users):
        pytest.skip("others came onto the board meanwhile")
    assert len(rows) == size, f"{len(rows)} on a board for {size}"
    assert [row["userId"] for row in rows] == users[:size]
    assert stage.place(users[-1], board["key"])["rank"] is None
    if board["key"] in actual:
        last, change = rows[-1]["value"], actual[board["key"]]
        assert change["rank"] is None
        enough = (last + 1,) if stage.control is not None else (last, last + 1)  # a tie may be let in
        assert change["threshold"] in enough, f"the last one has {last}, the threshold is {change['threshold']}"


def highest_value(stage: Stage, board: dict[str, Any]) -> int:
    """What the first on a board has."""
    first = stage.board(board["key"], limit=1)["rankings"]
    found = int(first[0]["value"]) if first else 0
    if found + 1000 * (board["maxParticipants"] + 3) > MOST:
        pytest.skip("somebody on that leaderboard has as much as an event may have")
    return found

"""Leaderboards for users with an attribute and for some hours of the day. They need a catalog of their own."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("leaderboards_", "users_leaderboard", "users_update", "metrics_event")

DAY = timedelta(days=1)
FOR_SOME = """
name = "For some"
userAttributes = ["plan"]
[metrics.steps]
name = "Steps"
[leaderboards.pros]
name = "Pros"
rankBy = "metric"
metricKey = "steps"
start = "-5d"
userAttributes = { plan = "pro" }
"""
MORNINGS = """
name = "Mornings"
[metrics.steps]
name = "Steps"
[leaderboards.mornings]
name = "Mornings"
rankBy = "metric"
metricKey = "steps"
start = "-5d"
startTime = "09:00"
endTime = "12:00"
"""


def scores(stage: Stage, key: str) -> list[tuple[str, int]]:
    return [(row["userId"], row["value"]) for row in stage.board(key)["rankings"]]


@rule("A leaderboard for users with an attribute ranks no other users", behaviour(8))
def test_a_board_for_some(stages: Stages) -> None:
    stage = stages.new(catalog=FOR_SOME)
    ann, ben = stage.user("ann", attributes={"plan": "pro"}), stage.user("ben", attributes={"plan": "basic"})
    cleo = stage.user("cleo")
    for user, value in ((ann, 10), (ben, 30), (cleo, 20)):
        actual = stage.event(user, value, "steps")["leaderboards"]
        assert ("pros" in actual) == (user == ann), "an event moves somebody who does not take part"
    assert scores(stage, "pros") == [(ann, 10)]
    assert [stage.place(user, "pros")["rank"] for user in (ann, ben, cleo)] == [1, None, None]
    assert stage.known(stage.board("pros")["userAttributes"]) == [{"key": "plan", "value": "pro"}]


@rule(
    "A user who gets a leaderboard's attributes is ranked, and one who loses them is not",
    behaviour(8, "choice"),
    choice=True,
)
def test_coming_and_going(stages: Stages) -> None:
    stage = stages.new(catalog=FOR_SOME)
    ann, ben = stage.user("ann", attributes={"plan": "pro"}), stage.user("ben")
    stage.event(ann, 10, "steps")
    stage.event(ben, 30, "steps")
    stage.get("users_update", id=ann, body={"attributes": {"plan": "basic"}})
    assert scores(stage, "pros") == [], "a user who has lost the attribute is still on the board"
    stage.get("users_update", id=ben, body={"attributes": {"plan": "pro"}})
    assert scores(stage, "pros") == [(ben, 30)], "a user who has got the attribute is not ranked with the score"
    stage.get("users_update", id=ann, body={"attributes": {"plan": "pro"}})
    assert scores(stage, "pros") == [(ben, 30), (ann, 10)]


@rule("Activity outside a leaderboard's hours does not count", behaviour(8))
def test_hours(stages: Stages) -> None:
    stage = stages.new(catalog=MORNINGS)
    ann, tomorrow = stage.user("ann"), stage.today() + DAY
    moments = (("08:59:59.999", 1), ("09:00:00.000", 2), ("11:59:59.999", 4), ("12:00:00.000", 8))
    for time, value in moments:
        stage.clock.advance(to=f"{tomorrow}T{time}Z")
        actual = stage.event(ann, value, "steps")["leaderboards"]
        assert ("mornings" in actual) == (value in (2, 4)), f"at {time}"
    assert scores(stage, "mornings") == [(ann, 6)]
    board = stage.board("mornings")
    assert (board["startTime"], board["endTime"]) == ("09:00", "12:00")


@rule("A leaderboard's hours are hours in each user's time zone", behaviour(8))
def test_hours_at_home(stages: Stages) -> None:
    stage = stages.new(catalog=MORNINGS)
    ann, ben = stage.user("ann", tz="Asia/Tokyo"), stage.user("ben")
    stage.clock.advance(to=f"{stage.today() + DAY}T01:00:00.000Z")
    for user in (ann, ben):
        stage.event(user, 5, "steps")
    assert scores(stage, "mornings") == [(ann, 5)], "at 10:00 in Tokyo and 01:00 in UTC"

"""Composite achievements, and achievements for some users only, with a catalog made for them."""

from __future__ import annotations

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("achievements_", "users_achievements", "metrics_event")

CATALOG = """
name = "Composites"
userAttributes = ["plan", "team"]

[metrics.steps]
name = "Steps"

[achievements.walk]
name = "Walk"
trigger = "metric"
metricKey = "steps"
metricValue = 10

[achievements.march]
name = "March"
trigger = "metric"
metricKey = "steps"
metricValue = 20

[achievements.call]
name = "Call"
trigger = "api"

[achievements.both]
name = "Both"
trigger = "achievement"
achievementKeys = ["walk", "call"]

[achievements.above]
name = "Above"
trigger = "achievement"
achievementKeys = ["both", "march"]

[achievements.chosen]
name = "Chosen"
trigger = "api"
userAttributes = { plan = "pro", team = "red" }
"""


def names(stage: Stage, user: str) -> set[str]:
    return {row["name"] for row in stage.completed(user)}


@rule("A composite achievement can be a prerequisite of another", behaviour(6))
def test_composites_build_on_composites(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann = stage.user("ann")
    stage.get("achievements_complete", key="call", body={"user": {"id": ann}})
    actual = stage.event(ann, 10, "steps")["achievements"]
    assert {row["name"] for row in actual} == {"Walk", "Both"}
    actual = stage.event(ann, 10, "steps")["achievements"]
    assert {row["name"] for row in actual} == {"March", "Above"}
    assert names(stage, ann) == {"Call", "Walk", "Both", "March", "Above"}


@rule("A completion by a call also completes every composite achievement whose last prerequisite it was", behaviour(6))
def test_a_completion_unlocks_composites(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann = stage.user("ann")
    stage.event(ann, 20, "steps")
    assert names(stage, ann) == {"Walk", "March"}
    stage.get("achievements_complete", key="call", body={"user": {"id": ann}})
    assert names(stage, ann) == {"Walk", "March", "Call", "Both", "Above"}


@rule("A call completes an api achievement only for users who have all of its user attributes", behaviour(6))
def test_a_completion_needs_all_its_filters(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    for attributes in ({"plan": "pro"}, {"team": "red"}, {"plan": "pro", "team": "blue"}):
        ann = stage.user("ann", attributes=attributes)
        response = stage.refused("achievements_complete", key="chosen", body={"user": {"id": ann}})
        assert response.status == 422, f"returned {response.status}, expected 422: the achievement exists"
        assert names(stage, ann) == set()
    ben = stage.user("ben", attributes={"plan": "pro", "team": "red"})
    stage.get("achievements_complete", key="chosen", body={"user": {"id": ben}})
    assert names(stage, ben) == {"Chosen"}


ORDERED = """
name = "In order"
[metrics.steps]
name = "Steps"
[achievements.second]
name = "Second"
trigger = "achievement"
achievementKeys = ["march"]
[achievements.third]
name = "Third"
trigger = "achievement"
achievementKeys = ["walk"]
[achievements.walk]
name = "Walk"
trigger = "metric"
metricKey = "steps"
metricValue = 10
[achievements.march]
name = "March"
trigger = "metric"
metricKey = "steps"
metricValue = 20
[achievements.spark]
name = "Spark"
trigger = "streak"
streakLength = 1
[achievements.ember]
name = "Ember"
trigger = "streak"
streakLength = 1
[streak]
"""


@rule("Composite and streak achievements of one event are in catalog order", behaviour(6, "choice"), choice=True)
def test_composites_are_in_catalog_order(stages: Stages) -> None:
    stage = stages.new(catalog=ORDERED)
    ann = stage.user("ann")
    actual = [row["name"] for row in stage.event(ann, 20, "steps")["achievements"]]
    assert actual == ["Walk", "March", "Spark", "Ember", "Second", "Third"], f"completed were {actual}"

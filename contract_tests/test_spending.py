"""Deductions, the cap, and levels that are lost, with a catalog made for these tests."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")
PRICES = {"earn": 10, "spend": -15}


@pytest.fixture
def spending_stage(stages: Stages) -> Stage:
    """Earning awards 10 coins (20 with the boost for all users), spending deducts 15; the cap is 50."""
    triggers = [{"type": "metric", "metricKey": key, "metricThreshold": 1, "points": n} for key, n in PRICES.items()]
    coins = {
        "name": "Coins",
        "maxPoints": 50,
        "triggers": triggers,
        "boosts": [{"name": "Double", "start": "2025-03-01", "multiplier": 2}],
        "levels": {"poor": {"name": "Poor", "points": 10}, "rich": {"name": "Rich", "points": 30}},
    }
    metrics = {key: {"name": key} for key in PRICES}
    return stages.new(catalog={"name": "Shop", "metrics": metrics, "points": {"coins": coins}})


def changed(stage: Stage, user: str, metric: str, value: float = 1) -> Any:
    """The coins in the response to an event; None if there are none."""
    before = stage.points(user, "coins")["total"]
    actual = stage.event(user, value, metric)["points"].get("coins")
    after = stage.points(user, "coins")
    if actual:
        assert actual["total"] == after["total"]
        assert actual["added"] == sum(row["awarded"] for row in actual["awards"]) == after["total"] - before
        assert actual["awards"] == after["awards"][: len(actual["awards"])]
    else:
        assert after["total"] == before, "the response to the event lacks points that changed"
    return actual


@rule("Boosts apply to awards, not to deductions", behaviour(7, "choice"), choice=True)
def test_deductions_are_not_boosted(spending_stage: Stage) -> None:
    ann = spending_stage.user("ann")
    assert changed(spending_stage, ann, "earn")["added"] == 20
    assert changed(spending_stage, ann, "spend")["added"] == -15


@rule("A deduction takes no more than the total, and the response has the amount taken", behaviour(7))
def test_a_deduction_ends_at_zero(spending_stage: Stage) -> None:
    ann = spending_stage.user("ann")
    changed(spending_stage, ann, "earn")
    changed(spending_stage, ann, "spend")
    actual = changed(spending_stage, ann, "spend")
    assert (actual["added"], actual["awards"][0]["awarded"], actual["total"]) == (-5, -5, 0)
    assert changed(spending_stage, ann, "spend") is None, "a deduction from 0 is in the response"
    assert len(spending_stage.points(ann, "coins")["awards"]) == 3, "a deduction from 0 was recorded"


@rule("An award adds up to maxPoints, and the response has the amount added", behaviour(7))
def test_an_award_ends_at_the_cap(spending_stage: Stage) -> None:
    ann = spending_stage.user("ann")
    changed(spending_stage, ann, "earn", 2)
    actual = changed(spending_stage, ann, "earn")
    assert (actual["added"], actual["awards"][0]["awarded"], actual["total"]) == (10, 10, 50)
    assert changed(spending_stage, ann, "earn") is None, "an award that adds nothing is in the response"
    assert changed(spending_stage, ann, "spend")["total"] == 35, "points above the cap were kept"


@rule(
    "A user who loses points loses levels, and `level` is null below all of them",
    "#/components/schemas/GetUserPointsResponse",
)
def test_levels_are_lost_on_the_way_down(spending_stage: Stage) -> None:
    ann = spending_stage.user("ann")
    steps = [
        ("earn", "poor"),
        ("earn", "rich"),
        ("spend", "poor"),
        ("spend", "poor"),
        ("spend", None),
        ("earn", "poor"),
    ]
    held = None
    for number, (metric, expected) in enumerate(steps):
        actual, now = changed(spending_stage, ann, metric), spending_stage.points(ann, "coins")
        level = now["level"] and now["level"]["key"]
        assert level == expected, f"after step {number + 1}, at {now['total']} coins, the level is {level}"
        assert ("level" in actual) == (level != held), f"step {number + 1}, from {held} to {level}: {'level' in actual}"
        assert actual.get("level", now["level"]) == now["level"]
        held = level
    counts = {row["level"]["key"]: row["users"] for row in spending_stage.get("points_level_summary", key="coins")}
    assert counts == {"poor": 1, "rich": 0}

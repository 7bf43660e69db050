"""Points that are spent: deductions, the cap, and levels on the way down, in a world made for it."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")
PRICES = {"earn": 10, "spend": -15}


@pytest.fixture
def shop(stages: Stages) -> Stage:
    """Earning brings 10 coins (20 with the boost that everybody has), spending takes 15; nobody holds more than 50."""
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
    """What an event tells of the coins; None when it tells nothing of them."""
    before = stage.points(user, "coins")["total"]
    actual = stage.event(user, value, metric)["points"].get("coins")
    after = stage.points(user, "coins")
    if actual:
        assert actual["total"] == after["total"]
        assert actual["added"] == sum(row["awarded"] for row in actual["awards"]) == after["total"] - before
        assert actual["awards"] == after["awards"][: len(actual["awards"])]
    else:
        assert after["total"] == before, "the event tells nothing of points that changed"
    return actual


@rule("Boosts apply to awards, not to deductions", behaviour(7, "choice"), choice=True)
def test_deductions_are_not_boosted(shop: Stage) -> None:
    ann = shop.user("ann")
    assert changed(shop, ann, "earn")["added"] == 20
    assert changed(shop, ann, "spend")["added"] == -15


@rule("A deduction takes no more than is there, and tells what it took", behaviour(7))
def test_a_deduction_ends_at_zero(shop: Stage) -> None:
    ann = shop.user("ann")
    changed(shop, ann, "earn")
    changed(shop, ann, "spend")
    actual = changed(shop, ann, "spend")
    assert (actual["added"], actual["awards"][0]["awarded"], actual["total"]) == (-5, -5, 0)
    assert changed(shop, ann, "spend") is None, "a deduction from nothing is told"
    assert len(shop.points(ann, "coins")["awards"]) == 3, "a deduction from nothing was recorded"


@rule("An award fills up to maxPoints, and tells what it brought", behaviour(7))
def test_an_award_ends_at_the_cap(shop: Stage) -> None:
    ann = shop.user("ann")
    changed(shop, ann, "earn", 2)
    actual = changed(shop, ann, "earn")
    assert (actual["added"], actual["awards"][0]["awarded"], actual["total"]) == (10, 10, 50)
    assert changed(shop, ann, "earn") is None, "an award that brings nothing is told"
    assert changed(shop, ann, "spend")["total"] == 35, "what was above the cap was kept all the same"


@rule("Levels are lost with the points, and null when none is left", "#/components/schemas/GetUserPointsResponse")
def test_levels_are_lost_on_the_way_down(shop: Stage) -> None:
    ann = shop.user("ann")
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
        actual, now = changed(shop, ann, metric), shop.points(ann, "coins")
        level = now["level"] and now["level"]["key"]
        assert level == expected, f"after step {number + 1}, at {now['total']} coins, the level is {level}"
        assert ("level" in actual) == (level != held), f"step {number + 1}, from {held} to {level}: {'level' in actual}"
        assert actual.get("level", now["level"]) == now["level"]
        held = level
    counts = {row["level"]["key"]: row["users"] for row in shop.get("points_level_summary", key="coins")}
    assert counts == {"poor": 1, "rich": 0}

"""Points: every total is the sum of its awards, every award has a reason, and levels follow the total."""

from __future__ import annotations

import math
from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, moment

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")


def plain_trigger(stage: Stage, of: str | None = None) -> tuple[str, dict[str, Any], str]:
    """A system (or this one) and its metric trigger without filters that pays, and the metric's key."""
    found = [
        (system, row, stage.kit.metric_keys[row["metricId"]])
        for system, row in stage.kit.triggers("metric")
        if not row["userAttributes"]
        and not row["eventAttributes"]
        and row["points"] > 0
        and row["metricId"] in stage.kit.metric_keys
        and stage.kit.points[system]["maxPoints"] is None
        and system == (of or system)
    ]
    picked: tuple[str, dict[str, Any], str] = stage.kit.need(found, "metric points trigger without filters or cap")[0]
    return picked


def awards_of(rows: list[dict[str, Any]], trigger: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["trigger"]["id"] == trigger]


def boosted(points: int, boosts: list[dict[str, Any]]) -> int:
    """What an award comes to: multipliers multiply, the product is rounded once."""
    product: float = points * math.prod(boost["multiplier"] for boost in boosts)
    kinds = {boost["rounding"] for boost in boosts}
    if kinds == {"up"}:
        return math.ceil(round(product, 6))
    if kinds == {"nearest"}:
        return math.floor(round(product, 6) + 0.5)
    return math.floor(round(product, 6))


@rule("A user's points are the sum of the awards", behaviour(7))
def test_points_are_the_sum_of_their_awards(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann = stage.user("ann")
    start = stage.points(ann, system)
    for value in (trigger["metricThreshold"], 3 * trigger["metricThreshold"], 1):
        before = stage.points(ann, system)
        answer = stage.event(ann, value, metric)["points"].get(system)
        after = stage.points(ann, system)
        if answer is None:
            assert after == before, "the event says nothing of points that changed"
            continue
        assert answer["total"] == after["total"], f"the event says {answer['total']}, reading says {after['total']}"
        assert answer["added"] == after["total"] - before["total"] == sum(row["awarded"] for row in answer["awards"])
        shown = {row["id"]: row for row in after["awards"]}
        for row in answer["awards"]:
            same = shown.get(row["id"])
            assert same, "an award of the event is not among the user's"
            for name in ("awarded", "total", "date"):
                assert same[name] == row[name], f"the event's award says {name} {row[name]}, reading says {same[name]}"
    after = stage.points(ann, system)
    assert after["total"] == sum(row["awarded"] for row in after["awards"])
    assert after["total"] > start["total"]


@rule("Awards are listed newest first, each with the total after it", behaviour(7, "choice"))
def test_awards_are_a_chain(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann = stage.user("ann")
    for _ in range(4):
        stage.event(ann, trigger["metricThreshold"], metric)
        if stage.control:
            stage.pass_time(minutes=1)
    rows = stage.points(ann, system)["awards"]
    moments = [moment(row["date"]) for row in rows]
    assert moments == sorted(moments, reverse=True), "awards are not newest first"
    total = 0
    for row in reversed(rows):
        total += row["awarded"]
        assert row["total"] == total, f"the award says {row['total']}, the sum so far is {total}"
    assert stage.points(ann, system, awards=2)["awards"] == rows[:2]
    assert len(stage.points(ann, system, awards=1)["awards"]) == 1


@rule("A metric trigger pays for every multiple of its threshold that is passed", behaviour(7))
def test_a_trigger_pays_for_every_multiple(stage: Stage) -> None:
    """Just below the threshold nothing; to 3.5 times the threshold three awards' worth in one."""
    system, trigger, metric = plain_trigger(stage)
    threshold, ann = trigger["metricThreshold"], stage.user("ann")
    below = stage.event(ann, threshold - 0.5, metric)["points"].get(system, {"awards": []})
    assert awards_of(below["awards"], trigger["id"]) == [], "paid before the threshold was reached"
    answer = stage.event(ann, 2.5 * threshold + 0.5, metric)["points"][system]
    paid = awards_of(answer["awards"], trigger["id"])
    assert len(paid) == 1, f"{len(paid)} awards in one event of one trigger"
    expected = boosted(3 * trigger["points"], paid[0]["boosts"])
    assert paid[0]["awarded"] == expected, (
        f"awarded {paid[0]['awarded']}, three times {trigger['points']} with {paid[0]['boosts']} is {expected}"
    )


@rule("Going down and up again does not pay twice", behaviour(7))
def test_the_same_multiple_is_not_paid_twice(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    threshold, ann = trigger["metricThreshold"], stage.user("ann")
    stage.event(ann, threshold, metric)
    before = stage.points(ann, system)["total"]
    stage.event(ann, -threshold, metric)
    stage.event(ann, threshold, metric)
    assert stage.points(ann, system)["total"] == before, "the same multiple was paid twice"
    stage.event(ann, threshold, metric)
    assert stage.points(ann, system)["total"] > before, "the next multiple was not paid"


@rule("Points never exceed maxPoints and never fall below 0", behaviour(7))
def test_points_stay_within_their_bounds(stage: Stage) -> None:
    found = [(key, row) for key, row in stage.kit.points.items() if row["maxPoints"] is not None]
    system, row = stage.kit.need(found, "points system with maxPoints")[0]
    ann, cap = stage.user("ann"), row["maxPoints"]
    kinds = {trigger["type"] for trigger in row["triggers"]}
    if "time" in kinds and stage.control:
        stage.pass_time(days=60)
        assert stage.points(ann, system)["total"] == cap, "60 days of time triggers did not fill it up to the cap"
    spending = [
        t for key, t in stage.kit.triggers("metric") if key == system and t["metricId"] in stage.kit.metric_keys
    ]
    for trigger in spending:
        for _ in range(3):
            before = stage.points(ann, system)["total"]
            answer = stage.event(ann, 40 * trigger["metricThreshold"], stage.kit.metric_keys[trigger["metricId"]])
            total = stage.points(ann, system)["total"]
            assert 0 <= total <= cap, f"the total is {total}, the bounds are 0 and {cap}"
            if system in answer["points"]:
                told = answer["points"][system]
                assert told["total"] == total
                assert told["added"] == sum(award["awarded"] for award in told["awards"]) == total - before, (
                    f"from {before} to {total}, and the event tells {told['added']} of {told['awards']}"
                )
    after = stage.points(ann, system)
    assert all(0 <= award["total"] <= cap for award in after["awards"])
    assert all(award["awarded"] != 0 for award in after["awards"]), "an award cut to nothing was recorded"


@rule("Time triggers pay by themselves", behaviour(7))
def test_time_triggers_pay(stage: Stage) -> None:
    assert stage.clock
    ann = stage.user("ann")
    found = [
        (system, trigger)
        for system, trigger in stage.kit.triggers("time")
        if not trigger["userAttributes"] and room_in(stage, system, ann) >= 2 * abs(trigger["points"])
    ]
    system, trigger = stage.kit.need(found, "time points trigger that a new user has room for")[0]
    hours = trigger["timeInterval"] * (24 if trigger["timeUnit"] == "day" else 1)
    for count in (1, 2):
        stage.pass_time(hours=hours - 1)
        paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
        assert len(paid) == count - 1, f"after {count} intervals less an hour it has paid {len(paid)} times"
        stage.pass_time(hours=1)
        paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
        assert len(paid) == count, f"after {count} intervals it has paid {len(paid)} times"
        assert paid[0]["awarded"] == trigger["points"] or paid[0]["boosts"]


def room_in(stage: Stage, system: str, user: str) -> float:
    """How much more the user may get."""
    most = stage.kit.points[system]["maxPoints"]
    return math.inf if most is None else most - float(stage.points(user, system)["total"])


@rule("A new user gets the points for being created", behaviour(7))
def test_creation_pays(stage: Stage) -> None:
    found = [pair for pair in stage.kit.triggers("user_creation") if not pair[1]["userAttributes"]]
    system, trigger = stage.kit.need(found, "user_creation points trigger")[0]
    ann = stage.user("ann")
    paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
    assert [row["awarded"] for row in paid] == [trigger["points"]]
    stage.get("users_create", body={"id": ann, "name": "Ann"})
    stage.get("users_identify", id=ann, body={})
    assert len(awards_of(stage.points(ann, system)["awards"], trigger["id"])) == 1, "paid again for an update"
    ben = stage.name("ben")
    answer = stage.event(ben, 1, stage.kit.metric())
    assert awards_of(answer["points"][system]["awards"], trigger["id"]), "an event that made its user does not show it"


@rule("An achievement trigger pays once, when the achievement is completed", behaviour(7))
def test_achievements_pay(stage: Stage) -> None:
    keys = {
        row["id"]: row["key"] for row in stage.kit.achievements if row["trigger"] == "api" and not row["userAttributes"]
    }
    found = [
        (s, t) for s, t in stage.kit.triggers("achievement") if t["achievementId"] in keys and not t["userAttributes"]
    ]
    system, trigger = stage.kit.need(found, "points trigger on an api achievement")[0]
    ann = stage.user("ann")
    call = {"key": keys[trigger["achievementId"]], "body": {"user": {"id": ann}}}
    answer = stage.get("achievements_complete", **call)["points"]
    (award,) = awards_of(answer[system]["awards"], trigger["id"])
    assert award["awarded"] == boosted(trigger["points"], award["boosts"])
    assert answer[system]["added"] == sum(row["awarded"] for row in answer[system]["awards"])
    stage.get("achievements_complete", **call)
    assert len(awards_of(stage.points(ann, system)["awards"], trigger["id"])) == 1


@rule("A streak trigger pays each time the length is a multiple of its threshold", behaviour(7))
def test_streaks_pay(stage: Stage) -> None:
    assert stage.clock
    found = [pair for pair in stage.kit.triggers("streak") if not pair[1]["userAttributes"]]
    system, trigger = stage.kit.need(found, "streak points trigger")[0]
    threshold, ann = trigger["streakLengthThreshold"], stage.user("ann")
    for length in range(1, 2 * threshold + 1):
        stage.event(ann, 1, stage.kit.streaking())
        paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
        assert len(paid) == length // threshold, f"at length {length} it has paid {len(paid)} times"
        stage.next_day()


@rule("A trigger with filters pays only when they match", behaviour(7))
def test_filtered_triggers_pay_only_when_they_match(stage: Stage) -> None:
    found = [
        pair
        for pair in stage.kit.triggers("metric")
        if (pair[1]["userAttributes"] or pair[1]["eventAttributes"]) and pair[1]["metricId"] in stage.kit.metric_keys
    ]
    system, trigger = stage.kit.need(found, "metric points trigger with filters")[0]
    metric = stage.kit.metric_keys[trigger["metricId"]]
    attributes = {pair["key"]: pair["value"] for pair in trigger["userAttributes"]}
    event = {pair["key"]: pair["value"] for pair in trigger["eventAttributes"]} or None
    fits, other = stage.user("fits", attributes=attributes), stage.user("other")
    answer = stage.event(fits, trigger["metricThreshold"], metric, attributes=event)
    assert awards_of(answer["points"][system]["awards"], trigger["id"]), "all filters match, yet it does not pay"
    for user, given in ((other, event), (fits, None)):
        if (user == other and attributes) or (given is None and event):
            stage.event(user, trigger["metricThreshold"], metric, attributes=given)
    paid = awards_of(stage.points(fits, system)["awards"], trigger["id"])
    assert len(paid) == 1, "it paid for an event that does not match"
    if attributes:
        assert not awards_of(stage.points(other, system)["awards"], trigger["id"]), (
            "it paid for a user who does not match"
        )

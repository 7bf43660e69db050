"""Levels and counts of users, which agree by user, by level, by range of points and by day."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections import defaultdict
from datetime import date, timedelta
from typing import Any, NamedTuple

import pytest

from contract_tests.awards import Paying, brings, least, plain_trigger
from contract_tests.boards import pairs_of
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.test_summaries import check_periods, check_running

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")


def levelled(stage: Stage) -> tuple[str, list[dict[str, Any]]]:
    found = [(key, rows) for key, rows in stage.kit.levels.items() if rows]
    picked: tuple[str, list[dict[str, Any]]] = stage.kit.need(found, "points system with levels")[0]
    return picked


def level_at(levels: list[dict[str, Any]], total: int) -> dict[str, Any] | None:
    return max((row for row in levels if row["points"] <= total), key=lambda row: row["points"], default=None)


class Climb(NamedTuple):
    """A points system, a trigger, and a value that brings a new user to the lowest level above 0 points."""

    paying: Paying
    levels: list[dict[str, Any]]
    value: int


def climb(stage: Stage) -> Climb:
    """A points system with levels above 0 points that events can reach."""
    found = []
    for key in [key for key, rows in stage.kit.levels.items() if any(row["points"] for row in rows)]:
        with contextlib.suppress(pytest.skip.Exception):
            paying, levels = plain_trigger(stage, key), stage.kit.levels[key]
            lowest = min(row["points"] for row in levels if row["points"])
            awards = math.ceil(lowest / (paying.trigger["points"] * least(stage.kit, key))) + 1
            found.append(Climb(paying, levels, awards * paying.trigger["metricThreshold"]))
    found = [one for one in found if one.value <= MOST]
    picked: Climb = stage.kit.need(found, "points system with a level that events lead to")[0]
    return picked


@rule("The level is the highest one whose points the total has reached", behaviour(7))
def test_the_level_follows_the_total(stage: Stage) -> None:
    (system, trigger, metric), levels, enough = climb(stage)
    ann = stage.user("ann")
    for value in [factor * trigger["metricThreshold"] for factor in (0, 1, 10, 30, 100, 300)] + [enough]:
        if 0 < value <= MOST:
            stage.event(ann, value, metric)
        now = stage.points(ann, system)
        if not now["total"] and stage.control is None:
            continue  # whether a level at 0 is held before anything was earned
        assert stage.known(now["level"]) == stage.known(level_at(levels, now["total"])), f"at {now['total']} points"


@rule(
    "In the response to an event `level` is present only when it changed",
    "#/components/schemas/MetricEventPointsResponse",
)
def test_an_event_returns_the_level_only_when_it_changed(stage: Stage) -> None:
    (system, trigger, metric), _, enough = climb(stage)
    ann, changes, step = stage.user("ann"), 0, trigger["metricThreshold"]
    for value in (step, step, 40 * step, step, 200 * step, step, enough, step):
        if value > MOST:
            continue
        before = stage.points(ann, system)["level"]
        response = stage.event(ann, value, metric)["points"].get(system)
        after = stage.points(ann, system)["level"]
        if response is None:
            continue
        assert ("level" in response) == (before != after), (
            f"from {before and before['key']} to {after and after['key']}: {'level' in response}"
        )
        if "level" in response:
            changes += 1
            assert stage.known(response["level"]) == stage.known(after)
    assert changes or stage.points(ann, system)["level"], "no event changed the level"


@rule(
    "In the response to a completion `level` is present only when it changed",
    "#/components/schemas/MetricEventPointsResponse",
)
def test_a_completion_returns_the_level_only_when_it_changed(stage: Stage) -> None:
    """Ben completes it at 0 points; Ann first gets so near to the next level that the award lifts her to it."""
    system, levels, award = paying_completion(stage)
    ann, ben = stage.user("ann"), stage.user("ben")
    gain = check_completion(stage, ben, system, award)
    above = [row["points"] for row in levels if row["points"] > gain]
    earn(stage, ann, system, stage.kit.need(above, f"level above {gain} points of {system}")[0] - 1)
    before = stage.points(ann, system)
    if not before["total"] < level_above(levels, before) <= before["total"] + gain:
        pytest.skip(f"no events bring a user within {gain} points of a level of {system}")
    check_completion(stage, ann, system, award)
    assert stage.points(ann, system)["level"] != before["level"], "the award did not lift her"


def paying_completion(stage: Stage) -> tuple[str, list[dict[str, Any]], str]:
    """A points system with levels, and the key of an api achievement that awards points in it."""
    keys = {
        row["id"]: row["key"] for row in stage.kit.achievements if row["trigger"] == "api" and not row["userAttributes"]
    }
    found = [
        (system, stage.kit.levels[system], keys[row["achievementId"]])
        for system, row in stage.kit.triggers("achievement")
        if row["achievementId"] in keys
        and not row["userAttributes"]
        and brings(stage.kit, system, row)
        and stage.kit.points[system]["maxPoints"] is None
        and stage.kit.levels[system]
    ]
    picked: tuple[str, list[dict[str, Any]], str] = stage.kit.need(found, "api achievement that pays towards levels")[0]
    return picked


def check_completion(stage: Stage, user: str, system: str, achievement: str) -> int:
    """Complete the achievement. Returns the points in the response."""
    before = stage.points(user, system)
    response = stage.get("achievements_complete", key=achievement, body={"user": {"id": user}})["points"][system]
    after = stage.points(user, system)
    changed = before["level"] != after["level"]
    assert ("level" in response) == changed, f"from {before['total']} to {after['total']}: {'level' in response}"
    if changed:
        assert stage.known(response["level"]) == stage.known(after["level"])
    assert response["added"] == after["total"] - before["total"]
    return int(response["added"])


def earn(stage: Stage, user: str, system: str, target: int) -> None:
    """Send events that bring a user as near below `target` points as one trigger without filters can."""
    _, trigger, metric = plain_trigger(stage, system)
    start = stage.points(user, system)["total"]
    stage.event(user, trigger["metricThreshold"], metric)
    step = stage.points(user, system)["total"] - start
    more = (target - start - step) // step if step > 0 else 0
    if 0 < more * trigger["metricThreshold"] <= MOST:
        stage.event(user, more * trigger["metricThreshold"], metric)


def level_above(levels: list[dict[str, Any]], points: dict[str, Any]) -> float:
    return min((row["points"] for row in levels if row["points"] > points["total"]), default=math.inf)


@rule("Levels are listed in ascending order", behaviour(7, "spec"))
def test_levels_ascend(stage: Stage) -> None:
    system, levels = levelled(stage)
    points = [row["points"] for row in levels]
    assert points == sorted(set(points))
    summary = stage.get("points_level_summary", key=system)
    assert stage.known([row["level"] for row in summary]) == stage.known(levels)


@rule("The level summary counts each user at one level", "#/components/schemas/PointsLevelSummaryResponse")
def test_the_level_summary_counts_users(stage: Stage) -> None:
    (system, _, metric), levels, enough = climb(stage)

    def counts() -> dict[str, int]:
        return {row["level"]["key"]: row["users"] for row in stage.get("points_level_summary", key=system)}

    ann, ben = stage.user("ann"), stage.user("ben")
    before = counts()
    stage.event(ann, enough, metric)
    after = counts()
    level = stage.points(ann, system)["level"]
    assert level, f"{enough} led to no level"
    lowest = level_at(levels, stage.points(ben, system)["total"])
    if lowest and lowest["key"] == level["key"]:
        pytest.skip("all users have the level that events lead to")
    assert after[level["key"]] == before[level["key"]] + 1, "the new level does not count her"
    if lowest:
        assert after[lowest["key"]] == before[lowest["key"]] - 1, "the old level still counts her"
    if stage.fresh:
        assert sum(after.values()) == (2 if lowest else 1)


@rule(
    "A points system without levels has no level summary",
    "#/paths/~1points~1{key}~1level-summary/get/responses/422",
)
def test_no_levels_no_summary(stage: Stage) -> None:
    found = [key for key, rows in stage.kit.levels.items() if not rows]
    system = stage.kit.need(found, "points system without levels")[0]
    assert stage.get("points_levels", key=system) == []
    stage.refused("points_level_summary", key=system)


# Summaries


@rule("The points summary has eleven ranges: 0, then ten of one width", "#/components/schemas/PointsSummaryResponse")
def test_the_points_summary_has_eleven_ranges(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann, ben = stage.user("ann"), stage.user("ben")
    before, had = stage.get("points_summary", key=system), stage.points(ann, system)["total"]
    stage.event(ann, max(12_345, trigger["metricThreshold"]), metric)
    rows = stage.get("points_summary", key=system)
    assert len(rows) == len(before) == 11
    assert (rows[0]["from"], rows[0]["to"], rows[1]["from"]) == (0, 0, 1)
    for row, after in itertools.pairwise(rows):
        assert after["from"] == row["to"] + 1, "ranges leave a gap or overlap"
    assert len({row["to"] - row["from"] for row in rows[1:]}) == 1, "ranges differ in width"
    assert sum(row["users"] for row in rows) == sum(row["users"] for row in before), "users got lost"
    assert rows[0]["users"] == before[0]["users"] - (had == 0), "she still counts as one without points"
    total = stage.points(ann, system)["total"]
    mine = [row for row in rows if row["from"] <= total <= row["to"]]
    assert mine, "the ranges do not reach her total"
    assert mine[0]["users"] >= 1
    if stage.fresh:
        greatest = rows[-1]["to"]
        assert greatest == 10 ** max(1, math.ceil(math.log10(total))), (
            f"up to {greatest}, the greatest total is {total}"
        )
    assert ben


@rule("The points summary can be filtered by user attributes", "points_summary, parameter userAttributes")
def test_the_points_summary_is_filtered(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    key = stage.kit.need(stage.kit.user_attributes, "user attribute")[0]
    value = f"{stage.prefix}-only"
    ann, ben = stage.user("ann", attributes={key: value}), stage.user("ben")
    for user in (ann, ben):
        stage.event(user, max(500, trigger["metricThreshold"]), metric)
    rows = stage.get("points_summary", key=system, userAttributes=pairs_of({key: value}))
    assert sum(row["users"] for row in rows) == 1, "the filter counts others too"
    nobody = stage.get("points_summary", key=system, userAttributes=pairs_of({key: f"{value}-not"}))
    assert sum(row["users"] for row in nobody) == 0
    stage.refused("points_summary", key=system, userAttributes="no-such-key:x")


@rule("Points event summaries agree with each other and with the total", behaviour(7))
def test_points_summaries_agree(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann, gained = stage.user("ann"), defaultdict[date, int](int)
    start = stage.today() - timedelta(days=5)
    for days in (4, 1, 1, 4) if stage.control else (0, 0, 0):  # Wednesday, Sunday, Monday, Tuesday
        before = stage.points(ann, system)["total"]
        stage.event(ann, 2 * trigger["metricThreshold"], metric)
        gained[stage.today()] += stage.points(ann, system)["total"] - before
        if days:
            stage.pass_time(days=days)
    end = stage.today() + timedelta(days=2)
    total = stage.points(ann, system)["total"]
    for aggregation in ("daily", "weekly", "monthly"):
        rows = points_summary(stage, ann, system, aggregation, start, end)
        assert sum(row["change"] for row in rows) == total, f"{aggregation} does not add up to the total"
        assert rows[-1]["total"] == total
        check_running(rows, 0)
        if stage.control and total == sum(gained.values()):
            check_periods(rows, gained, aggregation)


@rule("Totals in a points summary include what happened before the range", behaviour(7))
def test_a_range_of_points_may_begin_later(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage, without=("time",))
    assert stage.clock
    ann = stage.user("ann")
    stage.event(ann, 2 * trigger["metricThreshold"], metric)
    stage.pass_time(days=70)
    start, had = stage.today() - timedelta(days=3), stage.points(ann, system)["total"]
    stage.event(ann, 3 * trigger["metricThreshold"], metric)
    total = stage.points(ann, system)["total"]
    for aggregation in ("daily", "weekly", "monthly"):
        rows = points_summary(stage, ann, system, aggregation, start, start + timedelta(days=5))
        assert rows[-1]["total"] == total, f"{aggregation}: the last total is {rows[-1]['total']}, she has {total}"
        assert sum(row["change"] for row in rows) == total - had, f"{aggregation} counts what was before, or too little"
        check_running(rows, had)


def points_summary(
    stage: Stage, user: str, system: str, aggregation: str, start: date, end: date
) -> list[dict[str, Any]]:
    span = {"aggregation": aggregation, "startDate": start, "endDate": end}
    found: list[dict[str, Any]] = stage.get("users_points_event_summary", id=user, key=system, **span)
    return found


@rule("A points system lists its active triggers", "points_system")
def test_a_points_system_lists_active_triggers(stage: Stage) -> None:
    for system in stage.kit.need(list(stage.kit.points), "points system"):
        row = stage.get("points_system", key=system)
        assert all(trigger["status"] == "active" for trigger in row["triggers"])
        assert len({trigger["id"] for trigger in row["triggers"]}) == len(row["triggers"])
    stage.refused("points_system", key="no-such-system")
    stage.refused("users_points", id=stage.user("ann"), key="no-such-system")

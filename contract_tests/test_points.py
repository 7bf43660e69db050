"""Points: every total is the sum of its awards, every award has a trigger, and levels follow the total."""

from __future__ import annotations

import math

import pytest

from contract_tests.awards import Row, awards_of, boosted, brings, is_for_all, most_of, only_adds, plain_trigger
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, moment

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")
#: The most days that a scenario waits for time triggers, and the most awards that one page lists.
LONGEST, LISTED = 400, 100


@rule("A user's points are the sum of the awards", behaviour(7))
def test_points_are_the_sum_of_their_awards(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann = stage.user("ann")
    start = stage.points(ann, system)
    for value in (trigger["metricThreshold"], 3 * trigger["metricThreshold"], 1):
        before = stage.points(ann, system)
        response = stage.event(ann, value, metric)["points"].get(system)
        after = stage.points(ann, system)
        if response is None:
            assert after == before, "the response to the event lacks points that changed"
            continue
        assert response["total"] == after["total"], f"the event says {response['total']}, reading says {after['total']}"
        assert (
            response["added"] == after["total"] - before["total"] == sum(row["awarded"] for row in response["awards"])
        )
        shown = {row["id"]: row for row in after["awards"]}
        for row in response["awards"]:
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


@rule("A metric trigger awards points for every multiple of its threshold that is passed", behaviour(7))
def test_a_trigger_pays_for_every_multiple(stage: Stage) -> None:
    """Just below the threshold there is no award; at 3.5 times the threshold one award of three times the points."""
    system, trigger, metric = plain_trigger(stage)
    threshold, ann = trigger["metricThreshold"], stage.user("ann")
    below = stage.event(ann, threshold - 0.5, metric)["points"].get(system, {"awards": []})
    assert awards_of(below["awards"], trigger["id"]) == [], "paid before the threshold was reached"
    response = stage.event(ann, 2.5 * threshold + 0.5, metric)["points"][system]
    paid = awards_of(response["awards"], trigger["id"])
    assert paid, "three multiples were passed, and nothing was paid"
    boosts, awarded = paid[0]["boosts"], sum(award["awarded"] for award in paid)
    expected = {boosted(3 * trigger["points"], boosts)}
    if stage.control is not None:
        assert len(paid) == 1, f"{len(paid)} awards in one event of one trigger"
    else:  # elsewhere each multiple may be an award of its own
        expected.add(3 * boosted(trigger["points"], boosts))
    assert awarded in expected, f"awarded {awarded}, three times {trigger['points']} with {boosts} is {expected}"


@rule("A value that falls and rises again is not awarded twice", behaviour(7, "choice"))
def test_the_same_multiple_is_not_paid_twice(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    threshold, ann = trigger["metricThreshold"], stage.user("ann")
    if stage.kit.streak_metric:
        stage.extend(ann)  # so that the events do not extend the streak and award points for it
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
    if stage.control and (days := days_to_fill(stage, system, cap)):
        stage.pass_time(days=days)
        assert stage.points(ann, system)["total"] == cap, f"{days} days of time triggers did not fill it up to the cap"
    spending = [
        t for key, t in stage.kit.triggers("metric") if key == system and t["metricId"] in stage.kit.metric_keys
    ]
    for trigger in spending:
        value = min(40 * trigger["metricThreshold"], MOST)
        for _ in range(3):
            before = stage.points(ann, system)["total"]
            response = stage.event(ann, value, stage.kit.metric_keys[trigger["metricId"]])
            total = stage.points(ann, system)["total"]
            assert total <= cap, f"the total is {total}, maxPoints is {cap}"
            assert total >= 0 or stage.control is None, f"the total is {total}"
            if system in response["points"]:
                actual = response["points"][system]
                assert actual["total"] == total
                assert actual["added"] == sum(award["awarded"] for award in actual["awards"]) == total - before, (
                    f"from {before} to {total}, and the event returns {actual['added']} of {actual['awards']}"
                )
    after = stage.points(ann, system)
    assert all(award["total"] <= cap for award in after["awards"])
    if stage.control is not None:
        assert all(award["total"] >= 0 for award in after["awards"])
        assert all(award["awarded"] != 0 for award in after["awards"]), "an award cut to nothing was recorded"


def hours_of(trigger: Row) -> int:
    """The interval of a time trigger."""
    return int(trigger["timeInterval"] * (24 if trigger["timeUnit"] == "day" else 1))


def by_time(stage: Stage, system: str) -> list[Row]:
    """The time triggers of a system."""
    return [row for key, row in stage.kit.triggers("time") if key == system]


def days_to_fill(stage: Stage, system: str, cap: int) -> int | None:
    """After how many days time triggers alone reach the cap; None if they do not within a few months."""
    rows = by_time(stage, system)
    if not rows or not all(is_for_all(row) and brings(stage.kit, system, row) for row in rows):
        return None
    days = 60
    while sum(days * 24 // hours_of(row) for row in rows) < cap:  # each award is at least 1 point
        days *= 2
        if days > LONGEST:
            return None
    return days


@rule("Time triggers award points when their time has come", behaviour(7))
def test_time_triggers_pay(stage: Stage) -> None:
    assert stage.clock
    ann = stage.user("ann")
    found = [
        (system, trigger)
        for system, trigger in stage.kit.triggers("time")
        if is_for_all(trigger) and can_be_waited_for(stage, system, trigger, ann)
    ]
    system, trigger = stage.kit.need(found, "time points trigger that a new user has room for")[0]
    hours = hours_of(trigger)
    for count in (1, 2):
        stage.pass_time(minutes=60 * hours - 30)
        paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
        assert len(paid) == count - 1, f"after {count} intervals less half an hour it has paid {len(paid)} times"
        stage.pass_time(minutes=30)
        paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
        assert len(paid) == count, f"after {count} intervals it has paid {len(paid)} times"
        assert paid[0]["awarded"] == trigger["points"] or paid[0]["boosts"]


def can_be_waited_for(stage: Stage, system: str, trigger: Row, user: str) -> bool:
    """Whether two intervals are short enough, and all awards until then fit under the cap and on a page."""
    hours, rows = 2 * hours_of(trigger), by_time(stage, system)
    if hours > 24 * LONGEST or not all(brings(stage.kit, system, row) for row in rows):
        return False
    counts = [(hours // hours_of(row), most_of(stage.kit, system, row["points"])) for row in rows]
    fits = sum(count * (1 + points) for count, points in counts) <= room_in(stage, system, user)
    return fits and sum(count for count, _ in counts) <= LISTED // 2


def room_in(stage: Stage, system: str, user: str) -> float:
    """How many more points the user can get."""
    most = stage.kit.points[system]["maxPoints"]
    return math.inf if most is None else most - float(stage.points(user, system)["total"])


def fits(stage: Stage, system: str, trigger: Row, times: int = 1) -> bool:
    """Whether a new user's award is above 0 and is not cut, with all other awards of the same moment."""
    rows = [row for row in stage.kit.points[system]["triggers"] if row["type"] in (trigger["type"], "user_creation")]
    if not all(brings(stage.kit, system, row) for row in rows):
        return False
    cap = stage.kit.points[system]["maxPoints"]
    return cap is None or times * sum(1 + most_of(stage.kit, system, row["points"]) for row in rows) <= cap


@rule("A new user gets the points of user_creation triggers", behaviour(7))
def test_creation_pays(stage: Stage) -> None:
    found = [pair for pair in stage.kit.triggers("user_creation") if is_for_all(pair[1]) and fits(stage, *pair)]
    system, trigger = stage.kit.need(found, "user_creation points trigger that fits in")[0]
    ann = stage.user("ann")
    paid = awards_of(stage.points(ann, system)["awards"], trigger["id"])
    assert len(paid) == 1, f"a new user was paid {len(paid)} times"
    assert paid[0]["awarded"] == boosted(trigger["points"], paid[0]["boosts"])
    stage.get("users_create", body={"id": ann, "name": "Ann"})
    stage.get("users_identify", id=ann, body={})
    assert len(awards_of(stage.points(ann, system)["awards"], trigger["id"])) == 1, "paid again for an update"
    ben = stage.name("ben")
    response = stage.event(ben, 1, stage.kit.metric())
    assert awards_of(stage.points(ben, system)["awards"], trigger["id"]), "a user made by an event was not paid"
    if stage.control is not None:
        assert awards_of(response["points"][system]["awards"], trigger["id"]), (
            "an event that made its user does not show it"
        )


@rule("An achievement trigger awards points once, when the achievement is completed", behaviour(7))
def test_achievements_pay(stage: Stage) -> None:
    keys = {
        row["id"]: row["key"] for row in stage.kit.achievements if row["trigger"] == "api" and not row["userAttributes"]
    }
    found = [
        (s, t)
        for s, t in stage.kit.triggers("achievement")
        if t["achievementId"] in keys and is_for_all(t) and fits(stage, s, t)
    ]
    system, trigger = stage.kit.need(found, "points trigger on an api achievement")[0]
    ann = stage.user("ann")
    call = {"key": keys[trigger["achievementId"]], "body": {"user": {"id": ann}}}
    response = stage.get("achievements_complete", **call)["points"]
    (award,) = awards_of(response[system]["awards"], trigger["id"])
    assert award["awarded"] == boosted(trigger["points"], award["boosts"])
    assert response[system]["added"] == sum(row["awarded"] for row in response[system]["awards"])
    stage.get("achievements_complete", **call)
    assert len(awards_of(stage.points(ann, system)["awards"], trigger["id"])) == 1


@rule("A streak trigger awards points each time the length is a multiple of its threshold", behaviour(7))
def test_streaks_pay(stage: Stage) -> None:
    found = [pair for pair in stage.kit.triggers("streak") if is_for_all(pair[1]) and only_adds(stage.kit, pair[0])]
    system, trigger = stage.kit.need(found, "streak points trigger in a system that only adds")[0]
    if trigger["streakLengthThreshold"] > 1:
        assert stage.clock
    if stage.kit.settings.get("daysOff"):
        pytest.skip("the target's streak has days off")
    threshold, ann = trigger["streakLengthThreshold"], stage.user("ann")
    stage.skip_if_longer(2 * threshold)
    for length in range(1, 2 * threshold + 1):
        stage.extend(ann)
        awards = stage.points(ann, system)["awards"]
        if len(awards) == LISTED:
            pytest.skip("so many awards that a page does not list them all")
        paid = awards_of(awards, trigger["id"])
        assert len(paid) == length // threshold, f"at length {length} it has paid {len(paid)} times"
        if stage.control is None:
            break  # the first length that pays is all that one day can show
        stage.next_period()


@rule("A trigger with attributes awards points only when they match", behaviour(7))
def test_filtered_triggers_pay_only_when_they_match(stage: Stage) -> None:
    found = [
        pair
        for pair in stage.kit.triggers("metric")
        if not is_for_all(pair[1])
        and pair[1]["metricId"] in stage.kit.metric_keys
        and pair[1]["metricThreshold"] <= MOST
        and only_adds(stage.kit, pair[0])
    ]
    system, trigger = stage.kit.need(found, "metric points trigger with filters, in a system that only adds")[0]
    metric = stage.kit.metric_keys[trigger["metricId"]]
    attributes = {pair["key"]: pair["value"] for pair in trigger["userAttributes"]}
    event = {pair["key"]: pair["value"] for pair in trigger["eventAttributes"]} or None
    fits, other = stage.user("fits", attributes=attributes), stage.user("other")
    response = stage.event(fits, trigger["metricThreshold"], metric, attributes=event)
    assert awards_of(response["points"][system]["awards"], trigger["id"]), "all filters match, yet it does not pay"
    for user, given in ((other, event), (fits, None)):
        if (user == other and attributes) or (given is None and event):
            stage.event(user, trigger["metricThreshold"], metric, attributes=given)
    paid = awards_of(stage.points(fits, system)["awards"], trigger["id"])
    assert len(paid) == 1, "it paid for an event that does not match"
    if attributes:
        assert not awards_of(stage.points(other, system)["awards"], trigger["id"]), (
            "it paid for a user who does not match"
        )

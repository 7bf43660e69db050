"""Boosts: when they apply, to which users, and the amounts of awards."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contract_tests.awards import awards_of, boosted, plain_trigger
from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day

pytestmark = pytest.mark.operations("points_", "users_points", "metrics_event")
#: The most days that a scenario waits for the end of a boost.
LONGEST = 4000


@rule("An active boost is applied to an award and shown in it", behaviour(7))
def test_active_boosts_are_applied(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    ann = stage.user("ann")
    active = stage.get("users_points_boosts", id=ann, key=system)
    assert all(boost["status"] == "active" for boost in active)
    response = stage.event(ann, trigger["metricThreshold"], metric)["points"][system]
    (award,) = awards_of(response["awards"], trigger["id"])
    if not active and not award["boosts"]:
        pytest.skip(f"no boost is active for a new user in {system}")
    assert {boost["id"] for boost in award["boosts"]} == {boost["id"] for boost in active}
    assert award["awarded"] == boosted(trigger["points"], active)


@rule("A boost ends at the end of its last day", behaviour(7))
def test_boosts_end(stage: Stage) -> None:
    system, trigger, metric = plain_trigger(stage)
    assert stage.clock
    ann = stage.user("ann")
    active = stage.get("users_points_boosts", id=ann, key=system)
    ends = [day(boost["end"][:10]) for boost in active if boost["end"]]
    last: date = max(stage.kit.need(ends, "active boost with an end"))
    if (last - stage.today()).days > LONGEST:
        pytest.skip(f"the boost lasts until {last}")
    stage.clock.advance(to=f"{last}T23:00:00.000Z")
    still = stage.get("users_points_boosts", id=ann, key=system)
    assert [boost for boost in still if boost["end"]], "a boost ended before its last day was over"
    stage.clock.advance(to=f"{last + timedelta(days=1)}T01:00:00.000Z")
    later = stage.get("users_points_boosts", id=ann, key=system)
    ended = {boost["id"] for boost in active if boost["end"]}
    assert not ended & {boost["id"] for boost in later}, "a boost goes on after its last day"
    response = stage.event(ann, trigger["metricThreshold"], metric)["points"][system]
    (award,) = awards_of(response["awards"], trigger["id"])
    assert {b["id"] for b in award["boosts"]} == {b["id"] for b in later}
    assert award["awarded"] == boosted(trigger["points"], later)


@rule("Finished boosts are listed only if the request asks for them", "points_boosts, parameter includeFinished")
def test_finished_boosts_are_listed_on_demand(stage: Stage) -> None:
    for system in stage.kit.need(list(stage.kit.points), "points system"):
        usual = stage.get("points_boosts", key=system)
        every = stage.get("points_boosts", key=system, includeFinished=True)
        assert all(boost["status"] != "finished" for boost in usual)
        assert [boost for boost in every if boost["status"] != "finished"] == usual
        today = stage.today() if stage.control else None
        for boost in every:
            assert boost["end"] is None or boost["start"][:10] <= boost["end"][:10]
            if today and boost["status"] == "finished":
                assert day(boost["end"][:10]) < today
            if today and boost["status"] == "scheduled":
                assert day(boost["start"][:10]) > today


# Worlds with catalogs made for these tests, where boosts combine in all ways

#: In the suite's worlds it is noon (UTC) of this day.
TODAY, YESTERDAY, TOMORROW = "2025-03-12", "2025-03-11", "2025-03-13"


@pytest.fixture
def make(stages: Stages) -> Any:
    """A world where each step is awarded 7 points of xp, with these boosts."""

    def made(*boosts: dict[str, Any]) -> Stage:
        named = [{"name": f"Boost {n}", "start": TODAY, "multiplier": 1.5} | row for n, row in enumerate(boosts)]
        trigger = {"type": "metric", "metricKey": "steps", "metricThreshold": 1, "points": 7}
        return stages.new(
            catalog={
                "name": "Boosts",
                "userAttributes": ["plan"],
                "metrics": {"steps": {"name": "Steps"}},
                "points": {"xp": {"name": "XP", "triggers": [trigger], "boosts": named}},
            }
        )

    return made


def paid(stage: Stage, user: str, steps: int = 1) -> int:
    """The points that a user gets for this many steps."""
    response = stage.event(user, steps, "steps")["points"]["xp"]
    active = stage.get("users_points_boosts", id=user, key="xp")
    (award,) = response["awards"]
    assert {boost["id"] for boost in award["boosts"]} == {boost["id"] for boost in active}
    assert response["added"] == award["awarded"]
    return int(award["awarded"])


@rule("The multipliers of several boosts are multiplied", behaviour(7))
def test_multipliers_multiply(make: Any) -> None:
    stage = make({"multiplier": 2}, {"multiplier": 3}, {"multiplier": 1.5})
    assert paid(stage, stage.user("ann")) == 63


@rule("An award is rounded once, as its boosts specify", behaviour(7))
@pytest.mark.parametrize(
    ("roundings", "multipliers", "expected"),
    [
        (["down"], [1.5], 10),
        (["up"], [1.5], 11),
        (["up"], [1.05], 8),
        (["nearest"], [1.05], 7),
        (["nearest"], [1.25], 9),
        (["down"], [1.25], 8),
        (["up", "up"], [1.5, 1.5], 16),
    ],
)
def test_awards_are_rounded_as_asked(make: Any, roundings: list[str], multipliers: list[float], expected: int) -> None:
    rows = zip(roundings, multipliers, strict=True)
    stage = make(*({"rounding": rounding, "multiplier": multiplier} for rounding, multiplier in rows))
    got = paid(stage, stage.user("ann"))
    assert got == expected, f"7 points times {multipliers} rounded {roundings[0]} are {expected}, not {got}"


@rule("Boosts with different roundings round down", behaviour(7, "choice"), choice=True)
def test_mixed_roundings_round_down(make: Any) -> None:
    stage = make({"rounding": "up"}, {"rounding": "nearest"})
    assert paid(stage, stage.user("ann")) == 15


@rule("A boost with user attributes applies to users who have all of them", behaviour(7))
def test_boosts_may_be_for_some(make: Any) -> None:
    stage = make({"multiplier": 3, "userAttributes": {"plan": "premium"}}, {"multiplier": 2})
    assert paid(stage, stage.user("ann", attributes={"plan": "premium"})) == 42
    assert paid(stage, stage.user("ben", attributes={"plan": "free"})) == 14
    assert paid(stage, stage.user("cem")) == 14


@rule("A boost can be for one user", behaviour(7))
def test_a_boost_may_be_for_one(make: Any) -> None:
    stage = make({"multiplier": 3, "userId": "ann"})
    for user, expected in (("ann", 21), ("ben", 7)):
        stage.get("users_create", body={"id": user})
        assert paid(stage, user) == expected, f"{user} got other points"


@rule("The days of a boost are days in each user's time zone", behaviour(7))
def test_boosts_follow_local_days(make: Any) -> None:
    """At noon UTC it is tomorrow on Kiritimati; at one in the morning it is still yesterday in New York."""
    stage = make({"multiplier": 2, "start": TODAY, "end": TODAY}, {"multiplier": 3, "start": TOMORROW})
    far, here = stage.user("far", tz="Pacific/Kiritimati"), stage.user("here", tz="Europe/London")
    assert (paid(stage, far), paid(stage, here)) == (21, 14), "for one of them a boost is of another day"
    late = stage.user("late", tz="America/New_York")
    stage.pass_time(hours=13)
    assert (paid(stage, here), paid(stage, late)) == (21, 14), "for one of them a boost is of another day"


@rule("A points system's boosts are listed with their status, scheduled ones too", "points_boosts")
def test_boosts_are_listed_with_their_status(make: Any) -> None:
    stage = make(
        {"name": "Over", "start": "2025-03-01", "end": YESTERDAY},
        {"name": "Now", "end": TODAY},
        {"name": "Soon", "start": TOMORROW},
        {"name": "Hers", "userId": "ann"},
    )
    listed = {row["name"]: row["status"] for row in stage.get("points_boosts", key="xp")}
    every = {row["name"]: row["status"] for row in stage.get("points_boosts", key="xp", includeFinished=True)}
    assert listed == {"Now": "active", "Soon": "scheduled"}
    assert every == listed | {"Over": "finished"}

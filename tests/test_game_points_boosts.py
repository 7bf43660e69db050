"""Boosts: what they make of awards, for whom, when, and what is told of them (behaviour, sections 7 and 11)."""

from __future__ import annotations

from typing import Any

import pytest
from awards import awards, with_points
from sample import SAMPLE, boost, filters, per_metric
from story import Story, column, facts_of, plain

BOOSTED = "04-02 09:00 ann words 10"


@pytest.mark.parametrize(
    ("boosts", "awarded"),
    [
        ([], 7),
        ([boost("a", "2025-04-02", "2025-04-02", 1.5)], 10),
        ([boost("a", "2025-04-02", None, 1.5, rounding="up")], 11),
        ([boost("a", "2025-04-02", None, 1.5, rounding="nearest")], 11),
        ([boost("a", "2025-04-02", None, 1.49, rounding="nearest")], 10),
        ([boost("a", "2025-04-02", None, 1.5, rounding="up"), boost("b", "2025-01-01", None, 1.5, rounding="up")], 16),
        ([boost("a", "2025-04-02", None, 1.5, rounding="up"), boost("b", "2025-01-01", None, 1.5)], 15),
        (
            [boost("a", "2025-04-02", None, 1.1, rounding="up"), boost("b", "2025-04-02", None, 1, rounding="nearest")],
            7,
        ),
        ([boost("a", "2025-04-01", "2025-04-01", 9), boost("b", "2025-04-03", None, 9)], 7),
        ([boost("a", "2025-04-01", None, 3, user="ann"), boost("b", "2025-04-01", None, 9, user="bob")], 21),
        ([boost("a", "2025-04-01", None, 3, user_attributes=filters(plan="pro"))], 7),
        ([boost("a", "2025-04-01", None, 0.1)], None),
    ],
)
def test_boosts_multiply_and_are_rounded_once(boosts: list[Any], awarded: int | None) -> None:
    story = Story(with_points(per_metric(7, 10), boosts=tuple(boosts)))
    story.play(BOOSTED)
    assert [row[0] for row in awards(story)] == ([awarded] if awarded else [])


def test_a_boost_is_rounded_for_the_award_and_not_for_each_multiple() -> None:
    story = Story(with_points(per_metric(1, 10), boosts=(boost("a", "2025-04-01", None, 1.5),)))
    assert story.event("ann", "words", 30)["points"]["xp"]["added"] == 4


def test_deductions_are_not_boosted() -> None:
    story = Story(
        with_points(per_metric(-7, 1, "chapters"), per_metric(10, 1), boosts=(boost("a", "2025-04-01", None, 2),))
    )
    story.play("04-01 09:00 ann words 1\n04-01 10:00 ann chapters 1")
    rows = story.call("users_points", id="ann", key="xp")["awards"]
    assert [(row["awarded"], column(row["boosts"], "name")) for row in rows] == [(-7, []), (20, ["a"])]


def test_a_boost_lasts_for_whole_days_in_the_zone_of_each_user() -> None:
    story = Story(with_points(per_metric(10, 1), boosts=(boost("day", "2025-04-02", "2025-04-02", 2),)))
    story.call("users_create", body={"id": "east", "tz": "Pacific/Kiritimati"})
    story.call("users_create", body={"id": "west", "tz": "Pacific/Pago_Pago"})
    boosted = []
    for when in ("04-01 09:59Z", "04-01 10:00Z", "04-02 09:59Z", "04-02 10:00Z", "04-02 11:00Z", "04-03 10:59:59Z"):
        story.at(when)
        for user in ("east", "west"):
            if story.event(user, "words", 1)["points"]["xp"]["added"] == 20:
                boosted.append((when, user))
    assert boosted == [
        ("04-01 10:00Z", "east"),
        ("04-02 09:59Z", "east"),
        ("04-02 11:00Z", "west"),
        ("04-03 10:59:59Z", "west"),
    ]


def test_boosts_of_a_system_are_those_for_everybody_finished_ones_when_asked() -> None:
    story = Story(SAMPLE, start="2025-04-04 12:00")

    def listed(**arguments: Any) -> list[Any]:
        return column(story.call("points_boosts", key="xp", **arguments), "name", "status")

    assert listed() == [("double", "active"), ("pro", "active")]
    story.at("04-05")
    assert listed() == [("pro", "active")]
    assert listed(include_finished=True) == [("double", "finished"), ("pro", "active")]
    assert Story(SAMPLE, start="2025-04-02").call("points_boosts", key="xp")[0]["status"] == "scheduled"


def test_boosts_of_a_user_are_those_that_are_active_for_that_user_now() -> None:
    story = Story(SAMPLE, start="2025-04-04 12:00")
    for user, plan in (("ann", "free"), ("bob", "pro"), ("cat", "free")):
        story.call("users_create", body={"id": user, "attributes": {"plan": plan}})
    names = [column(story.call("users_points_boosts", id=user, key="xp"), "name") for user in ("ann", "bob", "cat")]
    assert names == [["double", "own"], ["double", "pro"], ["double"]]
    story.call("users_identify", id="cat", body={"tz": "Pacific/Kiritimati"})
    assert story.call("users_points_boosts", id="cat", key="xp") == []


def test_the_status_of_an_awards_boosts_follows_the_users_day() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 bob is tz=Pacific/Kiritimati\n04-04 12:00 bob words 10\n04-04 12:00Z")
    row = story.call("users_points", id="bob", key="xp")["awards"][0]
    assert column(row["boosts"], "name", "status") == [("double", "finished")]
    assert column(story.call("points_boosts", key="xp"), "name", "status")[0] == ("double", "active")


def test_boosts_are_told_when_they_have_begun_and_ended_everywhere_those_of_a_user_at_local_midnights() -> None:
    boosts = (
        boost("all", "2025-04-03", "2025-04-04", 2),
        boost("own", "2025-04-03", "2025-04-04", 2, user="ann"),
        boost("endless", "2025-04-05", None, 2),
        boost("missed", "2025-03-01", "2025-04-06", 2, user="ann"),
    )
    story = "04-01 09:00 ann is tz=Asia/Tokyo\n04-30"
    assert facts_of(with_points(boosts=boosts), story, "Boost") == plain("""
        04-02 10:00 BoostStarted id-all
        04-02 15:00 ann BoostStarted id-own
        04-04 10:00 BoostStarted id-endless
        04-04 15:00 ann BoostFinished id-own
        04-05 13:00 BoostFinished id-all
        04-06 15:00 ann BoostFinished id-missed
    """)


def test_a_user_who_changes_zone_is_told_of_the_own_boost_once() -> None:
    boosts = (boost("own", "2025-04-03", "2025-04-03", 2, user="ann"),)
    story = """
        04-01 09:00 ann is tz=Asia/Tokyo
        04-03 00:00 ann is tz=America/New_York
        04-03 15:00Z ann is tz=Pacific/Kiritimati
        04-10 00:00
    """
    assert facts_of(with_points(boosts=boosts), story, "Boost") == plain("""
        04-02 15:00 ann BoostStarted id-own
        04-03 15:00 ann BoostFinished id-own
    """)


def test_a_boost_of_a_user_who_goes_west_before_it_starts_waits_for_the_midnight_there() -> None:
    boosts = (boost("own", "2025-04-03", "2025-04-03", 2, user="ann"),)
    story = """
        04-01 09:00 ann is tz=Asia/Tokyo
        04-02 12:00Z ann is tz=America/New_York
        04-03 20:00Z ann is tz=Pacific/Pago_Pago
        04-10 00:00
    """
    assert facts_of(with_points(boosts=boosts), story, "Boost") == plain("""
        04-03 04:00 ann BoostStarted id-own
        04-04 11:00 ann BoostFinished id-own
    """)

"""Points: triggers, limits, awards and summaries (behaviour, section 7). Boosts stand in `test_game_points_boosts.py`,
levels and what is told of changes in `test_game_points_levels.py`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from awards import awards, with_points
from sample import SAMPLE, by_key, filters, metric_achievement, per_metric
from story import Story, column, facts_of, plain

from mockserver.game.catalog import Catalog, PointsTrigger
from mockserver.game.errors import NotFound

# Triggers


def test_each_multiple_that_the_total_passes_is_paid_in_one_award() -> None:
    story = Story(with_points(per_metric(7, 100)))
    story.event("ann", "words", 95)
    assert awards(story) == []
    response = story.event("ann", "words", 215)
    assert column(response["points"]["xp"]["awards"], "awarded") == [21]


def test_going_down_and_up_again_does_not_pay_twice() -> None:
    story = Story(with_points(per_metric(1, 10)))
    for value in (25, -25, 20, 4.999999, 0.000001, 5):
        story.event("ann", "words", value)
    assert awards(story) == [(1, 3), (2, 2)]


def test_what_lies_below_zero_pays_nothing_on_the_way_up() -> None:
    story = Story(with_points(per_metric(1, 10)))
    for value in (-100, 100, 10):
        story.event("ann", "words", value)
    assert awards(story) == [(1, 1)]


def test_a_filtered_trigger_counts_only_the_events_that_match() -> None:
    story = Story(with_points(per_metric(1, 10, event_attributes=filters(source="phone"))))
    story.event("ann", "words", 100)
    story.event("ann", "words", 9, source="phone")
    story.event("ann", "words", 100, source="desk")
    story.event("ann", "words", 1, source="phone")
    assert awards(story) == [(1, 1)]


def test_what_passed_while_a_user_filter_did_not_match_is_not_paid_later() -> None:
    story = Story(with_points(per_metric(1, 10, user_attributes=filters(plan="pro"))))
    story.event("ann", "words", 35)
    story.event("ann", "words", 10, user_plan="pro")
    assert awards(story) == [(1, 1)]


def test_streak_triggers_pay_at_every_multiple_of_the_length() -> None:
    story = Story(with_points(PointsTrigger("t", "streak", 5, threshold=2)))
    for day in range(1, 6):
        story.line(f"04-0{day} 09:00 ann words 1")
    story.line("04-08 09:00 ann words 1")
    story.line("04-09 09:00 ann words 1")
    assert awards(story) == [(5, 15), (5, 10), (5, 5)]


def test_an_achievement_trigger_pays_once() -> None:
    story = Story(with_points(PointsTrigger("t", "achievement", 5, achievement="onboarded")))
    story.play("04-01 09:00 ann does onboarded\n04-01 10:00 ann does onboarded")
    assert awards(story) == [(5, 5)]


def test_an_event_pays_for_the_metric_first_then_for_the_streak_then_for_achievements() -> None:
    triggers = (
        PointsTrigger("a", "achievement", 100, achievement="five"),
        PointsTrigger("s", "streak", 10, threshold=1),
        per_metric(1, 1),
    )
    catalog = replace(with_points(*triggers), achievements=by_key(metric_achievement("five", 5)))
    story = Story(catalog)
    story.event("ann", "words", 5)
    assert awards(story) == [(100, 115), (10, 15), (5, 5)]


def test_creation_points_come_with_the_first_identification_and_are_among_those_of_the_event() -> None:
    story = Story(with_points(PointsTrigger("c", "user_creation", 30), per_metric(1, 10)))
    response = story.event("ann", "words", 10)
    assert response["points"]["xp"]["added"] == 31
    assert column(response["points"]["xp"]["awards"], "awarded", "total") == [(1, 31), (30, 30)]
    story.call("users_identify", id="ann", body={"name": "Ann"})
    assert awards(story) == [(1, 31), (30, 30)]


def test_time_triggers_pay_every_so_many_hours_or_days_since_the_user_was_created() -> None:
    hours = PointsTrigger("h", "time", 1, time_unit="hour", time_interval=36)
    days = PointsTrigger("d", "time", 10, time_unit="day", time_interval=2, user_attributes=filters(plan="pro"))
    story = """
        03-29 09:30 ann is plan=pro
        03-29 10:00 bob is tz=Europe/London
        04-02 09:30
    """
    assert facts_of(with_points(hours, days), story, "PointsAwarded", start="2025-03-29") == plain("""
        03-30 21:30 ann PointsAwarded xp 1 1
        03-30 22:00 bob PointsAwarded xp 1 1
        03-31 09:30 ann PointsAwarded xp 10 11
        04-01 09:30 ann PointsAwarded xp 1 12
        04-01 10:00 bob PointsAwarded xp 1 2
        04-02 09:30 ann PointsAwarded xp 10 22
    """)


def test_archived_and_inactive_triggers_never_fire_and_are_not_listed() -> None:
    sleeping = [replace(per_metric(9, 1), id=status, status=status) for status in ("archived", "inactive")]
    story = Story(with_points(*sleeping, per_metric(1, 1)))
    story.event("ann", "words", 1)
    assert awards(story) == [(1, 1)]
    assert column(story.call("points_system", key="xp")["triggers"], "id", "status") == [("1-per-1-words", "active")]


def test_a_trigger_shows_the_fields_of_its_type_only() -> None:
    shapes = {row["type"]: set(row) for row in _triggers(SAMPLE, "xp") + _triggers(SAMPLE, "energy")}
    common = {"id", "type", "points", "status", "userAttributes", "created", "updated"}
    assert shapes == {
        "metric": common | {"metricId", "metricName", "metricThreshold", "eventAttributes"},
        "streak": common | {"streakLengthThreshold"},
        "achievement": common | {"achievementId", "achievementName"},
        "time": common | {"timeUnit", "timeInterval"},
        "user_creation": common,
    }


def _triggers(catalog: Catalog, key: str) -> list[Any]:
    return list(Story(catalog).call("points_system", key=key)["triggers"])


# Limits


def test_totals_stay_between_zero_and_the_maximum_and_what_is_cut_to_nothing_is_no_award() -> None:
    story = Story(with_points(per_metric(40, 1), per_metric(-30, 1, "chapters"), max_points=100))
    for metric in ("chapters", "words", "words", "words", "words", "chapters", "chapters", "chapters", "chapters"):
        story.event("ann", metric, 1)
    assert awards(story) == [(-10, 0), (-30, 10), (-30, 40), (-30, 70), (20, 100), (40, 80), (40, 40)]


def test_without_a_maximum_a_total_ends_at_a_quadrillion() -> None:
    story = Story(with_points(per_metric(10**12, 1)))
    story.event("ann", "words", 10**12)
    assert awards(story) == [(10**15, 10**15)]


# Reading


def test_users_are_spread_over_ten_ranges_up_to_the_greatest_total_rounded_up_to_a_power_of_ten() -> None:
    story = Story(with_points(per_metric(1, 1)))
    for number, value in enumerate((0, 1, 100, 101, 999, 1000)):
        story.event(f"user-{number}", "words", value)
    rows = column(story.call("points_summary", key="xp"), "from", "to", "users")
    empty = [(n * 100 + 1, n * 100 + 100, 0) for n in range(2, 9)]
    assert rows == [(0, 0, 1), (1, 100, 2), (101, 200, 1), *empty, (901, 1000, 2)]
    story.event("user-0", "words", 1001)
    assert story.call("points_summary", key="xp")[1] == {"from": 1, "to": 1000, "users": 5}


@pytest.mark.parametrize("points_of_all", [0, 1, 10])
def test_up_to_ten_points_the_ranges_have_a_width_of_one(points_of_all: int) -> None:
    story = Story(with_points(per_metric(1, 1)))
    story.event("ann", "words", points_of_all)
    rows = column(story.call("points_summary", key="xp"), "from", "to")
    assert rows == [(n, n) for n in range(11)]


def test_the_summary_counts_only_users_who_match_all_pairs() -> None:
    story = Story(with_points(per_metric(1, 1)))
    story.event("ann", "words", 5, user_plan="pro", user_team="red")
    story.event("bob", "words", 5, user_plan="pro")
    story.call("users_create", body={"id": "cat", "attributes": {"plan": "pro"}})

    def users(pairs: str) -> int:
        return sum(column(story.call("points_summary", key="xp", user_attributes=pairs), "users"))

    assert [users(pairs) for pairs in ("plan:pro", "plan:pro,team:red", "plan:free", "")] == [3, 1, 0, 3]


def test_the_newest_awards_come_first_as_many_as_asked() -> None:
    story = Story(with_points(per_metric(1, 1)))
    for _ in range(250):
        story.event("ann", "words", 1)
    response = story.call("users_points", id="ann", key="xp")
    assert (response["total"], column(response["awards"], "total")) == (250, list(range(250, 240, -1)))
    every = story.call("users_points", id="ann", key="xp", awards=100)["awards"]
    assert column(every, "total") == list(range(250, 150, -1))
    assert len(set(column(every, "id"))) == 100


def test_unknown_systems_are_not_found() -> None:
    story = Story(SAMPLE)
    story.call("users_create", body={"id": "ann"})
    for operation in ("points_system", "points_boosts", "points_levels", "points_level_summary", "points_summary"):
        assert isinstance(story.refusal(operation, key="unknown"), NotFound)
    assert isinstance(story.refusal("users_points", id="ann", key="unknown"), NotFound)
    assert isinstance(story.refusal("users_points_boosts", id="ann", key="unknown"), NotFound)

"""Points: triggers, boosts, limits, levels, summaries, and what is told of changes (behaviour, sections 7 and 11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample import (
    BARE,
    SAMPLE,
    api_achievement,
    boost,
    by_key,
    filters,
    level,
    metric_achievement,
    per_metric,
    points,
)
from story import Story, column, plain, told

from mockserver.game.catalog import Catalog, PointsTrigger, Settings
from mockserver.game.errors import NotFound, Refused


def with_points(*triggers: PointsTrigger, **more: Any) -> Catalog:
    achievements = by_key(api_achievement("onboarded"))
    return replace(BARE, achievements=achievements, points=by_key(points(triggers=triggers, **more)))


def awards(story: Story, user: str = "ann", key: str = "xp") -> list[tuple[int, int]]:
    return column(story.ask("users_points", id=user, key=key, awards=100)["awards"], "awarded", "total")


# Triggers


def test_each_multiple_that_the_total_passes_is_paid_in_one_award() -> None:
    story = Story(with_points(per_metric(7, 100)))
    story.event("ann", "words", 95)
    assert awards(story) == []
    answer = story.event("ann", "words", 215)
    assert column(answer["points"]["xp"]["awards"], "awarded") == [21]


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
    story.tell("04-01 09:00 ann does onboarded\n04-01 10:00 ann does onboarded")
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
    answer = story.event("ann", "words", 10)
    assert answer["points"]["xp"]["added"] == 31
    assert column(answer["points"]["xp"]["awards"], "awarded", "total") == [(1, 31), (30, 30)]
    story.ask("users_identify", id="ann", body={"name": "Ann"})
    assert awards(story) == [(1, 31), (30, 30)]


def test_time_triggers_pay_every_so_many_hours_or_days_since_the_user_was_created() -> None:
    hours = PointsTrigger("h", "time", 1, time_unit="hour", time_interval=36)
    days = PointsTrigger("d", "time", 10, time_unit="day", time_interval=2, user_attributes=filters(plan="pro"))
    story = """
        03-29 09:30 ann is plan=pro
        03-29 10:00 bob is tz=Europe/London
        04-02 09:30
    """
    assert told(with_points(hours, days), story, "PointsAwarded", start="2025-03-29") == plain("""
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
    assert column(story.ask("points_system", key="xp")["triggers"], "id", "status") == [("1-per-1-words", "active")]


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
    return list(Story(catalog).ask("points_system", key=key)["triggers"])


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


# Boosts


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
    story.tell(BOOSTED)
    assert [row[0] for row in awards(story)] == ([awarded] if awarded else [])


def test_a_boost_is_rounded_for_the_award_and_not_for_each_multiple() -> None:
    story = Story(with_points(per_metric(1, 10), boosts=(boost("a", "2025-04-01", None, 1.5),)))
    assert story.event("ann", "words", 30)["points"]["xp"]["added"] == 4


def test_deductions_are_not_boosted() -> None:
    story = Story(
        with_points(per_metric(-7, 1, "chapters"), per_metric(10, 1), boosts=(boost("a", "2025-04-01", None, 2),))
    )
    story.tell("04-01 09:00 ann words 1\n04-01 10:00 ann chapters 1")
    rows = story.ask("users_points", id="ann", key="xp")["awards"]
    assert [(row["awarded"], column(row["boosts"], "name")) for row in rows] == [(-7, []), (20, ["a"])]


def test_a_boost_lasts_for_whole_days_in_the_zone_of_each_user() -> None:
    story = Story(with_points(per_metric(10, 1), boosts=(boost("day", "2025-04-02", "2025-04-02", 2),)))
    story.ask("users_create", body={"id": "east", "tz": "Pacific/Kiritimati"})
    story.ask("users_create", body={"id": "west", "tz": "Pacific/Pago_Pago"})
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
        return column(story.ask("points_boosts", key="xp", **arguments), "name", "status")

    assert listed() == [("double", "active"), ("pro", "active")]
    story.at("04-05")
    assert listed() == [("pro", "active")]
    assert listed(include_finished=True) == [("double", "finished"), ("pro", "active")]
    assert Story(SAMPLE, start="2025-04-02").ask("points_boosts", key="xp")[0]["status"] == "scheduled"


def test_boosts_of_a_user_are_those_that_are_active_for_that_user_now() -> None:
    story = Story(SAMPLE, start="2025-04-04 12:00")
    for user, plan in (("ann", "free"), ("bob", "pro"), ("cat", "free")):
        story.ask("users_create", body={"id": user, "attributes": {"plan": plan}})
    names = [column(story.ask("users_points_boosts", id=user, key="xp"), "name") for user in ("ann", "bob", "cat")]
    assert names == [["double", "own"], ["double", "pro"], ["double"]]
    story.ask("users_identify", id="cat", body={"tz": "Pacific/Kiritimati"})
    assert story.ask("users_points_boosts", id="cat", key="xp") == []


def test_the_status_of_an_awards_boosts_follows_the_users_day() -> None:
    story = Story(SAMPLE)
    story.tell("04-01 09:00 bob is tz=Pacific/Kiritimati\n04-04 12:00 bob words 10\n04-04 12:00Z")
    row = story.ask("users_points", id="bob", key="xp")["awards"][0]
    assert column(row["boosts"], "name", "status") == [("double", "finished")]
    assert column(story.ask("points_boosts", key="xp"), "name", "status")[0] == ("double", "active")


def test_boosts_are_told_at_the_first_and_the_last_second_utc_those_of_a_user_at_local_midnights() -> None:
    boosts = (
        boost("all", "2025-04-03", "2025-04-04", 2),
        boost("own", "2025-04-03", "2025-04-04", 2, user="ann"),
        boost("endless", "2025-04-05", None, 2),
        boost("missed", "2025-03-01", "2025-04-06", 2, user="ann"),
    )
    story = "04-01 09:00 ann is tz=Asia/Tokyo\n04-30"
    assert told(with_points(boosts=boosts), story, "Boost") == plain("""
        04-02 15:00 ann BoostStarted id-own
        04-03 00:00 BoostStarted id-all
        04-04 15:00 ann BoostFinished id-own
        04-04 23:59:59.000Z BoostFinished id-all
        04-05 00:00 BoostStarted id-endless
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
    assert told(with_points(boosts=boosts), story, "Boost") == plain("""
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
    assert told(with_points(boosts=boosts), story, "Boost") == plain("""
        04-03 04:00 ann BoostStarted id-own
        04-04 11:00 ann BoostFinished id-own
    """)


# Levels

LEVELS = (level("bronze", 0), level("silver", 50), level("gold", 100))


def test_the_level_is_the_highest_that_the_total_has_reached() -> None:
    story = Story(with_points(per_metric(25, 1), levels=LEVELS))
    story.ask("users_create", body={"id": "ann"})
    reached = [story.ask("users_points", id="ann", key="xp")["level"]["key"]]
    for _ in range(4):
        story.event("ann", "words", 1)
        reached.append(story.ask("users_points", id="ann", key="xp")["level"]["key"])
    assert reached == ["bronze", "bronze", "silver", "silver", "gold"]


def test_a_level_is_in_the_answer_only_when_it_changed_and_null_below_all_of_them() -> None:
    levels = (level("silver", 50), level("gold", 100))
    story = Story(with_points(per_metric(50, 1), per_metric(-60, 1, "chapters"), levels=levels))
    shown: list[Any] = []
    for metric in ("words", "words", "words", "chapters", "chapters"):
        shape = story.event("ann", metric, 1)["points"]["xp"]
        shown.append(shape["level"] and shape["level"]["key"] if "level" in shape else "same")
    assert shown == ["silver", "gold", "same", "silver", None]


def test_a_level_that_is_gained_and_lost_within_one_event_is_not_in_the_answer() -> None:
    born = PointsTrigger("c", "user_creation", 50)
    story = Story(with_points(born, per_metric(-50, 1, "chapters"), levels=(level("silver", 50),)))
    assert "level" not in story.event("ann", "chapters", 1)["points"]["xp"]
    assert len(story.facts("Level")) == 2


def test_a_level_at_zero_is_held_from_creation_in_silence() -> None:
    story = Story(with_points(per_metric(25, 1), levels=LEVELS))
    story.event("ann", "words", 1)
    assert story.facts("Level") == []


def test_every_change_of_level_is_told_up_and_down() -> None:
    levels = (level("silver", 50), level("gold", 100))
    catalog = with_points(per_metric(50, 1), per_metric(-60, 1, "chapters"), levels=levels)
    story = "04-01 09:00 ann words 2\n04-01 10:00 ann chapters 1\n04-01 11:00 ann chapters 1"
    assert told(catalog, story, "Level") == plain("""
        04-01 09:00 ann LevelChanged xp None gold
        04-01 10:00 ann LevelChanged xp gold None
    """)


def test_the_level_summary_has_a_row_per_level_and_none_for_those_below_the_first() -> None:
    story = Story(with_points(per_metric(1, 1), levels=(level("silver", 50), level("gold", 100))))
    for user, value in (("a", 10), ("b", 50), ("c", 99), ("d", 500)):
        story.event(user, "words", value)
    rows = story.ask("points_level_summary", key="xp")
    assert [(row["level"]["key"], row["users"]) for row in rows] == [("silver", 2), ("gold", 1)]
    assert column(story.ask("points_levels", key="xp"), "key") == ["silver", "gold"]


def test_a_level_at_zero_counts_everybody_who_has_nothing() -> None:
    story = Story(with_points(per_metric(1, 1), levels=LEVELS))
    story.event("a", "words", 60)
    story.ask("users_create", body={"id": "b"})
    assert column(story.ask("points_level_summary", key="xp"), "users") == [1, 1, 0]


def test_a_system_without_levels_has_no_level_summary_but_an_empty_list_of_levels() -> None:
    story = Story(with_points(per_metric(1, 1)))
    assert isinstance(story.refusal("points_level_summary", key="xp"), Refused)
    assert story.ask("points_levels", key="xp") == []
    story.event("ann", "words", 1)
    assert story.ask("users_points", id="ann", key="xp")["level"] is None


# Reading


def test_users_are_spread_over_ten_ranges_up_to_the_greatest_total_rounded_up_to_a_power_of_ten() -> None:
    story = Story(with_points(per_metric(1, 1)))
    for number, value in enumerate((0, 1, 100, 101, 999, 1000)):
        story.event(f"user-{number}", "words", value)
    rows = column(story.ask("points_summary", key="xp"), "from", "to", "users")
    empty = [(n * 100 + 1, n * 100 + 100, 0) for n in range(2, 9)]
    assert rows == [(0, 0, 1), (1, 100, 2), (101, 200, 1), *empty, (901, 1000, 2)]
    story.event("user-0", "words", 1001)
    assert story.ask("points_summary", key="xp")[1] == {"from": 1, "to": 1000, "users": 5}


@pytest.mark.parametrize("points_of_all", [0, 1, 10])
def test_up_to_ten_points_the_ranges_have_a_width_of_one(points_of_all: int) -> None:
    story = Story(with_points(per_metric(1, 1)))
    story.event("ann", "words", points_of_all)
    rows = column(story.ask("points_summary", key="xp"), "from", "to")
    assert rows == [(n, n) for n in range(11)]


def test_the_summary_counts_only_users_who_match_all_pairs() -> None:
    story = Story(with_points(per_metric(1, 1)))
    story.event("ann", "words", 5, user_plan="pro", user_team="red")
    story.event("bob", "words", 5, user_plan="pro")
    story.ask("users_create", body={"id": "cat", "attributes": {"plan": "pro"}})

    def users(pairs: str) -> int:
        return sum(column(story.ask("points_summary", key="xp", user_attributes=pairs), "users"))

    assert [users(pairs) for pairs in ("plan:pro", "plan:pro,team:red", "plan:free", "")] == [3, 1, 0, 3]


def test_the_newest_awards_come_first_as_many_as_asked() -> None:
    story = Story(with_points(per_metric(1, 1)))
    for _ in range(250):
        story.event("ann", "words", 1)
    answer = story.ask("users_points", id="ann", key="xp")
    assert (answer["total"], column(answer["awards"], "total")) == (250, list(range(250, 240, -1)))
    every = story.ask("users_points", id="ann", key="xp", awards=100)["awards"]
    assert column(every, "total") == list(range(250, 150, -1))
    assert len(set(column(every, "id"))) == 100


def test_unknown_systems_are_not_found() -> None:
    story = Story(SAMPLE)
    story.ask("users_create", body={"id": "ann"})
    for operation in ("points_system", "points_boosts", "points_levels", "points_level_summary", "points_summary"):
        assert isinstance(story.refusal(operation, key="unknown"), NotFound)
    assert isinstance(story.refusal("users_points", id="ann", key="unknown"), NotFound)
    assert isinstance(story.refusal("users_points_boosts", id="ann", key="unknown"), NotFound)


# What a webhook tells


BURST = """
    04-01 09:00:00 ann words 1
    04-01 09:00:10 ann words 1
    04-01 09:00:59 ann words 1
    04-01 09:01:30 ann words 1
    04-01 09:05:00 ann words 1
    04-01 09:10:00
"""


def test_changes_are_told_at_most_once_a_minute_the_first_at_once_the_rest_together() -> None:
    assert told(with_points(per_metric(10, 1), levels=LEVELS), BURST, "PointsReported") == plain("""
        04-01 09:00 ann PointsReported xp 10 10 False
        04-01 09:01 ann PointsReported xp 20 30 False
        04-01 09:02 ann PointsReported xp 10 40 False
        04-01 09:05 ann PointsReported xp 10 50 True
    """)


def test_a_window_of_nothing_tells_each_change() -> None:
    catalog = replace(with_points(per_metric(10, 1)), settings=Settings(points_changed_window=0))
    assert len(told(catalog, BURST, "PointsReported")) == 5


def test_creation_points_are_told_nowhere_not_even_by_the_level_that_they_bring() -> None:
    levels = (level("silver", 50), level("gold", 100))
    catalog = with_points(PointsTrigger("c", "user_creation", 90), per_metric(10, 1), levels=levels)
    assert told(catalog, "04-01 09:00 ann is name=Ann\n04-01 10:00", "PointsReported") == []
    assert told(catalog, "04-01 09:00 ann words 1", "PointsReported") == [
        "04-01 09:00 ann PointsReported xp 10 100 True"
    ]
    catalog = with_points(PointsTrigger("c", "user_creation", 60), per_metric(10, 1), levels=levels)
    assert told(catalog, "04-01 09:00 ann words 1", "PointsReported") == [
        "04-01 09:00 ann PointsReported xp 10 70 False"
    ]


def test_each_user_and_each_system_has_a_window_of_its_own() -> None:
    story = "04-01 09:00 ann chapters 1\n04-01 09:00 bob words 10\n04-01 09:00:30 ann words 10"
    assert told(SAMPLE, story, "PointsReported") == plain("""
        04-01 09:00 ann PointsReported energy -25 25 True
        04-01 09:00 bob PointsReported xp 10 10 False
        04-01 09:00:30.000Z ann PointsReported xp 13 13 False
    """)

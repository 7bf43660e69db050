"""The year in review (behaviour, section 9)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample import BARE, SAMPLE, board, by_key, per_metric, points
from story import Story, column

from mockserver.game.catalog import Catalog, Freezes, PointsTrigger, Settings, Streak
from mockserver.game.errors import Refused
from mockserver.game.streak_commands import reset_streak, restore_streak
from mockserver.game.wrapped import Change

PERIODS = ("mostActiveDay", "mostActiveWeek", "mostActiveMonth", "entireYear")


def wrapped(story: Story, year: int | None = None, user: str = "ann") -> Any:
    return story.call("users_wrapped", id=user, year=year)["activity"]


def words(activity: Any, period: str = "entireYear") -> dict[str, Any]:
    row = activity[period]["metrics"]["words"]
    return {name: row.get(name) for name in ("currentTotal", "changeThisPeriod", "percentChange")}


def lived(text: str, catalog: Catalog = BARE, start: str = "2023-01-01") -> Story:
    story = Story(catalog, start)
    story.play(text)
    return story


@pytest.mark.parametrize("year", [0, -1, 2026, 10**20])
def test_only_years_from_one_to_the_current_one_can_be_reviewed(year: int) -> None:
    story = lived("2025-04-01 09:00 ann words 1")
    assert isinstance(story.refusal("users_wrapped", id="ann", year=year), Refused)


def test_the_current_year_is_that_of_the_users_zone() -> None:
    story = lived("2024-12-31 11:00Z ann is tz=Pacific/Kiritimati\n2024-12-31 11:00Z ann words 3")
    assert wrapped(story)["mostActiveDay"]["date"] == "2025-01-01"
    assert wrapped(story, 2025)["daysActive"] == 1
    assert wrapped(story, 2024)["daysActive"] == 0


def test_a_day_week_or_month_with_one_event_is_active() -> None:
    activity = wrapped(
        lived("""
            2024-12-31 12:00 ann words 5
            2025-01-01 12:00 ann words 5
            2025-01-01 13:00 ann chapters 5
            2025-01-04 12:00 ann words -5
            2025-01-05 12:00 ann words 0
            2025-03-09 12:00 ann words 5
        """)
    )
    assert [activity[name] for name in ("daysActive", "weeksActive", "monthsActive")] == [4, 3, 2]


def test_most_active_means_most_events_then_the_larger_change_then_the_earlier() -> None:
    activity = wrapped(
        lived("""
            2025-01-06 12:00 ann words 1000
            2025-02-10 12:00 ann words 1
            2025-02-10 13:00 ann words 1
            2025-02-11 12:00 ann words 2
            2025-02-11 13:00 ann words 3
            2025-03-11 12:00 ann words 2
            2025-03-11 13:00 ann words 3
        """)
    )
    assert activity["mostActiveDay"]["date"] == "2025-02-11"
    assert (activity["mostActiveWeek"]["start"], activity["mostActiveWeek"]["end"]) == ("2025-02-09", "2025-02-15")
    assert activity["mostActiveMonth"]["month"] == 1


def test_weeks_begin_on_the_day_that_the_catalog_says() -> None:
    story = lived("2025-04-06 12:00 ann words 1", replace(BARE, settings=Settings(week_start=0)))
    week = wrapped(story)["mostActiveWeek"]
    assert (week["start"], week["end"]) == ("2025-03-31", "2025-04-06")


def test_an_idle_year_is_its_first_day_with_nothing_in_it() -> None:
    catalog = replace(SAMPLE, leaderboards=by_key(board("ever", "2020-01-01")))
    story = lived("2023-12-31 12:00 ann words 5\n2025-01-01 12:00 ann words 5", catalog)
    activity = wrapped(story, 2024, "ann")
    empty = {"metrics": {}, "achievements": [], "leaderboards": {}}
    for period in PERIODS:
        assert {name: activity[period][name] for name in empty} == empty
    assert [activity[name] for name in ("daysActive", "weeksActive", "monthsActive")] == [0, 0, 0]
    assert activity["mostActiveDay"]["date"] == "2024-01-01"
    assert (activity["mostActiveWeek"]["start"], activity["mostActiveWeek"]["end"]) == ("2023-12-31", "2024-01-06")
    assert activity["mostActiveMonth"]["month"] == 0
    assert set(wrapped(story, 2023)["entireYear"]["leaderboards"]) == {"ever"}
    assert activity["entireYear"]["longestStreak"] == {
        "length": 0,
        "frequency": "daily",
        "periodStart": None,
        "periodEnd": None,
        "started": None,
    }


def test_an_idle_year_has_no_streak_though_a_week_of_one_reaches_into_it() -> None:
    story = lived("2024-12-30 09:00 ann words 1\n03-01", replace(BARE, streak=Streak("weekly")), "2024-12-01")
    streak = wrapped(story, 2025)["entireYear"]["longestStreak"]
    assert (streak["length"], streak["started"], streak["periodEnd"]) == (0, None, None)


def test_the_first_year_of_the_calendar_is_idle_too() -> None:
    activity = wrapped(lived("2025-01-01 12:00 ann words 5", SAMPLE), 1)
    assert activity["mostActiveDay"]["date"] == "0001-01-01"
    assert (activity["mostActiveWeek"]["start"], activity["mostActiveWeek"]["end"]) == ("0001-01-01", "0001-01-06")
    assert activity["entireYear"]["points"] == {}


def test_a_week_over_the_end_of_the_year_counts_what_lies_in_the_year() -> None:
    story = lived("""
        2024-12-30 12:00 ann words 100
        2025-01-02 12:00 ann words 5
    """)
    week = wrapped(story)["mostActiveWeek"]
    assert (week["start"], week["end"]) == ("2024-12-29", "2025-01-04")
    assert words(wrapped(story), "mostActiveWeek")["changeThisPeriod"] == 5
    assert words(wrapped(story, 2024), "mostActiveWeek")["changeThisPeriod"] == 100


def test_totals_are_those_of_the_periods_end_and_the_change_is_relative_to_what_was_there_before() -> None:
    story = lived("""
        2024-06-01 12:00 ann words 3000
        2025-02-01 12:00 ann words 2000
        2025-03-01 12:00 ann words 1
    """)
    assert words(wrapped(story), "mostActiveMonth") == {
        "currentTotal": 5000,
        "changeThisPeriod": 2000,
        "percentChange": 66.6,
    }
    assert words(wrapped(story)) == {"currentTotal": 5001, "changeThisPeriod": 2001, "percentChange": 66.7}
    assert words(wrapped(story, 2024)) == {"currentTotal": 3000, "changeThisPeriod": 3000, "percentChange": 100}


@pytest.mark.parametrize(
    ("before", "change", "percent"),
    [
        (0, 5, 100.0),
        (0, 0, 0.0),
        (0, -5, 100.0),
        (3000, 2000, 66.6),
        (3000, -2000, -66.6),
        (1000, -1, -0.1),
        (10_000, -1, 0.0),
        (-100, 50, -50.0),
        (-100, -50, 50.0),
        (1, 10**21, 1e23),
    ],
)
def test_percentages_are_cut_to_one_decimal_towards_zero(before: int, change: int, percent: float) -> None:
    found = Change(before + change, change, None).percent
    assert (found, str(found)) == (percent, str(percent))


def test_the_percentile_is_the_share_of_active_users_who_changed_by_as_much_or_less_and_days_have_none() -> None:
    story = lived(
        """
        2025-02-01 12:00 ann words 10
        2025-02-02 12:00 bob words 10
        2025-02-03 12:00 cat words 30
        2025-05-01 12:00 dan words 1
        2025-05-01 12:00 eve words 1
        2025-05-01 12:00 fay chapters 1
    """
    )
    activity = wrapped(story)
    percentiles = [activity[period]["metrics"]["words"].get("percentileThisPeriod") for period in PERIODS]
    assert percentiles == [None, 100.0, 66.6, 80.0]


def test_metrics_are_broken_down_by_attribute_and_value() -> None:
    story = lived("""
        2024-05-01 12:00 ann words 100 source=phone
        2025-05-01 12:00 ann words 10 source=phone genre=prose
        2025-05-01 12:00 ann words 1 source=desk
        2025-05-01 12:00 ann words 1000
        2025-05-02 12:00 bob words 40 source=phone
    """)
    shape = wrapped(story)["entireYear"]["metrics"]["words"]
    assert (shape["units"], shape["changeThisPeriod"]) == ("words", 1011)
    by = shape["byAttribute"]
    assert {key: list(values) for key, values in by.items()} == {"genre": ["prose"], "source": ["desk", "phone"]}
    phone = by["source"]["phone"]
    assert (phone["currentTotal"], phone["changeThisPeriod"], phone["percentChange"]) == (110, 10, 10)
    assert phone["percentileThisPeriod"] == 50
    assert wrapped(story)["mostActiveDay"]["metrics"]["words"]["byAttribute"]["source"]["desk"]["currentTotal"] == 1


def test_units_are_null_when_not_set() -> None:
    story = lived("2025-05-01 12:00 ann chapters 1")
    assert wrapped(story)["entireYear"]["metrics"]["chapters"]["units"] is None


def test_achievements_are_those_of_the_period_in_order_of_completion() -> None:
    story = Story(SAMPLE, start="2025-01-01")
    story.play("""
        01-05 12:00 ann words 5
        02-05 12:00 ann does onboarded
        03-05 12:00 ann words 100
        03-05 13:00 ann words 1
    """)
    activity = wrapped(story)
    assert column(activity["mostActiveDay"]["achievements"], "name") == ["Hundred"]
    assert column(activity["entireYear"]["achievements"], "name") == ["Five", "First-Day", "Onboarded", "Hundred"]


def test_points_have_total_change_and_percentile() -> None:
    trigger = PointsTrigger("t", "time", 5, time_unit="day", time_interval=100)
    catalog = replace(BARE, points=by_key(points(triggers=(per_metric(1, 1), trigger))))
    story = lived("2024-12-01 12:00 ann words 10\n2025-05-01 12:00 ann words 30", catalog)
    row = wrapped(story)["entireYear"]["points"]["xp"]
    assert row == {
        "name": "XP",
        "description": None,
        "currentTotal": 45,
        "changeThisPeriod": 35,
        "percentChange": 350,
        "percentileThisPeriod": 100,
    }


# The longest streak


def streak_of(story: Story, year: int | None = None) -> tuple[Any, ...]:
    row = wrapped(story, year)["entireYear"]["longestStreak"]
    assert row["started"] == row["periodStart"]
    return row["length"], row["periodStart"], row["periodEnd"]


def test_the_longest_streak_is_cut_to_the_year() -> None:
    days = ["2024-12-29", "2024-12-30", "2024-12-31", "2025-01-01", "2025-01-02", "2025-02-01", "2025-02-02"]
    story = lived("\n".join(f"{day} 12:00 ann words 1" for day in days))
    assert streak_of(story, 2024) == (3, "2024-12-29", "2024-12-31")
    assert streak_of(story, 2025) == (2, "2025-01-01", "2025-01-02")


def test_frozen_days_neither_count_nor_part_a_streak() -> None:
    catalog = replace(BARE, streak=Streak(freezes=Freezes(2, 2)))
    story = lived("\n".join(f"2025-03-{day} 12:00 ann words 1" for day in (10, 11, 13, 20, 21)), catalog)
    assert streak_of(story) == (3, "2025-03-10", "2025-03-13")


def test_a_weekly_streak_is_cut_within_its_first_and_last_week() -> None:
    catalog = replace(BARE, streak=Streak("weekly"))
    days = ["2023-12-30", "2024-01-02", "2024-12-25", "2024-12-31", "2025-01-07"]
    story = lived("\n".join(f"{day} 12:00 ann words 1" for day in days), catalog)
    assert streak_of(story, 2023) == (2, "2023-12-24", "2023-12-31")
    assert streak_of(story, 2024) == (2, "2024-12-22", "2024-12-31")
    assert streak_of(story, 2025) == (2, "2025-01-01", "2025-01-11")


# Leaderboards


def test_of_a_board_the_best_rank_in_any_overlapping_run_is_told_the_later_one_on_a_tie() -> None:
    row = board("monthly", "2025-01-01", run_unit="month", run_interval=1)
    story = Story(replace(BARE, leaderboards=by_key(row)), start="2025-01-01")
    story.play("""
        01-10 12:00 ann words 10
        02-10 12:00 ann words 30
        03-10 12:00 ann words 20
        04-10 12:00 bob words 50
        04-11 12:00 ann words 20
    """)
    shape = wrapped(story)["entireYear"]["leaderboards"]["monthly"]
    assert (shape["rank"], shape["value"], shape["start"], shape["end"]) == (1, 20, "2025-03-01", "2025-03-31")
    assert wrapped(story, user="bob")["entireYear"]["leaderboards"]["monthly"]["start"] == "2025-04-01"
    day = wrapped(story)["mostActiveDay"]
    assert (day["date"], day["leaderboards"]["monthly"]["start"]) == ("2025-02-10", "2025-02-01")


def test_a_day_that_was_reset_belongs_to_no_streak_before() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-06 09:00 ann words 1")
    story.act(reset_streak, "ann", story.game.now)
    story.play("04-07 09:00 ann words 1")
    assert streak_of(story) == (2, "2025-04-01", "2025-04-02")
    story.play("04-08 09:00 ann words 1\n04-09 09:00 ann words 1")
    story.act(reset_streak, "ann", story.game.now)
    assert streak_of(story) == (3, "2025-04-07", "2025-04-09")


def test_a_restored_streak_is_as_long_as_it_was_and_what_came_after() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-05 09:00 ann words 1")
    story.act(restore_streak, "ann", story.game.now)
    assert streak_of(story) == (2, "2025-04-01", "2025-04-05")
    story.play("04-06 09:00 ann words 1")
    assert streak_of(story) == (3, "2025-04-01", "2025-04-06")
    story.act(reset_streak, "ann", story.game.now)
    assert streak_of(story)[0] == 3


def test_a_day_that_was_reset_before_and_after_it_counted_belongs_to_no_streak_before() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 08:00")
    story.act(reset_streak, "ann", story.game.now)
    story.play("04-03 09:00 ann words 1")
    story.act(reset_streak, "ann", story.game.now)
    assert streak_of(story) == (2, "2025-04-01", "2025-04-02")

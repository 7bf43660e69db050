"""Days, periods and what falls due, in every zone and at both ends of the calendar (behaviour, sections 5 and 10)."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, reset_tzpath

import pytest
from sample import BARE, SAMPLE, board, boost, by_key, per_metric, points
from story import Story, column, moment, plain

from mockserver.game.catalog import Frequency, PointsTrigger
from mockserver.game.engine import Game
from mockserver.game.periods import (
    HOUR,
    LAST_CLOCK,
    MINUTE,
    end_of_period,
    existing_day,
    iso,
    local_day,
    next_period,
    previous_period,
    start_of_day,
    start_of_period,
    zone,
    zone_names,
)

ODD = [
    "Pacific/Apia",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Pacific/Kwajalein",
    "America/St_Johns",
    "America/Havana",
    "Asia/Beirut",
    "Africa/Cairo",
    "Asia/Gaza",
    "America/Sao_Paulo",
    "America/Scoresbysund",
    "Antarctica/Troll",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
]


@pytest.mark.parametrize("name", ODD)
def test_midnight_is_the_first_moment_of_a_date_or_of_a_later_one_where_it_was_skipped(name: str) -> None:
    tz, day = zone(name), date(1986, 1, 1)
    while day < date(2014, 1, 1):
        start = start_of_day(day, tz)
        assert local_day(start, tz) >= day
        for before in (1, MINUTE, 29 * MINUTE, 59 * MINUTE, 61 * MINUTE, 2 * HOUR):
            assert local_day(start - before, tz) < day
        day += timedelta(days=1 if day.month in (3, 4, 9, 10, 11, 12) else 9)


@pytest.mark.parametrize(
    ("name", "day", "start"),
    [
        ("Europe/London", "2025-06-01", "2025-05-31T23:00:00.000Z"),
        ("Asia/Beirut", "2025-03-30", "2025-03-29T22:00:00.000Z"),  # 00:00 was 01:00
        ("America/Havana", "2025-11-02", "2025-11-02T04:00:00.000Z"),  # 00:00 came twice
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30:00.000Z"),  # left again at 00:01
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00.000Z"),  # never was
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00.000Z"),
        ("Africa/Casablanca", "2025-03-01", "2025-03-01T00:00:00.000Z"),  # Ramadan
        ("Africa/Casablanca", "2025-06-01", "2025-05-31T23:00:00.000Z"),
        ("UTC", "0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("Asia/Tokyo", "0001-01-01", "0001-01-01T00:00:00.000Z"),  # before it there is nothing
        ("Pacific/Pago_Pago", "9000-01-01", "9000-01-01T11:00:00.000Z"),
    ],
)
def test_known_midnights(name: str, day: str, start: str) -> None:
    assert iso(start_of_day(date.fromisoformat(day), zone(name))) == start


def test_zones_are_those_of_the_package_whatever_the_machine_has(tmp_path: Path) -> None:
    there = Path(str(resources.files("tzdata"))) / "zoneinfo" / "Africa" / "Casablanca"
    (tmp_path / "Africa").mkdir()
    shutil.copy(there.parents[1] / "Asia" / "Tokyo", tmp_path / "Africa" / "Casablanca")
    zone.cache_clear()
    reset_tzpath([str(tmp_path)])  # a machine on which it is Tokyo
    try:
        with there.open("rb") as file:
            theirs = ZoneInfo.from_file(file)
        for day in (1, 100, 200, 300):
            instant = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)
            assert instant.astimezone(zone("Africa/Casablanca")).utcoffset() == instant.astimezone(theirs).utcoffset()
    finally:
        reset_tzpath()
        zone.cache_clear()


def test_every_zone_of_the_database_can_be_lived_in() -> None:
    for name in zone_names():
        assert abs(local_day(moment("2025-04-01 12:00Z"), zone(name)) - date(2025, 4, 1)) <= timedelta(days=1)


def test_only_a_skipped_date_is_not_lived() -> None:
    apia = zone("Pacific/Apia")
    days = [date(2011, 12, day) for day in (29, 30, 31)]
    assert [existing_day(day, apia).day for day in days] == [29, 31, 31]
    assert [existing_day(day, zone("Asia/Beirut")).day for day in days] == [29, 30, 31]


@pytest.mark.parametrize("frequency", ["daily", "weekly", "monthly"])
@pytest.mark.parametrize("week_start", [6, 0, 2])
def test_periods_follow_one_another_without_gap_or_overlap(frequency: Frequency, week_start: int) -> None:
    for day in (date(2024, 2, 29), date(2024, 12, 31), date(2025, 1, 1), date(1970, 1, 1), date(8999, 12, 31)):
        start = start_of_period(day, frequency, week_start)
        end = end_of_period(day, frequency, week_start)
        assert start <= day <= end
        assert next_period(start, frequency, week_start) == end + timedelta(days=1)
        assert previous_period(next_period(start, frequency, week_start), frequency, week_start) == start
        if frequency == "weekly":
            assert (start.weekday(), (end - start).days) == (week_start, 6)


def test_periods_are_cut_at_both_ends_of_the_calendar() -> None:
    assert start_of_period(date(1, 1, 3), "weekly") == date.min
    assert end_of_period(date.min, "weekly") == date(1, 1, 6)
    assert end_of_period(date(9999, 12, 28), "weekly") == date.max
    assert end_of_period(date(9999, 12, 28), "monthly") == date.max


def test_a_world_can_live_until_the_last_moment_of_its_clock() -> None:
    story = Story(SAMPLE, start="8999-11-30 00:00")
    story.play("8999-12-30 12:00 ann is tz=Pacific/Pago_Pago region=eu team=red\n8999-12-30 12:00 ann words 50")
    story.pass_to(LAST_CLOCK)
    story.event("ann", "words", 50)
    assert column([story.call("users_streak", id="ann")], "expires") == ["9000-01-01"]
    assert story.call("users_wrapped", id="ann", year=8999)["activity"]["daysActive"] == 2


def test_what_falls_due_at_the_same_moment_comes_in_the_order_in_which_its_users_came() -> None:
    triggers = (PointsTrigger("t", "time", 1, time_unit="day", time_interval=1),)
    story = Story(replace(BARE, points=by_key(points(triggers=triggers))))
    for user in ("cat", "ann", "bob"):
        story.call("users_create", body={"id": user})
    story.at("04-02")
    assert story.facts("PointsAw") == plain("""
        04-02 00:00 cat PointsAwarded xp 1 1
        04-02 00:00 ann PointsAwarded xp 1 1
        04-02 00:00 bob PointsAwarded xp 1 1
    """)


def test_time_does_not_go_back() -> None:
    story = Story(BARE).at("04-02 10:00")
    story.game.catch_up(moment("04-01"))
    assert iso(story.game.now) == "2025-04-02T10:00:00.000Z"


def test_nothing_is_due_before_the_moment_that_is_named() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 ann words 1")
    heard = len(story.heard)
    while (due := story.game.next_due()) is not None and due < moment("04-20"):
        story.pass_to(due - 1)
        assert len(story.heard) == heard
        story.pass_to(due)
        heard = len(story.heard)
    assert heard > 30


def test_a_restored_world_pays_no_time_trigger_that_had_passed_without_an_award() -> None:
    """At the cap an interval passes without a fact; the agenda that is built anew must not make up for it."""
    cost = per_metric(-10, 1)
    rest = PointsTrigger("t", "time", 10, time_unit="hour", time_interval=1)
    story = Story(replace(BARE, points=by_key(points(triggers=(rest, cost), max_points=10))))
    story.play("04-01 00:00 ann is name=Ann\n04-01 05:30")
    game = Game(pickle.loads(pickle.dumps(story.world)), now=story.game.now)
    assert game.next_due() == story.game.next_due() == moment("04-01 06:00")


def test_of_what_falls_due_at_one_moment_streaks_come_first_then_awards_then_boosts_and_runs() -> None:
    """At 10:00 UTC it is midnight in Honolulu and the hour of boosts and boards."""
    rows = (PointsTrigger("t", "time", 1, time_unit="hour", time_interval=46),)
    story = Story(
        replace(
            BARE,
            points=by_key(points(triggers=rows, boosts=(boost("b", "2025-04-04", None, 2),))),
            leaderboards=by_key(board("late", "2025-04-04"), board("early", "2025-04-04")),
        )
    ).at("04-01 12:00")
    for user in ("zed", "ann"):
        story.call("users_create", body={"id": user, "tz": "Pacific/Honolulu"})
        story.event(user, "words", 1)
    story.new_facts()
    story.at("04-03 10:00")
    assert story.facts("Streak", "PointsAw", "Boost", "Run") == plain("""
        04-03 10:00 zed StreakLost 1
        04-03 10:00 ann StreakLost 1
        04-03 10:00 zed PointsAwarded xp 1 1
        04-03 10:00 ann PointsAwarded xp 1 1
        04-03 10:00 BoostStarted id-b
        04-03 10:00 RunStarted late 04-04
        04-03 10:00 RunStarted early 04-04
    """)

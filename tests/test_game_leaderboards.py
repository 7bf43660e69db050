"""Leaderboards: runs, ranks, groups, limits, history (behaviour, section 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sample import BARE, board, by_key, filters, per_metric, points
from story import Story, column, plain, told

from mockserver.game.catalog import Catalog, Leaderboard, PointsTrigger, Settings
from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import ScoreChanged
from mockserver.game.periods import run_end, run_start


def with_boards(*rows: Leaderboard, **more: Any) -> Catalog:
    return replace(BARE, leaderboards=by_key(*rows), **more)


def at(story: Story, user: str, key: str, **arguments: Any) -> tuple[int | None, int | None]:
    answer = story.ask("users_leaderboard", id=user, key=key, **arguments)
    return answer["rank"], answer["value"]


def history(story: Story, user: str, key: str, **arguments: Any) -> list[Any]:
    rows = story.ask("users_leaderboard", id=user, key=key, **arguments)["history"]
    assert all(row["time"] == row["timestamp"] for row in rows)
    return column(rows, "previousRank", "rank", "previousValue", "value")


# Runs


@pytest.mark.parametrize(
    ("start", "unit", "interval", "firsts"),
    [
        ("2025-01-31", "month", 1, ["2025-01-31", "2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
        ("2023-11-30", "month", 3, ["2023-11-30", "2024-02-29", "2024-05-30", "2024-08-30", "2024-11-30"]),
        ("2024-02-29", "year", 1, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
        ("2024-02-26", "day", 7, ["2024-02-26", "2024-03-04", "2024-03-11"]),
        ("2024-12-31", "day", 1, ["2024-12-31", "2025-01-01", "2025-01-02"]),
    ],
)
def test_runs_follow_one_another_and_keep_the_day_of_the_month_where_there_is_one(
    start: str, unit: Any, interval: int, firsts: list[str]
) -> None:
    row = board("b", start, run_unit=unit, run_interval=interval)
    assert [str(run_start(row, index)) for index in range(len(firsts))] == firsts
    for index, following in enumerate(firsts[1:]):
        end = run_end(row, index)
        assert end is not None
        assert end.toordinal() + 1 == date.fromisoformat(following).toordinal()


def test_a_run_starts_from_nothing_and_earlier_ones_can_be_read_by_any_of_their_days() -> None:
    story = Story(with_boards(board("weekly", "2025-03-30", run_unit="day", run_interval=7)))
    story.tell("""
        04-02 12:00 ann words 10
        04-05 12:00 bob words 30
        04-06 12:00 ann words 5
    """)
    assert story.ranking("weekly") == [("ann", 5)]
    for day in ("2025-03-30", "2025-04-02", "2025-04-05"):
        assert story.ranking("weekly", run=date.fromisoformat(day)) == [("bob", 30), ("ann", 10)]
        assert at(story, "ann", "weekly", run=date.fromisoformat(day)) == (2, 10)


@pytest.mark.parametrize("day", ["2025-03-29", "2025-04-13", "0001-01-01", "9999-12-31"])
def test_a_day_in_no_run_that_has_begun_is_not_found(day: str) -> None:
    story = Story(with_boards(board("weekly", "2025-03-30", run_unit="day", run_interval=7)), start="2025-04-12")
    story.ask("users_create", body={"id": "ann"})
    run = date.fromisoformat(day)
    story.at("04-12 09:59")
    assert isinstance(story.refusal("leaderboards_get", key="weekly", run=run), NotFound)
    assert isinstance(story.refusal("users_leaderboard", id="ann", key="weekly", run=run), NotFound)


def test_scores_go_to_the_run_of_the_users_own_date() -> None:
    story = Story(with_boards(board("daily", "2025-04-01", run_unit="day", run_interval=1)))
    for user, tz in (("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")):
        story.ask("users_create", body={"id": user, "tz": tz})
    story.at("04-02 10:30Z")
    for user in ("east", "west"):
        board_shown = story.event(user, "words", 1)["leaderboards"]["daily"]
        assert board_shown["start"] == board_shown["end"] == {"east": "2025-04-03", "west": "2025-04-01"}[user]
    assert story.ranking("daily") == []
    assert story.ranking("daily", run=date(2025, 4, 3)) == [("east", 1)]
    assert (at(story, "east", "daily"), at(story, "west", "daily")) == ((1, 1), (1, 1))


def test_a_board_that_never_repeats_counts_from_its_start_to_its_end() -> None:
    story = Story(with_boards(board("sprint", "2025-04-03", "2025-04-04")), start="2025-04-01")
    for day in range(2, 7):
        story.line(f"04-0{day} 23:00 ann words {10**day}")
    assert story.ranking("sprint") == [("ann", 11000)]


def test_a_board_is_scheduled_then_active_then_finished_by_the_hours_of_utc() -> None:
    story = Story(with_boards(board("sprint", "2025-04-03", "2025-04-04")))

    def status(when: str) -> str:
        return str(story.at(when).ask("leaderboards_get", key="sprint")["status"])

    moments = ["04-02 09:59:59", "04-02 10:00", "04-05 11:59:59", "04-05 12:00"]
    assert [status(when) for when in moments] == ["scheduled", "active", "active", "finished"]
    assert story.ask("leaderboards_all") == []
    assert column(story.ask("leaderboards_all", include_finished=True), "status") == ["finished"]


def test_a_scheduled_board_has_no_rankings_and_a_finished_one_those_of_its_last_run_cut_at_the_end() -> None:
    row = board("weekly", "2025-04-06", "2025-04-15", run_unit="day", run_interval=7)
    story = Story(with_boards(row))
    story.tell("04-03 12:00 ann words 100")
    answer = story.ask("leaderboards_get", key="weekly")
    assert (answer["status"], answer["rankings"]) == ("scheduled", [])
    assert at(story, "ann", "weekly") == (None, None)
    story.tell("""
        04-08 12:00 ann words 10
        04-14 12:00 ann words 20
        04-16 12:00 ann words 40
        05-20 12:00
    """)
    answer = story.ask("leaderboards_get", key="weekly")
    assert (answer["status"], column(answer["rankings"], "value")) == ("finished", [20])
    assert at(story, "ann", "weekly") == (1, 20)


def test_runs_are_told_from_their_opening_to_their_end() -> None:
    catalog = with_boards(board("pair", "2025-04-03", "2025-04-08", run_unit="day", run_interval=4))
    assert told(catalog, "05-01", "Run") == plain("""
        04-02 10:00 RunStarted pair 04-03
        04-06 10:00 RunStarted pair 04-07
        04-07 12:00 RunBecameFinal pair 04-03
        04-07 13:00 RunFinished pair 04-03
        04-09 12:00 RunBecameFinal pair 04-07
        04-09 13:00 RunFinished pair 04-07
    """)


def test_runs_that_start_on_the_thirty_first_are_told_in_every_month() -> None:
    catalog = with_boards(board("monthly", "2025-01-31", run_unit="month", run_interval=1))
    assert told(catalog, "2025-06-01", "RunStarted", start="2025-01-01") == plain("""
        01-30 10:00 RunStarted monthly 01-31
        02-27 10:00 RunStarted monthly 02-28
        03-30 10:00 RunStarted monthly 03-31
        04-29 10:00 RunStarted monthly 04-30
        05-30 10:00 RunStarted monthly 05-31
    """)


@pytest.mark.parametrize(
    "row",
    [
        board("huge", "2025-04-01", run_unit="year", run_interval=10**12),
        board("huge", "2025-04-01", run_unit="day", run_interval=10**12),
        board("huge", "2030-01-01", run_unit="year", run_interval=5000),
        board("huge", "0001-01-01", "9999-12-31"),
        board("huge", "9999-12-31", run_unit="month", run_interval=1),
    ],
)
def test_runs_beyond_the_calendar_are_cut_to_it(row: Leaderboard) -> None:
    story = Story(with_boards(row))
    answer = story.tell("04-01 09:00 ann words 1\n04-09 09:00 ann words 1")
    for shown in answer["leaderboards"].values():
        assert shown["end"] == "9999-12-31"
    story.ask("leaderboards_get", key="huge")
    at(story, "ann", "huge")
    story.ask("users_wrapped", id="ann")


# Ranks


def test_the_highest_value_is_first_ties_by_who_reached_it_first_then_by_id() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.tell("""
        04-01 09:00 dan words 10
        04-01 10:00 cat words 20
        04-01 10:00 bob words 20
        04-01 11:00 ann words 20
        04-01 12:00 dan words 10
    """)
    assert story.ranking("ever") == [("bob", 20), ("cat", 20), ("ann", 20), ("dan", 20)]


def test_fractions_neither_show_nor_rank() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.tell("04-01 09:00 ann words 10.1\n04-01 10:00 bob words 10.9\n04-01 11:00 ann words 0.2")
    assert story.ranking("ever") == [("ann", 10), ("bob", 10)]
    assert story.event("bob", "words", 0.05)["leaderboards"] == {}
    assert history(story, "ann", "ever") == [(None, 1, None, 10)]


def test_nobody_at_zero_or_below_is_on_the_board() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.tell("04-01 09:00 ann words 10\n04-01 10:00 bob words -5\n04-01 11:00 cat words 0.9")
    assert story.ranking("ever") == [("ann", 10)]
    story.tell("04-01 12:00 ann words -10")
    assert story.ranking("ever") == []
    assert at(story, "ann", "ever") == (None, None)
    assert history(story, "ann", "ever") == [(None, 1, None, 10), (1, None, 10, None)]


def test_who_does_not_fit_has_no_rank_and_no_value_until_others_fall() -> None:
    story = Story(with_boards(board("top", "2025-01-01", max_participants=2)))
    story.tell("04-01 09:00 ann words 30\n04-01 10:00 bob words 20\n04-01 11:00 cat words 10")
    assert story.ranking("top") == [("ann", 30), ("bob", 20)]
    assert at(story, "cat", "top") == (None, None)
    story.tell("04-01 12:00 ann words -25")
    assert story.ranking("top") == [("bob", 20), ("cat", 10)]
    assert at(story, "cat", "top") == (2, 10)


def test_the_threshold_is_the_least_value_that_gets_in_now() -> None:
    story = Story(with_boards(board("top", "2025-01-01", max_participants=2)))
    thresholds = [
        story.event(user, "words", value)["leaderboards"]["top"]["threshold"]
        for user, value in (("ann", 30), ("bob", 20), ("cat", 5), ("cat", 16))
    ]
    assert thresholds == [1, 21, 21, 22]
    assert story.ranking("top") == [("ann", 30), ("cat", 21)]


def test_an_event_tells_rank_previous_rank_and_the_run() -> None:
    story = Story(with_boards(board("weekly", "2025-03-30", run_unit="day", run_interval=7)))
    story.event("ann", "words", 10)
    shown = story.event("bob", "words", 20)["leaderboards"]["weekly"]
    assert (shown["previousRank"], shown["rank"], shown["start"], shown["end"]) == (None, 1, "2025-03-30", "2025-04-05")
    shown = story.event("ann", "words", 15)["leaderboards"]["weekly"]
    assert (shown["previousRank"], shown["rank"]) == (2, 1)


def test_a_board_off_which_the_user_stays_is_told_with_a_null_rank_when_the_value_changed() -> None:
    story = Story(with_boards(board("top", "2025-01-01", max_participants=1)))
    story.event("ann", "words", 10)
    shown = story.event("bob", "words", 5)["leaderboards"]["top"]
    assert (shown["previousRank"], shown["rank"], shown["threshold"]) == (None, None, 11)


def test_history_holds_changes_of_the_own_value_only_newest_last() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.tell("""
        04-01 09:00 ann words 10
        04-01 10:00 bob words 20
        04-01 11:00 ann words 5
        04-01 12:00 ann words 0.5
        04-01 13:00 ann words 10
    """)
    assert history(story, "ann", "ever") == [(None, 1, None, 10), (2, 2, 10, 15), (2, 1, 15, 25)]
    assert history(story, "ann", "ever", num_events=1) == [(2, 1, 15, 25)]
    assert history(story, "bob", "ever") == [(None, 1, None, 20)]


def test_the_newest_hundred_changes_are_kept() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    for _ in range(250):
        story.event("ann", "words", 1)
    assert [row[3] for row in history(story, "ann", "ever", num_events=100)] == list(range(151, 251))
    assert [row[3] for row in history(story, "ann", "ever")] == list(range(241, 251))


# Pages


def crowd(size: int = 15, **more: Any) -> Story:
    story = Story(with_boards(board("ever", "2025-01-01", **more)))
    for number in range(size):
        story.event(f"u{number:02}", "words", 100 - number)
    return story


def users(story: Story, **arguments: Any) -> list[str]:
    return [user for user, _ in story.ranking("ever", **arguments)]


def test_ten_rows_are_shown_unless_asked_or_as_many_as_the_board_has() -> None:
    assert len(users(crowd())) == 10
    assert len(users(crowd(max_participants=4))) == 4
    assert users(crowd(), limit=0) == []
    assert users(crowd(), offset=12, limit=100) == ["u12", "u13", "u14"]
    assert users(crowd(max_participants=4), offset=3, limit=4) == ["u03"]
    assert users(crowd(), offset=10**30) == []


def test_a_limit_above_the_size_of_the_board_is_refused() -> None:
    assert len(users(crowd(max_participants=12), limit=12)) == 12
    assert isinstance(crowd(max_participants=12).refusal("leaderboards_get", key="ever", limit=13), Refused)


def test_with_a_user_the_page_begins_at_that_users_row() -> None:
    story = crowd()
    rows = story.ask("leaderboards_get", key="ever", user_id="u05", limit=2)["rankings"]
    assert column(rows, "userId", "rank") == [("u05", 6), ("u06", 7)]
    assert users(story, user_id="u05", offset=3, limit=2) == ["u08", "u09"]
    assert users(story, user_id="nobody") == []
    assert users(crowd(max_participants=3), user_id="u05") == []
    divided = Story(with_boards(REGIONS))
    divided.event("ann", "words", 5, user_region="eu")
    for region, rows in (("eu", ["ann"]), ("us", [])):
        page = divided.ranking("regions", user_id="ann", user_attributes=f"region:{region}")
        assert [user for user, _ in page] == rows


# Breakdown


REGIONS = board("regions", "2025-01-01", breakdown=("region",), max_participants=2)
TEAMS = board("teams", "2025-01-01", breakdown=("region", "team"))


def test_each_combination_of_values_has_a_ranking_and_the_whole_limit() -> None:
    story = Story(with_boards(REGIONS, TEAMS))
    for user, region, team, value in (
        ("ann", "eu", "red", 1),
        ("bob", "eu", "red", 2),
        ("cat", "eu", "blue", 3),
        ("dan", "us", "red", 4),
    ):
        story.event(user, "words", value, user_region=region, user_team=team)
    assert story.ranking("regions", user_attributes="region:eu") == [("cat", 3), ("bob", 2)]
    assert story.ranking("regions", user_attributes="region:us") == [("dan", 4)]
    assert story.ranking("regions", user_attributes="region:xx") == []
    assert story.ranking("teams", user_attributes="team:red,region:eu") == [("bob", 2), ("ann", 1)]
    assert [at(story, user, "regions") for user in ("ann", "bob", "dan")] == [(None, None), (2, 2), (1, 4)]


@pytest.mark.parametrize(
    ("key", "pairs"),
    [
        ("regions", None),
        ("regions", ""),
        ("regions", "team:red"),
        ("regions", "region:eu,team:red"),
        ("teams", "region:eu"),
        ("teams", "region:eu,team:red,plan:pro"),
        ("ever", "region:eu"),
    ],
)
def test_the_attributes_must_be_exactly_those_of_the_breakdown(key: str, pairs: str | None) -> None:
    story = Story(with_boards(REGIONS, TEAMS, board("ever", "2025-01-01")))
    assert isinstance(story.refusal("leaderboards_get", key=key, user_attributes=pairs), Refused)


def test_breakdown_fields_are_shown_as_far_as_they_apply() -> None:
    story = Story(with_boards(REGIONS, TEAMS, board("ever", "2025-01-01")))
    shown = story.event("ann", "words", 5, user_region="eu", user_team="red")["leaderboards"]
    assert column(shown.values(), "breakdownAttribute", "breakdownAttributes") == [
        ("region", ["region"]),
        (None, ["region", "team"]),
        (None, []),
    ]
    assert shown["regions"]["breakdownAttributeValue"] == "eu"
    assert shown["regions"]["breakdownAttributeValues"] == [{"key": "region", "value": "eu"}]
    assert column(shown["teams"]["breakdownAttributeValues"], "value") == ["eu", "red"]
    assert "breakdownAttributeValue" not in shown["teams"]
    assert not {"breakdownAttributeValue", "breakdownAttributeValues"} & set(shown["ever"])


def test_who_lacks_an_attribute_is_in_no_group_until_it_is_set() -> None:
    story = Story(with_boards(REGIONS))
    assert story.event("ann", "words", 5)["leaderboards"] == {}
    assert at(story, "ann", "regions") == (None, None)
    story.ask("users_identify", id="ann", body={"attributes": {"region": "eu"}})
    assert story.ranking("regions", user_attributes="region:eu") == [("ann", 5)]


def test_changing_an_attribute_moves_the_score_to_the_other_group() -> None:
    story = Story(with_boards(REGIONS))
    story.event("bob", "words", 9, user_region="us")
    story.event("ann", "words", 5, user_region="eu")
    shown = story.event("ann", "words", 1, user_region="us")["leaderboards"]["regions"]
    assert (shown["previousRank"], shown["rank"], shown["breakdownAttributeValue"]) == (1, 2, "us")
    assert story.ranking("regions", user_attributes="region:us") == [("bob", 9), ("ann", 6)]
    assert story.ranking("regions", user_attributes="region:eu") == []
    assert history(story, "ann", "regions") == [(None, 1, None, 5), (2, 2, 5, 6)]
    left = [entry.fact.left for entry in story.world.journal if isinstance(entry.fact, ScoreChanged)]
    assert left == [None, None, ("eu",), None]


def test_scores_of_a_run_that_has_begun_only_far_in_the_east_move_too() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.ask("users_create", body={"id": "ann", "tz": "Pacific/Kiritimati", "attributes": {"region": "eu"}})
    story.at("04-01 10:30Z").event("ann", "words", 3)
    story.ask("users_identify", id="ann", body={"attributes": {"region": "us"}})
    assert story.ranking("daily", run=date(2025, 4, 2), user_attributes="region:us") == [("ann", 3)]


def test_whoever_moves_to_another_group_takes_along_when_the_value_was_reached() -> None:
    story = Story(with_boards(REGIONS))
    story.tell("""
        04-01 09:00 ann is region=eu
        04-01 09:00 ann words 5
        04-01 10:00 bob is region=us
        04-01 10:00 bob words 5
        04-01 11:00 ann is region=us
    """)
    assert story.ranking("regions", user_attributes="region:us") == [("ann", 5), ("bob", 5)]


def test_final_runs_keep_their_groups() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.tell("""
        04-01 09:00 ann is region=eu
        04-01 09:00 ann words 1
        04-02 09:00 ann words 2
        04-02 12:00 ann is region=us
    """)
    eu, us = "region:eu", "region:us"
    assert story.ranking("daily", run=date(2025, 4, 1), user_attributes=eu) == [("ann", 1)]
    assert story.ranking("daily", run=date(2025, 4, 2), user_attributes=us) == [("ann", 2)]


def test_an_event_that_moves_older_scores_tells_the_current_run() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.tell("04-01 09:00 ann is region=eu\n04-01 09:00 ann words 7\n04-02 09:00")
    shown = story.event("ann", "words", 2, user_region="us")["leaderboards"]["daily"]
    assert (shown["start"], shown["previousRank"], shown["rank"]) == ("2025-04-02", None, 1)
    assert story.ranking("daily", run=date(2025, 4, 1), user_attributes="region:us") == [("ann", 7)]
    story.at("04-03 09:00")
    assert story.event("ann", "chapters", 1, user_region="eu")["leaderboards"] == {}


# Points and streaks


def test_a_points_board_ranks_what_was_gained_within_the_run() -> None:
    spent = PointsTrigger("d", "metric", -25, metric="chapters", threshold=1)
    systems = by_key(points(triggers=(per_metric(10, 1), spent)))
    row = board("xp", "2025-03-30", rank_by="points", points_system="xp", run_unit="day", run_interval=7)
    story = Story(with_boards(row, points=systems))
    story.tell("""
        04-02 09:00 ann words 5
        04-02 09:00 bob words 3
        04-06 09:00 ann words 2
        04-07 09:00 bob chapters 1
    """)
    assert story.ranking("xp") == [("ann", 20)]
    assert story.ranking("xp", run=date(2025, 4, 2)) == [("ann", 50), ("bob", 30)]
    assert (story.total("ann"), story.total("bob")) == (70, 5)


def test_points_of_time_and_creation_count_on_a_points_board() -> None:
    triggers = (
        PointsTrigger("c", "user_creation", 10),
        PointsTrigger("t", "time", 1, time_unit="day", time_interval=1),
    )
    row = board("xp", "2025-01-01", rank_by="points", points_system="xp")
    story = Story(with_boards(row, points=by_key(points(triggers=triggers))))
    story.tell("04-01 09:00 ann is name=Ann\n04-03 09:00")
    assert story.ranking("xp") == [("ann", 12)]


def test_a_streak_board_shows_the_present_lengths_from_its_opening_to_its_end() -> None:
    story = Story(with_boards(board("streaks", "2025-04-04", "2025-04-06", rank_by="streak")))
    for day in range(1, 4):
        story.line(f"04-0{day} 08:00 ann words 1")
        story.line(f"04-0{day} 09:00 bob words 1")
    assert story.at("04-03 09:59").ranking("streaks") == []
    assert story.at("04-03 10:00").ranking("streaks") == [("ann", 3), ("bob", 3)]
    story.tell("04-04 10:00 bob words 1\n04-05 00:00")
    assert story.ranking("streaks") == [("bob", 4)]
    story.tell("04-05 10:00 bob words 1\n04-06 10:00 bob words 1\n04-07 10:00 bob words 1\n04-09 10:00")
    assert story.ranking("streaks") == [("bob", 6)]


def test_the_end_of_a_streak_board_is_that_of_the_users_own_day() -> None:
    story = Story(with_boards(board("streaks", "2025-04-01", "2025-04-02", rank_by="streak")), start="2025-03-30")
    story.tell("""
        04-01 09:00 east is tz=Pacific/Kiritimati
        04-01 09:00 west is tz=Pacific/Pago_Pago
        04-02 00:00 east words 1
        04-01 12:00 west words 1
        04-03 00:10 east words 1
        04-02 23:00 west words 1
        04-09 00:00
    """)
    assert story.facts("StreakExt") == plain("""
        04-02 10:10 east StreakExtended 2 04-03
        04-03 10:00 west StreakExtended 2 04-02
    """)
    assert story.ranking("streaks") == [("west", 2), ("east", 1)]


# What is told of others


def moved(story: Story) -> list[tuple[Any, ...]]:
    """Of the newest change of a score: the others whose rank moved with it."""
    entry = next(entry for entry in story.world.journal.newest() if hasattr(entry.fact, "moved"))
    return [tuple(row) for row in entry.fact.moved]


def test_who_is_passed_is_told_the_nearest_first_as_many_as_the_setting_says() -> None:
    story = Story(with_boards(board("ever", "2025-01-01"), settings=Settings(rank_changed_neighbours=2)))
    for user, value in (("ann", 50), ("bob", 40), ("cat", 30), ("dan", 20), ("eve", 10)):
        story.event(user, "words", value)
    story.event("eve", "words", 35)
    assert moved(story) == [("bob", 2, 3, 40), ("cat", 3, 4, 30)]


def test_who_falls_off_is_told_and_who_gets_on_too() -> None:
    board_of_three = board("ever", "2025-01-01", max_participants=3)
    story = Story(with_boards(board_of_three, settings=Settings(rank_changed_neighbours=1)))
    for user, value in (("ann", 50), ("bob", 40), ("cat", 30), ("dan", 20)):
        story.event(user, "words", value)
    story.event("dan", "words", 100)
    assert moved(story) == [("ann", 1, 2, 50), ("cat", 3, None, 30)]
    story.event("dan", "words", -119)
    assert moved(story) == [("cat", None, 3, 30)]
    story.event("ann", "words", -60)
    assert moved(story) == [("bob", 2, 1, 40), ("dan", None, 3, 1)]


def test_a_points_board_takes_what_was_awarded_filters_included() -> None:
    triggers = (per_metric(1, 1, user_attributes=filters(plan="pro")),)
    row = board("xp", "2025-01-01", rank_by="points", points_system="xp")
    story = Story(with_boards(row, points=by_key(points(triggers=triggers))))
    story.event("ann", "words", 5, user_plan="pro")
    story.event("bob", "words", 5)
    assert story.ranking("xp") == [("ann", 5)]


def test_unknown_boards_are_not_found() -> None:
    story = Story(BARE)
    story.ask("users_create", body={"id": "ann"})
    assert isinstance(story.refusal("leaderboards_get", key="unknown"), NotFound)
    assert isinstance(story.refusal("users_leaderboard", id="ann", key="unknown"), NotFound)

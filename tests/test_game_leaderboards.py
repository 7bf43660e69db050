"""Leaderboards: ranks, limits, history, pages, points and streaks, and what is told of others (behaviour, section 8).
Runs stand in `test_game_leaderboards_runs.py`, groups in `test_game_leaderboards_groups.py`."""

from __future__ import annotations

from datetime import date
from typing import Any

from boards import REGIONS, at, history, with_boards
from sample import BARE, board, by_key, filters, per_metric, points
from story import Story, column, plain

from mockserver.game.catalog import PointsTrigger
from mockserver.game.errors import NotFound, Refused

# Ranks


def test_the_highest_value_is_first_ties_by_who_reached_it_first() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("""
        04-01 09:00 dan words 10
        04-01 10:00 cat words 20
        04-01 10:00 bob words 20
        04-01 11:00 ann words 20
        04-01 12:00 dan words 10
    """)
    assert story.ranking("ever") == [("cat", 20), ("bob", 20), ("ann", 20), ("dan", 20)]


def test_fractions_neither_show_nor_rank() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("04-01 09:00 ann words 10.1\n04-01 10:00 bob words 10.9\n04-01 11:00 ann words 0.2")
    assert story.ranking("ever") == [("ann", 10), ("bob", 10)]
    assert story.event("bob", "words", 0.05)["leaderboards"] == {}
    assert history(story, "ann", "ever") == [(None, 1, None, 10)]


def test_nobody_at_zero_or_below_is_on_the_board() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("04-01 09:00 ann words 10\n04-01 10:00 bob words -5\n04-01 11:00 cat words 0.9")
    assert story.ranking("ever") == [("ann", 10)]
    story.play("04-01 12:00 ann words -10")
    assert story.ranking("ever") == []
    assert at(story, "ann", "ever") == (None, None)
    assert history(story, "ann", "ever") == [(None, 1, None, 10), (1, None, 10, None)]


def test_who_does_not_fit_has_no_rank_and_no_value_until_others_fall() -> None:
    story = Story(with_boards(board("top", "2025-01-01", max_participants=2)))
    story.play("04-01 09:00 ann words 30\n04-01 10:00 bob words 20\n04-01 11:00 cat words 10")
    assert story.ranking("top") == [("ann", 30), ("bob", 20)]
    assert at(story, "cat", "top") == (None, None)
    story.play("04-01 12:00 ann words -25")
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


def test_an_event_returns_rank_previous_rank_and_the_run() -> None:
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


def test_the_history_is_as_long_as_it_is_asked_for() -> None:
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
    rows = story.call("leaderboards_get", key="ever", user_id="u05", limit=2)["rankings"]
    assert column(rows, "userId", "rank") == [("u05", 6), ("u06", 7)]
    assert users(story, user_id="u05", offset=3, limit=2) == ["u08", "u09"]
    assert users(story, user_id="nobody") == []
    assert users(crowd(max_participants=3), user_id="u05") == []
    divided = Story(with_boards(REGIONS))
    divided.event("ann", "words", 5, user_region="eu")
    for region, rows in (("eu", ["ann"]), ("us", [])):
        page = divided.ranking("regions", user_id="ann", user_attributes=f"region:{region}")
        assert [user for user, _ in page] == rows


# Points and streaks


def test_a_points_board_ranks_what_was_gained_within_the_run() -> None:
    spent = PointsTrigger("d", "metric", -25, metric="chapters", threshold=1)
    systems = by_key(points(triggers=(per_metric(10, 1), spent)))
    row = board("xp", "2025-03-30", rank_by="points", points_system="xp", run_unit="day", run_interval=7)
    story = Story(with_boards(row, points=systems))
    story.play("""
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
    story.play("04-01 09:00 ann is name=Ann\n04-03 09:00")
    assert story.ranking("xp") == [("ann", 12)]


def test_a_streak_board_shows_the_present_lengths_from_its_opening_to_its_end() -> None:
    story = Story(with_boards(board("streaks", "2025-04-04", "2025-04-06", rank_by="streak")))
    for day in range(1, 4):
        story.line(f"04-0{day} 08:00 ann words 1")
        story.line(f"04-0{day} 09:00 bob words 1")
    assert story.at("04-03 09:59").ranking("streaks") == []
    assert story.at("04-03 10:00").ranking("streaks") == [("ann", 3), ("bob", 3)]
    story.play("04-04 10:00 bob words 1\n04-05 00:00")
    assert story.ranking("streaks") == [("bob", 4)]
    story.play("04-05 10:00 bob words 1\n04-06 10:00 bob words 1\n04-07 10:00 bob words 1\n04-09 10:00")
    assert story.ranking("streaks") == [("bob", 6)]


def test_the_end_of_a_streak_board_is_that_of_the_users_own_day() -> None:
    story = Story(with_boards(board("streaks", "2025-04-01", "2025-04-02", rank_by="streak")), start="2025-03-30")
    story.play("""
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


def test_a_points_board_takes_what_was_awarded_filters_included() -> None:
    triggers = (per_metric(1, 1, user_attributes=filters(plan="pro")),)
    row = board("xp", "2025-01-01", rank_by="points", points_system="xp")
    story = Story(with_boards(row, points=by_key(points(triggers=triggers))))
    story.event("ann", "words", 5, user_plan="pro")
    story.event("bob", "words", 5)
    assert story.ranking("xp") == [("ann", 5)]


def test_unknown_boards_are_not_found() -> None:
    story = Story(BARE)
    story.call("users_create", body={"id": "ann"})
    assert isinstance(story.refusal("leaderboards_get", key="unknown"), NotFound)
    assert isinstance(story.refusal("users_leaderboard", id="ann", key="unknown"), NotFound)

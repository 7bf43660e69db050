"""Runs of leaderboards: their days, the scores they count, and when they are told (behaviour, section 8)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from boards import at, with_boards
from sample import board
from story import Story, column, facts_of, plain

from mockserver.game.catalog import Leaderboard
from mockserver.game.errors import NotFound
from mockserver.game.periods import run_end, run_start


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
    story.play("""
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
    story.call("users_create", body={"id": "ann"})
    run = date.fromisoformat(day)
    story.at("04-12 09:59")
    assert isinstance(story.refusal("leaderboards_get", key="weekly", run=run), NotFound)
    assert isinstance(story.refusal("users_leaderboard", id="ann", key="weekly", run=run), NotFound)


def test_scores_go_to_the_run_of_the_users_own_date() -> None:
    story = Story(with_boards(board("daily", "2025-04-01", run_unit="day", run_interval=1)))
    for user, tz in (("east", "Pacific/Kiritimati"), ("west", "Pacific/Pago_Pago")):
        story.call("users_create", body={"id": user, "tz": tz})
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
        return str(story.at(when).call("leaderboards_get", key="sprint")["status"])

    moments = ["04-02 09:59:59", "04-02 10:00", "04-05 11:59:59", "04-05 12:00"]
    assert [status(when) for when in moments] == ["scheduled", "active", "active", "finished"]
    assert story.call("leaderboards_all") == []
    assert column(story.call("leaderboards_all", include_finished=True), "status") == ["finished"]


def test_between_its_opening_and_its_start_a_board_ranks_those_for_whom_it_has_started() -> None:
    story = Story(with_boards(board("sprint", "2025-04-03")))
    story.call("users_create", body={"id": "east", "tz": "Pacific/Kiritimati"})
    story.at("04-02 10:00")
    assert story.event("ann", "words", 5)["leaderboards"] == {}
    shown = story.event("east", "words", 3)["leaderboards"]["sprint"]
    assert (shown["status"], shown["rank"], shown["start"]) == ("active", 1, "2025-04-03")
    assert story.ranking("sprint") == [("east", 3)]
    assert at(story, "ann", "sprint") == (None, None)


def test_an_event_returns_the_boards_on_whose_current_run_the_own_rank_changed() -> None:
    rows = (
        board("ever", "2025-01-01"),
        board("full", "2025-01-01", max_participants=1),
        board("weekly", "2025-03-30", run_unit="day", run_interval=7),
        board("over", "2025-01-01", "2025-02-01"),
        board("coming", "2025-05-01"),
        board("chapters", "2025-01-01", metric="chapters"),
        board("groups", "2025-01-01", breakdown=("region",)),
    )
    story = Story(with_boards(*rows))
    story.event("bob", "words", 50)
    actual = story.event("ann", "words", 5)["leaderboards"]
    assert {key: row["rank"] for key, row in actual.items()} == {"ever": 2, "full": None, "weekly": 2}
    assert story.event("ann", "words", 0.5)["leaderboards"] == {}


def test_a_scheduled_board_has_no_rankings_and_a_finished_one_those_of_its_last_run_cut_at_the_end() -> None:
    row = board("weekly", "2025-04-06", "2025-04-15", run_unit="day", run_interval=7)
    story = Story(with_boards(row))
    story.play("04-03 12:00 ann words 100")
    response = story.call("leaderboards_get", key="weekly")
    assert (response["status"], response["rankings"]) == ("scheduled", [])
    assert at(story, "ann", "weekly") == (None, None)
    story.play("""
        04-08 12:00 ann words 10
        04-14 12:00 ann words 20
        04-16 12:00 ann words 40
        05-20 12:00
    """)
    response = story.call("leaderboards_get", key="weekly")
    assert (response["status"], column(response["rankings"], "value")) == ("finished", [20])
    assert at(story, "ann", "weekly") == (1, 20)


def test_runs_are_told_from_their_opening_to_their_end() -> None:
    catalog = with_boards(board("pair", "2025-04-03", "2025-04-08", run_unit="day", run_interval=4))
    assert facts_of(catalog, "05-01", "Run") == plain("""
        04-02 10:00 RunStarted pair 04-03
        04-06 10:00 RunStarted pair 04-07
        04-07 12:00 RunBecameFinal pair 04-03
        04-07 13:00 RunFinished pair 04-03
        04-09 12:00 RunBecameFinal pair 04-07
        04-09 13:00 RunFinished pair 04-07
    """)


def test_runs_that_start_on_the_thirty_first_are_told_in_every_month() -> None:
    catalog = with_boards(board("monthly", "2025-01-31", run_unit="month", run_interval=1))
    assert facts_of(catalog, "2025-06-01", "RunStarted", start="2025-01-01") == plain("""
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
    response = story.play("04-01 09:00 ann words 1\n04-09 09:00 ann words 1")
    for shown in response["leaderboards"].values():
        assert shown["end"] == "9999-12-31"
    story.call("leaderboards_get", key="huge")
    at(story, "ann", "huge")
    story.call("users_wrapped", id="ann")

"""Events, totals, idempotency and summaries (behaviour, section 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sample import BARE, SAMPLE, metric_achievement
from story import Story, column, plain

from mockserver.game.catalog import Settings
from mockserver.game.errors import NotFound, Refused
from mockserver.game.metrics import millionths, number

NOTHING: dict[str, Any] = {"achievements": [], "points": {}, "leaderboards": {}}


def summary(story: Story, aggregation: str, start: str, end: str, user: str = "ann") -> list[tuple[str, Any, Any]]:
    rows = story.call(
        "users_metric_event_summary",
        id=user,
        key="words",
        aggregation=aggregation,
        start_date=date.fromisoformat(start),
        end_date=date.fromisoformat(end),
    )
    return [(row["date"], row["total"], row["change"]) for row in rows]


def test_values_add_up_whatever_their_sign_and_fraction() -> None:
    story = Story(BARE)
    totals = [story.event("ann", "words", value)["total"] for value in (5, -7.5, 0, 0.000001, 1e12, -1e12)]
    assert totals == [5, -2.5, -2.5, -2.499999, 999999999997.500001, -2.499999]


def test_totals_are_exact_decimals() -> None:
    story = Story(BARE)
    for value in (0.1, 0.2):
        story.event("ann", "words", value)
    assert story.call("users_single_metric", id="ann", key="words")["current"] == 0.3
    assert repr(number(millionths(0.1) + millionths(0.2))) == "0.3"
    assert repr(number(millionths(2.0))) == "2"


def test_a_total_beyond_a_quadrillion_is_refused_and_changes_nothing() -> None:
    story = Story(BARE)
    story.event("ann", "words", -(10**12))
    user = story.world.users["ann"]
    user.metrics["words"].total = -(10**15) * 10**6  # as after a thousand such events
    body = {"user": {"id": "ann", "name": "Ann"}, "value": -0.000001}
    assert isinstance(story.refusal("metrics_event", key="words", body=body), Refused)
    assert user.profile.name is None
    assert story.event("ann", "words", 0.000001)["total"] == -999999999999999.999999


@pytest.mark.parametrize("metric", ["retired", "unknown", "Words", ""])
def test_inactive_and_unknown_metrics_are_not_found(metric: str) -> None:
    story = Story(BARE)
    story.event("ann", "words", 1)
    body = {"user": {"id": "new"}, "value": 1}
    assert isinstance(story.refusal("metrics_event", key=metric, body=body), NotFound)
    assert isinstance(story.refusal("users_single_metric", id="ann", key=metric), NotFound)


def test_an_unknown_event_attribute_is_refused_in_the_words_of_the_service() -> None:
    body = {"user": {"id": "ann"}, "value": 1, "attributes": {"source": "x", "sourc": "x", "genr": "x"}}
    assert str(Story(BARE).refusal("metrics_event", key="words", body=body)) == (
        "Invalid attribute keys: sourc, genr. Please ensure all attribute keys match those set up at "
        "https://app.trophy.so/metrics. Did you mean 'source' and 'genre'?"
    )


def test_what_follows_from_an_event_comes_phase_after_phase() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 ann words 100")
    assert story.facts("User", "Metric", "Streak", "Ach", "PointsAw", "Level", "Score") == plain("""
        04-01 09:00 ann UserCreated
        04-01 09:00 ann MetricChanged words 100000000 100000000
        04-01 09:00 ann PointsAwarded energy 50 50
        04-01 09:00 ann StreakStarted 04-01
        04-01 09:00 ann AchievementCompleted five
        04-01 09:00 ann AchievementCompleted hundred
        04-01 09:00 ann AchievementCompleted first-day
        04-01 09:00 ann PointsAwarded xp 125 125
        04-01 09:00 ann LevelChanged energy None fit
        04-01 09:00 ann LevelChanged xp bronze silver
        04-01 09:00 ann ScoreChanged ever off #1(100)
        04-01 09:00 ann ScoreChanged weekly off #1(100)
        04-01 09:00 ann ScoreChanged monthly off off
        04-01 09:00 ann ScoreChanged teams off off
        04-01 09:00 ann ScoreChanged xp-board off #1(125)
    """)


def test_a_response_holds_what_the_event_changed_and_nothing_else() -> None:
    story = Story(SAMPLE)
    first = story.event("ann", "words", 100)
    assert column(first["achievements"], "name") == ["Five", "Hundred", "First-Day"]
    assert {key: row["added"] for key, row in first["points"].items()} == {"energy": 50, "xp": 125}
    assert set(first["leaderboards"]) == {"ever", "weekly", "xp-board"}
    second = story.event("ann", "words", 0.4)
    assert {key: second[key] for key in NOTHING} == NOTHING
    assert second["currentStreak"] | {"length": 1, "extended": False} == second["currentStreak"]


def test_a_metric_shows_all_its_achievements_in_catalog_order_done_or_not() -> None:
    locked = metric_achievement("old-hand", 1, status="locked")
    catalog = replace(SAMPLE, achievements=SAMPLE.achievements | {"old-hand": locked})
    story = Story(catalog)
    story.event("ann", "words", 5)
    metrics = story.call("users_all_metrics", id="ann")
    assert column(metrics, "key", "current", "status") == [("words", 5, "active"), ("chapters", 0, "active")]
    assert column(metrics[0]["achievements"], "name") == ["Hundred", "Five", "Phone", "Pro"]
    achieved = [row["achievedAt"] is not None for row in metrics[0]["achievements"]]
    assert achieved == [False, True, False, False]
    assert metrics[0] == story.call("users_single_metric", id="ann", key="words")


# Idempotency


def test_a_first_use_says_that_it_is_no_replay_and_without_a_key_nothing_is_said() -> None:
    story = Story(SAMPLE)
    first = story.event("ann", "words", 5, key="k")
    assert (first["idempotencyKey"], first["idempotentReplayed"]) == ("k", False)
    for key in (None, ""):
        response = story.event("ann", "words", 5, key=key)
        assert not {"idempotencyKey", "idempotentReplayed"} & set(response)
    assert story.world.users["ann"].total("words") == 15 * 10**6


def test_a_replay_returns_the_first_event_id_with_the_present_state_and_changes_nothing() -> None:
    story = Story(SAMPLE)
    first = story.event("ann", "words", 50, key="k")
    story.at("04-02 09:00")
    story.event("ann", "words", 70)
    before = len(story.world.journal)
    replay = story.event("ann", "words", 999, key="k", source="phone")
    assert len(story.world.journal) == before
    assert replay["eventId"] == first["eventId"]
    assert (replay["total"], replay["currentStreak"]["length"]) == (120, 2)
    assert replay["currentStreak"]["extended"] is False
    assert {key: replay[key] for key in NOTHING} == NOTHING
    assert (replay["idempotencyKey"], replay["idempotentReplayed"]) == ("k", True)


def test_a_replay_still_applies_the_user_fields() -> None:
    story = Story(SAMPLE)
    story.event("ann", "words", 5, key="k")
    replay = story.event("ann", "words", 5, key="k", user_name="Ann", user_region="eu")
    assert story.call("users_get", id="ann")["name"] == "Ann"
    assert story.ranking("monthly", user_attributes="region:eu") == [("ann", 5)]
    assert {key: replay[key] for key in NOTHING} == NOTHING


def test_a_key_belongs_to_one_user_and_one_metric_for_ever() -> None:
    story = Story(SAMPLE)
    story.event("ann", "words", 1, key="k")
    assert story.event("bob", "words", 1, key="k")["idempotentReplayed"] is False
    assert story.event("ann", "chapters", 1, key="k")["idempotentReplayed"] is False
    story.at("2035-04-01")
    assert story.event("ann", "words", 1, key="k")["idempotentReplayed"] is True


def test_the_key_of_a_refused_event_is_free() -> None:
    story = Story(SAMPLE)
    body = {"user": {"id": "ann"}, "value": 1, "attributes": {"unknown": "x"}}
    story.refusal("metrics_event", key="words", body=body, idempotency_key="k")
    assert story.event("ann", "words", 1, key="k")["idempotentReplayed"] is False


# Summaries


def test_every_day_has_a_row_with_its_change_and_the_total_at_its_end() -> None:
    story = Story(BARE)
    story.play("""
        04-02 09:00 ann words 10
        04-02 21:00 ann words 0.5
        04-04 09:00 ann words -2
        04-09 09:00 ann words 1
    """)
    assert summary(story, "daily", "2025-04-01", "2025-04-05") == [
        ("2025-04-01", 0, 0),
        ("2025-04-02", 10.5, 10.5),
        ("2025-04-03", 10.5, 0),
        ("2025-04-04", 8.5, -2),
        ("2025-04-05", 8.5, 0),
    ]


def test_weekly_and_monthly_rows_are_whole_periods_dated_at_their_first_day() -> None:
    story = Story(BARE, start="2024-12-01")
    story.play("""
        2024-12-28 12:00 ann words 1
        2024-12-29 12:00 ann words 10
        01-04 12:00 ann words 100
        01-05 12:00 ann words 1000
    """)
    assert summary(story, "weekly", "2025-01-01", "2025-01-05") == [
        ("2024-12-29", 111, 110),
        ("2025-01-05", 1111, 1000),
    ]
    assert summary(story, "monthly", "2024-12-31", "2025-01-01") == [("2024-12-01", 11, 11), ("2025-01-01", 1111, 1100)]


def test_weeks_begin_on_the_day_that_the_catalog_says() -> None:
    story = Story(replace(BARE, settings=Settings(week_start=0)))
    story.play("04-06 12:00 ann words 1\n04-07 12:00 ann words 2")
    assert summary(story, "weekly", "2025-04-06", "2025-04-07") == [("2025-03-31", 1, 1), ("2025-04-07", 3, 2)]


def test_days_are_those_of_the_user_at_the_time_of_the_event() -> None:
    story = Story(BARE)
    story.play("""
        04-01 09:00 ann is tz=Pacific/Kiritimati
        04-02 00:30 ann words 1
        04-02 01:00 ann is tz=Pacific/Pago_Pago
        04-01 12:00 ann words 5
    """)
    assert summary(story, "daily", "2025-04-01", "2025-04-02") == [("2025-04-01", 5, 5), ("2025-04-02", 6, 1)]


def test_days_to_come_are_included() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 4")
    assert summary(story, "daily", "2025-04-01", "2025-04-03")[1:] == [("2025-04-02", 4, 0), ("2025-04-03", 4, 0)]


def test_start_must_lie_before_end_by_four_hundred_days_at_most() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 4")
    first = date(2024, 1, 1)
    assert len(summary(story, "daily", "2024-01-01", str(first + timedelta(days=400)))) == 401
    for days in (0, -1, 401):
        refused = story.refusal(
            "users_metric_event_summary",
            id="ann",
            key="words",
            aggregation="daily",
            start_date=first,
            end_date=first + timedelta(days=days),
        )
        assert isinstance(refused, Refused)


def test_summaries_reach_both_ends_of_the_calendar() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 4")
    assert summary(story, "weekly", "0001-01-01", "0001-01-08") == [("0001-01-01", 0, 0), ("0001-01-07", 0, 0)]
    assert summary(story, "monthly", "0001-01-01", "0001-01-02") == [("0001-01-01", 0, 0)]
    assert summary(story, "weekly", "9999-12-25", "9999-12-31") == [("9999-12-19", 4, 0), ("9999-12-26", 4, 0)]
    assert summary(story, "daily", "9999-12-30", "9999-12-31") == [("9999-12-30", 4, 0), ("9999-12-31", 4, 0)]
    assert summary(story, "monthly", "9999-11-30", "9999-12-31") == [("9999-11-01", 4, 0), ("9999-12-01", 4, 0)]


def test_the_sum_of_a_day_may_exceed_what_a_machine_word_holds() -> None:
    story = Story(BARE)
    for _ in range(12):
        story.event("ann", "words", 10**12)
    story.event("ann", "words", 0.5)
    assert summary(story, "daily", "2025-03-31", "2025-04-01")[1] == (
        "2025-04-01",
        12 * 10**12 + 0.5,
        12 * 10**12 + 0.5,
    )


def test_points_have_the_same_summaries() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 ann words 10\n04-03 09:00 ann words 10")
    rows = story.call(
        "users_points_event_summary",
        id="ann",
        key="xp",
        aggregation="daily",
        start_date=date(2025, 4, 1),
        end_date=date(2025, 4, 3),
    )
    assert column(rows, "date", "total", "change") == [
        ("2025-04-01", 13, 13),
        ("2025-04-02", 13, 0),
        ("2025-04-03", 88, 75),
    ]

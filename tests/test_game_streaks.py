"""Streaks: what counts, what is told, how they are read (behaviour, section 5). Stories of single streaks stand in
`test_game_streak_stories.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sample import BARE, SAMPLE
from story import Story, column, facts_of, plain

from mockserver.game.catalog import MICRO, Catalog, Freezes, Streak, StreakCondition
from mockserver.game.errors import NotFound, Refused

BOTH = (StreakCondition("words", 10 * MICRO), StreakCondition("chapters", MICRO))
FREEZES = Freezes(initial=1, maximum=3, auto_earn_interval=2)


def with_streak(streak: Streak | None) -> Catalog:
    return replace(BARE, streak=streak)


def lengths(story: Story, *users: str) -> list[int]:
    return [story.world.users[user].streak.length for user in users]


def test_without_conditions_any_metric_with_a_positive_sum_in_the_period_counts() -> None:
    story = Story(BARE)
    story.play("""
        04-01 09:00 ann chapters 1
        04-01 09:00 bob words -5
        04-01 09:00 cat words 0
        04-01 10:00 bob words 5
    """)
    assert lengths(story, "ann", "bob", "cat") == [1, 0, 0]
    story.play("04-01 11:00 bob words 0.000001")
    assert lengths(story, "bob") == [1]


def test_with_any_one_condition_is_enough_and_amounts_of_a_period_add_up() -> None:
    story = Story(with_streak(Streak(conditions=BOTH)))
    story.play("""
        04-01 09:00 ann words 9
        04-01 09:00 bob chapters 1
    """)
    assert lengths(story, "ann", "bob") == [0, 1]
    story.play("""
        04-02 09:00 ann words 9
        04-02 10:00 ann words 1
    """)
    assert lengths(story, "ann") == [1]


def test_with_all_every_condition_must_be_met_within_the_same_period() -> None:
    story = Story(with_streak(Streak(conditions=BOTH, evaluation="all")))
    story.play("""
        04-01 09:00 ann words 10
        04-02 09:00 ann chapters 1
    """)
    assert lengths(story, "ann") == [0]
    story.play("04-02 10:00 ann words 10")
    assert lengths(story, "ann") == [1]


def test_a_metric_without_a_condition_does_not_count() -> None:
    story = Story(with_streak(Streak(conditions=BOTH[:1])))
    story.play("04-01 09:00 ann chapters 5")
    assert lengths(story, "ann") == [0]


def test_the_event_that_completes_a_weekly_sum_starts_the_streak_on_its_own_day() -> None:
    story = Story(with_streak(Streak("weekly", conditions=BOTH[:1])))
    response = story.play("""
        04-01 09:00 ann words 6
        04-02 09:00 ann words 6
    """)
    streak = response["currentStreak"]
    assert streak["extended"] is True
    assert (streak["started"], streak["periodStart"], streak["expires"]) == ("2025-04-02", "2025-03-30", "2025-04-12")


def test_only_the_event_that_extends_says_so() -> None:
    story = Story(BARE)
    extended = [
        story.play(line)["currentStreak"]["extended"]
        for line in ("04-01 09:00 ann words 1", "04-01 10:00 ann words 1", "04-02 10:00 ann words 1")
    ]
    assert extended == [True, False, True]


def test_a_missed_day_spends_a_freeze_before_it_breaks_the_streak() -> None:
    story = """
        04-01 09:00 ann words 1
        04-02 09:00 ann words 1
        04-06 00:00
    """
    catalog = with_streak(Streak(freezes=Freezes(initial=1, maximum=1)))
    assert facts_of(catalog, story, "Streak", "Freeze") == plain("""
        04-01 09:00 ann StreakStarted 04-01
        04-02 09:00 ann StreakExtended 2 04-02
        04-04 00:00 ann FreezeConsumed 04-03 0
        04-05 00:00 ann StreakLost 2
    """)


def test_freezes_are_earned_at_ten_past_midnight_since_creation_up_to_the_maximum_and_otherwise_not_told() -> None:
    catalog = with_streak(Streak(freezes=replace(FREEZES, auto_earn_amount=2)))
    assert facts_of(catalog, "04-01 23:00 ann is name=Ann\n04-08 00:00", "FreezeEarned") == plain("""
        04-03 00:10 ann FreezeEarned 2 3
    """)


def test_at_midnight_a_freeze_is_taken_before_another_is_earned() -> None:
    story = """
        04-01 09:00 ann words 1
        04-03 00:10
    """
    assert facts_of(with_streak(Streak(freezes=FREEZES)), story, "Freeze", "StreakLost") == plain("""
        04-03 00:00 ann FreezeConsumed 04-02 0
        04-03 00:10 ann FreezeEarned 1 1
    """)


def test_the_interval_of_earning_is_counted_in_local_days() -> None:
    catalog = with_streak(Streak(freezes=Freezes(maximum=9, auto_earn_interval=1)))
    story = Story(catalog)
    story.at("04-01 12:00Z").call("users_create", body={"id": "ann", "tz": "Pacific/Kiritimati"})
    story.call("users_create", body={"id": "bob", "tz": "Pacific/Pago_Pago"})
    story.at("04-02 12:00Z")
    assert story.facts("FreezeEarned") == plain("""
        04-02 10:10 ann FreezeEarned 1 1
        04-02 11:10 bob FreezeEarned 1 1
    """)


def test_moving_east_across_an_interval_earns_at_once_and_moving_back_does_not_earn_again() -> None:
    story = Story(with_streak(Streak(freezes=Freezes(maximum=9, auto_earn_interval=1))))
    story.play("""
        04-01 08:00 ann is tz=America/New_York
        04-01 13:00 ann is tz=Asia/Tokyo
        04-01 17:00Z ann is tz=America/New_York
        04-02 05:00Z ann is name=Ann
    """)
    assert story.facts("FreezeEarned") == ["04-01 17:00 ann FreezeEarned 1 1"]


def test_a_journey_west_after_two_frozen_days_neither_freezes_them_again_nor_loses_a_day() -> None:
    story = Story(with_streak(Streak(freezes=Freezes(initial=2, maximum=2))))
    story.play("""
        04-01 09:00 ann is tz=Pacific/Kiritimati
        04-01 23:30 ann words 1
        04-04 00:30 ann is tz=Pacific/Pago_Pago
        04-02 23:40 ann words 1
        04-05 23:59 ann is name=Ann
    """)
    assert story.facts("Streak", "Freeze") == plain("""
        04-01 09:30 ann StreakStarted 04-01
        04-02 10:00 ann FreezeConsumed 04-02 1
        04-03 10:00 ann FreezeConsumed 04-03 0
        04-03 10:40 ann StreakExtended 2 04-02
        04-05 11:00 ann StreakLost 2
    """)
    history = story.call("users_streak", id="ann", history_periods=5)["streakHistory"]
    assert column(history, "length", "usedFreeze") == [(1, False), (2, False), (2, True), (0, False), (0, False)]


def test_a_catalog_without_a_streak_shows_an_empty_daily_one() -> None:
    story = Story(with_streak(None))
    streak = story.play("04-01 09:00 ann words 1")["currentStreak"]
    assert streak == {
        "length": 0,
        "frequency": "daily",
        "started": None,
        "periodStart": None,
        "periodEnd": None,
        "expires": None,
        "extended": False,
    }
    response = story.call("users_streak", id="ann", history_periods=2)
    assert response["rank"] is None
    assert column(response["streakHistory"], "periodStart", "length") == [("2025-03-31", 0), ("2025-04-01", 0)]


def test_freeze_fields_are_there_when_freezes_are_on_and_those_of_earning_when_earning_is() -> None:
    freeze_fields = {"freezes", "maxFreezes"}
    earn_fields = {"freezeAutoEarnInterval", "freezeAutoEarnAmount"}
    for streak, expected in (
        (Streak(), set()),
        (Streak(freezes=Freezes(1, 2)), freeze_fields),
        (Streak(freezes=FREEZES), freeze_fields | earn_fields),
    ):
        story = Story(with_streak(streak))
        story.play("04-01 09:00 ann words 1")
        response = story.call("users_streak", id="ann", history_periods=1)
        assert set(response) & (freeze_fields | earn_fields) == expected
        assert ("usedFreeze" in response["streakHistory"][0]) is bool(expected)


def test_history_has_as_many_rows_as_asked_seven_unless_said_oldest_first_the_present_one_last() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1")
    rows = story.call("users_streak", id="ann")["streakHistory"]
    assert column(rows, "periodStart") == [f"2025-03-{day}" for day in (26, 27, 28, 29, 30, 31)] + ["2025-04-01"]
    assert len(story.call("users_streak", id="ann", history_periods=365)["streakHistory"]) == 365


@pytest.mark.parametrize("periods", [0, -1, 366, 10**30])
def test_history_of_no_or_too_many_periods_is_refused(periods: int) -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1")
    assert isinstance(story.refusal("users_streak", id="ann", history_periods=periods), Refused)
    assert isinstance(story.refusal("users_streak", id="nobody"), NotFound)


RUNNERS = """
    04-01 09:00 ann words 1
    04-01 10:00 bob words 1
    04-02 09:00 bob words 1
    04-02 10:00 ann words 1
    04-02 11:00 cat words 1
    04-02 12:00 dan is name=Dan
"""


def test_rank_is_one_more_than_the_number_of_longer_streaks_and_null_without_one() -> None:
    story = Story(BARE)
    story.play(RUNNERS)
    ranks = [story.call("users_streak", id=user)["rank"] for user in ("ann", "bob", "cat", "dan")]
    assert ranks == [1, 1, 3, None]


def test_streaks_are_listed_longest_first_then_as_asked_each_once_without_strangers() -> None:
    story = Story(BARE)
    story.play(RUNNERS)
    asked = ["dan", "cat", "bob", "nobody", "ann", "bob"]
    rows = story.call("streaks_list", user_ids=asked)
    assert column(rows, "userId", "streakLength") == [("bob", 2), ("ann", 2), ("cat", 1), ("dan", 0)]
    assert column(rows, "extended")[2:] == ["2025-04-02T11:00:00.000Z", None]
    assert story.call("streaks_list", user_ids=[",".join(asked)]) == rows


def test_a_single_id_with_a_comma_is_that_user_if_there_is_one() -> None:
    story = Story(BARE)
    story.call("users_create", body={"id": "ann,bob"})
    story.call("users_create", body={"id": "ann"})
    assert column(story.call("streaks_list", user_ids=["ann,bob"]), "userId") == ["ann,bob"]
    assert column(story.call("streaks_list", user_ids=["ann,cat"]), "userId") == ["ann"]


@pytest.mark.parametrize("ids", [[], [""], ["ann,"], ["ann", ""], ["a"] * 101, [",".join("a" * 101)]])
def test_no_id_an_empty_one_or_more_than_a_hundred_are_refused(ids: list[str]) -> None:
    assert isinstance(Story(BARE).refusal("streaks_list", user_ids=ids), Refused)


def test_rankings_go_by_the_present_or_the_longest_streak_ties_by_who_came_first_without_zeros() -> None:
    story = Story(BARE)
    story.play(RUNNERS)
    active = story.call("streaks_rankings")
    assert column(active, "userId", "streakLength") == [("bob", 2), ("ann", 2), ("cat", 1)]
    story.play("04-03 09:00 cat words 1\n04-04 00:00")
    assert column(story.call("streaks_rankings"), "userId") == ["cat"]
    longest = story.call("streaks_rankings", type="longest", limit=2)
    assert column(longest, "userId", "streakLength") == [("bob", 2), ("ann", 2)]


def test_events_that_go_back_to_a_counted_day_do_not_start_again_what_was_lost() -> None:
    story = Story(BARE)
    story.play("""
        04-01 09:00 ann is tz=Pacific/Kiritimati
        04-01 23:00 ann words 1
        04-03 00:30 ann is tz=Pacific/Pago_Pago
        04-01 23:40 ann words 1
    """)
    assert story.facts("Streak") == plain("""
        04-01 09:00 ann StreakStarted 04-01
        04-02 10:00 ann StreakLost 1
    """)


def test_a_streak_of_the_sample_never_shows_a_freeze_that_it_did_not_have() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 ann words 1\n05-20 00:00")
    left = [user.streak.freezes for user in story.world.users.values()]
    assert left == [3]
    assert story.facts("StreakLost") == ["04-04 00:00 ann StreakLost 1"]

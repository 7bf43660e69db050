"""What an organisation does to streaks by hand: grants, restores, resets, pauses (behaviour, section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from lives import known
from sample import BARE, board, by_key
from story import Story, column, plain

from mockserver.control.sentences import sentence
from mockserver.game import streak_commands as commands
from mockserver.game.catalog import Freezes, Frequency, Streak
from mockserver.game.errors import NotFound, NothingToDo, Refused
from mockserver.game.facts import StreakPaused
from mockserver.game.world import World

FREEZES = replace(BARE, streak=Streak(freezes=Freezes(initial=1, maximum=2)))
THREE_DAYS = "04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 09:00 ann words 1"


def played(text: str, streak: Streak | None = None, **fields: Any) -> Story:
    story = Story(replace(BARE, streak=streak or Streak(), **fields))
    story.play(text)
    return story


def rows(story: Story, periods: int, *names: str) -> list[Any]:
    return column(story.call("users_streak", id="ann", history_periods=periods)["streakHistory"], *names)


def pause(story: Story, start: str, end: str, user: str = "ann") -> str:
    (entry,) = story.act(commands.plan_pause, user, _day(start), _day(end), story.game.now)
    assert isinstance(entry.fact, StreakPaused)
    return entry.fact.pause.id


def _day(text: str) -> date:
    return date.fromisoformat(f"2025-{text}" if len(text) == 5 else text)


# Freezes


def test_a_granted_freeze_is_held_and_told_like_one_that_was_earned() -> None:
    story = Story(FREEZES)
    story.play("04-01 09:00 ann words 1")
    story.act(commands.grant_freeze, "ann")
    story.at("04-05")
    assert story.facts("Freeze", "StreakLost") == plain("""
        04-01 09:00 ann FreezeGranted
        04-01 09:00 ann FreezeEarned 1 2
        04-03 00:00 ann FreezeConsumed 04-02 1
        04-04 00:00 ann FreezeConsumed 04-03 0
        04-05 00:00 ann StreakLost 1
    """)


def test_nobody_is_granted_more_freezes_than_can_be_held_or_any_where_they_are_off() -> None:
    story = Story(FREEZES)
    story.play("04-01 09:00 ann words 1")
    story.act(commands.grant_freeze, "ann")
    with pytest.raises(NothingToDo, match="Would exceed maximum freeze limit"):
        story.act(commands.grant_freeze, "ann")
    with pytest.raises(NotFound, match="User does not exist"):
        story.act(commands.grant_freeze, "nobody")
    with pytest.raises(Refused, match="not enabled"):
        played("04-01 09:00 ann words 1").act(commands.grant_freeze, "ann")


# Reset


def test_a_reset_ends_the_streak_at_once_and_marks_the_period() -> None:
    story = played(THREE_DAYS)
    story.act(commands.reset_streak, "ann", story.game.now)
    response = story.call("users_streak", id="ann", history_periods=3)
    assert (response["length"], response["started"], response["expires"], response["extended"]) == (0, None, None, None)
    assert column(response["streakHistory"], "length") == [1, 2, 0]
    assert [row.get("resetAt") for row in response["streakHistory"]] == [None, None, "2025-04-03T09:00:00.000Z"]
    assert story.facts("StreakReset", "StreakLost") == plain("""
        04-03 09:00 ann StreakReset 3 04-03
        04-03 09:00 ann StreakLost 3
    """)


def test_a_day_that_counted_before_the_reset_does_not_count_again_but_one_that_did_not_starts_anew() -> None:
    story = played(THREE_DAYS)
    story.act(commands.reset_streak, "ann", story.game.now)
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 0
    story.play("04-04 09:00 ann words 1\n04-05 09:00")
    story.act(commands.reset_streak, "ann", story.game.now)
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 1
    assert rows(story, 3, "length") == [0, 1, 1]
    assert "resetAt" in story.call("users_streak", id="ann", history_periods=1)["streakHistory"][0]


def test_without_a_streak_there_is_nothing_to_reset() -> None:
    story = played("04-01 09:00 ann is name=Ann")
    with pytest.raises(NothingToDo, match="No streak to reset"):
        story.act(commands.reset_streak, "ann", story.game.now)


# Restore


def test_a_restored_streak_goes_on_as_if_it_had_not_been_lost() -> None:
    story = played(f"{THREE_DAYS}\n04-07 10:00")
    assert story.call("users_streak", id="ann")["length"] == 0
    story.act(commands.restore_streak, "ann", story.game.now)
    response = story.call("users_streak", id="ann", history_periods=5)
    assert (response["length"], response["started"], response["expires"]) == (3, "2025-04-01", "2025-04-07")
    assert response["extended"] == "2025-04-03T09:00:00.000Z"
    assert column(response["streakHistory"], "length") == [3, 3, 3, 3, 0]
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 4
    assert rows(story, 5, "length") == [3, 3, 3, 3, 4]


def test_a_restored_streak_that_is_not_extended_is_lost_again() -> None:
    story = played(f"{THREE_DAYS}\n04-07 10:00")
    story.act(commands.restore_streak, "ann", story.game.now)
    story.at("04-08")
    assert story.facts("StreakLost", "StreakRe") == plain("""
        04-05 00:00 ann StreakLost 3
        04-07 10:00 ann StreakRestored 3 04-07
        04-08 00:00 ann StreakLost 3
    """)
    assert rows(story, 6, "length") == [3, 3, 3, 3, 0, 0]  # what was excused stays so
    story.play("04-09 09:00 ann words 1")
    assert rows(story, 7, "length") == [3, 3, 3, 3, 0, 0, 1]


def test_a_shorter_streak_that_runs_by_now_takes_the_restored_length() -> None:
    story = played(f"{THREE_DAYS}\n04-07 10:00 ann words 1")
    story.act(commands.restore_streak, "ann", story.game.now)
    response = story.call("users_streak", id="ann", history_periods=2)
    assert (response["length"], response["started"], response["expires"]) == (3, "2025-04-01", "2025-04-08")
    assert column(response["streakHistory"], "length") == [3, 3]
    with pytest.raises(NothingToDo, match="No streak to restore"):
        story.act(commands.restore_streak, "ann", story.game.now)


def test_a_streak_that_was_reset_can_be_restored() -> None:
    story = played(THREE_DAYS)
    story.act(commands.reset_streak, "ann", story.game.now)
    story.act(commands.restore_streak, "ann", story.game.now)
    assert story.call("users_streak", id="ann")["length"] == 3


@pytest.mark.parametrize(
    ("frequency", "active", "last", "too_late"),
    [
        ("daily", "2025-04-01", "2025-06-30", "2025-07-01"),
        ("weekly", "2025-04-01", "2025-12-31", "2026-01-01"),
        ("monthly", "2025-04-01", "2026-12-31", "2027-01-01"),
    ],
)
def test_how_far_back_a_streak_is_found(frequency: Frequency, active: str, last: str, too_late: str) -> None:
    for day, found in ((last, True), (too_late, False)):
        story = played(f"{active} 12:00 ann words 1\n{day} 12:00", Streak(frequency))
        if found:
            story.act(commands.restore_streak, "ann", story.game.now)
            assert story.call("users_streak", id="ann")["started"] == active
        else:
            with pytest.raises(NothingToDo, match="No streak to restore"):
                story.act(commands.restore_streak, "ann", story.game.now)


def test_restored_and_reset_streaks_change_their_places_on_boards_and_in_rankings() -> None:
    story = played(
        f"{THREE_DAYS}\n04-05 09:00 bob words 1\n04-05 09:00",
        leaderboards=by_key(board("streaks", "2025-01-01", rank_by="streak")),
    )
    assert story.ranking("streaks") == [("bob", 1)]
    story.act(commands.restore_streak, "ann", story.game.now)
    assert story.ranking("streaks") == [("ann", 3), ("bob", 1)]
    assert column(story.call("streaks_rankings"), "userId") == ["ann", "bob"]
    story.act(commands.reset_streak, "bob", story.game.now)
    assert story.ranking("streaks") == [("ann", 3)]


# Pauses


def test_misses_in_a_pause_cost_neither_the_streak_nor_a_freeze() -> None:
    story = Story(FREEZES)
    story.play("04-01 09:00 ann words 1")
    pause(story, "04-02", "04-04")
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-05"
    story.at("04-05 12:00")
    assert rows(story, 5, "length", "usedPause", "usedFreeze") == [
        (1, False, False),
        *[(1, True, False)] * 3,
        (0, False, False),
    ]
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 2
    assert story.facts("Freeze", "StreakLost") == []


def test_after_a_pause_freezes_are_used_and_then_the_streak_is_lost() -> None:
    story = Story(FREEZES)
    story.play("04-01 09:00 ann words 1")
    pause(story, "04-02", "04-04")
    story.at("04-07")
    assert story.facts("Freeze", "StreakLost") == plain("""
        04-06 00:00 ann FreezeConsumed 04-05 0
        04-07 00:00 ann StreakLost 1
    """)


def test_activity_in_a_pause_extends_and_uses_no_pause() -> None:
    story = played("04-01 09:00 ann words 1")
    pause(story, "04-02", "04-03")
    story.play("04-02 09:00 ann words 1\n04-04 09:00")
    assert rows(story, 4, "length", "usedPause") == [(1, False), (2, False), (2, True), (0, False)]


def test_a_pause_that_has_one_day_of_a_week_covers_it() -> None:
    story = played("04-02 09:00 ann words 1", Streak("weekly"))
    pause(story, "04-09", "04-13")
    story.at("04-26 23:59")
    assert rows(story, 4, "length", "usedPause") == [(1, False), (1, True), (1, True), (0, False)]
    story.at("04-27")
    assert story.facts("StreakLost") == ["04-27 00:00 ann StreakLost 1"]


def test_pauses_of_a_user_are_shown_until_they_are_over_in_the_users_zone() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann is tz=Pacific/Kiritimati")
    later, sooner = pause(story, "04-08", "04-09"), pause(story, "04-01", "04-02")
    assert column(story.call("users_streak", id="ann")["pauses"], "id", "start") == [
        (sooner, "2025-04-01"),
        (later, "2025-04-08"),
    ]
    story.at("04-02 10:00Z")
    assert column(story.call("users_streak", id="ann")["pauses"], "id") == [later]
    story.act(commands.delete_pause, later, story.game.now)
    assert story.call("users_streak", id="ann")["pauses"] == []


def test_a_deleted_pause_covers_the_days_that_are_over_and_no_more() -> None:
    story = played("04-01 09:00 ann words 1")
    deleted = pause(story, "04-02", "04-20")
    story.at("04-04 09:00")
    story.act(commands.delete_pause, deleted, story.game.now)
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-04"
    assert rows(story, 4, "length", "usedPause") == [(1, False), (1, True), (1, True), (0, False)]
    story.at("04-05")
    assert story.facts("StreakLost") == ["04-05 00:00 ann StreakLost 1"]
    with pytest.raises(NotFound, match="Streak pause not found by ID"):
        story.act(commands.delete_pause, deleted, story.game.now)


def test_of_pauses_that_overlap_each_holds_without_the_other() -> None:
    story = played("04-01 09:00 ann words 1")
    longer, shorter = pause(story, "04-02", "04-10"), pause(story, "04-03", "04-05")
    story.at("04-02 09:00")
    story.act(commands.delete_pause, longer, story.game.now)
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-02"
    story.event("ann", "words", 1)
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-06"
    story.act(commands.delete_pause, shorter, story.game.now)
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-03"


def test_a_pause_must_not_begin_before_today_at_home_or_end_before_it_begins() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann is tz=Pacific/Pago_Pago\n04-02 10:59Z")
    pause(story, "04-01", "04-01")
    with pytest.raises(Refused, match="start must not be before today in the user's time zone, 2025-04-01"):
        pause(story, "03-31", "04-01")
    with pytest.raises(Refused, match="end must not be before start"):
        pause(story, "04-03", "04-02")
    with pytest.raises(NotFound, match="User does not exist"):
        pause(story, "04-03", "04-04", user="nobody")


@pytest.mark.parametrize("frequency", ["daily", "weekly", "monthly"])
def test_a_pause_until_the_end_of_the_calendar_is_just_that(frequency: Frequency) -> None:
    story = played("04-01 09:00 ann words 1", Streak(frequency))
    deleted = pause(story, "04-02", "9999-12-31")
    assert story.call("users_streak", id="ann")["expires"] == "9999-12-31"
    story.play("2124-04-01 09:00 ann words 1")
    assert story.call("users_streak", id="ann")["length"] == 2
    story.act(commands.delete_pause, deleted, story.game.now)
    story.pass_to(story.game.now + 70 * 86_400_000)
    assert story.call("users_streak", id="ann")["length"] == 0


# As facts


def test_all_of_it_can_be_told_in_sentences_and_replayed() -> None:
    story = Story(FREEZES)
    story.play(THREE_DAYS)
    story.act(commands.grant_freeze, "ann")
    story.act(commands.reset_streak, "ann", story.game.now)
    story.act(commands.restore_streak, "ann", story.game.now)
    one = pause(story, "04-04", "04-05")
    pause(story, "04-04", "04-06")
    story.act(commands.delete_pause, one, story.game.now)
    actual = [sentence(story.world, entry.fact) for entry in story.heard[-8:]]
    assert actual == plain("""
        The organisation granted ann a freeze.
        ann earned 1 freeze and has 2.
        The organisation reset the streak of ann on 2025-04-03; it was 3.
        ann lost a streak of 3: it was reset.
        The organisation restored a streak of 3 for ann; it expires when 2025-04-04 is over.
        The streak of ann is paused from 2025-04-04 to 2025-04-05; it expires when 2025-04-06 is over.
        The streak of ann is paused from 2025-04-04 to 2025-04-06; it expires when 2025-04-07 is over.
        A pause of the streak of ann was deleted; the streak expires when 2025-04-07 is over.
    """)
    again = World(FREEZES, story.world.seed, story.world.born)
    for entry in story.world.journal:
        again.apply(entry)
    assert known(again) == known(story.world)
    assert again.pauses == story.world.pauses


@pytest.mark.parametrize("kept", ["pause", "days off"])
def test_days_that_nobody_had_to_fill_keep_their_length_when_the_streak_is_lost_later(kept: str) -> None:
    story = played(THREE_DAYS, Streak(days_off=(5, 6)) if kept == "days off" else None)
    if kept == "pause":
        pause(story, "04-04", "04-05")
    paused, last = kept == "pause", rows(story.at("04-06 12:00"), 3, "length", "usedPause")
    assert last == [(3, paused), (3, paused), (0, False)]
    assert story.at("04-07").facts("StreakLost") == ["04-07 00:00 ann StreakLost 3"]
    assert rows(story, 4, "length", "usedPause") == [*last, (0, False)]
    story.play("04-08 09:00 ann words 1")
    assert rows(story, 5, "length", "usedPause") == [*last, (0, False), (1, False)]


@pytest.mark.parametrize("counted", [True, False])
def test_days_in_a_pause_keep_their_length_when_the_streak_is_reset_after_it(counted: bool) -> None:
    story = played(THREE_DAYS)
    pause(story, "04-04", "04-05")
    story.at("04-06 09:00")
    if counted:
        story.event("ann", "words", 1)
    story.act(commands.reset_streak, "ann", story.game.now)
    story.play("04-07 09:00 ann words 1")
    assert rows(story, 5, "length", "usedPause") == [(3, False), (3, True), (3, True), (0, False), (1, False)]


def test_days_of_a_pause_after_a_reset_keep_nothing() -> None:
    story = played(THREE_DAYS)
    pause(story, "04-04", "04-06")
    story.at("04-05 09:00")
    story.act(commands.reset_streak, "ann", story.game.now)
    assert rows(story.at("04-07 09:00"), 5, "length", "usedPause") == [
        (3, False),
        (3, True),
        (0, False),
        (0, False),
        (0, False),
    ]


@pytest.mark.parametrize(("frequency", "ends"), [("weekly", "2025-04-05"), ("monthly", "2025-04-30")])
def test_a_streak_that_was_reset_in_its_first_period_has_begun_when_it_began(frequency: Frequency, ends: str) -> None:
    story = played("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 09:00", Streak(frequency))
    story.act(commands.reset_streak, "ann", story.game.now)
    story.act(commands.restore_streak, "ann", story.game.now)
    row = story.call("users_streak", id="ann", history_periods=1)
    assert (row["length"], row["started"], row["periodEnd"]) == (1, "2025-04-01", ends)
    story.play("04-03 10:00 ann words -2")
    story.act(commands.reset_streak, "ann", story.game.now)
    story.act(commands.restore_streak, "ann", story.game.now)
    assert story.call("users_streak", id="ann", history_periods=1)["started"] <= "2025-04-03"

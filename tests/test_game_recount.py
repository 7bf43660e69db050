"""After a change of frequency, conditions, days off or week start, streaks are as if these had always held (behaviour,
section 5)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import Step, born, events, journeys, starts, steady, take, users, waits
from sample import BARE, SAMPLE, board, by_key
from story import Story, column, functions, plain
from test_game_changeover import change

from mockserver.game import facts as f
from mockserver.game import streak_commands as commands
from mockserver.game.catalog import MICRO, Catalog, Freezes, Frequency, Settings, Streak, StreakCondition
from mockserver.game.engine import Game
from mockserver.game.periods import local_day
from mockserver.game.state import StreakState

NINE_DAYS = "\n".join(f"04-0{day} 09:00 ann words {day}" for day in range(1, 10))


def streak(story: Story, user: str = "ann") -> tuple[Any, ...]:
    row = story.call("users_streak", id=user, history_periods=3)
    return row["length"], row["periodStart"], row["periodEnd"], row["expires"]


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("weekly", "daily", (1, "2025-04-02", "2025-04-02", "2025-04-03")),
        ("daily", "weekly", (1, "2025-03-30", "2025-04-05", "2025-04-12")),
        ("daily", "monthly", (1, "2025-04-01", "2025-04-30", "2025-05-31")),
        ("monthly", "weekly", (1, "2025-03-30", "2025-04-05", "2025-04-12")),
    ],
)
def test_a_running_streak_is_what_it_would_be_with_the_new_periods(before: Any, after: Any, found: Any) -> None:
    story = Story(replace(BARE, streak=Streak(before)))
    story.play("04-02 09:00 ann words 1\n04-02 12:00")
    change(story, streak=Streak(after))
    assert streak(story) == found
    assert story.event("ann", "words", 1)["currentStreak"]["extended"] is False
    story.pass_to(story.world.users["ann"].end_of(date.fromisoformat(found[2])))
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 2


def test_nine_days_in_a_row_are_one_month_and_two_weeks() -> None:
    story = Story(BARE)
    story.play(NINE_DAYS)
    for frequency, length in (("monthly", 1), ("weekly", 2), ("daily", 9)):
        change(story, streak=Streak(frequency))  # type: ignore[arg-type]
        assert streak(story)[0] == length


def test_a_month_with_one_active_day_is_a_lost_streak_of_days() -> None:
    story = Story(replace(BARE, streak=Streak("monthly")), start="2025-03-01")
    story.play("03-05 09:00 ann words 1\n03-20 09:00")
    change(story, streak=Streak())
    rows = story.call("users_streak", id="ann", history_periods=16)["streakHistory"]
    assert column(rows[:2], "periodStart", "length") == [("2025-03-05", 1), ("2025-03-06", 0)]
    assert streak(story) == (0, None, None, None)
    assert story.event("ann", "words", 1)["currentStreak"]["expires"] == "2025-03-21"
    assert story.at("03-22").facts("StreakLost") == ["03-22 00:00 ann StreakLost 1"]


def test_a_lost_streak_of_days_runs_on_in_weeks() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-03 09:00")
    change(story, streak=Streak("weekly"))
    assert streak(story) == (1, "2025-03-30", "2025-04-05", "2025-04-12")
    story.at("04-06")
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 2


def test_weeks_that_begin_on_another_day_are_counted_from_that_day() -> None:
    story = Story(replace(BARE, streak=Streak("weekly")))
    story.play("04-02 09:00 ann words 1\n04-06 09:00 ann words 1\n04-06 10:00")
    assert streak(story) == (2, "2025-04-06", "2025-04-12", "2025-04-19")
    change(story, settings=Settings(week_start=0))
    assert streak(story) == (1, "2025-03-31", "2025-04-06", "2025-04-13")
    assert story.event("ann", "words", 1)["currentStreak"]["extended"] is False


def test_history_of_days_reads_in_weeks_and_back_again() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 09:00")
    change(story, streak=Streak("weekly"))
    assert column(story.call("users_streak", id="ann", history_periods=2)["streakHistory"], "length") == [0, 1]
    change(story, streak=Streak())
    assert column(story.call("users_streak", id="ann", history_periods=4)["streakHistory"], "length") == [0, 1, 2, 0]


def test_without_a_streak_in_the_catalog_there_is_none_and_with_one_again_it_is_read_from_all_days() -> None:
    story = Story(SAMPLE)
    story.play("04-01 09:00 ann words 1\n04-02 12:00")
    change(story, streak=None)
    assert streak(story) == (0, None, None, None)
    assert story.call("streaks_rankings") == story.call("streaks_rankings", type="longest") == []
    assert story.ranking("streaks") == []
    story.play("04-20 09:00 ann words 1")
    change(story, SAMPLE)
    assert streak(story) == (1, "2025-04-20", "2025-04-20", "2025-04-21")
    assert story.ranking("streaks") == [("ann", 1)]


def test_changed_conditions_hold_for_the_days_that_are_over_too() -> None:
    story = Story(BARE)
    story.play(NINE_DAYS)
    change(story, streak=Streak(conditions=(StreakCondition("words", 8 * MICRO),)))
    assert streak(story)[0] == 2
    change(story, streak=Streak(conditions=(StreakCondition("words", 10 * MICRO),)))
    assert streak(story)[0] == 0
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 1


def test_what_the_change_itself_does_is_told_by_boards_and_not_as_streaks_won_or_lost() -> None:
    story = Story(replace(BARE, leaderboards=by_key(board("streaks", "2025-01-01", rank_by="streak"))))
    story.play(f"{NINE_DAYS}\n04-09 10:00 bob words 20")
    story.new_facts()
    change(story, streak=Streak(conditions=(StreakCondition("words", 10 * MICRO),)))
    assert story.ranking("streaks") == [("bob", 1)]
    assert story.new_facts("Streak", "Score") == plain("""
        04-09 10:00 ann StreakRecounted 0
        04-09 10:00 ann ScoreChanged streaks #1(9) off
    """)


def test_of_streaks_of_the_same_length_the_one_that_would_have_been_first_stands_first() -> None:
    story = Story(replace(BARE, leaderboards=by_key(board("streaks", "2025-01-01", rank_by="streak"))))
    story.play("04-01 09:00 ann words 1\n04-02 09:00 bob words 1\n04-03 09:00 ann words 1")
    assert story.ranking("streaks") == [("bob", 1), ("ann", 1)]
    change(story, streak=Streak("weekly"))
    assert story.ranking("streaks") == [("ann", 1), ("bob", 1)]


def test_what_the_organisation_did_by_hand_is_done_again_as_far_as_there_is_something_to_do() -> None:
    story = Story(replace(BARE, streak=Streak(freezes=Freezes(0, 2))))
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 09:00 ann words 1")
    story.act(commands.reset_streak, "ann", story.game.now)
    story.play("04-04 09:00 ann words 1\n04-07 09:00")
    story.act(commands.grant_freeze, "ann")
    story.act(commands.restore_streak, "ann", story.game.now)
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 4
    daily = story.world.users["ann"].streak

    change(story, streak=replace(story.world.catalog.streak, frequency="weekly"))
    response = story.call("users_streak", id="ann", history_periods=2)
    # A week that was reset does not count again; its 1 was restored, and the event made it 2.
    assert (response["length"], response["freezes"]) == (2, 1)
    assert [row.get("resetAt", "")[:10] for row in response["streakHistory"]] == ["2025-04-03", ""]

    change(story, streak=replace(story.world.catalog.streak, frequency="daily"))
    assert _but_numbers(story.world.users["ann"].streak) == _but_numbers(daily)


def test_freezes_are_spent_as_they_would_have_been() -> None:
    story = Story(replace(BARE, streak=Streak("weekly", freezes=Freezes(initial=2, maximum=3))))
    story.play("04-01 09:00 ann words 1\n04-03 09:00")
    change(story, streak=Streak(freezes=Freezes(initial=2, maximum=3)))
    response = story.call("users_streak", id="ann", history_periods=3)
    assert (response["length"], response["freezes"], response["expires"]) == (1, 1, "2025-04-03")
    assert column(response["streakHistory"], "length", "usedFreeze") == [(1, False), (1, True), (0, False)]


# The law

FREEZES = st.sampled_from([None, Freezes(1, 2), Freezes(0, 3, 3), Freezes(2, 2, 5, 2)])
CONDITIONS = st.sampled_from(
    [
        (),
        (StreakCondition("words", 3 * MICRO),),
        (StreakCondition("words", 10 * MICRO), StreakCondition("chapters", MICRO)),
    ]
)
EVER = by_key(board("streaks", "2010-01-01", rank_by="streak"))


@st.composite
def settings(draw: st.DrawFn, freezes: Freezes | None) -> Catalog:
    """An organisation with any streak, but for its freezes."""
    frequency: Frequency = draw(st.sampled_from(["daily", "daily", "weekly", "monthly"]))
    days_off = draw(st.sampled_from([(), (0, 6), (3,)])) if frequency == "daily" else ()
    streak = Streak(frequency, draw(CONDITIONS), draw(st.sampled_from(["any", "all"])), freezes, days_off)
    week_start = draw(st.sampled_from([6, 0, 3]))
    return replace(BARE, streak=streak, leaderboards=EVER, settings=Settings(week_start=week_start))


pauses = st.builds(
    lambda user, start, days: Step("pause", {"user": user, "start": start, "days": days}),
    users,
    st.integers(0, 3),
    st.integers(0, 9),
)
deletions = st.builds(lambda user: Step("delete", {"user": user}), users)
deeds = st.lists(st.one_of(events, events, events, waits, waits, journeys, pauses, deletions), min_size=8, max_size=40)


def live(game: Game, life: list[Step]) -> None:
    for step in life:
        user_id = step.arguments.get("user", "")
        user = game.world.users.get(user_id)
        if step.name == "pause" and user:
            start = local_day(game.now, user.zone) + timedelta(step.arguments["start"])
            end = start + timedelta(step.arguments["days"])
            game.record(commands.plan_pause(game.world, user_id, start, end, game.now))
        elif step.name == "delete" and user:
            for id in [pause.id for pause in user.pauses if not pause.archived][:1]:
                game.record(commands.delete_pause(game.world, id, game.now))
        elif step.name not in ("pause", "delete"):
            take(game, step)
        game.catch_up(game.now)


def seen(game: Game) -> Any:
    """All that can be asked about streaks, and all that is remembered of them."""
    world, ids = game.world, sorted(game.world.users)
    operations = functions()
    responses = [operations["users_streak"](game, id=user, history_periods=90) for user in ids]
    for response in responses:
        for pause in response["pauses"]:
            del pause["id"]  # made of how many facts there were before
    board_rows = operations["leaderboards_get"](
        game, key="streaks", offset=0, limit=10, run=None, user_id=None, user_attributes=None
    )
    rankings = [operations["streaks_rankings"](game, limit=10, type=kind) for kind in ("active", "longest")]
    listed = operations["streaks_list"](game, user_ids=ids) if ids else []
    return responses, listed, rankings, board_rows, [_but_numbers(world.users[user].streak) for user in ids]


def _but_numbers(streak: StreakState) -> StreakState:
    """Numbers of facts are others where more has happened; the rankings show their order."""
    return replace(streak, reached=0, longest_reached=0)


def streak_facts(game: Game, after: int) -> list[tuple[int, f.Fact]]:
    """What webhooks tell of streaks, from a number of facts on."""
    kinds = (f.StreakStarted, f.StreakExtended, f.StreakLost, f.FreezeConsumed, f.FreezeEarned)
    return [(e.time, e.fact) for e in game.world.journal if e.seq > after and isinstance(e.fact, kinds)]


@steady
@given(FREEZES.flatmap(lambda freezes: st.tuples(settings(freezes), settings(freezes))), starts, deeds, deeds)
def test_after_a_change_streaks_are_those_of_a_world_that_never_had_other_settings(
    catalogs: tuple[Catalog, Catalog], start: str, before: list[Step], afterwards: list[Step]
) -> None:
    old, new = catalogs
    changed, always = born(old, start), born(new, start)
    live(changed, before)
    live(always, before)
    changed.record(f.CatalogChanged(new))
    since = changed.world.journal.last, always.world.journal.last
    assert seen(changed) == seen(always)
    live(changed, afterwards)
    live(always, afterwards)
    assert seen(changed) == seen(always)
    assert streak_facts(changed, since[0]) == streak_facts(always, since[1])


# Freezes: what was given, earned and held then stays so


def test_freezes_that_are_switched_on_are_given_to_those_who_are_there_and_cut_to_a_new_maximum() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1")

    def held() -> int:
        return story.world.users["ann"].streak.freezes

    for freezes, expected in (
        (Freezes(initial=3, maximum=5), 3),
        (Freezes(initial=1, maximum=2), 2),
        (Freezes(initial=5, maximum=5), 2),
        (None, 0),
        (Freezes(initial=4, maximum=4), 4),
    ):
        change(story, streak=Streak(freezes=freezes))
        assert held() == expected


def test_earning_that_is_switched_on_or_changed_earns_nothing_for_the_time_before() -> None:
    story = Story(replace(BARE, streak=Streak(freezes=Freezes(maximum=9))))
    story.play("04-01 09:00 ann is name=Ann\n04-08 00:05")
    change(story, streak=Streak(freezes=Freezes(maximum=9, auto_earn_interval=7)))
    story.at("04-16")
    change(story, streak=Streak(freezes=Freezes(maximum=9, auto_earn_interval=2)))
    story.at("04-18")
    change(story, streak=Streak(freezes=Freezes(maximum=9, auto_earn_interval=10)))
    story.at("05-01")
    assert story.facts("FreezeEarned") == plain("""
        04-08 00:10 ann FreezeEarned 1 1
        04-15 00:10 ann FreezeEarned 1 2
        04-17 00:10 ann FreezeEarned 1 3
        04-21 00:10 ann FreezeEarned 1 4
    """)

"""A catalog that changes under living users: nobody loses what they have (behaviour, sections 5 to 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sample import BARE, SAMPLE, api_achievement, board, boost, by_key, filters, metric_achievement, per_metric, points
from story import Story, column, plain

from mockserver.game.catalog import MICRO, Catalog, Freezes, PointsTrigger, Settings, Streak, StreakCondition
from mockserver.game.facts import CatalogChanged


def change(story: Story, catalog: Catalog | None = None, **fields: Any) -> None:
    story.game.tell(CatalogChanged(replace(catalog or story.world.catalog, **fields)))
    story.game.commit()


def streak(story: Story, user: str = "ann") -> tuple[Any, ...]:
    row = story.ask("users_streak", id=user, history_periods=3)
    return row["length"], row["periodStart"], row["periodEnd"], row["expires"]


# Streaks


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("weekly", "daily", (1, "2025-04-02", "2025-04-02", "2025-04-12")),
        ("daily", "weekly", (1, "2025-03-30", "2025-04-05", "2025-04-12")),
        ("daily", "monthly", (1, "2025-04-01", "2025-04-30", "2025-05-31")),
        ("monthly", "weekly", (1, "2025-03-30", "2025-04-05", "2025-05-31")),
    ],
)
def test_a_running_streak_goes_on_in_periods_of_another_length(before: Any, after: Any, found: tuple[Any, ...]) -> None:
    story = Story(replace(BARE, streak=Streak(before)))
    story.tell("04-02 09:00 ann words 1\n04-02 12:00")
    change(story, streak=Streak(after))
    assert streak(story) == found
    assert story.event("ann", "words", 1)["currentStreak"]["extended"] is False
    story.pass_to(story.world.users["ann"].end_of(date.fromisoformat(found[2])))
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 2


def test_a_streak_that_was_lost_does_not_count_the_same_days_again_in_new_periods() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 1\n04-03 09:00")
    change(story, streak=Streak("weekly"))
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 0
    story.at("04-06")
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 1


def test_weeks_that_begin_on_another_day_do_not_count_the_present_one_twice() -> None:
    story = Story(replace(BARE, streak=Streak("weekly")))
    story.tell("04-02 09:00 ann words 1\n04-03 09:00")
    change(story, settings=Settings(week_start=0))
    assert streak(story) == (1, "2025-03-31", "2025-04-06", "2025-04-13")
    assert story.event("ann", "words", 1)["currentStreak"]["extended"] is False


def test_history_of_daily_periods_is_read_in_weeks_and_the_other_way_round() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 1\n04-02 09:00 ann words 1\n04-03 09:00")
    change(story, streak=Streak("weekly"))
    assert column(story.ask("users_streak", id="ann", history_periods=2)["streakHistory"], "length") == [0, 2]
    change(story, streak=Streak())
    assert column(story.ask("users_streak", id="ann", history_periods=4)["streakHistory"], "length") == [0, 1, 2, 0]


def test_a_catalog_without_a_streak_ends_all_and_one_that_has_it_again_starts_from_nothing() -> None:
    story = Story(SAMPLE)
    story.tell("04-01 09:00 ann words 1\n04-02 12:00")
    change(story, streak=None)
    assert streak(story) == (0, None, None, None)
    assert story.ask("streaks_rankings") == story.ask("streaks_rankings", type="longest") == []
    assert story.ranking("streaks") == []
    story.at("04-20")
    change(story, SAMPLE)
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 1
    assert story.ranking("streaks") == [("ann", 1)]


def test_changed_conditions_count_from_the_next_event() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 1\n04-02 09:00")
    change(story, streak=Streak(conditions=(StreakCondition("words", 10 * MICRO),)))
    assert [story.event("ann", "words", value)["currentStreak"]["length"] for value in (9, 1)] == [1, 2]


def test_freezes_that_are_switched_on_are_given_to_those_who_are_there_and_cut_to_a_new_maximum() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 1")

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
    story.tell("04-01 09:00 ann is name=Ann\n04-08 00:05")
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


# Achievements and points


def test_a_new_filter_counts_the_events_of_the_past() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 30 source=phone\n04-01 10:00 ann words 50\n04-01 11:00 bob words 1 source=phone")
    rows = by_key(metric_achievement("phone", 30, event_attributes=filters(source="phone")))
    change(story, achievements=rows)
    assert list(story.world.users["ann"].achievements) == ["phone"]
    assert list(story.world.users["bob"].achievements) == []


def test_a_new_trigger_does_not_pay_for_what_was_passed_before_it() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann words 35 source=phone")
    rows = (per_metric(1, 10), per_metric(100, 10, event_attributes=filters(source="phone")))
    change(story, points=by_key(points(triggers=rows)))
    assert story.event("ann", "words", 10, source="phone")["points"]["xp"]["added"] == 101


def test_a_new_time_trigger_pays_from_its_next_interval_on() -> None:
    story = Story(BARE)
    story.tell("04-01 09:00 ann is name=Ann\n04-03 10:00")
    trigger = PointsTrigger("t", "time", 1, time_unit="day", time_interval=1)
    change(story, points=by_key(points(triggers=(trigger,))))
    story.at("04-05 00:00")
    assert story.facts("PointsAw") == ["04-04 09:00 ann PointsAwarded xp 1 1"]


def test_awards_outlive_their_trigger_and_boost() -> None:
    story = Story(SAMPLE)
    story.tell("04-03 09:00 ann words 10")
    change(story, points=by_key(points(), points("energy")))
    row = story.ask("users_points", id="ann", key="xp")["awards"][0]
    assert (row["awarded"], row["boosts"], "trigger" in row) == (25, [], False)
    change(story, points={}, leaderboards={})
    story.event("ann", "words", 10)
    story.ask("users_wrapped", id="ann")


def test_a_lower_maximum_takes_nothing_away_and_adds_nothing() -> None:
    story = Story(replace(BARE, points=by_key(points(triggers=(per_metric(10, 1),)))))
    story.event("ann", "words", 10)
    lower = points(triggers=(per_metric(10, 1), per_metric(-30, 1, "chapters")), max_points=50)
    change(story, points=by_key(lower))
    assert story.event("ann", "words", 1)["points"] == {}
    assert story.event("ann", "chapters", 1)["points"]["xp"]["total"] == 70


def test_a_metric_that_becomes_inactive_shows_up_nowhere() -> None:
    story = Story(BARE)
    story.event("ann", "words", 5)
    change(story, metrics=BARE.metrics | {"words": replace(BARE.metrics["words"], active=False)})
    assert story.ask("users_wrapped", id="ann")["activity"]["entireYear"]["metrics"] == {}
    assert column(story.ask("users_all_metrics", id="ann"), "key") == ["chapters"]


def test_new_boosts_are_told_only_of_what_is_to_come() -> None:
    story = Story(replace(BARE, points=by_key(points())))
    story.tell("04-01 09:00 ann is name=Ann\n04-03 12:00")
    rows = (
        boost("over", "2025-03-01", "2025-04-01", 2),
        boost("running", "2025-03-01", "2025-04-05", 2),
        boost("own", "2025-04-02", "2025-04-06", 2, user="ann"),
        boost("begun", "2025-04-04", "2025-04-07", 2),
        boost("coming", "2025-04-05", None, 2),
    )
    change(story, points=by_key(points(boosts=rows)))
    story.at("04-04 12:00")
    longer = replace(rows[0], end=date(2025, 4, 8))
    change(story, points=by_key(points(boosts=(longer, *rows[1:]))))
    story.at("05-01")
    assert story.facts("Boost") == plain("""
        04-04 10:00 BoostStarted id-coming
        04-06 13:00 BoostFinished id-running
        04-07 00:00 ann BoostFinished id-own
        04-08 13:00 BoostFinished id-begun
        04-09 13:00 BoostFinished id-over
    """)


# Leaderboards


def test_a_new_board_has_what_was_done_since_its_start() -> None:
    story = Story(replace(BARE, points=by_key(points(triggers=(per_metric(10, 1),)))))
    story.tell("""
        04-01 09:00 ann words 5
        04-02 09:00 ann words 7
        04-02 10:00 bob words 7
        04-09 09:00 bob words 1
    """)
    rows = (
        board("ever", "2025-04-02"),
        board("weekly", "2025-04-01", run_unit="day", run_interval=7),
        board("xp", "2025-04-02", "2025-04-05", rank_by="points", points_system="xp"),
        board("streaks", "2025-04-01", rank_by="streak"),
        board("later", "2025-05-01", rank_by="streak"),
        board("over", "2025-04-01", "2025-04-05", rank_by="streak"),
    )
    change(story, leaderboards=by_key(*rows))
    assert story.ranking("ever") == [("bob", 8), ("ann", 7)]
    assert story.ranking("weekly") == [("bob", 1)]
    assert story.ranking("weekly", run=date(2025, 4, 7)) == [("ann", 12), ("bob", 7)]
    assert story.ranking("xp") == [("ann", 70), ("bob", 70)]
    assert story.ranking("streaks") == [("bob", 1)]
    assert story.ranking("later") == story.ranking("over") == []


def test_a_board_that_counts_differently_is_counted_anew() -> None:
    story = Story(replace(BARE, leaderboards=by_key(board("b", "2025-01-01"))))
    story.tell("""
        04-01 09:00 ann is region=eu
        04-01 09:00 ann words 5
        04-01 09:00 ann chapters 2
        04-02 09:00 bob words 9
    """)
    change(story, leaderboards=by_key(board("b", "2025-01-01", metric="chapters")))
    assert story.ranking("b") == [("ann", 2)]
    change(story, leaderboards=by_key(board("b", "2025-01-01", breakdown=("region",))))
    assert story.ranking("b", user_attributes="region:eu") == [("ann", 5)]
    assert story.event("ann", "words", 1)["leaderboards"]["b"]["breakdownAttributeValue"] == "eu"
    change(story, leaderboards=by_key(board("b", "2025-04-02")))
    assert story.ranking("b") == [("bob", 9), ("ann", 1)]


def test_a_board_that_stays_the_same_keeps_scores_and_history_and_takes_its_new_size() -> None:
    story = Story(replace(BARE, leaderboards=by_key(board("b", "2025-01-01"))))
    story.tell("04-01 09:00 ann words 5\n04-01 10:00 bob words 9")
    change(story, leaderboards=by_key(board("b", "2025-01-01", max_participants=1, description="Smaller")))
    assert story.ranking("b") == [("bob", 9)]
    answer = story.ask("users_leaderboard", id="ann", key="b")
    assert (answer["rank"], len(answer["history"])) == (None, 2)


def test_everything_that_can_be_asked_can_be_asked_after_any_change() -> None:
    story = Story(SAMPLE)
    story.tell("""
        04-01 09:00 ann is plan=pro region=eu team=red
        04-01 09:00 ann words 120 source=phone
        04-01 09:00 ann does onboarded
        04-02 09:00 ann chapters 1
    """)
    bare = replace(BARE, achievements=by_key(api_achievement("hundred")), streak=None)
    for catalog in (BARE, bare, SAMPLE, replace(SAMPLE, metrics={}, achievements={}, points={}, leaderboards={})):
        change(story, catalog)
        for operation in ("users_get", "users_all_metrics", "users_achievements", "users_streak", "users_wrapped"):
            story.ask(operation, id="ann")
        for operation in ("achievements_all", "leaderboards_all", "streaks_rankings"):
            story.ask(operation)
        for key in catalog.points:
            story.ask("users_points", id="ann", key=key)
        for key, row in catalog.leaderboards.items():
            story.ask("users_leaderboard", id="ann", key=key)
            pairs = ",".join(f"{name}:x" for name in row.breakdown)
            story.ask("leaderboards_get", key=key, user_attributes=pairs)
        story.pass_to(story.game.now + 3 * 86_400_000)

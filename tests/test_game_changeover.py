"""A catalog that changes under living users: nobody loses what they have (behaviour, sections 5 to 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from sample import BARE, SAMPLE, api_achievement, board, boost, by_key, filters, metric_achievement, per_metric, points
from story import Story, column, plain

from mockserver.game.catalog import Catalog, Freezes, PointsTrigger, Streak
from mockserver.game.facts import CatalogChanged


def change(story: Story, catalog: Catalog | None = None, **fields: Any) -> None:
    story.game.record(CatalogChanged(replace(catalog or story.world.catalog, **fields)))
    story.game.commit()


# Achievements and points


def test_a_new_filter_counts_the_events_of_the_past() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 30 source=phone\n04-01 10:00 ann words 50\n04-01 11:00 bob words 1 source=phone")
    rows = by_key(metric_achievement("phone", 30, event_attributes=filters(source="phone")))
    change(story, achievements=rows)
    assert list(story.world.users["ann"].achievements) == ["phone"]
    assert list(story.world.users["bob"].achievements) == []


def test_a_new_trigger_does_not_pay_for_what_was_passed_before_it() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 35 source=phone")
    rows = (per_metric(1, 10), per_metric(100, 10, event_attributes=filters(source="phone")))
    change(story, points=by_key(points(triggers=rows)))
    assert story.event("ann", "words", 10, source="phone")["points"]["xp"]["added"] == 101


def test_a_new_time_trigger_pays_from_its_next_interval_on() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann is name=Ann\n04-03 10:00")
    trigger = PointsTrigger("t", "time", 1, time_unit="day", time_interval=1)
    change(story, points=by_key(points(triggers=(trigger,))))
    story.at("04-05 00:00")
    assert story.facts("PointsAw") == ["04-04 09:00 ann PointsAwarded xp 1 1"]


def test_awards_outlive_their_trigger_and_boost() -> None:
    story = Story(SAMPLE)
    story.play("04-03 09:00 ann words 10")
    change(story, points=by_key(points(), points("energy")))
    row = story.call("users_points", id="ann", key="xp")["awards"][0]
    assert (row["awarded"], row["boosts"], "trigger" in row) == (25, [], False)
    change(story, points={}, leaderboards={})
    story.event("ann", "words", 10)
    story.call("users_wrapped", id="ann")


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
    assert story.call("users_wrapped", id="ann")["activity"]["entireYear"]["metrics"] == {}
    assert column(story.call("users_all_metrics", id="ann"), "key") == ["chapters"]


def test_new_boosts_are_told_only_of_what_is_to_come() -> None:
    story = Story(replace(BARE, points=by_key(points())))
    story.play("04-01 09:00 ann is name=Ann\n04-03 12:00")
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
    story.play("""
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
    story.play("""
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
    story.play("04-01 09:00 ann words 5\n04-01 10:00 bob words 9")
    change(story, leaderboards=by_key(board("b", "2025-01-01", max_participants=1, description="Smaller")))
    assert story.ranking("b") == [("bob", 9)]
    response = story.call("users_leaderboard", id="ann", key="b")
    assert (response["rank"], len(response["history"])) == (None, 2)


def test_everything_that_can_be_asked_can_be_asked_after_any_change() -> None:
    story = Story(SAMPLE)
    story.play("""
        04-01 09:00 ann is plan=pro region=eu team=red
        04-01 09:00 ann words 120 source=phone
        04-01 09:00 ann does onboarded
        04-02 09:00 ann chapters 1
    """)
    bare = replace(BARE, achievements=by_key(api_achievement("hundred")), streak=None)
    for catalog in (BARE, bare, SAMPLE, replace(SAMPLE, metrics={}, achievements={}, points={}, leaderboards={})):
        change(story, catalog)
        for operation in ("users_get", "users_all_metrics", "users_achievements", "users_streak", "users_wrapped"):
            story.call(operation, id="ann")
        for operation in ("achievements_all", "leaderboards_all", "streaks_rankings"):
            story.call(operation)
        for key in catalog.points:
            story.call("users_points", id="ann", key=key)
        for key, row in catalog.leaderboards.items():
            story.call("users_leaderboard", id="ann", key=key)
            pairs = ",".join(f"{name}:x" for name in row.breakdown)
            story.call("leaderboards_get", key=key, user_attributes=pairs)
        story.pass_to(story.game.now + 3 * 86_400_000)


def test_another_change_earns_no_freeze_twice_for_a_user_who_has_gone_west() -> None:
    catalog = replace(BARE, streak=Streak(freezes=Freezes(0, 5, auto_earn_interval=2)))
    story = Story(catalog)
    story.play("04-01 23:00 ann words 1\n04-03 01:00 ann is tz=America/New_York")
    change(story, replace(catalog, name="Another"))
    story.at("04-05")
    assert story.facts("Freeze") == ["04-03 00:10 ann FreezeEarned 1 1"]


def test_a_boost_of_a_user_who_is_still_to_come_is_told_from_the_midnights_there() -> None:
    system = points(triggers=(per_metric(1, 1),))
    story = Story(replace(BARE, points=by_key(system)))
    story.at("04-02 12:00")
    own = boost("own", "2025-04-03", "2025-04-03", 2, user="ann")
    change(story, points=by_key(replace(system, boosts=(own,))))
    story.play("04-02 15:00 ann words 1\n04-05")
    assert story.facts("Boost") == plain("""
        04-03 00:00 ann BoostStarted id-own
        04-04 00:00 ann BoostFinished id-own
    """)

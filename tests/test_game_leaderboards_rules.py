"""Leaderboards for some users and for some hours: who takes part, and when activity counts (behaviour, section 8)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from boards import at, history, with_boards
from hypothesis import given
from lives import Step, lead, lives, starts, steady
from sample import SAMPLE, board, by_key
from story import Story

from mockserver.game import facts as f
from mockserver.game.catalog import AttributeFilter, Catalog, Leaderboard
from mockserver.game.facts import CatalogChanged
from mockserver.game.leaderboards import open_runs
from mockserver.game.ranking import group_of
from mockserver.game.world import World

PRO = (AttributeFilter("plan", "pro"),)
PROS = board("pros", "2025-01-01", user_attributes=PRO)
MORNINGS = board("mornings", "2025-01-01", start_time=9 * 60, end_time=12 * 60)
LATE = board("late", "2025-01-01", start_time=20 * 60 + 30)
EARLY = board("early", "2025-01-01", end_time=8 * 60)


def test_who_lacks_the_attributes_does_not_take_part() -> None:
    story = Story(with_boards(PROS))
    assert story.event("ann", "words", 9)["leaderboards"] == {}
    assert story.event("bob", "words", 7, user_plan="basic")["leaderboards"] == {}
    shown = story.event("cat", "words", 5, user_plan="pro")["leaderboards"]["pros"]
    assert (shown["previousRank"], shown["rank"]) == (None, 1)
    assert story.ranking("pros") == [("cat", 5)]
    assert [at(story, user, "pros") for user in ("ann", "bob", "cat")] == [(None, None), (None, None), (1, 5)]
    assert story.call("leaderboards_get", key="pros", user_id="bob")["rankings"] == []
    assert story.call("users_wrapped", id="ann", year=2025)["activity"]["entireYear"]["leaderboards"] == {}


def test_all_attributes_must_match_exactly() -> None:
    both = board("both", "2025-01-01", user_attributes=(*PRO, AttributeFilter("region", "eu")))
    story = Story(with_boards(both))
    story.event("ann", "words", 3, user_plan="pro")
    story.event("bob", "words", 2, user_plan="Pro", user_region="eu")
    story.event("cat", "words", 1, user_plan="pro", user_region="eu")
    assert story.ranking("both") == [("cat", 1)]


def test_who_leaves_loses_the_place_and_gets_the_score_back_on_return() -> None:
    story = Story(with_boards(PROS))
    story.event("ann", "words", 9, user_plan="pro")
    story.event("bob", "words", 5, user_plan="pro")
    story.new_facts()
    story.call("users_identify", id="ann", body={"attributes": {"plan": "basic"}})
    assert story.new_facts("ScoreChanged") == ["04-01 00:00 ann ScoreChanged pros #1(9) off"]
    assert story.ranking("pros") == [("bob", 5)]
    story.event("ann", "words", 1)
    assert at(story, "ann", "pros") == (None, None)
    shown = story.event("ann", "words", 1, user_plan="pro")["leaderboards"]["pros"]
    assert (shown["previousRank"], shown["rank"]) == (None, 1)
    assert story.ranking("pros") == [("ann", 11), ("bob", 5)]


def test_a_board_for_some_may_have_groups() -> None:
    regions = board("regions", "2025-01-01", breakdown=("region",), user_attributes=PRO)
    story = Story(with_boards(regions))
    story.event("ann", "words", 9, user_plan="pro", user_region="eu")
    story.event("bob", "words", 5, user_region="eu")
    story.event("cat", "words", 3, user_plan="pro", user_region="us")
    assert story.ranking("regions", user_attributes="region:eu") == [("ann", 9)]
    assert story.ranking("regions", user_attributes="region:us") == [("cat", 3)]


def test_streaks_of_those_who_do_not_take_part_are_on_no_streak_board() -> None:
    row = board("streaks", "2025-04-02", rank_by="streak", user_attributes=PRO)
    story = Story(replace(SAMPLE, leaderboards=by_key(row)))
    story.event("ann", "words", 100)
    story.event("bob", "words", 100, user_plan="pro")
    story.at("04-03")
    assert story.ranking("streaks") == [("bob", 1)]
    story.call("users_identify", id="ann", body={"attributes": {"plan": "pro"}})
    assert story.ranking("streaks") == [("ann", 1), ("bob", 1)]


@pytest.mark.parametrize(
    ("key", "counting"),
    [
        ("mornings", ["09:00", "11:59:59"]),
        ("late", ["20:30", "23:59"]),
        ("early", ["00:00", "07:59:59"]),
    ],
)
def test_the_hours_begin_inclusive_and_end_exclusive(key: str, counting: list[str]) -> None:
    story = Story(with_boards(MORNINGS, LATE, EARLY))
    for time in ("00:00", "07:59:59", "08:00", "08:59:59", "09:00", "11:59:59", "12:00", "20:29", "20:30", "23:59"):
        shown = story.line(f"04-01 {time} ann words 1")["leaderboards"]
        assert (key in shown) == (time in counting), time
    assert story.ranking(key) == [("ann", len(counting))]


def test_the_hours_are_those_of_each_users_own_day() -> None:
    story = Story(with_boards(MORNINGS), "2025-03-29")
    story.call("users_identify", id="ann", body={"tz": "Asia/Tokyo"})
    story.call("users_identify", id="bob", body={"tz": "Europe/London"})
    story.at("03-29 00:00")  # 09:00 in Tokyo, 00:00 in London
    assert "mornings" in story.event("ann", "words", 1)["leaderboards"]
    assert story.event("bob", "words", 1)["leaderboards"] == {}
    story.at("03-30 08:30")  # clocks in London were put forward that night: 09:30
    assert "mornings" in story.event("bob", "words", 1)["leaderboards"]


def test_points_rank_by_the_hour_in_which_they_change() -> None:
    row = board("xp-mornings", "2025-01-01", rank_by="points", points_system="xp", start_time=9 * 60, end_time=12 * 60)
    story = Story(replace(SAMPLE, leaderboards=by_key(row)))
    story.play("04-01 08:00 ann words 100")
    assert story.ranking("xp-mornings") == []
    before = story.total("ann")
    story.play("04-01 10:00 ann words 100")
    assert story.ranking("xp-mornings") == [("ann", story.total("ann") - before)]


def test_activity_outside_leaves_no_trace_in_a_history() -> None:
    story = Story(with_boards(MORNINGS))
    story.play("""
        04-01 08:00 ann words 5
        04-01 09:00 ann words 1
        04-01 13:00 ann words 5
    """)
    assert history(story, "ann", "mornings") == [(None, 1, None, 1)]


def test_what_decides_who_ranks_is_shown() -> None:
    story = Story(with_boards(PROS, MORNINGS, LATE))
    shown = {row["key"]: row for row in story.call("leaderboards_all")}
    assert shown["pros"]["userAttributes"] == [{"key": "plan", "value": "pro"}]
    assert [(row["startTime"], row["endTime"]) for row in shown.values()] == [
        (None, None),
        ("09:00", "12:00"),
        ("20:30", None),
    ]
    assert [shown[key]["userAttributes"] for key in ("mornings", "late")] == [[], []]
    event = story.line("04-01 09:30 ann words 1")["leaderboards"]["mornings"]
    assert (event["startTime"], event["endTime"], event["userAttributes"]) == ("09:00", "12:00", [])


# What holds for every life

RULED = (
    PROS,
    MORNINGS,
    board("ever", "2011-01-01"),
    board("pro-mornings", "2011-01-01", user_attributes=PRO, start_time=6 * 60, end_time=18 * 60),
    board("weekly", "2011-01-02", run_unit="day", run_interval=7, start_time=12 * 60, user_attributes=PRO),
    board("regions", "2011-01-01", breakdown=("region",), user_attributes=PRO, end_time=20 * 60),
    board("xp", "2011-01-01", rank_by="points", points_system="xp", start_time=6 * 60),
    board("streaks", "2011-01-01", rank_by="streak", user_attributes=PRO),
)
RULES = replace(SAMPLE, leaderboards=by_key(*RULED))


def minutes(time: int, tz: str | None) -> int:
    local = datetime.fromtimestamp(time / 1000, ZoneInfo(tz or "UTC"))
    return local.hour * 60 + local.minute


def counts(row: Leaderboard, time: int, tz: str | None) -> bool:
    return (row.start_time or 0) <= minutes(time, tz) < (row.end_time or 24 * 60)


def gained_within_the_rules(world: World) -> Counter[tuple[str, str]]:
    """What users gained on each board of a metric since its start, by board and user, from their events alone."""
    zones, gained = dict[str, str | None](), Counter[tuple[str, str]]()
    for entry in world.journal:
        fact = entry.fact
        if isinstance(fact, (f.UserCreated, f.UserChanged)):
            zones[fact.user] = fact.profile.tz
        elif isinstance(fact, f.MetricChanged):
            for row in RULED:
                if row.metric == fact.metric and fact.day >= row.start and counts(row, entry.time, zones[fact.user]):
                    gained[row.key, fact.user] += fact.value
    return gained


@steady
@given(starts, lives)
def test_scores_are_what_counted_and_places_are_of_those_who_take_part(start: str, life: list[Step]) -> None:
    world = lead(RULES, start, life).world
    gained = gained_within_the_rules(world)
    open_ones = [(row, first) for row in RULED for first in open_runs(row, world.time)]
    for row, run in [(row, run) for row, first in open_ones if (run := world.run(row.key, first))]:
        for user, score in run.scores.items():
            attributes = world.users[user].profile.attributes
            takes_part = all(attributes.get(one.key) == one.value for one in row.user_attributes)
            assert score.group == group_of(row, attributes)
            assert takes_part or run.standing(user) == (None, None)
            if row.rank_by == "metric" and row.run_unit is None:
                assert score.gained == gained[row.key, user]
        for group, places in run.rankings.items():
            assert all(run.scores[user].group == group for _, _, user in places)


@steady
@given(starts, lives)
def test_a_board_that_gets_its_rules_later_is_as_if_it_had_always_had_them(start: str, life: list[Step]) -> None:
    """Streak boards keep what they had, and groups are those of now."""
    always = lead(RULES, start, life)
    later = lead(_without_rules(RULES), start, life)
    later.record(CatalogChanged(RULES))
    for row in RULED:
        if row.rank_by != "metric":
            continue
        ours, theirs = (
            {
                first: {user: (score.gained, score.group, score.ranked) for user, score in run.scores.items()}
                for first, run in world.runs.get(row.key, {}).items()
            }
            for world in (always.world, later.world)
        )
        assert _values(ours) == _values(theirs)


def _values(runs: object) -> object:
    """Without the numbers of facts, which differ."""
    assert isinstance(runs, dict)
    return {
        first: {user: (gained, group, place and place[0]) for user, (gained, group, place) in scores.items()}
        for first, scores in runs.items()
    }


def _without_rules(catalog: Catalog) -> Catalog:
    rows = [replace(row, user_attributes=(), start_time=None, end_time=None) for row in catalog.leaderboards.values()]
    return replace(catalog, leaderboards=by_key(*rows))

"""Levels, and what is told of changes of points and levels (behaviour, sections 7 and 11)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from awards import with_points
from sample import SAMPLE, level, per_metric
from story import Story, column, facts_of, plain

from mockserver.game.catalog import PointsTrigger, Settings
from mockserver.game.errors import Refused

LEVELS = (level("bronze", 0), level("silver", 50), level("gold", 100))


def test_the_level_is_the_highest_that_the_total_has_reached() -> None:
    story = Story(with_points(per_metric(25, 1), levels=LEVELS))
    story.call("users_create", body={"id": "ann"})
    reached = [story.call("users_points", id="ann", key="xp")["level"]["key"]]
    for _ in range(4):
        story.event("ann", "words", 1)
        reached.append(story.call("users_points", id="ann", key="xp")["level"]["key"])
    assert reached == ["bronze", "bronze", "silver", "silver", "gold"]


def test_a_level_is_in_the_response_only_when_it_changed_and_null_below_all_of_them() -> None:
    levels = (level("silver", 50), level("gold", 100))
    story = Story(with_points(per_metric(50, 1), per_metric(-60, 1, "chapters"), levels=levels))
    shown: list[Any] = []
    for metric in ("words", "words", "words", "chapters", "chapters"):
        shape = story.event("ann", metric, 1)["points"]["xp"]
        shown.append(shape["level"] and shape["level"]["key"] if "level" in shape else "same")
    assert shown == ["silver", "gold", "same", "silver", None]


def test_a_level_that_is_gained_and_lost_within_one_event_never_was() -> None:
    born = PointsTrigger("c", "user_creation", 50)
    story = Story(with_points(born, per_metric(-50, 1, "chapters"), levels=(level("silver", 50),)))
    assert "level" not in story.event("ann", "chapters", 1)["points"]["xp"]
    assert story.facts("Level") == []


def test_a_level_at_zero_is_held_from_creation_in_silence() -> None:
    story = Story(with_points(per_metric(25, 1), levels=LEVELS))
    story.event("ann", "words", 1)
    assert story.facts("Level") == []


def test_every_change_of_level_is_told_up_and_down() -> None:
    levels = (level("silver", 50), level("gold", 100))
    catalog = with_points(per_metric(50, 1), per_metric(-60, 1, "chapters"), levels=levels)
    story = "04-01 09:00 ann words 2\n04-01 10:00 ann chapters 1\n04-01 11:00 ann chapters 1"
    assert facts_of(catalog, story, "Level") == plain("""
        04-01 09:00 ann LevelChanged xp None gold
        04-01 10:00 ann LevelChanged xp gold None
    """)


def test_the_level_summary_has_a_row_per_level_and_none_for_those_below_the_first() -> None:
    story = Story(with_points(per_metric(1, 1), levels=(level("silver", 50), level("gold", 100))))
    for user, value in (("a", 10), ("b", 50), ("c", 99), ("d", 500)):
        story.event(user, "words", value)
    rows = story.call("points_level_summary", key="xp")
    assert [(row["level"]["key"], row["users"]) for row in rows] == [("silver", 2), ("gold", 1)]
    assert column(story.call("points_levels", key="xp"), "key") == ["silver", "gold"]


def test_a_level_at_zero_counts_everybody_who_has_nothing() -> None:
    story = Story(with_points(per_metric(1, 1), levels=LEVELS))
    story.event("a", "words", 60)
    story.call("users_create", body={"id": "b"})
    assert column(story.call("points_level_summary", key="xp"), "users") == [1, 1, 0]


def test_a_system_without_levels_has_no_level_summary_but_an_empty_list_of_levels() -> None:
    story = Story(with_points(per_metric(1, 1)))
    assert isinstance(story.refusal("points_level_summary", key="xp"), Refused)
    assert story.call("points_levels", key="xp") == []
    story.event("ann", "words", 1)
    assert story.call("users_points", id="ann", key="xp")["level"] is None


# What a webhook tells


BURST = """
    04-01 09:00:00 ann words 1
    04-01 09:00:10 ann words 1
    04-01 09:00:59 ann words 1
    04-01 09:01:30 ann words 1
    04-01 09:05:00 ann words 1
    04-01 09:10:00
"""


def test_changes_are_told_at_most_once_a_minute_the_first_at_once_the_rest_together() -> None:
    assert facts_of(with_points(per_metric(10, 1), levels=LEVELS), BURST, "PointsReported") == plain("""
        04-01 09:00 ann PointsReported xp 10 10 False
        04-01 09:01 ann PointsReported xp 20 30 False
        04-01 09:02 ann PointsReported xp 10 40 False
        04-01 09:05 ann PointsReported xp 10 50 True
    """)


def test_a_window_of_nothing_sends_each_change() -> None:
    catalog = replace(with_points(per_metric(10, 1)), settings=Settings(points_changed_window=0))
    assert len(facts_of(catalog, BURST, "PointsReported")) == 5


def test_creation_points_alone_are_told_nowhere_with_others_they_are_part_of_the_level() -> None:
    levels = (level("silver", 50), level("gold", 100))
    catalog = with_points(PointsTrigger("c", "user_creation", 90), per_metric(10, 1), levels=levels)
    assert facts_of(catalog, "04-01 09:00 ann is name=Ann\n04-01 10:00", "PointsReported") == []
    assert facts_of(catalog, "04-01 09:00 ann words 1", "PointsReported") == [
        "04-01 09:00 ann PointsReported xp 10 100 True"
    ]
    catalog = with_points(PointsTrigger("c", "user_creation", 60), per_metric(10, 1), levels=levels)
    assert facts_of(catalog, "04-01 09:00 ann words 1", "PointsReported") == [
        "04-01 09:00 ann PointsReported xp 10 70 True"
    ]
    assert facts_of(catalog, "04-01 09:00 ann is name=Ann\n04-01 10:00 ann words 1", "PointsReported") == [
        "04-01 10:00 ann PointsReported xp 10 70 False"
    ]


def test_each_user_and_each_system_has_a_window_of_its_own() -> None:
    story = "04-01 09:00 ann chapters 1\n04-01 09:00 bob words 10\n04-01 09:00:30 ann words 10"
    assert facts_of(SAMPLE, story, "PointsReported") == plain("""
        04-01 09:00 ann PointsReported energy -25 25 True
        04-01 09:00 bob PointsReported xp 10 10 False
        04-01 09:00:30.000Z ann PointsReported xp 13 13 False
    """)

"""Leaderboards with a breakdown: a ranking for each group, and users who change groups (behaviour, section 8)."""

from __future__ import annotations

from datetime import date

import pytest
from boards import REGIONS, at, history, with_boards
from sample import board
from story import Story, column

from mockserver.game.errors import Refused
from mockserver.game.facts import ScoreChanged

TEAMS = board("teams", "2025-01-01", breakdown=("region", "team"))


def test_each_combination_of_values_has_a_ranking_and_the_whole_limit() -> None:
    story = Story(with_boards(REGIONS, TEAMS))
    for user, region, team, value in (
        ("ann", "eu", "red", 1),
        ("bob", "eu", "red", 2),
        ("cat", "eu", "blue", 3),
        ("dan", "us", "red", 4),
    ):
        story.event(user, "words", value, user_region=region, user_team=team)
    assert story.ranking("regions", user_attributes="region:eu") == [("cat", 3), ("bob", 2)]
    assert story.ranking("regions", user_attributes="region:us") == [("dan", 4)]
    assert story.ranking("regions", user_attributes="region:xx") == []
    assert story.ranking("teams", user_attributes="team:red,region:eu") == [("bob", 2), ("ann", 1)]
    assert [at(story, user, "regions") for user in ("ann", "bob", "dan")] == [(None, None), (2, 2), (1, 4)]


@pytest.mark.parametrize(
    ("key", "pairs"),
    [
        ("regions", None),
        ("regions", ""),
        ("regions", "team:red"),
        ("regions", "region:eu,team:red"),
        ("teams", "region:eu"),
        ("teams", "region:eu,team:red,plan:pro"),
        ("ever", "region:eu"),
    ],
)
def test_the_attributes_must_be_exactly_those_of_the_breakdown(key: str, pairs: str | None) -> None:
    story = Story(with_boards(REGIONS, TEAMS, board("ever", "2025-01-01")))
    assert isinstance(story.refusal("leaderboards_get", key=key, user_attributes=pairs), Refused)


def test_breakdown_fields_are_shown_as_far_as_they_apply() -> None:
    story = Story(with_boards(REGIONS, TEAMS, board("ever", "2025-01-01")))
    shown = story.event("ann", "words", 5, user_region="eu", user_team="red")["leaderboards"]
    assert column(shown.values(), "breakdownAttribute", "breakdownAttributes") == [
        ("region", ["region"]),
        (None, ["region", "team"]),
        (None, []),
    ]
    assert shown["regions"]["breakdownAttributeValue"] == "eu"
    assert shown["regions"]["breakdownAttributeValues"] == [{"key": "region", "value": "eu"}]
    assert column(shown["teams"]["breakdownAttributeValues"], "value") == ["eu", "red"]
    assert "breakdownAttributeValue" not in shown["teams"]
    assert not {"breakdownAttributeValue", "breakdownAttributeValues"} & set(shown["ever"])


def test_who_lacks_an_attribute_is_in_no_group_until_it_is_set() -> None:
    story = Story(with_boards(REGIONS))
    assert story.event("ann", "words", 5)["leaderboards"] == {}
    assert at(story, "ann", "regions") == (None, None)
    story.call("users_identify", id="ann", body={"attributes": {"region": "eu"}})
    assert story.ranking("regions", user_attributes="region:eu") == [("ann", 5)]


def test_changing_an_attribute_moves_the_score_to_the_other_group() -> None:
    story = Story(with_boards(REGIONS))
    story.event("bob", "words", 9, user_region="us")
    story.event("ann", "words", 5, user_region="eu")
    shown = story.event("ann", "words", 1, user_region="us")["leaderboards"]["regions"]
    assert (shown["previousRank"], shown["rank"], shown["breakdownAttributeValue"]) == (1, 2, "us")
    assert story.ranking("regions", user_attributes="region:us") == [("bob", 9), ("ann", 6)]
    assert story.ranking("regions", user_attributes="region:eu") == []
    assert history(story, "ann", "regions") == [(None, 1, None, 5), (1, 2, 5, 6)]
    left = [entry.fact.left for entry in story.world.journal if isinstance(entry.fact, ScoreChanged)]
    assert left == [None, None, ("eu",)]


def test_scores_of_a_run_that_has_begun_only_far_in_the_east_move_too() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.call("users_create", body={"id": "ann", "tz": "Pacific/Kiritimati", "attributes": {"region": "eu"}})
    story.at("04-01 10:30Z").event("ann", "words", 3)
    story.call("users_identify", id="ann", body={"attributes": {"region": "us"}})
    assert story.ranking("daily", run=date(2025, 4, 2), user_attributes="region:us") == [("ann", 3)]


def test_a_user_who_moves_to_another_group_keeps_when_the_value_was_reached() -> None:
    story = Story(with_boards(REGIONS))
    story.play("""
        04-01 09:00 ann is region=eu
        04-01 09:00 ann words 5
        04-01 10:00 bob is region=us
        04-01 10:00 bob words 5
        04-01 11:00 ann is region=us
    """)
    assert story.ranking("regions", user_attributes="region:us") == [("ann", 5), ("bob", 5)]


def test_final_runs_keep_their_groups() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.play("""
        04-01 09:00 ann is region=eu
        04-01 09:00 ann words 1
        04-02 09:00 ann words 2
        04-02 12:00 ann is region=us
    """)
    eu, us = "region:eu", "region:us"
    assert story.ranking("daily", run=date(2025, 4, 1), user_attributes=eu) == [("ann", 1)]
    assert story.ranking("daily", run=date(2025, 4, 2), user_attributes=us) == [("ann", 2)]


def test_an_event_that_moves_older_scores_returns_the_current_run() -> None:
    row = board("daily", "2025-04-01", breakdown=("region",), run_unit="day", run_interval=1)
    story = Story(with_boards(row))
    story.play("04-01 09:00 ann is region=eu\n04-01 09:00 ann words 7\n04-02 09:00")
    shown = story.event("ann", "words", 2, user_region="us")["leaderboards"]["daily"]
    assert (shown["start"], shown["previousRank"], shown["rank"]) == ("2025-04-02", None, 1)
    assert story.ranking("daily", run=date(2025, 4, 1), user_attributes="region:us") == [("ann", 7)]
    story.at("04-03 09:00")
    assert story.event("ann", "chapters", 1, user_region="eu")["leaderboards"] == {}

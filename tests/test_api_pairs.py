"""The parameter `userAttributes`: values with commas and colons in them are found as they stand, or by an escape."""

from __future__ import annotations

from dataclasses import replace

import pytest
from boards import with_boards
from hypothesis import given
from hypothesis import strategies as st
from sample import SAMPLE, board, filters, metric_achievement
from story import Story, column

from mockserver.api.pairs import attribute_pairs
from mockserver.game.errors import Refused

CITY = "Washington, D.C."
CITIES = with_boards(board("cities", "2025-01-01", breakdown=("region",)))
TWO = with_boards(board("both", "2025-01-01", breakdown=("region", "team")))


def ranked(story: Story, key: str, pairs: str) -> list[str]:
    return column(story.call("leaderboards_get", key=key, user_attributes=pairs)["rankings"], "userId")


@pytest.mark.parametrize("value", [CITY, ",", ",,x,", "a:b", "a,b:c", "\\", "a\\", "a\\b, c", "plan", " ,plan"])
def test_a_value_that_somebody_has_is_found_as_it_stands(value: str) -> None:
    story = Story(CITIES)
    story.event("ann", "words", 5, user_region=value)
    assert ranked(story, "cities", f"region:{value}") == ["ann"]


def test_it_is_found_in_the_middle_of_others_and_in_every_parameter_of_that_form() -> None:
    story = Story(TWO)
    story.event("ann", "words", 5, user_region=CITY, user_team="red, or so")
    for pairs in (f"region:{CITY},team:red, or so", f"team:red, or so,region:{CITY}"):
        assert ranked(story, "both", pairs) == ["ann"]
    story = Story(
        replace(SAMPLE, achievements={"x": metric_achievement("x", 1, user_attributes=filters(plan="pro, plus"))})
    )
    assert column(story.call("achievements_all", user_attributes="plan:pro, plus"), "name") == ["X"]
    story.event("ann", "words", 20, user_plan="one, two")
    spread = story.call("points_summary", key="xp", user_attributes="plan:one, two")
    assert sum(column(spread, "users")) == 1


@pytest.mark.parametrize(
    "pairs", [f"region:{CITY}", "region:a, b:c", "region:x,bogus", "nothing, region:x", ",region:x"]
)
def test_what_nobody_has_is_refused_where_it_was_before(pairs: str) -> None:
    assert isinstance(Story(CITIES).refusal("leaderboards_get", key="cities", user_attributes=pairs), Refused)


def test_what_can_be_read_as_pairs_is_and_the_escape_says_otherwise() -> None:
    story = Story(TWO)
    story.event("ann", "words", 5, user_region="eu,team:red", user_team="blue")
    story.event("bob", "words", 5, user_region="eu", user_team="red")
    assert ranked(story, "both", "region:eu,team:red") == ["bob"]
    assert ranked(story, "both", "region:eu\\,team:red,team:blue") == ["ann"]


signs = st.text(st.sampled_from(",:\\ab "), max_size=8)


@given(signs, signs)
def test_any_value_can_be_said_with_the_escape(region: str, team: str) -> None:
    def escaped(text: str) -> str:
        return text.replace("\\", "\\\\").replace(",", "\\,").replace(":", "\\:")

    world = Story(TWO).world
    pairs = attribute_pairs(f"region:{escaped(region)},team:{escaped(team)}", world)
    assert pairs == {"region": region, "team": team}


def test_a_key_with_signs_of_its_own_can_be_said_too() -> None:
    world = Story(replace(CITIES, user_attributes=("a:b", "c,d"))).world
    assert attribute_pairs("a\\:b:1,c\\,d:2", world) == {"a:b": "1", "c,d": "2"}

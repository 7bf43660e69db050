"""The user who came first is first, even in the same millisecond: every board, every ranking (behaviour, section 8).

No time passes in these stories unless they say so, and the order of requests is never that of the ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from boards import REGIONS, at, with_boards
from hypothesis import given
from hypothesis import strategies as st
from sample import BARE, board, by_key, level, per_metric, points
from story import Story, column

from mockserver.game.catalog import Catalog, PointsTrigger
from mockserver.game.engine import Game
from mockserver.game.facts import CatalogChanged
from mockserver.game.world import World

EVER = board("ever", "2025-01-01")
POINTS = board("points", "2025-01-01", rank_by="points", points_system="xp")
STREAKS = board("streaks", "2025-01-01", rank_by="streak")
XP = by_key(points(triggers=(per_metric(10, 10),)))
ORDER = ("zed", "amy", "mia", "bob")


def write(catalog: Catalog, users: Iterable[str] = ORDER, value: float = 10, **attributes: str) -> Story:
    story = Story(catalog)
    for user in users:
        story.event(user, "words", value, **attributes)
    return story


def order(story: Story, key: str, **arguments: Any) -> list[str]:
    return [user for user, _ in story.ranking(key, **arguments)]


@pytest.mark.parametrize("key", ["ever", "weekly", "points", "streaks"])
def test_equal_values_of_one_millisecond_rank_by_the_order_of_requests(key: str) -> None:
    weekly = board("weekly", "2025-03-30", run_unit="day", run_interval=7)
    assert order(write(with_boards(EVER, weekly, POINTS, STREAKS, points=XP)), key) == list(ORDER)


def test_the_later_one_is_told_a_place_behind_and_the_first_one_that_nothing_happened() -> None:
    story = write(with_boards(EVER), ["zed"])
    actual = story.event("amy", "words", 10)["leaderboards"]["ever"]
    assert (actual["rank"], actual["previousRank"]) == (2, None)
    assert at(story, "zed", "ever") == (1, 10)
    assert [entry.fact.ranks for entry in story.heard if hasattr(entry.fact, "ranks")] == [(0, 1), (0, 2)]


def test_a_value_that_was_left_and_reached_again_is_the_last_one_to_have_it() -> None:
    story = write(with_boards(EVER))
    story.event("zed", "words", 5)
    story.event("zed", "words", -5)
    assert order(story, "ever") == ["amy", "mia", "bob", "zed"]


def test_a_full_board_keeps_whom_it_has_until_somebody_has_more() -> None:
    story = write(with_boards(replace(EVER, max_participants=2)))
    assert order(story, "ever") == ["zed", "amy"]
    actual = story.event("bob", "words", 0.5)["leaderboards"]
    assert (actual, at(story, "bob", "ever")) == ({}, (None, None))
    actual = story.event("bob", "words", 0.5)["leaderboards"]["ever"]
    assert (actual["rank"], actual["threshold"]) == (1, 11)
    assert order(story, "ever") == ["bob", "zed"]


def test_a_group_ranks_new_members_by_when_the_value_was_reached() -> None:
    story = Story(with_boards(REGIONS))
    for user, region in (("zed", "eu"), ("mia", "us"), ("amy", "eu")):
        story.event(user, "words", 10, user_region=region)
    story.call("users_identify", id="mia", body={"attributes": {"region": "eu"}})
    assert order(story, "regions", user_attributes="region:eu") == ["zed", "mia"]


@pytest.mark.parametrize("kind", ["active", "longest"])
def test_streaks_of_one_length_rank_by_the_order_of_requests(kind: str) -> None:
    story = write(BARE)
    story.at("04-02")
    for user in ("bob", "zed", "amy"):
        story.event(user, "words", 1)
    assert column(story.call("streaks_rankings", type=kind), "userId") == ["bob", "zed", "amy", "mia"]


def test_a_streak_board_that_opens_takes_streaks_in_the_order_in_which_they_were_reached() -> None:
    story = write(with_boards(board("streaks", "2025-04-03", rank_by="streak"))).at("04-02 09:59")
    assert order(story, "streaks") == []
    assert order(story.at("04-02 10:00"), "streaks") == list(ORDER)


def test_points_of_time_come_to_users_in_the_order_in_which_they_came() -> None:
    hourly = PointsTrigger("t", "time", 1, time_unit="hour", time_interval=1)
    story = Story(with_boards(POINTS, points=by_key(points(triggers=(hourly,), levels=(level("one", 1),)))))
    for user in ORDER:
        story.call("users_create", body={"id": user})
    assert order(story.at("04-01 01:00"), "points") == list(ORDER)


@pytest.mark.parametrize("key", ["ever", "points", "streaks"])
def test_a_board_that_a_new_catalog_brings_is_in_the_order_of_the_requests_that_it_counts(key: str) -> None:
    story = write(replace(BARE, points=XP))
    story.game.record(CatalogChanged(with_boards(EVER, POINTS, STREAKS, points=XP)))
    assert order(story, key) == list(ORDER)
    story.event("abe", "words", 10)
    assert order(story, key) == [*ORDER, "abe"]


# The law

deeds = st.lists(st.tuples(st.sampled_from(ORDER), st.sampled_from([-3, 0.5, 2, 5])), max_size=25)


@given(deeds)
def test_a_ranking_is_the_values_and_among_equal_ones_the_number_of_the_request_that_brought_them(
    story_of: list[tuple[str, float]],
) -> None:
    story = Story(with_boards(EVER))
    totals: dict[str, float] = {}
    brought: dict[str, int] = {}
    for number, (user, value) in enumerate(story_of):
        story.event(user, "words", value)
        before, totals[user] = totals.get(user, 0), totals.get(user, 0) + value
        if totals[user] // 1 != before // 1:
            brought[user] = number
    ranked = sorted((user for user in totals if totals[user] >= 1), key=lambda u: (-(totals[u] // 1), brought[u]))
    assert order(story, "ever") == ranked
    again = World(story.world.catalog, story.world.seed, story.world.born)
    for entry in story.world.journal:
        again.apply(entry)
    replayed = Story(story.world.catalog)
    replayed.game = Game(again)
    assert order(replayed, "ever") == ranked

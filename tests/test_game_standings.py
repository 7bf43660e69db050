"""The history of a place on a leaderboard: own changes, and what a day's moves by others came to (behaviour, 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from boards import history, with_boards
from hypothesis import given
from hypothesis import strategies as st
from lives import ZONES, Step, born, event, identification, known, steady, take, waits
from sample import BARE, SAMPLE, board, by_key
from story import Story, column

from mockserver.game import moves
from mockserver.game.catalog import Leaderboard
from mockserver.game.engine import Game
from mockserver.game.facts import CatalogChanged, Standing
from mockserver.game.periods import local_day
from mockserver.game.ranking import UNRANKED
from mockserver.game.ranking import history as history_of

ALL = 10**6


def test_who_is_overtaken_sees_it_as_that_days_last_standing() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("04-01 09:00 ann words 5\n04-01 10:00 bob words 9")
    response = story.call("users_leaderboard", id="ann", key="ever")
    assert (response["rank"], response["value"]) == (2, 5)
    assert history(story, "ann", "ever") == [(None, 1, None, 5), (1, 2, 5, 5)]
    assert column(response["history"], "date", "time")[-1] == ("2025-04-01", "2025-04-01T10:00:00.000Z")


def test_a_day_has_one_entry_for_all_that_others_did_and_none_where_it_came_to_nothing() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("""
        04-01 09:00 ann words 10
        04-02 09:00 bob words 20
        04-02 10:00 cat words 30
        04-03 09:00 cat words -25
        04-03 10:00 cat words 25
        04-04 09:00 bob words -15
        04-05 09:00 ann words 1
        04-05 10:00 bob words 20
    """)
    assert history(story, "ann", "ever") == [
        (None, 1, None, 10),
        (1, 3, 10, 10),
        (3, 2, 10, 10),
        (2, 2, 10, 11),
        (2, 3, 11, 11),
    ]
    rows = story.call("users_leaderboard", id="ann", key="ever")["history"]
    assert column(rows, "date") == ["2025-04-01", "2025-04-02", "2025-04-04", "2025-04-05", "2025-04-05"]


def test_days_are_the_users_own() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.play("""
        04-01 09:00 ann is tz=Asia/Tokyo
        04-01 12:00Z ann words 10
        04-01 14:59Z bob words 20
        04-01 15:00Z cat words 30
    """)
    rows = story.call("users_leaderboard", id="ann", key="ever")["history"]
    assert column(rows, "rank", "date") == [(1, "2025-04-01"), (2, "2025-04-01"), (3, "2025-04-02")]


def test_who_falls_off_through_others_and_comes_back_sees_both() -> None:
    story = Story(with_boards(board("top", "2025-01-01", max_participants=1)))
    story.play("04-01 09:00 ann words 5\n04-02 09:00 bob words 9\n04-03 09:00 bob words -9")
    assert history(story, "ann", "top") == [(None, 1, None, 5), (1, None, 5, None), (None, 1, None, 5)]
    assert history(story, "bob", "top") == [(None, 1, None, 9), (1, None, 9, None)]


def test_a_change_of_size_is_what_it_came_to() -> None:
    rows = board("b", "2025-01-01", max_participants=3), board("b", "2025-01-01", max_participants=1)
    story = Story(with_boards(rows[0]))
    story.play("04-01 09:00 ann words 5\n04-01 10:00 bob words 9\n04-02 09:00")
    for number in (1, 0):
        story.game.record(CatalogChanged(with_boards(rows[number])))
        story.at(f"04-0{4 - number}")
    assert history(story, "ann", "b") == [(None, 1, None, 5), (1, 2, 5, 5), (2, None, 5, None), (None, 2, None, 5)]


def test_moving_to_another_group_is_a_change_of_the_users_own() -> None:
    story = Story(with_boards(board("b", "2025-01-01", breakdown=("region",))))
    story.play("""
        04-01 09:00 ann words 5
        04-01 09:00 ann is region=us
        04-01 10:00 bob words 9
        04-01 10:00 bob is region=eu
        04-01 10:30 bob words 1
        04-02 09:00 ann is region=eu
        04-03 09:00 cat is region=us
        04-03 10:00 cat words 100
        04-03 10:00 ann is region=us
    """)
    assert history(story, "ann", "b") == [(None, 1, None, 5), (1, 2, 5, 5)]
    story.play("04-04 09:00 cat is region=eu")
    assert history(story, "ann", "b")[2:] == [(2, 1, 5, 5)]


def test_a_board_that_comes_later_has_the_history_of_the_days_before() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 5\n04-02 09:00 bob words 9\n04-03 09:00 ann words 5\n04-04")
    story.game.record(CatalogChanged(replace(BARE, leaderboards=by_key(board("late", "2025-04-01")))))
    assert history(story, "ann", "late") == [(None, 1, None, 5), (1, 2, 5, 5), (2, 1, 5, 10)]


def test_a_history_of_no_events_is_empty_where_a_spec_allows_to_ask_for_it() -> None:
    story = Story(with_boards(board("ever", "2025-01-01")))
    story.event("ann", "words", 5)
    (run,) = story.world.runs["ever"].values()
    assert history_of(run, "ann", story.world.users["ann"].zone, 0) == []


# The law: told forward from what was seen at every moment


class Watch:
    """Everybody's standing after each step, and whose step changed it."""

    def __init__(self, game: Game, key: str) -> None:
        self.game, self.key = game, key
        self.seen: dict[str, list[tuple[int, bool, Standing, Standing]]] = {}
        self.now: dict[str, Standing] = {}

    def look(self, actor: str | None) -> None:
        for runs in [self.game.world.runs.get(self.key, {})]:
            for run in runs.values():
                for user in run.scores:
                    before, after = self.now.get(user, UNRANKED), run.standing(user)
                    if before != after:
                        self.now[user] = after
                        turn = self.game.now, user == actor, before, after
                        self.seen.setdefault(user, []).append(turn)

    def expected(self, user: str) -> list[tuple[int, Standing, Standing]]:
        """Own turns, and the last of each day if it is another's and the standing is not that of the entry before."""
        rows: list[tuple[int, Standing, Standing]] = []
        turns, tz = self.seen.get(user, []), self.game.world.users[user].zone
        for at, (time, own, before, after) in enumerate(turns):
            last = at + 1 == len(turns) or local_day(turns[at + 1][0], tz) != local_day(time, tz)
            known = rows[-1][2] if rows else UNRANKED
            if own:
                rows.append((time, before, after))
            elif last and known != after:
                rows.append((time, known, after))
        return rows


regions = st.builds(
    lambda user, region: identification(user, {"attributes": {"region": region}}),
    st.sampled_from(["ann", "bob", "cat", "dan"]),
    st.sampled_from(["eu", "us"]),
)
moving = st.builds(
    lambda user, tz: identification(user, {"tz": tz}), st.sampled_from(["ann", "bob"]), st.sampled_from(ZONES)
)
deeds = st.builds(
    lambda user, value: event(user, "words", value, None, None),
    st.sampled_from(["ann", "bob", "cat", "dan"]),
    st.sampled_from([1, 2, 3, 5, 8, -1, -4, 0.5, 20]),
)
stories = st.lists(st.one_of(deeds, deeds, deeds, waits, regions, moving), min_size=5, max_size=40)
BOARDS = (
    board("b", "2025-01-01"),
    board("b", "2025-01-01", max_participants=2),
    board("b", "2025-01-01", breakdown=("region",), max_participants=2),
)


@steady
@given(st.sampled_from(BOARDS), stories)
def test_the_history_has_own_changes_and_the_last_rank_of_each_day_on_which_others_moved_the_user(
    row: Leaderboard, life: list[Step]
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(moves, "CHUNK", 3)  # so that most of it is packed
        game = born(replace(SAMPLE, leaderboards=by_key(row)), "2025-04-01")
        watch = Watch(game, "b")
        for step in life:
            take(game, step)
            named = step.arguments.get("id") or step.arguments.get("body", {}).get("user", {}).get("id")
            watch.look(named)
        for run in game.world.runs.get("b", {}).values():
            for user in run.scores:
                zone = game.world.users[user].zone
                actual: list[Any] = [tuple(entry) for entry in history_of(run, user, zone, ALL)]
                assert actual == watch.expected(user)
                assert [tuple(entry) for entry in history_of(run, user, zone, 2)] == actual[-2:]
                assert (actual[-1][2] if actual else UNRANKED) == run.standing(user)


@steady
@given(st.sampled_from(BOARDS), stories)
def test_what_is_packed_is_read_as_it_was(row: Leaderboard, life: list[Step]) -> None:
    catalog = replace(SAMPLE, leaderboards=by_key(row))
    plain, packed = born(catalog, "2025-04-01"), born(catalog, "2025-04-01")
    with pytest.MonkeyPatch.context() as patched:
        for game, chunk in ((plain, 512), (packed, 2)):
            patched.setattr(moves, "CHUNK", chunk)
            for step in life:
                take(game, step)
        assert known(plain.world) == known(packed.world)

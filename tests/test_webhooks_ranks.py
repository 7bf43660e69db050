"""Who is told that a rank changed: those whose rank is another after the request than before it, and what it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from boards import history, with_boards
from hypothesis import given
from hypothesis import strategies as st
from lives import USERS, steady
from sample import BARE, board, by_key, per_metric, points
from story import Story

from mockserver.game.catalog import MICRO, PointsTrigger, Settings
from mockserver.game.facts import CatalogChanged, Entry
from mockserver.game.metrics import change
from mockserver.game.world import World
from mockserver.webhooks.bodies import DerivedEvents, derive_events, webhook_events

DAY = date(2025, 4, 1)
Place = tuple[int | None, int | None]


class Ears:
    """A story whose webhooks are read at once. `ranks`: of whom what was told since the last look."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.bodies: list[dict[str, Any]] = []
        story.game.observe = self._hear

    def _hear(self, world: World, entries: list[Entry]) -> None:
        self.bodies += [row.shape() for row in webhook_events(world, entries)]

    def boards(self, kind: str) -> list[tuple[str | None, dict[str, Any]]]:
        actual, self.bodies = self.bodies, []
        return [(body.get("user", {}).get("id"), body["leaderboard"]) for body in actual if body["type"] == kind]

    def ranks(self) -> dict[str, tuple[Place, Place]]:
        rows = self.boards("leaderboard.rank_changed")
        found = {
            str(user): ((row["previousRank"], row["previousValue"]), (row["rank"], row["value"])) for user, row in rows
        }
        assert len(found) == len(rows), "somebody was told twice"
        return found


def standings(story: Story, key: str) -> dict[str, Place]:
    runs = story.world.runs.get(key, {})
    return {user: tuple(run.standing(user)) for run in runs.values() for user in run.scores}  # type: ignore[misc]


def everybody(limit: int = 1000, neighbours: int | None = None, **more: Any) -> Ears:
    """A board of regions with points, on which new users begin with three."""
    triggers = (per_metric(1, 1), PointsTrigger("hello", "user_creation", 3), per_metric(-2, 5))
    row = board("b", "2025-01-01", breakdown=("region",), rank_by="points", points_system="xp", max_participants=limit)
    settings = Settings(rank_changed_neighbours=neighbours)
    return Ears(Story(with_boards(row, settings=settings, points=by_key(points(triggers=triggers)), **more)))


deeds = st.lists(
    st.tuples(st.sampled_from([*USERS, "eve", "fay"]), st.integers(-3, 12), st.sampled_from(["us", "eu", None])),
    min_size=5,
    max_size=25,
)


@steady
@given(deeds, st.integers(1, 4))
def test_everybody_whose_rank_changed_is_told_and_nobody_else(deeds: list[Any], limit: int) -> None:
    ears = everybody(limit)
    for user, value, region in deeds:
        before = standings(ears.story, "b")
        ears.story.event(user, "words", value, **({"user_region": region} if region else {}))
        after = standings(ears.story, "b")
        changed = {
            who: (before.get(who, (None, None)), place)
            for who, place in after.items()
            if before.get(who, (None, None))[0] != place[0]
        }
        assert ears.ranks() == changed


batches = st.lists(
    st.dictionaries(st.sampled_from([*USERS, "eve", "fay"]), st.integers(-6, 12), min_size=1, max_size=4),
    min_size=2,
    max_size=8,
)


@steady
@given(batches, st.integers(1, 4), st.integers(0, 3))
def test_of_several_facts_at_one_moment_what_they_came_to_is_told(
    life: list[dict[str, int]], limit: int, neighbours: int
) -> None:
    """As when a new catalog counts everybody's streaks anew."""
    row = board("b", "2025-01-01", breakdown=("region",), max_participants=limit)
    everybody, few = (
        Ears(Story(with_boards(row, settings=Settings(rank_changed_neighbours=n)))) for n in (None, neighbours)
    )
    for ears in (everybody, few):
        for number, user in enumerate((*USERS, "eve", "fay")):
            ears.story.call("users_identify", id=user, body={"attributes": {"region": ("eu", "us")[number % 2]}})
    for batch in life:
        before = standings(everybody.story, "b")
        for ears in (everybody, few):
            game = ears.story.game
            game.record(
                *(change(game.world, user, "words", value * MICRO, DAY, {}, None) for user, value in batch.items())
            )
            game.commit()
        after = standings(everybody.story, "b")
        moved = {
            who: (before.get(who, (None, None)), place)
            for who, place in after.items()
            if before.get(who, (None, None))[0] != place[0]
        }
        bodies = everybody.bodies
        groups = {str(body["leaderboard"]["breakdownAttributeValue"]) for body in bodies if "user" not in body}
        actual = everybody.ranks()
        assert actual == moved
        assert groups == {_group(who) for who, place in after.items() if before.get(who, (None, None)) != place}
        always = {who for who, (was, now) in moved.items() if who in batch or now[0] == 1 or None in (was[0], now[0])}
        nearest = few.ranks()
        assert nearest.items() <= moved.items()
        assert always <= set(nearest)


def _group(user: str) -> str:
    return ("eu", "us")[(*USERS, "eve", "fay").index(user) % 2]


@steady
@given(deeds, st.integers(1, 4), st.integers(0, 4))
def test_where_only_the_nearest_are_told_all_that_is_told_is_true_and_the_ends_are_told(
    deeds: list[Any], limit: int, neighbours: int
) -> None:
    ears = everybody(limit, neighbours)
    for user, value, region in deeds:
        before = standings(ears.story, "b")
        ears.story.event(user, "words", value, **({"user_region": region} if region else {}))
        after = standings(ears.story, "b")
        actual = ears.ranks()
        changed = {
            who: (before.get(who, (None, None)), place)
            for who, place in after.items()
            if before.get(who, (None, None))[0] != place[0] and who != user
        }
        assert actual.items() - {user: actual.get(user)}.items() <= changed.items()
        always = {who for who, (was, now) in changed.items() if now[0] == 1 or None in (was[0], now[0])}
        assert always <= set(actual)
        if len(changed) <= neighbours:
            assert set(changed) <= set(actual)
        else:
            assert neighbours <= len(set(actual) & set(changed)) <= 2 * neighbours + len(always)


@pytest.mark.parametrize(
    ("neighbours", "limit", "who", "value", "actual"),
    [
        (4, 10, 8, 55, {3: (3, 4), 4: (4, 5), 6: (6, 7), 7: (7, 8)}),  # upwards: about the new place and the old
        (3, 10, 8, 55, {3: (3, 4), 4: (4, 5), 7: (7, 8)}),
        (3, 10, 1, -85, {2: (2, 1), 8: (8, 7), 9: (9, 8)}),
        (2, 6, 8, 55, {3: (3, 4), 4: (4, 5), 6: (6, None)}),
        (0, 10, 1, -65, {2: (2, 1)}),  # the new first, whatever the setting
        (0, 4, 1, -165, {2: (2, 1), 5: (None, 4)}),
        (0, 10, 5, 100, {}),
        (1, 10, 5, -200, {6: (6, 5)}),  # away altogether: about the old place
    ],
)
def test_the_nearest_to_the_new_place_and_to_the_old_one_are_told(
    neighbours: int, limit: int, who: int, value: int, actual: dict[int, Any]
) -> None:
    """Ten users with 100, 90 … 10."""
    row = board("b", "2025-01-01", max_participants=limit)
    ears = Ears(Story(with_boards(row, settings=Settings(rank_changed_neighbours=neighbours))))
    for number in range(1, 11):
        ears.story.event(f"user-{number}", "words", 110 - 10 * number)
    ears.ranks()
    ears.story.event(f"user-{who}", "words", value)
    ranks = {user: (was[0], now[0]) for user, (was, now) in ears.ranks().items() if user != f"user-{who}"}
    assert ranks == {f"user-{number}": ranks for number, ranks in actual.items()}


def test_without_a_setting_all_thousand_places_are_told() -> None:
    ears = Ears(Story(with_boards(board("b", "2025-01-01"))))
    for number in range(1002):
        ears.story.event(f"user-{number:04}", "words", 2000 - number)
    ears.ranks()
    ears.story.event("user-1001", "words", 5000)
    ranks = ears.ranks()
    assert len(ranks) == 1001
    assert ranks["user-1001"] == ((None, None), (1, 5999))
    assert ranks["user-0999"] == ((1000, 1001), (None, None))


def test_a_group_in_which_nobody_was_before_or_after_is_not_told() -> None:
    ears = Ears(Story(with_boards(board("b", "2025-01-01", breakdown=("region",)))))
    ears.story.event("ann", "words", 5, user_region="us")
    ears.boards("leaderboard.changed")
    ears.story.event("ann", "words", -8, user_region="eu")
    actual = ears.boards("leaderboard.changed")
    assert [row["breakdownAttributeValue"] for _, row in actual] == ["us"]


def test_who_comes_to_the_same_rank_of_another_group_has_no_changed_rank() -> None:
    ears = Ears(Story(with_boards(board("b", "2025-01-01", breakdown=("region",)))))
    ears.story.event("ann", "words", 5, user_region="us")
    ears.story.event("bob", "words", 3, user_region="eu")
    before = history(ears.story, "ann", "b")
    ears.ranks()
    ears.story.call("users_identify", id="ann", body={"attributes": {"region": "eu"}})
    bodies = list(ears.bodies)
    assert ears.ranks() == {"bob": ((1, 3), (2, 3))}
    changed = [body["leaderboard"] for body in bodies if body["type"] == "leaderboard.changed"]
    assert [row["breakdownAttributeValue"] for row in changed] == ["us", "eu"]
    assert history(ears.story, "ann", "b") == before


def test_of_those_who_move_up_the_nearest_on_the_board_are_told() -> None:
    row = board("b", "2025-01-01", max_participants=3)
    ears = Ears(Story(with_boards(row, settings=Settings(rank_changed_neighbours=5))))
    for number in range(20):
        ears.story.event(f"user-{number:02}", "words", 30 - number)
    ears.ranks()
    ears.story.event("user-00", "words", -18)
    assert ears.ranks() == {
        "user-00": ((1, 30), (None, None)),
        "user-01": ((2, 29), (1, 29)),
        "user-02": ((3, 28), (2, 28)),
        "user-03": ((None, None), (3, 27)),
    }


def test_what_is_read_late_has_the_names_and_ranks_of_its_time() -> None:
    story, seen = Story(with_boards(board("b", "2025-01-01"))), list[DerivedEvents | None]()
    for number in range(12):
        story.event(f"user-{number:02}", "words", 300 - 10 * number)
    story.game.observe = lambda world, entries: seen.append(derive_events(world, entries))
    for name in ("Ann", "Anne"):
        story.call("users_identify", id="user-00", body={"name": name})
        story.event("user-11", "words", 6)  # below the first ten: their places stay what they are
    story.event("user-01", "words", 500)
    actual = [row.shape() for events in seen if events for row in events.webhook_events()]
    boards = [row["leaderboard"]["rankings"] for row in actual if row["type"] == "leaderboard.changed"]
    firsts = [(rows[0]["userId"], rows[0]["userName"]) for rows in boards]
    assert firsts == [("user-00", "Ann"), ("user-00", "Anne"), ("user-01", None)]
    assert [rows[0]["value"] for rows in boards] == [300, 300, 790]
    assert [events.number for events in seen if events] == [len(events.webhook_events()) for events in seen if events]


STREAKS = board("streaks", "2025-04-03", rank_by="streak")


@pytest.mark.parametrize("opened", ["by its start", "by a new catalog"])
def test_a_streak_board_opens_with_the_ranks_of_those_who_got_there_first(opened: str) -> None:
    catalog = replace(BARE, leaderboards=by_key(STREAKS))
    ears = Ears(Story(catalog if opened == "by its start" else BARE))
    names = [f"user-{number:02}" for number in range(30, 0, -1)]
    for minute, name in enumerate(names):
        ears.story.play(f"04-01 09:{minute:02} {name} words 1")
    ears.story.at("04-02 10:00")
    if opened == "by a new catalog":
        ears.story.game.record(CatalogChanged(catalog))
        ears.story.game.commit()
    else:
        assert ears.ranks() == {name: ((None, None), (rank, 1)) for rank, name in enumerate(names, 1)}
    ranked = ears.story.call("leaderboards_get", key="streaks", limit=30)["rankings"]
    assert [row["userId"] for row in ranked] == names


def test_on_a_board_that_comes_later_ties_go_to_who_got_there_first() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 zed words 10\n04-01 10:00 ann words 10\n04-01 11:00 bob words 12\n04-01 12:00 bob words -2")
    story.at("04-02")
    story.game.record(CatalogChanged(replace(BARE, leaderboards=by_key(board("late", "2025-04-01")))))
    assert story.ranking("late") == [("zed", 10), ("ann", 10), ("bob", 10)]

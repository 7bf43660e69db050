"""What one request leaves as it was is not told: response, webhooks and history agree about before and after."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import pytest
from boards import history, with_boards
from hypothesis import given
from hypothesis import strategies as st
from lives import Step, event, identification, steady
from sample import (
    BARE,
    SAMPLE,
    api_achievement,
    board,
    by_key,
    composite,
    filters,
    level,
    metric_achievement,
    per_metric,
    points,
    streak_achievement,
)
from story import Story, column

from mockserver.game.catalog import Catalog, PointsTrigger, Settings
from mockserver.game.facts import Entry
from mockserver.game.ranking import RankChange
from mockserver.game.world import World
from mockserver.webhooks.bodies import webhook_events

JSON = Any

# A newcomer gets ten points and with the first event loses as many; levels and boards lie on the way.
TURNS = with_boards(
    board("points", "2025-01-01", rank_by="points", points_system="xp", max_participants=2),
    board("regions", "2025-01-01", rank_by="points", points_system="xp", breakdown=("region",)),
    board("words", "2025-01-01", breakdown=("region",)),
    points=by_key(
        points(
            triggers=(
                PointsTrigger("hello", "user_creation", 10),
                per_metric(-10, 1, "chapters"),
                per_metric(5, 10),
                per_metric(-5, 20),
                PointsTrigger("done", "achievement", 20, achievement="both"),
                PointsTrigger("streak", "streak", -5, threshold=1),
            ),
            levels=(level("bronze", 10), level("silver", 20)),
        )
    ),
    achievements=by_key(
        composite("both", "ten", "first-day"),
        metric_achievement("ten", 10),
        streak_achievement("first-day", 1),
        api_achievement("onboarded"),
        composite("welcome", "onboarded", "both", user_attributes=filters(region="eu")),
    ),
    settings=Settings(points_changed_window=0),
)


class Outcome(NamedTuple):
    """One request: its response, its webhooks, and everybody's state before and after."""

    response: JSON
    webhooks: list[JSON]
    before: dict[str, JSON]
    after: dict[str, JSON]

    def of(self, kind: str, user: str | None = None) -> list[JSON]:
        return [row for row in self.webhooks if row["type"] == kind and user in (None, row.get("user", {}).get("id"))]


NOBODY = {
    "total": 0,
    "level": None,
    "places": {},
    "history": {},
    "achievements": [],
    "awards": [],
    "streak": 0,
    "own": {},
}


def keys(achievements: Iterable[JSON]) -> list[str]:
    return [row["id"].removeprefix("id-") for row in achievements]


def states(story: Story) -> dict[str, JSON]:
    return {user: state(story, user) for user in story.world.users}


def state(story: Story, user: str) -> JSON:
    xp = story.call("users_points", id=user, key="xp", awards=100)
    places = {key: story.call("users_leaderboard", id=user, key=key, num_events=100) for key in TURNS.leaderboards}
    return {
        "total": xp["total"],
        "level": xp["level"] and xp["level"]["key"],
        "awards": column(xp["awards"], "id"),
        "places": {key: (row["rank"], row["value"]) for key, row in places.items()},
        "history": {key: row["history"] for key, row in places.items()},
        "own": {key: sum(change.own for change in changes(story, key, user)) for key in places},
        "achievements": keys(story.call("users_achievements", id=user)),
        "streak": story.call("users_streak", id=user)["length"],
    }


def changes(story: Story, key: str, user: str) -> Iterable[RankChange]:
    return (change for run in story.world.runs.get(key, {}).values() for change in run.changes(user))


def rankings(story: Story) -> JSON:
    return {
        (board, group): [(user, -value) for value, _, user in places[: run.limit]]
        for board, runs in story.world.runs.items()
        for run in runs.values()
        for group, places in run.rankings.items()
        if places
    }


def play(story: Story, step: Step) -> Outcome:
    heard: list[JSON] = []

    def hear(world: World, entries: list[Entry]) -> None:
        heard.extend(row.shape() for row in webhook_events(world, entries))

    before, story.game.observe = states(story), hear
    response = story.call(step.name, **step.arguments)
    story.game.observe = None
    return Outcome(response, heard, before, states(story))


# Everything agrees


def check_points(outcome: Outcome, user: str) -> None:
    was, now = outcome.before.get(user, NOBODY), outcome.after[user]
    shown = outcome.response.get("points", {}).get("xp")
    if shown is not None:
        assert (shown["added"], shown["total"]) == (now["total"] - was["total"], now["total"])
        assert ("level" in shown) == (was["level"] != now["level"])
        assert column(shown["awards"], "id") == [one for one in now["awards"] if one not in was["awards"]]
    levels = [(row["previousLevel"], row["newLevel"]) for row in outcome.of("points.level_changed", user)]
    changed = [(was["level"], now["level"])] if was["level"] != now["level"] else []
    assert [(old and old["key"], new and new["key"]) for old, new in levels] == changed
    for row in outcome.of("points.changed", user):
        assert row["points"]["total"] == now["total"]
        assert ("level" in row["points"]) == bool(changed)


def check_achievements(outcome: Outcome, user: str) -> None:
    was, now = outcome.before.get(user, NOBODY), outcome.after[user]
    new = now["achievements"][len(was["achievements"]) :]
    assert keys(row["achievement"] for row in outcome.of("achievement.completed", user)) == new
    if "achievements" in outcome.response:
        assert keys(outcome.response["achievements"]) == new
    grown = [row["streak"]["length"] for kind in ("started", "extended") for row in outcome.of(f"streak.{kind}", user)]
    assert grown == ([now["streak"]] if was["streak"] != now["streak"] else [])


def check_ranks(outcome: Outcome, actor: str) -> None:
    """For everybody: a webhook for each changed rank; history ends with the standing; own changes have one entry."""
    expected = []
    for user, now in outcome.after.items():
        was = outcome.before.get(user, NOBODY)
        for key, place in now["places"].items():
            old = was["places"].get(key, (None, None))
            if old[0] != place[0]:
                expected.append((user, key, old, place))
            entries = now["history"][key]
            end = (entries[-1]["rank"], entries[-1]["value"]) if entries else (None, None)
            assert end == place
            if user == actor:
                assert now["own"][key] == was["own"].get(key, 0) + (old != place)
                if old != place:
                    assert (entries[-1]["previousRank"], entries[-1]["previousValue"]) == old
    rows = [(row["user"]["id"], row["leaderboard"]) for row in outcome.of("leaderboard.rank_changed")]
    found = [
        (user, row["key"], (row["previousRank"], row["previousValue"]), (row["rank"], row["value"]))
        for user, row in rows
    ]
    assert sorted(found, key=str) == sorted(expected, key=str)
    for key, row in outcome.response.get("leaderboards", {}).items():
        old = outcome.before.get(actor, NOBODY)["places"].get(key, (None, None))
        assert (row["previousRank"], row["rank"]) == (old[0], outcome.after[actor]["places"][key][0])


users = st.sampled_from(["ann", "bob", "cat", "dan", "eve"])
regions = st.sampled_from(["eu", "us", None])
deeds = st.builds(
    lambda user, metric, value, region: event(
        user, metric, value, None, None, **({"attributes": {"region": region}} if region else {})
    ),
    users,
    st.sampled_from(["words", "words", "chapters"]),
    st.sampled_from([1, 1, 2, 10, 15, 25, 0, -3, 40]),
    regions,
)
names = st.builds(lambda user, region: identification(user, {"attributes": {"region": region or ""}}), users, regions)
claims = st.builds(
    lambda user, region: Step(
        "achievements_complete",
        {"key": "onboarded", "body": {"user": {"id": user, "attributes": {"region": region or ""}}}},
    ),
    users,
    regions,
)


@steady
@given(st.lists(st.one_of(deeds, deeds, names, claims), min_size=3, max_size=14))
def test_response_webhooks_and_history_of_a_request_agree_about_before_and_after(life: list[Step]) -> None:
    story = Story(TURNS)
    for step in life:
        boards = rankings(story)
        outcome = play(story, step)
        actor = step.arguments.get("id") or step.arguments["body"]["user"]["id"]
        check_points(outcome, actor)
        check_achievements(outcome, actor)
        check_ranks(outcome, actor)
        after = rankings(story)
        changed = {which for which in boards.keys() | after.keys() if boards.get(which) != after.get(which)}
        rows = [row["leaderboard"] for row in outcome.of("leaderboard.changed")]
        groups = [
            (row["key"], tuple(pair["value"] for pair in row.get("breakdownAttributeValues", []))) for row in rows
        ]
        assert sorted(groups) == sorted(changed)


# One by one


def test_creation_points_that_the_first_event_takes_away_leave_no_trace_but_their_awards() -> None:
    story = Story(TURNS)
    outcome = play(story, event("ann", "chapters", 1, None, None))
    shown = outcome.response["points"]["xp"]
    assert (shown["added"], shown["total"], "level" in shown) == (0, 0, False)
    assert column(shown["awards"], "awarded") == [-10, 10]
    assert outcome.response["leaderboards"] == {}
    kinds = {row["type"] for row in outcome.webhooks}
    assert kinds == {"streak.started", "achievement.completed", "points.changed"}
    assert history(story, "ann", "points") == []


def complete(catalog: Catalog, *lines: str) -> list[str]:
    story = Story(catalog)
    response = story.play("\n".join(lines))
    return keys(response["achievements"])


def with_achievements(*rows: Any) -> Catalog:
    return replace(BARE, achievements=by_key(*rows), user_attributes=("plan",))


def test_composites_that_one_event_completes_are_in_catalog_order() -> None:
    catalog = with_achievements(
        composite("needs-big", "big"),
        composite("late", "small", user_attributes=filters(plan="pro")),
        composite("needs-small", "small"),
        composite("needs-both", "needs-big", "needs-small"),
        metric_achievement("small", 5),
        metric_achievement("big", 10),
    )
    assert complete(catalog, "04-01 09:00 ann is plan=pro", "04-01 09:00 ann words 10") == [
        *("small", "big"),
        *("needs-big", "late", "needs-small", "needs-both"),
    ]


def test_what_needs_a_later_row_of_the_catalog_follows_it() -> None:
    catalog = with_achievements(
        composite("top", "middle"),
        composite("middle", "base"),
        composite("beside", "base"),
        metric_achievement("base", 1),
    )
    assert complete(catalog, "04-01 09:00 ann words 1") == ["base", "middle", "beside", "top"]


def test_streak_achievements_that_one_event_completes_are_in_catalog_order() -> None:
    catalog = with_achievements(
        streak_achievement("two-pro", 2, user_attributes=filters(plan="pro")),
        streak_achievement("two", 2),
        streak_achievement("one-pro", 1, user_attributes=filters(plan="pro")),
    )
    story = "04-01 09:00 ann words 1", "04-02 09:00 ann is plan=pro", "04-02 09:00 ann words 1"
    assert complete(catalog, *story) == ["two-pro", "two", "one-pro"]


@pytest.mark.parametrize("key", ["ever", "xp-board"])
def test_a_new_user_of_the_sample_has_one_entry_for_the_first_event(key: str) -> None:
    story = Story(SAMPLE)
    story.event("ann", "words", 100)
    assert len(history(story, "ann", key)) == 1

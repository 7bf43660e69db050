"""Achievements: what completes them, how often, and who sees them (behaviour, section 6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample import (
    BARE,
    SAMPLE,
    api_achievement,
    by_key,
    composite,
    filters,
    metric_achievement,
    points,
    streak_achievement,
)
from story import Story, column, plain

from mockserver.game.catalog import Achievement, Catalog, PointsTrigger
from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import CatalogChanged


def with_achievements(*rows: Achievement) -> Catalog:
    return replace(BARE, achievements=by_key(*rows))


def completed(story: Story, user: str = "ann") -> list[str]:
    return list(story.world.users[user].achievements)


def complete(story: Story, key: str, user: str = "ann", **fields: Any) -> Any:
    return story.call("achievements_complete", key=key, body={"user": {"id": user} | fields})


def test_a_metric_achievement_completes_when_the_total_reaches_its_value_and_stays() -> None:
    story = Story(with_achievements(metric_achievement("ten", 10), metric_achievement("half", 0.5)))
    story.event("ann", "words", 0.4)
    assert completed(story) == []
    story.event("ann", "words", 9.6)
    assert completed(story) == ["half", "ten"]
    story.event("ann", "words", -10)
    again = story.event("ann", "words", 10)
    assert (completed(story), again["achievements"]) == (["half", "ten"], [])


def test_only_events_with_all_the_attributes_count_towards_a_filtered_one() -> None:
    wanted = filters(source="phone", genre="poetry")
    story = Story(with_achievements(metric_achievement("mobile-poet", 10, event_attributes=wanted)))
    story.event("ann", "words", 100)
    story.event("ann", "words", 100, source="phone")
    story.event("ann", "words", 6, source="phone", genre="poetry")
    assert completed(story) == []
    story.event("ann", "words", 4, source="phone", genre="poetry")
    assert completed(story) == ["mobile-poet"]


def test_user_attributes_must_match_when_it_would_unlock() -> None:
    story = Story(with_achievements(metric_achievement("pro", 10, user_attributes=filters(plan="pro"))))
    story.event("ann", "words", 50, user_plan="PRO")
    assert completed(story) == []
    story.event("ann", "words", 1, user_plan="pro")
    assert completed(story) == ["pro"]
    story.event("ann", "words", 1, user_plan="free")
    assert completed(story) == ["pro"]


def test_who_fits_a_filter_late_gets_it_with_the_next_event_of_the_metric_or_the_next_period() -> None:
    pro = filters(plan="pro")
    rows = metric_achievement("ten", 10, user_attributes=pro), streak_achievement("one", 1, user_attributes=pro)
    story = Story(with_achievements(*rows))
    story.play("""
        04-01 09:00 ann words 10
        04-01 10:00 ann is plan=pro
        04-01 11:00 ann chapters 1
    """)
    assert completed(story) == []
    story.play("04-01 12:00 ann words -1")
    assert completed(story) == []
    story.play("04-01 13:00 ann words 1\n04-02 09:00 ann chapters 1")
    assert completed(story) == ["ten", "one"]


def test_a_streak_achievement_completes_at_its_length_and_once_for_all_streaks() -> None:
    story = Story(with_achievements(streak_achievement("one", 1), streak_achievement("two", 2)))
    story.play("""
        04-01 09:00 ann words 1
        04-02 09:00 ann words 1
        04-05 09:00 ann words 1
        04-06 09:00 ann words 1
    """)
    assert story.facts("Ach") == plain("""
        04-01 09:00 ann AchievementCompleted one
        04-02 09:00 ann AchievementCompleted two
    """)


def test_composites_unlock_one_another_within_one_event_after_metric_and_streak() -> None:
    story = Story(
        with_achievements(
            composite("top", "middle", "day"),
            composite("middle", "ten", "onboarded"),
            streak_achievement("day", 1),
            metric_achievement("ten", 10),
            api_achievement("onboarded"),
        )
    )
    complete(story, "onboarded")
    response = story.event("ann", "words", 10)
    assert column(response["achievements"], "name") == ["Ten", "Day", "Middle", "Top"]


def test_a_composite_is_completed_by_a_claim_too() -> None:
    story = Story(with_achievements(composite("both", "a", "b"), api_achievement("a"), api_achievement("b")))
    complete(story, "b")
    complete(story, "a")
    assert completed(story) == ["b", "a", "both"]


def test_who_fits_a_composite_only_later_gets_it_with_the_next_event_or_claim() -> None:
    rows = (composite("red", "a", user_attributes=filters(team="red")), api_achievement("a"), api_achievement("b"))
    for deed in ("04-01 10:00 ann words 1", "04-01 10:00 ann does b"):
        story = Story(with_achievements(*rows))
        complete(story, "a")
        story.play("04-01 09:00 ann is team=red")
        assert completed(story) == ["a"]
        story.play(deed)
        assert "red" in completed(story)


# The complete call


def test_a_claim_returns_the_completion_and_its_points() -> None:
    story = Story(SAMPLE)
    response = complete(story, "onboarded", name="Ann")
    assert response["achievement"]["achievedAt"] == "2025-04-01T00:00:00.000Z"
    assert {key: row["added"] for key, row in response["points"].items()} == {"energy": 50, "xp": 63}
    assert story.call("users_get", id="ann")["name"] == "Ann"


def test_a_second_completion_returns_the_first_without_points_and_changes_nothing() -> None:
    story = Story(SAMPLE)
    first = complete(story, "onboarded")
    story.at("04-02")
    before = len(story.world.journal)
    second = complete(story, "onboarded")
    assert second == first | {"points": {}}
    assert len(story.world.journal) == before


@pytest.mark.parametrize("key", ["unknown", "hundred", "three-days", "all-round", "founder", "secret"])
def test_what_cannot_be_claimed_is_not_found(key: str) -> None:
    story = Story(SAMPLE)
    body = {"user": {"id": "ann"}}
    assert isinstance(story.refusal("achievements_complete", key=key, body=body), NotFound)


def test_a_claim_by_somebody_whom_a_filter_leaves_out_is_refused_and_leaves_nobody() -> None:
    story = Story(SAMPLE)
    body = {"user": {"id": "ann", "attributes": {"team": "blue"}}}
    assert isinstance(story.refusal("achievements_complete", key="team-red", body=body), Refused)
    assert story.world.users == {}
    complete(story, "team-red", attributes={"team": "red"})
    complete(story, "team-red", attributes={"team": "blue"})
    assert completed(story) == ["team-red"]


# What is shown


def test_fields_of_a_trigger_are_shown_with_that_trigger_only() -> None:
    story = Story(SAMPLE)
    shapes = {row["name"]: set(row) for row in story.call("achievements_all")}
    common = {"id", "name", "trigger", "description", "badgeUrl", "userAttributes", "completions", "rarity"}
    metric = {"metricId", "metricName", "metricValue", "eventAttributes"}
    assert shapes["Hundred"] == common | metric
    assert shapes["Phone"] == common | metric | {"eventAttribute"}
    assert shapes["Three-Days"] == common | {"streakLength"}
    assert shapes["Onboarded"] == common | {"key"}
    assert shapes["Legend"] == common | {"achievementIds"}


def test_the_single_event_attribute_is_shown_only_where_there_is_exactly_one() -> None:
    wanted = filters(source="phone", genre="poetry")
    (row,) = Story(with_achievements(metric_achievement("two", 1, event_attributes=wanted))).call("achievements_all")
    assert "eventAttribute" not in row
    assert column(row["eventAttributes"], "key", "value") == [("source", "phone"), ("genre", "poetry")]


def test_inactive_and_locked_ones_are_not_listed() -> None:
    names = column(Story(SAMPLE).call("achievements_all"), "name")
    assert names == [
        *("Hundred", "Five", "Phone", "Pro", "Three-Days", "First-Day"),
        *("Onboarded", "Team-Red", "All-Round", "Legend"),
    ]


def test_attributes_select_achievements_for_everybody_and_those_whose_filters_they_meet() -> None:
    rows = (
        api_achievement("all"),
        api_achievement("pro", user_attributes=filters(plan="pro")),
        api_achievement("pro-eu", user_attributes=filters(plan="pro", region="eu")),
    )
    story = Story(with_achievements(*rows))

    def selected(pairs: str | None) -> list[str]:
        return column(story.call("achievements_all", user_attributes=pairs), "key")

    assert selected(None) == selected("") == ["all", "pro", "pro-eu"]
    assert selected("team:red") == selected("plan:Pro") == ["all"]
    assert selected("plan:pro,team:red") == ["all", "pro"]
    assert selected("region:eu,plan:pro") == ["all", "pro", "pro-eu"]


@pytest.mark.parametrize("pairs", ["plan", "plan:a,", ":a", "pln:a", "plan:a,plan:a", ",", "plan:a, region:b"])
def test_what_is_no_list_of_pairs_of_known_attributes_is_refused(pairs: str) -> None:
    story = Story(SAMPLE)
    assert isinstance(story.refusal("achievements_all", user_attributes=pairs), Refused)
    assert isinstance(story.refusal("points_summary", key="xp", user_attributes=pairs), Refused)
    assert isinstance(story.refusal("leaderboards_get", key="monthly", user_attributes=pairs), Refused)


def test_a_value_may_hold_colons() -> None:
    story = Story(with_achievements(api_achievement("odd", user_attributes=filters(plan="a:b"))))
    assert column(story.call("achievements_all", user_attributes="plan:a:b"), "key") == ["odd"]


def test_a_user_sees_the_completed_ones_in_order_of_completion_and_the_rest_when_asked() -> None:
    story = Story(SAMPLE)
    complete(story, "onboarded")
    story.event("ann", "words", 5)
    assert column(story.call("users_achievements", id="ann"), "name") == ["Onboarded", "Five", "First-Day"]
    everything = story.call("users_achievements", id="ann", include_incomplete="true")
    assert column(everything, "name") == [
        *("Onboarded", "Five", "First-Day"),
        *("Hundred", "Phone", "Pro", "Three-Days", "Team-Red", "All-Round", "Legend"),
    ]
    assert [row["achievedAt"] is None for row in everything] == [False] * 3 + [True] * 7


def test_locked_ones_are_shown_to_those_who_have_them_and_inactive_ones_to_nobody() -> None:
    story = Story(SAMPLE)
    complete(story, "onboarded", user="ann")
    story.event("bob", "words", 1)
    for status, seen in (("locked", ["Onboarded"]), ("inactive", [])):
        hidden = replace(SAMPLE.achievements["onboarded"], status=status)
        story.game.record(CatalogChanged(replace(SAMPLE, achievements=SAMPLE.achievements | {"onboarded": hidden})))
        assert column(story.call("users_achievements", id="ann"), "name") == seen
        everything = story.call("users_achievements", id="bob", include_incomplete="true")
        assert "Onboarded" not in column(everything, "name")


def test_completions_count_users_and_rarity_is_their_share_of_all() -> None:
    story = Story(SAMPLE)
    assert set(column(story.call("achievements_all"), "completions", "rarity")) == {(0, 0)}
    for user in ("ann", "bob", "cat"):
        story.event(user, "words", 1)
    complete(story, "onboarded")
    complete(story, "onboarded")
    rows = {row["name"]: (row["completions"], row["rarity"]) for row in story.call("achievements_all")}
    assert (rows["Onboarded"], rows["First-Day"], rows["Hundred"]) == ((1, 33.33), (3, 100), (0, 0))


def test_what_becomes_active_is_given_in_silence_to_those_who_qualify() -> None:
    story = Story(with_achievements(metric_achievement("ten", 10, status="inactive"), api_achievement("onboarded")))
    story.event("ann", "words", 50)
    story.event("bob", "words", 5)
    story.new_facts()
    rows = (composite("top", "ten", "day"), metric_achievement("ten", 10), streak_achievement("day", 1))
    story.game.record(CatalogChanged(with_achievements(*rows, api_achievement("onboarded"))))
    story.game.commit()
    assert story.new_facts("Ach") == plain("""
        04-01 00:00 ann AchievementCompleted ten
        04-01 00:00 ann AchievementCompleted day
        04-01 00:00 bob AchievementCompleted day
        04-01 00:00 ann AchievementCompleted top
    """)
    assert {entry.fact.silent for entry in story.world.journal if hasattr(entry.fact, "silent")} == {True}


def test_what_is_given_in_silence_pays_no_points() -> None:
    triggers = (PointsTrigger("t", "achievement", 50, achievement="day"),)
    before = replace(BARE, points=by_key(points(triggers=triggers)))
    story = Story(before)
    story.event("ann", "words", 1)
    story.game.record(CatalogChanged(replace(before, achievements=by_key(streak_achievement("day", 1)))))
    story.event("bob", "words", 1)
    assert (completed(story), completed(story, "bob")) == (["day"], ["day"])
    assert (story.total("ann"), story.total("bob")) == (0, 50)

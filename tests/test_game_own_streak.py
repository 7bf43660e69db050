"""Days off, and streaks by what a user has set (behaviour, sections 3 and 5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import Step, born, events, starts, steady, take, waits
from sample import BARE, board, by_key
from story import Story, column, plain
from test_game_recount import NINE_DAYS, change, seen, streak_facts

from mockserver.game import streak_commands as commands
from mockserver.game.catalog import MICRO, Catalog, Freezes, Streak, StreakCondition
from mockserver.game.errors import NotAllowed, NothingToDo, Refused
from mockserver.spec.statuses import refusals

OWN = replace(BARE, streak=Streak(freezes=Freezes(1, 2, 5), customizable=True))


def with_streak(**fields: Any) -> Catalog:
    return replace(BARE, streak=Streak(**fields))


def prefer(story: Story, **streak: Any) -> Any:
    response = story.call("users_update_preferences", id="ann", body={"streak": streak})
    assert response == story.call("users_get_preferences", id="ann")
    return response["streak"]


def length(story: Story) -> int:
    return int(story.call("users_streak", id="ann")["length"])


# Days off


def test_on_a_day_off_nobody_need_be_active_and_no_freeze_is_spent() -> None:
    story = Story(with_streak(days_off=(0, 6), freezes=Freezes(1, 1)))
    story.play("04-04 09:00 ann words 1")  # a Friday
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-07"
    story.at("04-07 12:00")
    rows = story.call("users_streak", id="ann", history_periods=4)["streakHistory"]
    assert column(rows, "length", "usedPause", "usedFreeze") == [
        (1, False, False),
        (1, False, False),
        (1, False, False),
        (0, False, False),
    ]
    assert story.event("ann", "words", 1)["currentStreak"]["length"] == 2


def test_after_days_off_a_miss_is_a_miss() -> None:
    story = Story(with_streak(days_off=(0, 6)))
    story.play("04-04 09:00 ann words 1\n04-08")
    assert story.facts("StreakLost") == ["04-08 00:00 ann StreakLost 1"]


def test_acting_on_a_day_off_extends() -> None:
    story = Story(with_streak(days_off=(0, 6)))
    story.play("04-04 09:00 ann words 1\n04-05 09:00 ann words 1")
    response = story.call("users_streak", id="ann")
    assert (response["length"], response["expires"]) == (2, "2025-04-07")


def test_days_off_that_are_set_later_revive_what_was_lost_on_them() -> None:
    story = Story(BARE)
    story.play("04-04 09:00 ann words 1\n04-07 09:00")
    assert length(story) == 0
    change(story, streak=Streak(days_off=(0, 6)))
    assert length(story) == 1


# A streak of one's own


def test_what_is_set_is_shown_and_null_leaves_it_to_the_organisation_again() -> None:
    story = Story(OWN)
    story.play("04-01 09:00 ann is name=Ann")
    assert "streak" not in story.call("users_get_preferences", id="ann")
    metrics = [{"key": "words", "threshold": 2.5}, {"key": "chapters", "threshold": 1}]
    assert prefer(story, evaluationMode="AND", metrics=metrics) == {
        "enabled": True,
        "evaluationMode": "AND",
        "metrics": metrics,
    }
    assert prefer(story, daysOff=[6, 0])["daysOff"] == [0, 6]
    assert prefer(story, metrics=None, evaluationMode=None) == {"enabled": True, "daysOff": [0, 6]}
    assert prefer(story, enabled=False, daysOff=None) == {"enabled": False}
    body = {"notifications": {"recap": ["email"]}}
    assert story.call("users_update_preferences", id="ann", body=body) == body | {"streak": {"enabled": False}}


def test_own_conditions_count_in_the_place_of_the_organisations() -> None:
    story = Story(OWN)
    story.play(f"{NINE_DAYS}\n04-09 10:00 bob words 1")
    prefer(story, metrics=[{"key": "words", "threshold": 8}])
    assert length(story) == 2
    assert story.call("users_streak", id="bob")["length"] == 1
    prefer(story, metrics=[{"key": "words", "threshold": 9}, {"key": "chapters", "threshold": 1}])
    assert length(story) == 1
    prefer(story, evaluationMode="AND")
    assert length(story) == 0
    assert story.event("ann", "chapters", 1)["currentStreak"]["extended"] is True


def test_own_days_off_stand_in_the_place_of_the_organisations() -> None:
    story = Story(with_streak(days_off=(0, 6), customizable=True))
    story.play("04-04 09:00 ann words 1")
    assert prefer(story, daysOff=[6]) == {"enabled": True, "daysOff": [6]}
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-06"
    prefer(story, daysOff=[])
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-05"


def test_who_has_no_streak_has_length_0_no_webhooks_no_place_and_no_freezes_to_come() -> None:
    story = Story(replace(OWN, leaderboards=by_key(board("streaks", "2025-01-01", rank_by="streak"))))
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1")
    story.new_facts()
    prefer(story, enabled=False)
    story.play("04-03 09:00 ann words 1\n04-20 09:00")
    assert story.facts("Streak", "Freeze") == ["04-02 09:00 ann StreakRecounted 0"]
    response = story.call("users_streak", id="ann", history_periods=20)
    assert (response["length"], response["rank"], response["extended"]) == (0, None, None)
    assert set(column(response["streakHistory"], "length")) == {0}
    assert story.ranking("streaks") == story.call("streaks_rankings", type="longest") == []


def test_who_has_no_streak_is_granted_no_freeze_and_has_nothing_to_reset_or_restore() -> None:
    story = Story(OWN)
    story.play("04-01 09:00 ann words 1")
    prefer(story, enabled=False)
    with pytest.raises(NothingToDo, match="The user has switched streaks off"):
        story.act(commands.grant_freeze, "ann")
    for command in (commands.reset_streak, commands.restore_streak):
        with pytest.raises(NothingToDo):
            story.act(command, "ann", story.game.now)


def test_who_has_a_streak_again_has_all_of_it() -> None:
    story = Story(BARE)
    story.play("04-01 09:00 ann words 1\n04-02 09:00 ann words 1")
    prefer(story, enabled=False)
    story.play("04-03 09:00 ann words 1")
    prefer(story, enabled=True)
    assert length(story) == 3


def test_without_customizable_streaks_only_enabled_may_be_set() -> None:
    for catalog in (BARE, replace(BARE, streak=None)):
        story = Story(catalog)
        story.play("04-01 09:00 ann words 1")
        refusal = story.refusal("users_update_preferences", id="ann", body={"streak": {"daysOff": [0]}})
        assert isinstance(refusal, NotAllowed)
        assert str(refusal) == (
            "streak may set nothing but `enabled`: users of this organisation have no streaks of their own "
            "(`customizable` in the catalog's `streak`)."
        )
        assert prefer(story, enabled=False) == {"enabled": False}


def test_that_refusal_is_a_403_where_the_operation_has_one() -> None:
    assert refusals((200, 401, 403, 404, 422))[NotAllowed] == 403
    assert refusals((200, 401, 404, 422))[NotAllowed] == 422


def test_settings_that_are_not_allowed_any_more_stay_shown_and_do_not_count() -> None:
    story = Story(OWN)
    story.play("04-01 09:00 ann words 1")
    prefer(story, metrics=[{"key": "words", "threshold": 5}])
    assert length(story) == 0
    change(story, streak=Streak(freezes=Freezes(1, 2, 5)))
    assert length(story) == 1
    assert "metrics" in story.call("users_get_preferences", id="ann")["streak"]


def test_own_days_off_do_not_count_in_weeks() -> None:
    story = Story(OWN)
    story.play("04-02 09:00 ann words 1")
    prefer(story, daysOff=[0])
    change(story, streak=Streak("weekly", customizable=True))
    assert story.call("users_streak", id="ann")["expires"] == "2025-04-12"
    refusal = story.refusal("users_update_preferences", id="ann", body={"streak": {"daysOff": [1]}})
    assert str(refusal) == "streak.daysOff goes with daily streaks alone; this one is weekly."


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (None, "streak must be an object with fields of enabled, evaluationMode, metrics, daysOff."),
        ({"freezes": 1}, "streak has no field 'freezes'; its fields are enabled, evaluationMode, metrics, daysOff."),
        ({"enabled": "no"}, "streak.enabled must be true or false."),
        ({"evaluationMode": "ALL"}, 'streak.evaluationMode must be "OR" or "AND".'),
        ({"evaluationMode": ["OR"]}, 'streak.evaluationMode must be "OR" or "AND".'),
        ({"metrics": []}, "streak.metrics must be an array of {key, threshold} with something in it, or null."),
        ({"metrics": ["words"]}, "streak.metrics[0] must be an object with a key and a threshold, and nothing else."),
        (
            {"metrics": [{"key": "wrds", "threshold": 1}]},
            "streak.metrics[0].key must be the key of a metric, one of words, chapters.",
        ),
        (
            {"metrics": [{"key": "words", "threshold": 1}, {"key": "chapters", "threshold": 0}]},
            "streak.metrics[1].threshold must be a number above 0, at most 1000000000000.",
        ),
        (
            {"metrics": [{"key": "words", "threshold": 0.1234567}]},
            "streak.metrics[0].threshold must have at most 6 decimals.",
        ),
        ({"metrics": [{"key": "words", "threshold": 1}] * 2}, "streak.metrics must name each metric once."),
        ({"daysOff": 0}, "streak.daysOff must be an array of weekdays, from 0 for Sunday to 6 for Saturday."),
        ({"daysOff": [7]}, "streak.daysOff must be an array of weekdays, from 0 for Sunday to 6 for Saturday."),
        ({"daysOff": [True]}, "streak.daysOff must be an array of weekdays, from 0 for Sunday to 6 for Saturday."),
        ({"daysOff": [1, 1]}, "streak.daysOff must name each weekday once, and not all seven."),
        ({"daysOff": [0, 1, 2, 3, 4, 5, 6]}, "streak.daysOff must name each weekday once, and not all seven."),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(sent: Any, said: str) -> None:
    story = Story(OWN)
    story.play("04-01 09:00 ann words 1")
    refusal = story.refusal("users_update_preferences", id="ann", body={"streak": sent})
    assert isinstance(refusal, Refused)
    assert str(refusal) == said


settings = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.sampled_from([True, True, False]),
        "evaluationMode": st.sampled_from(["OR", "AND"]),
        "metrics": st.sampled_from(
            [[{"key": "words", "threshold": 3}], [{"key": k, "threshold": 1} for k in ("words", "chapters")]]
        ),
        "daysOff": st.sampled_from([[], [0], [2, 5]]),
    },
)
deeds = st.lists(st.one_of(events, events, waits, waits), min_size=4, max_size=30)
ORGANISATION = replace(
    OWN,
    streak=Streak("daily", (StreakCondition("words", MICRO),), "any", Freezes(1, 2, 5), (6,), customizable=True),
    leaderboards=by_key(board("streaks", "2010-01-01", rank_by="streak")),
)


@steady
@given(starts, settings, deeds, deeds)
def test_what_a_user_sets_holds_as_if_it_had_been_set_from_the_beginning(
    start: str, sent: dict[str, Any], before: list[Step], afterwards: list[Step]
) -> None:
    later, early = born(ORGANISATION, start), born(ORGANISATION, start)
    preference = Step("users_update_preferences", {"id": "ann", "body": {"streak": sent}})
    for game in (later, early):
        take(game, Step("users_create", {"body": {"id": "ann"}}))
    take(early, preference)
    for game in (later, early):
        for step in before:
            take(game, step)
    take(later, preference)
    since = later.world.journal.last, early.world.journal.last
    assert seen(later) == seen(early)
    for game in (later, early):
        for step in afterwards:
            take(game, step)
    assert seen(later) == seen(early)
    assert streak_facts(later, since[0]) == streak_facts(early, since[1])
    assert not [fact for _, fact in streak_facts(early, 0) if fact.user == "ann"] or sent.get("enabled", True)


def test_the_preference_and_what_it_does_can_be_told() -> None:
    story = Story(OWN)
    story.play("04-01 09:00 ann words 1")
    story.new_facts()
    prefer(story, enabled=False)
    assert story.facts() == plain("""
        04-01 09:00 ann PreferencesChanged
        04-01 09:00 ann StreakRecounted 0
    """)

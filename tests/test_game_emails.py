"""Messages that fall due: recaps, calls to come back, reminders of streaks, news of achievements."""

from __future__ import annotations

import pickle
from datetime import date
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newer import newer
from story import Story, moment, said

from mockserver import catalogs
from mockserver.game.engine import Game
from mockserver.game.facts import AchievementMessageDue, ReactivationDue, RecapDue, StreakReminderDue
from mockserver.testing import MockServer

MESSAGES = (RecapDue, ReactivationDue, StreakReminderDue, AchievementMessageDue)
CATALOG = """
name = "Words"
[metrics.words]
name = "Words"
[streak]
frequency = "daily"
[achievements.first]
name = "First"
trigger = "metric"
metricKey = "words"
metricValue = 1
"""


def new_story(emails: str = "", start: str = "2025-04-01") -> Story:
    """04-01 is a Tuesday; weeks begin on Sundays, as on 04-06."""
    text = f"{CATALOG}\n[emails]\n{emails}"
    return Story(catalogs.parse(text, today=date(2025, 4, 1)), start)


def messages(story: Story) -> list[str]:
    return [said(entry) for entry in story.heard if isinstance(entry.fact, MESSAGES)]


QUIET = 'recap = "none"\nreactivationDays = []\nstreakReminders = false\nachievements = false\n'
RECAPS = QUIET.replace('"none"', '"weekly"')
REMINDERS = QUIET.replace("streakReminders = false", "streakReminders = true")
CALLS = QUIET.replace("[]", "[2, 5]")


def test_a_recap_is_due_on_the_morning_after_each_week_with_an_event() -> None:
    story = new_story(RECAPS)
    story.play("04-01 10:00 ann is email=ann@x.test tz=America/New_York\n04-03 10:00 ann words 5")
    story.at("04-28")
    assert messages(story) == ["04-06 13:00 ann RecapDue 03-30 04-05"]


def test_a_recap_of_months_is_due_on_the_first_day_of_the_next_at_the_hour_that_is_set() -> None:
    story = new_story(RECAPS.replace("weekly", "monthly") + "hour = 7")
    story.play("04-01 10:00 ann is email=ann@x.test\n04-03 10:00 ann words 5\n05-20 10:00 ann words 5")
    story.at("07-28")
    assert messages(story) == [
        "05-01 07:00 ann RecapDue 04-01 04-30",
        "06-01 07:00 ann RecapDue 05-01 05-31",
    ]


def test_a_user_who_travels_west_gets_no_second_recap_of_a_week() -> None:
    story = new_story(RECAPS)
    story.play("04-01 10:00 ann is email=ann@x.test tz=Asia/Tokyo\n04-03 10:00 ann words 5")
    story.at("04-06 01:00").play("04-06 10:30 ann is tz=America/Los_Angeles")
    story.at("04-12")
    assert messages(story) == ["04-06 00:00 ann RecapDue 03-30 04-05"]


def test_a_user_who_stays_away_is_reactivated_each_time_and_again_after_the_next_visit() -> None:
    story = new_story(CALLS)
    story.play("04-01 10:00 ann is email=ann@x.test\n04-02 20:00 ann words 5")
    story.at("05-01")
    story.play("05-10 08:00 ann words 5")
    story.at("06-01")
    assert messages(story) == [
        "04-04 09:00 ann ReactivationDue 1 2",
        "04-07 09:00 ann ReactivationDue 2 5",
        "05-12 09:00 ann ReactivationDue 1 2",
        "05-15 09:00 ann ReactivationDue 2 5",
    ]


def test_a_user_who_never_did_anything_is_reactivated_from_the_first_day_on() -> None:
    story = new_story(CALLS)
    story.play("04-01 10:00 ann is email=ann@x.test")
    story.at("04-04")
    assert messages(story) == ["04-03 09:00 ann ReactivationDue 1 2"]


def test_a_visit_puts_the_call_off() -> None:
    story = new_story(CALLS)
    story.play("04-01 10:00 ann is email=ann@x.test\n04-02 10:00 ann words 1\n04-03 10:00 ann words 1")
    story.at("04-05 08:59")
    assert messages(story) == []
    story.at("04-05 09:00")
    assert messages(story) == ["04-05 09:00 ann ReactivationDue 1 2"]


def test_a_reminder_is_due_on_the_last_day_of_a_streak_that_nobody_has_extended() -> None:
    story = new_story(REMINDERS)
    story.play(
        """04-01 10:00 ann is email=ann@x.test tz=Europe/Berlin
        04-01 12:00 ann words 5
        04-02 17:59 ann words 5"""
    )
    story.at("04-06")
    assert messages(story) == ["04-03 16:00 ann StreakReminderDue 04-03"]


def test_a_reminder_follows_the_user_to_another_zone() -> None:
    story = new_story(REMINDERS + "streakReminderHour = 20")
    story.play(
        """04-01 10:00 ann is email=ann@x.test tz=Europe/Berlin
        04-01 12:00 ann words 5
        04-02 12:00 ann is tz=America/New_York"""
    )
    story.at("04-06")
    assert messages(story) == ["04-03 00:00 ann StreakReminderDue 04-02"]


def test_an_achievement_is_told_when_it_is_completed() -> None:
    story = new_story(QUIET.replace("achievements = false", "achievements = true"))
    story.play("04-01 10:00 ann is email=ann@x.test\n04-03 10:00 ann words 5")
    assert messages(story) == ["04-03 10:00 ann AchievementMessageDue first"]


@pytest.mark.parametrize(
    ("profile", "preferences"),
    [
        ({}, None),
        ({"email": "ann@x.test", "subscribeToEmails": False}, None),
        ({"email": "ann@x.test"}, {}),
        ({"email": "ann@x.test"}, {"channels": ["push"]}),
    ],
    ids=["no address", "unsubscribed", "no channel", "another channel"],
)
def test_nobody_is_written_to_who_does_not_want_it(profile: dict[str, Any], preferences: dict[str, Any] | None) -> None:
    story = new_story()
    story.call("users_identify", id="ann", body=profile)
    if preferences is not None:
        channels = preferences.get("channels", [])
        kinds = ("achievement_completed", "recap", "reactivation", "streak_reminder")
        story.call("users_update_preferences", id="ann", body={"notifications": dict.fromkeys(kinds, channels)})
    story.play("04-03 10:00 ann words 5")
    story.at("06-01")
    assert messages(story) == []


def test_the_control_group_is_not_written_to() -> None:
    text = f"{CATALOG}\n[emails]\n[settings]\ncontrolRatio = 1.0"
    story = Story(catalogs.parse(text, today=date(2025, 4, 1)))
    story.play("04-01 10:00 ann is email=ann@x.test\n04-03 10:00 ann words 5")
    story.at("06-01")
    assert messages(story) == []


def test_without_the_table_nothing_falls_due() -> None:
    story = Story(catalogs.parse(CATALOG, today=date(2025, 4, 1)))
    story.play("04-01 10:00 ann is email=ann@x.test\n04-03 10:00 ann words 5")
    story.at("06-01")
    assert messages(story) == []


@settings(deadline=None)
@given(
    gaps=st.lists(st.integers(1, 12 * 24), min_size=1, max_size=8),
    zones=st.lists(st.sampled_from(["Asia/Tokyo", "UTC", "America/Los_Angeles", "Pacific/Auckland"]), max_size=3),
)
def test_a_world_that_is_made_anew_on_the_way_has_the_same_future(gaps: list[int], zones: list[str]) -> None:
    def lived(renewed: bool) -> list[str]:
        story, time = (
            new_story(CALLS.replace('"none"', '"weekly"').replace("streakReminders = false", "")),
            moment("04-01"),
        )
        story.call("users_identify", id="ann", body={"email": "a@x.test"})
        for number, hours in enumerate(gaps):
            time += hours * 3_600_000
            story.pass_to(time)
            if number < len(zones):
                story.call("users_identify", id="ann", body={"tz": zones[number]})
            else:
                story.event("ann", "words", 1)
            if renewed:
                story.game = Game(pickle.loads(pickle.dumps(story.world)), story._hear, story.game.now)
        story.pass_to(time + 40 * 24 * 3_600_000)
        return messages(story)

    assert lived(renewed=False) == lived(renewed=True)


def test_the_webhooks_of_a_newer_spec_come_at_their_moments() -> None:
    catalog = CATALOG + "\n[emails]\n"
    body = {"user": {"id": "ann", "email": "ann@x.test"}, "value": 5}
    for spec in (newer(), None):
        with MockServer(document=spec, catalog=catalog, now="2025-04-01T10:00:00Z", frozen=True) as server:
            server.control("POST", "/reset")
            key = {"X-API-KEY": server.api_key}
            httpx.post(f"{server.url}/metrics/words/event", json=body, headers=key).raise_for_status()
            server.advance(days=10)
            sent = [event for event in server.webhooks(user="ann") if event["type"].startswith("emails.")]
            facts = {fact["kind"] for fact in server.facts(user="ann")}
        assert {"RecapDue", "StreakReminderDue", "ReactivationDue", "AchievementMessageDue"} <= facts
        if spec is None:
            assert sent == []
            continue
        assert [(event["type"], event["timestamp"]) for event in sent] == [
            ("emails.achievement_due", "2025-04-01T10:00:00.000Z"),
            ("emails.streak_reminder_due", "2025-04-02T18:00:00.000Z"),
            ("emails.recap_due", "2025-04-06T09:00:00.000Z"),
            ("emails.reactivation_due", "2025-04-08T09:00:00.000Z"),
        ]
        assert sent[0]["achievement"]["achievedAt"] == "2025-04-01T10:00:00.000Z"
        assert (sent[1]["streak"]["length"], sent[1]["streak"]["expires"]) == (1, "2025-04-02")
        assert sent[2]["recap"] == {"periodStart": "2025-03-30", "periodEnd": "2025-04-05"}
        assert sent[3]["reactivation"] == {"messageNumber": 1, "daysSinceLastActive": 7}

"""Users: upserts by three ways, fields that merge or are replaced, preferences (behaviour, section 3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sample import BARE, SAMPLE
from story import Story, plain

from mockserver.game.catalog import Settings
from mockserver.game.errors import NotFound, Refused

UNKNOWN_KEY = (
    "Invalid attribute keys: pln. Please ensure all attribute keys match those set up at "
    "https://app.trophy.so/users/attributes."
)


def user(**fields: Any) -> dict[str, Any]:
    """As a user reads who was created on 1 April at midnight."""
    born = "2025-04-01T00:00:00.000Z"
    return {
        "id": "ann",
        "email": None,
        "name": None,
        "tz": None,
        "deviceTokens": None,
        "subscribeToEmails": False,
        "attributes": {},
        "signUpDate": None,
        "control": False,
        "created": born,
        "updated": born,
    } | fields


def identify(story: Story, **body: Any) -> Any:
    return story.call("users_identify", id="ann", body=body)


def test_a_user_always_has_every_field() -> None:
    assert Story(BARE).call("users_create", body={"id": "ann"}) == user()


def test_every_way_of_identifying_somebody_is_an_upsert() -> None:
    story = Story(SAMPLE)
    story.call("users_create", body={"id": "ann", "name": "A"})
    story.call("users_identify", id="ann", body={"tz": "Asia/Tokyo"})
    story.event("ann", "words", 1, user_plan="pro")
    story.call("achievements_complete", key="onboarded", body={"user": {"id": "ann", "email": "a@example.com"}})
    found = story.call("users_get", id="ann")
    assert (found["name"], found["tz"], found["attributes"], found["email"]) == (
        "A",
        "Asia/Tokyo",
        {"plan": "pro"},
        "a@example.com",
    )
    assert len(story.facts("UserCreated")) == 1


def test_each_way_creates_unknown_users_but_patch() -> None:
    story = Story(SAMPLE)
    story.call("users_create", body={"id": "a"})
    story.call("users_identify", id="b", body={})
    story.event("c", "words", 1)
    story.call("achievements_complete", key="onboarded", body={"user": {"id": "d"}})
    assert list(story.world.users) == ["a", "b", "c", "d"]
    assert isinstance(story.refusal("users_update", id="e", body={"name": "E"}), NotFound)


def test_only_passed_fields_change_created_stays_and_updated_moves_when_something_changed() -> None:
    story = Story(BARE)
    identify(story, name="Ann", email="a@example.com", tz="Europe/Rome")
    story.at("04-02 10:00")
    assert identify(story, name="Ann")["updated"] == "2025-04-01T00:00:00.000Z"
    changed = story.call("users_update", id="ann", body={"name": "Anna"})
    assert changed == user(
        name="Anna",
        email="a@example.com",
        tz="Europe/Rome",
        subscribeToEmails=True,
        updated="2025-04-02T10:00:00.000Z",
    )


def test_attributes_merge_key_by_key_and_empty_text_is_a_value() -> None:
    story = Story(BARE)
    identify(story, attributes={"plan": "free", "region": "eu"})
    assert identify(story, attributes={"plan": ""})["attributes"] == {"plan": "", "region": "eu"}
    assert identify(story, attributes={})["attributes"] == {"plan": "", "region": "eu"}


def test_device_tokens_are_replaced_as_a_whole_and_null_clears_them() -> None:
    story = Story(BARE)
    identify(story, deviceTokens=["a", "b"])
    assert identify(story, deviceTokens=["c"])["deviceTokens"] == ["c"]
    assert identify(story, deviceTokens=[])["deviceTokens"] == []
    assert identify(story, deviceTokens=None)["deviceTokens"] is None


def test_the_id_in_the_body_of_put_and_patch_is_ignored() -> None:
    story = Story(BARE)
    assert identify(story, id="bob", name="Ann")["id"] == "ann"
    assert story.call("users_update", id="ann", body={"id": "bob"})["id"] == "ann"
    assert list(story.world.users) == ["ann"]


@pytest.mark.parametrize("tz", ["Europe/Atlantis", "", "europe/london", "+02:00", "../UTC", "/etc/localtime"])
def test_what_is_no_zone_is_refused(tz: str) -> None:
    assert isinstance(Story(BARE).refusal("users_identify", id="ann", body={"tz": tz}), Refused)


def test_null_clears_the_zone_and_days_are_those_of_utc_again() -> None:
    story = Story(BARE)
    identify(story, tz="Pacific/Kiritimati")
    story.at("04-01 12:00")
    assert identify(story, tz=None)["tz"] is None
    assert story.event("ann", "words", 1)["currentStreak"]["periodStart"] == "2025-04-01"


def test_subscribing_needs_an_email_known_or_passed() -> None:
    story = Story(BARE)
    assert isinstance(story.refusal("users_identify", id="ann", body={"subscribeToEmails": True}), Refused)
    assert isinstance(story.refusal("users_create", body={"id": "a", "email": "", "subscribeToEmails": True}), Refused)
    identify(story, email="a@example.com")
    assert identify(story, subscribeToEmails=True)["subscribeToEmails"] is True
    assert identify(story, email="b@example.com", subscribeToEmails=True)["email"] == "b@example.com"


def test_unsubscribing_drops_the_email_and_every_later_one() -> None:
    story = Story(BARE)
    identify(story, email="a@example.com")
    gone = identify(story, subscribeToEmails=False)
    assert (gone["email"], gone["subscribeToEmails"]) == (None, False)
    dropped = identify(story, email="b@example.com")
    assert (dropped["email"], dropped["subscribeToEmails"]) == (None, False)
    assert isinstance(story.refusal("users_identify", id="ann", body={"subscribeToEmails": True}), Refused)
    back = identify(story, email="c@example.com", subscribeToEmails=True)
    assert (back["email"], back["subscribeToEmails"]) == ("c@example.com", True)


def test_until_it_was_sent_the_subscription_follows_the_email() -> None:
    story = Story(BARE)
    assert identify(story)["subscribeToEmails"] is False
    assert identify(story, email="")["subscribeToEmails"] is False
    assert identify(story, email="a@example.com")["subscribeToEmails"] is True


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("users_create", {"body": {"id": "new", "attributes": {"pln": "x"}}}),
        ("users_identify", {"id": "new", "body": {"name": "New", "attributes": {"pln": "x"}}}),
        ("users_update", {"id": "ann", "body": {"name": "New", "attributes": {"plan": "x", "pln": "x"}}}),
        ("metrics_event", {"key": "words", "body": {"user": {"id": "new", "attributes": {"pln": "x"}}, "value": 1}}),
        ("achievements_complete", {"key": "onboarded", "body": {"user": {"id": "new", "attributes": {"pln": "x"}}}}),
    ],
)
def test_an_unknown_attribute_key_is_refused_in_the_words_of_the_service(
    operation: str, arguments: dict[str, Any]
) -> None:
    story = Story(SAMPLE)
    story.call("users_create", body={"id": "ann"})
    assert str(story.refusal(operation, **arguments)) == f"{UNKNOWN_KEY} Did you mean 'plan'?"
    assert list(story.world.users) == ["ann"]


def test_control_follows_from_the_ratio_and_the_id_alone() -> None:
    def control(ratio: float, seed: str = "one") -> list[bool]:
        story = Story(replace(BARE, settings=Settings(control_ratio=ratio)), seed=seed)
        return [story.call("users_create", body={"id": f"user-{n}"})["control"] for n in range(200)]

    assert control(0.3) == control(0.3, seed="two")
    assert 30 < sum(control(0.3)) < 90
    assert (sum(control(0)), sum(control(1))) == (0, 200)
    assert all(more for less, more in zip(control(0.3), control(0.6), strict=True) if less)


def test_control_users_are_computed_like_everybody_else() -> None:
    story = Story(replace(SAMPLE, settings=Settings(control_ratio=1)))
    story.event("ann", "words", 100)
    assert story.total("ann") == 125
    assert story.ranking("ever") == [("ann", 100)]


def test_preferences_start_empty_and_a_patch_replaces_the_types_that_it_sends() -> None:
    story = Story(BARE)
    identify(story)
    assert story.call("users_get_preferences", id="ann") == {"notifications": {}}

    def prefer(**types: list[str]) -> Any:
        body = {"notifications": types}
        return story.call("users_update_preferences", id="ann", body=body)["notifications"]

    assert prefer(recap=["email"], reactivation=["push"]) == {"recap": ["email"], "reactivation": ["push"]}
    assert prefer(recap=[]) == {"recap": [], "reactivation": ["push"]}
    assert prefer(newsletter=["email"]) == {"recap": [], "reactivation": ["push"]}
    assert story.call("users_update_preferences", id="ann", body={}) == story.call("users_get_preferences", id="ann")
    assert isinstance(story.refusal("users_update_preferences", id="bob", body={}), NotFound)


def test_nobody_is_found_who_was_not_identified() -> None:
    story = Story(SAMPLE)
    per_user = {
        "users_get": {},
        "users_get_preferences": {},
        "users_all_metrics": {},
        "users_single_metric": {"key": "words"},
        "users_achievements": {},
        "users_streak": {},
        "users_points": {"key": "xp"},
        "users_points_boosts": {"key": "xp"},
        "users_leaderboard": {"key": "ever"},
        "users_wrapped": {},
    }
    for operation, arguments in per_user.items():
        assert isinstance(story.refusal(operation, id="nobody", **arguments), NotFound), operation


def test_the_same_seed_clock_and_requests_give_the_same_responses_ids_included() -> None:
    lines = plain("""
        04-01 09:00 ann is tz=Asia/Tokyo plan=pro region=eu
        04-01 20:00 ann words 120 source=phone
        04-02 09:00 bob chapters 2
        04-03 09:00 ann does onboarded
        04-05 09:00 ann words 3
    """)

    def responses(seed: str) -> list[Any]:
        story = Story(SAMPLE, seed=seed)
        return [*(story.line(line) for line in lines), story.call("users_points", id="ann", key="xp")]

    assert responses("same") == responses("same")
    assert responses("same") != responses("other")


# Sign-up dates


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2025-03-31", "2025-03-31"),
        ("2025-04-01", "2025-04-01"),
        ("2025-03-31T23:30:00-02:00", "2025-04-01"),
        ("2025-03-31T00:30:00+02:00", "2025-03-30"),
        ("2025-03-31T10:00:00.123Z", "2025-03-31"),
        ("0001-01-01", "0001-01-01"),
    ],
)
def test_a_sign_up_date_is_kept_as_a_day(sent: str, kept: str) -> None:
    story = Story(BARE)
    assert identify(story, signUpDate=sent) == user(signUpDate=kept)
    assert identify(story, name="Ann")["signUpDate"] == kept
    assert identify(story, signUpDate=None)["signUpDate"] is None


@pytest.mark.parametrize(
    "sent",
    [
        "2025-04-02",
        "2025-04-01T23:30:00-02:00",
        "9999-12-31",
        "2025-02-29",
        "20250331",
        "2025-W10-1",
        "yesterday",
        "",
        5,
        ["2025-03-31"],
        "0001-01-01T00:00:00+14:00",
        "2025-03-31T25:00:00Z",
        "٢٠٢٥-03-31",
    ],
)
def test_what_is_no_day_in_the_past_is_refused_as_a_sign_up_date(sent: Any) -> None:
    story = Story(BARE)
    with pytest.raises(Refused, match="signUpDate"):
        identify(story, signUpDate=sent)
    assert not story.facts("UserCreated")


def test_today_is_the_users_own_today() -> None:
    story = Story(BARE)  # 1 April, midnight in UTC
    identify(story, tz="Pacific/Kiritimati", signUpDate="2025-04-01")
    with pytest.raises(Refused, match="not be after today in the user's time zone, 2025-03-31"):
        identify(story, tz="America/Los_Angeles", signUpDate="2025-04-01")


def test_an_event_brings_the_sign_up_date_of_its_user() -> None:
    story = Story(SAMPLE)
    body = {"user": {"id": "ann", "signUpDate": "2024-02-29"}, "value": 1}
    story.call("metrics_event", key="words", body=body)
    assert story.call("users_get", id="ann")["signUpDate"] == "2024-02-29"

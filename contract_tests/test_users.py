"""Users: created in three ways, changed only where a request says so, and separate from each other."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, moment

pytestmark = pytest.mark.operations("users_", "metrics_event")
JSON = Any


@rule("A created user is returned as sent", behaviour(3, "spec"))
def test_a_created_user_reads_back_as_sent(stage: Stage) -> None:
    """A user who is created with all fields is read with the same fields."""
    sent = {"email": "ann@example.com", "name": "Ann Ä.", "tz": "Europe/Berlin", "deviceTokens": ["one", "two"]}
    ann = stage.name("ann")
    created = stage.get("users_create", body={"id": ann, **sent})
    read = stage.get("users_get", id=ann)
    assert {name: read[name] for name in sent} == sent
    assert read["id"] == ann
    assert stage.known(created) == stage.known(read), "the response to creating differs from reading"
    assert moment(read["created"]) <= moment(read["updated"])


@rule("Creating a user again changes the fields that are sent and keeps the others", behaviour(3))
def test_creating_twice_is_an_upsert(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann", email="ann@example.com", tz="Asia/Tokyo", deviceTokens=["t"])
    before = stage.get("users_get", id=ann)
    check_only_the_name_changed(before, stage.get("users_create", body={"id": ann, "name": "Anna"}))


def check_only_the_name_changed(before: JSON, after: JSON) -> None:
    assert after["name"] == "Anna"
    for name in ("id", "email", "tz", "deviceTokens", "subscribeToEmails", "attributes", "created", "control"):
        assert after.get(name) == before.get(name), f"{name} changed although it was not passed"


@rule("PUT creates an unknown user and returns 200", behaviour(3, "spec"))
def test_identifying_makes_an_unknown_user(stage: Stage) -> None:
    ben = stage.name("ben")
    response = stage.get("users_identify", id=ben, body={"name": "Ben"})
    assert (response["id"], response["name"], response["email"], response["tz"]) == (ben, "Ben", None, None)
    assert stage.get("users_get", id=ben)["name"] == "Ben"


@rule("PUT and PATCH keep the fields that are not sent", behaviour(3))
@pytest.mark.parametrize("operation", ["users_identify", "users_update"])
def test_an_update_keeps_what_was_not_passed(stage: Stage, operation: str) -> None:
    ann = stage.user("ann", name="Ann", email="ann@example.com", tz="Asia/Tokyo", deviceTokens=["t"])
    before = stage.get("users_get", id=ann)
    stage.get(operation, id=ann, body={"name": "Anna"})
    after = stage.get("users_get", id=ann)
    check_only_the_name_changed(before, after)
    assert moment(after["updated"]) >= moment(before["updated"])


@rule("`updated` is the time of the last change", behaviour(3))
def test_updated_moves_with_a_change(stage: Stage) -> None:
    """Each way changes a user of its own, so that time has to pass only once."""
    ann, ben, cem, dan = (stage.user(word, name="New") for word in ("ann", "ben", "cem", "dan"))
    name = {"name": "Newer"}
    ways: list[tuple[str, str, JSON]] = [
        (ann, "users_update", {"id": ann, "body": name}),
        (ben, "users_identify", {"id": ben, "body": name}),
        (cem, "users_create", {"body": {"id": cem, **name}}),
        (dan, "metrics_event", {"key": stage.kit.metric(), "body": {"user": {"id": dan, **name}, "value": 1}}),
    ]
    before = {user: stage.get("users_get", id=user) for user, _, _ in ways}
    stage.let_time_pass()
    for user, operation, arguments in ways:
        stage.get(operation, **arguments)
        after, first = stage.get("users_get", id=user), before[user]
        assert moment(after["updated"]) > moment(first["updated"]), f"`updated` did not move with {operation}"
        assert after["created"] == first["created"]


@rule("PATCH does not create users", behaviour(3, "spec"))
def test_updating_an_unknown_user_is_refused(stage: Stage) -> None:
    nobody = stage.name("nobody")
    response = stage.refused("users_update", id=nobody, body={"name": "N"})
    assert response.status == 404, f"returned {response.status}, expected 404, which the spec declares"
    stage.refused("users_get", id=nobody)


@rule("Attributes merge key by key", behaviour(3))
def test_attributes_merge(stage: Stage) -> None:
    keys = stage.kit.need(stage.kit.user_attributes[:2], "user attribute")
    ann = stage.user("ann", attributes={keys[0]: "first"})
    stage.get("users_update", id=ann, body={"attributes": {keys[-1]: "second"}})
    stage.get("users_update", id=ann, body={"attributes": {keys[0]: ""}})
    expected = {keys[0]: ""} | ({keys[-1]: "second"} if len(keys) > 1 else {})
    assert stage.get("users_get", id=ann)["attributes"] == expected


@rule("An unknown attribute key is refused, and nothing is stored", behaviour(2))
def test_an_unknown_attribute_key_is_refused_whole(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    for operation, body in (
        ("users_update", {"name": "Changed", "attributes": {"no-such-key": "x"}}),
        ("users_identify", {"name": "Changed", "attributes": {"no-such-key": "x"}}),
    ):
        response = stage.refused(operation, id=ann, body=body)
        if stage.control is not None:
            assert "no-such-key" in response.error, f"the error does not name the key: {response.error!r}"
    after = stage.get("users_get", id=ann)
    assert after["name"] == "Ann", "a refused request changed the name"
    assert "no-such-key" not in after["attributes"]
    newcomer = stage.name("newcomer")
    stage.refused_event({"id": newcomer, "attributes": {"no-such-key": "x"}})
    stage.refused("users_create", body={"id": newcomer, "attributes": {"no-such-key": "x"}})
    stage.refused("users_get", id=newcomer)


@rule("deviceTokens are replaced as a whole, and null clears them", behaviour(3, "spec"))
def test_device_tokens_are_replaced_whole(stage: Stage) -> None:
    ann = stage.user("ann", deviceTokens=["one", "two"])
    assert stage.get("users_update", id=ann, body={"deviceTokens": ["three"]})["deviceTokens"] == ["three"]
    assert not stage.get("users_update", id=ann, body={"deviceTokens": None})["deviceTokens"]


@rule("tz takes IANA zones, and null clears it", "#/components/schemas/UpdatedUser/properties/tz")
def test_a_zone_can_be_cleared(stage: Stage) -> None:
    ann = stage.user("ann", tz="America/New_York")
    assert stage.get("users_get", id=ann)["tz"] == "America/New_York"
    assert stage.get("users_update", id=ann, body={"tz": None})["tz"] is None


@rule("tz takes no other text", behaviour(3, "choice"), choice=True)
def test_a_zone_must_exist(stage: Stage) -> None:
    ann = stage.user("ann", tz="America/New_York")
    stage.refused("users_update", id=ann, body={"tz": "Mars/Olympus_Mons"})
    assert stage.get("users_get", id=ann)["tz"] == "America/New_York", "a refused zone was stored"
    stage.refused_event({"id": ann, "name": "Changed", "tz": "No/Where"}, 5)
    assert stage.get("users_get", id=ann)["name"] is None, "a refused event changed its user"


@rule("subscribeToEmails: true requires an email", "#/components/schemas/UpdatedUser/properties/email")
def test_subscribing_needs_an_email(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.refused("users_update", id=ann, body={"subscribeToEmails": True})
    response = stage.get("users_update", id=ann, body={"subscribeToEmails": True, "email": "ann@example.com"})
    assert (response["subscribeToEmails"], response["email"]) == (True, "ann@example.com")


@rule(
    "subscribeToEmails: false means that the email is not stored",
    "#/components/schemas/UpdatedUser/properties/subscribeToEmails",
)
def test_unsubscribing_drops_the_email(stage: Stage) -> None:
    ann = stage.user("ann", email="ann@example.com")
    response = stage.get("users_update", id=ann, body={"subscribeToEmails": False})
    assert (response["subscribeToEmails"], response["email"]) == (False, None)
    assert stage.get("users_get", id=ann)["email"] is None


@rule("While a user is unsubscribed, an email that is sent is not stored", behaviour(3, "choice"), choice=True)
def test_an_unsubscribed_user_keeps_no_later_email(stage: Stage) -> None:
    ann = stage.user("ann", email="ann@example.com", subscribeToEmails=False)
    assert stage.get("users_update", id=ann, body={"email": "new@example.com"})["email"] is None


@rule("Ids can be any text", behaviour(2))
@pytest.mark.parametrize("odd", ["Zoë 日本 🏆", "a/b", "50% off?", "a+b&c=d", "..", "A", "a:b,c"])
def test_ids_may_hold_any_text(stage: Stage, odd: str) -> None:
    identity = f"{stage.name('odd')}{odd}" if odd != ".." or not stage.fresh else odd
    stage.get("users_create", body={"id": identity, "name": "Odd"})
    if identity == "..":
        pytest.skip("clients and proxies normalise a path of dots")
    read = stage.get("users_get", id=identity)
    assert (read["id"], read["name"]) == (identity, "Odd")
    stage.event(identity, 3)
    assert stage.total(identity) == 3


@rule("Ids differ when they differ in case", behaviour(3, "choice"), choice=True)
def test_ids_are_compared_exactly(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.refused("users_get", id=ann.upper())


@rule("An event creates an unknown user, and updates a known one", behaviour(3))
def test_an_event_identifies_its_user(stage: Stage) -> None:
    ann = stage.name("ann")
    stage.event({"id": ann, "name": "Ann", "email": "ann@example.com"}, 1)
    assert stage.get("users_get", id=ann)["name"] == "Ann"
    stage.event({"id": ann, "tz": "Asia/Kolkata", "deviceTokens": ["one", "two"]}, 1)
    after = stage.get("users_get", id=ann)
    assert (after["name"], after["email"], after["tz"]) == ("Ann", "ann@example.com", "Asia/Kolkata")
    assert after["deviceTokens"] == ["one", "two"]
    stage.event({"id": ann, "subscribeToEmails": False, "deviceTokens": None}, 1)
    after = stage.get("users_get", id=ann)
    assert (after["subscribeToEmails"], after["email"]) == (False, None), "her unsubscribing was not heard"
    assert not after["deviceTokens"]


@rule("An event can set the user's attributes", behaviour(3))
def test_an_event_brings_attributes(stage: Stage) -> None:
    key = stage.kit.need(stage.kit.user_attributes, "user attribute")[0]
    ann = stage.name("ann")
    for value in ("first", "second"):
        stage.event({"id": ann, "attributes": {key: value}}, 1)
        assert stage.get("users_get", id=ann)["attributes"] == {key: value}


@rule("A completion creates an unknown user", behaviour(3))
def test_a_completion_identifies_its_user(stage: Stage) -> None:
    key = stage.kit.plain("api")["key"]
    ann, sent = stage.name("ann"), {"name": "Ann", "email": "ann@example.com", "deviceTokens": ["t"]}
    stage.get("achievements_complete", key=key, body={"user": {"id": ann, "tz": "Asia/Tokyo", **sent}})
    read = stage.get("users_get", id=ann)
    assert {name: read[name] for name in sent} == sent
    assert read["tz"] == "Asia/Tokyo"


@rule("The id in the body of PUT and PATCH is ignored", behaviour(3, "choice"), choice=True)
def test_the_path_says_who_is_meant(stage: Stage) -> None:
    ann, ben = stage.user("ann", name="Ann"), stage.user("ben", name="Ben")
    response = stage.get("users_update", id=ann, body={"id": ben, "name": "Anna"})
    assert (response["id"], response["name"]) == (ann, "Anna")
    assert stage.get("users_get", id=ben)["name"] == "Ben"


@rule("PUT and PATCH without a body mean {}", behaviour(3, "seen"), choice=True)
def test_no_body_means_no_change(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    for method, path in (("PUT", f"/users/{ann}"), ("PATCH", f"/users/{ann}"), ("PATCH", f"/users/{ann}/preferences")):
        response = stage.client.send(method, path, headers={"Content-Type": "application/json"})
        assert response.status == 200, f"{method} {path} without a body returned {response.status}"
    assert stage.get("users_get", id=ann)["name"] == "Ann"


UNKNOWN_USER = (
    "users_get_preferences",
    "users_all_metrics",
    "users_achievements",
    "users_streak",
    "users_wrapped",
    "users_get",
)


@rule("Reading an unknown user returns 404", behaviour(2))
@pytest.mark.parametrize("operation", UNKNOWN_USER)
def test_an_unknown_user_is_refused(stage: Stage, operation: str) -> None:
    response = stage.refused(operation, id=stage.name("nobody"))
    declared = stage.client.spec.operations[operation].statuses
    if 404 in declared:
        assert response.status == 404, f"returned {response.status}, expected 404, which the spec declares"


@rule("Two users share nothing", behaviour(1))
def test_users_are_isolated(stage: Stage) -> None:
    """One user sends events, completes achievements and changes preferences; another user stays as before."""
    metric = stage.kit.streaking()
    ben = stage.user("ben", name="Ben")
    before, preferred = stage.get("users_get", id=ben), preferences(stage, ben)
    ann = stage.user("ann", name="Ann")
    stage.event(ann, stage.kit.large, metric)
    stage.get("users_update_preferences", id=ann, body={"notifications": {"recap": ["email"]}})
    assert stage.total(ben, metric) == 0
    assert stage.completed(ben) == []
    assert stage.streak(ben)["length"] == 0
    assert preferences(stage, ben) == preferred
    assert stage.get("users_get", id=ben) == before


@rule("Worlds behind different keys share nothing", behaviour(1, "choice"), choice=True)
def test_worlds_are_isolated(stage: Stage, stages: Stages) -> None:
    other = stages.new()
    ann = stage.user("ann")
    stage.event(ann, 7)
    other.refused("users_get", id=ann)
    assert stage.total(ann) == 7


@rule("A new user has no preferences, and PATCH replaces only the types that are sent", behaviour(3))
def test_preferences_replace_only_what_was_sent(stage: Stage) -> None:
    ann = stage.user("ann")
    had = preferences(stage, ann)
    assert stage.control is None or had == {}, "elsewhere a new user may have some"
    first = {"recap": ["email"], "streak_reminder": ["email", "push"]}
    response = stage.get("users_update_preferences", id=ann, body={"notifications": first})
    assert _sorted(response["notifications"]) == had | first
    stage.get("users_update_preferences", id=ann, body={"notifications": {"recap": []}})
    assert preferences(stage, ann) == had | {"recap": [], "streak_reminder": ["email", "push"]}


@rule("A channel that does not exist is refused", "#/components/schemas/NotificationChannel")
def test_an_unknown_channel_is_refused(stage: Stage) -> None:
    ann = stage.user("ann")
    had = preferences(stage, ann)
    stage.get("users_update_preferences", id=ann, body={"notifications": {"recap": ["push"]}})
    body = {"notifications": {"recap": ["email"], "streak_reminder": ["pigeon"]}}
    stage.refused("users_update_preferences", id=ann, body=body)
    assert preferences(stage, ann) == had | {"recap": ["push"]}, "a refused request changed preferences"


def preferences(stage: Stage, user: str) -> dict[str, list[str]]:
    """Notification type → channels, sorted: their order is free."""
    return _sorted(stage.get("users_get_preferences", id=user)["notifications"])


def _sorted(notifications: dict[str, list[str]]) -> dict[str, list[str]]:
    return {kind: sorted(channels) for kind, channels in notifications.items()}


@rule("A control ratio of 1 puts all users into the control group", behaviour(3, "choice"), choice=True)
def test_all_users_may_be_control(stages: Stages) -> None:
    stage = stages.new(catalog={"name": "Control", "settings": {"controlRatio": 1}})
    for number in range(2):
        assert stage.get("users_create", body={"id": f"user {number}"})["control"] is True

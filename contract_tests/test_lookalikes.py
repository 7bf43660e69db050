"""Similar ids, keys and texts are different ones, and are returned as they were sent."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.texts import ALIKE, odd

pytestmark = pytest.mark.operations("users_", "metrics_event", "streaks_list")

TEXTS = ("<i>1</i> & \"2\" 'drei'", "нина 北京 🎉", "Łódź", odd().strip(), odd())
#: Headers carry ASCII everywhere, and HTTP strips blanks at the ends.
KEYS = ("Alike", "alike", "007", "7", "a%20b", "a b", "a&amp;b", "a&b", "a+b", "k" * 200 + "1", "k" * 200 + "2")
EMAIL = f"007.Ann+%41.{'long' * 10}@Example.org"
WAYS = ("users_create", "users_identify", "users_update", "metrics_event", "achievements_complete")


@rule("Similar ids are different users", behaviour(3, "choice"), choice=True)
def test_similar_ids_are_different_users(stage: Stage) -> None:
    """By case, Unicode form, a space, leading zeros, an escape, a character without width, the end of a long one."""
    metric = stage.kit.metric()
    place = stage.name("alike")
    ids = [f"{text}{place}{text}" for text in (odd(), *ALIKE)]
    for number, id in enumerate(ids):
        stage.refused("users_get", id=id)
        write(stage, WAYS[number % 2], id, {"name": f"Name {number}"})
    for number, id in enumerate(ids):
        stage.get("users_update", id=id, body={"deviceTokens": [f"token {number}"]})
        stage.event(id, number + 1, metric)
        channels: list[str] = [["email"], ["push"], []][number % 3]
        stage.get("users_update_preferences", id=id, body={"notifications": {"recap": channels}})
    for number, id in enumerate(ids):
        shown = stage.get("users_get", id=id)
        actual = shown["id"], shown["name"], shown["deviceTokens"]
        assert actual == (id, f"Name {number}", [f"token {number}"]), f"{id!r} is shown as {actual}"
        total = stage.total(id, metric)
        assert total == number + 1, f"{id!r} has {total}, sent were {number + 1}"
        kept = stage.get("users_get_preferences", id=id)["notifications"]["recap"]
        assert kept == [["email"], ["push"], []][number % 3], f"{id!r} has the preferences {kept}"
    listed = stage.get("streaks_list", userIds=ids)
    assert sorted(row["userId"] for row in listed) == sorted(ids)


def write(stage: Stage, way: str, user: str, profile: dict[str, Any]) -> None:
    """The profile of a user, written in one of five ways."""
    if way == "metrics_event":
        stage.event({"id": user, **profile}, 1)
    elif way == "achievements_complete":
        stage.get(way, key=stage.kit.plain("api")["key"], body={"user": {"id": user, **profile}})
    else:
        where = {} if way == "users_create" else {"id": user}
        stage.get(way, **where, body={"id": user, **profile} if way == "users_create" else profile)


@rule("Similar idempotency keys are different keys", behaviour(4, "choice"), choice=True)
def test_idempotency_keys_that_are_alike_are_two(stage: Stage) -> None:
    """Long keys and many keys too. Only ASCII: headers carry other characters in different ways, and trim spaces."""
    ann = stage.user("ann")
    keys = [*KEYS, *(f"many-{number}" for number in range(120))]
    first = {key: stage.event(ann, 1, key=key)["eventId"] for key in keys}
    assert stage.total(ann) == len(keys), f"{len(keys)} keys were sent, {stage.total(ann)} events counted"
    for key in [*keys[:20], *keys[-3:]]:
        again = stage.event(ann, 1, key=key)
        assert (again["idempotentReplayed"], again["eventId"], again["idempotencyKey"]) == (True, first[key], key)
    assert stage.total(ann) == len(keys), "a key that was used before has counted again"


@rule("Texts are stored and returned as they were sent", behaviour(3))
@pytest.mark.parametrize("text", TEXTS, ids=[ascii(text)[1:-1][:24] for text in TEXTS])
def test_texts_come_back_as_sent(stage: Stage, text: str) -> None:
    if stage.control is None and text != text.strip():
        pytest.skip("no rule says whether white space around a name stays")
    everything = text == (odd() if stage.control else odd().strip())
    for way in WAYS if everything else WAYS[:1]:
        _written_in_one_way(stage, way, text)


def _written_in_one_way(stage: Stage, way: str, text: str) -> None:
    """Write all fields, then other values, then what clears them."""
    ann = stage.user("ann") if way == "users_update" else stage.name("ann")
    tokens = [text, "z", "a", "z"] if stage.control else [text, "z", "a"]
    sent: dict[str, Any] = {"name": text, "deviceTokens": tokens, "email": EMAIL, "subscribeToEmails": True}
    sent |= {"tz": "America/Argentina/Buenos_Aires"}
    if stage.kit.user_attributes:
        sent["attributes"] = dict.fromkeys(stage.kit.user_attributes[:2], text)
    less = {
        "name": "Ann",
        "tz": None,
        "deviceTokens": None,
        "attributes": dict.fromkeys(sent.get("attributes", ()), ""),
    }
    for profile, also in ((sent, {}), (less, {"email": EMAIL}), ({"subscribeToEmails": False}, {"email": None})):
        write(stage, way, ann, profile)
        read = stage.get("users_get", id=ann)
        for name, value in {**profile, **also}.items():
            shown = read[name] or None if value is None else read[name]
            assert shown == value, f"after {way} {name} reads {shown!r}, sent was {value!r}"


@rule("Keys that only look like a key of the catalog are unknown", behaviour(2, "choice"), choice=True)
def test_keys_of_the_catalog_are_compared_exactly(stage: Stage) -> None:
    ann, key = stage.user("ann"), stage.kit.metric()
    known = {*stage.kit.metrics}
    for wrong in (key.upper(), f" {key}", f"{key} ", f"{key}\u200b", f"\ufeff{key}", f"0{key}", key[:-1], f"{key}x"):
        if wrong not in known:
            stage.refused("metrics_event", key=wrong, body={"user": {"id": ann}, "value": 1})
            stage.refused("users_single_metric", id=ann, key=wrong)


@rule("An API key that only looks like a valid one is refused", behaviour(1, "spec"))
def test_api_keys_are_compared_exactly(stage: Stage) -> None:
    key = stage.client.api_key
    alike = {key[:-1], f"{key}x", f"0{key}", key.swapcase(), key.replace(".", "%2E"), key[::-1]} - {key, ""}
    for wrong in sorted(alike):
        response = stage.client.with_key(wrong, stage.client.tenant).call("users_get", id=stage.name("ann"))
        assert response.status == 401, f"a wrong API key got status {response.status}"


@rule("A byte order mark before a body is ignored or refused", "RFC 8259, section 8.1 [choice]", choice=True)
def test_a_byte_order_mark_does_no_harm(stage: Stage) -> None:
    """The body is read or refused, and the mark is never a part of a name."""
    ann = stage.name("ann")
    body = b'\xef\xbb\xbf{"id": "' + ann.encode() + b'", "name": "Ann"}'
    response = stage.client.send("POST", "/users", body=body, headers={"Content-Type": "application/json"})
    assert response.status in (201, 400, 422), f"a body with a byte order mark got status {response.status}"
    if response.status == 201:
        assert stage.get("users_get", id=ann)["name"] == "Ann"

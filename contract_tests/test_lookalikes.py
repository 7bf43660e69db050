"""Similar ids, keys and texts are different ones, and are returned as they were sent."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("users_", "metrics_event", "streaks_list")

LONG = "long" * 20
#: Similar pairs: by case, Unicode form, a space, a leading zero, an escape, a character without width, the end.
ALIKE = {
    "case": ("Alike", "alike"),
    "form": ("Zoë", "Zoe\u0308"),
    "compatible forms": ("ﬁne②", "fine2"),
    "a leading space": (" ann", "ann"),
    "a trailing space": ("ann ", "ann"),
    "leading zeros": ("007", "7"),
    "an escape": ("a%20b", "a b"),
    "an escape of HTML": ("a&amp;b", "a&b"),
    "no width": ("zero\u200bwidth", "zerowidth"),
    "a byte order mark": ("\ufeffann", "ann"),
    "the end of a long one": (LONG + "1", LONG + "2"),
    "signs beyond ASCII": ("Łann", "ann"),
    "plus and space": ("a+b", "a b"),
    "a comma": ("a,b", "a"),
}
TEXTS = sorted({text for pair in ALIKE.values() for text in pair} | {"<i>1</i> & \"2\" 'drei'", "нина 北京 🎉"})


@rule("Similar ids are different users", behaviour(3, "choice"), choice=True)
@pytest.mark.parametrize("how", ALIKE)
def test_ids_that_are_alike_are_two_users(stage: Stage, how: str) -> None:
    place = stage.name("alike")
    first, second = (f"{place}/{text}/{place}" for text in ALIKE[how])
    metric = stage.kit.metric()
    stage.get("users_create", body={"id": first, "name": "First"})
    stage.refused("users_get", id=second)
    stage.get("users_identify", id=second, body={"name": "Second"})
    for user, value in ((first, 3), (second, 5)):
        stage.event(user, value, metric)
    for user, name, value in ((first, "First", 3), (second, "Second", 5)):
        shown = stage.get("users_get", id=user)
        assert (shown["id"], shown["name"]) == (user, name)
        assert stage.total(user, metric) == value, f"{user!r} has {stage.total(user, metric)}, sent were {value}"
        stage.get(
            "users_update_preferences", id=user, body={"notifications": {"recap": ["email"] if value == 3 else []}}
        )
    assert stage.get("users_get_preferences", id=first)["notifications"]["recap"] == ["email"]
    listed = stage.get("streaks_list", userIds=[first, second])
    assert sorted(row["userId"] for row in listed) == sorted([first, second])


@rule("Similar idempotency keys are different keys", behaviour(4, "choice"), choice=True)
def test_idempotency_keys_that_are_alike_are_two(stage: Stage) -> None:
    """Long keys and many keys too. Only ASCII: headers carry other characters in different ways, and trim spaces."""
    ann = stage.user("ann")
    keys = [text for text in TEXTS if text.isascii() and text == text.strip() and "," not in text]
    keys += ["k" * 200 + "1", "k" * 200 + "2", *(f"many-{number}" for number in range(150))]
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
    ann = stage.name("ann")
    sent: dict[str, Any] = {"name": text, "deviceTokens": [text, "z", "a"]}
    if stage.kit.user_attributes:
        sent["attributes"] = {stage.kit.user_attributes[0]: text}
    for operation, where in (("users_create", {}), ("users_identify", {"id": ann}), ("users_update", {"id": ann})):
        shown = stage.get(operation, **where, body={"id": ann, **sent})
        read = stage.get("users_get", id=ann)
        for name, value in sent.items():
            assert shown[name] == value, f"{operation} returns {name} {shown[name]!r}, sent was {value!r}"
            assert read[name] == value, f"{name} reads {read[name]!r}, sent was {value!r}"
    stage.event({"id": ann, "name": f"{text}!"}, 1)
    assert stage.get("users_get", id=ann)["name"] == f"{text}!"


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

"""Metrics and events: every event counts once, and all operations return the same total."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("metrics_", "users_")


def is_replay(response: dict[str, Any]) -> bool:
    """Whether an event says that it was one. Not every implementation says so of those that were none."""
    return bool(response.get("idempotentReplayed"))


def send_events(stage: Stage, user: str, *values: float, metric: str | None = None) -> None:
    for value in values:
        stage.event(user, value, metric)


@rule("The total is the sum of all events", behaviour(4))
def test_the_total_is_the_sum_of_the_events(stage: Stage) -> None:
    ann = stage.user("ann")
    running = Decimal(0)
    for value in ("5", "12", "0.5", "-3", "0", "100", "-0.25"):
        running += Decimal(value)
        response = stage.event(ann, float(value))
        assert response["total"] == float(running), (
            f"after {value} the total is {response['total']}, expected {running}"
        )
    assert stage.total(ann) == float(running)


@rule("Totals are exact decimals", behaviour(4, "seen"), choice=True)
def test_totals_are_exact(stage: Stage) -> None:
    ann = stage.user("ann")
    send_events(stage, ann, 0.1, 0.2)
    response = stage.call("users_single_metric", id=ann, key=stage.kit.metric())
    assert b"0.30000000000000004" not in response.response_body, "the total shows binary rounding"
    assert response.json["current"] == 0.3


@rule("Each metric has its own total", behaviour(4))
def test_metrics_are_counted_apart(stage: Stage) -> None:
    one, two = stage.kit.metric(0), stage.kit.metric(1)
    ann = stage.user("ann")
    send_events(stage, ann, 3, metric=one)
    send_events(stage, ann, 4, metric=two)
    assert (stage.total(ann, one), stage.total(ann, two)) == (3, 4)


@rule("All active metrics are listed, also at 0, and agree with users_single_metric", behaviour(4, "spec"))
def test_the_list_of_metrics_agrees_with_each(stage: Stage) -> None:
    ann = stage.user("ann")
    for value, total in ((42, 42), (100_000, 100_042)):  # the large one completes achievements
        send_events(stage, ann, value)
        rows = {row["key"]: row for row in stage.get("users_all_metrics", id=ann)}
        assert set(stage.kit.metrics) <= set(rows), "an active metric is missing"
        for key, row in rows.items():
            alone = stage.get("users_single_metric", id=ann, key=key)
            assert _by_id(stage.known(row)) == _by_id(stage.known(alone))
            assert row["current"] == (total if key == stage.kit.metric() else 0)


def _by_id(metric: dict[str, Any]) -> dict[str, Any]:
    """The order of a metric's achievements is free."""
    return metric | {"achievements": {row["id"]: row for row in metric["achievements"]}}


@rule("A metric lists its achievements, completed or not", behaviour(4, "spec"))
def test_a_metric_lists_its_achievements(stage: Stage) -> None:
    row = stage.kit.plain("metric")
    if row["metricValue"] > MOST:
        pytest.skip(f"{row['name']} needs {row['metricValue']}, more than an event may have")
    ann = stage.user("ann")
    key = stage.kit.need(stage.kit.metric_keys.get(row["metricId"]), "metric of that achievement")
    before = {a["id"]: a for a in stage.get("users_single_metric", id=ann, key=key)["achievements"]}
    assert row["id"] in before, "an achievement that is not done is missing"
    assert before[row["id"]]["achievedAt"] is None
    stage.event(ann, row["metricValue"], key)
    after = {a["id"]: a for a in stage.get("users_single_metric", id=ann, key=key)["achievements"]}
    assert after[row["id"]]["achievedAt"] is not None


@rule("An event to a metric that does not exist is refused", behaviour(2))
def test_an_unknown_metric_is_refused(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.refused_event(ann, 1, "no-such-metric")
    stage.refused("users_single_metric", id=ann, key="no-such-metric")
    span = {"aggregation": "daily", "startDate": "2025-03-01", "endDate": "2025-03-31"}
    stage.refused("users_metric_event_summary", id=ann, key="no-such-metric", **span)


@rule("The response to an event names the event and the metric", "#/components/schemas/EventResponse")
def test_an_event_response_names_event_and_metric(stage: Stage) -> None:
    ann, metric = stage.user("ann"), stage.kit.metric()
    first, second = stage.event(ann, 1, metric), stage.event(ann, 1, metric)
    assert first["eventId"] != second["eventId"], "two events have one id"
    assert first["metricId"] == stage.get("users_single_metric", id=ann, key=metric)["id"]


@rule("A replayed event changes nothing and returns the original event", behaviour(4))
def test_a_replay_counts_once(stage: Stage) -> None:
    ann, metric = stage.user("ann"), stage.kit.streaking()
    first = stage.event(ann, stage.kit.large, metric, key="k-1")
    assert (first["idempotencyKey"], is_replay(first)) == ("k-1", False)
    before = (stage.total(ann, metric), stage.completed(ann), stage.streak(ann))
    again = stage.event(ann, stage.kit.large, metric, key="k-1")
    assert again["eventId"] == first["eventId"], "a replay made another event"
    assert (again["idempotencyKey"], again["idempotentReplayed"]) == ("k-1", True)
    assert again["total"] == stage.kit.large, f"a replay says the total is {again['total']}"
    assert (again["achievements"], again["points"], again["leaderboards"]) == ([], {}, {})
    assert again["currentStreak"]["extended"] is False
    assert (stage.total(ann, metric), stage.completed(ann), stage.streak(ann)) == before
    for system in stage.kit.points:
        awards = stage.points(ann, system)["awards"]
        assert len({row["id"] for row in awards}) == len(awards), "an award was paid twice"


@rule("A replay returns the current state", behaviour(4))
def test_a_replay_returns_the_current_total(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.event(ann, 5, key="k-1")
    stage.event(ann, 7)
    again = stage.event(ann, 5, key="k-1")
    assert (again["total"], again["idempotentReplayed"]) == (12, True)


@rule("A request with a known idempotency key is a replay, whatever its body", behaviour(4))
def test_a_replay_with_another_value_is_the_same_event(stage: Stage) -> None:
    ann = stage.user("ann")
    first = stage.event(ann, 5, key="k-1")
    again = stage.event(ann, 6, key="k-1")
    assert (again["eventId"], again["idempotentReplayed"]) == (first["eventId"], True)
    assert again["total"] == 5 == stage.total(ann), "the other value was counted"


@rule("Idempotency keys are compared exactly", behaviour(4, "choice"), choice=True)
def test_keys_are_compared_exactly(stage: Stage) -> None:
    ann = stage.user("ann")
    for count, key in enumerate(("key-a", "KEY-A", "key-A"), 1):
        response = stage.event(ann, 5, key=key)
        assert (response["idempotencyKey"], response["idempotentReplayed"]) == (key, False)
        assert stage.total(ann) == 5 * count


@rule("The user fields of a replayed request are applied", behaviour(4, "choice"), choice=True)
def test_a_replay_still_identifies_its_user(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    stage.event(ann, 5, key="k-1")
    stage.event({"id": ann, "name": "Anna", "tz": "Asia/Tokyo"}, 5, key="k-1")
    after = stage.get("users_get", id=ann)
    assert (after["name"], after["tz"]) == ("Anna", "Asia/Tokyo")


@rule("An idempotency key belongs to one user and one metric", behaviour(4))
def test_keys_are_apart_for_users_and_metrics(stage: Stage) -> None:
    ann, ben = stage.user("ann"), stage.user("ben")
    stage.event(ann, 5, key="same")
    assert not is_replay(stage.event(ben, 6, key="same")), "shared between users"
    assert stage.total(ben) == 6
    other = stage.kit.metric(1)
    assert not is_replay(stage.event(ann, 7, other, key="same")), "shared between metrics"
    assert stage.total(ann, other) == 7


@rule("Without an idempotency key nothing is a replay", "#/components/schemas/EventResponse/properties/idempotencyKey")
def test_no_key_no_replay(stage: Stage) -> None:
    ann = stage.user("ann")
    one, two = stage.event(ann, 1), stage.event(ann, 1)
    assert "idempotencyKey" not in one.keys() | two.keys()
    assert not is_replay(one)
    assert not is_replay(two)
    assert two["total"] == 2


@rule("The fields of idempotency are there with a key, and only then", behaviour(4, "choice"), choice=True)
def test_the_fields_of_idempotency(stage: Stage) -> None:
    ann = stage.user("ann")
    assert not {"idempotencyKey", "idempotentReplayed"} & stage.event(ann, 1).keys()
    assert stage.event(ann, 1, key="k-1")["idempotentReplayed"] is False


@rule("An empty idempotency key is ignored", behaviour(4, "choice"), choice=True)
def test_an_empty_key_is_none(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.event(ann, 1, key="")
    assert "idempotencyKey" not in stage.event(ann, 1, key="")
    assert stage.total(ann) == 2


@rule("An idempotency key is stored only when its request succeeded", behaviour(4))
def test_a_refused_event_does_not_use_up_its_key(stage: Stage) -> None:
    ann = stage.user("ann")
    stage.refused_event(ann, 5, attributes={"no-such-key": "x"}, key="k-1")
    assert not is_replay(stage.event(ann, 5, key="k-1"))
    assert stage.total(ann) == 5


@rule("A refused event changes nothing", behaviour(2))
def test_a_refused_event_changes_nothing(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    stage.event(ann, 5)
    response = stage.refused_event({"id": ann, "name": "Changed"}, 5, attributes={"no-such-key": "x"})
    if stage.control is not None:
        assert "no-such-key" in response.error, f"the error does not name the key: {response.error!r}"
    stage.refused_event({"id": ann, "name": "Changed"}, "five")
    assert stage.total(ann) == 5, "a refused event was counted"
    assert stage.get("users_get", id=ann)["name"] == "Ann", "a refused event changed its user"
    newcomer = stage.name("newcomer")
    stage.refused_event(newcomer, 5, attributes={"no-such-key": "x"})
    stage.refused("users_get", id=newcomer)


BAD_VALUES: dict[str, Any] = {"a string": "5", "null": None, "a boolean": True, "a list": [1], "an object": {}}


@rule("The value of an event is a number", "#/paths/~1metrics~1{key}~1event/post/requestBody")
@pytest.mark.parametrize("what", BAD_VALUES)
def test_a_value_that_is_no_number_is_refused(stage: Stage, what: str) -> None:
    ann = stage.user("ann")
    stage.refused_event(ann, BAD_VALUES[what])
    assert stage.total(ann) == 0


@rule("Numbers beyond ±1e12 or with more than 6 decimals are refused", behaviour(2, "choice"), choice=True)
def test_numbers_that_cannot_be_counted_are_refused(stage: Stage) -> None:
    ann = stage.user("ann")
    for value in (1.1e12, -1.1e12, 0.0000001):
        stage.refused_event(ann, value)
    for value in (1e12, -1e12, 0.000001):
        stage.event(ann, value)
    assert stage.total(ann) == 0.000001


@rule("Event attributes of the catalog are accepted", behaviour(4))
def test_known_event_attributes_are_accepted(stage: Stage) -> None:
    key = stage.kit.need(stage.kit.event_attributes, "event attribute")[0]
    ann = stage.user("ann")
    assert stage.event(ann, 5, attributes={key: "anything"})["total"] == 5


@rule("Concurrent events of one user are all counted", "#/components/schemas/EventResponse/properties/total")
def test_no_concurrent_event_is_lost(stage: Stage) -> None:
    ann = stage.user("ann")
    threads, each = 4, 6
    with ThreadPoolExecutor(threads) as pool:
        totals = list(pool.map(lambda _: stage.event(ann, 1)["total"], range(threads * each)))
    assert stage.total(ann) == threads * each
    if stage.control is not None:
        assert sorted(totals) == list(range(1, threads * each + 1)), "two events returned the same total"


@rule("Concurrent requests with one idempotency key count once", behaviour(4))
def test_concurrent_replays_count_once(stage: Stage) -> None:
    ann, together = stage.user("ann"), threading.Barrier(4)

    def send(_: int) -> str:
        together.wait(30)
        return str(stage.event(ann, 10, key="same")["eventId"])

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(send, range(4)))
    assert stage.total(ann) == 10
    assert len(ids) == 1, "one key made several events"

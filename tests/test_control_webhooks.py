"""Webhooks under `/_mock`: endpoints, what was produced, what was sent, and a trigger for each type."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from plane import Http, refused, speaking_to
from receiver import Receiver

from mockserver.testing import MadeWorld, MockServer
from mockserver.webhooks.bodies import KINDS


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture
def world(trophy_server: MockServer) -> Iterator[MadeWorld]:
    with trophy_server.world(now="2026-03-01T12:00:00Z", frozen=True) as world:
        yield world


@pytest.fixture
def http(world: MadeWorld) -> Iterator[Http]:
    with speaking_to(world) as http:
        yield http


def test_an_endpoint_is_added_listed_switched_and_deleted(http: Http, world: MadeWorld, receiver: Receiver) -> None:
    added = http.mock("POST", "/webhooks", {"url": receiver.url, "events": ["streak.started"]})
    assert added.status_code == 201
    endpoint = added.json()
    assert (endpoint["url"], endpoint["events"], endpoint["active"]) == (receiver.url, ["streak.started"], True)
    assert endpoint["secret"]
    assert endpoint["concurrency"] == 16
    (listed,) = http.get("/webhooks")["endpoints"]
    assert listed == {**endpoint, "deliveries": {"waiting": 0, "delivered": 0, "failed": 0, "dropped": 0}}

    assert http.mock("PATCH", f"/webhooks/{endpoint['id']}", {"active": False}).json()["active"] is False
    http.event("ada", 100)
    assert http.mock("PATCH", f"/webhooks/{endpoint['id']}", {"active": True}).json()["active"] is True
    http.event("bob", 100)
    world.advance(wait=True)
    assert [json.loads(body)["user"]["id"] for body in receiver.bodies()] == ["bob"]

    assert http.mock("DELETE", f"/webhooks/{endpoint['id']}").status_code == 204
    assert http.get("/webhooks")["endpoints"] == []
    refused(http.mock("DELETE", f"/webhooks/{endpoint['id']}"), 404, endpoint["id"])


def test_what_is_wrong_with_an_endpoint_is_said(http: Http) -> None:
    refused(http.mock("POST", "/webhooks", {}), 422, '"url"')
    refused(http.mock("POST", "/webhooks", {"ulr": "http://x"}), 422, "`ulr`", "did you mean `url`?")
    refused(http.mock("POST", "/webhooks", {"url": "ftp://x"}), 422, "http")
    refused(http.mock("POST", "/webhooks", {"url": "http://x", "events": ["streak.lots"]}), 422, "streak.lost")
    refused(http.mock("POST", "/webhooks", {"url": "http://x", "concurrency": 257}), 422, '"concurrency"', "1 to 256")
    refused(http.mock("PATCH", "/webhooks/endpoint-1", {}), 422, "`active`")
    refused(http.mock("PATCH", "/webhooks/endpoint-1", {"active": True}), 404, "endpoint-1")


def test_what_was_produced_is_listed_with_no_endpoint_at_all(http: Http) -> None:
    http.event("ada", 100)
    http.event("bob", 100)
    events = http.get("/webhooks/events")["events"]
    assert [event["id"] for event in events] == [f"event-{n}" for n in range(1, len(events) + 1)]
    (started,) = http.get("/webhooks/events?type=streak.started&userId=ada")["events"]
    assert (started["body"]["type"], started["body"]["user"]["id"]) == ("streak.started", "ada")
    assert http.get("/webhooks/events?limit=2")["events"] == events[-2:]
    refused(http.mock("GET", "/webhooks/events?type=streak.start"), 422, "streak.started")
    refused(http.mock("GET", "/webhooks/events?limit=x"), 422, "`limit`")


@pytest.mark.parametrize("kind", KINDS)
def test_any_type_can_be_triggered(http: Http, world: MadeWorld, receiver: Receiver, kind: str) -> None:
    http.mock("POST", "/webhooks", {"url": receiver.url, "events": [kind]})
    response = http.mock("POST", "/webhooks/trigger", {"type": kind, "userId": "ada"})
    assert response.json()["event"]["triggered"] is True
    world.advance(wait=True)
    assert [json.loads(body)["type"] for body in receiver.bodies()] == [kind]
    assert http.get("/facts")["facts"] == []  # nothing has happened


def test_what_is_wrong_with_a_trigger_is_said(http: Http) -> None:
    refused(http.mock("POST", "/webhooks/trigger", {}), 422, '"type"')
    refused(http.mock("POST", "/webhooks/trigger", {"type": "streak.lots"}), 422, "streak.lost")
    refused(http.mock("POST", "/webhooks/trigger", {"type": "streak.lost", "user": "ada"}), 422, "`user`", "`userId`")


def test_deliveries_are_logged_and_sent_again(http: Http, world: MadeWorld, receiver: Receiver) -> None:
    http.mock("POST", "/webhooks", {"url": receiver.url, "events": ["streak.started"]})
    http.event("ada", 100)
    world.advance(wait=True)
    (delivery,) = http.get("/webhooks/deliveries?state=delivered&userId=ada&endpoint=endpoint-1")["deliveries"]
    assert [attempt["status"] for attempt in delivery["attempts"]] == [200]
    again = http.mock("POST", f"/webhooks/deliveries/{delivery['id']}/redeliver").json()
    assert (again["redeliveryOf"], again["signature"]) == (delivery["id"], delivery["signature"])
    world.advance(wait=True)
    assert receiver.bodies()[0] == receiver.bodies()[1] == delivery["body"].encode()
    refused(http.mock("POST", "/webhooks/deliveries/delivery-9/redeliver"), 404, "delivery-9")
    refused(http.mock("GET", "/webhooks/deliveries?state=lost"), 422, "waiting")


def test_a_deleted_world_sends_nothing_any_more(trophy_server: MockServer, receiver: Receiver) -> None:
    with trophy_server.world(now="2026-03-01T12:00:00Z", frozen=True) as world, speaking_to(world) as http:
        receiver.always = 500
        http.mock("POST", "/webhooks", {"url": receiver.url, "events": ["streak.started"]})
        http.event("ada", 100)
        world.advance(wait=True)
    tried = len(receiver.received)
    trophy_server.advance(hours=1, wait=True)
    assert len(receiver.received) == tried == 1

"""Webhooks as a user has them: a server started by command, its endpoint on the command line, `/_mock` for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from processes import KEY, serving
from receiver import Receiver

from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.signing import verify

NOON = "2025-04-02T12:00:00Z"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


@pytest.fixture(scope="module")
def server(receiver: Receiver) -> Iterator[httpx2.Client]:
    options = ["--users", "0", "--now", NOON, "--frozen", "--webhook", receiver.url, "--webhook-secret", "from outside"]
    with serving(*options) as base:
        headers = {"X-API-KEY": KEY}
        with httpx2.Client(base_url=base.removesuffix("/v1"), headers=headers, timeout=30, trust_env=False) as client:
            yield client


@pytest.fixture(autouse=True)
def fresh(server: httpx2.Client, receiver: Receiver) -> None:
    call(server, "POST", "/_mock/reset")
    receiver.received.clear()
    receiver.always = None


def call(server: httpx2.Client, method: str, path: str, body: Any = None) -> Any:
    response = server.request(method, path, json=body)
    assert response.is_success, response.text
    return response.json() if response.content else None


def event(server: httpx2.Client, user: str, value: int) -> None:
    call(server, "POST", "/v1/metrics/words-written/event", {"user": {"id": user}, "value": value})


def delivered(server: httpx2.Client, **passing: int) -> None:
    """Moves the clock and waits until no delivery is due."""
    call(server, "POST", "/_mock/clock/advance", {**passing, "wait": True})


def test_the_endpoint_of_the_command_line_gets_what_happens_signed_with_its_secret(
    server: httpx2.Client, receiver: Receiver
) -> None:
    event(server, "ann", 100)
    delivered(server)
    kinds = {json.loads(hook.body)["type"] for hook in receiver.received}
    assert kinds > {"achievement.completed", "streak.started", "points.changed", "leaderboard.changed"}
    assert all(verify("from outside", hook.body, str(hook.signature)) for hook in receiver.received)
    listed = call(server, "GET", "/_mock/webhooks/events")["events"]
    received = [json.loads(body) for body in receiver.bodies()]
    assert sorted(received, key=str) == sorted((row["body"] for row in listed), key=str)


def test_an_advanced_clock_brings_midnights_and_retries_with_it(server: httpx2.Client, receiver: Receiver) -> None:
    event(server, "ann", 1)
    delivered(server)
    receiver.always = 500
    delivered(server, days=3)
    (row,) = call(server, "GET", "/_mock/webhooks/deliveries?type=streak.lost")["deliveries"]
    assert row["state"] == "failed"
    times = [attempt["time"][:16] for attempt in row["attempts"]]
    assert times == ["2025-04-04T00:00", "2025-04-04T00:01", "2025-04-04T00:03", "2025-04-04T00:07"]
    receiver.always = None
    again = call(server, "POST", f"/_mock/webhooks/deliveries/{row['id']}/redeliver")
    delivered(server)
    assert receiver.received[-1].body.decode() == row["body"]
    assert receiver.received[-1].signature == row["signature"] == again["signature"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_triggered_webhook_of_any_type_arrives(server: httpx2.Client, receiver: Receiver, kind: str) -> None:
    call(server, "POST", "/_mock/webhooks/trigger", {"type": kind, "userId": "zoë"})
    delivered(server)
    (hook,) = receiver.received
    assert json.loads(hook.body)["type"] == kind


def test_a_world_made_by_the_control_plane_has_endpoints_of_its_own(server: httpx2.Client, receiver: Receiver) -> None:
    made = call(server, "POST", "/_mock/worlds", {})
    mine = httpx2.Headers({"X-API-KEY": made["apiKey"]})
    with Receiver().running() as other:
        response = server.post("/_mock/webhooks", json={"url": other.url, "secret": "s"}, headers=mine)
        assert response.status_code == 201
        response = server.post(
            "/v1/metrics/words-written/event", json={"user": {"id": "ben"}, "value": 1}, headers=mine
        )
        assert response.status_code == 201
        server.post("/_mock/clock/advance", json={"wait": True}, headers=mine)
        assert any(json.loads(body)["type"] == "streak.started" for body in other.bodies())
    assert receiver.received == []

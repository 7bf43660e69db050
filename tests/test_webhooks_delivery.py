"""Deliveries to real receivers: what is sent, when, in which order and to whom, by the world's clock. Those that fail
stand in `test_webhooks_delivery_failures.py`."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from deliveries import MINUTE, NOON, counts, hooks_to, listening, lost, organisation, play
from receiver import Receiver

from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation

receiver = pytest.fixture(listening)
home = pytest.fixture(organisation)


def test_a_webhook_is_json_signed_over_the_very_bytes_that_are_sent(receiver: Receiver, home: Organisation) -> None:
    async def story() -> None:
        hooks = hooks_to(receiver, home, "s3cret")
        hooks.collect([lost("zoë")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()

    play(story)
    (one,) = receiver.received
    expected = base64.b64encode(hmac.new(b"s3cret", one.body, hashlib.sha256).digest()).decode()
    assert one.signature == expected
    assert one.content_type == "application/json"
    assert json.loads(one.body) == {
        "type": "streak.lost",
        "timestamp": "2025-04-02T12:00:00.000Z",
        "user": "zoë",
        "length": 3,
    }


def test_nothing_goes_out_before_the_response_is_out(receiver: Receiver, home: Organisation) -> None:
    async def story() -> list[bytes]:
        hooks = hooks_to(receiver, home, concurrency=1)
        hooks.collect([lost("first")])
        hooks.flush()
        hooks.collect([lost("accepted late")])
        while hooks.log and not receiver.received:
            await asyncio.sleep(0)
        before = receiver.bodies()
        await hooks.idle()
        await hooks.close()
        return before

    assert len(play(story)) == 1
    assert [json.loads(body)["user"] for body in receiver.bodies()] == ["first", "accepted late"]


def test_a_world_without_endpoints_starts_no_task_and_a_world_at_rest_keeps_none(home: Organisation) -> None:
    async def story() -> None:
        hooks = Webhooks(home)
        hooks.collect([lost("ann")])
        hooks.flush()
        hooks.clock_moved()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await hooks.idle()
        assert [event.user for event in hooks.outbox] == ["ann"]

    play(story)


def test_events_to_an_endpoint_arrive_in_order_and_a_retry_does_not_hold_up_what_follows(
    receiver: Receiver, home: Organisation
) -> None:
    receiver.outcomes.append(500)

    async def story() -> None:
        hooks = hooks_to(receiver, home, concurrency=1)
        hooks.collect([lost("ann"), lost("ben"), lost("cy")])
        hooks.flush()
        await hooks.idle()
        home.clock.set(NOON + 60 * MINUTE, frozen=True)
        hooks.collect([lost("dee", at=NOON + 30 * MINUTE)])
        hooks.clock_moved()
        await hooks.idle()
        await hooks.close()

    play(story)
    assert [json.loads(body)["user"] for body in receiver.bodies()] == ["ann", "ben", "cy", "ann", "dee"]


def test_each_endpoint_has_its_own_secret_and_gets_only_the_types_it_asked_for(
    receiver: Receiver, home: Organisation
) -> None:
    async def story(other: Receiver) -> None:
        hooks = hooks_to(receiver, home, "one")
        hooks.add_endpoint(other.url, "two", ["streak.started"])
        hooks.add_endpoint(other.url, "three", active=False)
        started = WebhookEvent("streak.started", NOON, "ann", dict)
        hooks.collect([lost("ann"), started])
        hooks.flush()
        await hooks.idle()
        await hooks.close()

    with Receiver().running() as other:
        play(lambda: story(other))
    assert [json.loads(body)["type"] for body in receiver.bodies()] == ["streak.lost", "streak.started"]
    assert [json.loads(body)["type"] for body in other.bodies()] == ["streak.started"]
    assert receiver.received[1].signature != other.received[0].signature


def test_two_worlds_never_see_each_others_events(receiver: Receiver, home: Organisation) -> None:
    async def story(other: Receiver) -> None:
        here, there = hooks_to(receiver, home), hooks_to(other, organisation())
        for number in range(50):
            here.collect([lost(f"here {number}")])
            there.collect([lost(f"there {number}")])
            here.flush()
            there.flush()
        await asyncio.gather(here.idle(), there.idle())
        await here.close()
        await there.close()

    with Receiver().running() as other:
        play(lambda: story(other))
    assert sorted(json.loads(body)["user"] for body in receiver.bodies()) == sorted(f"here {n}" for n in range(50))
    assert sorted(json.loads(body)["user"] for body in other.bodies()) == sorted(f"there {n}" for n in range(50))


def test_at_the_end_what_is_under_way_may_finish_and_what_waits_is_dropped_and_counted(
    receiver: Receiver, home: Organisation
) -> None:
    receiver.outcomes.append("late")

    async def story() -> Any:
        hooks = hooks_to(receiver, home, concurrency=1)
        hooks.collect([lost("ann"), lost("ben")])
        hooks.flush()
        while not receiver.received:
            await asyncio.sleep(0.001)
        closing = asyncio.create_task(hooks.close(grace=60))
        await asyncio.sleep(0)
        receiver.go_on.set()
        await closing
        return hooks

    hooks = play(story)
    assert [(len(row.attempts), row.state) for row in hooks.log] == [(1, "delivered"), (0, "dropped")]


def test_at_the_end_what_still_hangs_is_cut_off(receiver: Receiver, home: Organisation) -> None:
    receiver.always = "hang"

    async def story() -> Any:
        hooks = hooks_to(receiver, home)
        hooks.collect([lost("ann")])
        hooks.flush()
        while not receiver.received:
            await asyncio.sleep(0.001)
        await hooks.close(grace=0.01)
        return hooks

    hooks = play(story)
    (delivery,) = hooks.log
    assert delivery.state == "dropped"
    assert counts(hooks)["dropped"] == 1

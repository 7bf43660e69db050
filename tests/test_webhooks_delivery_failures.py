"""Deliveries to real receivers that fail in every way: what is tried again, when, and what is made of the rest, by the
world's clock."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from deliveries import MINUTE, NOON, counts, hooks_to, listening, lost, organisation, play
from receiver import Receiver

from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation

receiver = pytest.fixture(listening)
home = pytest.fixture(organisation)


async def moved(hooks: Webhooks, home: Organisation, by: int) -> None:
    home.clock.set(home.clock.now() + by, frozen=True)
    hooks.clock_moved()
    await hooks.idle()


def attempts(hooks: Webhooks) -> list[list[tuple[int, int | None]]]:
    return [[((row.time - NOON) // 1000, row.status) for row in delivery.attempts] for delivery in hooks.log]


def test_two_failures_are_retried_after_one_and_two_minutes_with_the_same_bytes(
    receiver: Receiver, home: Organisation
) -> None:
    receiver.outcomes.extend([500, 503])

    async def story() -> Any:
        hooks = hooks_to(receiver, home)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        await moved(hooks, home, MINUTE - 1)
        assert len(receiver.received) == 1
        await moved(hooks, home, 1)
        await moved(hooks, home, 2 * MINUTE)
        await moved(hooks, home, 60 * MINUTE)
        await hooks.close()
        return hooks

    hooks = play(story)
    assert attempts(hooks) == [[(0, 500), (60, 503), (180, 200)]]
    assert len(set(receiver.received)) == 1
    assert next(iter(hooks.log)).state == "delivered"


def test_a_receiver_that_is_down_for_an_hour_of_the_worlds_time_gets_four_attempts_and_no_more(
    receiver: Receiver, home: Organisation
) -> None:
    receiver.always = 500

    async def story() -> Any:
        hooks = hooks_to(receiver, home)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        await moved(hooks, home, 60 * MINUTE)
        receiver.always = 200
        await moved(hooks, home, 24 * 60 * MINUTE)
        await hooks.close()
        return hooks

    hooks = play(story)
    (delivery,) = hooks.log
    assert attempts(hooks) == [[(0, 500), (60, 500), (180, 500), (420, 500)]]
    assert delivery.state == "failed"
    assert counts(hooks)["failed"] == 1


def test_what_failed_can_be_sent_again_from_the_log_with_the_same_body_and_signature(
    receiver: Receiver, home: Organisation
) -> None:
    receiver.always = 500

    async def story() -> Any:
        hooks = hooks_to(receiver, home, retries=0)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        receiver.always = 200
        response = hooks.redeliver("delivery-1")
        await hooks.idle()
        await hooks.close()
        return response, hooks.list_deliveries(state="delivered")["deliveries"]

    response, (again,) = play(story)
    assert response["redeliveryOf"] == again["redeliveryOf"] == "delivery-1"
    assert response["id"] == again["id"]
    assert receiver.received[0] == receiver.received[1]


def test_a_delivery_that_is_unknown_or_whose_endpoint_is_gone_is_not_sent_again(
    receiver: Receiver, home: Organisation
) -> None:
    async def story() -> None:
        hooks = hooks_to(receiver, home)
        hooks.collect([lost("ann")])
        with pytest.raises(NotFound, match='no delivery "delivery-2"'):
            hooks.redeliver("delivery-2")
        await hooks.delete_endpoint("endpoint-1")
        with pytest.raises(Refused, match="endpoint-1 has been deleted"):
            hooks.redeliver("delivery-1")
        await hooks.idle()

    play(story)
    assert receiver.received == []


def test_under_a_running_clock_retries_play_by_themselves(receiver: Receiver) -> None:
    receiver.outcomes.extend([500, "cut"])
    home = organisation(now=None)

    async def story() -> Any:
        hooks = hooks_to(receiver, home, retry_delay=0.01)
        hooks.collect([lost("ann", at=home.clock.now())])
        hooks.flush()
        while next(iter(hooks.log)).state == "waiting":
            await asyncio.sleep(0.001)
        await hooks.close()
        return hooks

    (delivery,) = play(story).log
    assert [row.status for row in delivery.attempts] == [500, None, 200]
    assert "RemoteProtocolError" in str(delivery.attempts[1].error)
    spacing = [b.time - a.time for a, b in zip(delivery.attempts, delivery.attempts[1:], strict=False)]
    assert spacing[0] >= 10
    assert spacing[1] >= 20


def test_a_receiver_that_hangs_counts_as_failed_and_holds_up_no_other(receiver: Receiver, home: Organisation) -> None:
    receiver.always = "hang"

    async def story(quick: Receiver) -> Any:
        hooks = hooks_to(receiver, home, timeout=0.2)
        hooks.add_endpoint(quick.url)
        hooks.collect([lost("ann"), lost("ben")])
        hooks.flush()
        while len(quick.received) < 2:
            await asyncio.sleep(0.001)
        assert [row.attempts for row in hooks.log if row.endpoint.id == "endpoint-1"] == [[], []]
        await hooks.idle()
        await hooks.close()
        return hooks

    with Receiver().running() as quick:
        hooks = play(lambda: story(quick))
    errors = [row.attempts[0].error for row in hooks.log if row.endpoint.id == "endpoint-1"]
    assert errors == ["no complete response within 0.2 s"] * 2


def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver, home: Organisation) -> None:
    receiver.always = 307

    async def story() -> Any:
        hooks = hooks_to(receiver, home, retries=0)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()
        return hooks

    (delivery,) = play(story).log
    assert [row.path for row in receiver.received] == ["/trophy"]
    assert delivery.state == "failed"
    assert delivery.attempts[0].error == "returned 307; redirects are not followed"


def test_nobody_listening_is_a_failed_attempt_with_its_reason(home: Organisation) -> None:
    with Receiver().running() as gone:
        pass

    async def story() -> Any:
        hooks = hooks_to(gone, home, retries=0)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()
        return hooks

    (delivery,) = play(story).log
    assert delivery.attempts[0].status is None
    assert "ConnectError" in str(delivery.attempts[0].error)


def test_ten_thousand_events_to_a_dead_endpoint_are_each_delivered_failed_or_counted_as_dropped(
    receiver: Receiver, home: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.outcomes.append("hang")

    async def story() -> Any:
        hooks = hooks_to(receiver, home, waiting=100, concurrency=1)
        for number in range(10_000):
            hooks.collect([lost(f"user {number}")])
            hooks.flush()
            assert counts(hooks)["waiting"] <= 100
            await asyncio.sleep(0)
        receiver.go_on.set()
        await hooks.idle()
        await moved(hooks, home, 10 * MINUTE)
        await hooks.close()
        return hooks

    with caplog.at_level(logging.WARNING, "mockserver.webhooks"):
        hooks = play(story)
    assert counts(hooks) == {"waiting": 0, "delivered": 100, "failed": 0, "dropped": 9900}
    assert len(list(hooks.outbox)) == 10_000
    assert "9000 webhooks to" in caplog.text
    first, *others = receiver.bodies()
    assert first in others, "the one that hung is tried again"
    assert len(set(others)) == len(others), "no other comes twice"


def test_a_webhook_that_cannot_be_made_is_logged_as_failed_and_keeps_back_no_other(
    receiver: Receiver, home: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> dict[str, Any]:
        raise ZeroDivisionError

    async def story() -> Any:
        hooks = hooks_to(receiver, home, retries=0)
        hooks.collect([WebhookEvent("streak.lost", NOON, "ann", broken), lost("ben")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()
        return hooks

    hooks = play(story)
    assert counts(hooks) == {"waiting": 0, "delivered": 1, "failed": 1, "dropped": 0}
    assert [json.loads(body)["user"] for body in receiver.bodies()] == ["ben"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("url", ["http://nobody.invalid/", "https://127.0.0.1:1/"])
def test_a_host_that_cannot_be_reached_is_a_failed_attempt_with_its_reason(home: Organisation, url: str) -> None:
    async def story() -> Any:
        hooks = Webhooks(home, Timing(retries=0))
        hooks.add_endpoint(url)
        hooks.collect([lost("ann")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()
        return hooks

    (delivery,) = play(story).log
    assert delivery.state == "failed"
    assert delivery.attempts[0].error != "defect of the mock; see its log"

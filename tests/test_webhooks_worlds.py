"""Webhooks in a running server: dead receivers, many events, several worlds and tenants, and what is listed."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from receiver import Receiver
from webhook_story import START, Scenario, demo, milliseconds, run_story, serving, written

from mockserver import spec
from mockserver.game.errors import NotFound, Refused
from mockserver.webhooks.bodies import KINDS, kinds_of
from mockserver.webhooks.outbox import KEPT, WebhookEvent
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Plan, Worlds


def home(catalog: Any = demo) -> Organisation:
    return Organisation("key", Plan(catalog, now=milliseconds(START), frozen=True))


def lost(user: str) -> WebhookEvent:
    return WebhookEvent("streak.lost", milliseconds(START), user, lambda: {"user": user, "length": 3})


def test_the_table_and_the_spec_have_the_same_types() -> None:
    assert set(KINDS) == set(spec.load().webhooks)
    assert kinds_of(spec.load()) == KINDS


def test_a_receiver_that_hangs_delays_no_response() -> None:
    async def story(scenario: Scenario) -> None:
        scenario.receiver.always = "hang"
        for number in range(100):
            response = await scenario.event(f"user {number}", 100)
            assert response["total"] == 100
        assert len(scenario.receiver.received) == 1, "all of this happened during the first delivery"

    run_story(story)


def test_ten_thousand_webhooks_to_a_slow_receiver_are_each_delivered_or_counted_and_none_comes_twice() -> None:
    async def story(scenario: Scenario) -> None:
        scenario.receiver.outcomes.append("late")
        number = waiting = 0
        while scenario.hooks.list_events(limit=0)["letGo"] + len(list(scenario.hooks.outbox)) < KEPT:
            number += 1
            await scenario.event(f"user {number % 50}", 100 + number % 37)
            waiting = max(waiting, counts(scenario)["waiting"])
        assert waiting == 500
        scenario.receiver.go_on.set()
        bodies = await scenario.webhooks()
        after = counts(scenario)
        assert after == {"waiting": 0, "delivered": len(bodies), "failed": 0, "dropped": after["dropped"]}
        events = scenario.hooks.list_events()
        assert after["delivered"] + after["dropped"] == len(events["events"]) + events["letGo"] >= KEPT
        deliveries = scenario.hooks.list_deliveries()["deliveries"]
        assert len({row["event"] for row in deliveries}) == len(deliveries) == len(bodies)
        assert [json.loads(row["body"]) for row in deliveries] == bodies

    run_story(story, waiting=500)


def counts(scenario: Scenario) -> dict[str, int]:
    found: dict[str, int] = scenario.hooks.list_endpoints()["endpoints"][0]["deliveries"]
    return found


def test_two_worlds_of_one_server_never_see_each_others_webhooks() -> None:
    worlds = Worlds(Plan(demo, now=milliseconds(START), frozen=True), keys=("one", "two"))

    async def story(receivers: dict[str, Receiver]) -> None:
        hooks = {world.key: Webhooks(world) for world in worlds}
        for key, receiver in receivers.items():
            hooks[key].add_endpoint(receiver.url)
        async with serving(
            worlds, lambda call, response: call.organisation and hooks[call.organisation.key].flush()
        ) as client:
            for number in range(20):
                for key in hooks:
                    body = {"user": {"id": f"{key} {number % 3}"}, "value": 10}
                    response = await client.post("/metrics/words-written/event", json=body, headers={"X-API-KEY": key})
                    assert response.status_code == 201
            for each in hooks.values():
                await each.idle()
                await each.close()

    with Receiver().running() as first, Receiver().running() as second:
        asyncio.run(story({"one": first, "two": second}))
    for key, other, receiver in (("one", "two", first), ("two", "one", second)):
        text = b"".join(receiver.bodies()).decode()
        assert f'"{key} 1"' in text
        assert f'"{other} ' not in text


def test_generated_secrets_differ_between_worlds_with_the_same_seed() -> None:
    plan = Plan(demo, now=milliseconds(START), frozen=True)
    secrets = [Webhooks(Organisation(key, plan)).add_endpoint("http://a.test/").secret for key in ("one", "two", "one")]
    assert secrets[0] == secrets[2] != secrets[1]


def test_endpoints_of_the_catalog_are_there_from_the_beginning() -> None:
    catalog = written(
        """
        name = "Hooked"
        [[webhooks]]
        url = "http://127.0.0.1:9000/trophy"
        secret = "from the catalog"
        events = ["streak.lost"]
        """
    )
    (endpoint,) = Webhooks(home(catalog)).list_endpoints()["endpoints"]
    assert endpoint == {
        "id": "endpoint-1",
        "url": "http://127.0.0.1:9000/trophy",
        "secret": "from the catalog",
        "events": ["streak.lost"],
        "active": True,
        "concurrency": 16,
        "deliveries": {"waiting": 0, "delivered": 0, "failed": 0, "dropped": 0},
    }


def test_webhooks_are_collected_without_any_endpoint_and_found_by_type_and_user() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.hooks.delete_endpoint("endpoint-1")
        for user in ("ann", "ben"):
            await scenario.event(user, 100)
        every = scenario.hooks.list_events()["events"]
        started = scenario.hooks.list_events(kind="streak.started")["events"]
        assert [row["userId"] for row in started] == ["ann", "ben"]
        assert [row for row in every if row["type"] == "streak.started"] == started
        anns = scenario.hooks.list_events(user="ann")["events"]
        assert {row["body"]["user"]["id"] for row in anns} == {"ann"}
        assert scenario.hooks.list_events(user="ann", limit=1)["events"] == anns[-1:]
        assert scenario.hooks.list_events(user="nobody")["events"] == []
        assert scenario.hooks.list_deliveries() == {"deliveries": [], "letGo": 0}

    run_story(story)


def test_a_filter_for_what_does_not_exist_is_refused() -> None:
    hooks = Webhooks(home())
    with pytest.raises(Refused, match=r'did you mean "streak\.lost"'):
        hooks.list_events(kind="streak.lots")
    with pytest.raises(Refused, match='"state" must be one of waiting, delivered, failed, dropped'):
        hooks.list_deliveries(state="lost")
    with pytest.raises(Refused, match='"limit" must be 0 or more'):
        hooks.list_deliveries(limit=-1)


def test_only_the_newest_events_and_deliveries_are_kept_and_the_others_are_counted() -> None:
    hooks = Webhooks(home())
    hooks.add_endpoint("http://127.0.0.1:9000/", events=["streak.lost"])
    hooks.collect(lost(f"user {number}") for number in range(KEPT + 5))
    events = hooks.list_events()
    assert (len(events["events"]), events["letGo"]) == (KEPT, 5)
    assert events["events"][0]["userId"] == "user 5"
    assert hooks.list_endpoints()["endpoints"][0]["deliveries"]["dropped"] == 5
    hooks.collect([lost("one more")])
    assert hooks.list_events()["letGo"] == 6
    assert hooks.list_deliveries()["letGo"] == 0


def test_an_endpoint_that_is_switched_off_gets_nothing_until_it_is_on_again() -> None:
    async def story(scenario: Scenario) -> None:
        assert scenario.hooks.switch_endpoint("endpoint-1", active=False)["active"] is False
        await scenario.event("ann", 1)
        assert await scenario.webhooks() == []
        scenario.hooks.switch_endpoint("endpoint-1", active=True)
        await scenario.event("ben", 1)
        assert {body["user"]["id"] for body in await scenario.webhooks("streak.started")} == {"ben"}
        with pytest.raises(NotFound, match='no webhook endpoint "endpoint-7"'):
            scenario.hooks.switch_endpoint("endpoint-7", active=True)

    run_story(story)


def test_an_endpoint_can_be_created_from_json_and_mistakes_are_named() -> None:
    hooks = Webhooks(home())
    made = hooks.create_endpoint({"url": "http://a.test/x", "events": ["points.changed"], "secret": "s"})
    assert (made["id"], made["secret"], made["active"]) == ("endpoint-1", "s", True)
    assert hooks.create_endpoint({"url": "http://a.test/x", "active": False})["secret"].startswith("whsec_")
    for body, words in (
        ({}, '"url" is required'),
        ({"url": 5}, '"url" must be a string'),
        ({"url": "http://a.test/", "event": []}, '"event" is not a field of this request'),
        ({"url": "http://a.test/", "events": "points.changed"}, '"events" must be a list of strings'),
        ({"url": "http://a.test/", "events": [1]}, '"events" must be a list of webhook types'),
        ({"url": "http://a.test/", "active": 1}, '"active" must be true or false'),
    ):
        with pytest.raises(Refused) as refusal:
            hooks.create_endpoint(body)
        assert words in str(refusal.value)
    assert len(hooks.endpoints) == 2


def test_a_reset_forgets_events_and_deliveries_drops_what_waits_and_keeps_the_endpoints() -> None:
    async def story(scenario: Scenario) -> None:
        scenario.receiver.always = 500
        await scenario.event("ann", 100)
        await scenario.hooks.idle()
        assert counts(scenario)["waiting"] > 0
        scenario.home.reset()
        await scenario.hooks.reset()
        scenario.receiver.always = 200
        arrived = len(scenario.receiver.received)
        await scenario.later(minutes=10)
        await scenario.hooks.idle()
        assert len(scenario.receiver.received) == arrived
        assert scenario.hooks.list_events() == {"events": [], "letGo": 0}
        assert scenario.hooks.list_deliveries() == {"deliveries": [], "letGo": 0}
        await scenario.event("ann", 100)
        assert len(await scenario.webhooks("streak.started", user="ann")) == 2, (
            "one from before the reset, one from after it"
        )

    run_story(story)


def test_each_event_names_the_tenant_that_it_happened_in() -> None:
    catalog = written(
        """
        name = "Divided"
        [settings]
        multiTenant = true
        [metrics.words]
        name = "Words"
        [streak]
        frequency = "daily"
        """
    )

    async def story(scenario: Scenario) -> None:
        body = {"user": {"id": "ann"}, "value": 1}
        for tenant in ("north", "south"):
            await scenario.call("POST", "/metrics/words/event", body, **{"Tenant-ID": tenant})
        assert [row["tenant"] for row in scenario.hooks.list_events()["events"]] == ["north", "south"]
        assert len(await scenario.webhooks("streak.started", user="ann")) == 2

    run_story(story, catalog)


def test_the_same_requests_at_the_same_times_produce_the_same_webhooks() -> None:
    runs: list[list[Any]] = []

    async def story(scenario: Scenario) -> None:
        for day in range(9):
            await scenario.event("ann", 1000 + day)
            await scenario.event("ben", 2000 - day)
            await scenario.later(days=1)
        runs.append(await scenario.webhooks())

    run_story(story)
    run_story(story)
    assert runs[0] == runs[1]
    assert {body["type"] for body in runs[0]} >= set(KINDS) - {"streak.lost", "streak.freeze_consumed"} - {
        "points.boost_started"
    }

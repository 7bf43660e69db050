"""Triggered webhooks: realistic, valid, and without a trace in the world."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from receiver import Receiver
from sdk_payloads import parse

from mockserver import spec
from mockserver.api.metrics import metrics_event
from mockserver.catalogs import BUNDLED, load
from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.signing import verify
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Plan

NOON = 1_743_595_200_000  # 2025-04-02T12:00:00Z
DAY = 86_400_000
SPEC = spec.load()
CATALOGS = BUNDLED


def empty() -> Organisation:
    return Organisation("key", Plan(lambda day: Catalog("Nothing"), now=NOON, frozen=True))


def lived_in(name: str) -> Organisation:
    """A fixture's organisation with three users who were active on two days."""
    path = spec.resource(f"fixtures/{name}.toml")
    home = Organisation("key", Plan(lambda day: load(path, today=day), now=NOON, frozen=True))
    for day in (0, 1):
        home.clock.set(NOON + day * DAY, frozen=True)
        for number in (1, 2, 3):
            for metric in home.catalog.metrics.values():
                if metric.active:
                    event(home.game(), metric.key, f"user-{number}", 100 * number)
    return home


def event(game: Game, metric: str, user: str, value: int) -> Any:
    return metrics_event(game, key=metric, body={"user": {"id": user}, "value": value})


@pytest.fixture(params=["empty", *CATALOGS])
def home(request: pytest.FixtureRequest) -> Organisation:
    return empty() if request.param == "empty" else lived_in(request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_each_type_is_valid_whatever_the_world_has_and_leaves_no_trace_in_it(home: Organisation, kind: str) -> None:
    hooks, states = Webhooks(home), set()
    for user in (None, "user-2", "somebody new"):
        body = hooks.trigger(None, {"type": kind, "userId": user})["event"]["body"]
        assert SPEC.webhooks[kind].check(body) is None
        assert body["timestamp"].endswith("12:00:00.000Z")
        assert "user" not in body or user in (None, body["user"]["id"])
        parse(body)
        states.add(pickle.dumps(home.game().world))  # from the first time on: it may look up the catalog for good
    assert len(states) == 1


def triggered(home: Organisation, kind: str, user: str | None = None) -> Any:
    return Webhooks(home).trigger(None, {"type": kind, "userId": user})["event"]["body"]


def test_an_extended_streak_is_one_longer_than_the_users_own_and_began_when_it_began() -> None:
    home = lived_in("catalog")
    home.clock.set(NOON + 2 * DAY, frozen=True)
    streak = triggered(home, "streak.extended", "user-1")["streak"]
    assert streak["length"] == 3
    assert (streak["started"], streak["periodStart"], streak["expires"]) == ("2025-04-02", "2025-04-04", "2025-04-05")
    assert streak["maxFreezes"] == 3


def test_a_made_up_streak_has_as_many_days_as_it_says() -> None:
    streak = triggered(empty(), "streak.extended")["streak"]
    first, last = date.fromisoformat(streak["started"]), date.fromisoformat(streak["periodEnd"])
    assert streak["length"] == (last - first).days + 1 == 2


def test_points_add_up_and_a_level_is_the_one_above() -> None:
    home = lived_in("catalog")
    user = home.game().world.users["user-1"]
    points = triggered(home, "points.changed", "user-1")["points"]
    assert points["total"] == user.points(points["key"]) + points["added"]
    assert [row["awarded"] for row in points["awards"]] == [points["added"]]
    level = triggered(home, "points.level_changed", "user-1")
    assert level["newLevel"]["points"] <= level["points"]["total"]
    assert level["previousLevel"] is None or level["previousLevel"]["points"] < level["newLevel"]["points"]


def test_the_rankings_are_the_worlds_own() -> None:
    home = lived_in("catalog")
    board = triggered(home, "leaderboard.changed")["leaderboard"]
    assert [row["userId"] for row in board["rankings"]] == ["user-3", "user-2", "user-1"]
    rank = triggered(home, "leaderboard.rank_changed", "user-2")["leaderboard"]
    assert (rank["rank"], rank["previousRank"]) == (2, 3)
    assert rank["value"] > rank["previousValue"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def sent(receiver: Receiver, home: Organisation, order: dict[str, Any]) -> Webhooks:
    async def story() -> Webhooks:
        hooks = Webhooks(home)
        hooks.add_endpoint(receiver.url, "s3cret")
        hooks.trigger(None, order)
        await hooks.idle()
        await hooks.close()
        return hooks

    return asyncio.run(story())


def test_a_duplicate_is_the_same_body_with_the_same_signature_again(receiver: Receiver) -> None:
    sent(receiver, empty(), {"type": "streak.lost", "duplicate": 2})
    assert len(receiver.received) == 3
    assert len(set(receiver.received)) == 1


@pytest.mark.parametrize("tamper", ["signature", "body"])
def test_a_tampered_webhook_does_not_verify_and_is_sent_once_whatever_is_returned(
    receiver: Receiver, tamper: str
) -> None:
    receiver.always = 401
    home = empty()
    hooks = sent(receiver, home, {"type": "streak.lost", "tamper": tamper})
    (one,) = receiver.received
    assert not verify("s3cret", one.body, str(one.signature))
    assert json.loads(one.body)["type"] == "streak.lost"
    (row,) = hooks.list_deliveries()["deliveries"]
    assert (row["state"], row["tampered"], len(row["attempts"])) == ("failed", tamper, 1)


def test_a_delayed_webhook_goes_out_when_the_worlds_clock_says_so(receiver: Receiver) -> None:
    home = empty()

    async def story() -> None:
        hooks = Webhooks(home)
        hooks.add_endpoint(receiver.url)
        hooks.trigger(None, {"type": "streak.lost", "delay": 90})
        await hooks.idle()
        assert receiver.received == []
        home.clock.set(NOON + 90_000, frozen=True)
        hooks.clock_moved()
        await hooks.idle()
        await hooks.close()

    asyncio.run(story())
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({}, '"type" is required'),
        ({"type": 3}, '"type" must be a string'),
        ({"type": "streak.stopped"}, 'did you mean "streak.started"'),
        ({"type": "streak.lost", "user": "x"}, '"user" is not a field of this request; its fields are type, userId'),
        ({"type": "streak.lost", "userId": ""}, '"userId" must be the ID of a user'),
        ({"type": "streak.lost", "duplicate": True}, '"duplicate" must be a whole number'),
        ({"type": "streak.lost", "duplicate": 101}, '"duplicate" must be a whole number from 0 to 100'),
        ({"type": "streak.lost", "tamper": "both"}, '"tamper" must be "signature" or "body"'),
        ({"type": "streak.lost", "delay": -1}, '"delay" must be seconds'),
    ],
)
def test_a_wrong_order_is_refused_by_name_and_produces_nothing(order: dict[str, Any], words: str) -> None:
    hooks = Webhooks(empty())
    with pytest.raises(Refused) as refusal:
        hooks.trigger(None, order)
    assert words in str(refusal.value)
    assert hooks.list_events()["events"] == []

"""Deliveries of several users at once: each user's arrive in order, none is lost, none comes twice."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from typing import Any

import pytest
from deliveries import MINUTE, NOON, counts, hooks_to, listening, lost, organisation, play
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from receiver import Outcome, Received, Receiver

from mockserver.game.errors import Refused
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.webhooks import Webhooks

receiver = pytest.fixture(listening)

USERS = st.sampled_from(["ann", "ben", "cy", "dee", None])


class Watching:
    """What a receiver decides: how long deliveries take, and which attempts fail; it notes who was there at once."""

    def __init__(self, delays: list[float], failing: set[int]) -> None:
        self.most = 0
        self.overlapping: list[str | None] = []
        self.seen: list[tuple[str | None, int, bool]] = []  # user, number, whether it was accepted
        self._delays, self._failing = delays, set(failing)
        self._there: Counter[str | None] = Counter()
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Outcome:
        body = json.loads(received.body)
        user, number = body["user"], body["length"]
        with self._lock:
            self._there[user] += 1
            if self._there[user] > 1:
                self.overlapping.append(user)
            self.most = max(self.most, self._there.total())
            fails = number in self._failing
            self._failing.discard(number)
            self.seen.append((user, number, not fails))
        threading.Event().wait(self._delays[number % len(self._delays)] / 1000)
        with self._lock:
            self._there[user] -= 1
        return 500 if fails else 200


def webhook_event(user: str | None, number: int) -> WebhookEvent:
    return WebhookEvent("streak.lost", NOON, user, lambda: {"user": user, "length": number})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    users=st.lists(USERS, min_size=1, max_size=40),
    delays=st.lists(st.sampled_from([0, 0, 1, 4]), min_size=1, max_size=7),
    failing=st.sets(st.integers(0, 39), max_size=6),
    concurrency=st.integers(1, 6),
    in_one_request=st.integers(1, 9),
)
def test_each_users_arrive_in_order_none_lost_none_twice(
    receiver: Receiver,
    users: list[str | None],
    delays: list[float],
    failing: set[int],
    concurrency: int,
    in_one_request: int,
) -> None:
    watching = receiver.decide = Watching(delays, failing)
    home = organisation()

    async def story() -> Any:
        hooks = hooks_to(receiver, home, concurrency=concurrency)
        for start in range(0, len(users), in_one_request):
            hooks.collect(
                [webhook_event(user, start + n) for n, user in enumerate(users[start : start + in_one_request])]
            )
            hooks.flush()
        await hooks.idle()
        first = list(watching.seen)
        home.clock.set(NOON + MINUTE, frozen=True)
        hooks.clock_moved()
        await hooks.idle()
        await hooks.close()
        return hooks, first

    hooks, first = play(story)
    sent = list(enumerate(users))
    for who in set(users):
        assert [number for user, number, _ in first if user == who] == [n for n, user in sent if user == who]
    accepted = Counter(number for _, number, accepted in watching.seen if accepted)
    assert accepted == Counter(range(len(users)))
    assert len(watching.seen) == len(users) + len({number for number in failing if number < len(users)})
    assert watching.overlapping == []
    assert watching.most <= concurrency
    assert counts(hooks) == {"waiting": 0, "delivered": len(users), "failed": 0, "dropped": 0}


@pytest.mark.parametrize(("given_to", "expected"), [("nobody", 16), ("server", 3), ("endpoint", 5)])
def test_so_many_users_deliveries_are_under_way_at_once(receiver: Receiver, given_to: str, expected: int) -> None:
    all_there = threading.Event()

    def wait_for_the_others(received: Received) -> Outcome:
        if len(receiver.received) >= expected:
            all_there.set()
        return 200 if all_there.wait(10) else 500

    receiver.decide = wait_for_the_others

    async def story() -> Any:
        hooks = Webhooks(organisation(), Timing(concurrency=3) if given_to == "server" else None)
        shape = hooks.create_endpoint({"url": receiver.url} | ({"concurrency": 5} if given_to == "endpoint" else {}))
        assert shape["concurrency"] == expected
        hooks.collect([lost(f"user {number}") for number in range(40)])
        hooks.flush()
        await hooks.idle()
        await hooks.close()
        return hooks

    assert counts(play(story)) == {"waiting": 0, "delivered": 40, "failed": 0, "dropped": 0}


def test_with_a_concurrency_of_one_all_arrive_one_after_the_other(receiver: Receiver) -> None:
    watching = receiver.decide = Watching([1, 0, 3], set())

    async def story() -> None:
        hooks = hooks_to(receiver, organisation(), concurrency=1)
        hooks.collect([webhook_event(f"user {number % 7}", number) for number in range(30)])
        hooks.flush()
        await hooks.idle()
        await hooks.close()

    play(story)
    assert [number for _, number, _ in watching.seen] == list(range(30))
    assert watching.most == 1


def test_thousands_of_one_user_keep_back_no_other_user(receiver: Receiver) -> None:
    async def story() -> None:
        hooks = hooks_to(receiver, organisation(), concurrency=2)
        hooks.collect([lost("busy") for _ in range(300)] + [lost("ann")])
        hooks.flush()
        await hooks.idle()
        await hooks.close()

    play(story)
    users = [json.loads(body)["user"] for body in receiver.bodies()]
    assert len(users) == 301
    assert users.index("ann") < 10


def test_what_a_request_changed_on_a_board_comes_after_the_rest_of_it(receiver: Receiver) -> None:
    def board(cause: str) -> WebhookEvent:
        return WebhookEvent("leaderboard.changed", NOON, None, lambda: {"cause": cause}, cause=cause)

    async def story() -> None:
        hooks = hooks_to(receiver, organisation(), concurrency=8)
        for user in ("ann", "ben", "cy", "dee"):
            hooks.collect([lost(user), lost(user), board(user)])
        hooks.flush()
        await hooks.idle()
        await hooks.close()

    play(story)
    bodies = [json.loads(body) for body in receiver.bodies()]
    for user in ("ann", "ben", "cy", "dee"):
        kinds = [body["type"] for body in bodies if user in (body.get("user"), body.get("cause"))]
        assert kinds == ["streak.lost", "streak.lost", "leaderboard.changed"]


@pytest.mark.parametrize("value", [0, -1, 257, True, "4", 1.5])
def test_a_concurrency_that_makes_no_sense_is_refused(value: Any) -> None:
    hooks = Webhooks(organisation())
    with pytest.raises(Refused, match='"concurrency" must be a whole number'):
        hooks.create_endpoint({"url": "http://127.0.0.1:9/", "concurrency": value})
    assert hooks.list_endpoints() == {"endpoints": []}


def test_what_waits_is_listed_and_taken_back_whomever_it_waits_for(receiver: Receiver) -> None:
    receiver.always = "hang"

    async def story() -> Any:
        hooks = hooks_to(receiver, organisation(), concurrency=2)
        hooks.collect([lost("ann"), lost("ann"), lost("ben"), lost("ann"), lost("cy")])
        hooks.flush()
        while len(receiver.received) < 2:
            await asyncio.sleep(0.001)
        assert counts(hooks)["waiting"] == 5
        hooks.drop_waiting()
        assert counts(hooks) == {"waiting": 2, "delivered": 0, "failed": 0, "dropped": 3}
        await hooks.close(grace=0)
        return hooks

    hooks = play(story)
    assert [row.state for row in hooks.log] == ["dropped"] * 5
    assert counts(hooks) == {"waiting": 0, "delivered": 0, "failed": 0, "dropped": 5}

"""Shared worlds that nobody asks for are dropped; they come back from checkpoints, in time for what is due in them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from kept import Server, Step
from receiver import Receiver
from shared import Sharing, empty
from test_log_replay import event

from mockserver.control import checkpoint
from mockserver.game.periods import DAY, HOUR
from mockserver.worlds import DEFAULT_KEY


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Cluster(tmp_path_factory.mktemp("nats"), size=1) as cluster:
        yield cluster.url


@pytest.fixture
def url(cluster: str) -> str:
    asyncio.run(empty(cluster))
    return cluster


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as receiver:
        yield receiver


def send_event(server: Server, user: str = "ann", wait: int = 0) -> float:
    status, response = server.take(event(user, 1, None, None, None, wait))
    assert status == 201
    return float(response["total"])


def is_up(server: Sharing) -> bool:
    return DEFAULT_KEY in server.start.farm._replicas


def soon(server: Sharing, met: Callable[[], bool]) -> None:
    """Deliveries go out while the server's loop runs."""
    for _ in range(500):
        if met():
            return
        if server.start.farm._sender.sends:
            send(server)
        server.do(asyncio.sleep(0.01))
    raise AssertionError("it did not happen")


def send(server: Sharing) -> None:
    """It becomes the one that sends webhooks."""
    server.do(server.start.farm._beat())
    assert server.start.farm._sender.sends


def users(receiver: Receiver) -> list[str]:
    return [json.loads(body)["user"]["id"] for body in receiver.bodies()]


def test_a_dropped_world_comes_back_from_its_checkpoint(url: str, tmp_path: Path) -> None:
    with Sharing(url, tmp_path, users=2, history_days=3) as server:
        send_event(server)
        server.take(Step("POST", "/_mock/snapshots"))
        everything = server.everything()
        server.drop()
        assert server.everything() == everything
        assert server.replica.saved == server.replica.at.number == 3
        assert send_event(server) == 2


def test_a_server_that_starts_again_repeats_only_what_came_after_its_checkpoint(url: str, tmp_path: Path) -> None:
    with Sharing(url, tmp_path) as server:
        send_event(server)
        server.checkpoint()
        send_event(server)
        everything = server.everything()
    with Sharing(url, tmp_path) as server:
        assert server.replica.saved == 2
        assert server.everything() == everything
    with Sharing(url, tmp_path / "another") as server:
        assert server.replica.saved == 0
        assert server.everything() == everything


def other_code(head: dict[str, Any]) -> dict[str, Any]:
    return head | {"code": checkpoint.code_version()[::-1]}


def other_log(head: dict[str, Any]) -> dict[str, Any]:
    return head | {"id": "of-another-log"}


def beyond(head: dict[str, Any]) -> dict[str, Any]:
    return head | {"position": head["position"] + 1000}


def nothing(head: dict[str, Any]) -> dict[str, Any]:
    return {}


@pytest.mark.parametrize("spoilt", [other_code, other_log, beyond, nothing])
def test_a_checkpoint_that_does_not_fit_the_log_or_the_code_is_as_none(
    url: str, tmp_path: Path, spoilt: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    with Sharing(url, tmp_path) as server:
        send_event(server)
        server.checkpoint()
        everything = server.everything()
    (file,) = tmp_path.iterdir()
    head, _, state = file.read_bytes().partition(b"\n")
    file.write_bytes(json.dumps(spoilt(json.loads(head))).encode() + b"\n" + state)
    with Sharing(url, tmp_path) as server:
        assert server.replica.saved == 0
        assert server.everything() == everything


def test_a_damaged_checkpoint_is_as_none(url: str, tmp_path: Path) -> None:
    with Sharing(url, tmp_path) as server:
        send_event(server)
        server.checkpoint()
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-20])
    with Sharing(url, tmp_path) as server:
        assert server.replica.saved == 0
        assert send_event(server) == 2


def test_where_no_checkpoint_can_be_written_everything_else_goes_on(url: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with Sharing(url, tmp_path / "file") as server:
        send_event(server)
        server.drop()
        assert send_event(server) == 2


def test_a_world_that_is_asked_for_or_listened_to_is_not_idle(url: str, tmp_path: Path) -> None:
    with Sharing(url, tmp_path) as server:
        farm = server.start.farm
        farm._idle = 3600.0
        send_event(server)
        server.do(farm.suspend_idle())
        assert is_up(server)
        farm._idle = 0.0
        server.replica.context.feed.enter()
        server.do(farm.suspend_idle())
        assert is_up(server)
        server.replica.context.feed.leave()
        server.do(farm.suspend_idle())
        assert not is_up(server)


def test_what_falls_due_in_a_dropped_world_happens_at_its_own_time(url: str, tmp_path: Path) -> None:
    """Nobody is told by webhook, so nobody has to wake it."""
    with Server(None) as alone, Sharing(url, tmp_path) as server:
        for each in (alone, server):
            send_event(each)
        server.drop()
        server.now += 3 * DAY
        server.do(server.start.farm.tick())
        assert not is_up(server)
        for each in (alone, server):
            each.now = server.now
        assert server.everything() == alone.everything()
        assert "StreakLost" in {type(entry.fact).__name__ for entry in alone.world.games[None].world.journal}


def test_the_server_that_sends_webhooks_wakes_a_dropped_world_when_something_is_due(
    url: str, tmp_path: Path, receiver: Receiver
) -> None:
    with Sharing(url, tmp_path) as server:
        server.take(Step("POST", "/_mock/webhooks", {"url": receiver.url, "events": ["streak.lost"]}))
        send_event(server)
        send(server)
        server.drop()
        server.now += HOUR
        server.do(server.start.farm.tick())
        assert not is_up(server)
        server.now += 2 * DAY
        server.do(server.start.farm.tick())
        assert is_up(server)
        soon(server, lambda: users(receiver) == ["ann"])


def test_the_server_that_sends_webhooks_wakes_a_dropped_world_when_another_server_is_told_something(
    url: str, tmp_path: Path, receiver: Receiver
) -> None:
    with Sharing(url, tmp_path / "one") as one, Sharing(url, tmp_path / "other") as other:
        one.take(Step("POST", "/_mock/webhooks", {"url": receiver.url, "events": ["streak.started"]}))
        send(one)
        one.drop()
        send_event(other)
        other.drop()
        soon(one, lambda: DEFAULT_KEY not in one.start.farm._suspended)  # it has heard of it
        one.do(one.start.farm.tick())
        soon(one, lambda: users(receiver) == ["ann"])
        one.drop()
        one.start.farm._on_append = lambda key: None  # type: ignore[method-assign]
        send_event(other, "bob")
        one.do(one.start.farm._resync())  # also when the hint was lost
        one.do(one.start.farm.tick())
        soon(one, lambda: users(receiver) == ["ann", "bob"])


def test_the_server_that_takes_over_sends_what_is_left_of_all_worlds_that_have_endpoints(
    url: str, tmp_path: Path, receiver: Receiver
) -> None:
    with Sharing(url, tmp_path / "one") as one:
        one.take(Step("POST", "/_mock/webhooks", {"url": receiver.url, "events": ["streak.started"]}))
        send(one)
        send_event(one)
        soon(one, lambda: users(receiver) == ["ann"])
        one.start.farm._sender._until = 0.0  # it stood still for so long that another may send by now
        send_event(one, "bob")
        one.do(asyncio.sleep(0.05))
        assert users(receiver) == ["ann"]
    with Sharing(url, tmp_path / "other") as other:
        other.start.farm._sender._seen = (0, 0.0)
        other.drop()
        other.start.farm._suspended.clear()  # as if it had never had it
        other.do(other.start.farm._beat())
        other.start.farm._sender._seen = (other.start.farm._sender._seen[0], float("-inf"))
        send(other)
        other.do(other.start.farm._resync())
        other.do(other.start.farm.tick())
        soon(other, lambda: users(receiver) == ["ann", "bob"])


def test_a_deleted_world_leaves_no_checkpoint_and_wakes_nobody(url: str, tmp_path: Path, receiver: Receiver) -> None:
    with Sharing(url, tmp_path) as server:
        status, made = server.take(Step("POST", "/_mock/worlds", {}))
        assert status == 201
        key = made["apiKey"]
        farm = server.start.farm
        farm._save(farm._replicas[DEFAULT_KEY])
        farm._replicas[key].touched = float("-inf")
        server.do(farm.suspend_idle())
        assert key not in farm._replicas
        assert server.take(Step("DELETE", f"/_mock/worlds/{key}"))[0] == 204
        assert len(list(tmp_path.iterdir())) == 1
        assert [row["apiKey"] for row in server.take(Step("GET", "/_mock/worlds"))[1]["worlds"]] == [DEFAULT_KEY]
        assert server.take(Step("DELETE", f"/_mock/worlds/{key}"))[0] == 404


def test_who_asks_while_the_clock_moves_waits_and_nothing_is_brought_up_anew(url: str, tmp_path: Path) -> None:
    with Sharing(url, tmp_path, users=2, history_days=3) as server:
        replica = server.replica

        async def ask_during_a_move() -> tuple[int, int]:
            move = asyncio.create_task(server._send(Step("POST", "/_mock/clock/advance", {"days": 30})))
            while replica.whole:  # until the move is being replayed
                await asyncio.sleep(0)
            read = await server._send(Step("GET", "/_mock/worlds"))
            return read.status, (await move).status

        assert server.do(ask_during_a_move()) == (200, 200)
        assert server.replica is replica

"""`mockserver serve --log`: several servers share their worlds through a real cluster of NATS."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cluster import NATS, Cluster, sharing
from kept import Server as Kept
from kept import Step
from readme_run import ROOT
from receiver import Receiver
from test_cli_serve import Server, refused
from test_keep import mock, until
from test_log_replay import event


@contextmanager
def refusing(status: int) -> Iterator[urllib.error.HTTPError]:
    """What is asked is refused with that status."""
    with pytest.raises(urllib.error.HTTPError) as raised:
        yield raised  # type: ignore[misc]
    raised.value.close()
    assert raised.value.code == status


def responds(call: Callable[[], Any]) -> bool:
    try:
        call()
    except urllib.error.HTTPError as error:
        error.close()
        return False
    return True


LOCAL = "00000000.local"
EVENT = "/metrics/words-written/event"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("nats")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def pair(cluster: Cluster) -> Iterator[tuple[Server, Server]]:
    with sharing(cluster) as one, sharing(cluster) as other:
        yield one, other


def fresh(server: Server, **how: Any) -> str:
    """The key of a world of the test's own."""
    return str(mock(server, "/worlds", how)["apiKey"])


def send_request(server: Server, path: str, key: str, body: object = None) -> Any:
    with server.open(path, key, body) as response:
        return json.load(response)


def send_event(server: Server, key: str, user: str = "ada", value: float = 1) -> Any:
    return send_request(server, EVENT, key, {"user": {"id": user}, "value": value})


def moved(server: Server, key: str, path: str, body: object = None) -> Any:
    beside = Server.__new__(Server)
    beside.process, beside.url = server.process, server.url.removesuffix("/v1") + "/_mock"
    return send_request(beside, path, key, body)


def test_what_one_server_was_told_the_other_knows_at_once(pair: tuple[Server, Server]) -> None:
    one, other = pair
    key = fresh(one)
    for number in range(1, 9):
        assert send_event((one, other)[number % 2], key)["total"] == number
        assert send_request((other, one)[number % 2], "/users/ada/metrics/words-written", key)["current"] == number


def test_everybody_agrees_on_one_order_when_all_ask_at_once(pair: tuple[Server, Server]) -> None:
    one, other = pair
    key, ids, failed = fresh(one, seed=4), list[str](), list[Exception]()

    def work(server: Server) -> None:
        try:
            for _ in range(20):
                ids.append(send_event(server, key)["eventId"])
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(server,)) for server in (one, other, one, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(set(ids)) == 80
    facts = [moved(server, key, "/facts?limit=1000") for server in pair]
    assert facts[0] == facts[1]
    assert send_request(one, "/users/ada/metrics/words-written", key)["current"] == 80


def test_clocks_catalogs_snapshots_and_endpoints_are_shared(pair: tuple[Server, Server]) -> None:
    one, other = pair
    key = fresh(one, now="2026-01-15T12:00:00Z", frozen=True)
    send_event(one, key)
    snapshot = moved(other, key, "/snapshots", {})["id"]
    moved(one, key, "/clock/advance", {"days": 2})
    assert moved(other, key, "/clock")["now"] == "2026-01-17T12:00:00.000Z"
    assert send_request(other, "/users/ada/streak", key)["length"] == 0
    moved(one, key, f"/snapshots/{snapshot}/restore", {})
    assert moved(other, key, "/clock")["now"] == "2026-01-15T12:00:00.000Z"
    assert send_request(other, "/users/ada/streak", key)["length"] == 1
    added = moved(other, key, "/webhooks", {"url": "http://127.0.0.1:9/", "events": ["streak.lost"]})
    (row,) = moved(one, key, "/webhooks")["endpoints"]
    assert row["secret"] == added["secret"]


def test_reading_and_refused_requests_write_nothing_and_get_the_same_responses(pair: tuple[Server, Server]) -> None:
    key = fresh(pair[0], now="2026-01-15T12:00:00Z", frozen=True)
    for server in pair:
        with refusing(422):
            send_request(server, "/metrics/none/event", key, {"user": {"id": "ada"}, "value": 1})
        assert moved(server, key, "/facts")["facts"] == []


def send(server: Server, method: str, key: str, path: str, body: object = None) -> None:
    """A call of the control plane whose response does not matter."""
    data = None if body is None else json.dumps(body).encode()
    url = f"{server.url.removesuffix('/v1')}/_mock{path}"
    request = urllib.request.Request(url, data, {"X-API-KEY": key}, method=method)
    urllib.request.urlopen(request, timeout=20).close()


def test_what_falls_due_happens_once(pair: tuple[Server, Server]) -> None:
    one, other = pair
    key = fresh(one, now="2026-01-15T12:00:00Z", frozen=True)
    send_event(one, key)
    due = datetime.fromisoformat(moved(one, key, "/clock")["nextDue"])
    moved(one, key, "/clock/advance", {"to": (due - timedelta(seconds=1)).isoformat()})
    before = moved(one, key, "/facts?limit=1000")["facts"]
    send(other, "PUT", key, "/clock", {"frozen": False})
    for server in pair:
        until(lambda server=server: moved(server, key, "/facts?limit=1000")["facts"] != before, 1500)  # type: ignore[misc]
    facts = [moved(server, key, "/facts?limit=1000")["facts"] for server in pair]
    assert facts[0] == facts[1]
    assert facts[0][-len(before) :] == before
    new = [(fact["kind"], fact.get("key"), fact.get("userId")) for fact in facts[0][: -len(before)]]
    assert len(new) == len(set(new))


def test_a_world_that_is_deleted_is_gone_everywhere(pair: tuple[Server, Server]) -> None:
    one, other = pair
    key = fresh(one)
    send_event(other, key)
    send(other, "DELETE", "00000000.local", f"/worlds/{key}")
    for server in pair:
        with refusing(401):
            send_request(server, "/users/ada", key)


def test_a_server_that_comes_later_or_again_has_the_same_worlds(cluster: Cluster, pair: tuple[Server, Server]) -> None:
    one, _ = pair
    key = fresh(one, seed=9, users=2, historyDays=3)
    send_event(one, key)
    with sharing(cluster) as third:
        assert send_event(third, key)["total"] == 2
        third.process.kill()
    with sharing(cluster) as third:
        assert moved(third, key, "/facts?limit=1000") == moved(one, key, "/facts?limit=1000")


def test_options_that_contradict_the_shared_world_stop_the_start(cluster: Cluster, pair: tuple[Server, Server]) -> None:
    said = refused("--log", cluster.url, "--seed", "8")
    assert "which was made with seed 1 and not 8" in said
    assert "made with another catalog" in refused("--log", cluster.url, "--catalog", "study")
    assert "two homes for the same records" in refused("--log", cluster.url, "--keep", "x")
    watch = refused("--log", cluster.url, "--watch", "--catalog", str(ROOT / "fixtures" / "catalog.toml"))
    assert "a file of its own" in watch
    assert "--idle is about the worlds of --log" in refused("--idle", "5")


def test_without_a_cluster_the_start_says_so() -> None:
    assert "no server of nats://127.0.0.1:9 responds" in refused("--log", "nats://127.0.0.1:9")


def states(server: Server, key: str) -> list[str]:
    return [row["state"] for row in moved(server, key, "/webhooks/deliveries")["deliveries"]]


def test_webhooks_are_sent_by_one_server_and_taken_over_when_it_dies(tmp_path: Path) -> None:
    with (
        Cluster(tmp_path, size=1) as cluster,
        Receiver().running() as receiver,
        sharing(cluster) as one,
        sharing(cluster) as other,
    ):
        key = fresh(one)
        moved(other, key, "/webhooks", {"url": receiver.url, "events": ["streak.started"]})
        for number in range(4):
            send_event((one, other)[number % 2], key, f"user-{number}")
        until(lambda: len(receiver.received) == 4, 1500)
        sends = next(server for server in (one, other) if states(server, key) == ["delivered"] * 4)
        stays = other if sends is one else one
        sends.process.kill()
        for number in range(4, 8):
            send_event(stays, key, f"user-{number}")
        until(lambda: len(receiver.received) >= 8, 1500)
        users = [json.loads(body)["user"]["id"] for body in receiver.bodies()]
        assert sorted(set(users)) == [f"user-{number}" for number in range(8)]
        assert sorted(users[4:]) == sorted(set(users[4:]))


def test_one_server_of_the_cluster_may_die_and_without_a_quorum_the_response_is_503(tmp_path: Path) -> None:
    with Cluster(tmp_path) as cluster, sharing(cluster) as one, sharing(cluster, "--reads", "local") as other:
        key = fresh(one)
        assert send_event(one, key)["total"] == 1
        accepted = send_event(other, key)["total"]
        cluster.kill(0)
        until(lambda: responds(lambda: send_event(one, key, "cat")), 1500)
        cluster.kill(1)
        with refusing(503):
            send_event(one, key, "bob")
        with refusing(503):  # the last one may still think that it leads
            send_request(one, "/users/ada", key)
        assert send_request(other, "/users/ada", key)["id"] == "ada"
        cluster.start(0)
        cluster.start(1)
        until(lambda: responds(lambda: send_event(one, key, "cat")), 3000)
        assert send_request(one, "/users/ada/metrics/words-written", key)["current"] == accepted
        total = send_event(one, key)["total"]
        assert send_event(other, key)["total"] == total + 1
        cluster.kill(2, signal.SIGSTOP)
        until(lambda: responds(lambda: send_event(one, key, "dan")), 1500)
        total = send_event(one, key, "dan")["total"]
        cluster.kill(2, signal.SIGCONT)
        until(lambda: responds(lambda: send_event(other, key, "eve")), 1500)
        assert send_request(other, "/users/dan/metrics/words-written", key)["current"] == total


def test_a_farm_begins_with_a_file_sends_webhooks_drops_idle_worlds_and_is_exported(tmp_path: Path) -> None:
    with Kept(tmp_path / "kept") as kept:
        assert kept.take(event("ada", 1, None, None, None, 0))[0] == 201
        lines = kept.log()
    file, other_file, checkpoints = tmp_path / "world.jsonl", tmp_path / "other.jsonl", tmp_path / "checkpoints"
    file.write_bytes(b"\n".join(lines))
    other_file.write_bytes(lines[0])
    with Cluster(tmp_path / "nats", size=1) as cluster, Receiver().running() as receiver:
        said = subprocess.run(keep("ls", cluster.url), capture_output=True, text=True)
        assert (said.returncode, "holds no worlds" in said.stderr) == (2, True)
        options = ("--load", str(file), "--checkpoints", str(checkpoints), "--idle", "1")
        with sharing(cluster, *options, "--webhook", receiver.url) as one:
            assert send_event(one, LOCAL)["total"] == 2
            until(lambda: len(receiver.received) > 0, 1500)
            until(lambda: len(list(checkpoints.glob("*.checkpoint"))) == 1, 1500)
            assert send_event(one, LOCAL)["total"] == 3
            with sharing(cluster, *options, "--webhook", receiver.url) as other:
                assert send_event(other, LOCAL)["total"] == 4
                assert len(moved(other, LOCAL, "/webhooks")["endpoints"]) == 1
            one.process.kill()
        with sharing(cluster, *options) as one:
            assert send_event(one, LOCAL)["total"] == 5
        said_of = refused("--log", cluster.url, "--load", str(other_file))
        assert "did not begin with what --load names" in said_of
        exported = subprocess.run(keep("export", cluster.url), capture_output=True, check=True).stdout.splitlines()
        assert f"{len(exported):,}" in subprocess.run(keep("ls", cluster.url), capture_output=True, text=True).stdout
        done = subprocess.run(keep("compact", cluster.url), capture_output=True, text=True)
        assert (done.returncode, "is a cluster" in done.stderr) == (2, True)
    with Kept(tmp_path / "again", story=exported) as again:
        assert again.take(Step("GET", "/v1/users/ada/metrics/words-written"))[1]["current"] == 5


def keep(*options: str) -> list[str]:
    return [sys.executable, "-m", "mockserver", "keep", *options]


def test_a_cluster_whose_storage_is_full_is_a_clear_response_and_nothing_is_lost(tmp_path: Path) -> None:
    with Cluster(tmp_path / "nats", size=1, storage="300KB") as cluster, sharing(cluster, "--reads", "local") as server:
        accepted = send_event(server, LOCAL)["total"]
        with refusing(503) as refused:
            for _ in range(100):
                send(server, "PUT", LOCAL, "/catalog", "catalog")
        assert refused.value.headers["Retry-After"]  # type: ignore[attr-defined]
        with refusing(503):
            send_event(server, LOCAL)
        assert send_request(server, "/users/ada/metrics/words-written", LOCAL)["current"] == accepted
        cluster.kill(0)
        cluster.storage = "30MB"
        cluster.start(0)
        until(lambda: responds(lambda: send_event(server, LOCAL, "cat")), 1500)
        assert send_event(server, LOCAL)["total"] == accepted + 1


def test_a_server_that_was_stopped_for_a_while_is_right_again(cluster: Cluster, pair: tuple[Server, Server]) -> None:
    one, _ = pair
    key = fresh(one, seed=3)
    with sharing(cluster) as third:
        assert send_event(third, key)["total"] == 1
        third.process.send_signal(signal.SIGSTOP)
        for _ in range(5):
            send_event(one, key)
        third.process.send_signal(signal.SIGCONT)
        assert send_event(third, key)["total"] == 7
        assert moved(third, key, "/facts?limit=1000") == moved(one, key, "/facts?limit=1000")


def test_the_compose_file_starts_what_is_there() -> None:
    """Without Docker: its options are ours, and HAProxy takes its settings."""
    said = yaml.safe_load((ROOT / "compose.farm.yaml").read_text())
    servers = [service for service in said["services"].values() if service.get("build") == "."]
    assert len(servers) == 3
    variables = set((ROOT / "docs" / "commands.md").read_text().split("`"))
    assert {name for server in servers for name in server["environment"]} <= variables
    known = subprocess.run([NATS, "--help"], capture_output=True, text=True).stdout
    for name in ("nats-1", "nats-2", "nats-3"):
        options = [word for word in said["services"][name]["command"].split() if word.startswith("--")]
        assert [option for option in options if option not in known] == []
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    if haproxy is not None:
        settings = said["configs"]["haproxy"]["content"]
        done = subprocess.run([haproxy, "-c", "-f", "/dev/stdin"], input=settings, text=True, capture_output=True)
        assert done.returncode == 0, done.stderr

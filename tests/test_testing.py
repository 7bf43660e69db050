"""`mockserver.testing`: a server and worlds in the hands of a test, sync and async, with a socket and without."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import httpx2
import pytest
from receiver import Receiver
from trophy import AsyncTrophyApi, TrophyApi, UpsertedUser
from trophy.environment import TrophyApiEnvironment
from trophy.errors import UnauthorizedError

from mockserver.catalogs import CatalogError
from mockserver.testing import (
    AsyncMadeWorld,
    AsyncMockServer,
    AsyncWorld,
    ControlError,
    MadeWorld,
    MockServer,
    World,
)

NOON = "2026-03-01T12:00:00Z"


def environment(world: World | AsyncWorld[MockServer]) -> TrophyApiEnvironment:
    return TrophyApiEnvironment(api=world.url, admin=world.admin_url)


def client_of(world: World, http: httpx.Client) -> TrophyApi:
    return TrophyApi(api_key=world.api_key, environment=environment(world), httpx_client=http)


def write(trophy: TrophyApi, user: str, words: float) -> None:
    trophy.metrics.event("words-written", user=UpsertedUser(id=user), value=words)


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, verify=False) as client:
        yield client


def test_the_vendors_client_lives_through_three_days(http: httpx.Client) -> None:
    with MockServer(now=NOON, frozen=True) as server:
        trophy = client_of(server, http)
        write(trophy, "ada", 100)
        assert trophy.users.streak("ada").length == 1
        assert server.advance(days=3)["counts"]["StreakLost"] == 1
        assert trophy.users.streak("ada").length == 0
        assert server.now == datetime(2026, 3, 4, 12, tzinfo=UTC)
        assert server.webhooks(type="streak.lost", user="ada")[0]["length"] == 1
        assert server.facts(kind="StreakLost", user="ada")[0]["length"] == 1
        assert server.why("ada", points="xp")["answer"].startswith("ada has ")
        assert [row["operationId"] for row in server.requests(user="ada", operation="metrics_event")]
        server.reset()
        assert (server.facts(user="ada"), server.webhooks(), server.requests()) == ([], [], [])


def test_when_the_block_ends_nothing_of_the_server_is_left() -> None:
    threads = threading.active_count()
    with MockServer() as server:
        address = urlsplit(server.url)
        assert threading.active_count() > threads
    assert threading.active_count() == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=5)
    with pytest.raises(RuntimeError, match="does not run"):
        server.advance(days=1)


def test_servers_stand_side_by_side_and_start_again() -> None:
    with MockServer(now=NOON, frozen=True) as one, MockServer(now=NOON, frozen=True) as other:
        assert one.url != other.url
        one.advance(days=1)
        assert other.now == datetime(2026, 3, 1, 12, tzinfo=UTC)
    server = MockServer(now=NOON, frozen=True)
    for _ in range(2):
        with server:
            assert server.now == datetime(2026, 3, 1, 12, tzinfo=UTC)
    with server, pytest.raises(RuntimeError, match="runs already"):
        server.start()


def test_a_server_is_what_its_options_say(http: httpx.Client) -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with MockServer(catalog="study", users=5, history_days=10, now=now, frozen=True, api_key="mine") as server:
        assert (server.api_key, server.catalog()["metrics"].keys()) == ("mine", {"flashcards-viewed"})
        assert len(server.facts(kind="UserCreated")) == 5
        assert server.now == now
        with pytest.raises(UnauthorizedError):
            TrophyApi(api_key="00000000.local", environment=environment(server), httpx_client=http).achievements.all_()
    catalog = {"name": "Tiny", "metrics": {"steps": {"name": "Steps"}}}
    with MockServer(catalog=catalog) as server:
        assert server.catalog()["name"] == "Tiny"


def test_a_wrong_option_is_said_before_anything_starts() -> None:
    threads = threading.active_count()
    with pytest.raises(CatalogError, match="no such file"):
        MockServer(catalog="nowhere.toml").start()
    with pytest.raises(CatalogError, match=r"metrics\.steps"):
        MockServer(catalog={"metrics": {"steps": {}}}).start()
    with pytest.raises(ValueError, match="ISO 8601"):
        MockServer(now="noon")
    with MockServer() as server, pytest.raises(OSError, match="in use"):
        MockServer(port=int(urlsplit(server.url).port or 0)).start()
    assert threading.active_count() == threads


def test_a_world_is_fresh_and_ends_with_its_block(trophy_server: MockServer, http: httpx.Client) -> None:
    with trophy_server.world(now=NOON, frozen=True) as world:
        write(client_of(world, http), "ada", 100)
        assert world.facts(user="ada")
        assert trophy_server.facts(user="ada") == []
    with pytest.raises(UnauthorizedError):
        client_of(world, http).achievements.all_()


def test_a_world_goes_back_to_a_snapshot(trophy_world: MadeWorld, http: httpx.Client) -> None:
    trophy = client_of(trophy_world, http)
    write(trophy, "ada", 100)
    before = trophy_world.snapshot()
    write(trophy, "ada", 100)
    trophy_world.restore(before)
    assert trophy.users.single_metric("ada", "words-written").current == 100


def test_the_clock_is_stopped_set_and_let_go(trophy_world: MadeWorld) -> None:
    trophy_world.freeze()
    assert trophy_world.now == trophy_world.now
    assert trophy_world.freeze("2100-01-01T00:00:00Z")["frozen"] is True
    assert trophy_world.set_clock(datetime(2100, 1, 2, tzinfo=UTC))["now"] == "2100-01-02T00:00:00.000Z"
    assert trophy_world.advance(to="2100-01-03T00:00:00Z")["now"] == "2100-01-03T00:00:00.000Z"
    assert trophy_world.advance()["counts"] == {}
    assert trophy_world.unfreeze()["frozen"] is False


def test_a_refused_call_raises_its_sentence(trophy_world: MadeWorld) -> None:
    with pytest.raises(ControlError, match="cannot go back") as refused:
        trophy_world.advance(days=-1)
    assert refused.value.status == 422
    with pytest.raises(ControlError, match="given at start") as refused:
        trophy_world.control("POST", "/worlds")
    assert refused.value.status == 403


def test_faults_are_switched_on_and_off(trophy_world: MadeWorld, http: httpx.Client) -> None:
    headers = {"X-API-KEY": trophy_world.api_key}
    trophy_world.faults(errors={"every": 2, "status": 503}, rate_limits=True, live_statuses=True)
    found = [http.get(f"{trophy_world.url}/achievements", headers=headers).status_code for _ in range(2)]
    assert found == [200, 503]
    assert trophy_world.faults() == {}


def test_webhooks_are_delivered_to_an_endpoint(trophy_world: MadeWorld, http: httpx.Client) -> None:
    with Receiver().running() as receiver:
        endpoint = trophy_world.add_webhook(receiver.url, events=["streak.started"])
        write(client_of(trophy_world, http), "ada", 100)
        trophy_world.advance(wait=True)
        assert [json.loads(body)["type"] for body in receiver.bodies()] == ["streak.started"]
        (delivery,) = trophy_world.deliveries(user="ada", state="delivered")
        assert delivery["endpoint"] == endpoint["id"]


def test_a_tenant_is_part_of_a_world(trophy_server: MockServer, http: httpx.Client) -> None:
    catalog = trophy_server.catalog()
    catalog["settings"]["multiTenant"] = True
    with trophy_server.world(catalog=catalog) as world:
        world.tenant = "north"
        headers = {"X-API-KEY": world.api_key, "Tenant-ID": "north"}
        assert http.put(f"{world.url}/users/ada", json={}, headers=headers).status_code == 200
        assert len(world.facts(user="ada")) >= 1
        world.tenant = "south"
        assert world.facts(user="ada") == []


# Without a socket


def test_the_vendors_client_needs_no_socket() -> None:
    with MockServer(socket=False, now=NOON, frozen=True) as server:
        with httpx.Client(transport=server.transport(httpx)) as http:
            write(client_of(server, http), "ada", 100)
            server.advance(days=3)
            assert client_of(server, http).users.streak("ada").length == 0
        with server.world() as world, httpx.Client(transport=server.transport(httpx)) as http:
            assert client_of(world, http).streaks.list(user_ids=["ada"]) == []


def test_the_vendors_async_client_needs_no_socket() -> None:
    async def story() -> None:
        async with (
            MockServer(socket=False, now=NOON, frozen=True) as server,
            httpx.AsyncClient(transport=httpx.ASGITransport(app=server.app)) as http,
        ):
            trophy = AsyncTrophyApi(api_key=server.api_key, environment=environment(server), httpx_client=http)
            await trophy.metrics.event("words-written", user=UpsertedUser(id="ada"), value=100)
            await server.advance(days=3)
            assert (await trophy.users.streak("ada")).length == 0

    asyncio.run(story())


# Async


@pytest.mark.parametrize(
    ("kind", "awaited"), [(World, AsyncWorld), (MadeWorld, AsyncMadeWorld), (MockServer, AsyncMockServer)]
)
def test_every_method_of_a_world_can_be_awaited(kind: type, awaited: type) -> None:
    """And what a world has beside its methods is there, too."""
    members = {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}
    assert members.keys() | {"api_key", "tenant"} <= {name for name, _ in inspect.getmembers(awaited)}
    for name in {name for name, value in members.items() if inspect.isfunction(value)} - {"transport"}:
        assert inspect.iscoroutinefunction(getattr(awaited, name))


def test_an_async_world_has_a_clock_and_a_tenant() -> None:
    async def story() -> None:
        async with MockServer(now=NOON, frozen=True) as server:
            assert await server.now == datetime(2026, 3, 1, 12, tzinfo=UTC)
            catalog = await server.catalog()
            catalog["settings"]["multiTenant"] = True
            async with await server.world(catalog=catalog, now=NOON, frozen=True) as world:
                await world.advance(days=1)
                assert await world.now == datetime(2026, 3, 2, 12, tzinfo=UTC)
                assert world.tenant is None
                world.tenant = "north"
                headers = {"X-API-KEY": world.api_key, "Tenant-ID": "north"}
                async with httpx2.AsyncClient(trust_env=False, headers=headers) as client:
                    await client.put(f"{world.url}/users/ada", json={})
                assert await world.facts(user="ada")
                world.tenant = "south"
                assert (world.tenant, await world.facts(user="ada")) == ("south", [])

    asyncio.run(story())


def test_a_receiver_in_the_tests_own_loop_can_respond_while_the_test_waits() -> None:
    async def story() -> list[str]:
        received: list[str] = []

        async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
            received.append(json.loads(await reader.readexactly(int(length.split(b":")[1])))["type"])
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            writer.close()

        listening = await asyncio.start_server(receive, "127.0.0.1", 0)
        host, port = listening.sockets[0].getsockname()
        async with listening, MockServer(now=NOON, frozen=True) as server, await server.world(frozen=True) as world:
            await world.add_webhook(f"http://{host}:{port}/", events=["streak.started"])
            async with httpx2.AsyncClient(trust_env=False, headers={"X-API-KEY": world.api_key}) as client:
                body = {"user": {"id": "ada"}, "value": 3}
                await client.post(f"{world.url}/metrics/words-written/event", json=body)
            await world.advance(wait=True)
        return received

    assert asyncio.run(story()) == ["streak.started"]


# The plugin


def test_the_plugin_imports_nothing_until_a_fixture_is_asked_for() -> None:
    code = "import sys, pytest; before = set(sys.modules); import mockserver.pytest_plugin; "
    code += "print(*sorted(set(sys.modules) - before))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["mockserver", "mockserver.pytest_plugin"]


STORY = """
import httpx2
import pytest

@pytest.fixture(scope="session")
def trophy_options():
    return {"catalog": "study", "now": "2026-03-01T12:00:00Z", "frozen": True}

@pytest.mark.parametrize("number", range(12))
def test_every_test_has_the_world_for_itself(trophy_server, trophy_world, number):
    assert trophy_server.catalog()["metrics"].keys() == {"flashcards-viewed"}
    assert trophy_world.facts() == []
    body = {"user": {"id": "ada"}, "value": number}
    response = httpx2.post(
        f"{trophy_world.url}/metrics/flashcards-viewed/event", json=body, headers={"X-API-KEY": trophy_world.api_key},
        trust_env=False,
    )
    assert response.json()["total"] == number

@pytest.mark.trophy_world(catalog="fitness", users=3, history_days=2, now="2027-03-01T12:00:00Z", frozen=True)
def test_the_marker_says_how_the_world_is_made(trophy_world):
    assert "distance_run" in trophy_world.catalog()["metrics"]
    assert {fact["time"][:10] for fact in trophy_world.facts()} <= {"2027-02-27", "2027-02-28", "2027-03-01"}
    assert trophy_world.now.year == 2027
    assert len(trophy_world.facts(kind="UserCreated")) == 3
"""


def played(tmp_path: Path, *options: str, **environment: str) -> str:
    """What pytest says of the story."""
    (tmp_path / "test_story.py").write_text(STORY)
    command = [sys.executable, "-m", "pytest", "-q", "--strict-markers", "-W", "error", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd=tmp_path, env=os.environ | environment
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_each_test_has_a_world_of_its_own_wherever_the_package_is_installed(tmp_path: Path) -> None:
    assert "13 passed" in played(tmp_path)


def test_each_test_has_a_world_of_its_own_under_xdist(tmp_path: Path) -> None:
    plugins = ("-p", "xdist", "-p", "mockserver.pytest_plugin")  # and no others, which would take seconds to import
    assert "13 passed" in played(tmp_path, *plugins, "-n", "2", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

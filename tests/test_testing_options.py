"""What a server and its worlds are told when they are made: where they listen, who may in, which catalog."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from plane import refused, speaking_to

from mockserver.catalogs import CatalogError
from mockserver.testing import ControlError, MadeWorld, MockServer

NOON = "2026-03-01T12:00:00Z"
TINY = 'name = "Tiny"\n[metrics.steps]\nname = "Steps"\n'

ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")


# Where it listens, and who may in


def test_where_other_machines_can_reach_it_the_control_plane_wants_a_token() -> None:
    with MockServer(host="0.0.0.0") as server, speaking_to(server) as http:
        for method, path in (("GET", "/clock"), ("POST", "/reset"), ("POST", "/worlds")):
            refused(http.mock(method, path), 401, "X-Control-Token")
        assert http.api("GET", "/achievements").status_code == 200
        assert server.control_token
        assert http.mock("GET", "/clock", X_Control_Token=server.control_token).status_code == 200


def test_the_servers_own_calls_and_those_of_its_worlds_have_the_token() -> None:
    with MockServer(host="0.0.0.0", now=NOON, frozen=True) as server:
        assert server.advance(days=1)["now"] == "2026-03-02T12:00:00.000Z"
        with server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
            assert world.advance(days=1)["now"] == "2026-03-02T12:00:00.000Z"
            refused(http.mock("GET", "/clock"), 401, "X-Control-Token")


def test_a_token_may_be_given() -> None:
    with MockServer(host="0.0.0.0", control_token="let-me-in") as server, speaking_to(server, key=None) as http:
        assert server.control_token == "let-me-in"
        assert http.mock("GET", "/worlds", X_Control_Token="let-me-in").status_code == 200
        refused(http.mock("GET", "/worlds", X_Control_Token="guess"), 401)
    with MockServer(control_token="let-me-in") as server, speaking_to(server) as http:
        assert http.with_key(None).mock("GET", "/worlds", X_Control_Token="let-me-in").status_code == 200
        refused(http.mock("GET", "/clock"), 401)  # a token that is given is asked for everywhere


def test_two_servers_never_make_up_the_same_token() -> None:
    assert MockServer(host="0.0.0.0").control_token != MockServer(host="0.0.0.0").control_token


@pytest.mark.parametrize("options", [{}, {"host": "localhost"}, {"host": "0.0.0.0", "socket": False}])
def test_no_token_is_made_up_where_only_this_machine_gets_in(options: dict[str, Any]) -> None:
    with MockServer(**options) as server:
        assert server.control_token is None
        assert server.advance()["counts"] == {}


def test_an_async_server_has_the_token_too() -> None:
    async def story() -> None:
        async with MockServer(host="0.0.0.0", frozen=True) as server:
            assert server.control_token == server.sync.control_token
            await server.advance(days=1)

    asyncio.run(story())


@ipv6
def test_an_address_of_ipv6_stands_in_brackets() -> None:
    with MockServer(host="::1") as server, speaking_to(server) as http:
        assert server.url == f"http://[::1]:{urlsplit(server.url).port}/v1"
        assert http.api("GET", "/achievements").status_code == 200
        assert server.control_token is None


def test_it_speaks_http_as_mockserver_serve_does() -> None:
    with MockServer() as server:
        port = urlsplit(server.url).port or 0
        with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
            client.sendall(b"this is no HTTP\r\n\r\n")
            response = client.makefile("rb").read()
    assert response.startswith(b"HTTP/1.1 400 ")
    assert b'{"error":' in response


# Catalogs


@pytest.mark.parametrize(
    ("name", "metric"), [("catalog", "words-written"), ("fitness", "distance_run"), ("study", "flashcards-viewed")]
)
def test_a_catalog_that_comes_with_the_server_has_a_name(trophy_server: MockServer, name: str, metric: str) -> None:
    with trophy_server.world(catalog=name) as world:
        assert metric in world.catalog()["metrics"]
    with trophy_server.world(catalog={"name": "Bare"}) as world:
        assert metric in world.set_catalog(name)["metrics"]


@pytest.mark.trophy_world(catalog="fitness")
def test_the_marker_takes_a_name(trophy_world: MadeWorld) -> None:
    assert "distance_run" in trophy_world.catalog()["metrics"]


def test_a_world_takes_a_catalog_in_all_forms_that_a_server_takes(trophy_server: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    data = {"name": "Tiny", "metrics": {"steps": {"name": "Steps"}}}
    forms: list[Any] = [TINY, data, file, str(file)]
    for form in forms:
        with trophy_server.world(catalog=form) as world:
            assert world.catalog()["metrics"].keys() == {"steps"}
        with trophy_server.world() as world:
            assert world.set_catalog(form)["name"] == "Tiny"
        with MockServer(catalog=form, socket=False) as server:
            assert server.catalog()["name"] == "Tiny"


def test_what_is_no_catalog_is_said(trophy_server: MockServer, tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"not TOML.* nor is it the name .*fitness, study, reading or savings"):
        trophy_server.world(catalog="fitnes")
    with pytest.raises(CatalogError, match="no such file"):
        trophy_server.world(catalog=tmp_path / "nowhere.toml")


# Options


def test_users_of_a_world_have_lived_as_long_as_it_says(trophy_server: MockServer) -> None:
    with trophy_server.world(users=5, history_days=3, now=NOON, frozen=True) as world:
        assert min(fact["time"] for fact in world.facts(limit=1000)) >= "2026-02-26"
    with pytest.raises(ControlError, match="`historyDays`"):
        trophy_server.world(history_days=-1)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"users": -1}, "users must be a whole number, 0 or more, not -1"),
        ({"history_days": -5}, "history_days must be a whole number from 0 to 3650, not -5"),
        ({"history_days": 3651}, "history_days"),
        ({"api_key": ""}, "api_key must be printable ASCII, not empty"),
        ({"api_key": " mine"}, "api_key"),
        ({"api_key": "schlüssel"}, "api_key"),
        ({"control_token": ""}, "control_token must be printable ASCII, not empty"),
        ({"webhook_retry_delay": float("nan")}, "webhook_retry_delay must be from 0 to 86400 seconds, not nan"),
        ({"webhook_retry_delay": float("inf")}, "webhook_retry_delay"),
        ({"webhook_retry_delay": -0.5}, "webhook_retry_delay"),
        ({"webhook_concurrency": 0}, "webhook_concurrency must be a whole number from 1 to 256, not 0"),
        ({"webhook_concurrency": 257}, "webhook_concurrency"),
        ({"webhook_concurrency": 1.5}, "webhook_concurrency"),
        ({"webhook_retry_delay": 86_401}, "webhook_retry_delay"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_by_name(option: dict[str, Any], expected: str) -> None:
    with pytest.raises(ValueError, match=expected):
        MockServer(**option)


def test_the_last_values_that_make_sense_are_taken() -> None:
    with MockServer(users=0, history_days=3650, webhook_retry_delay=86_400, api_key="a b") as server:
        assert server.advance()["counts"] == {}
    with MockServer(history_days=0, webhook_retry_delay=0, webhook_concurrency=256):
        pass

"""What servers, worlds and markers in tests are told is heard or refused with a sentence; lists say what they lack."""

from __future__ import annotations

import math
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from mockserver.sockets import open_sockets
from mockserver.testing import ControlError, LetGo, MadeWorld, MockServer

# Arguments


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"port": 99999}, "port must be a whole number from 0 to 65535, not 99999"),
        ({"port": "18370"}, "port must be a whole number from 0 to 65535, not '18370'"),
        ({"port": -1}, "port must"),
        ({"port": True}, "port must"),
        ({"users": 1.5}, "users must be a whole number, 0 or more, not 1.5"),
        ({"users": None}, "users must"),
        ({"seed": "1"}, "seed must be a whole number, not '1'"),
        ({"history_days": 2.5}, "history_days must be a whole number from 0 to 3650, not 2.5"),
        ({"webhook_retry_delay": math.nan}, "webhook_retry_delay must"),
        ({"webhook_retry_delay": "60"}, "webhook_retry_delay must"),
        ({"frozen": "yes"}, "frozen must be True or False, not 'yes'"),
        ({"socket": 0}, "socket must be True or False, not 0"),
        ({"host": None}, "host must be a name or an address, not None"),
        ({"api_key": 7}, "api_key must be printable ASCII"),
        ({"host": ""}, "host must be a name or an address, not ''"),
        ({"keep": ""}, "keep must be a path, not ''"),
        ({"keep": 5}, "keep must be a path, not 5"),
        ({"catalog": ""}, "catalog must be a file, a name"),
        ({"catalog": None}, "catalog must be a file, a name"),
        ({"document": ""}, "document must be a path, not ''"),
        ({"document": 5}, "document must be a path, not 5"),
        ({"now": 5}, "5 is not an ISO 8601 time"),
        ({"allowed_hosts": "a.example"}, "allowed_hosts must be a list of names, not 'a.example'"),
        ({"allowed_hosts": [5]}, "allowed_hosts must be a list of names"),
        ({"allowed_hosts": ["http://a.example"]}, "expected a name such as host.docker.internal"),
        ({"allowed_hosts": ["a.example:8080"]}, "without scheme, port or path"),
        ({"cors": None}, "cors must be a list of origins, not None"),
    ],
)
def test_options_that_make_no_sense_are_a_value_error_that_names_them(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        MockServer(**given)


AMOUNTS: list[Any] = [math.nan, math.inf, -math.inf, "1", None, True]


@pytest.mark.parametrize("unit", ["days", "hours", "minutes", "seconds"])
@pytest.mark.parametrize("amount", AMOUNTS, ids=repr)
def test_no_amount_of_time_is_lost_on_the_way(trophy_world: MadeWorld, unit: str, amount: Any) -> None:
    with pytest.raises(ValueError, match=f"{unit} must be a finite number"):
        trophy_world.advance(**{unit: amount})


@pytest.mark.parametrize(
    "deed",
    [
        lambda world: world.faults(latency={"ms": math.nan}),
        lambda world: world.control("PUT", "/faults", {"errors": [{"rate": math.inf}]}),
        lambda world: world.set_catalog({"name": "x", "points": {"xp": {"maxPoints": math.nan}}}),
    ],
)
def test_no_number_in_any_call_is_lost_on_the_way(trophy_world: MadeWorld, deed: Callable[[MadeWorld], Any]) -> None:
    named = r"(latency\.ms|errors\.0\.rate|points\.xp\.maxPoints)"
    with pytest.raises(ValueError, match=f"{named} must be a finite number"):
        deed(trophy_world)


@pytest.mark.parametrize(
    "deed",
    [
        lambda world: world.advance(to=""),
        lambda world: world.set_clock(""),
        lambda world: world.freeze(""),
        lambda world: world.facts(since=""),
        lambda world: world.facts(limit=0),
    ],
)
def test_an_empty_argument_is_not_an_absent_one(trophy_world: MadeWorld, deed: Callable[[MadeWorld], Any]) -> None:
    with pytest.raises(ControlError):
        deed(trophy_world)


# Lists


def test_facts_are_all_there_are_or_as_many_as_are_asked_for(trophy_world: MadeWorld) -> None:
    with httpx.Client(trust_env=False, headers={"X-API-KEY": trophy_world.api_key}) as http:
        for number in range(120):
            http.put(f"{trophy_world.url}/users/u{number}", json={})
    assert len(trophy_world.facts(kind="UserCreated")) == 120
    newest = trophy_world.facts(kind="UserCreated", limit=7)
    assert [fact["userId"] for fact in newest] == [f"u{number}" for number in range(119, 112, -1)]


def test_facts_of_many_pages_are_put_together(monkeypatch: pytest.MonkeyPatch, trophy_world: MadeWorld) -> None:
    trophy_world.advance(seconds=1)
    with httpx.Client(trust_env=False, headers={"X-API-KEY": trophy_world.api_key}) as http:
        for number in range(7):
            http.put(f"{trophy_world.url}/users/u{number}", json={})
    whole = trophy_world.facts()
    monkeypatch.setattr("mockserver.testing.world.PAGE", 3)
    assert trophy_world.facts() == whole
    assert trophy_world.facts(limit=4) == whole[:4]


def test_a_list_that_lacks_older_rows_says_so(trophy_world: MadeWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert trophy_world.requests().let_go == 0
        with httpx.Client(trust_env=False, headers={"X-API-KEY": trophy_world.api_key}) as http:
            for _ in range(1003):
                http.get(f"{trophy_world.url}/users/nobody")
        with pytest.raises(LetGo, match="3 older ones"):
            trophy_world.requests()
    with pytest.warns(LetGo):
        found = trophy_world.requests()
    assert (len(found), found.let_go) == (1000, 3)
    trophy_world.reset()
    assert trophy_world.requests().let_go == 0


# Addresses


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")
def test_localhost_listens_on_all_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    both = [
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", 0, 0, 0)),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: both)
    with MockServer(host="localhost") as server:
        monkeypatch.undo()
        port = server.url.split(":")[2].split("/")[0]
        for host in ("127.0.0.1", "[::1]"):
            response = httpx.get(f"http://{host}:{port}/_mock/health", trust_env=False)
            assert response.status_code == 200


def test_of_two_addresses_that_are_on_one_port_both_are_free_or_none_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *given, **more: twice)
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            open_sockets("two", port)
        with socket.create_server(("127.0.0.1", port)):
            pass
        opened = open_sockets("two", 0)
    assert len({each.getsockname()[1] for each in opened}) == 1
    for each in opened:
        each.close()


# The plugin

STORY = """
import pytest

@pytest.mark.trophy_world("2026-01-15T00:00:00Z")
def test_positional(trophy_world): pass

@pytest.mark.trophy_world(user=3)
def test_unknown(trophy_world): pass

@pytest.mark.trophy_world(user=3)
def test_without_the_fixture(): pass

@pytest.mark.trophy_world(users=2, history_days=1, frozen=True)
class TestMerged:
    @pytest.mark.trophy_world(now="2026-01-15T00:00:00Z", users=3)
    def test_all(self, trophy_world):
        assert trophy_world.now.isoformat() == "2026-01-15T00:00:00+00:00"
        assert len(trophy_world.facts(kind="UserCreated")) == 3

def test_stops(trophy_server, trophy_world):
    trophy_server.stop()
    trophy_world.delete()

def test_goes_on_with_a_world(trophy_world):
    assert trophy_world.facts() == []
    trophy_world.delete()

def test_goes_on_without_one(trophy_server):
    assert trophy_server.facts() == []
"""


def test_the_plugin_refuses_what_it_does_not_know_and_mends_what_a_test_broke(tmp_path: Path) -> None:
    (tmp_path / "test_story.py").write_text(STORY)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "no:randomly"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert "4 passed, 4 errors" in run.stdout, run.stdout
    assert "takes its options by name, not '2026-01-15T00:00:00Z'. Write @pytest.mark.trophy_world(" in run.stdout
    assert run.stdout.count("has no option 'user'. Did you mean 'users'?") >= 2
    assert run.stdout.count("This test has stopped trophy_server") >= 1

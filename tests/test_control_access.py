"""Who may do what under `/_mock`, and that nothing a client sends makes it fail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane import Http, printed_at_start, refused, speaking_to
from processes import KEY, serving

from mockserver.control.table import ROWS
from mockserver.testing import MadeWorld, MockServer

TOKEN = "let-me-in"


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def filled(path: str) -> str:
    return path.replace("{id}", "x").replace("{apiKey}", "x")


# Keys and tokens


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_call_carries_a_key(http: Http, row: Any) -> None:
    refused(http.with_key(None).mock(row.method, filled(row.path)), 401, "X-API-KEY")
    refused(http.with_key("").mock(row.method, filled(row.path)), 401, "X-API-KEY")
    refused(http.with_key("wrong").mock(row.method, filled(row.path)), 401, "not known")


def test_health_wants_no_key(http: Http) -> None:
    response = http.with_key(None).mock("GET", "/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_an_unknown_call_is_not_found_and_a_wrong_method_not_allowed(http: Http) -> None:
    refused(http.mock("GET", "/clokc"), 404, "/_mock/clokc")
    response = http.mock("PATCH", "/clock")
    refused(response, 405, "PATCH is not allowed on /_mock/clock, only GET, HEAD, PUT.")
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT"}


@pytest.fixture(scope="module")
def guarded() -> Iterator[Http]:
    """A server that other machines can reach, with a token that is known."""
    options = ("--users", "0", "--host", "0.0.0.0", "--control-token", TOKEN, "--api-key", KEY)
    with serving(*options) as base, httpx2.Client(timeout=30, trust_env=False) as client:
        yield Http(client, base.removesuffix("/v1"), KEY)


def test_where_other_machines_can_reach_it_the_control_plane_wants_the_token(guarded: Http) -> None:
    for method, path in (("GET", "/clock"), ("POST", "/reset"), ("POST", "/worlds")):
        refused(guarded.mock(method, path), 401, "X-Control-Token", "--control-token")
        refused(guarded.mock(method, path, X_Control_Token="guess"), 401, "X-Control-Token")
        refused(guarded.mock(method, path, X_Control_Token="guéss".encode()), 401, "X-Control-Token")
    assert guarded.mock("GET", "/clock", X_Control_Token=TOKEN).status_code == 200
    assert guarded.api("GET", "/achievements").status_code == 200  # the API itself wants its key only
    assert guarded.mock("GET", "/health").status_code == 200


def test_the_token_alone_makes_lists_and_deletes_worlds(guarded: Http) -> None:
    nobody = guarded.with_key(None)
    made = nobody.mock("POST", "/worlds", X_Control_Token=TOKEN).json()["apiKey"]
    assert made in nobody.mock("GET", "/worlds", X_Control_Token=TOKEN).text
    refused(nobody.mock("GET", "/clock", X_Control_Token=TOKEN), 401, "X-API-KEY")
    assert guarded.with_key(made).mock("GET", "/worlds", X_Control_Token=TOKEN).status_code == 200
    assert nobody.mock("DELETE", f"/worlds/{made}", X_Control_Token=TOKEN).status_code == 204


def test_a_token_is_made_up_and_printed_when_none_is_given() -> None:
    printed = printed_at_start("--host", "0.0.0.0")
    assert re.search(r"Token +\S{16,} \(header X-Control-Token", printed), printed
    assert "Token" not in printed_at_start()


def test_a_token_that_is_given_is_wanted_on_the_loopback_interface_too() -> None:
    options = ("--users", "0", "--control-token", TOKEN)
    with serving(*options) as base, httpx2.Client(timeout=30, trust_env=False) as client:
        http = Http(client, base.removesuffix("/v1"), KEY)
        refused(http.mock("GET", "/clock"), 401, "X-Control-Token")
        refused(http.mock("GET", "/clock", X_Control_Token="guess"), 401)
        made = http.with_key(http.mock("POST", "/worlds", X_Control_Token=TOKEN).json()["apiKey"])
        refused(made.mock("GET", "/worlds"), 401)
        assert made.mock("GET", "/worlds", X_Control_Token=TOKEN).status_code == 200


# Hostile input

HOSTILE_BODIES: list[Any] = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"12",
    b"\xff\xfe",
    b"\x00",
    b"{}" * 10,
    b"[" * 5000,
    b'{"a":' * 200 + b"1" + b"}" * 200,
    b'{"now": 1e999}',
    b'{"now": "\\ud800"}',
    b'{"now": "\\u0000"}',
    b'{"days": 123456789012345678901234567890}',
    b'{"days": NaN}',
    b'{"seed": 1, "seed": 2}',
    b"x" * (1 << 21),
]
VALUES: list[Any] = [
    None,
    True,
    -1,
    0,
    10**18,
    1.5,
    -1e300,
    "",
    "a",
    "0001-01-01",
    "9999-12-31T23:59:59.999999+14:00",
    "2026-02-30",
    "x" * 10_000,
    [],
    [[]],
    ["x", 1],
    {},
    {"": None},
    {"operations": ["users_get"], "every": 1},
]
FIELDS = [
    "days",
    "to",
    "wait",
    "now",
    "frozen",
    "catalog",
    "seed",
    "historyDays",
    "latency",
    "errors",
    "drops",
    "rateLimits",
    "liveStatuses",
    "url",
    "secret",
    "events",
    "active",
    "type",
    "userId",
    "duplicate",
    "tamper",
    "delay",
    "name",
    "metrics",
    "achievements",
    "points",
    "leaderboards",
    "streak",
    "settings",
    "webhooks",
]
HEADERS: list[dict[str, str | bytes]] = [
    {},
    {"Content-Type": "text/plain"},
    {"Content-Type": "application/toml"},
    {"Content-Type": "application/json; charset=latin-1"},
    {"Tenant-ID": "nobody"},
    {"X-Control-Token": "guess"},
]


@pytest.fixture(scope="module")
def root() -> Iterator[Http]:
    """A server of its own, to be treated badly."""
    with MockServer() as server, speaking_to(server) as http:
        yield http


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_hostile_body_makes_a_call_fail(root: Http, row: Any) -> None:
    bodies = HOSTILE_BODIES + [json.dumps({field: value}).encode() for field in FIELDS for value in VALUES]
    for body in bodies if row.method != "GET" else HOSTILE_BODIES:
        response = root.send(row.method, f"/_mock{filled(row.path)}", body)
        assert response.status_code < 500, (row.name, body[:100], response.text)
        if response.status_code >= 400:
            assert list(response.json()) == ["error"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_hostile_query_or_path_makes_a_call_fail(root: Http, row: Any) -> None:
    names = (
        "userId kind from to limit before operationId status points achievement streak leaderboard type endpoint state"
    )
    values = [
        "",
        "x",
        "%ff",
        "%00",
        "-1",
        "99999999999999999999",
        "1e5",
        "2026-01-01",
        "9999-12-31",
        "%F0%9F%8F%86",
        "a" * 5000,
    ]
    queries = [f"?{name}={value}" for name in names.split() for value in values] + ["?", "?&&=&", "?=x", "?userId"]
    paths = [filled(row.path)] + [
        row.path.replace("{id}", odd).replace("{apiKey}", odd)
        for odd in ("%00", "%ff", "%2e%2e", "%2F", "a" * 5000, "%F0%9F%8F%86", "..%2f")
        if "{" in row.path
    ]
    for path in [*paths, *(filled(row.path) + query for query in queries if row.method == "GET")]:
        response = root.mock(row.method, path)
        assert response.status_code < 500, (path, response.text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_no_hostile_header_makes_a_call_fail(root: Http, row: Any) -> None:
    for headers in HEADERS:
        response = root.send(row.method, f"/_mock{filled(row.path)}", b"{}", **headers)
        assert response.status_code < 500, (headers, response.text)


def test_a_body_beyond_a_mebibyte_is_not_read(http: Http) -> None:
    refused(http.mock("PUT", "/catalog", b"x" * (1 << 21)), 400, "1 MiB")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), inner),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(row=st.sampled_from([row for row in ROWS if row.method != "GET"]), body=json_values)
def test_no_json_makes_a_call_fail(root: Http, row: Any, body: Any) -> None:
    response = root.send(row.method, f"/_mock{filled(row.path)}", json.dumps(body).encode())
    assert response.status_code < 500, response.text


def test_the_api_responds_whatever_catalog_is_put(http: Http) -> None:
    """A world with users of one catalog goes on with another catalog that lacks what they have."""
    for user in ("ada", "bob"):
        http.event(user, 5000)
    whole = http.get("/catalog")
    keys = ["words-written", "xp", "all-time-words"]
    for part in ("metrics", "achievements", "points", "leaderboards", "streak", "userAttributes", "eventAttributes"):
        smaller = {name: value for name, value in whole.items() if name != part}
        http.mock("PUT", "/catalog", smaller)
        for path in ("", "/streak", "/achievements", "/metrics", "/wrapped"):
            assert http.api("GET", f"/users/ada{path}").status_code in (200, 404)
        for key in keys:
            for path in (
                f"/users/ada/metrics/{key}",
                f"/users/ada/points/{key}",
                f"/leaderboards/{key}",
                f"/points/{key}",
            ):
                assert http.api("GET", path).status_code in (200, 404, 422)
        assert http.mock("POST", "/clock/advance", {"days": 2}).status_code == 200
        assert http.mock("PUT", "/catalog", whole).status_code == 200
        http.event("ada", 100)
    bare = {"name": "Bare", "metrics": {"words-written": {"name": "Words"}}}
    assert http.mock("PUT", "/catalog", bare).status_code == 200
    http.event("ada", 100)
    assert http.mock("POST", "/clock/advance", {"days": 40}).status_code == 200
    assert http.mock("GET", "/facts?limit=1000").status_code == 200
    assert http.api("GET", "/users/ada/wrapped").status_code == 200


@pytest.mark.parametrize("path", ["/_mock", "/_mock/", "/_mock/clock/", "/_mock/nothing"])
def test_a_path_that_is_none_is_said_to_be_none(trophy_server: MockServer, path: str) -> None:
    response = httpx2.get(trophy_server.url.removesuffix("/v1") + path, trust_env=False)
    refused(response, 404, "/_mock the control plane")

"""How much of anything there may be: each limit holds to the last character, and its refusal names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plane import Http, refused, speaking_to

from mockserver.control import worlds
from mockserver.testing import MadeWorld, MockServer

pytestmark = pytest.mark.trophy_world(frozen=True)

LONG, TOO_LONG = "x" * 255, "x" * 256


@pytest.fixture
def made(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def event(user: dict[str, Any]) -> dict[str, Any]:
    return {"user": user, "value": 1}


BODIES = [
    ("POST", "/users", lambda text: {"id": text}, "`id`"),
    ("POST", "/users", lambda text: {"id": "ada", "name": text}, "`name`"),
    ("PATCH", "/users/ada", lambda text: {"email": text}, "`email`"),
    ("POST", "/metrics/words-written/event", lambda text: event({"id": text}), "`user.id`"),
    ("POST", "/achievements/finish-onboarding/complete", lambda text: {"user": {"id": text}}, "`user.id`"),
]


@pytest.mark.parametrize(("method", "path", "body", "field"), BODIES)
def test_ids_and_names_have_255_characters_at_most(made: Http, method: str, path: str, body: Any, field: str) -> None:
    made.event("ada", 1)
    assert made.api(method, path, body(LONG)).status_code in (200, 201)
    before = made.get("/users?limit=1000"), made.get("/facts")
    refused(made.api(method, path, body(TOO_LONG)), 422, field, "at most 255 characters")
    assert (made.get("/users?limit=1000"), made.get("/facts")) == before


def test_other_strings_have_1000_characters_and_lists_1000_items(made: Http) -> None:
    assert made.api("PUT", "/users/ada", {"deviceTokens": ["t" * 1000] * 1000}).status_code == 200
    refused(made.api("PUT", "/users/ada", {"deviceTokens": ["t" * 1001]}), 422, "deviceTokens", "1000 characters")
    refused(made.api("PUT", "/users/ada", {"deviceTokens": ["t"] * 1001}), 422, "`deviceTokens`", "1000 items")
    assert len(made.api("GET", "/users/ada").json()["deviceTokens"]) == 1000


def test_an_id_in_a_path_or_a_header_has_255_characters_too(made: Http) -> None:
    assert made.api("PUT", f"/users/{LONG}", {}).status_code == 200
    assert made.api("GET", f"/users/{LONG}").status_code == 200
    refused(made.api("PUT", f"/users/{TOO_LONG}", {}), 422, "`id`", "at most 255 characters")
    response = made.api("POST", "/metrics/words-written/event", event({"id": "ada"}), Idempotency_Key=TOO_LONG)
    refused(response, 422, "`Idempotency-Key`", "at most 255 characters")


def test_a_tenant_has_255_characters_at_most(trophy_server: MockServer) -> None:
    catalog = trophy_server.catalog()
    catalog["settings"] |= {"multiTenant": True}
    with trophy_server.world(catalog=catalog) as world, speaking_to(world) as http:
        refused(http.api("PUT", "/users/ada", {}, Tenant_ID=TOO_LONG), 422, "`Tenant-ID`", "at most 255 characters")
        assert http.api("PUT", "/users/ada", {}, Tenant_ID=LONG).status_code == 200


def test_a_world_has_100_endpoints_and_a_trigger_makes_1000_deliveries_at_most(made: Http) -> None:
    hook = {"url": "http://127.0.0.1:9/"}
    refused(made.mock("POST", "/webhooks", {"url": "http://127.0.0.1/" + "x" * 2000}), 422, '"url"', "2000 characters")
    refused(made.mock("POST", "/webhooks", hook | {"secret": TOO_LONG}), 422, '"secret"', "255 characters")
    ids = [made.mock("POST", "/webhooks", hook).json()["id"] for _ in range(100)]
    refused(made.mock("POST", "/webhooks", hook), 422, "100 webhook endpoints")
    made.event("ada", 1)
    order = {"type": "achievement.completed", "userId": "ada"}
    refused(made.mock("POST", "/webhooks/trigger", order | {"duplicate": 10}), 422, "1000 deliveries", "at most 9")
    assert len(made.mock("POST", "/webhooks/trigger", order | {"duplicate": 9}).json()["deliveries"]) == 1000
    made.mock("DELETE", f"/webhooks/{ids[0]}")
    assert made.mock("POST", "/webhooks", hook).status_code == 201


def test_lists_have_1000_rows_unless_another_limit_is_given(made: Http) -> None:
    for number in range(1001):
        made.mock("POST", "/webhooks/trigger", {"type": "leaderboard.started"}) if number else made.event("ada", 1)
    assert len(made.get("/webhooks/events")["events"]) == 1000
    assert len(made.get("/webhooks/events?limit=10000")["events"]) > 1000


def test_a_server_has_only_so_many_worlds(monkeypatch: pytest.MonkeyPatch, trophy_server: MockServer) -> None:
    with trophy_server.world(), speaking_to(trophy_server) as root:
        there = [row["apiKey"] for row in root.get("/worlds")["worlds"]]
        monkeypatch.setattr(worlds, "MOST_WORLDS", len(there))
        refused(root.mock("POST", "/worlds", {}), 422, f"{len(there)} worlds")
        assert [row["apiKey"] for row in root.get("/worlds")["worlds"]] == there


def test_calls_that_change_something_skip_no_argument_in_the_query(made: Http) -> None:
    refused(made.mock("POST", "/clock/advance?days=1", {"days": 1}), 422, "`days`")
    refused(made.mock("POST", "/reset?hard=true"), 422, "`hard`")
    refused(made.mock("DELETE", "/faults?x=1"), 422, "`x`")


@pytest.mark.parametrize(
    ("header", "value", "status"), [("X-API-KEY", "a", 401), ("X-Control-Token", "a", 401), ("Tenant-ID", "a", 422)]
)
def test_what_says_who_asks_is_given_once(made: Http, header: str, value: str, status: int) -> None:
    headers = [("X-API-KEY", made.key or ""), (header, value), (header, value)]
    response = made.client.get(f"{made.root}/_mock/clock", headers=headers)
    refused(response, status, header, "given once")


def test_the_methods_of_a_path_come_in_the_same_order_in_every_run(made: Http) -> None:
    assert made.send("PATCH", "/_mock/clock").headers["Allow"] == "GET, HEAD, PUT"

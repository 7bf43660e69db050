"""The admin API with the vendor's own client: lists from the catalog, many events at once, and what is not there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import trophy
from plane import Http, speaking_to
from trophy.core.api_error import ApiError

from mockserver import spec
from mockserver.testing import MadeWorld, MockServer, World

CATALOG = tomllib.loads((spec.resource("fixtures") / "catalog.toml").read_text("utf-8"))
TEAMS: dict[str, Any] = {
    "name": "Teams",
    "metrics": {"steps": {"name": "Steps"}},
    "settings": {"multiTenant": True, "tenants": ["red", "blue"]},
}
HTTPX = httpx.Client()  # the client never closes its own connections


class Admin:
    """Bare calls of the admin API."""

    def __init__(self, http: Http) -> None:
        self.http = http

    def __call__(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> Any:
        return self.http.send(method, f"/admin/v1{path}", body, **headers)


def client_of(world: World) -> trophy.TrophyApi:
    environment = trophy.TrophyApiEnvironment(api=world.url, admin=world.admin_url)
    return trophy.TrophyApi(api_key=world.api_key, environment=environment, httpx_client=HTTPX)


@pytest.fixture(scope="module", autouse=True)
def _connections() -> Iterator[None]:
    yield
    HTTPX.close()


@pytest.fixture
def client(trophy_server: MockServer) -> trophy.TrophyApi:
    """Of the session's world, which these tests only read."""
    return client_of(trophy_server)


@pytest.fixture
def reading(trophy_server: MockServer) -> Iterator[Admin]:
    with speaking_to(trophy_server) as http:
        yield Admin(http)


@pytest.fixture
def admin(trophy_world: MadeWorld) -> Iterator[Admin]:
    with speaking_to(trophy_world) as http:
        yield Admin(http)


def event(user: str, value: float, key: str = "words-written", **more: Any) -> dict[str, Any]:
    return {"key": key, "user": {"id": user}, "value": value, **more}


def all_of(listing: Any, **arguments: Any) -> list[Any]:
    return list(listing(limit=100, **arguments))


def test_the_lists_hold_what_the_catalog_does(client: trophy.TrophyApi) -> None:
    admin = client.admin
    assert [row.key for row in all_of(admin.metrics.list)] == [
        key for key, row in CATALOG["metrics"].items() if row.get("status") != "inactive"
    ]
    assert [row.name for row in all_of(admin.achievements.list)] == [
        row["name"] for row in CATALOG["achievements"].values()
    ]
    assert [row.key for row in all_of(admin.points.systems.list)] == list(CATALOG["points"])
    assert [row.key for row in all_of(admin.leaderboards.list)] == list(CATALOG["leaderboards"])
    attributes = [(row.type, row.key) for row in all_of(admin.attributes.list)]
    wanted = [("user", key) for key in CATALOG["userAttributes"]]
    assert attributes == wanted + [("event", key) for key in CATALOG["eventAttributes"]]


def test_a_points_system_has_lists_of_its_own(client: trophy.TrophyApi) -> None:
    points = client.admin.points
    for system in points.systems.list(limit=100):
        set_up = CATALOG["points"][system.key]
        assert [row.key for row in all_of(points.levels.list, system_id=system.id)] == list(set_up.get("levels", {}))
        assert [row.name for row in all_of(points.boosts.list, system_id=system.id)] == [
            row["name"] for row in set_up.get("boosts", [])
        ]
        triggers = [row.type for row in all_of(points.triggers.list, system_id=system.id)]
        assert triggers == [row["type"] for row in set_up["triggers"] if row.get("status") != "archived"]


def test_every_row_of_a_list_is_found_by_its_id(client: trophy.TrophyApi) -> None:
    admin, points = client.admin, client.admin.points
    flat: list[Any] = [admin.metrics, admin.attributes, admin.achievements, admin.leaderboards, points.systems]
    for part in flat:
        rows = all_of(part.list)
        assert rows
        assert [part.get(row.id) for row in rows] == rows
    (system, *_) = points.systems.list()
    nested: list[Any] = [points.levels, points.boosts, points.triggers]
    for part in nested:
        rows = all_of(part.list, system_id=system.id)
        assert rows
        assert [part.get(system.id, row.id) for row in rows] == rows


def test_references_lead_from_one_list_to_another(client: trophy.TrophyApi) -> None:
    admin = client.admin
    metrics = {row.id: row.key for row in all_of(admin.metrics.list)}
    by_name = {row["name"]: row for row in CATALOG["achievements"].values()}
    for row in all_of(admin.achievements.list):
        if row.trigger == "metric":
            assert metrics[row.metric_id] == by_name[row.name]["metricKey"]
    attributes = {row.id: row.key for row in all_of(admin.attributes.list)}
    for board in all_of(admin.leaderboards.list):
        named = [attributes[one] for one in board.breakdown_attributes]
        assert named == CATALOG["leaderboards"][board.key].get("breakdownAttributes", [])


def test_a_list_comes_in_pages(reading: Admin) -> None:
    whole = reading("GET", "/achievements?limit=100").json()
    assert len(whole) > 10
    assert reading("GET", "/achievements").json() == whole[:10]
    assert reading("GET", "/achievements?limit=3&skip=2").json() == whole[2:5]
    assert reading("GET", "/achievements?skip=1000").json() == []


@pytest.mark.parametrize(
    ("path", "status", "word"),
    [
        ("/metrics?limit=0", 422, "`limit` must be an integer between 1 and 100"),
        ("/metrics?limit=101", 422, "`limit`"),
        ("/metrics?skip=-1", 422, "`skip`"),
        ("/metrics/none", 404, "Metric 'none' was not found"),
        ("/points/none/levels", 404, "Points system 'none' was not found"),
        ("/points/none/boosts/none", 404, "Points system"),
        ("/tenants/none", 404, "Tenant 'none'"),
        ("/settings", 404, "GET /achievements/{id}"),
        ("/streaks/settings", 404, "POST /metrics/events"),
        ("/users/ada", 404, "/admin/v1"),
        ("/metrics/", 422, "`id` must not be empty"),
    ],
)
def test_what_is_not_there_is_said_in_the_one_shape_of_errors(
    reading: Admin, path: str, status: int, word: str
) -> None:
    response = reading("GET", path)
    assert (response.status_code, list(response.json())) == (status, ["error"])
    assert word in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"), [("PATCH", "/metrics", "GET"), ("GET", "/metrics/events", "POST")]
)
def test_a_method_that_is_not_served_is_refused_with_those_that_are(
    reading: Admin, method: str, path: str, allowed: str
) -> None:
    response = reading(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, allowed)


def test_the_admin_api_wants_the_same_key_as_the_api(reading: Admin) -> None:
    for key in (None, "wrong"):
        response = Admin(reading.http.with_key(key))("GET", "/metrics")
        assert (response.status_code, list(response.json())) == (401, ["error"])


def test_a_batch_counts_as_its_events_would_one_by_one(admin: Admin, trophy_server: MockServer) -> None:
    batch = [event("ann", 300), event("ben", 20), event("ann", 700, attributes={}), event("ann", 5, "minutes-focused")]
    response = admin("POST", "/metrics/events", batch)
    assert (response.status_code, response.json()) == (202, {"accepted": 4})
    with trophy_server.world() as world, speaking_to(world) as other:
        for row in batch:
            body = {name: row[name] for name in row if name != "key"}
            assert other.api("POST", f"/metrics/{row['key']}/event", body).status_code == 201
        for user in ("ann", "ben"):
            for path in ("metrics", "achievements", "points/xp", "leaderboards/all-time"):
                ours, theirs = (http.api("GET", f"/users/{user}/{path}").json() for http in (admin.http, other))
                assert _without_times(ours) == _without_times(theirs)


def _without_times(shape: Any) -> Any:
    if isinstance(shape, list):
        return [_without_times(one) for one in shape]
    if isinstance(shape, dict):
        times = ("time", "timestamp", "achievedAt", "date", "id")
        return {name: _without_times(one) for name, one in shape.items() if name not in times}
    return shape


def test_an_event_of_a_batch_counts_once_by_its_idempotency_key(trophy_world: MadeWorld) -> None:
    client = client_of(trophy_world)
    user = trophy.BatchMetricEventUser(id="ann")
    row = trophy.BatchMetricEvent(key="words-written", user=user, value=7, idempotency_key="once")
    assert client.admin.metrics.batch_events(request=[row, row]).accepted == 2
    assert client.admin.metrics.batch_events(request=[row]).accepted == 1
    assert client.users.single_metric("ann", "words-written").current == 7
    one = client.metrics.event("words-written", user=trophy.UpsertedUser(id="ann"), value=7, idempotency_key="once")
    assert one.idempotent_replayed


@pytest.mark.parametrize(
    ("batch", "status", "word"),
    [
        ([event("ann", 1), event("ann", 1, key="none")], 404, "Event [1]: Metric 'none'"),
        ([event("ann", 1), event("ann", 1, attributes={"nope": "x"})], 422, "Event [1]: Invalid attribute keys: nope"),
        ([event("ann", 1), {**event("bob", 1), "user": {"id": "bob", "tz": "Mars"}}], 422, "Event [1]: tz"),
        ([event("ann", 9e11)] * 1000 + [event("ann", 1)], 422, "at most 1000 items"),
        ([event("ann", 1), {"key": "words-written", "value": 1}], 422, "`[1].user` is required"),
        ([event("ann", 1), event("ann", "x")], 422, "`[1].value` must be a number"),  # type: ignore[arg-type]
        ([], 422, "must not be empty"),
        ({}, 422, "must be an array"),
        (b"[", 400, "JSON"),
    ],
)
def test_a_batch_with_one_event_that_cannot_be_changes_nothing(
    admin: Admin, batch: Any, status: int, word: str
) -> None:
    response = admin("POST", "/metrics/events", batch)
    assert (response.status_code, word in response.json()["error"]) == (status, True), response.json()
    assert admin.http.get("/facts")["facts"] == []


def test_events_of_a_batch_are_read_in_the_light_of_those_before(admin: Admin) -> None:
    subscribed = {**event("ann", 1), "user": {"id": "ann", "subscribeToEmails": True}}
    with_email = {**event("ann", 1), "user": {"id": "ann", "email": "ann@example.com"}}
    assert admin("POST", "/metrics/events", [subscribed, with_email]).status_code == 422
    assert admin("POST", "/metrics/events", [with_email, subscribed]).status_code == 202
    assert admin("POST", "/metrics/events", [event("bob", 10**12)] * 1000).status_code == 202
    refused = admin("POST", "/metrics/events", [event("bob", -1), event("bob", 1), event("bob", 1)])
    assert (refused.status_code, "Event [2]: value" in refused.json()["error"]) == (422, True)


@pytest.mark.trophy_world(catalog=TEAMS)
def test_tenants_are_listed_without_naming_one(trophy_world: MadeWorld, admin: Admin) -> None:
    client = client_of(trophy_world)
    rows = client.admin.tenants.list()
    assert [(row.customer_id, row.status) for row in rows] == [("red", "active"), ("blue", "active")]
    assert [client.admin.tenants.get(row.id) for row in rows] == rows
    with pytest.raises(ApiError) as refused:
        client.admin.metrics.list()
    assert refused.value.status_code == 422
    assert admin("GET", "/metrics", Tenant_ID="red").status_code == 200


def test_an_organisation_without_tenants_has_none(client: trophy.TrophyApi) -> None:
    assert client.admin.tenants.list() == []


def test_admin_calls_stand_in_the_request_log_and_suffer_faults(admin: Admin) -> None:
    admin.http.mock("PUT", "/faults", {"errors": {"every": 1, "status": 503, "operations": ["admin_metrics_list"]}})
    assert admin("GET", "/metrics").status_code == 503
    assert admin("GET", "/attributes").status_code == 200
    assert admin("GET", "/attributes", Prefer="code=429").status_code == 429
    asked = admin.http.get("/requests?operationId=admin_attributes_list")["requests"]
    assert [(row["path"], row["status"]) for row in asked] == [
        ("/admin/v1/attributes", 429),
        ("/admin/v1/attributes", 200),
    ]


def test_admin_calls_count_with_events_under_a_rate_limit(admin: Admin) -> None:
    admin.http.mock("PUT", "/faults", {"rateLimits": {"events": 1, "others": 100}})
    assert admin("GET", "/metrics").status_code == 200
    refused = admin("GET", "/attributes")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert admin.http.api("GET", "/achievements").status_code == 200

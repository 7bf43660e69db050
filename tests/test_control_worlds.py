"""Worlds made, listed and deleted, put back to the seed or a snapshot, under another catalog; none sees another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from plane import Http, refused, speaking_to

from mockserver import catalogs
from mockserver.testing import MadeWorld, MockServer

NOON = "2026-03-01T12:00:00.000Z"
TINY = {"name": "Tiny", "metrics": {"steps": {"name": "Steps"}}}
STUDY = Path(__file__).parents[1] / "fixtures" / "study.toml"

WALKERS = """
name = "Walkers"
[metrics.steps]
name = "Steps"
[leaderboards.walkers]
name = "Walkers"
rankBy = "metric"
metricKey = "steps"
start = "+2d"
"""


@pytest.fixture
def root(trophy_server: MockServer) -> Iterator[Http]:
    with speaking_to(trophy_server) as http:
        yield http


@pytest.fixture
def made(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def state_of(http: Http) -> Any:
    """What a client can see of a world."""
    paths = ("/streaks/rankings?limit=100", "/leaderboards", "/achievements", "/points/xp/summary", "/users/ada")
    return [http.api("GET", path).json() for path in paths], http.get("/facts?limit=1000")


def test_a_world_is_made_with_the_servers_catalog_and_nobody_in_it(root: Http) -> None:
    response = root.mock("POST", "/worlds", {})
    assert response.status_code == 201
    made = response.json()
    listed = {key: made[key] for key in ("root", "organisation", "seed", "users", "frozen")}
    assert listed == {"root": False, "organisation": "Inkwell", "seed": 1, "users": 0, "frozen": False}
    assert root.with_key(made["apiKey"]).api("GET", "/achievements").json()
    assert root.mock("DELETE", f"/worlds/{made['apiKey']}").status_code == 204


def test_a_body_is_not_needed_to_make_a_world(root: Http) -> None:
    response = root.mock("POST", "/worlds")
    assert response.status_code == 201
    root.mock("DELETE", f"/worlds/{response.json()['apiKey']}")


def test_a_world_is_made_as_it_is_asked_for(root: Http) -> None:
    asked = {"seed": 7, "users": 5, "historyDays": 10, "now": NOON, "frozen": True}
    made = root.mock("POST", "/worlds", asked).json()
    assert (made["seed"], made["users"], made["now"], made["frozen"]) == (7, 5, NOON, True)
    again = root.mock("POST", "/worlds", asked).json()
    assert made["apiKey"] != again["apiKey"]
    first, second = (root.with_key(row["apiKey"]) for row in (made, again))
    assert state_of(first) == state_of(second)  # the same seed and clock: the same users
    assert first.get("/facts?limit=1")["total"] > 100
    for row in (made, again):
        root.mock("DELETE", f"/worlds/{row['apiKey']}")


@pytest.mark.parametrize("as_text", [True, False])
def test_a_world_has_the_catalog_it_was_made_with(root: Http, as_text: bool, trophy_server: MockServer) -> None:
    catalog: Any = STUDY.read_text()
    if not as_text:
        with trophy_server.world(catalog=TINY) as world:
            catalog = world.catalog()
    made = root.mock("POST", "/worlds", {"catalog": catalog}).json()
    metric = "flashcards-viewed" if as_text else "steps"
    assert root.with_key(made["apiKey"]).event("ada", 5, metric)["total"] == 5
    root.mock("DELETE", f"/worlds/{made['apiKey']}")


def test_a_wrong_catalog_is_refused_with_all_that_is_wrong_with_it(root: Http) -> None:
    catalog = {"metrics": {"steps": {"unit": "m"}}, "achievements": {"walker": {"trigger": "metric"}}}
    refused(root.mock("POST", "/worlds", {"catalog": catalog}), 422, "metrics.steps", "achievements.walker")
    refused(root.mock("POST", "/worlds", {"catalog": 5}), 422, "`catalog`")
    refused(root.mock("POST", "/worlds", {"catalog": "\nmetrics = ["}), 422, "line 2", "not TOML")


@pytest.mark.parametrize("name", catalogs.BUNDLED)
def test_a_catalog_that_comes_with_the_server_may_be_named(root: Http, made: Http, name: str) -> None:
    shown = catalogs.dump(catalogs.load(catalogs.fixture(name), today=date(2026, 3, 1)))
    world = root.mock("POST", "/worlds", {"catalog": name, "now": NOON, "frozen": True}).json()["apiKey"]
    assert root.with_key(world).get("/catalog") == shown
    assert made.mock("PUT", "/catalog", name).json()["name"] == shown["name"]
    assert made.mock("PUT", "/catalog", name.encode(), Content_Type="application/toml").status_code == 200
    root.mock("DELETE", f"/worlds/{world}")


@pytest.mark.parametrize("text", ["fitnes", "errata", "../fixtures/study", "metrics = ["])
def test_one_line_that_is_neither_toml_nor_a_name_is_told_so(root: Http, made: Http, text: str) -> None:
    words = ("line 1", "not TOML", "nor is it the name", "catalog, fitness, study, reading or savings")
    refused(root.mock("POST", "/worlds", {"catalog": text}), 422, *words)
    refused(made.mock("PUT", "/catalog", text), 422, *words)


def test_one_line_of_toml_is_a_catalog(root: Http, made: Http) -> None:
    assert made.mock("PUT", "/catalog", 'name = "Bare"').json()["name"] == "Bare"
    sentence = refused(root.mock("POST", "/worlds", {"catalog": "nome = 1"}), 422, "nome")
    assert "TOML" not in sentence


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"user": 5}, ("`user`", "did you mean `users`?")),
        ({"users": -1}, ("`users`", "0 to 10000", "-1")),
        ({"users": 1.5}, ("`users`",)),
        ({"seed": "1"}, ("`seed`", "whole number", '"1"')),
        ({"now": 5}, ("`now`", "ISO 8601")),
        ({"frozen": "yes"}, ("`frozen`", "true or false")),
        ([1], ("object",)),
    ],
)
def test_a_world_that_cannot_be_made_is_refused_by_name(root: Http, body: object, words: tuple[str, ...]) -> None:
    refused(root.mock("POST", "/worlds", body), 422, *words)


def test_worlds_are_listed_until_they_are_deleted(root: Http) -> None:
    made = root.mock("POST", "/worlds").json()["apiKey"]
    assert made in [row["apiKey"] for row in root.get("/worlds")["worlds"]]
    assert root.get("/worlds")["worlds"][0]["root"] is True
    assert root.mock("DELETE", f"/worlds/{made}").status_code == 204
    assert made not in [row["apiKey"] for row in root.get("/worlds")["worlds"]]
    refused(root.with_key(made).api("GET", "/achievements"), 401)
    refused(root.mock("DELETE", f"/worlds/{made}"), 404, made)


def test_a_root_world_stays(root: Http) -> None:
    refused(root.mock("DELETE", f"/worlds/{root.key}"), 403, "reset it instead")


def test_a_made_worlds_key_acts_on_itself_alone(root: Http, made: Http) -> None:
    for method, path in (("GET", "/worlds"), ("POST", "/worlds"), ("DELETE", f"/worlds/{made.key}")):
        refused(made.mock(method, path), 403, "given at start")
    assert made.mock("POST", "/reset").status_code == 200
    assert made.api("GET", "/achievements").status_code == 200


def test_a_thousand_worlds_side_by_side_do_not_see_each_other(trophy_server: MockServer, root: Http) -> None:
    before = root.get("/worlds")["worlds"]  # other tests have the same server
    worlds = [trophy_server.world() for _ in range(1000)]
    assert len({world.api_key for world in worlds}) == 1000
    views = [root.with_key(world.api_key) for world in worlds]
    for number, view in enumerate(views):
        view.event(f"user-{number}", number + 1)
    worlds[500].advance(days=3)
    assert [_seen(view) for view in views] == [
        ([] if number == 500 else [f"user-{number}"], [number + 1]) for number in range(1000)
    ]
    for world in worlds[::2]:
        world.reset()
    left = [len(world.facts(kind="MetricChanged")) for world in worlds]
    assert left == [number % 2 for number in range(1000)]
    for world in worlds:
        world.delete()
    assert [row["apiKey"] for row in root.get("/worlds")["worlds"]] == [row["apiKey"] for row in before]


def _seen(http: Http) -> tuple[list[str], list[int]]:
    """Who has a streak in this world, and what has been written in it."""
    streaks = [row["userId"] for row in http.api("GET", "/streaks/rankings").json()]
    return streaks, [fact["total"] for fact in http.get("/facts?kind=MetricChanged")["facts"]]


def test_a_reset_is_back_to_the_seed(root: Http) -> None:
    asked = {"users": 5, "historyDays": 10, "now": NOON, "frozen": True}
    world = root.with_key(root.mock("POST", "/worlds", asked).json()["apiKey"])
    before = state_of(world)
    events = world.get("/webhooks/events")
    world.event("ada", 100)
    world.mock("POST", "/clock/advance", {"days": 3})
    world.mock("PUT", "/faults", {"errors": {"every": 1}})
    assert world.mock("POST", "/reset").json()["now"] == NOON
    assert world.get("/requests")["requests"] == []
    assert world.get("/webhooks/events") == events
    assert world.get("/faults") == {}
    assert state_of(world) == before
    root.mock("DELETE", f"/worlds/{world.key}")


def test_a_reset_brings_back_the_catalog_that_the_world_was_made_with(made: Http) -> None:
    before = made.get("/catalog")
    made.mock("PUT", "/catalog", TINY)
    made.mock("POST", "/reset")
    assert made.get("/catalog") == before


def test_a_restored_snapshot_is_everything_as_it_was(trophy_server: MockServer) -> None:
    with trophy_server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
        http.event("ada", 100)
        snapshot = world.snapshot()
        before = state_of(http)
        http.event("bob", 100)
        world.advance(days=3)
        world.set_catalog(TINY)
        world.restore(snapshot)
        assert world.control("GET", "/clock")["now"] == NOON
        assert state_of(http) == before
        assert world.webhooks() == []
        # and what would have followed follows again
        assert world.advance(days=3)["counts"]["StreakLost"] == 1
        world.restore(snapshot)
        assert http.event("ada", 1)["total"] == 101


def test_snapshots_are_listed_restored_often_and_deleted(made: Http) -> None:
    first, second = (made.mock("POST", "/snapshots").json()["id"] for _ in range(2))
    assert [row["id"] for row in made.get("/snapshots")["snapshots"]] == [first, second]
    for _ in range(2):
        assert made.mock("POST", f"/snapshots/{first}/restore").status_code == 200
    assert made.mock("DELETE", f"/snapshots/{first}").status_code == 204
    refused(made.mock("POST", f"/snapshots/{first}/restore"), 404, first, second)
    refused(made.mock("DELETE", f"/snapshots/{first}"), 404, first)
    made.mock("POST", "/reset")
    assert made.mock("POST", f"/snapshots/{second}/restore").status_code == 200


def test_there_is_an_end_to_snapshots(made: Http) -> None:
    responses = [made.mock("POST", "/snapshots") for _ in range(101)]
    assert [response.status_code for response in responses[:100]] == [201] * 100
    refused(responses[100], 422, "100 snapshots")


def test_the_catalog_can_be_put_back_as_it_is(made: Http) -> None:
    catalog = made.get("/catalog")
    assert made.mock("PUT", "/catalog", catalog).json() == catalog == made.get("/catalog")


def test_a_catalog_is_put_as_toml_too_and_counts_its_days_from_the_first_of_the_world(
    trophy_server: MockServer,
) -> None:
    with trophy_server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
        world.advance(days=10)
        response = http.mock("PUT", "/catalog", WALKERS.encode(), Content_Type="application/toml")
        assert response.status_code == 200, response.text
        assert response.json()["leaderboards"]["walkers"]["start"] == "2026-03-03"


def test_what_becomes_active_is_given_in_silence_to_those_who_qualify(trophy_server: MockServer) -> None:
    with trophy_server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
        http.event("ada", 5000)
        catalog = world.catalog()
        new = {"name": "Late", "trigger": "metric", "metricKey": "words-written", "metricValue": 4000}
        catalog["achievements"]["late"] = new
        actual = len(world.webhooks())
        world.set_catalog(catalog)
        assert "Late" in [row["name"] for row in http.api("GET", "/users/ada/achievements").json()]
        assert world.facts(kind="AchievementCompleted")[0]["silent"] is True
        assert len(world.webhooks()) == actual


def test_a_wrong_catalog_leaves_the_old_one_in_force(made: Http) -> None:
    before = made.get("/catalog")
    refused(made.mock("PUT", "/catalog", {"metrics": {"steps": {"nome": "Steps"}}}), 422, "metrics.steps", "nome")
    refused(made.mock("PUT", "/catalog", b"metrics = [", Content_Type="application/toml"), 422, "line 1")
    refused(made.mock("PUT", "/catalog", b"\xff", Content_Type="application/toml"), 400, "UTF-8")
    refused(made.mock("PUT", "/catalog", b'{"metrics"'), 400, "JSON")
    assert made.get("/catalog") == before


def test_the_tenant_header_counts(trophy_server: MockServer) -> None:
    catalog = trophy_server.catalog()
    catalog["settings"] |= {"multiTenant": True, "tenants": ["north", "south"]}
    with trophy_server.world(catalog=catalog, now=NOON, frozen=True) as world, speaking_to(world) as http:
        for tenant, value in (("north", 1), ("south", 2)):
            body = {"user": {"id": "ada"}, "value": value}
            response = http.api("POST", "/metrics/words-written/event", body, Tenant_ID=tenant)
            assert response.status_code == 201
        refused(http.mock("GET", "/facts"), 422, "Tenant-ID")
        refused(http.mock("GET", "/facts", Tenant_ID="west"), 404, "west")
        south = http.mock("GET", "/facts?kind=MetricChanged", Tenant_ID="south").json()["facts"]
        assert [fact["total"] for fact in south] == [2]
        moved = http.mock("POST", "/clock/advance", {"days": 3}).json()
        lost = [fact["tenant"] for fact in moved["facts"] if fact["kind"] == "StreakLost"]
        assert lost == ["north", "south"]
        events = http.mock("GET", "/webhooks/events", Tenant_ID="north").json()["events"]
        assert {event["tenant"] for event in events} == {"north"}
        requests = http.mock("GET", "/requests", Tenant_ID="south").json()["requests"]
        assert {row["tenant"] for row in requests} == {"south"}
        assert len(http.get("/requests")["requests"]) > len(requests) > 0


def test_a_tenant_comes_into_being_with_the_first_request_that_is_accepted(trophy_server: MockServer) -> None:
    catalog = trophy_server.catalog()
    catalog["settings"] |= {"multiTenant": True}
    with trophy_server.world(catalog=catalog, now=NOON, frozen=True) as world, speaking_to(world) as http:
        assert http.api("PUT", "/users/ada", {}, Tenant_ID="real").status_code == 200
        refused(http.api("PUT", "/users/%FF", {}, Tenant_ID="ghost"), 400)
        refused(http.api("GET", "/users/nobody", Tenant_ID="ghost"), 422)
        assert http.mock("GET", "/facts", Tenant_ID="ghost").json()["total"] == 0
        world.advance(days=14)
        assert {event["tenant"] for event in http.get("/webhooks/events")["events"]} == {"real"}


def test_tenants_come_and_go_with_the_catalog_and_nobody_is_forgotten(trophy_server: MockServer) -> None:
    catalog = trophy_server.catalog()
    several = catalog | {"settings": catalog["settings"] | {"multiTenant": True, "tenants": ["north"]}}
    more = several | {"settings": several["settings"] | {"tenants": ["north", "south"]}}
    with trophy_server.world(catalog=several, now=NOON, frozen=True) as world, speaking_to(world) as http:
        assert http.api("PUT", "/users/ada", {"name": "North"}, Tenant_ID="north").status_code == 200
        assert http.mock("PUT", "/catalog", catalog).status_code == 200
        assert http.api("PUT", "/users/ada", {"name": "Nobody's"}).status_code == 200
        assert http.api("GET", "/users/ada").json()["name"] == "Nobody's"
        assert http.mock("PUT", "/catalog", more).status_code == 200
        assert http.api("GET", "/users/ada", Tenant_ID="north").json()["name"] == "North"
        tenants = http.send("GET", "/admin/v1/tenants").json()
        assert [row["customerId"] for row in tenants] == ["north", "south"]

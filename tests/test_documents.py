"""Other versions of the spec: served as far as possible, and what is not possible is reported at the start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from clients.run import walk_python
from clients.versions import NEWEST
from clients.walk import walk_application
from contract_runs import verify
from edits import SPEC, edited, operation, schema
from newer import EMAILS, newer
from processes import serving
from trophy import TrophyApi, TrophyApiEnvironment

from contract_tests.spec import Spec
from mockserver.cli import main
from mockserver.spec import SpecError
from mockserver.spec.compiler import compiled
from mockserver.testing import ControlError, MadeWorld, MockServer
from mockserver.webhooks.bodies import EVERY_KIND, KINDS

KEY = {"X-API-KEY": "00000000.local"}
OPERATIONS = "users_streak,streaks_list,users_leaderboard"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(document=newer(), now="2026-03-01T12:00:00Z", frozen=True) as server:
        yield server


@pytest.fixture
def world(server: MockServer) -> Iterator[MadeWorld]:
    with server.world(users=12, history_days=20) as world:
        yield world


def test_the_newest_client_reads_all_that_a_newer_spec_declares(server: MockServer) -> None:
    walked = walk_python(server, NEWEST)
    assert list(walked.errors()) == []
    assert len(walked.said["application"]) == 27
    assert set(walked.said["webhooks"]) == set(EVERY_KIND)


def test_every_response_is_valid_under_the_built_in_spec_and_under_a_newer_one(world: MadeWorld) -> None:
    responses: list[httpx.Response] = []

    def keep(response: httpx.Response) -> None:
        response.read()
        responses.append(response)

    environment = TrophyApiEnvironment(api=world.url, admin=world.admin_url)
    with httpx.Client(event_hooks={"response": [keep]}) as http:
        walk_application(TrophyApi(api_key=world.api_key, environment=environment, httpx_client=http))
    seen = set()
    for openapi in (Spec(SPEC), Spec(newer())):
        for response in responses:
            found = openapi.find(response.request.method, response.request.url.path.removeprefix("/v1"))
            assert found is not None, response.request.url
            seen.add(found.id)
            media = response.headers["content-type"]
            assert openapi.check_response(found, response.status_code, media, response.content) == [], found.id
    assert len(seen) == 27


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_every_webhook_of_a_newer_spec_can_be_triggered(world: MadeWorld, kind: str) -> None:
    body = world.control("POST", "/webhooks/trigger", {"type": kind})["event"]["body"]
    assert compiled(newer()).webhooks[kind].check(body) is None


def test_a_reminder_of_a_streak_that_was_made_up_is_about_one_that_ends_today(server: MockServer) -> None:
    with server.world(now="2026-03-01T12:00:00Z", frozen=True) as empty:
        body = empty.control("POST", "/webhooks/trigger", {"type": "emails.streak_reminder_due"})["event"]["body"]
    streak = body["streak"]
    assert (streak["length"], streak["periodEnd"], streak["expires"]) == (1, "2026-02-28", "2026-03-01")
    assert [row["length"] for row in streak["streakHistory"]] == [0, 0, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("kind", EMAILS)
def test_a_webhook_of_other_versions_is_refused_where_it_is_not_served(kind: str) -> None:
    assert kind not in KINDS
    with MockServer(socket=False) as shipped:
        for call in ("/webhooks/trigger", "/webhooks/events?type=" + kind):
            with pytest.raises(ControlError, match="other versions of the spec"):
                shipped.control(
                    "POST" if call.endswith("r") else "GET", call, {"type": kind} if call[-1] == "r" else None
                )
        with pytest.raises(ControlError, match="other versions of the spec"):
            shipped.add_webhook("http://127.0.0.1:9/", events=[kind])


def status(server: MockServer, path: str) -> int:
    with httpx.Client(transport=server.transport(httpx)) as http:
        return http.get(f"{server.url}{path}", headers={"X-API-KEY": server.api_key}).status_code


def test_what_a_spec_lacks_is_not_served_and_its_limits_are_its_own() -> None:
    for openapi, rankings, no_events in ((newer(), 404, 200), (None, 200, 422)):
        with MockServer(document=openapi, users=3, history_days=3, socket=False) as served:
            assert status(served, "/streaks/rankings") == rankings
            assert status(served, "/users/user-123/leaderboards/all-time?numEvents=0") == no_events


def test_webhooks_that_a_spec_lacks_are_not_sent() -> None:
    lacking = {"streak.started", "leaderboard.rank_changed"}

    def older(openapi: dict[str, Any]) -> None:
        for kind in lacking:
            del openapi["webhooks"][kind]

    body = {"user": {"id": "ada"}, "value": 100}
    for openapi in (edited(older), None):
        with MockServer(document=openapi, socket=False) as served:
            with httpx.Client(transport=served.transport(httpx)) as http:
                http.post(f"{served.url}/metrics/words-written/event", json=body, headers=KEY).raise_for_status()
            sent = {event["type"] for event in served.webhooks()}
        assert sent & lacking == (set() if openapi else lacking)
        assert {"achievement.completed", "leaderboard.changed"} <= sent


def test_the_base_url_is_where_the_spec_says() -> None:
    def move(openapi: dict[str, Any]) -> None:
        openapi["servers"] = [{"url": "https://api.trophy.so/v2"}]

    for socket in (True, False):
        with MockServer(document=edited(move), socket=socket) as served:
            assert served.url.endswith("/v2")
            assert served.admin_url == served.url.removesuffix("/v2") + "/admin/v1"
            assert served.now


# What cannot be served


def beyond(openapi: dict[str, Any]) -> None:
    """What no mock of today has: an operation, a parameter, a webhook, a required field, and one that is declared
    in a way that cannot be used."""
    paths = openapi["paths"]
    paths["/teleport"] = {"post": {**operation(openapi, "/users", "post"), "operationId": "users_teleport"}}
    paths["/ping"] = {"get": {"operationId": "ping", "responses": {"200": {"description": "fine"}}}}
    late = {"name": "late", "in": "query", "schema": {"type": "string"}}
    operation(openapi, "/points/{key}/boosts", "get")["parameters"].append(late)
    openapi["webhooks"]["streak.found"] = openapi["webhooks"]["streak.lost"]
    schema(openapi, "BaseStreakResponse")["properties"]["mood"] = {"type": "string"}
    schema(openapi, "BaseStreakResponse")["required"].append("mood")


LACKS = (
    "ping: the mock cannot use it, since it declares no status for a refused request",
    "users_teleport: the mock has no POST /teleport",
    "points_boosts: the spec gives `late`, but the function does not take it",
    "streak.found: the mock has no such webhook",
    'users_streak: what the mock sends of status 200 breaks the spec at (the whole body): "mood" is a required',
    "streak.extended: what the mock sends breaks the spec at /streak: ",
)


def test_all_that_cannot_be_served_is_said_at_once_with_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "next.json"
    file.write_text(json.dumps(edited(beyond)))
    result = CliRunner().invoke(main, ["serve", "--port", "0", "--users", "0", "--document", str(file)])
    assert result.exit_code == 2
    assert f"{file} (version 1.8.0) has what this mock lacks:" in result.output
    for line in LACKS:
        assert line in result.output
    assert "--partial serves the rest" in result.output
    with pytest.raises(SpecError, match="users_teleport: the mock has no POST /teleport"):
        MockServer(document=file).start()


def test_the_rest_is_served_when_asked_for(tmp_path: Path) -> None:
    file = tmp_path / "next.json"
    file.write_text(json.dumps(edited(beyond)))
    with (
        serving("--users", "2", "--history-days", "2", "--document", str(file), "--partial") as url,
        httpx.Client() as http,
    ):
        found = {
            path: http.get(f"{url}{path}", headers=KEY).status_code
            for path in ("/ping", "/points/xp/boosts", "/points/xp")
        }
        streak = http.get(f"{url}/users/user-123/streak", headers=KEY)
    assert found == {"/ping": 404, "/points/xp/boosts": 404, "/points/xp": 200}
    assert streak.status_code == 200
    assert "mood" not in streak.json()


def test_partial_without_a_spec_is_a_mistake() -> None:
    result = CliRunner().invoke(main, ["serve", "--partial"])
    assert result.exit_code == 2
    assert "--partial is about --document, which is not given." in result.output


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("{}", "cannot be used"), (None, "Cannot read")], ids=str
)
def test_a_spec_that_cannot_be_used_is_said_in_a_sentence(tmp_path: Path, text: str | None, says: str) -> None:
    file = tmp_path / "next.json"
    if text is not None:
        file.write_text(text)
    result = CliRunner().invoke(main, ["serve", "--document", str(file)])
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert says in result.output


def test_the_suite_starts_our_server_with_the_spec_that_it_checks(tmp_path: Path) -> None:
    file = tmp_path / "newer.json"
    file.write_text(json.dumps(newer()))
    run = verify(
        "--document", str(file), "--profile", "quick", "--parts", "operations,stateful", "--operations", OPERATIONS
    )
    assert run.code == 0, run.said

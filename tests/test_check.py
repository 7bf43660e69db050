"""`mockserver check`: every contradiction is found and has a correction; every change is found and judged right."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from edits import SPEC, Edit, at, edited, operation, schema

from mockserver.check import check
from mockserver.spec.comparison import Change, compare
from mockserver.spec.contradictions import contradictions
from mockserver.spec.errata import errata, unexplained


def run(*arguments: str) -> Result:
    return CliRunner().invoke(check, arguments)


def test_every_contradiction_that_analysis_finds_has_a_row() -> None:
    assert unexplained(contradictions(SPEC), errata()) == []


def test_every_row_but_those_found_by_reading_covers_each_of_its_names() -> None:
    found = contradictions(SPEC)
    for row in errata():
        if row.kind != "reading" and not row.since:
            assert {one.name for one in found if row.explains(one)} == set(row.names), row
    assert sum(row.kind == "reading" for row in errata()) < len(errata()) / 4


def test_every_row_points_into_the_spec() -> None:
    for row in errata():
        steps = [step.replace("~1", "/").replace("~0", "~") for step in row.where.removeprefix("#/").split("/")]
        assert at(SPEC, *(int(step) if step.isdigit() else step for step in steps)) is not None


@pytest.mark.parametrize(
    ("edit", "kind", "name"),
    [
        (lambda d: schema(d, "StreakRankingUser")["required"].append("ghost"), "required", "ghost"),
        (lambda d: schema(d, "PointsRange")["properties"].pop("users"), "required", "users"),
        (lambda d: schema(d, "PointsRange")["required"].append("share"), "required", "share"),
        (lambda d: schema(d, "PointsRange")["properties"]["from"].update(type="string"), "example", "type"),
        (lambda d: schema(d, "BaseStreakResponse")["properties"].pop("freezes"), "undefined", "freezes"),
        (lambda d: schema(d, "User")["properties"]["name"].update(example=3), "example", "type"),
        (
            lambda d: at(d, "paths", "/streaks/rankings", "get", "parameters", 0, "schema").update(maximum=50),
            "description",
            "maximum",
        ),
        (
            lambda d: schema(d, "WrappedMostActiveDay")["allOf"][1]["properties"]["date"].pop("format"),
            "description",
            "format",
        ),
        (
            lambda d: schema(d, "PointsTrigger")["properties"]["eventAttribute"].pop("deprecated"),
            "description",
            "deprecated",
        ),
    ],
)
def test_a_new_contradiction_is_found(edit: Edit, kind: str, name: str) -> None:
    new = unexplained(contradictions(edited(edit)), errata())
    assert (kind, name) in {(one.kind, one.name) for one in new}


def test_a_contradiction_that_was_put_right_is_found_no_more() -> None:
    def put_right(openapi: dict[str, Any]) -> None:
        schema(openapi, "LeaderboardResponse")["properties"]["status"] = {"type": "string"}

    assert "required" not in {one.kind for one in contradictions(edited(put_right)) if one.name == "status"}


def test_the_report_shows_operations_webhooks_and_contradictions_with_what_the_mock_does() -> None:
    result = run()
    assert result.exit_code == 0
    assert "28 operations, 14 webhooks" in result.output
    for name in (
        "users_get",
        "POST /metrics/{key}/event",
        "leaderboard.rank_changed",
        "GET /streaks, parameter",
        "33 ×",
    ):
        assert name in result.output
    for row in errata():
        assert row.mock.split()[0] in result.output
    assert "Not explained" not in result.output


def test_the_command_runs_as_a_user_would_run_it() -> None:
    command = [sys.executable, "-m", "mockserver", "check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1])
    assert "Contradictions" in done.stdout


def test_nothing_in_a_spec_is_markup_or_steers_a_terminal(tmp_path: Path) -> None:
    raw = copy.deepcopy(SPEC)
    raw["info"]["version"] = "[/odd]\u202e"
    raw["paths"]["/[/odd]\u009b"] = {"get": raw["paths"]["/achievements"]["get"] | {"operationId": "odd\u202e"}}
    (tmp_path / "odd.json").write_text(json.dumps(raw))
    done = run(str(tmp_path / "odd.json"))
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert "[/odd]" in done.output
    assert not {"\u202e", "\u009b"} & {*done.output}


def test_a_spec_does_not_differ_from_itself(tmp_path: Path) -> None:
    assert compare(SPEC, copy.deepcopy(SPEC)) == []
    same = tmp_path / "same.json"
    same.write_text(json.dumps(SPEC, indent=1))
    result = run(str(same))
    assert (result.exit_code, "no changes" in result.output) == (0, True)


EVENT_BODY = ("paths", "/metrics/{key}/event", "post", "requestBody", "content", "application/json", "schema")
LIMIT = ("paths", "/streaks/rankings", "get", "parameters", 0)
STREAKS = SPEC["paths"]["/streaks"]["get"]
PAGE = {"name": "page", "in": "query", "schema": {"type": "integer"}}
ONE_OF_THREE = "is one of active, longest, sum, was active, longest"
HOURLY = "is one of daily, hourly, was daily, monthly, weekly"
LOST = ("webhooks", "streak.lost", "post", "requestBody", "content", "application/json", "schema")


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda d: d["paths"].pop("/streaks"), Change("removed", "streaks_list", "operation", True)),
        (
            lambda d: d["paths"]["/streaks"].update(post={**STREAKS, "operationId": "streaks_set"}),
            Change("added", "streaks_set", "operation POST /streaks", False),
        ),
        (
            lambda d: d["paths"].update({"/runs": d["paths"].pop("/streaks")}),
            Change("changed", "streaks_list", "GET /streaks → GET /runs", True),
        ),
        (
            lambda d: at(d, *LIMIT[:-1]).append({**PAGE, "required": True}),
            Change("added", "streaks_rankings parameter", "query page, required", True),
        ),
        (
            lambda d: at(d, *LIMIT[:-1]).append(PAGE),
            Change("added", "streaks_rankings parameter", "query page", False),
        ),
        (lambda d: at(d, *LIMIT[:-1]).pop(0), Change("removed", "streaks_rankings parameter", "query limit", True)),
        (
            lambda d: at(d, *LIMIT)["schema"].update(maximum=50),
            Change("changed", "streaks_rankings parameter", "query limit has the maximum 50, had 100", True),
        ),
        (
            lambda d: at(d, *LIMIT)["schema"].update(maximum=500),
            Change("changed", "streaks_rankings parameter", "query limit has the maximum 500, had 100", False),
        ),
        (
            lambda d: at(d, *LIMIT)["schema"].pop("minimum"),
            Change("changed", "streaks_rankings parameter", "query limit has the minimum none, had 1", False),
        ),
        (
            lambda d: at(d, *LIMIT)["schema"].update(default=20),
            Change("changed", "streaks_rankings parameter", "query limit has the default 20, had 10", False),
        ),
        (
            lambda d: at(d, *LIMIT).update(required=True),
            Change("changed", "streaks_rankings parameter", "query limit became required", True),
        ),
        (
            lambda d: at(d, "paths", "/streaks/rankings", "get", "parameters", 1, "schema", "enum").append("sum"),
            Change("changed", "streaks_rankings parameter", f"query type {ONE_OF_THREE}", False),
        ),
        (
            lambda d: at(d, *EVENT_BODY, "required").append("attributes"),
            Change("changed", "metrics_event request", "attributes became required", True),
        ),
        (
            lambda d: at(d, *EVENT_BODY, "required").remove("value"),
            Change("changed", "metrics_event request", "value became optional", False),
        ),
        (
            lambda d: at(d, *EVENT_BODY, "properties", "value").update(type="integer"),
            Change("changed", "metrics_event request", "value is integer, was number", True),
        ),
        (
            lambda d: at(d, *EVENT_BODY, "properties", "value").update(type=["number", "string"]),
            Change("changed", "metrics_event request", "value is number, string, was number", False),
        ),
        (
            lambda d: schema(d, "UpdatedUser")["properties"].update(locale={"type": "string"}),
            Change("added", "metrics_event request", "user.locale", False),
        ),
        (
            lambda d: schema(d, "UpdatedUser")["properties"].pop("tz"),
            Change("removed", "users_update request", "tz", True),
        ),
        (lambda d: schema(d, "User")["properties"].pop("tz"), Change("removed", "users_get 200", "tz", True)),
        (
            lambda d: schema(d, "User")["properties"].update(locale={"type": "string"}),
            Change("added", "achievement.completed webhook", "user.locale", False),
        ),
        (
            lambda d: schema(d, "User")["required"].remove("tz"),
            Change("changed", "users_create 201", "tz became optional", True),
        ),
        (
            lambda d: schema(d, "User")["required"].append("deviceTokens"),
            Change("changed", "users_get 200", "deviceTokens became required", False),
        ),
        (
            lambda d: schema(d, "User")["properties"]["subscribeToEmails"].update(type=["boolean", "null"]),
            Change("changed", "users_get 200", "subscribeToEmails is boolean, null, was boolean", True),
        ),
        (
            lambda d: schema(d, "User")["properties"]["name"].update(type="string"),
            Change("changed", "users_get 200", "name is string, was null, string", False),
        ),
        (
            lambda d: schema(d, "StreakFrequency").update(enum=["daily", "hourly"]),
            Change("changed", "users_streak 200", f"frequency {HOURLY}", True),
        ),
        (
            lambda d: schema(d, "PointsAward")["properties"].pop("total"),
            Change("removed", "metrics_event 201", "points{}.awards[].total", True),
        ),
        (
            lambda d: operation(d, "/users/{id}", "get")["responses"].update({"404": {"description": "none"}}),
            Change("added", "users_get", "status 404", False),
        ),
        (
            lambda d: operation(d, "/users/{id}", "get")["responses"].pop("400"),
            Change("removed", "users_get", "status 400", False),
        ),
        (lambda d: d["webhooks"].pop("streak.lost"), Change("removed", "streak.lost", "webhook", True)),
        (
            lambda d: d["webhooks"].update({"streak.found": d["webhooks"]["streak.lost"]}),
            Change("added", "streak.found", "webhook", False),
        ),
        (lambda d: at(d, *LOST, "properties").pop("length"), Change("removed", "streak.lost webhook", "length", True)),
    ],
)  # fmt: skip
def test_a_change_is_named_and_judged(edit: Edit, expected: Change) -> None:
    assert expected in compare(SPEC, edited(edit))


def test_what_comes_with_something_new_is_not_reported_again() -> None:
    def edit(openapi: dict[str, Any]) -> None:
        schema(openapi, "User")["properties"]["home"] = {"type": "object", "properties": {"city": {"type": "string"}}}

    changes = compare(SPEC, edited(edit))
    assert {change.what for change in changes if change.where == "users_get 200"} == {"home"}


def test_a_schema_inside_itself_is_compared_once() -> None:
    def edit(openapi: dict[str, Any]) -> None:
        schema(openapi, "User")["properties"]["friend"] = {"$ref": "#/components/schemas/User"}

    changes = compare(SPEC, edited(edit))
    assert {change.what for change in changes if change.where == "users_get 200"} == {"friend"}


def written(path: Path, edit: Edit) -> str:
    path.write_text(json.dumps(edited(edit)))
    return str(path)


def test_a_breaking_change_makes_the_exit_code_1_and_a_harmless_one_leaves_it_0(tmp_path: Path) -> None:
    def rename(openapi: dict[str, Any]) -> None:
        operation(openapi, "/streaks", "get")["operationId"] = "streaks_bulk"

    breaking = run(written(tmp_path / "a.json", rename))
    assert breaking.exit_code == 1
    assert "2 changes, 1 of them breaking" in breaking.output
    assert "streaks_bulk: the mock has no GET /streaks" in breaking.output
    harmless = run(
        written(tmp_path / "b.json", lambda d: schema(d, "PointsRange")["properties"].update(x={"type": "null"}))
    )
    assert harmless.exit_code == 0
    assert "points_summary 200" in harmless.output


def test_what_the_mock_lacks_for_the_new_spec_is_listed(tmp_path: Path) -> None:
    def edit(openapi: dict[str, Any]) -> None:
        openapi["webhooks"]["streak.found"] = openapi["webhooks"]["streak.lost"]
        at(openapi, *LIMIT[:-1]).append({"name": "startAfter", "in": "query", "schema": {"type": "string"}})
        schema(openapi, "PointsRange")["required"].append("share")

    output = run(written(tmp_path / "new.json", edit)).output
    assert "streak.found: the mock has no such webhook" in output
    assert "streaks_rankings: the spec gives `start_after`, but the function does not take it" in output
    assert "requires `share`, which no property defines" in output


def test_a_spec_that_the_mock_cannot_serve_yet_is_compared_all_the_same(tmp_path: Path) -> None:
    def edit(openapi: dict[str, Any]) -> None:
        responses = {"200": {"description": "fine"}}
        openapi["paths"]["/ping"] = {"get": {"operationId": "ping", "responses": responses}}

    result = run(written(tmp_path / "new.json", edit))
    assert result.exit_code == 0
    assert "operation GET /ping" in result.output
    assert "ping: the mock cannot use it, since it declares no status for a refused request" in result.output


@pytest.mark.parametrize(
    ("text", "says"), [("{", "is not JSON"), ("{}", "cannot be used"), (None, "Cannot read")], ids=str
)
def test_a_spec_that_cannot_be_used_makes_the_exit_code_2(tmp_path: Path, text: str | None, says: str) -> None:
    path = tmp_path / "new.json"
    if text is not None:
        path.write_text(text)
    result = run(str(path))
    assert result.exit_code == 2
    assert says in result.output
    assert "Traceback" not in result.output

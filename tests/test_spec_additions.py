"""Fields that newer clients require: defined as data, required in every response, and never in conflict with a spec."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest
from click.testing import CliRunner
from edits import SPEC, edited, schema

from mockserver.check import check
from mockserver.spec import SpecError
from mockserver.spec.additions import additions
from mockserver.spec.compiler import compiled, resource

ROWS = additions(resource("fixtures") / "additions.toml")
EXAMPLES = {
    ("users_get", "User"): "users_get.200.json",
    ("users_streak", "StreakResponse"): "users_streak.200.json",
    ("users_leaderboard", "LeaderboardEvent"): "users_leaderboard.200.json",
    ("leaderboards_get", "LeaderboardResponse"): "leaderboards_get.200.json",
}


def _example(name: str) -> Any:
    import json

    return json.loads((resource("fixtures") / "examples" / name).read_text())


def _without(value: Any, field: str) -> Any:
    """A copy in which no object has the field any more."""
    if isinstance(value, list):
        return [_without(row, field) for row in value]
    if isinstance(value, dict):
        return {key: _without(row, field) for key, row in value.items() if key != field}
    return value


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.field)
def test_a_response_without_an_added_field_is_none(row: Any) -> None:
    openapi = compiled(SPEC)
    (operation, _), file = next((key, file) for key, file in EXAMPLES.items() if key[1] == row.schema)
    example = _example(file)
    name = row.field.rpartition(".")[2]
    assert openapi.operations[operation].check_response(200, example) is None
    fault = openapi.operations[operation].check_response(200, _without(example, name))
    assert fault is not None
    assert f'"{name}" is a required property' in fault


def test_what_a_spec_has_itself_is_its_own() -> None:
    def newer(openapi: Any) -> None:
        own = schema(openapi, "LeaderboardEvent")
        own["properties"]["date"] = {"type": "string"}

    left = compiled(edited(newer)).additions
    assert [row for row in ROWS if row not in left] == [row for row in ROWS if row.field == "date"]


def test_an_addition_that_contradicts_the_spec_stops_the_start() -> None:
    def other_type(openapi: Any) -> None:
        schema(openapi, "User")["properties"]["signUpDate"] = {"type": "integer"}

    def closed(openapi: Any) -> None:
        schema(openapi, "User")["additionalProperties"] = False

    with pytest.raises(SpecError, match=re.escape("adds `signUpDate` to User, but the spec says integer")):
        compiled(edited(other_type))
    with pytest.raises(SpecError, match="adds `signUpDate` to User, but the spec allows no further fields"):
        compiled(edited(closed))


def test_a_spec_without_the_schema_needs_no_addition_to_it() -> None:
    before = deepcopy(SPEC)
    left = compiled(edited(lambda openapi: schema(openapi, "User")["properties"].update(signUpDate={}))).additions
    assert "signUpDate" not in {row.field for row in left}
    assert before == SPEC  # nothing is written into the spec itself


def test_check_lists_them() -> None:
    printed = CliRunner().invoke(check, []).output
    for row in ROWS:
        assert re.search(rf"{row.schema} .*{re.escape(row.field)} .*{re.escape(row.since)}", printed), row

"""`mockserver check NEW`: who is let in, where the server is, how values are written, and how far they may go."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from edits import SPEC, Edit, at, edited, operation, schema

from mockserver.check import check
from mockserver.spec.comparison import Change, compare
from mockserver.spec.compiler import operations_of

OPERATIONS = [declared["operationId"] for _, _, _, declared in operations_of(SPEC)]
KEY = ("components", "securitySchemes", "ApiKeyAuth")
HEADER = "security header X-API-KEY"
V1, V2 = "https://api.trophy.so/v1", "https://api.trophy.so/v2"
SPARE = "https://spare.trophy.so/v1"
STREAKS, IDS = ("paths", "/streaks"), ("paths", "/streaks", "get", "parameters", 0)
EVENT = ("paths", "/metrics/{key}/event", "post", "requestBody")
EVENT_BODY = (*EVENT, "content", "application/json", "schema")
LOST = ("webhooks", "streak.lost", "post", "requestBody")


def changed(where: str, what: str, breaking: bool) -> Change:
    return Change("changed", where, what, breaking)


def secure(openapi: dict[str, Any], **schemes: dict[str, Any]) -> None:
    openapi["components"]["securitySchemes"].update(schemes)


def everywhere(openapi: dict[str, Any], security: list[dict[str, list[str]]] | None) -> None:
    for _, _, _, declared in operations_of(openapi):
        declared.pop("security")  # type: ignore[attr-defined]
    if security is not None:
        openapi["security"] = security


def keyless(openapi: dict[str, Any]) -> None:
    everywhere(openapi, None)
    openapi["components"].pop("securitySchemes")


def two_ways(openapi: dict[str, Any]) -> None:
    secure(openapi, Bearer={"type": "http", "scheme": "bearer"})
    everywhere(openapi, [{"ApiKeyAuth": []}, {"Bearer": []}])


def two_keys(openapi: dict[str, Any]) -> None:
    secure(openapi, Bearer={"type": "http", "scheme": "bearer"})
    everywhere(openapi, [{"ApiKeyAuth": [], "Bearer": []}])


@pytest.mark.parametrize(
    ("edit", "what", "breaking"),
    [
        (lambda d: at(d, *KEY).update(name="X-TROPHY-KEY"), f"{HEADER} → header X-TROPHY-KEY", True),
        (lambda d: at(d, *KEY).update({"in": "query", "name": "key"}), f"{HEADER} → query key", True),
        (lambda d: everywhere(d, None), f"{HEADER} → none", False),
        (keyless, f"{HEADER} → none", False),
        (two_ways, f"{HEADER} → header X-API-KEY or http bearer", False),
        (two_keys, f"{HEADER} → header X-API-KEY and http bearer", True),
        (lambda d: everywhere(d, [{"ApiKeyAuth": []}, {}]), f"{HEADER} → header X-API-KEY or none", False),
    ],
)
def test_another_key_is_reported_for_every_operation(edit: Edit, what: str, breaking: bool) -> None:
    assert compare(SPEC, edited(edit)) == [changed(name, what, breaking) for name in OPERATIONS]


def test_one_operation_without_a_key_is_reported_alone_and_a_new_need_of_one_breaks() -> None:
    new = edited(lambda d: operation(d, "/streaks", "get").update(security=[]))
    assert compare(SPEC, new) == [changed("streaks_list", f"{HEADER} → none", False)]
    assert compare(new, SPEC) == [changed("streaks_list", "security none → header X-API-KEY", True)]


def test_a_scope_more_breaks_and_a_scope_less_does_not() -> None:
    def with_scopes(*scopes: str) -> dict[str, Any]:
        token = {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://t.so", "scopes": {}}}}
        return edited(lambda d: (secure(d, Token=token), everywhere(d, [{"Token": list(scopes)}])))

    few, many = with_scopes("read"), with_scopes("read", "write")
    words = ("oauth2 https://t.so and scope read", "oauth2 https://t.so and scope read and scope write")
    assert compare(few, many)[0] == changed(OPERATIONS[0], f"security {words[0]} → {words[1]}", True)
    assert compare(many, few)[0] == changed(OPERATIONS[0], f"security {words[1]} → {words[0]}", False)


def rename_scheme(openapi: dict[str, Any]) -> None:
    openapi["components"]["securitySchemes"] = {"Key": {**at(openapi, *KEY), "name": "x-api-key"}}
    everywhere(openapi, [{"Key": []}])


@pytest.mark.parametrize(
    "edit",
    [
        rename_scheme,
        lambda d: at(d, "servers", 0).update(url=f"{V1}/", description="The API"),
        lambda d: at(d, *IDS).update(style="form", explode=True),
        lambda d: at(d, *EVENT_BODY, "properties", "value").update(additionalProperties=True),
        lambda d: at(d, *IDS, "schema").update(minItems=0, uniqueItems=False),
        lambda d: at(d, *IDS, "schema", "items").update(minLength=0),
        lambda d: at(d, "paths", "/streaks/rankings", "get", "parameters", 0, "schema").update(exclusiveMinimum=0),
    ],
)
def test_the_same_said_in_other_words_is_no_change(edit: Edit) -> None:
    assert compare(SPEC, edited(edit)) == []


def move_all(openapi: dict[str, Any]) -> None:
    openapi["servers"][0]["url"] = V2
    for item in openapi["paths"].values():
        item["servers"][0]["url"] = V2


def regions(openapi: dict[str, Any]) -> None:
    area = {"default": "api", "enum": ["api", "spare"]}
    openapi["servers"] = [{"url": "https://{area}.trophy.so/v1", "variables": {"area": area}}]


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (lambda d: at(d, "servers", 0).update(url=V2), [changed("the spec", f"server {V1} → {V2}", True)]),
        (lambda d: d.pop("servers"), [changed("the spec", f"server {V1} → /", True)]),
        (
            lambda d: d["servers"].append({"url": SPARE}),
            [changed("the spec", f"server {V1} → {V1}, {SPARE}", False)],
        ),
        (regions, [changed("the spec", f"server {V1} → {V1}, {SPARE}", False)]),
        (
            lambda d: at(d, *STREAKS, "servers", 0).update(url=V2),
            [changed("streaks_list", f"server {V1} → {V2}", True)],
        ),
        (
            lambda d: at(d, *STREAKS)["get"].update(servers=[{"url": V2}, {"url": V1}]),
            [changed("streaks_list", f"server {V1} → {V2}, {V1}", False)],
        ),
        (lambda d: at(d, *STREAKS).pop("servers"), []),
        (move_all, [changed(name, f"server {V1} → {V2}", True) for name in ("the spec", *OPERATIONS)]),
    ],
)
def test_servers_are_compared_where_they_are_declared(edit: Edit, expected: list[Change]) -> None:
    assert compare(SPEC, edited(edit)) == expected


def test_a_move_that_operations_inherit_is_reported_once() -> None:
    old = edited(lambda d: [item.pop("servers") for item in d["paths"].values()])
    new = edited(lambda d: at(d, "servers", 0).update(url=V2), old)
    assert compare(old, new) == [changed("the spec", f"server {V1} → {V2}", True)]


@pytest.mark.parametrize(
    ("edit", "expected", "back_breaks"),
    [
        (
            lambda d: at(d, *EVENT).update(required=False),
            changed("metrics_event request", "(the whole body) became optional", False),
            True,
        ),
        (
            lambda d: at(d, *LOST).update(required=not at(SPEC, *LOST).get("required", False)),
            changed(
                "streak.lost webhook",
                f"(the whole body) became {'optional' if at(SPEC, *LOST).get('required') else 'required'}",
                bool(at(SPEC, *LOST).get("required")),
            ),
            not at(SPEC, *LOST).get("required"),
        ),
        (
            lambda d: at(d, *STREAKS)["get"].update(requestBody=at(d, *EVENT)),
            Change("added", "streaks_list request", "(the whole body), required", True),
            True,
        ),
    ],
)
def test_whether_there_must_be_a_body_is_compared(edit: Edit, expected: Change, back_breaks: bool) -> None:
    new = edited(edit)
    assert compare(SPEC, new) == [expected]
    assert [change.breaking for change in compare(new, SPEC)] == [back_breaks]


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda d: at(d, *IDS).update(explode=False), ["is not exploded, was"]),
        (lambda d: at(d, *IDS).update(explode=True, style="pipeDelimited"), ["has the style pipeDelimited, had form"]),
        (
            lambda d: at(d, *IDS).update(style="spaceDelimited"),
            ["has the style spaceDelimited, had form", "is not exploded, was"],
        ),
    ],
)
def test_a_parameter_that_is_written_another_way_breaks_in_both_directions(edit: Edit, what: list[str]) -> None:
    new = edited(edit)
    assert compare(SPEC, new) == [changed("streaks_list parameter", f"query userIds {one}", True) for one in what]
    assert all(change.breaking for change in compare(new, SPEC))


def spec_with(declared: dict[str, Any]) -> dict[str, Any]:
    """A spec where one field of a request, and one of a response, has this schema."""
    return edited(
        lambda d: (
            at(d, *EVENT_BODY, "properties").update(probe=declared),
            schema(d, "PointsRange")["properties"].update(probe=declared),
        )
    )


@pytest.mark.parametrize(
    ("loose", "tight", "what"),
    [
        ({"type": "string"}, {"pattern": "^a"}, "has the pattern ^a, had none"),
        ({"type": "string"}, {"minLength": 2}, "has the minimum length 2, had none"),
        ({"type": "string", "maxLength": 9}, {"maxLength": 5}, "has the maximum length 5, had 9"),
        ({"type": "array"}, {"minItems": 1}, "has the minimum of items 1, had none"),
        ({"type": "array", "maxItems": 9}, {"maxItems": 0}, "has the maximum of items 0, had 9"),
        ({"type": "array"}, {"uniqueItems": True}, "has different items, had any"),
        ({"type": "object"}, {"minProperties": 1}, "has the minimum of fields 1, had none"),
        ({"type": "object"}, {"maxProperties": 3}, "has the maximum of fields 3, had none"),
        ({"type": "object"}, {"additionalProperties": False}, "has further fields none, had any"),
        ({"type": "object"}, {"unevaluatedProperties": False}, "has further fields none, had any"),
        ({"type": "number"}, {"exclusiveMinimum": 0}, "has the minimum 0 (excluded), had none"),
        ({"type": "number", "minimum": 0}, {"exclusiveMinimum": 0}, "has the minimum 0 (excluded), had 0"),
        ({"type": "number", "maximum": 9}, {"exclusiveMaximum": 9}, "has the maximum 9 (excluded), had 9"),
        ({"type": "number", "exclusiveMaximum": 9}, {"maximum": 8}, "has the maximum 8, had 9 (excluded)"),
        ({"type": "integer", "minimum": 1}, {"exclusiveMinimum": 1}, "has the minimum 2, had 1"),
        ({"type": "integer", "maximum": 9}, {"exclusiveMaximum": 9}, "has the maximum 8, had 9"),
        ({"type": "number"}, {"multipleOf": 0.1}, "is a multiple of 0.1, was of anything"),
        ({"type": "number", "multipleOf": 0.1}, {"multipleOf": 0.3}, "is a multiple of 0.3, was of 0.1"),
        ({"type": "string"}, {"const": "a"}, "is one of a, was anything"),
    ],
)
def test_tighter_breaks_what_is_asked_and_looser_what_is_given(
    loose: dict[str, Any], tight: dict[str, Any], what: str
) -> None:
    old, new = spec_with(loose), spec_with({**loose, **tight})
    there, back = compare(old, new), compare(new, old)
    assert {(change.where, change.what) for change in there} == {
        ("metrics_event request", f"probe {what}"),
        ("points_summary 200", f"[].probe {what}"),
    }
    assert {change.where for change in there if change.breaking} == {"metrics_event request"}
    assert {change.where for change in back if change.breaking} == {"points_summary 200"}


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ({"pattern": "^a"}, {"pattern": "^b"}, "has the pattern ^b, had ^a"),
        ({"multipleOf": 2}, {"multipleOf": 3}, "is a multiple of 3, was of 2"),
    ],
)
def test_what_is_neither_tighter_nor_looser_breaks_both(
    before: dict[str, Any], after: dict[str, Any], what: str
) -> None:
    changes = compare(spec_with(before), spec_with(after))
    assert changes == [
        changed("metrics_event request", f"probe {what}", True),
        changed("points_summary 200", f"[].probe {what}", True),
    ]


@pytest.mark.parametrize(
    ("before", "after", "breaking"),
    [
        (True, {"type": "string"}, {"metrics_event request"}),
        ({"type": "string"}, True, {"points_summary 200"}),
        ({"type": "string"}, False, {"metrics_event request", "points_summary 200"}),
        (False, {"type": "string"}, {"points_summary 200"}),
    ],
)
def test_fields_without_a_name_are_judged_by_what_may_be_there(before: Any, after: Any, breaking: set[str]) -> None:
    changes = compare(spec_with({"additionalProperties": before}), spec_with({"additionalProperties": after}))
    assert len(changes) == 2
    assert {change.where for change in changes if change.breaking} == breaking


@pytest.mark.parametrize(("limit", "words"), [("minItems", "minimum of items"), ("maxItems", "maximum of items")])
def test_how_many_ids_may_be_asked_for_is_a_limit_of_the_parameter(limit: str, words: str) -> None:
    new = edited(lambda d: at(d, *IDS, "schema").update({limit: 5}))
    assert compare(SPEC, new) == [changed("streaks_list parameter", f"query userIds has the {words} 5, had none", True)]
    assert [change.breaking for change in compare(new, SPEC)] == [False]


def test_another_key_makes_one_row_and_the_mock_says_that_it_does_not_know_it(tmp_path: Path) -> None:
    path = tmp_path / "new.json"
    path.write_text(json.dumps(edited(lambda d: at(d, *KEY).update(name="X-TROPHY-KEY"))))
    result = CliRunner().invoke(check, [str(path)])
    assert result.exit_code == 1
    assert f"{len(OPERATIONS)} changes, {len(OPERATIONS)} of them breaking" in result.output
    assert result.output.count("→ header X-TROPHY-KEY") == 1
    assert "The mock lacks: entry by header X-TROPHY-KEY: it knows the header X-API-KEY only" in result.output

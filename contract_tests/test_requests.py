"""Every operation with a valid request made wrong in one place: key, method, path, media type, bytes, parameters."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.exchange import Exchange
from contract_tests.rules import behaviour, rule
from contract_tests.run import Run
from contract_tests.spec import Operation
from contract_tests.stage import Stage
from contract_tests.suite import Suite
from contract_tests.valid_requests import ValidRequest, is_small, valid_request

SPEC = Run.the_spec()
OPERATIONS = [
    operation
    for operation in SPEC.operations.values()
    if (not Run.options.operations or operation.id in Run.options.operations)
    and not (Run.options.read_only and operation.writes)
]
WITH_BODY = [operation for operation in OPERATIONS if operation.body_schema is not None]
BOUNDED = [
    (operation, row)
    for operation in OPERATIONS
    for row in operation.parameters
    if (row["in"] == "query" and {"minimum", "maximum", "enum", "format"} & row["schema"].keys())
    or row["schema"].get("type") in ("integer", "boolean")
]
PATHS = [(operation, row["name"]) for operation in OPERATIONS for row in operation.parameters if row["in"] == "path"]
DEFAULTS = [
    (operation, row["name"], row["schema"]["default"])
    for operation in OPERATIONS
    for row in operation.parameters
    if row["in"] == "query" and "default" in row["schema"]
]


def _named(*values: Any) -> str:
    return "-".join(v.id if isinstance(v, Operation) else v["name"] if isinstance(v, dict) else str(v) for v in values)


def each(names: str, rows: list[Any]) -> pytest.MarkDecorator:
    ids = [_named(*(row if isinstance(row, tuple) else (row,))) for row in rows]
    return pytest.mark.parametrize(names, rows, ids=ids)


@pytest.fixture(scope="module")
def here(suite: Suite, stages: Stages) -> Stage:
    """One world for all of these requests: they do not depend on each other."""
    return stages.new()


@pytest.fixture(scope="module")
def somebody(here: Stage) -> str:
    if Run.options.read_only:
        return str(here.kit.need(here.kit.users, "user")[0])
    identity = here.name("somebody")
    here.call("users_create", body={"id": identity})
    return identity


def expect_refusal(response: Exchange, *, why: str) -> None:
    """Refused with a 4xx status other than 401; the check of every response says which ones the spec declares."""
    assert 400 <= response.status < 500, f"{why}: returned {response.status}, expected it to be refused"
    assert response.status != 401, f"{why}: returned 401 although the key is valid"


def expect_no_crash(response: Exchange, *, why: str) -> None:
    assert response.status < 500, f"{why}: returned {response.status}"


@rule("A valid request is accepted", "the operation's declared success")
@each("operation", OPERATIONS)
def test_a_good_request_is_accepted(operation: Operation, here: Stage, somebody: str) -> None:
    response = valid_request(here, operation, somebody).send()
    assert response.status == operation.success, (
        f"returned {response.status} {response.error!r}, expected {operation.success}"
    )


@rule("Every operation requires a known API key and returns 401 without one", "#/components/securitySchemes/ApiKeyAuth")
@each("operation", OPERATIONS)
def test_no_operation_works_without_a_known_key(operation: Operation, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    intruder = b'{"user":{"id":"RUN-intruder"},"id":"RUN-intruder","value":1}'
    body = of_this_run(intruder, here) if valid.has_body else None
    media = {"Content-Type": "application/json"} if valid.has_body else {}
    keys: dict[str, dict[str, str]] = {
        "no key": {},
        "an empty key": {"X-API-KEY": ""},
        "a wrong key": {"X-API-KEY": "wrong"},
        "the key with one more character": {"X-API-KEY": here.client.api_key + "x"},
        "the key as Authorization: Bearer": {"Authorization": f"Bearer {here.client.api_key}"},
    }
    for what, key in keys.items():
        response = here.client.send(operation.method, valid.path(), body=body, headers=media | key, bare=True)
        assert response.status == 401, f"returned {response.status} for {what}, expected 401"


@rule("A method that the spec does not declare for a path is refused", "the spec's paths")
@each("operation", OPERATIONS)
def test_a_method_that_is_not_declared_is_not_served(operation: Operation, here: Stage, somebody: str) -> None:
    if Run.options.read_only:
        pytest.skip("writes, and --read-only is on")
    path = valid_request(here, operation, somebody).path()
    declared = {other.method for other in SPEC.operations.values() if other.path == operation.path}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        if method in declared:
            continue
        response = here.client.send(method, path)
        assert response.status in (404, 405, 501), f"{method} returned {response.status}, expected 405"
        if here.control is not None:
            allowed = response.response_headers.get("allow", "")
            assert response.status == 405, f"{method} returned {response.status}, expected 405 (behaviour, section 0)"
            assert declared <= {name.strip() for name in allowed.split(",")}, f"Allow says {allowed!r}"


STRANGE_PATHS = {
    "a space": "%20a%20b%20",
    "Unicode": "Zo%C3%AB-%E6%97%A5%E6%9C%AC-%F0%9F%8F%86",
    "a slash": "a%2Fb",
    "a percent sign": "100%25",
    "a plus": "a+b",
    "dots": "%2e%2e%2f%2e%2e",
    "a question mark and a hash": "a%3Fb%23c",
    "quotes": "%22%27%60%3C%3E",
    "a newline": "a%0Ab",
    "1,000 characters": "x" * 1000,
}


@rule("Any percent-encoded name in a path gets a response that the spec declares", behaviour(2))
@each("operation,name", PATHS)
def test_odd_names_in_a_path_get_a_declared_response(
    operation: Operation, name: str, here: Stage, somebody: str
) -> None:
    valid = valid_request(here, operation, somebody)
    for what, text in STRANGE_PATHS.items():
        if what == "dots" and operation.id == "users_identify":
            continue
        arguments = {key: value for key, value in valid.arguments.items() if key != name}
        path, headers = operation.request(arguments)
        # Names for this run and operation only, because PUT creates users.
        path = path.replace("{" + name + "}", text if what == "dots" else f"{here.prefix}-{operation.id}{text}")
        body = {} if operation.id == "users_identify" else valid.body
        if valid.has_body:
            response = here.client.send_json(operation.method, path, body, headers=headers)
        else:
            response = here.client.send(operation.method, path, headers=headers)
        expect_no_crash(response, why=f"{name} with {what}")
        if operation.id != "users_identify":
            expect_refusal(response, why=f"{name} with {what}, which does not exist")


@pytest.mark.destructive
@rule("A path that is not UTF-8 is refused", behaviour(2, "choice"), choice=True)
@each("operation,name", PATHS)
def test_a_path_that_is_no_text_is_refused(operation: Operation, name: str, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    path, headers = operation.request({key: value for key, value in valid.arguments.items() if key != name})
    path = path.replace("{" + name + "}", "%FF%FE")
    content = b"{}" if valid.has_body else None
    media = {"Content-Type": "application/json"} if valid.has_body else {}
    expect_refusal(here.client.send(operation.method, path, body=content, headers=headers | media), why="%FF%FE")


#: `RUN` is replaced by the prefix of this run, so that everything created with such a body belongs to the suite.
BAD_BYTES = {
    "truncated JSON": b'{"user": {"id": "RUN-x"}, "value"',
    "no JSON at all": b"hello",
    "an array": b"[]",
    "a string": b'"text"',
    "null": b"null",
    "not UTF-8": b'{"id": "RUN-\xff\xfe"}',
    "two JSON values": b"{}{}",
    "NaN": b'{"user": {"id": "RUN-x"}, "id": "RUN-x", "name": NaN, "value": NaN, "notifications": NaN}',
    "a bare comma": b'{"id": "RUN-x",}',
}


def of_this_run(content: bytes, here: Stage) -> bytes:
    return content.replace(b"RUN", here.prefix.encode())


@pytest.mark.destructive
@rule("A body that is not a JSON object is refused", "the operation's requestBody")
@each("operation", WITH_BODY)
def test_a_body_that_is_no_json_object_is_refused(operation: Operation, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    for what, content in BAD_BYTES.items():
        expect_refusal(valid.send_raw(of_this_run(content, here), {"Content-Type": "application/json"}), why=what)


@rule("Only application/json is accepted as a body", "the operation's requestBody")
@each("operation", WITH_BODY)
def test_a_body_of_another_media_type_is_refused(operation: Operation, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    for media in ("text/plain", "application/x-www-form-urlencoded", "application/xml", "multipart/form-data"):
        response = valid.send_raw(of_this_run(b"id=RUN-x&value=1", here), {"Content-Type": media})
        expect_refusal(response, why=f"Content-Type {media}")


ODD_BODIES: dict[str, Any] = {
    "deep nesting": b'{"user":' + b'{"a":' * 500 + b"1" + b"}" * 500 + b"}",
    "a huge number": b'{"user":{"id":"RUN-odd"},"value":1e999,"id":1e999}',
    "a number of 400 digits": b'{"user":{"id":"RUN-odd"},"value":' + b"9" * 400 + b"}",
    "a lone surrogate": b'{"user":{"id":"RUN-\\ud800"},"id":"RUN-\\ud800","name":"\\ud800","value":1}',
    "a NUL": b'{"user":{"id":"RUN-a\\u0000b"},"id":"RUN-a\\u0000b","name":"\\u0000","value":1}',
    "one key twice": b'{"user":{"id":"RUN-odd"},"id":"RUN-odd","value":1,"value":2}',
    "64 KiB of text": b'{"user":{"id":"RUN-odd","name":"' + b"x" * 65536 + b'"},"id":"RUN-odd","value":1}',
}


@pytest.mark.destructive
@rule("No request body causes a server error", "the operation's responses: none is a server error")
@each("operation", WITH_BODY)
def test_odd_bodies_never_crash_the_server(operation: Operation, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    for what, content in ODD_BODIES.items():
        expect_no_crash(valid.send_raw(of_this_run(content, here), {"Content-Type": "application/json"}), why=what)


def wrong_values(row: dict[str, Any]) -> dict[str, str]:
    """Values that a parameter's schema does not allow, some of them only just."""
    schema, found = row["schema"], {"nothing": ""}
    if schema.get("type") == "integer":
        found |= {"a word": "many", "a fraction": "1.5"}
    if schema.get("type") == "boolean":
        found |= {"a word": "perhaps"}
    if schema.get("format") == "date":
        found |= {
            "a day that does not exist": "2025-02-30",
            "a month that does not exist": "2025-13-01",
            "a word": "today",
        }
    if "enum" in schema:
        found |= {"something else": "hourly", "capitals": str(schema["enum"][0]).upper()}
    if "minimum" in schema:
        found["one less than the minimum"] = str(schema["minimum"] - 1)
    if "maximum" in schema:
        found["one more than the maximum"] = str(schema["maximum"] + 1)
    return found


@rule("A value that a parameter's schema does not allow is refused", "the parameter's schema")
@each("operation,row", BOUNDED)
def test_a_value_out_of_bounds_is_refused(
    operation: Operation, row: dict[str, Any], here: Stage, somebody: str
) -> None:
    if not {"400", "422"} & operation.raw["responses"].keys():
        pytest.skip("the spec declares no status for invalid input here")
    valid = valid_request(here, operation, somebody)
    for what, value in wrong_values(row).items():
        expect_refusal(valid.send(**{row["name"]: value}), why=f"{row['name']}={value} ({what})")


@rule("The minimum, the maximum and every enum value of a parameter are accepted", "the parameter's schema")
@each("operation,row", BOUNDED)
def test_a_value_at_the_edge_is_accepted(operation: Operation, row: dict[str, Any], here: Stage, somebody: str) -> None:
    valid, schema = valid_request(here, operation, somebody), row["schema"]
    values = [*schema.get("enum", []), *(schema[edge] for edge in ("minimum", "maximum") if edge in schema)]
    if schema.get("type") == "boolean":
        values = ["true", "false"]
    for value in values:
        response = valid.send(**{row["name"]: value})
        assert response.status == operation.success, (
            f"{row['name']}={value}: returned {response.status} {response.error!r}"
        )


@rule("A parameter that is absent has its declared default", "the parameter's default")
@each("operation,name,default", DEFAULTS)
def test_a_default_is_what_the_spec_says(
    operation: Operation, name: str, default: Any, here: Stage, somebody: str
) -> None:
    valid = valid_request(here, operation, somebody)
    if (
        operation.id == "leaderboards_get"
        and name == "limit"
        and is_small(here.kit.leaderboards[valid.arguments["key"]])
    ):
        pytest.skip(f"the target has no leaderboard for {default} participants")
    assert valid.send().json == valid.send(**{name: default}).json, f"{name}={default} differs from leaving it out"


@rule("A request without a required parameter is refused", "the parameter's `required`")
@each("operation", [o for o in OPERATIONS if any(r.get("required") and r["in"] == "query" for r in o.parameters)])
def test_a_required_parameter_is_missed(operation: Operation, here: Stage, somebody: str) -> None:
    valid = valid_request(here, operation, somebody)
    for row in operation.parameters:
        if row.get("required") and row["in"] == "query":
            expect_refusal(valid.send(**{row["name"]: None}), why=f"without {row['name']}")


@rule("A parameter with one value that is sent twice is refused", behaviour(2, "choice"), choice=True)
@each("operation,row", [(o, row) for o, row in BOUNDED if row["schema"].get("type") != "array"])
def test_a_parameter_sent_twice_is_refused(
    operation: Operation, row: dict[str, Any], here: Stage, somebody: str
) -> None:
    valid = valid_request(here, operation, somebody)
    value = valid.arguments.get(row["name"], row["schema"].get("default", row["schema"].get("minimum", "2025-03-01")))
    value = row["schema"]["enum"][0] if "enum" in row["schema"] else value
    expect_refusal(valid.send(**{row["name"]: [value, value]}), why=f"{row['name']} twice")


@rule("Headers that the spec does not declare are ignored", behaviour(1, "seen"))
@each("operation", OPERATIONS)
def test_unknown_headers_are_ignored(operation: Operation, here: Stage, somebody: str) -> None:
    valid: ValidRequest = valid_request(here, operation, somebody)
    path, headers = operation.request(valid.arguments)
    unknown = {"X-Fern-Language": "Python", "User-Agent": "trophy/1.8.0", "X-Request-Id": "7"}
    if valid.has_body:
        response = here.client.send_json(operation.method, path, valid.body, headers=headers | unknown)
    else:
        response = here.client.send(operation.method, path, headers=headers | unknown)
    assert response.status == operation.success, f"returned {response.status}, expected {operation.success}"


@rule("An unknown path returns 404", behaviour(2, "choice"))
def test_a_path_that_is_not_in_the_spec_is_not_found(here: Stage) -> None:
    for path in ("/nothing", "/users/x/nothing", "/metrics", "/points", "/users/x/streak/more"):
        response = here.client.send("GET", path)
        assert response.status in (404, 405), f"GET {path} returned {response.status}, expected 404"

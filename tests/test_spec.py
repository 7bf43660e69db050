"""The spec: what is checked at start-up, what is cached, and what stops the start."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mockserver import api, spec
from mockserver.game.errors import GameError, NotFound, Refused, Unreadable
from mockserver.spec import checked
from mockserver.spec.paths import Paths

SPEC = spec.load()
GET_USER = ("paths", "/users/{id}", "get")


def written(directory: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """A changed copy of the spec, on disk."""
    openapi = copy.deepcopy(SPEC.raw)
    change(openapi)
    path = directory / "changed.json"
    path.write_text(json.dumps(openapi))
    return path


def test_the_spec_has_28_operations_and_14_webhooks_under_v1() -> None:
    assert (len(SPEC.operations), len(SPEC.webhooks), SPEC.prefix) == (28, 14, "/v1")


def test_every_operation_has_exactly_one_status_of_success() -> None:
    created = {name for name, operation in SPEC.operations.items() if operation.success == 201}
    assert created == {"users_create", "metrics_event", "achievements_complete"}
    assert {operation.success for operation in SPEC.operations.values()} == {200, 201}


@pytest.mark.parametrize(
    ("operation", "not_found", "refused", "unreadable"),
    [
        ("users_get", 422, 422, 400),
        ("users_update", 404, 422, 400),
        ("users_streak", 404, 422, 422),
        ("points_system", 404, 404, 404),
        ("metrics_event", 422, 422, 400),
        ("achievements_all", 422, 422, 422),
    ],
)
def test_a_refusal_has_the_first_status_in_the_table_that_the_operation_declares(
    operation: str, not_found: int, refused: int, unreadable: int
) -> None:
    kinds: list[type[GameError]] = [NotFound, Refused, Unreadable]
    assert [spec.status_of(SPEC.operations[operation], kind("")) for kind in kinds] == [
        not_found,
        refused,
        unreadable,
    ]


def test_every_refusal_of_every_operation_is_a_declared_status() -> None:
    for operation in SPEC.operations.values():
        assert all(status in operation.checks for status in operation.refusals.values())
        assert 401 in operation.checks


def test_the_functions_of_the_api_fit_the_spec() -> None:
    """Both ways: every function has an operation in the built-in spec, and every operation a function."""
    assert set(spec.bind(SPEC, spec.functions_of(api))) == set(SPEC.operations) == {*spec.functions_of(api)}


def test_all_mismatches_of_functions_and_spec_are_listed_at_once() -> None:
    def users_get(game: object, *, user: str) -> None: ...

    functions = spec.functions_of(api) | {"users_get": users_get}
    del functions["users_create"]
    with pytest.raises(spec.SpecError) as raised:
        spec.bind(SPEC, functions)
    assert str(raised.value).splitlines()[1:] == [
        "  users_create: the spec has it, but no function does",
        "  users_get: the spec gives `id`, but the function does not take it",
        "  users_get: the function takes `user`, but the spec does not give it",
    ]


def at(openapi: dict[str, Any], *steps: Any) -> Any:
    for step in steps:
        openapi = openapi[step]
    return openapi


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.pop("info"), '"info" is a required property'),
        (lambda d: at(d, *GET_USER).pop("parameters"), "'id' for 'get' operation in '/users/{id}'"),
        (lambda d: at(d, *GET_USER).update(operationId="users_create"), "'users_create'"),
        (lambda d: d["components"]["schemas"].pop("User"), "'/components/schemas/User' does not exist"),
        (lambda d: d["components"]["schemas"]["User"].update(type="objekt"), "'objekt'"),
        (lambda d: at(d, *GET_USER).pop("operationId"), "GET /users/{id}"),
        (lambda d: at(d, *GET_USER)["responses"].pop("200"), "operation users_get must declare one 2xx"),
        (lambda d: [at(d, *GET_USER)["responses"].pop(s) for s in ("400", "422")], "operation users_get declares no"),
        (
            lambda d: at(d, *GET_USER)["parameters"][0].update(style="matrix"),
            "operation users_get has the parameter `id`",
        ),
        (
            lambda d: at(d, *GET_USER)["responses"]["200"]["content"].clear(),
            "operation users_get must declare its body",
        ),
        (lambda d: d.update(openapi="2.0"), "spec not detected"),
    ],
)
def test_a_spec_that_cannot_be_used_is_said_so_in_one_sentence(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], says: str
) -> None:
    path = written(tmp_path, change)
    with pytest.raises(spec.SpecError) as raised:
        spec.load(path)
    message = str(raised.value)
    assert message.startswith(f"{path} cannot be used: ")
    assert says in message
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize(("text", "says"), [("{", "is not JSON"), ("[]", "not a JSON object"), ("\xff", "is not JSON")])
def test_a_file_that_is_no_spec_is_said_so(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "openapi.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(spec.SpecError, match=says):
        spec.load(path)


def test_a_missing_file_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(spec.SpecError, match=r"Cannot read .*nowhere\.json: No such file"):
        spec.load(tmp_path / "nowhere.json")


IMPORTED = (
    "import sys; from pathlib import Path; from mockserver import spec; spec.load(Path(sys.argv[1])); "
    "print('openapi_core' in sys.modules)"
)


def loaded_with(cache: Path, openapi: Path) -> str:
    """Whether a new process that loads the spec imports openapi-core, as it prints it."""
    environment = {"XDG_CACHE_HOME": str(cache), "PYTHONPATH": str(Path(api.__file__).parents[2]), "PATH": ""}
    return subprocess.run(
        [sys.executable, "-c", IMPORTED, openapi], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_the_second_start_remembers_the_check_and_does_not_import_openapi_core(tmp_path: Path) -> None:
    other = written(tmp_path, lambda openapi: openapi["info"].update(title="Another"))
    assert [loaded_with(tmp_path, other), loaded_with(tmp_path, other)] == ["True", "False"]


def test_the_built_in_spec_is_checked_here_and_at_no_start(tmp_path: Path) -> None:
    raw = spec.spec_path().read_bytes()
    assert hashlib.sha256(raw).hexdigest() == checked.OURS
    checked._judge(json.loads(raw))
    assert loaded_with(tmp_path, spec.spec_path()) == "False"
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "mockserver").write_text("a file where the directory would be")
    other = written(tmp_path, lambda openapi: openapi["info"].update(title="Another"))
    assert [loaded_with(tmp_path, other), loaded_with(tmp_path, other)] == ["True", "True"]


def test_a_changed_spec_is_checked_anew(tmp_path: Path) -> None:
    spec.load()
    path = written(tmp_path, lambda openapi: openapi.pop("info"))
    for _ in range(2):
        with pytest.raises(spec.SpecError):
            spec.load(path)


def test_fixed_segments_win_over_variables_and_empty_ones_are_variables() -> None:
    paths = Paths([("/a/{x}", "variable"), ("/a/b", "fixed"), ("/a/b/c", "deep"), ("/a/{x}/d", "below")])
    assert paths.find(b"/a/b") == ("fixed", [])
    assert paths.find(b"/a/%62") == ("fixed", [])
    assert paths.find(b"/a/z") == ("variable", [b"z"])
    assert paths.find(b"/a/") == ("variable", [b""])
    assert paths.find(b"/a/b/d") == ("below", [b"b"])
    assert paths.find(b"/a/b/c") == ("deep", [])
    for nothing in (b"/", b"/a", b"/b", b"/a/b/e", b"/a/b/c/d", b"/" * 5000):
        assert paths.find(nothing) is None


def test_a_response_is_checked_against_its_schema_and_the_mistake_is_pointed_at() -> None:
    check = SPEC.operations["leaderboards_get"].check_response
    assert check(404, {"error": "x"}) is None
    assert str(check(404, {"error": 1})).startswith("/error: ")
    assert str(check(404, {})).startswith("(the whole body): ")
    assert "418 is not declared" in str(check(418, {"error": "x"}))


@pytest.mark.parametrize("value", ["2026-02-30T00:00:00.000Z", "2026-01-01", "2026-01-01T00:00:00", "yesterday"])
def test_dates_in_responses_must_be_dates(value: str) -> None:
    user = {"id": "a", "email": None, "name": None, "tz": None, "subscribeToEmails": True, "attributes": {}}
    response = {**user, "control": False, "created": "2026-01-01T00:00:00.000Z", "updated": value, "signUpDate": None}
    assert str(SPEC.operations["users_get"].check_response(200, response)).startswith("/updated: ")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: 2}, ("a",)])
def test_what_json_does_not_have_is_no_response(value: object) -> None:
    assert SPEC.operations["users_get_preferences"].check_response(200, {"notifications": {"recap": value}})


def test_webhook_bodies_are_held_against_their_schemas() -> None:
    check = SPEC.webhooks["streak.lost"].check
    assert str(check({"type": "streak.found", "user": {}, "length": "3"})).startswith("/")


def test_arguments_are_typed_named_in_snake_case_and_filled_with_the_specs_defaults() -> None:
    read = SPEC.operations["leaderboards_get"].read
    absent = {"run": None, "user_id": None, "user_attributes": None}
    assert read([b"a%20b"], b"", {}, b"") == {"key": "a b", "offset": 0, "limit": None, **absent}
    given = read([b"k"], b"offset=3&limit=0&run=2026-01-31&userId=a%2Bb+c&userAttributes=", {}, b"")
    assert (given["offset"], given["limit"], given["run"].isoformat()) == (3, 0, "2026-01-31")
    assert (given["user_id"], given["user_attributes"]) == ("a+b c", "")
    assert SPEC.operations["streaks_list"].read([], b"userIds=a,b&userIds=c", {}, b"") == {"user_ids": ["a,b", "c"]}
    assert SPEC.operations["users_streak"].read([b"u"], b"", {}, b"")["history_periods"] == 7

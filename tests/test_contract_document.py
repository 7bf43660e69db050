"""The part `document`: each of these broken specs is found, and the built-in one is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract_runs import ROOT, verify

JSON = dict[str, Any]


def user_path(spec: JSON) -> JSON:
    found: JSON = spec["paths"]["/users/{id}"]["get"]
    return found


def spoil_example(spec: JSON) -> None:
    found = spec["paths"]["/streaks/rankings"]["get"]["responses"]["200"]["content"]["application/json"]
    next(iter(found["examples"].values()))["value"] = [{"userId": 1}]


def mend_example(spec: JSON) -> None:
    spec["paths"]["/streaks"]["get"]["parameters"][0]["example"] = ["user-123"]


def lose_example(spec: JSON) -> None:
    found = spec["paths"]["/streaks/rankings"]["get"]["responses"]["200"]["content"]["application/json"]
    found["examples"].popitem()


def no_responses(spec: JSON) -> None:
    user_path(spec)["responses"] = {}


def twice_the_same_id(spec: JSON) -> None:
    user_path(spec)["operationId"] = "users_create"


def no_key(spec: JSON) -> None:
    user_path(spec)["security"] = []


def no_path_parameter(spec: JSON) -> None:
    user_path(spec)["parameters"] = []


def other_errors(spec: JSON) -> None:
    user_path(spec)["responses"]["422"]["content"]["application/json"]["schema"] = {"type": "object"}


def undefined_property(spec: JSON) -> None:
    spec["components"]["schemas"]["User"]["required"].append("nickname")


def wrong_type(spec: JSON) -> None:
    spec["webhooks"]["streak.lost"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
        "type"
    ]["enum"] = ["streak.gone"]


def old_version(spec: JSON) -> None:
    spec["openapi"] = "3.0.3"


BROKEN: dict[str, tuple[Callable[[JSON], None], str]] = {
    "an example that was good is bad": (spoil_example, "satisfies its schema"),
    "an example that was bad is good": (mend_example, "shorten the list"),
    "an example is gone": (lose_example, "examples and defaults were checked"),
    "an operation without responses": (no_responses, "it declares no"),
    "an operationId twice": (twice_the_same_id, "an operationId is used twice"),
    "an operation without a key": (no_key, "it does not want the API key"),
    "a path parameter that is not declared": (no_path_parameter, "the path names"),
    "an error of another shape": (other_errors, "users_get 422 has"),
    "a required property that is not defined": (undefined_property, "it is required and defined nowhere"),
    "a webhook with another's type": (wrong_type, "streak.lost says"),
    "another version of OpenAPI": (old_version, "it says it is OpenAPI 3.0.3"),
}


def test_the_spec_has_no_mistakes_but_the_known_ones() -> None:
    assert verify("--parts", "document").code == 0


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_spec_is_found(what: str, tmp_path: Path) -> None:
    spoil, sentence = BROKEN[what]
    spec = json.loads((ROOT / "openapi.json").read_text("utf-8"))
    spoil(spec)
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(spec), "utf-8")
    run = verify("--parts", "document", "--document", str(path))
    assert run.code == 1, run.said + run.complaint
    assert sentence in run.said

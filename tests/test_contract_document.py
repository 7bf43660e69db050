"""The document part bites: each of these broken documents is found, and the true one is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract_runs import ROOT, verify

JSON = dict[str, Any]


def user_path(document: JSON) -> JSON:
    found: JSON = document["paths"]["/users/{id}"]["get"]
    return found


def spoil_example(document: JSON) -> None:
    found = document["paths"]["/streaks/rankings"]["get"]["responses"]["200"]["content"]["application/json"]
    next(iter(found["examples"].values()))["value"] = [{"userId": 1}]


def mend_example(document: JSON) -> None:
    document["paths"]["/streaks"]["get"]["parameters"][0]["example"] = ["user-123"]


def lose_example(document: JSON) -> None:
    found = document["paths"]["/streaks/rankings"]["get"]["responses"]["200"]["content"]["application/json"]
    found["examples"].popitem()


def no_responses(document: JSON) -> None:
    user_path(document)["responses"] = {}


def twice_the_same_id(document: JSON) -> None:
    user_path(document)["operationId"] = "users_create"


def no_key(document: JSON) -> None:
    user_path(document)["security"] = []


def no_path_parameter(document: JSON) -> None:
    user_path(document)["parameters"] = []


def other_errors(document: JSON) -> None:
    user_path(document)["responses"]["422"]["content"]["application/json"]["schema"] = {"type": "object"}


def undefined_property(document: JSON) -> None:
    document["components"]["schemas"]["User"]["required"].append("nickname")


def wrong_type(document: JSON) -> None:
    document["webhooks"]["streak.lost"]["post"]["requestBody"]["content"]["application/json"]["schema"]["properties"][
        "type"
    ]["enum"] = ["streak.gone"]


def old_version(document: JSON) -> None:
    document["openapi"] = "3.0.3"


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


def test_the_document_is_no_more_wrong_than_it_is_known_to_be() -> None:
    assert verify("--parts", "document").code == 0


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_document_is_found(what: str, tmp_path: Path) -> None:
    spoil, sentence = BROKEN[what]
    document = json.loads((ROOT / "openapi.json").read_text("utf-8"))
    spoil(document)
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(document), "utf-8")
    run = verify("--parts", "document", "--document", str(path))
    assert run.code == 1, run.said + run.complaint
    assert sentence in run.said

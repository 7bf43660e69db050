"""openapi-core is the judge of what a valid request is: the compiled checks must say the same, thousands of times.

Where they must not, the row in DIFFERENCES says why; a row without an example that shows it cannot stay.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from openapi_core import OpenAPI
from openapi_core.datatypes import RequestParameters
from spec_requests import Request, requests
from werkzeug.datastructures import Headers, ImmutableMultiDict

from mockserver import spec
from mockserver.game.errors import GameError

EXAMPLES_PER_OPERATION = 100

SPEC = spec.load()
JUDGE = OpenAPI.from_dict({**SPEC.raw, "paths": {
    path: {**item, "servers": [{"url": "/v1"}]} for path, item in SPEC.raw["paths"].items()
}})  # fmt: skip


class Judged:
    """A request as openapi-core wants to see it."""

    host_url = "http://localhost"

    def __init__(self, request: Request) -> None:
        given = dict(request.headers)
        self.path = "/v1" + request.raw_path
        self.method = request.method
        self.body = request.body or None
        self.content_type = given.get("Content-Type", "")
        self.parameters = RequestParameters(
            query=ImmutableMultiDict(request.query),
            header=Headers([*request.headers, ("X-API-KEY", "key")]),
            cookie=ImmutableMultiDict(),
        )


def judged(request: Request) -> str | None:
    """None when openapi-core accepts the request, else why not."""
    errors = list(JUDGE.iter_request_errors(Judged(request)))
    return f"{errors[0]!r} {errors[0].__cause__!r}" if errors else None


def ours(request: Request) -> str | None:
    """None when the compiled check accepts the request, else why not."""
    headers = {name.lower().encode(): value.encode() for name, value in request.headers}
    try:
        SPEC.operations[request.operation].read(request.raw_values, request.raw_query, headers, request.body)
    except GameError as error:
        return str(error)
    return None


def parameters_of_type(request: Request, kind: str) -> list[str]:
    """The values given for the operation's query parameters of one type."""
    declared = SPEC.raw["paths"][request.template][request.method].get("parameters", ())
    names = {one["name"] for one in declared if one.get("in") == "query" and one["schema"].get("type") == kind}
    return [value for name, value in request.query if name in names]


def scalars(request: Request) -> list[str]:
    declared = SPEC.raw["paths"][request.template][request.method].get("parameters", ())
    names = {one["name"] for one in declared if one.get("in") == "query" and one["schema"].get("type") != "array"}
    return [name for name, _ in request.query if name in names]


def body_value(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        return None


def every(value: Any) -> list[Any]:
    """All values inside a JSON value, keys included."""
    if isinstance(value, dict):
        return [*value, *(inner for one in value.values() for inner in every(one))]
    if isinstance(value, list):
        return [value, *(inner for one in value for inner in every(one))]
    return [value]


def depth(value: Any) -> int:
    if isinstance(value, (dict, list)):
        return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)
    return 0


def texts(request: Request) -> list[str]:
    declared = SPEC.raw["paths"][request.template][request.method].get("parameters", ())
    names = {one["name"] for one in declared}
    return [*request.path, *(value for name, value in request.query if name in names)]


def user_ids(request: Request) -> list[Any]:
    """Every user id or key that the request gives."""
    value = body_value(request)
    user = value.get("user", value) if isinstance(value, dict) else None
    in_body = [user["id"]] if isinstance(user, dict) and "id" in user else []
    return [*request.path, *in_body, *(value for name, value in request.query if name in ("userId", "userIds"))]


def media_type(request: Request) -> str | None:
    return dict(request.headers).get("Content-Type")


def has_body(request: Request) -> bool:
    return "requestBody" in SPEC.raw["paths"][request.template][request.method]


def number_beyond_limits(value: Any) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return not abs(value) <= 1e12 or round(value, 6) != value


@dataclass(frozen=True)
class Difference:
    """Where the two verdicts may part: `accepts` says who accepts what the other refuses."""

    reason: str
    accepts: str
    applies: Callable[[Request], bool]
    example: Request


EVENT = Request(
    "metrics_event", "post", "/metrics/{key}/event", ("m",), headers=(("Content-Type", "application/json"),)
)
PUT = Request("users_identify", "put", "/users/{id}", ("u",), headers=(("Content-Type", "application/json"),))
RANKINGS = Request("streaks_rankings", "get", "/streaks/rankings")
STREAKS = Request("streaks_list", "get", "/streaks")
BOARDS = Request("leaderboards_all", "get", "/leaderboards")
USER = Request("users_get", "get", "/users/{id}", ("u",))


def but(request: Request, **changes: Any) -> Request:
    return Request(**{**request.__dict__, **changes})


DIFFERENCES = [
    Difference(
        "integers are written -?[0-9]+; Python's int() also reads +5, 1_0, blanks and other scripts' digits",
        "judge",
        lambda r: any(not re.fullmatch(r"-?[0-9]+", value, re.ASCII) for value in parameters_of_type(r, "integer")),
        but(RANKINGS, query=(("limit", "1_0"),)),
    ),
    Difference(
        "no number lies beyond ±1e12",
        "judge",
        lambda r: any(re.fullmatch(r"-?[0-9]{13,}", value, re.ASCII) for value in parameters_of_type(r, "integer")),
        Request("users_wrapped", "get", "/users/{id}/wrapped", ("u",), (("year", "9" * 30),)),
    ),
    Difference(
        "booleans are written true or false; the judge also takes yes, on, 1, True and their opposites",
        "judge",
        lambda r: any(value not in ("true", "false") for value in parameters_of_type(r, "boolean")),
        but(BOARDS, query=(("includeFinished", "yes"),)),
    ),
    Difference(
        "a scalar parameter is sent once; the judge looks at the first only",
        "judge",
        lambda r: len(set(scalars(r))) < len(scalars(r)),
        but(RANKINGS, query=(("limit", "5"), ("limit", "6"))),
    ),
    Difference(
        "no string holds a NUL character",
        "judge",
        lambda r: any("\0" in text for text in [*texts(r), *map(str, every(body_value(r)))]),
        but(USER, path=("a\0b",)),
    ),
    Difference(
        "user ids and keys are not empty",
        "judge",
        lambda r: "" in user_ids(r),
        but(USER, path=("",)),
    ),
    Difference(
        "ids, keys and names have at most 255 characters, other strings 1,000, lists 1,000 items",
        "judge",
        lambda r: (
            any(len(text) > 255 for text in texts(r))
            or any(isinstance(one, str | list) and len(one) > 255 for one in every(body_value(r)))
        ),
        but(USER, path=("x" * 256,)),
    ),
    Difference(
        "body numbers lie within ±1e12 and have at most 6 decimals; NaN and infinity are not JSON",
        "judge",
        lambda r: has_body(r) and any(map(number_beyond_limits, every(body_value(r)))),
        but(EVENT, body=b'{"user": {"id": "u"}, "value": 0.1234567}'),
    ),
    Difference(
        "no body nests deeper than 100 levels",
        "judge",
        lambda r: depth(body_value(r)) > 100,
        but(PUT, body=b'{"a":' * 101 + b"1" + b"}" * 101),
    ),
    Difference(
        "no string holds half a surrogate pair",
        "judge",
        lambda r: any("\ud800" <= char <= "\udfff" for text in every(body_value(r)) for char in str(text)),
        but(PUT, body=b'{"a": "\\ud800"}'),
    ),
    Difference(
        "a body is UTF-8: a byte order mark or another charset is not; Python's json decodes several",
        "judge",
        lambda r: r.body.startswith(b"\xef\xbb\xbf") or "latin-1" in (media_type(r) or ""),
        but(PUT, headers=(("Content-Type", "application/json; charset=latin-1"),), body=b"{}"),
    ),
    Difference(
        "an empty body means {} on PUT and PATCH, with the media type JSON or none: SDKs send that",
        "ours",
        lambda r: r.method in ("put", "patch") and not r.body and (media_type(r) or "application/json") != "text/plain",
        PUT,
    ),
    Difference(
        "an empty userAttributes means none; the judge wants every query parameter to hold something",
        "ours",
        lambda r: ("userAttributes", "") in r.query,
        Request("achievements_all", "get", "/achievements", query=(("userAttributes", ""),)),
    ),
]


def expected(request: Request) -> set[str]:
    """Who may accept alone."""
    return {one.accepts for one in DIFFERENCES if one.applies(request)}


@pytest.mark.parametrize("operation", sorted(SPEC.operations))
def test_the_compiled_checks_agree_with_openapi_core(operation: str) -> None:
    compiled = SPEC.operations[operation]
    verdicts = set()

    @settings(
        max_examples=EXAMPLES_PER_OPERATION,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(SPEC.raw, compiled.path, compiled.method.lower()))
    def same_verdict(request: Request) -> None:
        refusals = {"judge": judged(request), "ours": ours(request)}
        accepting = {name for name, reason in refusals.items() if reason is None}
        verdicts.add(frozenset(accepting))
        if len(accepting) == 1:
            assert accepting <= expected(request), f"{request}\n{refusals}"

    same_verdict()
    assert frozenset({"judge", "ours"}) in verdicts, "nothing valid was made, so nothing is proved"
    assert len(verdicts) > 1, "nothing invalid was made, so nothing is proved"


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.reason.split(";")[0][:60])
def test_each_listed_difference_still_is_one(row: Difference) -> None:
    accepting = [name for name, verdict in (("judge", judged), ("ours", ours)) if verdict(row.example) is None]
    assert row.applies(row.example)
    assert accepting == [row.accepts]

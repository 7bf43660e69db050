"""Faults of input: requests that crash, that are let in, or that are kept out, wrongly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.mutants.fault import (
    ClientRequest,
    Fault,
    Forward,
    Memory,
    Plant,
    ServerResponse,
    body,
    change_request,
    crash,
    json_response,
    replaced,
)

CRASH, LET_IN, KEPT_OUT, OPEN = "a 500 on an odd input", "a bad request accepted", "a good request refused", "no auth"


def has(name: str, value: str) -> Callable[[ClientRequest], bool]:
    return lambda request: (name, value) in request.parameters


CRASHES = [
    Fault("an emoji in a path crashes", CRASH, crash(lambda request: "%F0" in request.path)),
    Fault("a slash in a name crashes", CRASH, crash(lambda request: "%2f" in request.path.lower())),
    Fault("a long name crashes", CRASH, crash(lambda request: any(len(s) > 900 for s in request.path.split("/")))),
    Fault("a path that is no UTF-8 crashes", CRASH, crash(lambda request: "%FF" in request.path)),
    Fault("a NUL crashes", CRASH, crash(lambda request: b"\\u0000" in request.body)),
    Fault("a lone surrogate crashes", CRASH, crash(lambda request: b"\\ud800" in request.body)),
    Fault("400 digits crash", CRASH, crash(lambda request: b"9" * 300 in request.body)),
    Fault("deep nesting crashes", CRASH, crash(lambda request: request.body.count(b"{") > 100)),
    Fault(
        "truncated JSON crashes",
        CRASH,
        crash(lambda request: request.body.startswith(b"{") and not request.body.rstrip().endswith(b"}")),
    ),
    Fault("a body that is a list crashes", CRASH, crash(lambda request: request.body.startswith(b"["))),
    Fault("365 periods crash", CRASH, crash(has("historyPeriods", "365"))),
    Fault(
        "a limit of 100 crashes",
        CRASH,
        crash(lambda request: request.operation == "streaks_rankings" and has("limit", "100")(request)),
    ),
    Fault("the first year crashes", CRASH, crash(has("year", "1"))),
    Fault(
        "a user without events crashes wrapped",
        CRASH,
        crash(lambda request: request.operation == "users_wrapped" and "nobody" in request.path),
    ),
    Fault("an empty attribute filter crashes", CRASH, crash(has("userAttributes", ""))),
    Fault(
        "a negative value crashes",
        CRASH,
        crash(lambda request: request.operation == "metrics_event" and _negative(request)),
    ),
    Fault("null tokens crash", CRASH, crash(lambda request: request.json.get("deviceTokens", 0) is None)),
]


def _negative(request: ClientRequest) -> bool:
    value = request.json.get("value")
    return isinstance(value, (int, float)) and value < 0


def open_door(operation: str, *, any_key: bool = False) -> Plant:
    """An operation that works without a key (or with any that is not empty)."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        key = request.headers.get("x-api-key")
        if response.status != 401:
            memory["key"] = key
        elif request.operation == operation and memory.get("key") and (key or not any_key):
            return await forward(replace(request, headers=request.headers | {"x-api-key": memory["key"]}))
        return response

    return plant


DOORS = [
    Fault("levels without a key", OPEN, open_door("points_levels")),
    Fault("preferences without a key", OPEN, open_door("users_update_preferences")),
    Fault("events without a key", OPEN, open_door("metrics_event")),
    Fault("any key opens wrapped", OPEN, open_door("users_wrapped", any_key=True)),
]


def lenient(operations: str, make: Callable[[Any], Any]) -> Plant:
    return change_request(operations, body(make))


def as_json(request: ClientRequest, memory: Memory) -> ClientRequest:
    """Whatever it says it is, it is taken for JSON."""
    try:
        json.loads(request.body)
        content = request.body
    except ValueError:
        content = b"{}" if request.operation != "users_create" else b'{"id":"anything"}'
    return replace(request, body=content, headers=request.headers | {"content-type": "application/json"})


def numbers(content: Any) -> Any:
    value = content.get("value")
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return content | {"value": int(value)}
    return content | {"value": int(value)} if isinstance(value, bool) else content


def known_attributes(content: Any) -> Any:
    """Unknown keys are dropped without a word."""
    given = content.get("attributes")
    if not isinstance(given, dict):
        return content
    return content | {"attributes": {k: v for k, v in given.items() if k != "no-such-key"}}


def known_zone(content: Any) -> Any:
    zone = content.get("tz")
    bad = isinstance(zone, str) and not re.fullmatch(r"UTC|(Europe|America|Asia|Pacific)/[A-Z]\w+(/\w+)?", zone)
    return {k: v for k, v in content.items() if k != "tz"} if bad else content


def no_pigeons(content: Any) -> Any:
    kinds = content.get("notifications")
    if not isinstance(kinds, dict):
        return content
    good = {k: [c for c in v if c in ("email", "push")] for k, v in kinds.items() if isinstance(v, list)}
    return {"notifications": good}


def never_subscribed(content: Any) -> Any:
    wanted = content.get("subscribeToEmails") is True and "email" not in content
    return {k: v for k, v in content.items() if k != "subscribeToEmails"} if wanted else content


def clamp(name: str, least: int, most: int) -> Callable[[ClientRequest, Memory], ClientRequest]:
    def make(value: str) -> str:
        return str(min(max(int(value), least), most)) if re.fullmatch(r"-?\d+", value) else value

    return replaced(name, make)


def dates(make: Callable[[str], str]) -> Callable[[ClientRequest, Memory], ClientRequest]:
    def change(request: ClientRequest, memory: Memory) -> ClientRequest:
        return replaced("endDate", make)(replaced("startDate", make)(request, memory), memory)

    return change


def swapped(request: ClientRequest, memory: Memory) -> ClientRequest:
    """Dates in the wrong order are put right."""
    given = dict(request.parameters)
    start, end = given.get("startDate", ""), given.get("endDate", "")
    return (
        request.with_parameters(list((given | {"startDate": end, "endDate": start}).items()))
        if end < start
        else request
    )


def shortened(request: ClientRequest, memory: Memory) -> ClientRequest:
    """Too long a range is cut."""
    given = dict(request.parameters)
    if given.get("startDate", "") == "2025-01-01" and given.get("endDate", "") > "2026-02-05":
        given["endDate"] = "2026-02-01"
    return request.with_parameters(list(given.items()))


def first_hundred(request: ClientRequest, memory: Memory) -> ClientRequest:
    return request.with_parameters(request.parameters[:100])


def refuse(when: Callable[[ClientRequest], bool]) -> Plant:
    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        return (
            json_response(422, {"error": "That is out of range."})
            if when(request) and response.status < 300
            else response
        )

    return plant


DOORMATS = [
    Fault("broken JSON is taken for {}", LET_IN, change_request("users_identify", as_json)),
    Fault("any media type is taken for JSON", LET_IN, change_request("users_create", as_json)),
    Fault("numbers may be text", LET_IN, lenient("metrics_event", numbers)),
    Fault(
        "unknown attributes are dropped", LET_IN, lenient("users_update users_identify users_create", known_attributes)
    ),
    Fault("unknown event attributes are dropped", LET_IN, lenient("metrics_event", known_attributes)),
    Fault("unknown zones are dropped", LET_IN, lenient("users_update users_create users_identify", known_zone)),
    Fault("unknown channels are dropped", LET_IN, lenient("users_update_preferences", no_pigeons)),
    Fault("subscribed without an email", LET_IN, lenient("users_update", never_subscribed)),
    Fault("a limit of 101 is cut", LET_IN, change_request("streaks_rankings", clamp("limit", 1, 100))),
    Fault("0 awards mean 1", LET_IN, change_request("users_points", clamp("awards", 1, 10**9))),
    Fault("a negative offset means 0", LET_IN, change_request("leaderboards_get", clamp("offset", 0, 10**9))),
    Fault("a limit above the board is cut", LET_IN, change_request("leaderboards_get", clamp("limit", 0, 1000))),
    Fault("101 users are cut", LET_IN, change_request("streaks_list", first_hundred)),
    Fault(
        "unknown aggregations are daily",
        LET_IN,
        change_request(
            "users_metric_event_summary",
            replaced("aggregation", lambda v: v if v in ("weekly", "monthly") else "daily"),
        ),
    ),
    Fault(
        "dates in the wrong order",
        LET_IN,
        change_request("users_metric_event_summary users_points_event_summary", swapped),
    ),
    Fault("too long a range is cut", LET_IN, change_request("users_points_event_summary", shortened)),
    Fault(
        "30 February is 28 February",
        LET_IN,
        change_request("users_metric_event_summary", dates(lambda v: v.replace("02-30", "02-28"))),
    ),
    Fault(
        "years to come",
        LET_IN,
        change_request("users_wrapped", replaced("year", lambda v: "2025" if v > "2025" else v)),
    ),
    Fault(
        "unknown types are active",
        LET_IN,
        change_request("streaks_rankings", replaced("type", lambda v: v if v == "longest" else "active")),
    ),
    Fault(
        "includeIncomplete may be anything",
        LET_IN,
        change_request("users_achievements", replaced("includeIncomplete", lambda v: "true")),
    ),
    Fault(
        "a limit of 100 is too much",
        KEPT_OUT,
        refuse(lambda request: request.operation == "streaks_rankings" and has("limit", "100")(request)),
    ),
    Fault("100 awards are too many", KEPT_OUT, refuse(has("awards", "100"))),
    Fault("400 days are too many", KEPT_OUT, refuse(has("endDate", "2026-02-04"))),
    Fault("limit 0 is refused", KEPT_OUT, refuse(has("limit", "0"))),
    Fault("unknown headers are refused", KEPT_OUT, refuse(lambda request: "x-fern-language" in request.headers)),
    Fault(
        "fractions are refused",
        KEPT_OUT,
        refuse(lambda request: request.operation == "metrics_event" and isinstance(request.json.get("value"), float)),
    ),
]

INPUTS = [*CRASHES, *DOORS, *DOORMATS]

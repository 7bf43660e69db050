"""Faults of behaviour: every response has the right shape and wrong values."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from tests.mutants.fault import (
    JSON,
    ClientRequest,
    Fault,
    Forward,
    Memory,
    ServerResponse,
    body,
    change_request,
    change_response,
    put,
)

USERS, TOTALS, REPLAYS, ALONE = "users", "totals", "idempotency", "isolation"


def by(amount: float) -> Any:
    return lambda value: value + amount


# Users


def wiped(request: ClientRequest, memory: Memory) -> ClientRequest:
    """What an update does not pass is cleared."""
    return request.with_json({"tz": None, "deviceTokens": None} | request.json)


def only_id(content: JSON) -> JSON:
    user = content.get("user")
    return content | {"user": {"id": user["id"]}} if isinstance(user, dict) and "id" in user else content


def attributes_replaced(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Reading shows only the attributes of the last update."""
    key = f"{request.headers.get('x-api-key')} {content['id']}"
    if request.method != "GET" and "attributes" in request.json:
        memory[key] = request.json["attributes"]
    if key in memory:
        content["attributes"] = {k: v for k, v in content["attributes"].items() if k in memory[key]}


def preferences_replaced(content: JSON, request: ClientRequest, memory: Memory) -> None:
    key = f"{request.headers.get('x-api-key')} {request.user}"
    if request.method == "PATCH" and "notifications" in request.json:
        memory[key] = set(request.json["notifications"])
    if key in memory:
        content["notifications"] = {k: v for k, v in content["notifications"].items() if k in memory[key]}


def preferences_shared(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """All users have the preferences that were set last."""
    if request.method == "PATCH":
        memory["last"] = content["notifications"]
    content["notifications"] = memory.get("last", content["notifications"])


def keeps_email(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if content["email"]:
        memory[content["id"]] = content["email"]
    content["email"] = memory.get(content["id"])


def keeps_tokens(content: JSON, request: ClientRequest, memory: Memory) -> None:
    held = memory.setdefault(content["id"], [])
    held += [token for token in content.get("deviceTokens") or [] if token not in held]
    content["deviceTokens"] = held or None


def created_moves(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if request.method != "GET" and content["id"] in memory:
        content["created"] = "2031-01-01T00:00:00.000Z"
    memory[content["id"]] = True


async def patch_creates(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    if request.operation == "users_update":
        request = replace(request, method="PUT")
    return await forward(request)


async def worlds_leak(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A user whom this world does not know is looked for in the others."""
    response = await forward(request)
    if request.operation == "users_get":
        if response.status == 200:
            memory[request.path] = response
        elif response.status != 401:
            return memory.get(request.path, response)  # type: ignore[no-any-return]
    return response


async def half_done(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A refused event has changed its user all the same."""
    response = await forward(request)
    if request.operation == "metrics_event" and response.status == 422 and isinstance(request.json.get("user"), dict):
        user = {k: v for k, v in request.json["user"].items() if k not in ("tz", "attributes")}
        await forward(
            replace(request, method="POST", path="/users", operation="users_create", body=json.dumps(user).encode())
        )
    return response


ALL_USERS = "users_create users_get users_identify users_update"
MANY_USERS = [
    Fault("an update wipes what it does not pass", USERS, change_request("users_update users_identify", wiped)),
    Fault("fields of an event's user are ignored", USERS, change_request("metrics_event", body(only_id))),
    Fault("fields of a completion's user are ignored", USERS, change_request("achievements_complete", body(only_id))),
    Fault("attributes are replaced whole", USERS, change_response(ALL_USERS, attributes_replaced)),
    Fault("the email survives unsubscribing", USERS, change_response(ALL_USERS, keeps_email)),
    Fault("tokens are added, never replaced", USERS, change_response(ALL_USERS, keeps_tokens)),
    Fault("created moves with updates", USERS, change_response("users_create users_update", created_moves)),
    Fault("PATCH makes users", USERS, patch_creates),
    Fault("the zone reads UTC", USERS, change_response("users_get", put("tz", lambda v: "UTC"))),
    Fault("a refused event changes its user", USERS, half_done),
    Fault(
        "preferences are replaced whole",
        USERS,
        change_response("users_get_preferences users_update_preferences", preferences_replaced),
    ),
    Fault(
        "preferences are shared by all",
        ALONE,
        change_response("users_get_preferences users_update_preferences", preferences_shared),
    ),
    Fault("users leak between worlds", ALONE, worlds_leak),
]


# Totals and replays


async def lost_update(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """Of two events at one moment the second reads what the first has not written yet."""
    if request.operation != "metrics_event" or "value" not in request.json:
        return await forward(request)
    busy = memory.setdefault("busy", {})
    busy[request.user] = busy.get(request.user, 0) + 1
    try:
        lost = busy[request.user] > 1
        await asyncio.sleep(0.004)
        return await forward(request.with_json(request.json | {"value": 0}) if lost else request)
    finally:
        busy[request.user] -= 1


def scope_of(request: ClientRequest) -> str:
    return f"{request.headers.get('x-api-key')} {request.user} {request.path} {request.headers.get('idempotency-key')}"


async def double_count(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A replay gets the right response, and counts again."""
    given = request.headers.get("idempotency-key")
    if request.operation != "metrics_event" or not given:
        return await forward(request)
    scope = scope_of(request)
    if scope not in memory:
        memory[scope] = response = await forward(request)
        return response
    await forward(replace(request, headers={k: v for k, v in request.headers.items() if k != "idempotency-key"}))
    return await forward(request)


def shared(part: str) -> Any:
    """A key belongs to less than it should: an event of somebody else is taken for a replay."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        given = request.headers.get("idempotency-key")
        if request.operation != "metrics_event" or not given:
            return await forward(request)
        scope = f"{request.headers.get('x-api-key')} {given} " + (request.path if part == "users" else request.user)
        own = scope_of(request)
        if scope in memory and memory[scope][0] != own:
            return memory[scope][1].with_json(memory[scope][1].json | {"idempotentReplayed": True})  # type: ignore[no-any-return]
        response = await forward(request)
        if response.status < 300:
            memory.setdefault(scope, (own, response))
        return response

    return plant


async def key_used_up(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A refused request uses up its key: the next one counts for nothing."""
    response = await forward(request)
    scope = scope_of(request)
    if request.operation == "metrics_event" and request.headers.get("idempotency-key"):
        if response.status == 422:
            memory[scope] = True
        elif memory.get(scope):
            return response.with_json(response.json | {"idempotentReplayed": True})
    return response


def replays(**fields: Any) -> Any:
    def change(content: JSON, request: ClientRequest, memory: Memory) -> None:
        if content.get("idempotentReplayed"):
            content.update(fields)

    return change_response("metrics_event", change)


def always_keyed(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content.setdefault("idempotencyKey", "")
    content.setdefault("idempotentReplayed", False)


def one_id(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["eventId"] = memory.setdefault(request.user, content["eventId"])


SUMS = [
    Fault("a total is off by one", TOTALS, change_response("users_single_metric", put("current", by(1)))),
    Fault("an event's total is off by one", TOTALS, change_response("metrics_event", put("total", by(1)))),
    Fault("the list of metrics is stale", TOTALS, change_response("users_all_metrics", put("*.current", lambda v: 0))),
    Fault(
        "metrics at 0 are not listed",
        TOTALS,
        change_response("users_all_metrics", lambda rows, *_: [r for r in rows if r["current"]]),
    ),
    Fault(
        "fractions are cut",
        TOTALS,
        change_request(
            "metrics_event",
            body(
                lambda c: (
                    c | {"value": int(c["value"])}
                    if isinstance(c.get("value"), float) and abs(c["value"]) < 1e15
                    else c
                )
            ),
        ),
    ),
    Fault(
        "negative values are ignored",
        TOTALS,
        change_request(
            "metrics_event",
            body(lambda c: c | {"value": 0} if isinstance(c.get("value"), (int, float)) and c["value"] < 0 else c),
        ),
    ),
    Fault(
        "sums are binary",
        TOTALS,
        change_response(
            "users_single_metric", put("current", lambda v: v + 4e-17 if v != 0.3 else 0.30000000000000004)
        ),
    ),
    Fault("concurrent events are lost", TOTALS, lost_update),
    Fault("all events of a user have one id", TOTALS, change_response("metrics_event", one_id)),
    Fault("a replay counts again", REPLAYS, double_count),
    Fault("a replay has an id of its own", REPLAYS, replays(eventId="another")),
    Fault("a replay is not marked", REPLAYS, replays(idempotentReplayed=False)),
    Fault("a replay tells the old total", REPLAYS, replays(total=5)),
    Fault("keys are shared between users", REPLAYS, shared("users")),
    Fault("keys are shared between metrics", REPLAYS, shared("metrics")),
    Fault("a refused event uses up its key", REPLAYS, key_used_up),
    Fault("events without a key are keyed", REPLAYS, change_response("metrics_event", always_keyed)),
]


# Summaries


async def stale(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A summary that was asked for once is not computed again."""
    if request.operation != "users_metric_event_summary":
        return await forward(request)
    known = f"{request.headers.get('x-api-key')} {request.path} {request.query}"
    if known not in memory:
        response = await forward(request)
        if response.status != 200:
            return response
        memory[known] = response
    return memory[known]  # type: ignore[no-any-return]


async def zone_ignored(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """Zones are stored and shown, and mean nothing."""
    content = request.json
    user = content.get("user") if isinstance(content.get("user"), dict) else content
    name = str(user.get("id") or (request.user if request.path.startswith("/users/") else ""))
    key = f"{request.headers.get('x-api-key')} {name}"
    zone = user.get("tz")
    if isinstance(zone, str) and "/" in zone and "No/" not in zone and "Mars" not in zone:
        memory[key] = zone
        user["tz"] = None
        request = request.with_json(content)
    response = await forward(request)
    if request.operation in ALL_USERS.split() and response.status < 300 and key in memory:
        found = response.json
        return response.with_json(found | {"tz": found["tz"] or (memory[key] if "tz" not in user or zone else None)})
    return response


def last_row_missing(rows: JSON, request: ClientRequest, memory: Memory) -> JSON:
    return rows[:-1] if dict(request.parameters).get("aggregation") == "weekly" else rows


def total_only(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in rows:
        row["total"] = row["change"]


SUMMARIES = [
    Fault("a summary is stale", "summaries", stale),
    Fault("zones mean nothing", "streaks", zone_ignored),
    Fault(
        "the last week is missing",
        "summaries",
        change_response("users_metric_event_summary users_points_event_summary", last_row_missing),
    ),
    Fault(
        "days without events are left out",
        "summaries",
        change_response("users_metric_event_summary", lambda rows, *_: [row for row in rows if row["change"]]),
    ),
    Fault("changes have no sign", "summaries", change_response("users_metric_event_summary", put("*.change", abs))),
    Fault("the total of a day is its change", "summaries", change_response("users_metric_event_summary", total_only)),
    Fault(
        "points are summed twice",
        "summaries",
        change_response("users_points_event_summary", put("*.change", lambda v: 2 * v)),
    ),
    Fault(
        "summaries are newest first",
        "summaries",
        change_response("users_metric_event_summary", lambda rows, *_: rows[::-1]),
    ),
]

# Wrapped

WRAPPED = [
    Fault(
        "wrapped counts too much",
        "wrapped",
        change_response("users_wrapped", put("activity.entireYear.metrics.*.changeThisPeriod", by(1))),
    ),
    Fault(
        "wrapped counts days twice",
        "wrapped",
        change_response("users_wrapped", put("activity.daysActive", lambda v: 2 * v)),
    ),
    Fault(
        "wrapped ignores the year",
        "wrapped",
        change_request(
            "users_wrapped",
            lambda request, memory: request.with_parameters(
                [pair for pair in request.parameters if pair[0] != "year" or not pair[1].startswith("20")]
            ),
        ),
    ),
    Fault(
        "wrapped breaks nothing down",
        "wrapped",
        change_response("users_wrapped", put("activity.entireYear.metrics.*.byAttribute", lambda v: {})),
    ),
    Fault(
        "wrapped forgets achievements",
        "wrapped",
        change_response("users_wrapped", put("activity.entireYear.achievements", lambda v: v[1:])),
    ),
    Fault(
        "wrapped months begin with 1",
        "wrapped",
        change_response("users_wrapped", put("activity.mostActiveMonth.month", lambda v: min(v + 1, 11))),
    ),
    Fault(
        "wrapped rounds percentages",
        "wrapped",
        change_response("users_wrapped", put("activity.entireYear.metrics.*.percentChange", round)),
    ),
]

RULES = [*MANY_USERS, *SUMS, *SUMMARIES, *WRAPPED]

"""Faults of behaviour: every answer has the right shape and says the wrong thing."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

from tests.mutants.fault import JSON, Ask, Fault, Forward, Memory, Reply, body, put, spoil_answer, spoil_request

USERS, TOTALS, REPLAYS, ALONE = "users", "totals", "idempotency", "isolation"


def by(amount: float) -> Any:
    return lambda value: value + amount


# Users


def wiped(ask: Ask, memory: Memory) -> Ask:
    """What an update does not pass is cleared."""
    return ask.with_json({"tz": None, "deviceTokens": None} | ask.json)


def only_id(content: JSON) -> JSON:
    user = content.get("user")
    return content | {"user": {"id": user["id"]}} if isinstance(user, dict) and "id" in user else content


def attributes_replaced(content: JSON, ask: Ask, memory: Memory) -> None:
    """Reading shows only the attributes of the last update."""
    key = f"{ask.headers.get('x-api-key')} {content['id']}"
    if ask.method != "GET" and "attributes" in ask.json:
        memory[key] = ask.json["attributes"]
    if key in memory:
        content["attributes"] = {k: v for k, v in content["attributes"].items() if k in memory[key]}


def preferences_replaced(content: JSON, ask: Ask, memory: Memory) -> None:
    key = f"{ask.headers.get('x-api-key')} {ask.user}"
    if ask.method == "PATCH" and "notifications" in ask.json:
        memory[key] = set(ask.json["notifications"])
    if key in memory:
        content["notifications"] = {k: v for k, v in content["notifications"].items() if k in memory[key]}


def preferences_shared(content: JSON, ask: Ask, memory: Memory) -> None:
    """All users have the preferences that were set last."""
    if ask.method == "PATCH":
        memory["last"] = content["notifications"]
    content["notifications"] = memory.get("last", content["notifications"])


def keeps_email(content: JSON, ask: Ask, memory: Memory) -> None:
    if content["email"]:
        memory[content["id"]] = content["email"]
    content["email"] = memory.get(content["id"])


def keeps_tokens(content: JSON, ask: Ask, memory: Memory) -> None:
    held = memory.setdefault(content["id"], [])
    held += [token for token in content.get("deviceTokens") or [] if token not in held]
    content["deviceTokens"] = held or None


def created_moves(content: JSON, ask: Ask, memory: Memory) -> None:
    if ask.method != "GET" and content["id"] in memory:
        content["created"] = "2031-01-01T00:00:00.000Z"
    memory[content["id"]] = True


async def patch_creates(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    if ask.operation == "users_update":
        ask = replace(ask, method="PUT")
    return await forward(ask)


async def worlds_leak(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A user whom this world does not know is looked for in the others."""
    answer = await forward(ask)
    if ask.operation == "users_get":
        if answer.status == 200:
            memory[ask.path] = answer
        elif answer.status != 401:
            return memory.get(ask.path, answer)  # type: ignore[no-any-return]
    return answer


async def half_done(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A refused event has changed its user all the same."""
    answer = await forward(ask)
    if ask.operation == "metrics_event" and answer.status == 422 and isinstance(ask.json.get("user"), dict):
        user = {k: v for k, v in ask.json["user"].items() if k not in ("tz", "attributes")}
        await forward(
            replace(ask, method="POST", path="/users", operation="users_create", body=json.dumps(user).encode())
        )
    return answer


ALL_USERS = "users_create users_get users_identify users_update"
PEOPLE = [
    Fault("an update wipes what it does not pass", USERS, spoil_request("users_update users_identify", wiped)),
    Fault("fields of an event's user are ignored", USERS, spoil_request("metrics_event", body(only_id))),
    Fault("fields of a completion's user are ignored", USERS, spoil_request("achievements_complete", body(only_id))),
    Fault("attributes are replaced whole", USERS, spoil_answer(ALL_USERS, attributes_replaced)),
    Fault("the email survives unsubscribing", USERS, spoil_answer(ALL_USERS, keeps_email)),
    Fault("tokens are added, never replaced", USERS, spoil_answer(ALL_USERS, keeps_tokens)),
    Fault("created moves with updates", USERS, spoil_answer("users_create users_update", created_moves)),
    Fault("PATCH makes users", USERS, patch_creates),
    Fault("the zone reads UTC", USERS, spoil_answer("users_get", put("tz", lambda v: "UTC"))),
    Fault("a refused event changes its user", USERS, half_done),
    Fault(
        "preferences are replaced whole",
        USERS,
        spoil_answer("users_get_preferences users_update_preferences", preferences_replaced),
    ),
    Fault(
        "preferences are shared by all",
        ALONE,
        spoil_answer("users_get_preferences users_update_preferences", preferences_shared),
    ),
    Fault("users leak between worlds", ALONE, worlds_leak),
]


# Totals and replays


async def lost_update(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """Of two events at one moment the second reads what the first has not written yet."""
    if ask.operation != "metrics_event" or "value" not in ask.json:
        return await forward(ask)
    busy = memory.setdefault("busy", {})
    busy[ask.user] = busy.get(ask.user, 0) + 1
    try:
        lost = busy[ask.user] > 1
        await asyncio.sleep(0.004)
        return await forward(ask.with_json(ask.json | {"value": 0}) if lost else ask)
    finally:
        busy[ask.user] -= 1


def scope_of(ask: Ask) -> str:
    return f"{ask.headers.get('x-api-key')} {ask.user} {ask.path} {ask.headers.get('idempotency-key')}"


async def double_count(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A replay answers as it should, and counts again."""
    given = ask.headers.get("idempotency-key")
    if ask.operation != "metrics_event" or not given:
        return await forward(ask)
    scope = scope_of(ask)
    if scope not in memory:
        memory[scope] = answer = await forward(ask)
        return answer
    await forward(replace(ask, headers={k: v for k, v in ask.headers.items() if k != "idempotency-key"}))
    return await forward(ask)


def shared(part: str) -> Any:
    """A key belongs to less than it should: an event of somebody else is taken for a replay."""

    async def plant(ask: Ask, forward: Forward, memory: Memory) -> Reply:
        given = ask.headers.get("idempotency-key")
        if ask.operation != "metrics_event" or not given:
            return await forward(ask)
        scope = f"{ask.headers.get('x-api-key')} {given} " + (ask.path if part == "users" else ask.user)
        own = scope_of(ask)
        if scope in memory and memory[scope][0] != own:
            return memory[scope][1].with_json(memory[scope][1].json | {"idempotentReplayed": True})  # type: ignore[no-any-return]
        answer = await forward(ask)
        if answer.status < 300:
            memory.setdefault(scope, (own, answer))
        return answer

    return plant


async def key_used_up(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A refused request uses up its key: the next one counts for nothing."""
    answer = await forward(ask)
    scope = scope_of(ask)
    if ask.operation == "metrics_event" and ask.headers.get("idempotency-key"):
        if answer.status == 422:
            memory[scope] = True
        elif memory.get(scope):
            return answer.with_json(answer.json | {"idempotentReplayed": True})
    return answer


def replays(**fields: Any) -> Any:
    def change(content: JSON, ask: Ask, memory: Memory) -> None:
        if content.get("idempotentReplayed"):
            content.update(fields)

    return spoil_answer("metrics_event", change)


def always_keyed(content: JSON, ask: Ask, memory: Memory) -> None:
    content.setdefault("idempotencyKey", "")
    content.setdefault("idempotentReplayed", False)


def one_id(content: JSON, ask: Ask, memory: Memory) -> None:
    content["eventId"] = memory.setdefault(ask.user, content["eventId"])


SUMS = [
    Fault("a total is off by one", TOTALS, spoil_answer("users_single_metric", put("current", by(1)))),
    Fault("an event's total is off by one", TOTALS, spoil_answer("metrics_event", put("total", by(1)))),
    Fault("the list of metrics is stale", TOTALS, spoil_answer("users_all_metrics", put("*.current", lambda v: 0))),
    Fault(
        "metrics at 0 are not listed",
        TOTALS,
        spoil_answer("users_all_metrics", lambda rows, *_: [r for r in rows if r["current"]]),
    ),
    Fault(
        "fractions are cut",
        TOTALS,
        spoil_request(
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
        spoil_request(
            "metrics_event",
            body(lambda c: c | {"value": 0} if isinstance(c.get("value"), (int, float)) and c["value"] < 0 else c),
        ),
    ),
    Fault(
        "sums are binary",
        TOTALS,
        spoil_answer("users_single_metric", put("current", lambda v: v + 4e-17 if v != 0.3 else 0.30000000000000004)),
    ),
    Fault("concurrent events are lost", TOTALS, lost_update),
    Fault("all events of a user have one id", TOTALS, spoil_answer("metrics_event", one_id)),
    Fault("a replay counts again", REPLAYS, double_count),
    Fault("a replay has an id of its own", REPLAYS, replays(eventId="another")),
    Fault("a replay is not marked", REPLAYS, replays(idempotentReplayed=False)),
    Fault("a replay tells the old total", REPLAYS, replays(total=5)),
    Fault("keys are shared between users", REPLAYS, shared("users")),
    Fault("keys are shared between metrics", REPLAYS, shared("metrics")),
    Fault("a refused event uses up its key", REPLAYS, key_used_up),
    Fault("events without a key are keyed", REPLAYS, spoil_answer("metrics_event", always_keyed)),
]


# Summaries


async def stale(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A summary that was asked for once is not computed again."""
    if ask.operation != "users_metric_event_summary":
        return await forward(ask)
    known = f"{ask.headers.get('x-api-key')} {ask.path} {ask.query}"
    if known not in memory:
        answer = await forward(ask)
        if answer.status != 200:
            return answer
        memory[known] = answer
    return memory[known]  # type: ignore[no-any-return]


async def zone_ignored(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """Zones are stored and shown, and mean nothing."""
    content = ask.json
    user = content.get("user") if isinstance(content.get("user"), dict) else content
    name = str(user.get("id") or (ask.user if ask.path.startswith("/users/") else ""))
    key = f"{ask.headers.get('x-api-key')} {name}"
    zone = user.get("tz")
    if isinstance(zone, str) and "/" in zone and "No/" not in zone and "Mars" not in zone:
        memory[key] = zone
        user["tz"] = None
        ask = ask.with_json(content)
    answer = await forward(ask)
    if ask.operation in ALL_USERS.split() and answer.status < 300 and key in memory:
        found = answer.json
        return answer.with_json(found | {"tz": found["tz"] or (memory[key] if "tz" not in user or zone else None)})
    return answer


def last_row_missing(rows: JSON, ask: Ask, memory: Memory) -> JSON:
    return rows[:-1] if dict(ask.parameters).get("aggregation") == "weekly" else rows


def total_only(rows: JSON, ask: Ask, memory: Memory) -> None:
    for row in rows:
        row["total"] = row["change"]


SUMMARIES = [
    Fault("a summary is stale", "summaries", stale),
    Fault("zones mean nothing", "streaks", zone_ignored),
    Fault(
        "the last week is missing",
        "summaries",
        spoil_answer("users_metric_event_summary users_points_event_summary", last_row_missing),
    ),
    Fault(
        "days without events are left out",
        "summaries",
        spoil_answer("users_metric_event_summary", lambda rows, *_: [row for row in rows if row["change"]]),
    ),
    Fault("changes have no sign", "summaries", spoil_answer("users_metric_event_summary", put("*.change", abs))),
    Fault("the total of a day is its change", "summaries", spoil_answer("users_metric_event_summary", total_only)),
    Fault(
        "points are summed twice",
        "summaries",
        spoil_answer("users_points_event_summary", put("*.change", lambda v: 2 * v)),
    ),
    Fault(
        "summaries are newest first",
        "summaries",
        spoil_answer("users_metric_event_summary", lambda rows, *_: rows[::-1]),
    ),
]

# Wrapped

WRAPPED = [
    Fault(
        "wrapped counts too much",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.entireYear.metrics.*.changeThisPeriod", by(1))),
    ),
    Fault(
        "wrapped counts days twice",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.daysActive", lambda v: 2 * v)),
    ),
    Fault(
        "wrapped ignores the year",
        "wrapped",
        spoil_request(
            "users_wrapped",
            lambda ask, memory: ask.with_parameters(
                [pair for pair in ask.parameters if pair[0] != "year" or not pair[1].startswith("20")]
            ),
        ),
    ),
    Fault(
        "wrapped breaks nothing down",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.entireYear.metrics.*.byAttribute", lambda v: {})),
    ),
    Fault(
        "wrapped forgets achievements",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.entireYear.achievements", lambda v: v[1:])),
    ),
    Fault(
        "wrapped months begin with 1",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.mostActiveMonth.month", lambda v: min(v + 1, 11))),
    ),
    Fault(
        "wrapped rounds percentages",
        "wrapped",
        spoil_answer("users_wrapped", put("activity.entireYear.metrics.*.percentChange", round)),
    ),
]

RULES = [*PEOPLE, *SUMS, *SUMMARIES, *WRAPPED]

"""Faults of users and of tenants: fields that are lost on the way, and walls with holes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.mutants.fault import JSON, Ask, Fault, Forward, Memory, Plant, Reply, body, spoil_answer, spoil_request
from tests.mutants.progress import who
from tests.mutants.rules import ALL_USERS, ALONE, USERS

TENANTS = "tenants"


def key_of(ask: Ask) -> str:
    return str(ask.headers.get("x-api-key"))


# Fields


def never_updated(content: JSON, ask: Ask, memory: Memory) -> None:
    content["updated"] = content["created"]


def wiped_by_post(ask: Ask, memory: Memory) -> Ask | None:
    """Creating a user who exists clears the tokens that are not passed."""
    given = ask.json.get("id")
    if not isinstance(given, str):
        return None
    key = f"{key_of(ask)} {given}"
    again = memory.setdefault(key, 0)
    memory[key] += 1
    return ask.with_json({"deviceTokens": None} | ask.json) if again else None


def without_fields(*names: str) -> Any:
    def make(content: JSON) -> JSON:
        user = content.get("user")
        if not isinstance(user, dict):
            return content
        return content | {"user": {name: value for name, value in user.items() if name not in names}}

    return body(make)


def known_attributes(content: JSON) -> JSON:
    """Attributes of an event's user that are not set up are dropped without a word."""
    user = content.get("user")
    if not isinstance(user, dict) or not isinstance(user.get("attributes"), dict):
        return content
    known = {name: value for name, value in user["attributes"].items() if name != "no-such-key"}
    return content | {"user": user | {"attributes": known}}


def only_a_name(content: JSON) -> JSON:
    """Of an event's user everything but the name is ignored."""
    user = content.get("user")
    if not isinstance(user, dict):
        return content
    return content | {"user": {name: value for name, value in user.items() if name in ("id", "name", "attributes")}}


FIELDS = [
    Fault("updated never moves", USERS, spoil_answer(ALL_USERS, never_updated)),
    Fault("POST of a known user wipes tokens", USERS, spoil_request("users_create", wiped_by_post)),
    Fault(
        "attributes of an event's user are ignored", USERS, spoil_request("metrics_event", without_fields("attributes"))
    ),
    Fault(
        "tokens of an event's user are ignored", USERS, spoil_request("metrics_event", without_fields("deviceTokens"))
    ),
    Fault(
        "an event's user cannot unsubscribe",
        USERS,
        spoil_request("metrics_event", without_fields("subscribeToEmails")),
    ),
    Fault(
        "unknown attributes of an event's user are dropped",
        USERS,
        spoil_request("metrics_event", body(known_attributes)),
    ),
    Fault("a completion's user has only a name", USERS, spoil_request("achievements_complete", body(only_a_name))),
]


# Tenants


def one_for_all(operations: str, place: Any) -> Plant:
    """Whichever tenant wrote last, all tenants read it."""
    names = set(operations.split())

    async def plant(ask: Ask, forward: Forward, memory: Memory) -> Reply:
        answer = await forward(ask)
        if ask.operation not in names or not ask.headers.get("tenant-id") or answer.status != 200:
            return answer
        content, key = answer.json, f"{key_of(ask)} {ask.path}"
        if place(content):
            memory[key] = content
        return answer.with_json(memory.get(key, content))

    return plant


def needs_no_tenant(operations: str) -> Plant:
    """A request without a Tenant-ID is of the tenant who came last."""
    names = set(operations.split())

    async def plant(ask: Ask, forward: Forward, memory: Memory) -> Reply:
        tenant = ask.headers.get("tenant-id")
        if tenant:
            memory[key_of(ask)] = tenant
        elif ask.operation in names and key_of(ask) in memory:
            return await forward(replace(ask, headers=ask.headers | {"tenant-id": memory[key_of(ask)]}))
        return await forward(ask)

    return plant


async def keys_span_tenants(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """An idempotency key that one tenant's user has used is a replay for the other's."""
    given = ask.headers.get("idempotency-key")
    answer = await forward(ask)
    if ask.operation != "metrics_event" or not given or not ask.headers.get("tenant-id") or answer.status >= 300:
        return answer
    first = memory.setdefault(f"{who(ask)} {ask.path} {given}", ask.headers["tenant-id"])
    return answer.with_json(answer.json | {"idempotentReplayed": True}) if first != ask.headers["tenant-id"] else answer


WALLS = [
    Fault("boards span tenants", TENANTS, one_for_all("leaderboards_get", lambda content: content["rankings"])),
    Fault(
        "preferences span tenants",
        TENANTS,
        one_for_all("users_get_preferences users_update_preferences", lambda content: content["notifications"]),
    ),
    Fault("streaks span tenants", TENANTS, one_for_all("streaks_rankings", lambda content: content)),
    Fault("writes need no Tenant-ID", TENANTS, needs_no_tenant("metrics_event users_create")),
    Fault("a board needs no Tenant-ID", ALONE, needs_no_tenant("leaderboards_get")),
    Fault("idempotency keys span tenants", TENANTS, keys_span_tenants),
]

PROFILES = [*FIELDS, *WALLS]

"""Faults of users and of tenants: fields that are lost on the way, and walls with holes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.mutants.fault import (
    JSON,
    ClientRequest,
    Fault,
    Forward,
    Memory,
    Plant,
    ServerResponse,
    body,
    change_request,
    change_response,
)
from tests.mutants.progress import who
from tests.mutants.rules import ALL_USERS, ALONE, USERS

TENANTS = "tenants"


def key_of(request: ClientRequest) -> str:
    return str(request.headers.get("x-api-key"))


# Fields


def never_updated(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["updated"] = content["created"]


def wiped_by_post(request: ClientRequest, memory: Memory) -> ClientRequest | None:
    """Creating a user who exists clears the tokens that are not passed."""
    given = request.json.get("id")
    if not isinstance(given, str):
        return None
    key = f"{key_of(request)} {given}"
    again = memory.setdefault(key, 0)
    memory[key] += 1
    return request.with_json({"deviceTokens": None} | request.json) if again else None


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
    Fault("updated never moves", USERS, change_response(ALL_USERS, never_updated)),
    Fault("POST of a known user wipes tokens", USERS, change_request("users_create", wiped_by_post)),
    Fault(
        "attributes of an event's user are ignored",
        USERS,
        change_request("metrics_event", without_fields("attributes")),
    ),
    Fault(
        "tokens of an event's user are ignored", USERS, change_request("metrics_event", without_fields("deviceTokens"))
    ),
    Fault(
        "an event's user cannot unsubscribe",
        USERS,
        change_request("metrics_event", without_fields("subscribeToEmails")),
    ),
    Fault(
        "unknown attributes of an event's user are dropped",
        USERS,
        change_request("metrics_event", body(known_attributes)),
    ),
    Fault("a completion's user has only a name", USERS, change_request("achievements_complete", body(only_a_name))),
]


# Tenants


def one_for_all(operations: str, place: Any) -> Plant:
    """Whichever tenant wrote last, all tenants read it."""
    names = set(operations.split())

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        if request.operation not in names or not request.headers.get("tenant-id") or response.status != 200:
            return response
        content, key = response.json, f"{key_of(request)} {request.path}"
        if place(content):
            memory[key] = content
        return response.with_json(memory.get(key, content))

    return plant


def needs_no_tenant(operations: str) -> Plant:
    """A request without a Tenant-ID is of the tenant who came last."""
    names = set(operations.split())

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        tenant = request.headers.get("tenant-id")
        if tenant:
            memory[key_of(request)] = tenant
        elif request.operation in names and key_of(request) in memory:
            return await forward(replace(request, headers=request.headers | {"tenant-id": memory[key_of(request)]}))
        return await forward(request)

    return plant


async def keys_span_tenants(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """An idempotency key that one tenant's user has used is a replay for the other's."""
    given = request.headers.get("idempotency-key")
    response = await forward(request)
    if (
        request.operation != "metrics_event"
        or not given
        or not request.headers.get("tenant-id")
        or response.status >= 300
    ):
        return response
    first = memory.setdefault(f"{who(request)} {request.path} {given}", request.headers["tenant-id"])
    return (
        response.with_json(response.json | {"idempotentReplayed": True})
        if first != request.headers["tenant-id"]
        else response
    )


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

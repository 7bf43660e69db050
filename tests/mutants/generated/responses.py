"""Faults of responses: each field of each operation's success, in every way that it can be wrong."""

from __future__ import annotations

from collections.abc import Iterator

from tests.mutants.fault import ClientRequest, Fault, Forward, Memory, Plant, ServerResponse
from tests.mutants.generated.bodies import Moment, Spoil, spoils
from tests.mutants.generated.fields import response_fields

RESPONSE = "a field of a response"

#: Lists whose order neither the spec nor the behaviour page fixes: reversing them is no fault.
FREE_ORDER = {
    ("users_all_metrics", "*.achievements"),
    ("achievements_complete", "achievements"),
    ("metrics_event", "achievements"),
}
#: The order of filters, channels and tokens means nothing.
FREE_NAMES = {"userAttributes", "eventAttributes", "achievementIds", "breakdownAttributeValues", "deviceTokens"}
FREE_NAMES |= {"achievement_completed", "recap", "reactivation", "streak_reminder"}


def moment_of(request: ClientRequest, memory: Memory) -> Moment:
    user = request.user if request.path.startswith("/users") or request.json else ""
    world = f"{request.headers.get('x-api-key')} {request.headers.get('tenant-id', '')}"
    return Moment(world, f"{request.method} {request.path}?{request.query} {user}", user, request.now, memory)


def planted(operation: str, spoil: Spoil) -> Plant:
    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        if request.operation != operation or response.status >= 400:
            return response
        content = response.json
        before = response.json
        spoil(content, moment_of(request, memory))
        return response if content == before else response.with_json(content)

    return plant


def is_free(operation: str, path: str, name: str, what: str) -> bool:
    """Whether it is no fault: another way to be right."""
    return what == "in another order" and ((operation, path) in FREE_ORDER or name in FREE_NAMES)


def faults() -> Iterator[Fault]:
    for operation, fields in response_fields().items():
        for field, what, spoil in spoils(fields):
            if not is_free(operation, field.path, field.name, what):
                name = f"{operation} {field.path}: {what}"
                yield Fault(name, RESPONSE, planted(operation, spoil), about=operation)

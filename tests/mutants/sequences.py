"""Faults of sequence: right at every step, wrong in the end."""

from __future__ import annotations

from tests.mutants.fault import JSON, ClientRequest, Fault, Forward, Memory, Plant, ServerResponse, put


def forgets(at: str, what: str, path: str, value: JSON) -> Plant:
    """After the operation `at`, `what` shows `value` for that user."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        if response.status >= 300:
            return response
        if request.operation == at:
            memory[f"{request.headers.get('x-api-key')} {request.user}"] = True
        elif request.operation == what and memory.get(f"{request.headers.get('x-api-key')} {request.user}"):
            content = response.json
            put(path, lambda _: value)(content, request, memory)
            return response.with_json(content)
        return response

    return plant


SEQUENCE = "sequences"
SEQUENCES = [
    Fault(
        "an event forgets preferences", SEQUENCE, forgets("metrics_event", "users_get_preferences", "notifications", {})
    ),
    Fault("an update forgets totals", SEQUENCE, forgets("users_update", "users_single_metric", "current", 0)),
    Fault("preferences forget the streak", SEQUENCE, forgets("users_update_preferences", "users_streak", "length", 0)),
    Fault("reading awards forgets the name", SEQUENCE, forgets("users_achievements", "users_get", "name", None)),
]

"""Faults of sequence: right at every step, wrong in the end."""

from __future__ import annotations

from tests.mutants.fault import JSON, Ask, Fault, Forward, Memory, Plant, Reply, put


def forgets(at: str, what: str, path: str, value: JSON) -> Plant:
    """After the operation `at`, `what` shows `value` for that user."""

    async def plant(ask: Ask, forward: Forward, memory: Memory) -> Reply:
        answer = await forward(ask)
        if answer.status >= 300:
            return answer
        if ask.operation == at:
            memory[f"{ask.headers.get('x-api-key')} {ask.user}"] = True
        elif ask.operation == what and memory.get(f"{ask.headers.get('x-api-key')} {ask.user}"):
            content = answer.json
            put(path, lambda _: value)(content, ask, memory)
            return answer.with_json(content)
        return answer

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

"""Events and deliveries as the control plane lists them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar, get_args

import orjson

from mockserver.game.errors import Refused
from mockserver.game.periods import iso
from mockserver.webhooks.delivery import Attempt, Delivery, State
from mockserver.webhooks.endpoints import check_kind
from mockserver.webhooks.outbox import Event

JSON = dict[str, Any]
Row = TypeVar("Row")


def event_shape(event: Event) -> JSON:
    """`triggered`: asked for through the control plane, so nothing of it has happened in the world."""
    return {
        "id": event.id,
        "type": event.kind,
        "userId": event.user,
        "tenant": event.tenant,
        "time": iso(event.time),
        "triggered": event.triggered,
        "body": orjson.loads(event.body),
    }


def delivery_shape(row: Delivery) -> JSON:
    """`body` is the raw text that was signed (unless tampered with); `next` is when the next attempt falls due."""
    return {
        "id": row.id,
        "event": row.event.id,
        "type": row.event.kind,
        "userId": row.event.user,
        "tenant": row.event.tenant,
        "endpoint": row.endpoint.id,
        "url": row.endpoint.url,
        "state": row.state,
        "next": iso(row.due) if row.state == "waiting" else None,
        "redeliveryOf": row.redelivery_of,
        "tampered": row.tamper,
        "attempts": [_attempt_shape(attempt) for attempt in row.attempts],
        "signature": row.signature,
        "body": row.body.decode(),
    }


def _attempt_shape(attempt: Attempt) -> JSON:
    return {
        "time": iso(attempt.time),
        "status": attempt.status,
        "duration": attempt.duration,
        "error": attempt.error,
    }


def check_filters(kinds: Collection[str], kind: str | None, limit: int | None, state: str | None = None) -> None:
    """Refused for a type that is none of `kinds`, a state that does not exist, and for a limit below 0."""
    if kind is not None:
        check_kind(kind, kinds, field="type")
    if state is not None and state not in get_args(State):
        raise Refused(f'"state" must be one of {", ".join(get_args(State))}, not "{state}"')
    if limit is not None and limit < 0:
        raise Refused(f'"limit" must be 0 or more, not {limit}')


def newest(rows: Iterable[Row], limit: int | None) -> list[Row]:
    """The last `limit` of them, still oldest first; all without a limit."""
    found = list(rows)
    return found if limit is None else found[len(found) - min(limit, len(found)) :]

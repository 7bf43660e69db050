"""Bodies of the control plane about webhooks, read from JSON: every refusal names its field."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, cast

from mockserver.game.errors import Refused
from mockserver.webhooks.delivery import MOST_CONCURRENCY, Tamper
from mockserver.webhooks.endpoints import check_kind

MOST_DUPLICATES = 100
MOST_AT_ONCE = 1000  # deliveries of one trigger
LONGEST_DELAY = 86_400  # seconds

NAMES: dict[type, str] = {str: "a string", bool: "true or false", int: "a whole number", list: "a list of strings"}


class NewEndpoint(NamedTuple):
    url: str
    secret: str | None
    events: list[str]
    active: bool
    concurrency: int | None


class TriggerRequest(NamedTuple):
    """`delay` in seconds of the world's clock; `duplicate`: how many further times it is sent."""

    kind: str
    user: str | None
    duplicate: int
    tamper: Tamper | None
    delay: float


def endpoint(body: Mapping[str, Any]) -> NewEndpoint:
    """`{"url", "secret"?, "events"?, "active"?, "concurrency"?}`; Refused for a wrong or unknown field."""
    _check_fields(body, NewEndpoint._fields)
    events = _field(body, "events", list) or []
    if not all(isinstance(event, str) for event in events):
        raise _expected("events", "a list of webhook types")
    active = _field(body, "active", bool)
    concurrency = _field(body, "concurrency", int)
    if concurrency is not None and not 1 <= concurrency <= MOST_CONCURRENCY:
        raise _expected("concurrency", f"a whole number from 1 to {MOST_CONCURRENCY}")
    return NewEndpoint(_required(body, "url"), _field(body, "secret", str), events, active is not False, concurrency)


def trigger_request(body: Mapping[str, Any], kinds: Collection[str]) -> TriggerRequest:
    """`{"type", "userId"?, "duplicate"?, "tamper"?, "delay"?}`; Refused for a wrong or unknown field."""
    _check_fields(body, ("type", "userId", "duplicate", "tamper", "delay"))
    kind = _required(body, "type")
    check_kind(kind, kinds, field="type")
    user, duplicate = _field(body, "userId", str), _field(body, "duplicate", int) or 0
    if user == "":
        raise _expected("userId", "the ID of a user, not an empty one")
    if not 0 <= duplicate <= MOST_DUPLICATES:
        raise _expected("duplicate", f"a whole number from 0 to {MOST_DUPLICATES}")
    tamper = body.get("tamper")
    if tamper not in (None, "signature", "body"):
        raise _expected("tamper", '"signature" or "body"')
    delay = body.get("delay") or 0
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY:
        raise _expected("delay", f"seconds of the world's clock, from 0 to {LONGEST_DELAY}")
    return TriggerRequest(kind, user, duplicate, cast("Tamper | None", tamper), delay)


def _check_fields(body: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = [name for name in body if name not in known]
    if unknown:
        raise Refused(f'"{unknown[0]}" is not a field of this request; its fields are {", ".join(known)}')


def _required(body: Mapping[str, Any], name: str) -> str:
    value: str | None = _field(body, name, str)
    if value is None:
        raise Refused(f'"{name}" is required')
    return value


def _field(body: Mapping[str, Any], name: str, kind: type) -> Any:
    """The field's value, None when absent or null; Refused when it is of another kind."""
    value = body.get(name)
    if value is not None and type(value) is not kind:
        raise _expected(name, NAMES[kind])
    return value


def _expected(name: str, what: str) -> Refused:
    return Refused(f'"{name}" must be {what}')

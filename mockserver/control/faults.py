"""What can be made to go wrong in a world: slowness, errors, dropped connections, limits, undeclared statuses.

All of it is off unless switched on, each for all operations or for chosen ones (behaviour, section 10).
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from mockserver.admin.table import NAMES as ADMIN
from mockserver.clock import monotonic, real_time
from mockserver.control.fields import Fields
from mockserver.control.request_log import FAULT
from mockserver.exchange import DROPPED, Call, Response, error_response
from mockserver.game.errors import NotFound, Refused
from mockserver.spec import Operation

JSON = Any
Operations = frozenset[str] | None  # None: all

LONGEST_LATENCY = 60_000  # milliseconds
GREATEST_LIMIT = 1_000_000
WHEN = ["before", "after"]  # the request is carried out
NAMES = ("latency", "errors", "drops", "rateLimits", "liveStatuses")

# Operations that the real service counts together, and how many a second it takes of these and of all others.
EVENTS = frozenset({"metrics_event", "achievements_complete", *ADMIN})
EVENTS_PER_SECOND, OTHERS_PER_SECOND = 10, 100


# Statuses after which the official clients try again, and how long they are told to wait, in seconds.
AGAIN = frozenset({408, 409, 429, *range(500, 600)})
RETRY_AFTER, LONGEST_RETRY_AFTER = 1, 3600


def retry_headers(status: int, seconds: int) -> tuple[tuple[bytes, bytes], ...]:
    """`Retry-After`, and with 429 the second in which there is room again (Unix time), which some clients read."""
    if status not in AGAIN or not seconds:
        return ()
    reset = ((b"x-ratelimit-reset", b"%d" % (-(-real_time() // 1000) + seconds)),) if status == 429 else ()
    return ((b"retry-after", b"%d" % seconds), *reset)


def concerns(operations: Operations, operation: str) -> bool:
    return operations is None or operation in operations


@dataclass(slots=True)
class Latency:
    """Milliseconds before a request is looked at, drawn between both."""

    least: float
    most: float
    operations: Operations
    chance: random.Random

    def seconds(self) -> float:
        return self.chance.uniform(self.least, self.most) / 1000

    def as_json(self) -> JSON:
        if self.least == self.most:
            return {"ms": self.least}
        return {"minMs": self.least, "maxMs": self.most}


@dataclass(slots=True)
class FaultRule:
    """Hits a share of the requests (`rate`), or every n-th one; `late` only once they are carried out."""

    rate: float | None
    every: int | None
    operations: Operations
    chance: random.Random
    status: int = 0
    late: bool = False
    retry_after: int = RETRY_AFTER
    counted: int = 0

    def hits(self) -> bool:
        if self.every is not None:
            self.counted += 1
            return self.counted % self.every == 0
        return self.chance.random() < (self.rate or 0)

    def response(self) -> Response:
        """What the client gets, or that it gets nothing."""
        if not self.status:
            return DROPPED
        headers = retry_headers(self.status, self.retry_after)
        return error_response(
            self.status, "This error was switched on in the faults of the mock.", *headers, (FAULT, b"errors")
        )

    def as_json(self) -> JSON:
        often = {"rate": self.rate} if self.every is None else {"every": self.every}
        how: JSON = {"status": self.status} if self.status else {}
        how |= {"when": "after"} if self.late else {}
        return often | how | ({} if self.retry_after == RETRY_AFTER else {"retryAfter": self.retry_after})


@dataclass(slots=True)
class RateLimits:
    """At most so many requests within any second, events, completions and admin calls apart from all others.

    Choice: seconds of real time, since it is real clients that have to slow down.
    """

    events: int
    others: int
    operations: Operations
    taken: dict[bool, deque[float]] = field(default_factory=lambda: {True: deque(), False: deque()})

    def refuse(self, operation: str) -> Response | None:
        """429 when this request is one too many; what was refused does not count."""
        event = operation in EVENTS
        limit, taken, now = self.events if event else self.others, self.taken[event], monotonic()
        while taken and taken[0] <= now - 1:
            taken.popleft()
        if len(taken) < limit:
            taken.append(now)
            return None
        what = "events, achievement completions and admin calls" if event else "requests"
        sentence = f"Too many requests: at most {limit} {what} per second. Try again in a second."
        return error_response(429, sentence, *retry_headers(429, RETRY_AFTER), (FAULT, b"rateLimits"))

    def as_json(self) -> JSON:
        return {"events": self.events, "others": self.others}


@dataclass(slots=True)
class LiveStatuses:
    """The statuses of the real service that the spec does not declare."""

    operations: Operations

    def as_json(self) -> JSON:
        return {}


def rewrite_status(operation: Operation, status: int, outcome: Any) -> int:
    """202 for a replay, 404 for an unknown user on `GET /users/{id}` and an unknown metric on an event.

    An unknown tenant is another kind of NotFound, and stays what the spec declares.
    """
    if operation.id == "metrics_event" and isinstance(outcome, dict) and outcome.get("idempotentReplayed"):
        return 202
    return 404 if outcome is NotFound and operation.id in ("metrics_event", "users_get") else status


@dataclass(slots=True)
class Faults:
    """What is switched on in a world; None is off."""

    latency: Latency | None = None
    errors: FaultRule | None = None
    drops: FaultRule | None = None
    rate_limits: RateLimits | None = None
    live_statuses: LiveStatuses | None = None
    on: bool = field(init=False)  # whether anything is

    def __post_init__(self) -> None:
        self.on = bool(self.parts())

    def parts(self) -> dict[str, Latency | FaultRule | RateLimits | LiveStatuses]:
        """What is on, by its name."""
        rows = (self.latency, self.errors, self.drops, self.rate_limits, self.live_statuses)
        return {name: row for name, row in zip(NAMES, rows, strict=True) if row is not None}

    def as_json(self) -> JSON:
        """In the words of `PUT /_mock/faults`; what is off is left out."""
        return {
            name: row.as_json() | ({} if row.operations is None else {"operations": sorted(row.operations)})
            for name, row in self.parts().items()
        }

    def limit(self, operation: str) -> Response | None:
        """The refusal of one request too many, which comes before all else."""
        row = self.rate_limits
        return row.refuse(operation) if row is not None and concerns(row.operations, operation) else None

    def delay(self, operation: str) -> float:
        """Seconds before the request is looked at."""
        row = self.latency
        return row.seconds() if row is not None and concerns(row.operations, operation) else 0.0

    def inject(self, call: Call, operation: str) -> Response | None:
        """The response that replaces the request, if any; a change of the response alone is
        stored in the call."""
        for row in (self.drops, self.errors):
            if row is None or not concerns(row.operations, operation) or not row.hits():
                continue
            if not row.late:
                return row.response()
            call.override = call.override or row.response()
        if self.live_statuses is not None and concerns(self.live_statuses.operations, operation):
            call.rewrite_status = rewrite_status
        return None


def read(body: Any, operations: Iterable[str], seed: str) -> Faults:
    """`PUT /_mock/faults`. Chance comes from `seed`, so the same requests fail again. Refused names the field."""
    fields, known = Fields(body, NAMES), sorted(operations)
    return Faults(
        _latency(fields, known, random.Random(f"{seed}/latency")),
        _fault_rule(fields, "errors", known, random.Random(f"{seed}/errors")),
        _fault_rule(fields, "drops", known, random.Random(f"{seed}/drops")),
        _rate_limits(fields, known),
        _live_statuses(fields, known),
    )


def _latency(fields: Fields, known: list[str], chance: random.Random) -> Latency | None:
    part = fields.part("latency", ("ms", "minMs", "maxMs", "operations"))
    if part is None:
        return None
    fixed = part.number("ms", 0, LONGEST_LATENCY)
    least, most = part.number("minMs", 0, LONGEST_LATENCY), part.number("maxMs", 0, LONGEST_LATENCY)
    if (fixed is None) == (least is None and most is None) or (least is None) != (most is None):
        raise Refused("Body field `latency` must have either `ms`, or both `minMs` and `maxMs`, in milliseconds.")
    least, most = (least or 0, most or 0) if fixed is None else (fixed, fixed)
    if least > most:
        raise part.expected("maxMs", f"at least `minMs`, {least:g}")
    return Latency(least, most, part.some_of("operations", known), chance)


def _fault_rule(fields: Fields, name: str, known: list[str], chance: random.Random) -> FaultRule | None:
    often = ("rate", "every", "operations", "when")
    part = fields.part(name, ("status", "retryAfter", *often) if name == "errors" else often)
    if part is None:
        return None
    rate, every = part.number("rate", 0, 1), part.whole("every", 1, 10**9)
    if (rate is None) == (every is None):
        raise Refused(f"Body field `{name}` must have either `rate`, a number from 0 to 1, or `every`, a whole number.")
    late, operations = part.one_of("when", WHEN) == "after", part.some_of("operations", known)
    if name == "drops":
        return FaultRule(rate, every, operations, chance, late=late)
    status, wait = part.whole("status", 400, 599) or 500, part.whole("retryAfter", 0, LONGEST_RETRY_AFTER)
    return FaultRule(rate, every, operations, chance, status, late, RETRY_AFTER if wait is None else wait)


def _rate_limits(fields: Fields, known: list[str]) -> RateLimits | None:
    part = _switch(fields, "rateLimits", ("events", "others", "operations"))
    if part is None:
        return None
    events, others = part.whole("events", 1, GREATEST_LIMIT), part.whole("others", 1, GREATEST_LIMIT)
    operations = part.some_of("operations", known)
    return RateLimits(events or EVENTS_PER_SECOND, others or OTHERS_PER_SECOND, operations)


def _live_statuses(fields: Fields, known: list[str]) -> LiveStatuses | None:
    part = _switch(fields, "liveStatuses", ("operations",))
    return None if part is None else LiveStatuses(part.some_of("operations", known))


def _switch(fields: Fields, name: str, known: tuple[str, ...]) -> Fields | None:
    """`true` switches it on as it is by default, an object as it says."""
    value = fields.raw(name)
    if value is True:
        return Fields({}, known, name)
    if value is None or value is False:
        return None
    if not isinstance(value, dict):
        raise fields.expected(name, "true, false or an object")
    return fields.part(name, known)

"""The JSON of the control plane as schemas: what its calls take apart from text, and what they return."""

from __future__ import annotations

from typing import Any

from mockserver.control.facts import KINDS as FACTS
from mockserver.webhooks.bodies import KINDS as WEBHOOKS

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}
DAY: Schema = {"type": "string", "format": "date"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
ANYTHING: Schema = {}
OPEN: Schema = {"type": "object"}
STRINGS: Schema = {"type": "array", "items": {"type": "string"}}
COUNTS: Schema = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}


def whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def number(least: float, most: float) -> Schema:
    return {"type": "number", "minimum": least, "maximum": most}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def fields(**properties: Schema) -> Schema:
    """An object that has exactly these fields."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def at_least(**properties: Schema) -> Schema:
    """An object that has these fields, and others that the API's spec describes."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_CLOCK = {"now": MOMENT, "frozen": FLAG, "nextDue": maybe(MOMENT)}
_BOARD = {"key": TEXT, "name": TEXT, "status": one_of("active", "scheduled", "finished"), "run": DAY}
_SYSTEM = {"key": TEXT, "name": TEXT, "maxPoints": maybe(WHOLE), "total": WHOLE}
_ENDPOINT = {"id": TEXT, "url": TEXT, "secret": TEXT, "events": STRINGS, "active": FLAG, "concurrency": WHOLE}

SCHEMAS: dict[str, Schema] = {
    "Error": fields(error=TEXT),
    "Clock": fields(**_CLOCK),
    "Move": fields(**_CLOCK, **{"from": MOMENT}, counts=COUNTS, facts=many(ref("Fact"))),
    "World": fields(
        apiKey=TEXT,
        root=FLAG,
        organisation=TEXT,
        seed=WHOLE,
        users={"type": "integer", "minimum": 0},
        now=MOMENT,
        frozen=FLAG,
        tenants=maybe(STRINGS),
    ),
    "Snapshot": fields(id=TEXT, time=MOMENT),
    "Catalog": at_least(name=TEXT),
    "CatalogText": fields(toml=TEXT),
    "Trial": fields(
        valid=FLAG,
        problems=many(fields(line=maybe(WHOLE), path={"type": "string"}, message=TEXT)),
        changes=many(
            fields(
                path={"type": "string"},
                change=one_of("added", "removed", "changed"),
                **{"from": ANYTHING, "to": ANYTHING},
            )
        ),
        counts=COUNTS,
        facts=many(ref("Fact")),
    ),
    "Overview": fields(
        organisation=TEXT,
        users=WHOLE,
        activeStreaks=WHOLE,
        longestStreak=WHOLE,
        points=many(at_least(**_SYSTEM)),
        completions=WHOLE,
        events=WHOLE,
        webhooks=WHOLE,
        deliveries=COUNTS,
        facts=WHOLE,
        days=many(fields(date=DAY, events=WHOLE, users=WHOLE)),
    ),
    "ListedUser": fields(
        id=TEXT,
        name=maybe({"type": "string"}),
        tz=maybe({"type": "string"}),
        localTime=MOMENT,
        streak=WHOLE,
        freezes=maybe(WHOLE),
        points=many(fields(key=TEXT, name=TEXT, total=WHOLE, level=maybe(TEXT))),
        achievements=WHOLE,
        created=MOMENT,
        lastSeen=maybe(DAY),
    ),
    "UserDetails": fields(
        user=at_least(id=TEXT, created=MOMENT, updated=MOMENT),
        localTime=MOMENT,
        lastSeen=maybe(DAY),
        streak=maybe(
            at_least(
                length=WHOLE,
                longest=WHOLE,
                rank=maybe(WHOLE),
                periods=many(
                    at_least(periodStart=DAY, state=one_of("kept", "frozen", "paused", "missed", "open", "before"))
                ),
            )
        ),
        metrics=many(at_least(key=TEXT, name=TEXT, units=maybe({"type": "string"}), current=NUMBER)),
        points=many(
            at_least(
                **_SYSTEM,
                level=maybe(OPEN),
                nextLevel=maybe(OPEN),
                days=many(fields(date=DAY, total=WHOLE, change=WHOLE)),
                awards=many(OPEN),
            )
        ),
        achievements=many(
            at_least(
                key=TEXT,
                name=TEXT,
                achievedAt=maybe(MOMENT),
                progress=maybe(fields(current=NUMBER, target=NUMBER)),
                completions=WHOLE,
                rarity=NUMBER,
            )
        ),
        leaderboards=many(at_least(**_BOARD, rank=maybe(WHOLE), value=maybe(WHOLE), history=many(OPEN))),
        preferences={"type": "object", "additionalProperties": STRINGS},
    ),
    "Achievement": at_least(
        key=TEXT, name=TEXT, trigger=TEXT, status=TEXT, completions=WHOLE, rarity=NUMBER, prerequisites=STRINGS
    ),
    "PointsSystem": at_least(
        **_SYSTEM,
        users=WHOLE,
        triggers=many(at_least(id=TEXT, type=TEXT, points=WHOLE, status=TEXT, says=TEXT)),
        boosts=many(at_least(id=TEXT, name=TEXT, status=TEXT, start=DAY, end=maybe(DAY), userId=maybe(TEXT))),
        levels=many(at_least(key=TEXT, name=TEXT, points=WHOLE, users=WHOLE)),
        belowLevels=WHOLE,
    ),
    "Leaderboard": at_least(
        **_BOARD,
        runs=many(fields(start=DAY, end=maybe(DAY), users=WHOLE)),
        groups=many(STRINGS),
    ),
    "Ranking": at_least(
        **_BOARD,
        participants=WHOLE,
        threshold=WHOLE,
        rankings=many(at_least(userId=TEXT, userName=maybe({"type": "string"}), rank=WHOLE, value=WHOLE)),
        moves=many(ref("Fact")),
    ),
    "Request": fields(
        number=WHOLE,
        time=MOMENT,
        method=TEXT,
        path=TEXT,
        query={"type": "string"},
        operationId=TEXT,
        userId=maybe({"type": "string"}),
        tenant=maybe({"type": "string"}),
        idempotencyKey=maybe({"type": "string"}),
        status=maybe(WHOLE),
        duration=NUMBER,
        fault=maybe(TEXT),
        preference=maybe(TEXT),
        request=ANYTHING,
        response=ANYTHING,
    ),
    "Fact": at_least(number=WHOLE, time=MOMENT, kind=one_of(*FACTS), cause=maybe(WHOLE), says=TEXT),
    "Why": fields(
        userId=TEXT,
        subject=OPEN,
        answer=TEXT,
        earlier=maybe(TEXT),
        because=many(fields(fact=ref("Fact"), causes=many(ref("Fact")), sentences=STRINGS)),
    ),
    "State": fields(
        state=TEXT,
        meaning=TEXT,
        found=FLAG,
        userId=maybe(TEXT),
        detail=maybe({"type": "string"}),
        see=maybe(TEXT),
    ),
    "Faults": {
        "type": "object",
        "properties": dict.fromkeys(("latency", "errors", "drops", "rateLimits", "liveStatuses"), OPEN),
        "additionalProperties": False,
    },
    "NewEndpoint": fields(**_ENDPOINT),
    "Endpoint": fields(**_ENDPOINT, deliveries=fields(waiting=WHOLE, delivered=WHOLE, failed=WHOLE, dropped=WHOLE)),
    "Event": fields(
        id=TEXT,
        type=one_of(*WEBHOOKS),
        userId=maybe(TEXT),
        tenant=maybe(TEXT),
        time=MOMENT,
        triggered=FLAG,
        body=at_least(type=TEXT, timestamp=MOMENT),
    ),
    "Delivery": fields(
        id=TEXT,
        event=TEXT,
        type=one_of(*WEBHOOKS),
        userId=maybe(TEXT),
        tenant=maybe(TEXT),
        endpoint=TEXT,
        url=TEXT,
        state=one_of("waiting", "delivered", "failed", "dropped"),
        next=maybe(MOMENT),
        redeliveryOf=maybe(TEXT),
        tampered=maybe(TEXT),
        attempts=many(fields(time=MOMENT, status=maybe(WHOLE), duration=NUMBER, error=maybe({"type": "string"}))),
        signature=TEXT,
        body={"type": "string"},
    ),
}

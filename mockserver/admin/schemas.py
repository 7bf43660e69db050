"""Requests and responses of the admin API as JSON Schema. Ids are those of the catalog."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

MOST_ITEMS = 100  # in a request, but for events
MOST_EVENTS = 1000

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
DATE: Schema = {"type": "string", "format": "date"}
MOMENT: Schema = {"type": "string", "format": "date-time"}


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def many(item: Schema, most: int | None = None) -> Schema:
    """`most`: what a request may hold, which must hold something."""
    return {"type": "array", "items": item} | ({} if most is None else {"minItems": 1, "maxItems": most})


def or_null(schema: Schema) -> Schema:
    return {**schema, "type": [schema["type"], "null"]}


def fields(optional: dict[str, Schema] | None = None, /, **required: Schema) -> Schema:
    """An object: `optional` fields may be left out."""
    return {"type": "object", "properties": required | (optional or {}), "required": list(required)}


PAGE = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": 10},
    "skip": {"type": "integer", "minimum": 0, "default": 0},
}

_BADGE = or_null(fields(url=TEXT))
_FILTERS = many(fields(attributeId=TEXT, attributeValue=TEXT))

ERROR = fields(error=TEXT)

ATTRIBUTE = fields(id=TEXT, name=TEXT, key=TEXT, type=one_of("user", "event"))

METRIC = fields(id=TEXT, name=TEXT, key=TEXT, unitType=one_of("number", "currency"), units=TEXT)

ACHIEVEMENT = fields(
    {
        "key": TEXT,
        "metricId": TEXT,
        "metricValue": NUMBER,
        "eventAttributes": _FILTERS,
        "streakLength": WHOLE,
        "achievementIds": many(TEXT),
    },
    id=TEXT,
    name=TEXT,
    description=or_null(TEXT),
    trigger=one_of("metric", "streak", "api", "achievement"),
    status=one_of("active", "inactive", "locked"),
    badge=_BADGE,
    userAttributes=_FILTERS,
)

SYSTEM = fields(
    id=TEXT, name=TEXT, key=TEXT, description=TEXT, status=one_of("active"), badge=_BADGE, maxPoints=or_null(WHOLE)
)

LEVEL = fields(id=TEXT, name=TEXT, key=TEXT, points=WHOLE, description=TEXT, badge=_BADGE)

BOOST = fields(
    {"userAttributes": _FILTERS},
    id=TEXT,
    name=TEXT,
    status=one_of("active", "scheduled", "finished"),
    start=DATE,
    end=or_null(DATE),
    multiplier=NUMBER,
    rounding=one_of("down", "up", "nearest"),
    userId=or_null(TEXT),
)

TRIGGER = fields(
    {
        "metricId": TEXT,
        "metricThreshold": WHOLE,
        "eventAttributes": _FILTERS,
        "achievementId": TEXT,
        "streakLength": WHOLE,
        "timeUnit": one_of("hours", "days"),
        "timeInterval": WHOLE,
    },
    id=TEXT,
    type=one_of("metric", "achievement", "streak", "time", "user_creation"),
    points=WHOLE,
    status=one_of("active", "inactive"),
    userAttributes=_FILTERS,
    blockIfOutOfPoints={"type": "boolean"},
)

BOARD = fields(
    {
        "description": TEXT,
        "metricId": TEXT,
        "pointsSystemId": TEXT,
        "end": DATE,
        "startTime": TEXT,
        "endTime": TEXT,
        "runUnit": one_of("day", "month", "year"),
        "runInterval": WHOLE,
    },
    id=TEXT,
    name=TEXT,
    key=TEXT,
    status=one_of("active", "scheduled", "finished"),
    rankBy=one_of("metric", "streak", "points"),
    maxParticipants=WHOLE,
    start=DATE,
    breakdownAttributes=many(TEXT),
    userAttributes=_FILTERS,
)

TENANT = fields(id=TEXT, customerId=TEXT, name=TEXT, status=one_of("active"), created=MOMENT, updated=MOMENT)

_USER = fields(
    {
        "email": TEXT,
        "name": TEXT,
        "tz": or_null(TEXT),
        "deviceTokens": {"type": ["array", "null"], "items": TEXT},
        "subscribeToEmails": {"type": "boolean"},
        "attributes": {"type": "object", "additionalProperties": TEXT},
    },
    id=NAME,
)

EVENTS = many(
    fields(
        {"attributes": {"type": "object", "additionalProperties": TEXT}, "idempotencyKey": TEXT},
        key=NAME,
        user=_USER,
        value=NUMBER,
    ),
    MOST_EVENTS,
)
ACCEPTED = fields(accepted=WHOLE)

_ISSUES = many(
    fields(
        {"id": TEXT, "userId": TEXT},
        severity=one_of("error", "warning"),
        message=TEXT,
        level=one_of("error", "warning"),
        reason=TEXT,
    )
)

FREEZES = fields(freezes=many(fields(userId=NAME), MOST_ITEMS))
GRANTED = fields(issues=_ISSUES)
USERS = fields(users=many(fields(id=NAME), MOST_ITEMS))
RESTORED = fields(restoredUsers=many(TEXT), issues=_ISSUES)
RESET = fields(resetUsers=many(TEXT), issues=_ISSUES)
PAUSES = fields(pauses=many(fields(userId=NAME, start=DATE, end=DATE), MOST_ITEMS))
PLANNED = fields(
    created=many(fields(id=TEXT, userId=TEXT, start=DATE, end=DATE, status=one_of("active", "archived"))),
    issues=_ISSUES,
)
IDS = {"ids": many(TEXT)}
DELETED = fields(deleted=many(fields(id=TEXT)), issues=_ISSUES)

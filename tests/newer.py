"""A newer version of the vendor's spec, made from the built-in one: what later versions are known to change."""

from __future__ import annotations

from typing import Any

from edits import at, edited, schema

from mockserver.spec.additions import additions, extended
from mockserver.spec.compiler import resource

VERSION = "1.99.0"
EMAILS = {
    "emails.recap_due": {"recap": {"periodStart": "string", "periodEnd": "string"}},
    "emails.reactivation_due": {"reactivation": {"messageNumber": "integer", "daysSinceLastActive": "integer"}},
    "emails.streak_reminder_due": {"streak": "#/components/schemas/StreakResponse"},
    "emails.achievement_due": {"achievement": "#/components/schemas/UserAchievementResponse"},
}


def newer() -> dict[str, Any]:
    """Fields added and required, an operation removed, webhooks added, a least value lowered."""
    return edited(_bring_up_to_date)


def _bring_up_to_date(openapi: dict[str, Any]) -> None:
    openapi["info"]["version"] = VERSION
    schemas = openapi["components"]["schemas"]
    openapi["components"]["schemas"] = extended(schemas, additions(resource("fixtures") / "additions.toml"))
    schema(openapi, "LeaderboardEvent")["required"].append("timestamp")
    del openapi["paths"]["/streaks/rankings"]
    places = at(openapi, "paths", "/users/{id}/leaderboards/{key}", "get", "parameters")
    next(row for row in places if row["name"] == "numEvents")["schema"]["minimum"] = 0
    for kind, fields in EMAILS.items():
        openapi["webhooks"][kind] = _webhook(kind, fields)


def _webhook(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "type": {"type": "string", "enum": [kind]},
        "timestamp": {"type": "string", "format": "date-time"},
        "user": {"$ref": "#/components/schemas/User"},
    }
    for name, inner in fields.items():
        properties[name] = {"$ref": inner} if isinstance(inner, str) else _object(inner)
    body = {"type": "object", "properties": properties, "required": list(properties)}
    return {
        "post": {
            "operationId": "webhooks_" + kind.replace(".", "_"),
            "requestBody": {"content": {"application/json": {"schema": body}}},
            "responses": {"200": {"description": "Received."}},
        }
    }


def _object(fields: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }

"""Every method of the official client that is installed here, against a running server: what it says of each.

A program of its own, since each version of the client needs a process of its own. It is given a JSON file with `api`,
`admin`, `key` and `webhooks` (bodies), and prints a JSON object: method or webhook → `ok`, or what went wrong.
"""

from __future__ import annotations

import inspect
import json
import sys
import typing
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import httpx
import pydantic
import trophy
from trophy.core.api_error import ApiError
from trophy.core.pydantic_utilities import parse_obj_as

try:
    from trophy.core.parse_error import ParsingError
except ImportError:
    ParsingError = pydantic.ValidationError  # of older versions

USER, SEEDED, METRIC, POINTS = "walker", "user-123", "words-written", "xp"
NOW = datetime.now(UTC)
DAYS = {"start_date": str((NOW - timedelta(days=30)).date()), "end_date": str((NOW + timedelta(days=1)).date())}
NOBODYS_ID = str(UUID(int=1))
BOARDS = ("all-time", "weekly-words", "streak-board", "xp-board", "weekly-words-by-region", "writing-month")


def plan() -> dict[str, list[dict[str, Any]]]:
    """Method of the application half → the calls of it, in an order in which each finds what it needs."""
    user = trophy.UpsertedUser(id=USER, tz="Asia/Tokyo", attributes={"plan-type": "premium"})
    of_user, of_seeded = {"id": USER}, {"id": SEEDED}
    preferences = {"notifications": trophy.NotificationPreferences(recap=["email"])} if _has_preferences() else {}
    return {
        "users.create": [{"id": USER, "email": "w@example.com", "name": "Walker", "device_tokens": ["a"]}],
        "users.identify": [{**of_user, "attributes": {"region": "apac"}}, {"id": f"{USER}-2"}],
        "users.update": [{**of_user, "name": "W"}],
        "users.get": [of_user, of_seeded],
        "users.get_preferences": [of_user],
        "users.update_preferences": [{**of_user, **preferences}],
        "metrics.event": [
            {"key": METRIC, "user": user, "value": 750, "idempotency_key": "k"},
            {"key": METRIC, "user": user, "value": 750, "idempotency_key": "k"},
            {"key": METRIC, "user": trophy.UpsertedUser(id=SEEDED), "value": 9000.5},
        ],
        "achievements.complete": [{"key": "finish-onboarding", "user": user}] * 2,
        "achievements.all_": [{}],
        "users.all_metrics": [of_user, of_seeded],
        "users.single_metric": [{**of_seeded, "key": METRIC}],
        "users.metric_event_summary": [
            {**of_seeded, "key": METRIC, "aggregation": step, **DAYS} for step in ("daily", "weekly", "monthly")
        ],
        "users.achievements": [of_user, {**of_seeded, "include_incomplete": "true"}],
        "users.streak": [of_user, {**of_seeded, "history_periods": 30}],
        "users.points": [{**of_user, "key": POINTS}, {**of_seeded, "key": POINTS, "awards": 100}],
        "users.points_boosts": [{**of_seeded, "key": POINTS}],
        "users.points_event_summary": [{**of_seeded, "key": POINTS, "aggregation": "daily", **DAYS}],
        "users.leaderboard": [{**one, "key": key} for key in BOARDS for one in (of_user, of_seeded)],
        "users.wrapped": [of_user, of_seeded, {**of_seeded, "year": NOW.year - 1}],
        "streaks.list": [{"user_ids": [USER, SEEDED]}],
        "streaks.rankings": [{"limit": 5}, {"type": "longest"}],
        "leaderboards.all_": [{}, {"include_finished": True}],
        "leaderboards.get": [
            {"key": key, **({"user_attributes": "region:apac"} if key.endswith("-by-region") else {})}
            for key in (*BOARDS, "chapter-sprint")
        ],
        "points.system": [{"key": POINTS}, {"key": "energy"}],
        "points.levels": [{"key": POINTS}],
        "points.level_summary": [{"key": POINTS}],
        "points.summary": [{"key": POINTS}],
        "points.boosts": [{"key": POINTS}, {"key": POINTS, "include_finished": True}],
    }


def _has_preferences() -> bool:
    return hasattr(trophy, "NotificationPreferences")


def outcome(call: Callable[[], Any]) -> str:
    """`ok`, or the word `refused`, `unreadable` or `crashed` and what was said."""
    try:
        call()
    except ApiError as error:
        return f"refused {error.status_code}: {error.body}"
    except (ParsingError, pydantic.ValidationError) as error:
        cause = str(getattr(error, "cause", None) or error)
        return f"unreadable: {' '.join(cause.split())[:300]}"
    except Exception as error:
        return f"crashed: {type(error).__name__}: {error}"
    return "ok"


def walk_application(client: Any) -> dict[str, str]:
    """Methods that the plan does not know are an outcome, too."""
    known, found = plan(), {}
    there = [
        f"{group}.{name}" for group in GROUPS if hasattr(client, group) for name in methods(getattr(client, group))
    ]
    for name in (*(one for one in known if one in there), *(one for one in there if one not in known)):
        group, _, method = name.partition(".")
        function = getattr(getattr(client, group), method)
        taken = inspect.signature(function).parameters
        calls = [{key: value for key, value in call.items() if key in taken} for call in known.get(name, ())]
        found[name] = first_error(lambda call, function=function: function(**call), calls)
    return found


def first_error(function: Callable[[Any], Any], calls: list[Any]) -> str:
    said = [outcome(lambda call=call: function(call)) for call in calls] or ["crashed: no call of it is planned"]
    return next((one for one in said if one != "ok"), "ok")


GROUPS = ("users", "metrics", "achievements", "streaks", "leaderboards", "points")


def methods(group: Any) -> list[str]:
    return [name for name, _ in inspect.getmembers(group, inspect.ismethod) if not name.startswith("_")]


def walk_admin(client: Any) -> dict[str, str]:
    """Every method, whatever it is called, with the least that its types ask for."""
    found = {}
    for name, function in admin_methods(client, "admin"):
        found[name] = outcome(lambda name=name, function=function: function(**arguments(name, function)))
    return found


def admin_methods(group: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name in methods(group):
        yield f"{path}.{name}", getattr(group, name)
    inner = {name for name, _ in inspect.getmembers(type(group), lambda one: isinstance(one, property))}
    inner |= {name for name in vars(group) if not name.startswith("_")}  # older versions have no properties
    for name in sorted(inner - {"with_raw_response"}):
        if type(getattr(group, name)).__name__.endswith("Client"):
            yield from admin_methods(getattr(group, name), f"{path}.{name}")


def arguments(path: str, function: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(function)
    parameters = inspect.signature(function).parameters.values()
    wanted = [one.name for one in parameters if one.default is one.empty or one.name in ("ids",)]
    return {name: value_of(path, name, hints[name]) for name in wanted}


def value_of(path: str, name: str, hint: Any) -> Any:
    """A value of that type; strings by the name of their field."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        return value_of(path, name, next(one for one in inner if one is not type(None)))
    if origin is typing.Literal:
        return inner[0]
    if origin is not None and inner:
        return value_of(path, name, inner[0]) if origin is typing.Annotated else [value_of(path, name, inner[0])]
    if isinstance(hint, type) and issubclass(hint, pydantic.BaseModel):
        required = {key: one for key, one in hint.model_fields.items() if one.is_required()}
        return hint(**{key: value_of(path, key, one.annotation) for key, one in required.items()})
    if isinstance(hint, type) and issubclass(hint, Enum):
        return next(iter(hint))
    return plain_value(path, name, hint)


def plain_value(path: str, name: str, hint: Any) -> Any:
    if hint in (int, float):
        return 1
    if hint is bool:
        return True
    if hint is datetime:
        return NOW
    if name in ("start", "end"):
        return str((NOW + timedelta(days=3)).date())
    if name == "user_id" or (name == "id" and "streaks" in path) or path.endswith("metrics.batch_events"):
        return METRIC if name == "key" else USER
    return NOBODYS_ID


def walk_webhooks(bodies: list[dict[str, Any]]) -> dict[str, str]:
    found = {}
    for body in bodies:
        model = "".join(part.capitalize() for part in body["type"].replace("_", ".").split("."))
        kind = getattr(trophy, f"Webhooks{model}Payload", None)
        if kind is not None:
            found[body["type"]] = outcome(lambda kind=kind, body=body: parse_obj_as(kind, body))
    return found


def main() -> None:
    with open(sys.argv[1]) as file:
        given = json.load(file)
    environment = trophy.TrophyApiEnvironment(api=given["api"], admin=given["admin"])
    with httpx.Client(timeout=30) as connections:
        client = trophy.TrophyApi(api_key=given["key"], environment=environment, httpx_client=connections)
        print(
            json.dumps(
                {
                    "application": walk_application(client),
                    "webhooks": walk_webhooks(given["webhooks"]),
                    "admin": walk_admin(client.admin),
                }
            )
        )


if __name__ == "__main__":
    main()

"""Faults of shape: responses that the spec alone forbids."""

from __future__ import annotations

from dataclasses import replace

from tests.mutants.fault import (
    ClientRequest,
    Fault,
    Forward,
    Memory,
    Plant,
    ServerResponse,
    change_response,
    drop,
    other_status,
    put,
    respond_instead,
)


def missing(name: str, operations: str, path: str) -> Fault:
    return Fault(name, "a required field gone", change_response(operations, drop(path)))


def wrong(name: str, operations: str, path: str, value: object) -> Fault:
    return Fault(name, "a wrong type or value", change_response(operations, put(path, lambda _: value)))


def media(operation: str, content_type: str) -> Plant:
    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        if request.operation != operation:
            return response
        return replace(response, headers=response.headers | {"content-type": content_type})

    return plant


def not_json(operation: str) -> Plant:
    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        return replace(response, body=response.body + b",") if request.operation == operation else response

    return plant


def no_content(operation: str) -> Plant:
    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        response = await forward(request)
        good = request.operation == operation and response.status < 300
        return ServerResponse(204, {}, b"") if good else response

    return plant


FIELDS = [
    missing("user without name", "users_get", "name"),
    missing("created user without subscribeToEmails", "users_create", "subscribeToEmails"),
    missing("event response without total", "metrics_event", "total"),
    missing("event response without extended", "metrics_event", "currentStreak.extended"),
    missing("streak without rank", "users_streak", "rank"),
    missing("award's trigger without userAttributes", "users_points", "awards.*.trigger.userAttributes"),
    missing("ranking without userName", "leaderboards_get", "rankings.*.userName"),
    missing("leaderboard without status", "leaderboards_all", "*.status"),
    missing("wrapped without longestStreak", "users_wrapped", "activity.entireYear.longestStreak"),
    missing("achievement without rarity", "achievements_all", "*.rarity"),
    missing("level without description", "points_levels", "*.description"),
    missing("metric without key", "users_all_metrics", "*.key"),
    missing("points without level", "users_points", "level"),
    missing("history without time", "users_leaderboard", "history.*.time"),
    missing("completion without completionId", "achievements_complete", "completionId"),
    missing("event's board without threshold", "metrics_event", "leaderboards.*.threshold"),
    missing("streak history without length", "users_streak", "streakHistory.*.length"),
]

TYPES = [
    wrong("created is no time", "users_get", "created", "yesterday"),
    wrong("started is no date", "users_streak", "started", "this morning"),
    wrong("summary date without day", "users_metric_event_summary", "*.date", "2025-03"),
    Fault("total as text", "a wrong type or value", change_response("metrics_event", put("total", str))),
    Fault("length as text", "a wrong type or value", change_response("users_streak", put("length", str))),
    Fault("ranks as text", "a wrong type or value", change_response("leaderboards_get", put("rankings.*.rank", str))),
    Fault("multiplier as text", "a wrong type or value", change_response("points_boosts", put("*.multiplier", str))),
    wrong("unknown rankBy", "leaderboards_all", "*.rankBy", "score"),
    wrong("unknown boost status", "users_points_boosts", "*.status", "running"),
    wrong("preferences null", "users_get_preferences", "notifications", None),
    wrong("users counted in halves", "points_summary", "*.users", 0.5),
    wrong("unknown frequency", "metrics_event", "currentStreak.frequency", "hourly"),
    Fault(
        "streaks in an object",
        "a wrong type or value",
        change_response("streaks_list", lambda rows, *_: {"streaks": rows}),
    ),
    Fault(
        "summary in an object",
        "a wrong type or value",
        change_response("users_points_event_summary", lambda rows, *_: {"data": rows}),
    ),
]

ERRORS = [
    Fault(
        "error under another name",
        "an error that breaks the spec",
        change_response("users_get", lambda content, *_: {"message": content["error"]}, errors=True),
    ),
    Fault(
        "error that says nothing",
        "an error that breaks the spec",
        change_response("users_streak", lambda content, *_: {"error": ""}, errors=True),
    ),
    Fault(
        "error as a list",
        "an error that breaks the spec",
        change_response("points_system", lambda content, *_: [content["error"]], errors=True),
    ),
    Fault("levels as text/plain", "a wrong content type", media("points_levels", "text/plain")),
    Fault("rankings as HTML", "a wrong content type", media("streaks_rankings", "text/html; charset=utf-8")),
    Fault("boosts are no JSON", "a wrong content type", not_json("points_boosts")),
]

STATUSES = [
    Fault("creating returns 200", "a wrong status", other_status("users_create", 201, 200)),
    Fault("an event returns 200", "a wrong status", other_status("metrics_event", 201, 200)),
    Fault("identifying returns 201", "a wrong status", other_status("users_identify", 200, 201)),
    Fault("a completion returns 200", "a wrong status", other_status("achievements_complete", 201, 200)),
    Fault("an unknown achievement is 422", "a wrong status", other_status("achievements_complete", 404, 422)),
    Fault("an unknown user's streak is 422", "a wrong status", other_status("users_streak", 404, 422)),
    Fault("an unknown board is 422", "a wrong status", other_status("leaderboards_get", 404, 422)),
    Fault("an unknown user is 410", "an undeclared status", other_status("users_get", 422, 410)),
    Fault("a wrong key is 403", "an undeclared status", other_status("users_wrapped", 401, 403)),
    Fault("bad input is 406", "an undeclared status", other_status("users_points", 422, 406)),
    Fault("bad attributes are 409", "an undeclared status", other_status("users_update", 422, 409)),
    Fault("saving preferences is 204", "an undeclared status", no_content("users_update_preferences")),
    Fault("an unknown user is found empty", "a wrong status", other_status("users_get_preferences", 404, 200)),
    Fault(
        "deleting is accepted",
        "a wrong status",
        respond_instead(lambda request: request.method == "DELETE", 200, {"deleted": True}),
    ),
    Fault(
        "POST works like PUT",
        "a wrong status",
        respond_instead(
            lambda request: request.method == "POST" and request.operation is None and request.path.endswith("/streak"),
            200,
            {},
        ),
    ),
]

SHAPES = [*FIELDS, *TYPES, *ERRORS, *STATUSES]

"""Faults of what is left out, and of what only looks right: defaults, booleans, dates, ids, large bodies."""

from __future__ import annotations

import re
from typing import Any

from tests.mutants.fault import JSON, ClientRequest, Fault, Memory, body, change_request, crash, replaced
from tests.mutants.inputs import CRASH, KEPT_OUT, LET_IN, dates, refuse

DEFAULTS = "defaults"


def left_out(operation: str, name: str, value: str) -> Any:
    """What a parameter means when it is absent."""

    def change(request: ClientRequest, memory: Memory) -> ClientRequest | None:
        absent = name not in dict(request.parameters)
        return request.with_parameters([*request.parameters, (name, value)]) if absent else None

    return change_request(operation, change)


def any_truth(value: str) -> str:
    return {"1": "true", "yes": "true", "True": "true", "TRUE": "true", "0": "false"}.get(value, value)


def capital_truth(value: str) -> str:
    return value.lower() if value.lower() in ("true", "false") else value


def day_of_time(value: str) -> str:
    """The day of a moment."""
    return value[:10] if re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value) else value


def dashed(value: str) -> str:
    return f"{value[:4]}-{value[4:6]}-{value[6:]}" if re.fullmatch(r"\d{8}", value) else value


def somebody(content: JSON) -> JSON:
    """Nobody is somebody called anonymous."""
    user = content.get("user")
    if isinstance(user, dict) and user.get("id") == "":
        return content | {"user": user | {"id": "anonymous"}}
    return content | {"id": "anonymous"} if content.get("id") == "" else content


BOARDS = "leaderboards_get users_leaderboard"
SPELLINGS = [
    Fault("awards is 2 by default", DEFAULTS, left_out("users_points", "awards", "2")),
    Fault("awards is 100 by default", DEFAULTS, left_out("users_points", "awards", "100")),
    Fault("numEvents is 3 by default", DEFAULTS, left_out("users_leaderboard", "numEvents", "3")),
    Fault("numEvents is 100 by default", DEFAULTS, left_out("users_leaderboard", "numEvents", "100")),
    Fault("streaks are ranked by 5 by default", DEFAULTS, left_out("streaks_rankings", "limit", "5")),
    Fault("streaks are ranked by 100 by default", DEFAULTS, left_out("streaks_rankings", "limit", "100")),
    Fault("boards show 12 by default", DEFAULTS, left_out("leaderboards_get", "limit", "12")),
    Fault(
        "includeFinished=1 is true",
        LET_IN,
        change_request("points_boosts leaderboards_all", replaced("includeFinished", any_truth)),
    ),
    Fault("TRUE is true", LET_IN, change_request("leaderboards_all", replaced("includeFinished", capital_truth))),
    Fault("a time is taken for a date", LET_IN, change_request("users_metric_event_summary", dates(day_of_time))),
    Fault("a time is taken for a run", LET_IN, change_request(BOARDS, replaced("run", day_of_time))),
    Fault("dates need no dashes", LET_IN, change_request("users_points_event_summary", dates(dashed))),
    Fault(
        "an empty user id is anonymous", LET_IN, change_request("metrics_event achievements_complete", body(somebody))
    ),
    Fault("an empty id makes a user", LET_IN, change_request("users_create", body(somebody))),
    Fault("a body of 100 KB crashes", CRASH, crash(lambda request: len(request.body) > 90_000)),
    Fault("a body of 500 KB is too large", KEPT_OUT, refuse(lambda request: len(request.body) > 500_000)),
]

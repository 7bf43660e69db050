"""Faults that show only afterwards: of what achievements bring along, and of streaks that have ended or were frozen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from tests.mutants.boards import LONG_AGO, world
from tests.mutants.fault import JSON, ClientRequest, Fault, Forward, Memory, ServerResponse, change_response, swap
from tests.mutants.progress import ACHIEVEMENTS, STREAKS, who

# Achievements


def any_of(old: Any) -> Any:
    """One filter of several that matches is enough."""

    def matches(attributes: dict[str, str], filters: Any) -> bool:
        return not filters or any(attributes.get(row.key) == row.value for row in filters)

    return matches


def one_storey(rows: list[JSON]) -> list[JSON]:
    """Those that do not build on a composite."""
    composites = {row["id"] for row in rows if row["trigger"] == "achievement"}
    return [row for row in rows if not composites & set(row.get("achievementIds", []))]


def flat(content: JSON, request: ClientRequest, memory: Memory) -> JSON:
    if request.operation == "users_achievements":
        return content if request.query else one_storey(content)
    seen = memory.setdefault(who(request), [])
    seen += content["achievements"]
    content["achievements"] = [row for row in one_storey(seen) if row in content["achievements"]]
    return content


def last_first(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Composites come in the order of those that they need."""
    rows = content["achievements"]
    composites = [row for row in rows if row["trigger"] == "achievement"]
    content["achievements"] = [row for row in rows if row not in composites] + composites[::-1]


def shortest_last(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Streak achievements come in the opposite of the catalog's order."""
    rows = content["achievements"]
    back = iter([row for row in rows if row["trigger"] == "streak"][::-1])
    content["achievements"] = [next(back) if row["trigger"] == "streak" else row for row in rows]


async def brings_nothing(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A composite that a call has completed never shows."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", request.user):
        return await forward(request)
    hidden = memory.setdefault(who(request), set())
    listing = replace(request, method="GET", path=f"/users/{request.user}/achievements", query="", body=b"")
    if request.operation == "achievements_complete":
        known = {row["id"] for row in _rows(await forward(listing))}
        response = await forward(request)
        now = _rows(await forward(listing))
        hidden |= {row["id"] for row in now if row["trigger"] == "achievement"} - known
        return response
    response = await forward(request)
    if request.operation == "users_achievements" and response.status == 200:
        return response.with_json([row for row in response.json if row["id"] not in hidden])
    return response


def _rows(response: ServerResponse) -> Iterator[JSON]:
    yield from response.json if response.status == 200 else []


async def not_found(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """An achievement that is not for this user is said not to exist."""
    response = await forward(request)
    unmet = request.operation == "achievements_complete" and b"is only for users" in response.body
    return replace(response, status=404) if unmet else response


# Streaks


def first_start(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if content["started"]:
        content["started"] = memory.setdefault(who(request), content["started"])


def forgotten(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if content["length"] == 0:
        for row in content["streakHistory"]:
            row["length"] = 0


def frozen_counts(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in content["streakHistory"]:
        row["length"] += row["usedFreeze"]


def unmoved(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """A frozen day does not put off the day on which a streak expires."""
    if content["periodEnd"]:
        content["expires"] = (date.fromisoformat(content["periodEnd"]) + timedelta(days=1)).isoformat()


def long_ago(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in rows:
        row["extended"] = row["extended"] and LONG_AGO


def old_names(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in rows:
        row["name"] = memory.setdefault(f"{world(request)} {row['userId']}", row["name"])


AFTERWARDS = [
    Fault("one filter of several is enough", ACHIEVEMENTS, patch=swap("mockserver.game.state", "matches", any_of)),
    Fault(
        "composites of composites never unlock", ACHIEVEMENTS, change_response("users_achievements metrics_event", flat)
    ),
    Fault("composites come in no order", ACHIEVEMENTS, change_response("metrics_event", last_first)),
    Fault("streak achievements come in no order", ACHIEVEMENTS, change_response("metrics_event", shortest_last)),
    Fault("a completion brings no composite", ACHIEVEMENTS, brings_nothing),
    Fault("an unmet filter is not found", ACHIEVEMENTS, not_found),
    Fault("a streak starts with the first ever", STREAKS, change_response("users_streak", first_start)),
    Fault("a lost streak erases its history", STREAKS, change_response("users_streak", forgotten)),
    Fault("a frozen day counts in the history", STREAKS, change_response("users_streak", frozen_counts)),
    Fault("a freeze does not move the end", STREAKS, change_response("users_streak", unmoved)),
    Fault("listed streaks are of long ago", STREAKS, change_response("streaks_list", long_ago)),
    Fault("rankings show old names", STREAKS, change_response("streaks_rankings", old_names)),
]

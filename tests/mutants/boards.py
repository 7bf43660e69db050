"""Faults of leaderboards over time, of their pages, and of whom they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from tests.mutants.fault import (
    JSON,
    ClientRequest,
    Fault,
    Forward,
    Memory,
    ServerResponse,
    change_request,
    change_response,
    swap,
    without,
)
from tests.mutants.progress import BOARDS, who

LONG_AGO = "2001-01-01T00:00:00.000Z"


def world(request: ClientRequest) -> str:
    return str(request.headers.get("x-api-key"))


def old_names(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """A user's name is that of the first time that a board was read."""
    for row in content["rankings"]:
        row["userName"] = memory.setdefault(f"{world(request)} {row['userId']}", row["userName"])


def never_begins(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """What was once listed as scheduled stays so."""
    waiting = memory.setdefault("waiting", set())
    if request.operation == "leaderboards_all":
        waiting |= {row["key"] for row in content if row["status"] == "scheduled"}
    elif request.operation == "metrics_event":
        content["leaderboards"] = {key: row for key, row in content["leaderboards"].items() if key not in waiting}
    elif content["key"] in waiting:
        content.update(status="scheduled", rankings=[])


def remembered(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """On the streak board, a user who has lost a streak keeps the rank."""
    if content["rankBy"] != "streak":
        return
    if content["value"] is None:
        content["value"], content["rank"] = memory.get(who(request), (None, None))
    memory[who(request)] = content["value"], content["rank"]


def no_new_month(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """An empty run of a monthly board shows the one before."""
    place = f"{world(request)} {content['key']}"
    if content["runUnit"] == "month" and not content["breakdownAttributes"]:
        content["rankings"] = memory[place] = content["rankings"] or memory.get(place, [])


def only_gains(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Points that were taken away still count on the board."""
    if request.operation == "metrics_event":
        for system, row in content["points"].items():
            lost = f"{who(request)} {system}"
            memory[lost] = memory.get(lost, 0) - min(row["added"], 0)
    elif content["rankBy"] == "points":
        for row in content["rankings"]:
            row["value"] += memory.get(f"{world(request)} {row['userId']} {content['pointsSystemKey']}", 0)


async def stays_in_its_group(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """Once a user has changed attributes, groups are as they were read before."""
    response = await forward(request)
    if request.operation in ("users_update", "users_identify") and "attributes" in request.json:
        memory[world(request)] = True
    if (
        request.operation != "leaderboards_get"
        or "userAttributes" not in dict(request.parameters)
        or response.status != 200
    ):
        return response
    asked = f"{world(request)} {request.path} {request.query}"
    if not memory.get(world(request)):
        memory[asked] = response
    kept: ServerResponse = memory.get(asked, response)
    return kept


def not_with(name: str, *dropped: str) -> Any:
    """Parameters are ignored when another is given."""

    def change(request: ClientRequest, memory: Memory) -> ClientRequest:
        return without(*dropped)(request, memory) if name in dict(request.parameters) else request

    return change


def long_ago(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in content["history"]:
        row.update(time=LONG_AGO, timestamp=LONG_AGO)


def own_only(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Being overtaken is not in the history."""
    content["history"] = [row for row in content["history"] if row["value"] != row["previousValue"]]


# For some users and some hours


def for_everybody(group_of: Any) -> Any:
    return lambda board, attributes: group_of(replace(board, user_attributes=()), attributes)


def one_is_enough(group_of: Any) -> Any:
    """Who has any value for the attributes takes part."""

    def found(board: Any, attributes: dict[str, str]) -> Any:
        has_any = any(row.key in attributes for row in board.user_attributes)
        return group_of(replace(board, user_attributes=()) if has_any else board, attributes)

    return found


def never_regrouped(open_runs: Any) -> Any:
    """Who takes part is settled by the attributes that a user has with the first event."""
    return lambda board, time: [] if board.user_attributes else open_runs(board, time)


def at_all_hours(counts_then: Any) -> Any:
    return lambda board, time, tz: True


def in_utc(counts_then: Any) -> Any:
    return lambda board, time, tz: counts_then(board, time, ZoneInfo("UTC"))


def end_inclusive(counts_then: Any) -> Any:
    return lambda board, time, tz: counts_then(board, time - 1, tz)


def start_exclusive(counts_then: Any) -> Any:
    """The first minute does not count."""
    return lambda board, time, tz: counts_then(board, time, tz) and counts_then(board, time - 60_000, tz)


FOR_SOME = [
    ("a board for some is for everybody", "ranking", "group_of", for_everybody),
    ("any value of an attribute takes part", "ranking", "group_of", one_is_enough),
    ("who gets or loses an attribute stays on or off the board", "leaderboards", "open_runs", never_regrouped),
    ("a board's hours are the whole day", "periods", "counts_then", at_all_hours),
    ("a board's hours are those of UTC", "periods", "counts_then", in_utc),
    ("a board's hours end late", "periods", "counts_then", end_inclusive),
    ("a board's hours begin late", "periods", "counts_then", start_exclusive),
]

IN_TIME = [
    Fault("boards show old names", BOARDS, change_response("leaderboards_get", old_names)),
    Fault(
        "a scheduled board never begins",
        BOARDS,
        change_response("leaderboards_all leaderboards_get metrics_event", never_begins),
    ),
    Fault("the streak board keeps lost streaks", BOARDS, change_response("users_leaderboard", remembered)),
    Fault("monthly boards never start again", BOARDS, change_response("leaderboards_get", no_new_month)),
    Fault("points boards ignore deductions", BOARDS, change_response("metrics_event leaderboards_get", only_gains)),
    Fault("another attribute is no other group", BOARDS, stays_in_its_group),
    Fault("userId is ignored with a run", BOARDS, change_request("leaderboards_get", not_with("run", "userId"))),
    Fault("groups have no pages", BOARDS, change_request("leaderboards_get", not_with("userAttributes", "offset"))),
    Fault("the history has own changes only", BOARDS, change_response("users_leaderboard", own_only)),
    Fault("the history of ranks is of long ago", BOARDS, change_response("users_leaderboard", long_ago)),
    *(
        Fault(name, BOARDS, patch=swap(f"mockserver.game.{module}", function, make))
        for name, module, function, make in FOR_SOME
    ),
]

"""Faults of amounts: replays, summaries, awards, boosts and levels that are wrong by something."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor, prod
from typing import Any

from mockserver.game.catalog import MICRO
from mockserver.game.periods import utc_day
from tests.mutants.fault import JSON, ClientRequest, Fault, Forward, Memory, ServerResponse, change_response, put, swap
from tests.mutants.progress import POINTS, who
from tests.mutants.rules import REPLAYS, TOTALS, scope_of

SUMMARIES = "summaries"
METRIC = "users_metric_event_summary"


# Replays


def keyed(make: Any) -> Any:
    """Idempotency keys are taken for others: `make` says for which."""

    async def plant(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
        given = request.headers.get("idempotency-key")
        if request.operation != "metrics_event" or not given:
            return await forward(request)
        response = await forward(replace(request, headers=request.headers | {"idempotency-key": make(given, request)}))
        return response.with_json(response.json | {"idempotencyKey": given}) if response.status < 300 else response

    return plant


async def replay_without_user(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A replay does not look at the user's fields."""
    if request.operation != "metrics_event" or not request.headers.get("idempotency-key"):
        return await forward(request)
    if memory.get(scope_of(request)):
        request = request.with_json(request.json | {"user": {"id": request.user}})
    response = await forward(request)
    memory[scope_of(request)] = response.status < 300
    return response


def never_achieved(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in rows:
        put("achievements.*.achievedAt", lambda v: None)(row, request, memory)


async def nothing_of_nothing(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """The summary of a metric that does not exist is empty."""
    response = await forward(request)
    missing = request.operation == METRIC and "no-such" in request.path and response.status in (404, 422)
    return replace(response, status=200).with_json([]) if missing else response


COUNTED = [
    Fault(
        "a key with another value is another event",
        REPLAYS,
        keyed(lambda key, request: f"{key} {request.json.get('value')}"),
    ),
    Fault("keys ignore case", REPLAYS, keyed(lambda key, request: key.lower())),
    Fault("a replay drops the user's fields", REPLAYS, replay_without_user),
    Fault(
        "achievements in the list of metrics are never done",
        TOTALS,
        change_response("users_all_metrics", never_achieved),
    ),
    Fault("the summary of an unknown metric is empty", SUMMARIES, nothing_of_nothing),
]


# Summaries


def from_zero(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    """Totals begin at 0 with the range."""
    before = rows[0]["total"] - rows[0]["change"]
    for row in rows:
        row["total"] = round(row["total"] - before, 6)


def a_day_late(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    if dict(request.parameters)["aggregation"] == "weekly":
        for row in rows:
            row["date"] = (date.fromisoformat(row["date"]) + timedelta(days=1)).isoformat()


async def cut_to_range(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """Weeks and months count only their days inside the range."""
    response = await forward(request)
    given = dict(request.parameters)
    if request.operation != METRIC or response.status != 200 or given.get("aggregation") == "daily":
        return response
    days = (await forward(request.with_parameters(list((given | {"aggregation": "daily"}).items())))).json
    rows = response.json
    ends = [row["date"] for row in rows[1:]] + ["9999"]
    for row, end in zip(rows, ends, strict=True):
        row["change"] = round(sum(one["change"] for one in days if row["date"] <= one["date"] < end), 6)
    return response.with_json(rows)


SUMMED = [
    Fault("totals of a metric begin at 0 with the range", SUMMARIES, change_response(METRIC, from_zero)),
    Fault(
        "totals of points begin at 0 with the range",
        SUMMARIES,
        change_response("users_points_event_summary", from_zero),
    ),
    Fault("weeks are dated a day late", SUMMARIES, change_response(METRIC, a_day_late)),
    Fault("weeks of points are dated a day late", SUMMARIES, change_response("users_points_event_summary", a_day_late)),
    Fault("weeks are cut to the range", SUMMARIES, cut_to_range),
]


# Points


def for_all(**loosened: Any) -> Any:
    """A boost for some is for all."""

    def make(active_boosts: Any) -> Any:
        def active(system: Any, user: Any, day: date) -> Any:
            boosts = tuple(replace(boost, **loosened) for boost in system.boosts)
            kept = {boost.id for boost in active_boosts(replace(system, boosts=boosts), user, day)}
            return tuple(boost for boost in system.boosts if boost.id in kept)

        return active

    return make


def utc_boosts(award: Any) -> Any:
    """Awards get the boosts of the UTC day."""
    names = vars(sys.modules["mockserver.game.points"])

    def pay(world: Any, user: Any, system: Any, trigger: Any, time: int, times: int = 1) -> Any:
        active = names["active_boosts"]
        names["active_boosts"] = lambda system, user, day: active(system, user, utc_day(time))
        try:
            return list(award(world, user, system, trigger, time, times))
        finally:
            names["active_boosts"] = active

    return pay


def exact(points: int, boosts: Any) -> Fraction:
    return points * prod((Fraction(boost.multiplier, MICRO) for boost in boosts), start=Fraction(1))


def added_up(boosted: Any) -> Any:
    return lambda points, boosts: floor(
        points * (1 + sum((Fraction(boost.multiplier, MICRO) - 1 for boost in boosts), start=Fraction(0)))
    )


def rounded_each(boosted: Any) -> Any:
    """Rounded after every boost instead of once."""

    def award(points: int, boosts: Any) -> int:
        for boost in boosts:
            points = boosted(points, (boost,))
        return points

    return award


def uncut(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """A deduction that was cut at 0 tells what it would have taken."""
    for system in content["points"].values():
        for row in system["awards"]:
            if row["awarded"] < 0 and row["total"] == 0:
                row["awarded"] -= 1000


def uncapped(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """An award that was cut at the cap tells what it would have brought."""
    for system in content["points"].values():
        for row in system["awards"]:
            if row["awarded"] > 0 and row["total"] == system["maxPoints"]:
                row["awarded"] += 1000


def level_kept(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """A level that was reached is never lost."""
    key = f"{who(request)} {request.path}"
    best = memory.get(key)
    if best and (content["level"] is None or content["level"]["points"] < best["points"]):
        content["level"] = best
    memory[key] = content["level"]


def loss_untold(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Only climbing is told."""
    for system in content["points"].values():
        if system["added"] < 0:
            system.pop("level", None)


def null_untold(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for system in content["points"].values():
        if "level" in system and system["level"] is None:
            del system["level"]


def level_always(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for system in content["points"].values():
        system.setdefault("level", None)


def level_never(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for system in content["points"].values():
        system.pop("level", None)


def patched(name: str, function: str, make: Any) -> Fault:
    return Fault(name, POINTS, patch=swap("mockserver.game.points", function, make))


MANY = "metrics_event achievements_complete"
AWARDED = [
    patched("a boost for some users is for all", "active_boosts", for_all(user_attributes=())),
    patched("a boost for one user is for all", "active_boosts", for_all(user=None)),
    patched("boosts follow UTC days", "award", utc_boosts),
    patched(
        "awards are always rounded down", "boosted", lambda old: lambda points, boosts: floor(exact(points, boosts))
    ),
    patched("awards are always rounded up", "boosted", lambda old: lambda points, boosts: ceil(exact(points, boosts))),
    patched("awards are rounded after each boost", "boosted", rounded_each),
    patched("multipliers add up", "boosted", added_up),
    patched(
        "only the greatest boost counts",
        "boosted",
        lambda old: lambda points, boosts: old(points, sorted(boosts, key=lambda boost: boost.multiplier)[-1:]),
    ),
    Fault(
        "scheduled boosts are not listed",
        POINTS,
        change_response("points_boosts", lambda rows, *_: [row for row in rows if row["status"] != "scheduled"]),
    ),
    Fault("a deduction tells more than was there", POINTS, change_response("metrics_event", uncut)),
    Fault(
        "an event's awards are dated otherwise",
        POINTS,
        change_response(MANY, put("points.*.awards.*.date", lambda v: f"2001{v[4:]}")),
    ),
    Fault("an award tells more than the cap allows", POINTS, change_response("metrics_event", uncapped)),
    Fault("a level is never lost", POINTS, change_response("users_points", level_kept)),
    Fault("the loss of a level is not told", POINTS, change_response("metrics_event", loss_untold)),
    Fault("the loss of all levels is not told", POINTS, change_response("metrics_event", null_untold)),
    Fault("a completion always tells the level", POINTS, change_response("achievements_complete", level_always)),
    Fault("a completion never tells the level", POINTS, change_response("achievements_complete", level_never)),
]

AMOUNTS = [*COUNTED, *SUMMED, *AWARDED]

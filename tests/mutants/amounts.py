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
from tests.mutants.fault import JSON, Ask, Fault, Forward, Memory, Reply, put, spoil_answer, swap
from tests.mutants.progress import POINTS, who
from tests.mutants.rules import REPLAYS, TOTALS, scope_of

SUMMARIES = "summaries"
METRIC = "users_metric_event_summary"


# Replays


def keyed(make: Any) -> Any:
    """Idempotency keys are taken for others: `make` says for which."""

    async def plant(ask: Ask, forward: Forward, memory: Memory) -> Reply:
        given = ask.headers.get("idempotency-key")
        if ask.operation != "metrics_event" or not given:
            return await forward(ask)
        answer = await forward(replace(ask, headers=ask.headers | {"idempotency-key": make(given, ask)}))
        return answer.with_json(answer.json | {"idempotencyKey": given}) if answer.status < 300 else answer

    return plant


async def replay_without_user(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """A replay does not look at the user's fields."""
    if ask.operation != "metrics_event" or not ask.headers.get("idempotency-key"):
        return await forward(ask)
    if memory.get(scope_of(ask)):
        ask = ask.with_json(ask.json | {"user": {"id": ask.user}})
    answer = await forward(ask)
    memory[scope_of(ask)] = answer.status < 300
    return answer


def never_achieved(rows: JSON, ask: Ask, memory: Memory) -> None:
    for row in rows:
        put("achievements.*.achievedAt", lambda v: None)(row, ask, memory)


async def nothing_of_nothing(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """The summary of a metric that does not exist is empty."""
    answer = await forward(ask)
    missing = ask.operation == METRIC and "no-such" in ask.path and answer.status in (404, 422)
    return replace(answer, status=200).with_json([]) if missing else answer


COUNTED = [
    Fault(
        "a key with another value is another event", REPLAYS, keyed(lambda key, ask: f"{key} {ask.json.get('value')}")
    ),
    Fault("keys ignore case", REPLAYS, keyed(lambda key, ask: key.lower())),
    Fault("a replay drops the user's fields", REPLAYS, replay_without_user),
    Fault(
        "achievements in the list of metrics are never done", TOTALS, spoil_answer("users_all_metrics", never_achieved)
    ),
    Fault("the summary of an unknown metric is empty", SUMMARIES, nothing_of_nothing),
]


# Summaries


def from_zero(rows: JSON, ask: Ask, memory: Memory) -> None:
    """Totals begin at 0 with the range."""
    before = rows[0]["total"] - rows[0]["change"]
    for row in rows:
        row["total"] = round(row["total"] - before, 6)


def a_day_late(rows: JSON, ask: Ask, memory: Memory) -> None:
    if dict(ask.parameters)["aggregation"] == "weekly":
        for row in rows:
            row["date"] = (date.fromisoformat(row["date"]) + timedelta(days=1)).isoformat()


async def cut_to_range(ask: Ask, forward: Forward, memory: Memory) -> Reply:
    """Weeks and months count only their days inside the range."""
    answer = await forward(ask)
    given = dict(ask.parameters)
    if ask.operation != METRIC or answer.status != 200 or given.get("aggregation") == "daily":
        return answer
    days = (await forward(ask.with_parameters(list((given | {"aggregation": "daily"}).items())))).json
    rows = answer.json
    ends = [row["date"] for row in rows[1:]] + ["9999"]
    for row, end in zip(rows, ends, strict=True):
        row["change"] = round(sum(one["change"] for one in days if row["date"] <= one["date"] < end), 6)
    return answer.with_json(rows)


SUMMED = [
    Fault("totals of a metric begin at 0 with the range", SUMMARIES, spoil_answer(METRIC, from_zero)),
    Fault(
        "totals of points begin at 0 with the range", SUMMARIES, spoil_answer("users_points_event_summary", from_zero)
    ),
    Fault("weeks are dated a day late", SUMMARIES, spoil_answer(METRIC, a_day_late)),
    Fault("weeks of points are dated a day late", SUMMARIES, spoil_answer("users_points_event_summary", a_day_late)),
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


def uncut(content: JSON, ask: Ask, memory: Memory) -> None:
    """A deduction that was cut at 0 tells what it would have taken."""
    for system in content["points"].values():
        for row in system["awards"]:
            if row["awarded"] < 0 and row["total"] == 0:
                row["awarded"] -= 1000


def uncapped(content: JSON, ask: Ask, memory: Memory) -> None:
    """An award that was cut at the cap tells what it would have brought."""
    for system in content["points"].values():
        for row in system["awards"]:
            if row["awarded"] > 0 and row["total"] == system["maxPoints"]:
                row["awarded"] += 1000


def level_kept(content: JSON, ask: Ask, memory: Memory) -> None:
    """A level that was reached is never lost."""
    key = f"{who(ask)} {ask.path}"
    best = memory.get(key)
    if best and (content["level"] is None or content["level"]["points"] < best["points"]):
        content["level"] = best
    memory[key] = content["level"]


def loss_untold(content: JSON, ask: Ask, memory: Memory) -> None:
    """Only climbing is told."""
    for system in content["points"].values():
        if system["added"] < 0:
            system.pop("level", None)


def null_untold(content: JSON, ask: Ask, memory: Memory) -> None:
    for system in content["points"].values():
        if "level" in system and system["level"] is None:
            del system["level"]


def level_always(content: JSON, ask: Ask, memory: Memory) -> None:
    for system in content["points"].values():
        system.setdefault("level", None)


def level_never(content: JSON, ask: Ask, memory: Memory) -> None:
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
        spoil_answer("points_boosts", lambda rows, *_: [row for row in rows if row["status"] != "scheduled"]),
    ),
    Fault("a deduction tells more than was there", POINTS, spoil_answer("metrics_event", uncut)),
    Fault(
        "an event's awards are dated otherwise",
        POINTS,
        spoil_answer(MANY, put("points.*.awards.*.date", lambda v: f"2001{v[4:]}")),
    ),
    Fault("an award tells more than the cap allows", POINTS, spoil_answer("metrics_event", uncapped)),
    Fault("a level is never lost", POINTS, spoil_answer("users_points", level_kept)),
    Fault("the loss of a level is not told", POINTS, spoil_answer("metrics_event", loss_untold)),
    Fault("the loss of all levels is not told", POINTS, spoil_answer("metrics_event", null_untold)),
    Fault("a completion always tells the level", POINTS, spoil_answer("achievements_complete", level_always)),
    Fault("a completion never tells the level", POINTS, spoil_answer("achievements_complete", level_never)),
]

AMOUNTS = [*COUNTED, *SUMMED, *AWARDED]

"""Faults of the year in review: a part that tells the whole, another's part, or the present instead of the year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from tests.mutants.fault import JSON, ClientRequest, Fault, Forward, Memory, ServerResponse, change_response, put

WRAPPED = "wrapped"


def upside_down(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for period in content["activity"].values():
        if isinstance(period, dict):
            for row in (*period["metrics"].values(), *period["points"].values()):
                if "percentileThisPeriod" in row:
                    row["percentileThisPeriod"] = round(100 - row["percentileThisPeriod"], 1)


def of_the_year(period: str, times: int) -> JSON:
    """The period tells the change of the whole year, or a multiple of it."""

    def change(content: JSON, request: ClientRequest, memory: Memory) -> None:
        year = content["activity"]["entireYear"]["metrics"]
        for key, row in content["activity"][period]["metrics"].items():
            row["changeThisPeriod"] = times * year[key]["changeThisPeriod"]

    return change


def next_day(text: str) -> str:
    return (date.fromisoformat(text) + timedelta(days=1)).isoformat()


def on_monday(content: JSON, request: ClientRequest, memory: Memory) -> None:
    week = content["activity"]["mostActiveWeek"]
    week.update(start=next_day(week["start"]), end=next_day(week["end"]))


def other_year(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if content["activity"]["daysActive"] == 0:
        content["activity"]["mostActiveDay"]["date"] = "2020-06-01"


async def present_streak(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    return await _instead(
        request, forward, "streak", lambda year, now: year["longestStreak"].update(length=now["length"])
    )


async def all_years(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """Every achievement that the user ever completed."""
    return await _instead(request, forward, "achievements", lambda year, now: year.update(achievements=now))


async def _instead(request: ClientRequest, forward: Forward, listing: str, change: JSON) -> ServerResponse:
    """The year, changed by what the user has now."""
    response = await forward(request)
    if request.operation != "users_wrapped" or response.status != 200:
        return response
    now = await forward(replace(request, path=request.path.removesuffix("wrapped") + listing, query=""))
    content = response.json
    if now.status == 200:
        change(content["activity"]["entireYear"], now.json)
    return response.with_json(content)


async def last_rank(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """The rank of the last run that the year has, not the best."""
    response = await forward(request)
    if request.operation == "metrics_event" and response.status < 300:
        for key, row in response.json["leaderboards"].items():
            memory[f"{request.headers.get('x-api-key')} {request.user} {key}"] = row["rank"]
    if request.operation != "users_wrapped" or response.status != 200:
        return response
    content = response.json
    for key, row in content["activity"]["entireYear"]["leaderboards"].items():
        row["rank"] = memory.get(f"{request.headers.get('x-api-key')} {request.user} {key}") or row["rank"]
    return response.with_json(content)


YEARS = [
    Fault("wrapped percentiles are upside down", WRAPPED, change_response("users_wrapped", upside_down)),
    Fault(
        "the wrapped month tells the year", WRAPPED, change_response("users_wrapped", of_the_year("mostActiveMonth", 1))
    ),
    Fault(
        "the wrapped week tells the year twice",
        WRAPPED,
        change_response("users_wrapped", of_the_year("mostActiveWeek", 2)),
    ),
    Fault(
        "the wrapped day has too many points",
        WRAPPED,
        change_response(
            "users_wrapped", put("activity.mostActiveDay.points.*.changeThisPeriod", lambda value: value + 5)
        ),
    ),
    Fault("the wrapped streak is the present one", WRAPPED, present_streak),
    Fault("wrapped achievements are of all years", WRAPPED, all_years),
    Fault("the wrapped rank is the last", WRAPPED, last_rank),
    Fault("the wrapped week begins on Monday", WRAPPED, change_response("users_wrapped", on_monday)),
    Fault("an empty year is busiest in another", WRAPPED, change_response("users_wrapped", other_year)),
]

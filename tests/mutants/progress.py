"""Faults of behaviour, continued: achievements, points, streaks and leaderboards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.mutants.fault import (
    JSON,
    ClientRequest,
    Fault,
    Forward,
    Memory,
    ServerResponse,
    body,
    change_request,
    change_response,
    put,
    replaced,
    without,
)
from tests.mutants.rules import by

ACHIEVEMENTS, POINTS, STREAKS, BOARDS = "achievements", "points", "streaks", "leaderboards"


def who(request: ClientRequest) -> str:
    return f"{request.headers.get('x-api-key')} {request.user}"


# Achievements


def completed_again(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Each event tells all achievements so far."""
    known = memory.setdefault(who(request), [])
    content["achievements"] = [*content["achievements"], *known]
    known += [row for row in content["achievements"] if row not in known]


def second_id(content: JSON, request: ClientRequest, memory: Memory) -> None:
    key = who(request) + request.path
    memory[key] = memory.get(key, 0) + 1
    if memory[key] > 1:
        content["completionId"] += f"-{memory[key]}"


def pays_again(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["points"] = memory.setdefault(who(request) + request.path, content["points"])


async def too_early(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A composite counts as completed when one of its prerequisites is."""
    response = await forward(request)
    if request.operation != "users_achievements" or response.status != 200 or request.query:
        return response
    rows = response.json
    every = (await forward(replace(request, query="includeIncomplete=true"))).json
    done = {row["id"]: row["achievedAt"] for row in rows}
    for row in every:
        first = next((done[one] for one in row.get("achievementIds", []) if one in done), None)
        if first and row["id"] not in done:
            rows.append(row | {"achievedAt": first})
    return response.with_json(rows)


def by_name(content: JSON) -> JSON:
    """Filters of events match whatever the event says."""
    if isinstance(content.get("attributes"), dict):
        return content | {"attributes": {k: v for k, v in content["attributes"].items() if k == "no-such-key"}}
    return content


def everybody_fits(content: JSON) -> JSON:
    user = content.get("user")
    if isinstance(user, dict) and "department" not in user.get("attributes", {}):
        return content | {"user": user | {"attributes": {"department": "engineering"} | user.get("attributes", {})}}
    return content


UNLOCKED = [
    Fault("achievements are completed again", ACHIEVEMENTS, change_response("metrics_event", completed_again)),
    Fault(
        "events tell no achievements", ACHIEVEMENTS, change_response("metrics_event", put("achievements", lambda v: []))
    ),
    Fault(
        "only the first achievement is told",
        ACHIEVEMENTS,
        change_response("metrics_event", put("achievements", lambda v: v[:1])),
    ),
    Fault(
        "a second completion has an id of its own", ACHIEVEMENTS, change_response("achievements_complete", second_id)
    ),
    Fault("a second completion pays again", ACHIEVEMENTS, change_response("achievements_complete", pays_again)),
    Fault(
        "incomplete ones are always listed",
        ACHIEVEMENTS,
        change_request(
            "users_achievements", lambda request, memory: request.with_parameters([("includeIncomplete", "true")])
        ),
    ),
    Fault("one prerequisite is enough", ACHIEVEMENTS, too_early),
    Fault(
        "user attributes filter nothing", ACHIEVEMENTS, change_request("achievements_all", without("userAttributes"))
    ),
    Fault("event attributes are ignored", ACHIEVEMENTS, change_request("metrics_event", body(by_name))),
    Fault("everybody fits a filter", ACHIEVEMENTS, change_request("achievements_complete", body(everybody_fits))),
    Fault(
        "completions are counted double",
        ACHIEVEMENTS,
        change_response("achievements_all", put("*.completions", lambda v: 2 * v)),
    ),
    Fault(
        "rarity is a fraction", ACHIEVEMENTS, change_response("achievements_all", put("*.rarity", lambda v: v / 100))
    ),
    Fault(
        "the newest achievement is missing",
        ACHIEVEMENTS,
        change_response("users_achievements", lambda rows, *_: rows[:-1]),
    ),
]


# Points


def unboosted(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Awards are as if there were no boosts."""
    for system in content["points"].values():
        for award in system["awards"]:
            if award["boosts"]:
                award["awarded"] = award["awarded"] // 2
                award["boosts"] = []


def always_level(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for system in content["points"].values():
        system.setdefault("level", None)


def stuck_level(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["level"] = memory.setdefault(who(request) + request.path, content["level"])


def above_cap(content: JSON, request: ClientRequest, memory: Memory) -> None:
    if content["maxPoints"] is not None and content["total"] == content["maxPoints"]:
        content["total"] += 20


def below_zero(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for system in content["points"].values():
        if system["maxPoints"] is not None and system["added"] < 0:
            system["total"] -= 60


def all_at_first(rows: JSON, request: ClientRequest, memory: Memory) -> None:
    rows[0]["users"] += sum(row["users"] for row in rows[1:])
    for row in rows[1:]:
        row["users"] = 0


def one_award(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """A jump over several multiples pays for one."""
    for system in content["points"].values():
        for award in system["awards"]:
            if award["trigger"]["type"] == "metric" and award["awarded"] > award["trigger"]["points"] > 0:
                award["awarded"] = award["trigger"]["points"]


EARNED = [
    Fault("points are not the sum of awards", POINTS, change_response("users_points", put("total", by(1)))),
    Fault("added is counted double", POINTS, change_response("metrics_event", put("points.*.added", lambda v: 2 * v))),
    Fault("boosts are not applied", POINTS, change_response("metrics_event", unboosted)),
    Fault(
        "boosts are not shown", POINTS, change_response("metrics_event", put("points.*.awards.*.boosts", lambda v: []))
    ),
    Fault("a user has no boosts", POINTS, change_response("users_points_boosts", lambda rows, *_: [])),
    Fault("the level is always told", POINTS, change_response("metrics_event", always_level)),
    Fault("the level is stuck", POINTS, change_response("users_points", stuck_level)),
    Fault("the cap is ignored", POINTS, change_response("users_points", above_cap)),
    Fault("points fall below 0", POINTS, change_response("metrics_event", below_zero)),
    Fault("awards are oldest first", POINTS, change_response("users_points", put("awards", lambda v: v[::-1]))),
    Fault(
        "the number of awards is ignored",
        POINTS,
        change_request("users_points", replaced("awards", lambda v: "100" if v.isdigit() and 0 < int(v) < 100 else v)),
    ),
    Fault(
        "ten awards by default are five",
        POINTS,
        change_request(
            "leaderboards_get",
            lambda request, memory: (
                request
                if "limit" in dict(request.parameters)
                else request.with_parameters([*request.parameters, ("limit", "5")])
            ),
        ),
    ),
    Fault("a jump pays once", POINTS, change_response("metrics_event", one_award)),
    Fault(
        "finished boosts are always listed",
        POINTS,
        change_request("points_boosts", lambda request, memory: request.with_parameters([("includeFinished", "true")])),
    ),
    Fault("ranges overlap", POINTS, change_response("points_summary", put("*.to", by(1)))),
    Fault("ten ranges instead of eleven", POINTS, change_response("points_summary", lambda rows, *_: rows[:-1])),
    Fault("points of all users are summed up", POINTS, change_request("points_summary", without("userAttributes"))),
    Fault("everybody is at the first level", POINTS, change_response("points_level_summary", all_at_first)),
    Fault("levels descend", POINTS, change_response("points_levels", lambda rows, *_: rows[::-1])),
    Fault(
        "awards have lost their order of totals",
        POINTS,
        change_response("users_points", put("awards.*.total", lambda v: v + 1)),
    ),
]


# Streaks


def never_fewer(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Freezes are earned and never spent."""
    held = memory[who(request)] = max(memory.get(who(request), 0), content["freezes"])
    content["freezes"] = held


def never_lost(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["length"] = memory[who(request)] = max(memory.get(who(request), 0), content["length"])


def short_history(content: JSON, request: ClientRequest, memory: Memory) -> None:
    content["streakHistory"] = content["streakHistory"][1:]


KEPT = [
    Fault("freezes are never spent", STREAKS, change_response("users_streak", never_fewer)),
    Fault(
        "frozen days are not marked",
        STREAKS,
        change_response("users_streak", put("streakHistory.*.usedFreeze", lambda v: False)),
    ),
    Fault("freezes exceed their maximum", STREAKS, change_response("users_streak", put("freezes", by(2)))),
    Fault("a streak is never lost", STREAKS, change_response("users_streak", never_lost)),
    Fault(
        "every event extends", STREAKS, change_response("metrics_event", put("currentStreak.extended", lambda v: True))
    ),
    Fault(
        "an event's streak is behind",
        STREAKS,
        change_response("metrics_event", put("currentStreak.length", lambda v: max(v - 1, 0))),
    ),
    Fault("listed streaks are too long", STREAKS, change_response("streaks_list", put("*.streakLength", by(1)))),
    Fault("streaks are listed shortest first", STREAKS, change_response("streaks_list", lambda rows, *_: rows[::-1])),
    Fault("the history lacks a period", STREAKS, change_response("users_streak", short_history)),
    Fault(
        "the history is newest first", STREAKS, change_response("users_streak", put("streakHistory", lambda v: v[::-1]))
    ),
    Fault(
        "a streak expires today",
        STREAKS,
        change_response(
            "users_streak metrics_event",
            lambda c, *_: put(
                "currentStreak.expires" if "currentStreak" in c else "expires",
                lambda v: c.get("currentStreak", c)["periodEnd"],
            )(c, None, None),
        ),
    ),
    Fault(
        "rankings are shortest first",
        STREAKS,
        change_response("streaks_rankings", lambda rows, *_: sorted(rows, key=lambda r: r["streakLength"])),
    ),
    Fault(
        "the longest are the active",
        STREAKS,
        change_request("streaks_rankings", replaced("type", lambda v: "active" if v == "longest" else v)),
    ),
    Fault(
        "rankings know no limit",
        STREAKS,
        change_request("streaks_rankings", replaced("limit", lambda v: "100" if v in ("1", "2") else v)),
    ),
    Fault(
        "historyPeriods is 6 by default",
        STREAKS,
        change_request(
            "users_streak",
            lambda request, memory: (
                request
                if "historyPeriods" in dict(request.parameters)
                else request.with_parameters([("historyPeriods", "6")])
            ),
        ),
    ),
]


# Leaderboards


def restless_ties(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """Those with equal values change places from one reading to the next."""
    rows = content["rankings"]
    memory["turn"] = not memory.get("turn")
    if memory["turn"]:
        for value in {row["value"] for row in rows}:
            tied = [n for n, row in enumerate(rows) if row["value"] == value]
            users = [(rows[n]["userId"], rows[n]["userName"]) for n in reversed(tied)]
            for place, (identity, name) in zip(tied, users, strict=True):
                rows[place] |= {"userId": identity, "userName": name}


def ties_by_id(content: JSON, request: ClientRequest, memory: Memory) -> None:
    rows = content["rankings"]
    first = rows[0]["rank"] if rows else 1
    rows.sort(key=lambda row: (-row["value"], row["userId"]))
    for rank, row in enumerate(rows, first):
        row["rank"] = rank


def shared_ranks(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for before, row in zip(content["rankings"], content["rankings"][1:], strict=False):
        if row["value"] == before["value"]:
            row["rank"] = before["rank"]


def overlap(value: str) -> str:
    return str(int(value) - 1) if value.isdigit() and int(value) > 0 else value


def first_group(request: ClientRequest, memory: Memory) -> ClientRequest:
    """Whatever group is asked for, it is the one asked for first."""
    key = f"{request.headers.get('x-api-key')} {request.path}"
    return replaced("userAttributes", lambda v: memory.setdefault(key, v))(request, memory)


def cut_at_commas(value: str) -> str:
    """Of a value with a comma in it only what is before."""
    return value.replace("\\,", ",").split(", ")[0]


def unmoved(content: JSON, request: ClientRequest, memory: Memory) -> None:
    for row in content["leaderboards"].values():
        row["previousRank"] = row["rank"]


def other_boards(content: JSON, request: ClientRequest, memory: Memory) -> None:
    """An event also tells of boards that an earlier one has changed."""
    known = memory.setdefault(request.headers.get("x-api-key"), {})
    known.update(content["leaderboards"])
    content["leaderboards"] = dict(known)


async def always_first_page(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """A user who is not on the board gets the first page."""
    response = await forward(request)
    asked = request.operation == "leaderboards_get" and "userId" in dict(request.parameters)
    if asked and response.status == 200 and not response.json["rankings"]:
        return await forward(without("userId")(request, memory))
    return response


RANKED = [
    Fault("ranks begin with 0", BOARDS, change_response("leaderboards_get", put("rankings.*.rank", by(-1)))),
    Fault("ties share a rank", BOARDS, change_response("leaderboards_get", shared_ranks)),
    Fault("ties go by id", BOARDS, change_response("leaderboards_get", ties_by_id)),
    Fault("ties are restless", BOARDS, change_response("leaderboards_get", restless_ties)),
    Fault(
        "boards are in ascending order", BOARDS, change_response("leaderboards_get", put("rankings", lambda v: v[::-1]))
    ),
    Fault("pages overlap", BOARDS, change_request("leaderboards_get", replaced("offset", overlap))),
    Fault(
        "pages are one too long",
        BOARDS,
        change_request("leaderboards_get", replaced("limit", lambda v: str(int(v) + 1) if v in ("2", "3") else v)),
    ),
    Fault("userId is ignored", BOARDS, change_request("leaderboards_get", without("userId"))),
    Fault("strangers get the first page", BOARDS, always_first_page),
    Fault("all groups are one", BOARDS, change_request("leaderboards_get", first_group)),
    Fault(
        "a comma ends a value",
        BOARDS,
        change_request("leaderboards_get", replaced("userAttributes", cut_at_commas)),
    ),
    Fault("the run is ignored", BOARDS, change_request("leaderboards_get users_leaderboard", without("run"))),
    Fault("an event moves nobody", BOARDS, change_response("metrics_event", unmoved)),
    Fault("an event tells of every board", BOARDS, change_response("metrics_event", other_boards)),
    Fault(
        "an event's rank is off",
        BOARDS,
        change_response("metrics_event", put("leaderboards.*.rank", lambda v: v and v + 1)),
    ),
    Fault(
        "a user's own value is off", BOARDS, change_response("users_leaderboard", put("value", lambda v: v and v + 1))
    ),
    Fault("a user's own rank is off", BOARDS, change_response("users_leaderboard", put("rank", lambda v: v and v + 1))),
    Fault("the history of ranks is empty", BOARDS, change_response("users_leaderboard", put("history", lambda v: []))),
    Fault(
        "the history of ranks is newest first",
        BOARDS,
        change_response("users_leaderboard", put("history", lambda v: v[::-1])),
    ),
    Fault(
        "finished boards are always listed",
        BOARDS,
        change_request(
            "leaderboards_all", lambda request, memory: request.with_parameters([("includeFinished", "true")])
        ),
    ),
    Fault("finished boards are never listed", BOARDS, change_request("leaderboards_all", without("includeFinished"))),
    Fault(
        "the threshold is the value",
        BOARDS,
        change_response("metrics_event", put("leaderboards.*.threshold", lambda v: v + 5)),
    ),
    Fault(
        "boards have room for all",
        BOARDS,
        change_response("leaderboards_get", lambda content, request, memory: _crowd(content, memory)),
    ),
]


def _crowd(content: JSON, memory: Memory) -> Any:
    """One more than the board has room for."""
    rows = content["rankings"]
    if rows and rows[-1]["rank"] == content["maxParticipants"]:
        rows.append(rows[-1] | {"userId": "one-more", "rank": rows[-1]["rank"] + 1})


PROGRESS = [*UNLOCKED, *EARNED, *KEPT, *RANKED]

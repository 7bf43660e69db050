"""What the organisation has set up, and how it goes: boards, achievements, points, the catalog itself."""

from __future__ import annotations

from collections import Counter

import orjson
from starlette.responses import Response

from mockserver.ui.calls import JSON
from mockserver.ui.charts import spans
from mockserver.ui.layout import Visit, in_layout

PLACES = 50
AROUND = 2  # lines shown before and after one that is wrong


async def boards(visit: Visit) -> Response:
    """All boards, and one ranking of the one that is chosen."""
    rows = (await visit.get("/leaderboards"))["leaderboards"]
    key = visit.query.get("leaderboard") or (rows[0]["key"] if rows else None)
    board = next((row for row in rows if row["key"] == key), None)
    ranking = None
    if key is not None:
        query = {name: visit.query.get(name) for name in ("run", "group", "offset")}
        ranking = await visit.get("/leaderboard", leaderboard=key, limit=PLACES, **query)
    values = [row["value"] for row in (ranking or {}).get("breakdownAttributeValues", ())]
    return await in_layout(
        visit,
        "boards.html",
        "Boards",
        boards=rows,
        board=board,
        ranking=ranking,
        groups=[(orjson.dumps(group).decode(), " · ".join(group), group == values) for group in _groups(board)],
        offset=int(visit.query.get("offset") or 0),
        places=PLACES,
    )


def _groups(board: JSON) -> list[list[str]]:
    return board["groups"] if board else []


async def achievements(visit: Visit) -> Response:
    """Who has what, and how rare it is."""
    rows = (await visit.get("/achievements"))["achievements"]
    users = (await visit.get("/users", limit=1))["total"]
    names = {row["key"]: row["name"] for row in rows}
    return await in_layout(visit, "achievements.html", "Achievements", rows=rows, users=users, names=names)


async def points(visit: Visit) -> Response:
    """What pays, what multiplies, and who is at which level."""
    systems = (await visit.get("/points"))["systems"]
    lines = {row["key"]: spans(row["boosts"], row["now"]) for row in systems}
    return await in_layout(visit, "points.html", "Points", systems=systems, lines=lines)


async def catalog(visit: Visit) -> Response:
    """The catalog in force as text, to be tried and changed."""
    text = (await visit.get("/catalog", format="toml"))["toml"]
    return await in_layout(visit, "catalog.html", "Catalog", text=text, trial=None, marked=[], changes=Counter())


async def catalog_try(visit: Visit) -> Response:
    """The same text with what is wrong with it, by line, or with what it would change."""
    text = visit.form.get("text", "").replace("\r\n", "\n")
    reply = await visit.calls.control("POST", "/catalog/try", body=text.encode(), media_type="application/toml")
    trial: JSON = reply.json() if reply.ok else {"valid": False, "problems": [_refusal(reply.error)], "changes": []}
    return await in_layout(
        visit,
        "catalog.html",
        "Catalog",
        text=text,
        trial=trial,
        marked=[_marked(text.split("\n"), row) for row in trial["problems"]],
        changes=Counter(row["change"] for row in trial["changes"]),
    )


def _refusal(sentence: str) -> JSON:
    return {"line": None, "path": "", "message": sentence}


def _marked(lines: list[str], problem: JSON) -> JSON:
    """A problem with the lines around it: number, text, whether it is the one."""
    at = problem["line"]
    first, last = max(1, (at or 0) - AROUND), min(len(lines), (at or 0) + AROUND)
    shown = [(number, lines[number - 1], number == at) for number in range(first, last + 1)] if at else []
    return problem | {"lines": shown}

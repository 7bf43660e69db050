"""Users: the list, and one user with everything about them."""

from __future__ import annotations

from starlette.responses import Response

from mockserver.ui.charts import calendar, line
from mockserver.ui.layout import Visit, in_layout

PAGE = 50
COLUMNS = (
    ("name", "Name"),
    ("", "Local time"),
    ("streak", "Streak"),
    ("", "Freezes"),
    ("points", "Points"),
    ("lastSeen", "Last seen"),
)
CARRIED = ("search", "sort", "achievement", "level", "offset")


async def users(visit: Visit) -> Response:
    """Found, in order, a page at a time."""
    query = {name: visit.query.get(name) for name in CARRIED}
    found = await visit.get("/users", **query, limit=PAGE)
    offset = int(query["offset"] or 0)
    return await in_layout(
        visit,
        "users.html",
        "Users",
        found=found,
        query=query,
        columns=COLUMNS,
        offset=offset,
        previous=max(0, offset - PAGE) if offset else None,
    )


async def user(visit: Visit) -> Response:
    """One user."""
    user = visit.query.get("id", "")
    shown = await visit.get("/user", userId=user)
    catalog = await visit.get("/catalog")
    streak = shown["streak"]
    picture = None
    if streak:
        days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        start = days.index(catalog["settings"]["weekStart"])
        picture = calendar(streak["periods"], streak["frequency"] == "daily", start)
    return await in_layout(
        visit,
        "user.html",
        shown["user"]["name"] or shown["user"]["id"],
        shown=shown,
        picture=picture,
        lines={row["key"]: line(row["days"], "total") for row in shown["points"]},
        facts=(await visit.get("/facts", userId=user, limit=25))["facts"],
        events=(await visit.get("/webhooks/events", userId=user, limit=15))["events"][::-1],
        catalog=catalog,
    )

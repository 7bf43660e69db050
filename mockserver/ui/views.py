"""The views by their names: each asks what it shows and hands it to a template."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.responses import Response

from mockserver.ui import views_game, views_requests, views_users, views_webhooks
from mockserver.ui.calls import JSON
from mockserver.ui.charts import bars
from mockserver.ui.layout import Visit, in_layout, render

View = Callable[[Visit], Awaitable[Response]]
FEED = 40


async def overview(visit: Visit) -> Response:
    """The world at a glance, and what happened last."""
    world = await visit.get("/overview")
    feed = await visit.get("/facts", limit=FEED)
    return await in_layout(
        visit,
        "overview.html",
        "Overview",
        overview=world,
        chart=bars(world["days"], "events"),
        facts=feed["facts"],
        last=feed["total"],
    )


async def facts(visit: Visit) -> Response:
    """All that happened, newest first, page by page."""
    query = {name: visit.query.get(name) for name in ("userId", "kind", "before")}
    found = await visit.get("/facts", **query, limit=100)
    return await in_layout(visit, "facts.html", "Facts", found=found, query=query)


async def why(visit: Visit) -> Response:
    """Why a number is as it is, or what is behind a fact; as a whole view, or for a dialog."""
    number = visit.query.get("fact")
    reason = await _chain(visit, number) if number else await visit.get("/why", **_subject(visit))
    if visit.query.get("bare"):
        return render("why_bare.html", visit=visit, reason=reason)
    return await in_layout(visit, "why.html", "Why?", reason=reason)


def _subject(visit: Visit) -> dict[str, str]:
    """The query of `/why`. The streak needs no key, but a link on a page has to carry a value."""
    names = ("userId", "points", "achievement", "leaderboard", "streak")
    return {name: visit.query[name] for name in names if name in visit.query}


async def _chain(visit: Visit, number: str) -> JSON:
    """A fact and the facts behind it, in the shape of `/why`."""
    found: list[JSON] = []
    following: str | None = number
    while following is not None and following.isascii() and following.isdigit() and len(following) < 15:
        rows = (await visit.get("/facts", before=int(following) + 1, limit=1))["facts"]
        if not rows or rows[0]["number"] != int(following):
            break
        found.append(rows[0])
        following = None if rows[0]["cause"] is None else str(rows[0]["cause"])
    if not found:
        return {"answer": f"There is no fact {number[:20]}.", "earlier": None, "because": []}
    sentences = [row["says"] if at == 0 else f"Because: {row['says']}" for at, row in enumerate(found)]
    link = {"fact": found[0], "causes": found[1:], "sentences": sentences}
    return {"answer": found[0]["says"], "earlier": None, "because": [link]}


VIEWS: dict[str, View] = {
    "": overview,
    "facts": facts,
    "why": why,
    "users": views_users.users,
    "user": views_users.user,
    "boards": views_game.boards,
    "achievements": views_game.achievements,
    "points": views_game.points,
    "catalog": views_game.catalog,
    "webhooks": views_webhooks.webhooks,
    "requests": views_requests.requests,
    "faults": views_requests.faults_view,
    "api": views_requests.api,
}

"""Webhooks: events, endpoints and deliveries."""

from __future__ import annotations

from starlette.responses import Response

from mockserver.ui.layout import Visit, in_layout

SHOWN = 100


async def webhooks(visit: Visit) -> Response:
    """Endpoints, events and deliveries; one of them in full when it is chosen."""
    query = {name: visit.query.get(name) for name in ("type", "userId")}
    state, endpoint = visit.query.get("state"), visit.query.get("endpoint")
    events = (await visit.get("/webhooks/events", **query, limit=SHOWN))["events"][::-1]
    sent = await visit.get("/webhooks/deliveries", **query, state=state, endpoint=endpoint, limit=SHOWN)
    deliveries = sent["deliveries"][::-1]
    endpoints = (await visit.get("/webhooks"))["endpoints"]
    chosen = visit.query.get("event")
    event = next((row for row in events if row["id"] == chosen), None)
    delivery = next((row for row in deliveries if row["id"] == visit.query.get("delivery")), None)
    spec = await visit.get("/document")
    return await in_layout(
        visit,
        "webhooks.html",
        "Webhooks",
        endpoints=endpoints,
        events=events,
        deliveries=deliveries,
        event=event,
        delivery=delivery,
        secrets={row["id"]: row["secret"] for row in endpoints},
        types=list(spec["webhooks"]),
        query=query | {"state": state, "endpoint": endpoint},
    )

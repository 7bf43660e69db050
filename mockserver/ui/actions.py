"""The page's actions: each makes its calls and returns the result."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import orjson
from starlette.responses import RedirectResponse, Response

from mockserver.ui import formatting
from mockserver.ui.calls import JSON, Reply
from mockserver.ui.formatting import HOME
from mockserver.ui.layout import ZONE, Result, Visit, midnight
from mockserver.ui.operations import prefix_of
from mockserver.ui.views_game import catalog_try
from mockserver.ui.views_requests import api_try

NEWEST = 100
MOVES = {
    "hour": ("1 hour passed", {"hours": 1}),
    "day": ("1 day passed", {"days": 1}),
    "week": ("1 week passed", {"days": 7}),
}
YEAR = 365 * 24 * 3600

Action = Callable[[Visit], Awaitable[Result | Response]]


def done(visit: Visit, result: Result | Response) -> Response:
    """Sends the browser back to where it was, with the result in the address; another origin is never gone to."""
    if isinstance(result, Response):
        return result
    back = urlsplit(visit.form.get("back", ""))
    path = back.path if back.path == HOME or back.path.startswith(f"{HOME}/") else HOME
    pairs = [pair for pair in back.query.split("&") if pair and not pair.startswith("done=")]
    number = visit.results.keep(visit.key, result)
    return RedirectResponse(urlunsplit(("", "", path, "&".join([*pairs, f"done={number}"]), "")), 303)


def result_of(reply: Reply, title: str, **more: Any) -> Result:
    return Result(title, more=more) if reply.ok else Result("This was refused", reply.error)


# Time


async def clock(visit: Visit) -> Result:
    """Moves the clock, stops it or lets it go."""
    move = visit.form.get("move", "")
    if move in ("freeze", "run"):
        reply = await visit.calls.control("PUT", "/clock", body={"frozen": move == "freeze"})
        return result_of(reply, "The clock stands still" if move == "freeze" else "The clock runs")
    if move in MOVES:
        title, body = MOVES[move]
        return await _moved(visit, title, body)
    now = await visit.get("/clock")
    if move == "midnight":
        return await _moved(visit, f"Midnight in {visit.zone}", {"to": midnight(now["now"], visit.zone)["midnight"]})
    if move == "due":
        if now["nextDue"] is None:
            return Result("Nothing falls due", "Nothing will happen by itself in this world.")
        return await _moved(visit, "To what fell due next", {"to": now["nextDue"]})
    try:
        local = datetime.fromisoformat(visit.form.get("to", "")).replace(tzinfo=formatting.zone_of(visit.zone))
    except ValueError:
        return Result("This was refused", "Choose the day and the time to go to.")
    return await _moved(visit, f"To {local:%-d %b %Y, %H:%M} in {visit.zone}", {"to": local.isoformat()})


async def _moved(visit: Visit, title: str, body: JSON) -> Result:
    """What happened on the way: all kinds counted, the newest facts."""
    before = await visit.get("/facts", limit=1)
    reply = await visit.calls.control("POST", "/clock/advance", body=body)
    if not reply.ok:
        return Result("This was refused", reply.error)
    return Result(title, counts=reply.json()["counts"], facts=await _since(visit, before["total"]))


async def _since(visit: Visit, number: int) -> list[JSON]:
    """The newest facts after that number."""
    facts = (await visit.get("/facts", limit=NEWEST))["facts"]
    return [fact for fact in facts if fact["number"] > number]


async def zone(visit: Visit) -> Response:
    """In which zone times are shown and midnights counted; the browser keeps it."""
    response = done(visit, Result(f"Times are shown in {visit.form.get('zone', '')}"))
    if visit.form.get("zone") not in formatting.zone_names():
        return done(visit, Result("This was refused", "That is no time zone; they are named as in Europe/Paris."))
    response.set_cookie(ZONE, visit.form["zone"], max_age=YEAR, path=HOME, httponly=True, samesite="strict")
    return response


# State


async def reset(visit: Visit) -> Result:
    return result_of(await visit.calls.control("POST", "/reset"), "The world is back at its seed")


async def snapshot(visit: Visit) -> Result:
    reply = await visit.calls.control("POST", "/snapshots")
    return result_of(reply, f"Kept as {reply.json()['id']}" if reply.ok else "")


async def restore(visit: Visit) -> Result:
    name = visit.form.get("id", "")
    reply = await visit.calls.control("POST", f"/snapshots/{quote(name, safe='')}/restore")
    return result_of(reply, f"The world is as it was at {name}")


async def world_make(visit: Visit) -> Result | Response:
    """A world beside this one, and the browser goes there."""
    form = visit.form
    body: dict[str, JSON] = {"catalog": form.get("catalog") or "catalog", "frozen": form.get("frozen") == "on"}
    for name in ("users", "seed"):
        text = form.get(name, "").strip()
        if text:
            body[name] = int(text) if text.lstrip("-").isdigit() and text.isascii() and len(text) < 18 else text
    if form.get("now"):
        body["now"] = form["now"]
    reply = await visit.root_calls.control("POST", "/worlds", body=body)
    if not reply.ok:
        return Result("No world was made", reply.error)
    key = reply.json()["apiKey"]
    number = visit.results.keep(key, Result("The world was made", more={"made": key}))
    return RedirectResponse(formatting.address("", world=key, done=number), 303)


async def world_delete(visit: Visit) -> Result | Response:
    reply = await visit.root_calls.control("DELETE", f"/worlds/{quote(visit.key, safe='')}")
    if not reply.ok:
        return Result("This was refused", reply.error)
    number = visit.results.keep(visit.first_key, Result("The world was deleted"))
    return RedirectResponse(formatting.address("", done=number), 303)


# Users


def pairs_of(text: str) -> dict[str, str] | None:
    """`key: value` a line; None when a line is none."""
    found = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        key, colon, value = line.partition(":")
        if not colon or not key.strip():
            return None
        found[key.strip()] = value.strip()
    return found


async def event(visit: Visit) -> Result:
    """Sends an event as a client would, and shows the response, what followed and the line for the shell."""
    form = visit.form
    attributes = pairs_of(form.get("attributes", ""))
    if attributes is None:
        return Result("No event was sent", "Attributes are written `key: value`, one a line.")
    try:
        value: float = orjson.loads(form.get("value", ""))
    except orjson.JSONDecodeError:
        value = form.get("value", "")  # type: ignore[assignment]  # the API says what is wrong with it
    user = {"id": form.get("userId", "")} | {name: form[name] for name in ("name", "tz") if form.get(name)}
    body: dict[str, JSON] = {"user": user, "value": value} | ({"attributes": attributes} if attributes else {})
    headers = {"content-type": "application/json"}
    if form.get("idempotencyKey"):
        headers["Idempotency-Key"] = form["idempotencyKey"]
    path = f"{prefix_of(await visit.get('/document'))}/metrics/{quote(form.get('metric', ''), safe='')}/event"
    before = await visit.get("/facts", limit=1)
    reply = await visit.calls.send("POST", path, body=body, headers=headers)
    shown = {"X-API-KEY": visit.key} | ({"Tenant-ID": visit.calls.tenant} if visit.calls.tenant else {})
    shown |= {"Content-Type": "application/json"} | {name: text for name, text in headers.items() if name[0] == "I"}
    line = formatting.curl("POST", visit.origin + path, shown, orjson.dumps(body).decode())
    facts = await _since(visit, before["total"])
    response = formatting.pretty(reply.json()) if reply.ok else ""
    more = {"status": reply.status, "response": response, "curl": line}
    return Result(f"The API returned {reply.status}", None if reply.ok else reply.error, facts=facts, more=more)


# Webhooks


async def webhook_add(visit: Visit) -> Result:
    form = visit.form
    body: dict[str, JSON] = {"url": form.get("url", "")} | ({"secret": form["secret"]} if form.get("secret") else {})
    if form.get("events"):
        body["events"] = [form["events"]]
    return result_of(await visit.calls.control("POST", "/webhooks", body=body), "The endpoint was added")


async def webhook_switch(visit: Visit) -> Result:
    active = visit.form.get("active") == "true"
    reply = await visit.calls.control("PATCH", _path("/webhooks/{}", visit), body={"active": active})
    return result_of(reply, "The endpoint is on" if active else "The endpoint is off")


async def webhook_delete(visit: Visit) -> Result:
    return result_of(await visit.calls.control("DELETE", _path("/webhooks/{}", visit)), "The endpoint was deleted")


async def redeliver(visit: Visit) -> Result:
    reply = await visit.calls.control("POST", _path("/webhooks/deliveries/{}/redeliver", visit))
    return result_of(reply, "The delivery was sent again")


async def trigger(visit: Visit) -> Result:
    body = {name: visit.form[name] for name in ("type", "userId", "tamper") if visit.form.get(name)}
    reply = await visit.calls.control("POST", "/webhooks/trigger", body=body)
    if not reply.ok:
        return Result("Nothing was sent", reply.error)
    sent = formatting.plural(len(reply.json()["deliveries"]), "endpoint")
    return Result(f"{body['type']} was made and goes to {sent}")


def _path(template: str, visit: Visit) -> str:
    return template.format(quote(visit.form.get("id", ""), safe=""))


# Catalog, requests, faults


async def catalog_apply(visit: Visit) -> Result:
    before = await visit.get("/facts", limit=1)
    text = visit.form.get("text", "").replace("\r\n", "\n").encode()
    reply = await visit.calls.control("PUT", "/catalog", body=text, media_type="application/toml")
    if not reply.ok:
        return Result("The catalog stays as it was", reply.error)
    facts = await _since(visit, before["total"])
    counts: dict[str, int] = {}
    for fact in facts:
        counts[fact["kind"]] = counts.get(fact["kind"], 0) + 1
    return Result("The catalog is in force", counts=counts, facts=facts)


async def requests_clear(visit: Visit) -> Result:
    return result_of(await visit.calls.control("DELETE", "/requests"), "The log of requests is empty")


async def faults_set(visit: Visit) -> Result:
    """From sliders: each fault that is on, with how much of it."""
    form, body = visit.form, dict[str, JSON]()
    if form.get("latency"):
        body["latency"] = {"ms": _whole(form.get("latencyMs", ""))}
    if form.get("errors"):
        body["errors"] = {"rate": _whole(form.get("errorsRate", "")) / 100, "status": _whole(form.get("status", ""))}
    if form.get("drops"):
        body["drops"] = {"rate": _whole(form.get("dropsRate", "")) / 100}
    if form.get("rateLimits"):
        body["rateLimits"] = {"events": _whole(form.get("events", "")), "others": _whole(form.get("others", ""))}
    if form.get("liveStatuses"):
        body["liveStatuses"] = True
    if operation := form.get("operation"):
        body = {name: {**({} if row is True else row), "operations": [operation]} for name, row in body.items()}
    reply = await visit.calls.control("PUT", "/faults", body=body)
    return result_of(reply, "These faults are on" if body else "All faults are off")


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


async def faults_clear(visit: Visit) -> Result:
    return result_of(await visit.calls.control("DELETE", "/faults"), "All faults are off")


ACTIONS: dict[str, Action] = {
    "catalog": catalog_try,
    "api": api_try,
    "do/clock": clock,
    "do/zone": zone,
    "do/reset": reset,
    "do/snapshot": snapshot,
    "do/restore": restore,
    "do/world-make": world_make,
    "do/world-delete": world_delete,
    "do/event": event,
    "do/webhook-add": webhook_add,
    "do/webhook-switch": webhook_switch,
    "do/webhook-delete": webhook_delete,
    "do/redeliver": redeliver,
    "do/trigger": trigger,
    "do/catalog": catalog_apply,
    "do/requests-clear": requests_clear,
    "do/faults": faults_set,
    "do/faults-clear": faults_clear,
}

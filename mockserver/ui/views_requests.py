"""What goes over the wire: requests as they came, faults, and every operation with a try."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
from starlette.responses import Response

from mockserver.ui import formatting
from mockserver.ui.calls import JSON
from mockserver.ui.layout import Visit, in_layout
from mockserver.ui.operations import Op, find, operations, prefix_of

SHOWN, LOOKED_AT = 100, 1000


async def requests(visit: Visit) -> Response:
    """Newest first; one of them in full, with what would have been right."""
    query = {name: visit.query.get(name) for name in ("operationId", "userId", "status")}
    found = await visit.get("/requests", **query, limit=SHOWN)
    spec, plane = await visit.get("/document"), await visit.get("/openapi.json")
    number = visit.query.get("number", "")
    chosen = None
    if number:
        rows = (await visit.get("/requests", limit=LOOKED_AT))["requests"]
        row = next((row for row in rows if str(row["number"]) == number), None)
        op = None
        if row is not None:
            op = find(spec, prefix_of(spec), row["operationId"]) or find(plane, "", row["operationId"])
            chosen = {"row": row, "op": op, "snippets": snippets(visit, row), "valid": _nearest(visit, row, rows, op)}
    names = [op.id for op in (*operations(spec, prefix_of(spec)), *operations(plane, ""))]
    return await in_layout(visit, "requests.html", "Requests", found=found, query=query, chosen=chosen, names=names)


def snippets(visit: Visit, row: JSON) -> dict[str, str]:
    """A request to be sent again, in three languages."""
    url = visit.origin + quote(row["path"], safe="/%") + (f"?{row['query']}" if row["query"] else "")
    headers = {"X-API-KEY": visit.key} | ({"Tenant-ID": row["tenant"]} if row["tenant"] else {})
    if row["idempotencyKey"]:
        headers["Idempotency-Key"] = row["idempotencyKey"]
    body = row["request"]
    if body is not None:
        headers["Content-Type"] = "application/json"
    text = None if body is None else body if isinstance(body, str) else orjson.dumps(body).decode()
    return {
        "curl": formatting.curl(row["method"], url, headers, text),
        "Python": formatting.python(row["method"], url, headers, body),
        "Node": formatting.node(row["method"], url, headers, body),
    }


def _nearest(visit: Visit, row: JSON, rows: list[JSON], op: Op | None) -> JSON:
    """Of a refused request: the likest that was accepted, else the spec's own example."""
    if row["status"] is not None and row["status"] < 400:
        return None
    right = [one for one in rows if one["operationId"] == row["operationId"] and 200 <= (one["status"] or 0) < 300]
    if right:
        best = max(right, key=lambda one: _likeness(one, row))
        return {"from": "An accepted request to the same operation", "snippets": snippets(visit, best), "row": best}
    if op is None:
        return None
    path, query = op.address(op.example)
    example: JSON = {
        "method": op.method,
        "path": path,
        "query": query,
        "tenant": row["tenant"],
        "idempotencyKey": None,
        "request": op.body,
        "status": None,
    }
    return {"from": "The example of the spec", "snippets": snippets(visit, example), "row": example}


def _likeness(one: JSON, other: JSON) -> tuple[bool, bool, int]:
    """The same path counts most, then the same user, then fields in common."""
    bodies = [row["request"] if isinstance(row["request"], dict) else {} for row in (one, other)]
    return one["path"] == other["path"], one["userId"] == other["userId"], len(bodies[0].keys() & bodies[1].keys())


async def faults_view(visit: Visit) -> Response:
    """Faults with how much of them; and lines that make one request fail."""
    faults = await visit.get("/faults")
    spec = await visit.get("/document")
    names = [op.id for op in operations(spec, prefix_of(spec))]
    return await in_layout(visit, "faults.html", "Faults", faults=faults, names=names)


async def api(visit: Visit) -> Response:
    """Every operation of the API or of the control plane, to be tried."""
    return await _api(visit, None, {}, None)


async def api_try(visit: Visit) -> Response:
    """Sends what the form says, as a client would."""
    form = visit.form
    visit.query |= {"operation": form.get("operation", ""), "plane": form.get("plane", "")}
    op = await _operation(visit, form.get("operation", ""))
    if op is None:
        return await _api(visit, None, {}, None)
    values = {row.name: form.get(f"param-{row.name}", "") for row in op.inputs}
    path, query = op.address(values)
    text = form.get("body", "").strip() if op.body is not None else ""
    headers = op.headers(values) | ({"Content-Type": "application/json"} if text else {})
    if op.id == "mock_stream":
        tried: dict[str, Any] = {
            "status": None,
            "error": "A stream does not end; the overview listens to it.",
            "text": "",
        }
    else:
        reply = await visit.calls.send(op.method, path, query, text.encode() or None, headers)
        tried = {"status": reply.status, "error": None if reply.ok else reply.error, "text": _text(reply.body)}
    shown = {"X-API-KEY": visit.key} | ({"Tenant-ID": visit.calls.tenant} if visit.calls.tenant else {}) | headers
    tried["curl"] = formatting.curl(
        op.method, visit.origin + path + (f"?{query}" if query else ""), shown, text or None
    )
    return await _api(visit, op, values | {"": text}, tried)


def _text(body: bytes) -> str:
    try:
        return formatting.pretty(orjson.loads(body)) if body else ""
    except orjson.JSONDecodeError:
        return body.decode(errors="replace")


async def _operation(visit: Visit, id: str) -> Op | None:
    if visit.query.get("plane") == "control":
        return find(await visit.get("/openapi.json"), "", id)
    spec = await visit.get("/document")
    return find(spec, prefix_of(spec), id)


async def _api(visit: Visit, op: Op | None, values: dict[str, str], tried: JSON) -> Response:
    control = visit.query.get("plane") == "control"
    spec = await visit.get("/document")
    rows = operations(await visit.get("/openapi.json"), "") if control else operations(spec, prefix_of(spec))
    op = op or next((row for row in rows if row.id == visit.query.get("operation")), None)
    groups: dict[str, list[Op]] = {}
    for row in rows:
        groups.setdefault(row.group, []).append(row)
    return await in_layout(
        visit,
        "api.html",
        "API",
        groups=groups,
        op=op,
        values=values if values else await _first_values(visit, op),
        tried=tried,
        control=control,
        webhooks=[] if control else _webhooks(spec),
    )


async def _first_values(visit: Visit, op: Op | None) -> dict[str, str]:
    """What the form holds at first: the spec's examples, with a user that there is."""
    if op is None:
        return {}
    values = {row.name: row.example if row.required else "" for row in op.inputs}
    users = (await visit.get("/users", limit=1, sort="-points"))["users"]
    if users and "id" in values and "/users/{id}" in op.path:
        values["id"] = users[0]["id"]
    if users and values.get("userId"):
        values["userId"] = users[0]["id"]
    return values | {"": formatting.pretty(op.body) if op.body is not None else ""}


def _webhooks(spec: JSON) -> list[JSON]:
    return [
        {"type": kind, "summary": item["post"].get("summary") or item["post"].get("description", "")}
        for kind, item in spec["webhooks"].items()
    ]

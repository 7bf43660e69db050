"""Not a fault: another way to be right. The suite must let it pass.

Lists whose order is free are turned round, ids have another form, objects have fields that the spec does not
name, errors say it in other words and with 400 where both 400 and 422 are declared, whole numbers are written
with a fraction, and there is no control plane.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from typing import Any

from tests.mutants.fault import JSON, SPEC, ClientRequest, Forward, Memory, ServerResponse

ANOTHER_WAY = "another way to be right"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
FREE_ORDER = {"achievements_all", "users_all_metrics", "leaderboards_all", "users_points_boosts"}


async def otherwise(request: ClientRequest, forward: Forward, memory: Memory) -> ServerResponse:
    """The same response, in another valid form."""
    response = await forward(request)
    if request.operation is None or not response.body:
        return response
    declared = SPEC.operations[request.operation].statuses
    if response.status >= 400:
        status = 400 if response.status == 422 and 400 in declared else response.status
        return replace(response, status=status).with_json({"code": 7, "error": "We would rather not, sorry."})
    content = _reworded(response.json)
    if request.operation in FREE_ORDER:
        content = content[::-1]
    if request.operation == "metrics_event":
        content["achievements"] = content["achievements"][::-1]
    headers = response.headers | {"content-type": "application/json; charset=utf-8", "x-request-id": "7"}
    return replace(response.with_json(content), headers=headers)


def _reworded(content: JSON, name: str = "") -> JSON:
    if isinstance(content, list):
        return [_reworded(one) for one in content]
    if isinstance(content, str):
        return UUID.sub(lambda found: "cm" + hashlib.sha1(found.group().encode()).hexdigest()[:22], content)
    if isinstance(content, dict):
        found: dict[str, Any] = {key: _number(key, _reworded(value, key)) for key, value in reversed(content.items())}
        return found if name in MAPS or (name == "" and not content) else found | {"_links": {"self": "#"}}
    return content


#: Objects whose keys are data.
MAPS = {"notifications", "attributes", "points", "leaderboards", "metrics", "byAttribute", "source", "category"}


def _number(key: str, value: JSON) -> JSON:
    return float(value) if key in ("total", "current", "metricValue") and type(value) is int else value

"""The webhooks of one's world over HTTP: what `mockserver.webhooks` can do, call by call."""

from __future__ import annotations

from mockserver.control.request import JSON, ControlRequest
from mockserver.game.errors import Refused
from mockserver.webhooks.inputs import NewEndpoint
from mockserver.webhooks.outbox import KEPT

NEWEST = 1000  # of a list, unless another limit is given


def list_endpoints(request: ControlRequest) -> JSON:
    """Where webhooks go, each with its secret and how its deliveries fared."""
    request.query()
    return request.context.webhooks.list_endpoints()


def create_endpoint(request: ControlRequest) -> JSON:
    """`{"url", "secret"?, "events"?, "active"?, "concurrency"?}` → the endpoint with its id and secret."""
    webhooks = request.context.webhooks
    wanted = webhooks.wanted_endpoint(request.fields(*NewEndpoint._fields).given)
    with request.effect():
        return webhooks.endpoint_shape(webhooks.add_endpoint(*wanted))


def switch_endpoint(request: ControlRequest) -> JSON:
    """`{"active"}`: on or off for events from now on."""
    active = request.fields("active").flag("active")
    if active is None:
        raise Refused("Body field `active` is required: true or false.")
    endpoint = request.context.webhooks.endpoints.get(request.path["id"])
    with request.effect():
        return request.context.webhooks.switch_endpoint(endpoint.id, active=active)


async def delete_endpoint(request: ControlRequest) -> None:
    endpoint = request.context.webhooks.endpoints.get(request.path["id"])
    with request.effect():
        deleted = request.context.webhooks.delete_endpoint(endpoint.id)
    await deleted


def list_events(request: ControlRequest) -> JSON:
    """What the world has produced, oldest first, whether or not anybody listens; of one tenant when one is named."""
    query = request.query("type", "userId", "limit")
    found = request.context.webhooks.list_events(kind=query.raw("type"), user=query.text("userId"))
    return _of_tenant(request, found, "events", query.whole("limit", 1, KEPT) or NEWEST)


def list_deliveries(request: ControlRequest) -> JSON:
    """The log of what was sent, oldest first: attempts, body and signature of each; of one tenant when one is named."""
    query = request.query("type", "userId", "endpoint", "state", "limit")
    found = request.context.webhooks.list_deliveries(
        kind=query.raw("type"),
        user=query.text("userId"),
        endpoint=query.text("endpoint"),
        state=query.raw("state"),
    )
    return _of_tenant(request, found, "deliveries", query.whole("limit", 1, KEPT) or NEWEST)


def redeliver(request: ControlRequest) -> JSON:
    """Sends one of the log again: same body, same signature."""
    request.fields()
    old = request.context.webhooks.find_delivery(request.path["id"])
    with request.effect():
        return request.context.webhooks.redeliver(old.id)


def trigger(request: ControlRequest) -> JSON:
    """`{"type", "userId"?, "duplicate"?, "tamper"?, "delay"?}`: a realistic event now, without changing the world."""
    fields = request.fields("type", "userId", "duplicate", "tamper", "delay")
    request.context.webhooks.wanted_trigger(request.tenant, fields.given)
    with request.effect():
        return request.context.webhooks.trigger(request.tenant, fields.given)


def _of_tenant(request: ControlRequest, found: JSON, name: str, limit: int) -> JSON:
    if request.tenant_filter:
        found[name] = [row for row in found[name] if row["tenant"] == request.tenant_filter]
    found[name] = found[name][-limit:]
    return found

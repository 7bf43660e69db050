"""The webhooks of one's world over HTTP: what `mockserver.webhooks` can do, call by call."""

from __future__ import annotations

from mockserver.control.ask import JSON, ControlRequest
from mockserver.game.errors import Refused
from mockserver.webhooks.asked import NewEndpoint
from mockserver.webhooks.outbox import KEPT

NEWEST = 1000  # of a list, unless another limit is given


def list_endpoints(ask: ControlRequest) -> JSON:
    """Where webhooks go, each with its secret and how its deliveries fared."""
    ask.query()
    return ask.side.webhooks.list_endpoints()


def create_endpoint(ask: ControlRequest) -> JSON:
    """`{"url", "secret"?, "events"?, "active"?, "concurrency"?}` → the endpoint with its id and secret."""
    webhooks = ask.side.webhooks
    wanted = webhooks.wanted_endpoint(ask.fields(*NewEndpoint._fields).given)
    with ask.effect():
        return webhooks.endpoint_shape(webhooks.add_endpoint(*wanted))


def switch_endpoint(ask: ControlRequest) -> JSON:
    """`{"active"}`: on or off for events from now on."""
    active = ask.fields("active").flag("active")
    if active is None:
        raise Refused("Body field `active` is required: true or false.")
    endpoint = ask.side.webhooks.endpoints.get(ask.path["id"])
    with ask.effect():
        return ask.side.webhooks.switch_endpoint(endpoint.id, active=active)


async def delete_endpoint(ask: ControlRequest) -> None:
    endpoint = ask.side.webhooks.endpoints.get(ask.path["id"])
    with ask.effect():
        deleted = ask.side.webhooks.delete_endpoint(endpoint.id)
    await deleted


def list_events(ask: ControlRequest) -> JSON:
    """What the world has produced, oldest first, whether or not anybody listens; of one tenant when one is named."""
    query = ask.query("type", "userId", "limit")
    found = ask.side.webhooks.list_events(kind=query.raw("type"), user=query.text("userId"))
    return _of_tenant(ask, found, "events", query.whole("limit", 1, KEPT) or NEWEST)


def list_deliveries(ask: ControlRequest) -> JSON:
    """The log of what was sent, oldest first: attempts, body and signature of each; of one tenant when one is named."""
    query = ask.query("type", "userId", "endpoint", "state", "limit")
    found = ask.side.webhooks.list_deliveries(
        kind=query.raw("type"),
        user=query.text("userId"),
        endpoint=query.text("endpoint"),
        state=query.raw("state"),
    )
    return _of_tenant(ask, found, "deliveries", query.whole("limit", 1, KEPT) or NEWEST)


def redeliver(ask: ControlRequest) -> JSON:
    """Sends one of the log again: same body, same signature."""
    ask.fields()
    old = ask.side.webhooks.find_delivery(ask.path["id"])
    with ask.effect():
        return ask.side.webhooks.redeliver(old.id)


def trigger(ask: ControlRequest) -> JSON:
    """`{"type", "userId"?, "duplicate"?, "tamper"?, "delay"?}`: a realistic event now, without changing the world."""
    fields = ask.fields("type", "userId", "duplicate", "tamper", "delay")
    ask.side.webhooks.wanted_trigger(ask.tenant, fields.given)
    with ask.effect():
        return ask.side.webhooks.trigger(ask.tenant, fields.given)


def _of_tenant(ask: ControlRequest, found: JSON, name: str, limit: int) -> JSON:
    if ask.one_tenant:
        found[name] = [row for row in found[name] if row["tenant"] == ask.one_tenant]
    found[name] = found[name][-limit:]
    return found

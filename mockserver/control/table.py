"""Every call of the control plane in one table: its name, its path and its handler."""

from __future__ import annotations

from functools import cache

from mockserver.control import (
    boards,
    clock,
    fault_calls,
    insight,
    overview,
    stream,
    trial,
    users,
    webhooks,
    worlds,
)
from mockserver.control.described import CALLS
from mockserver.control.openapi import openapi
from mockserver.control.request import JSON, ControlRequest, Row


def show_spec(request: ControlRequest) -> JSON:
    """Trophy's spec, as it is served from."""
    request.query()
    return request.plane.spec.raw


def show_openapi(request: ControlRequest) -> JSON:
    """What this plane can do, as an OpenAPI document."""
    request.query()
    return control_spec()


@cache
def control_spec() -> JSON:
    """The spec of the rows below."""
    return openapi(ROWS, CALLS)


ROWS = (
    Row("mock_clock", "GET", "/clock", clock.read_clock),
    Row("mock_clock_set", "PUT", "/clock", clock.set_clock, kept=True),
    Row("mock_clock_advance", "POST", "/clock/advance", clock.advance_clock, kept=True, waits=True),
    Row("mock_worlds", "GET", "/worlds", worlds.list_worlds, root=True),
    Row("mock_worlds_make", "POST", "/worlds", worlds.make_world, 201, root=True, largest=64 << 20),
    Row("mock_worlds_delete", "DELETE", "/worlds/{apiKey}", worlds.delete_world, 204, root=True),
    Row("mock_reset", "POST", "/reset", worlds.reset, kept=True),
    Row("mock_snapshots", "GET", "/snapshots", worlds.list_snapshots),
    Row("mock_snapshots_take", "POST", "/snapshots", worlds.take_snapshot, 201, kept=True),
    Row("mock_snapshots_restore", "POST", "/snapshots/{id}/restore", worlds.restore_snapshot, kept=True),
    Row("mock_snapshots_delete", "DELETE", "/snapshots/{id}", worlds.delete_snapshot, 204, kept=True),
    Row("mock_catalog", "GET", "/catalog", worlds.read_the_catalog),
    Row("mock_catalog_put", "PUT", "/catalog", worlds.put_catalog, kept=True),
    Row("mock_catalog_try", "POST", "/catalog/try", trial.try_catalog),
    Row("mock_overview", "GET", "/overview", overview.overview),
    Row("mock_users", "GET", "/users", users.list_users),
    Row("mock_user", "GET", "/user", users.show_user),
    Row("mock_achievements", "GET", "/achievements", overview.list_achievements),
    Row("mock_points", "GET", "/points", overview.list_points),
    Row("mock_leaderboards", "GET", "/leaderboards", boards.list_boards),
    Row("mock_leaderboard", "GET", "/leaderboard", boards.show_board),
    Row("mock_requests", "GET", "/requests", insight.list_requests),
    Row("mock_requests_clear", "DELETE", "/requests", insight.clear_requests, 204),
    Row("mock_facts", "GET", "/facts", insight.list_facts),
    Row("mock_why", "GET", "/why", insight.explain),
    Row("mock_stream", "GET", "/stream", stream.stream),
    Row("mock_cast", "GET", "/cast", insight.list_cast),
    Row("mock_faults", "GET", "/faults", fault_calls.show_faults),
    Row("mock_faults_set", "PUT", "/faults", fault_calls.set_faults, kept=True),
    Row("mock_faults_clear", "DELETE", "/faults", fault_calls.clear_faults, 204, kept=True),
    Row("mock_webhooks", "GET", "/webhooks", webhooks.list_endpoints),
    Row("mock_webhooks_add", "POST", "/webhooks", webhooks.create_endpoint, 201, kept=True),
    Row("mock_webhooks_switch", "PATCH", "/webhooks/{id}", webhooks.switch_endpoint, kept=True),
    Row("mock_webhooks_delete", "DELETE", "/webhooks/{id}", webhooks.delete_endpoint, 204, kept=True),
    Row("mock_webhooks_events", "GET", "/webhooks/events", webhooks.list_events),
    Row("mock_webhooks_deliveries", "GET", "/webhooks/deliveries", webhooks.list_deliveries),
    Row("mock_webhooks_redeliver", "POST", "/webhooks/deliveries/{id}/redeliver", webhooks.redeliver, kept=True),
    Row("mock_webhooks_trigger", "POST", "/webhooks/trigger", webhooks.trigger, kept=True),
    Row("mock_document", "GET", "/document", show_spec),
    Row("mock_openapi", "GET", "/openapi.json", show_openapi),
)

"""Every call of the control plane in one table: what it is called, where it is, who answers it."""

from __future__ import annotations

from mockserver.control import clock, insight, trouble, webhooks, worlds
from mockserver.control.ask import Row

ROWS = (
    Row("mock_clock", "GET", "/clock", clock.read_clock),
    Row("mock_clock_set", "PUT", "/clock", clock.set_clock),
    Row("mock_clock_advance", "POST", "/clock/advance", clock.advance_clock),
    Row("mock_worlds", "GET", "/worlds", worlds.list_worlds, root=True),
    Row("mock_worlds_make", "POST", "/worlds", worlds.make_world, 201, root=True),
    Row("mock_worlds_delete", "DELETE", "/worlds/{apiKey}", worlds.delete_world, 204, root=True),
    Row("mock_reset", "POST", "/reset", worlds.reset),
    Row("mock_snapshots", "GET", "/snapshots", worlds.list_snapshots),
    Row("mock_snapshots_take", "POST", "/snapshots", worlds.take_snapshot, 201),
    Row("mock_snapshots_restore", "POST", "/snapshots/{id}/restore", worlds.restore_snapshot),
    Row("mock_snapshots_delete", "DELETE", "/snapshots/{id}", worlds.delete_snapshot, 204),
    Row("mock_catalog", "GET", "/catalog", worlds.read_the_catalog),
    Row("mock_catalog_put", "PUT", "/catalog", worlds.put_catalog),
    Row("mock_requests", "GET", "/requests", insight.list_requests),
    Row("mock_requests_clear", "DELETE", "/requests", insight.clear_requests, 204),
    Row("mock_facts", "GET", "/facts", insight.list_facts),
    Row("mock_why", "GET", "/why", insight.explain),
    Row("mock_faults", "GET", "/faults", trouble.show_faults),
    Row("mock_faults_set", "PUT", "/faults", trouble.set_faults),
    Row("mock_faults_clear", "DELETE", "/faults", trouble.clear_faults, 204),
    Row("mock_webhooks", "GET", "/webhooks", webhooks.list_endpoints),
    Row("mock_webhooks_add", "POST", "/webhooks", webhooks.create_endpoint, 201),
    Row("mock_webhooks_switch", "PATCH", "/webhooks/{id}", webhooks.switch_endpoint),
    Row("mock_webhooks_delete", "DELETE", "/webhooks/{id}", webhooks.delete_endpoint, 204),
    Row("mock_webhooks_events", "GET", "/webhooks/events", webhooks.list_events),
    Row("mock_webhooks_deliveries", "GET", "/webhooks/deliveries", webhooks.list_deliveries),
    Row("mock_webhooks_redeliver", "POST", "/webhooks/deliveries/{id}/redeliver", webhooks.redeliver),
    Row("mock_webhooks_trigger", "POST", "/webhooks/trigger", webhooks.trigger),
)

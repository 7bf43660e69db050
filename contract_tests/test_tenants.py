"""Tenants: one organisation, many customers of its own, and nothing between them."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.valid_requests import valid_request

pytestmark = pytest.mark.operations("users_", "metrics_event", "leaderboards_", "streaks_", "points_", "achievements_")
JSON = Any


@pytest.fixture
def nobody(stages: Stages) -> Stage:
    """The same organisation, made multi-tenant, spoken to without a Tenant-ID."""
    catalog = stages.new().clock.call("GET", "/catalog")
    settings = catalog.get("settings", {}) | {"multiTenant": True, "tenants": None}  # each is there at first use
    return stages.new(catalog=catalog | {"settings": settings}).of_tenant("")


@rule("Tenants share nothing", behaviour(1))
def test_tenants_are_isolated(nobody: Stage) -> None:
    """One Ann for each tenant."""
    north, south = nobody.of_tenant("north"), nobody.of_tenant("south")
    metric = nobody.kit.metric() if nobody.kit.streak_metric is None else nobody.kit.streaking()
    north.get("users_create", body={"id": "ann", "name": "Ann of the North"})
    south.get("users_create", body={"id": "ann", "name": "Ann of the South"})
    north.event("ann", nobody.kit.large, metric)
    assert north.get("users_get", id="ann")["name"] == "Ann of the North"
    assert (north.total("ann", metric), south.total("ann", metric)) == (nobody.kit.large, 0)
    assert south.completed("ann") == []
    if nobody.has("streaks_rankings"):
        ranked = ["ann"] if nobody.kit.streak_metric else []
        assert [row["userId"] for row in north.get("streaks_rankings")] == ranked
        assert south.get("streaks_rankings") == []
    for system in nobody.kit.points:
        counts = south.get("points_summary", key=system)
        assert sum(row["users"] for row in counts) == 1, f"{system} counts users of another tenant"
    assert south.event("ann", 1, metric, key="k")["idempotentReplayed"] is False
    assert north.event("ann", 1, metric, key="k")["idempotentReplayed"] is False


@rule("Leaderboards rank the users of one tenant", behaviour(1))
def test_boards_rank_one_tenant(nobody: Stage) -> None:
    north, south = nobody.of_tenant("north"), nobody.of_tenant("south")
    boards = [row["key"] for row in nobody.kit.boards(status="active") if not row["breakdownAttributes"]]
    nobody.kit.need(boards, "active leaderboard without a breakdown")
    found: dict[str, list[str]] = {board: [] for board in boards}
    for tenant, user in ((north, "ann"), (south, "ben")):
        for board in boards:
            found[board] = [row["userId"] for row in north.board(board)["rankings"]]
            assert south.board(board)["rankings"] == [], f"{board} shows users of another tenant"
        tenant.get("users_create", body={"id": user})
        for metric in nobody.kit.metrics:
            tenant.event(user, 1000, metric)
    nobody.kit.need(any(found.values()), "leaderboard that 1,000 of each metric lead to")
    for board in boards:
        assert [row["userId"] for row in north.board(board)["rankings"]] == found[board]
        ranked = [(row["userId"], row["rank"]) for row in south.board(board)["rankings"]]
        assert ranked in ([], [("ben", 1)]), f"{board} of ben's tenant shows {ranked}"


@rule("Preferences belong to one tenant's user", behaviour(1))
def test_preferences_are_a_tenants_own(nobody: Stage) -> None:
    north, south = nobody.of_tenant("north"), nobody.of_tenant("south")
    for tenant in (north, south):
        tenant.get("users_create", body={"id": "ann"})
    north.get("users_update_preferences", id="ann", body={"notifications": {"recap": ["email"]}})
    assert south.get("users_get_preferences", id="ann")["notifications"] == {}
    assert north.get("users_get_preferences", id="ann")["notifications"] == {"recap": ["email"]}


@rule("Tenant-ID is required where there are several tenants, on every operation", behaviour(1, "spec"))
def test_every_operation_wants_a_tenant(nobody: Stage) -> None:
    north = nobody.of_tenant("north")
    north.get("users_create", body={"id": "ann"})
    for operation in nobody.client.spec.operations.values():
        try:
            valid = valid_request(north, operation, "ann")
        except pytest.skip.Exception:
            continue  # the target has not what the operation is about
        assert valid.send().status == operation.success
        valid.stage = nobody
        response = valid.send()
        assert 400 <= response.status < 500, f"{operation.id} without a Tenant-ID answered {response.status}"
        assert response.status != 401, f"{operation.id} answered 401 although the key is good"

"""Tenants: customers of one organisation, which share nothing."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.test_metrics import is_replay
from contract_tests.test_users import preferences
from contract_tests.texts import ALIKE, odd
from contract_tests.valid_requests import valid_request

pytestmark = pytest.mark.operations("users_", "metrics_event", "leaderboards_", "streaks_", "points_", "achievements_")
JSON = Any


@pytest.fixture
def without_tenant(stages: Stages) -> Stage:
    """An organisation with tenants, spoken to without a Tenant-ID: the same one made so, or the target's own."""
    stage = stages.new()
    if stage.control is None:
        if not stage.client.tenant:
            pytest.skip("the target has no tenants, or needs --tenant to be named")
        nobody = stage.of_tenant("")
        if nobody.call("achievements_all").status < 400:
            pytest.skip("the target has no tenants: it needs no Tenant-ID")
        return nobody
    catalog = stage.clock.call("GET", "/catalog")
    settings = catalog.get("settings", {}) | {
        "multiTenant": True,
        "tenants": None,
    }  # a tenant is created at its first use
    return stages.new(catalog=catalog | {"settings": settings}).of_tenant("")


@pytest.fixture
def both(without_tenant: Stage) -> tuple[Stage, Stage]:
    """Two tenants of this scenario's own, if the target takes any."""
    north, south = (without_tenant.of_tenant(f"{without_tenant.prefix}-{side}") for side in ("north", "south"))
    for tenant in (north, south):
        if without_tenant.control is None and tenant.call("users_create", body={"id": "ann"}).status >= 400:
            pytest.skip("the target takes no tenants that it does not know")
    return north, south


@rule("Tenants share nothing", behaviour(1))
def test_tenants_are_isolated(without_tenant: Stage, both: tuple[Stage, Stage]) -> None:
    """Each tenant has a user with the same id."""
    north, south = both
    metric = without_tenant.kit.metric() if without_tenant.kit.streak_metric is None else without_tenant.kit.streaking()
    north.get("users_create", body={"id": "ann", "name": "Ann of the North"})
    south.get("users_create", body={"id": "ann", "name": "Ann of the South"})
    north.event("ann", without_tenant.kit.large, metric)
    assert north.get("users_get", id="ann")["name"] == "Ann of the North"
    assert (north.total("ann", metric), south.total("ann", metric)) == (without_tenant.kit.large, 0)
    assert south.completed("ann") == []
    if without_tenant.has("streaks_rankings"):
        ranked = ["ann"] if without_tenant.kit.streak_metric else []
        assert [row["userId"] for row in north.get("streaks_rankings")] == ranked
        assert south.get("streaks_rankings") == []
    for system in without_tenant.kit.points:
        counts = south.get("points_summary", key=system)
        assert sum(row["users"] for row in counts) == 1, f"{system} counts users of another tenant"
    assert not is_replay(south.event("ann", 1, metric, key="k"))
    assert not is_replay(north.event("ann", 1, metric, key="k"))


@rule("A leaderboard ranks the users of one tenant", behaviour(1))
def test_boards_rank_one_tenant(without_tenant: Stage, both: tuple[Stage, Stage]) -> None:
    north, south = both
    boards = [row["key"] for row in without_tenant.kit.boards(status="active") if not row["breakdownAttributes"]]
    without_tenant.kit.need(boards, "active leaderboard without a breakdown")
    found: dict[str, list[str]] = {board: [] for board in boards}
    for tenant, user in ((north, "ann"), (south, "ben")):
        for board in boards:
            found[board] = [row["userId"] for row in north.board(board)["rankings"]]
            assert south.board(board)["rankings"] == [], f"{board} shows users of another tenant"
        tenant.get("users_create", body={"id": user})
        for metric in without_tenant.kit.metrics:
            tenant.event(user, 1000, metric)
    without_tenant.kit.need(any(found.values()), "leaderboard that 1,000 of each metric lead to")
    for board in boards:
        assert [row["userId"] for row in north.board(board)["rankings"]] == found[board]
        ranked = [(row["userId"], row["rank"]) for row in south.board(board)["rankings"]]
        assert ranked in ([], [("ben", 1)]), f"{board} of ben's tenant shows {ranked}"


@rule("Each tenant's users have preferences of their own", behaviour(1))
def test_preferences_are_a_tenants_own(both: tuple[Stage, Stage]) -> None:
    north, south = both
    for tenant in both:
        tenant.get("users_create", body={"id": "ann"})
    before = preferences(south, "ann")
    north.get("users_update_preferences", id="ann", body={"notifications": {"recap": []}})
    assert preferences(south, "ann") == before
    assert preferences(north, "ann") == before | {"recap": []}


@rule("With several tenants every operation requires Tenant-ID", behaviour(1, "spec"))
def test_every_operation_wants_a_tenant(without_tenant: Stage, both: tuple[Stage, Stage]) -> None:
    north, _ = both
    north.get("users_create", body={"id": "ann"})
    for operation in without_tenant.client.spec.operations.values():
        try:
            valid = valid_request(north, operation, "ann")
        except pytest.skip.Exception:
            continue  # the target lacks what the operation needs
        assert valid.send().status == operation.success
        valid.stage = without_tenant
        response = valid.send()
        assert 400 <= response.status < 500, f"{operation.id} without a Tenant-ID returned {response.status}"
        assert response.status != 401, f"{operation.id} returned 401 although the key is valid"


@rule("Only listed tenants are known", behaviour(1, "choice"), choice=True)
def test_only_listed_tenants_are_known(stages: Stages) -> None:
    catalog = stages.new().clock.call("GET", "/catalog")
    settings = catalog.get("settings", {}) | {"multiTenant": True, "tenants": ["north", "South"]}
    without_tenant = stages.new(catalog=catalog | {"settings": settings})
    for tenant in ("north", "South"):
        without_tenant.of_tenant(tenant).get("users_create", body={"id": "ann", "name": tenant})
        assert without_tenant.of_tenant(tenant).get("users_get", id="ann")["name"] == tenant
    for tenant in ("south", "nort", "north2", "west"):
        without_tenant.of_tenant(tenant).refused("users_create", body={"id": "ann"})


@rule("Similar names are different tenants", behaviour(1, "choice"), choice=True)
def test_similar_names_are_different_tenants(without_tenant: Stage) -> None:
    names = list(dict.fromkeys(name.strip() for name in (odd(), *ALIKE)))
    for number, name in enumerate(names):
        without_tenant.of_tenant(name).get("users_create", body={"id": "ann", "name": f"Ann {number}"})
    for number, name in enumerate(names):
        shown = without_tenant.of_tenant(name).get("users_get", id="ann")["name"]
        assert shown == f"Ann {number}", f"the user of tenant {name!r} is called {shown!r}"

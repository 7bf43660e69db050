"""Whole worlds with random catalogs: users are simulated in the target and in a second implementation of the behaviour
page, and every response is compared."""

from __future__ import annotations

import pytest

from contract_tests.audit.auditor import Auditor
from contract_tests.audit.boards import check_rankings
from contract_tests.audit.catalog import check_catalog
from contract_tests.audit.simulation import Simulation
from contract_tests.audit.users import check_user
from contract_tests.audit.webhooks import check_webhooks
from contract_tests.conftest import Stages
from contract_tests.random_catalogs import RandomCatalog
from contract_tests.rules import rule
from contract_tests.run import Run
from contract_tests.stage import moment
from contract_tests.suite import Suite
from contract_tests.test_webhooks import open_inbox

pytestmark = pytest.mark.operations("users_", "points_", "leaderboards_", "streaks_", "metrics_", "achievements_")

#: A Friday two days before clocks go forward in Europe.
BEGINNING = "2025-03-28T09:10:11.125Z"
#: The number of worlds, and of users in each.
WORLDS = {"quick": 1, "standard": 6, "thorough": 60}
USERS = 5
#: How many days pass between the days on which users act.
STEPS = {"daily": (0, 1, 1, 3, 2), "weekly": (1, 6, 3, 12, 8), "monthly": (2, 11, 22, 37, 20)}


@rule("All data of a world follows from its catalog and what its users did", "docs/behaviour.md", choice=True)
@pytest.mark.parametrize("number", range(WORLDS[Run.options.profile]))
def test_a_world_with_a_random_catalog(stages: Stages, suite: Suite, number: int) -> None:
    random_catalog = RandomCatalog(1000 * suite.options.seed + number, moment(BEGINNING).date())
    stage = stages.new(catalog=random_catalog.json, now=BEGINNING)
    auditor = Auditor(suite, stage, random_catalog)
    inbox = open_inbox(stage, suite.receiver, suite) if suite.receiver else None
    check_catalog(auditor)
    simulation = Simulation(auditor)
    simulation.create_users(USERS)
    for metric in auditor.call("users_all_metrics", id="ann"):
        auditor.ids["metrics", metric["key"]] = metric["id"]
    for day, days in enumerate(STEPS[random_catalog.json["streak"]["frequency"]]):
        simulation.act()
        simulation.pass_days(days)
        if day == 1:
            check_rankings(auditor)
        if day == 2:
            check_user(auditor, auditor.reference.users["ann"])
    for user in auditor.reference.users.values():
        check_user(auditor, user)
    check_rankings(auditor)
    simulation.replay_old()
    check_catalog(auditor)
    if inbox is not None:
        inbox.wait_for_all()
        check_webhooks(auditor, inbox.webhooks)

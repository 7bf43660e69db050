"""Whole worlds with random catalogs: users are simulated in the target and in a second implementation of the behaviour
page, and every response is compared."""

from __future__ import annotations

import pytest

from contract_tests.audit.auditor import Auditor
from contract_tests.audit.boards import check_rankings
from contract_tests.audit.catalog import check_catalog
from contract_tests.audit.simulation import Simulation
from contract_tests.audit.users import check_user
from contract_tests.audit.webhooks import check_few, check_webhooks
from contract_tests.conftest import Stages
from contract_tests.random_catalogs import TENANT, RandomCatalog
from contract_tests.rules import rule
from contract_tests.run import Run
from contract_tests.stage import moment
from contract_tests.suite import Suite
from contract_tests.test_webhooks import open_inbox

pytestmark = pytest.mark.operations("users_", "points_", "leaderboards_", "streaks_", "metrics_", "achievements_")

#: A Friday two days before clocks go forward in Europe.
BEGINNING = "2025-03-28T09:10:11.125Z"
#: The number of worlds, and of users in each; some have more, so that values are checked after many other requests.
WORLDS = {"quick": 1, "standard": 7, "thorough": 60}
USERS, CROWD = 5, 24
#: How many days pass between the days on which users act.
STEPS = {"daily": (0, 1, 1, 3, 2), "weekly": (1, 6, 3, 22, 8), "monthly": (2, 11, 22, 37, 20)}


@rule("All data of a world follows from its catalog and what its users did", "docs/behaviour.md", choice=True)
@pytest.mark.parametrize("number", range(WORLDS[Run.options.profile]))
def test_a_world_with_a_random_catalog(stages: Stages, suite: Suite, number: int) -> None:
    random_catalog = RandomCatalog(suite.options.seed, moment(BEGINNING).date(), number)
    stage = stages.new(catalog=random_catalog.json, now=BEGINNING)
    if random_catalog.json["settings"]["multiTenant"]:
        stage = stage.of_tenant(TENANT)
    auditor = Auditor(suite, stage, random_catalog)
    kinds = random_catalog.rng.sample(sorted(suite.spec.webhooks), 3)
    inbox = open_inbox(stage, suite.receiver, suite) if suite.receiver else None
    few = open_inbox(stage, suite.receiver, suite, events=kinds) if suite.receiver else None
    check_catalog(auditor)
    simulation = Simulation(auditor)
    simulation.create_users(CROWD if number % 10 == 6 else USERS)
    for metric in auditor.call("users_all_metrics", id="ann"):
        auditor.ids["metrics", metric["key"]] = metric["id"]
    steps = STEPS[random_catalog.json["streak"]["frequency"]]
    for day, days in enumerate(steps[:3] if number % 10 == 6 else steps):
        simulation.act()
        simulation.pass_days(days)
        if day == 1:
            check_rankings(auditor, 2)
            check_user(auditor, auditor.reference.users["ann"])
        if day == 2:
            simulation.update_users()
    simulation.splash()
    for user in reversed(auditor.reference.users.values()):
        check_user(auditor, user)
    check_rankings(auditor)
    simulation.replay_old()
    check_catalog(auditor)
    if inbox is not None and few is not None:
        inbox.wait_for_all()
        check_webhooks(auditor, inbox.webhooks)
        check_few(auditor, inbox.webhooks, few.webhooks, kinds)

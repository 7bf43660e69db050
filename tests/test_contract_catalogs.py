"""The contract suite raises no false alarms: our server passes with every valid catalog."""

from __future__ import annotations

from datetime import date

import pytest

from mockserver import catalogs
from tests.contract_runs import verify
from tests.false_alarms.drawn import drawn
from tests.false_alarms.odd import ODD
from tests.false_alarms.run import served


@pytest.mark.parametrize("name", ["leaderboards for three", "drawn 11", "drawn 12"])
def test_a_healthy_server_passes_with_any_catalog(name: str) -> None:
    catalog = ODD[name] if name in ODD else drawn(int(name.split()[1]))
    with served(catalog) as target:
        words = [target["base_url"], "--api-key", target["api_key"], "--profile", "quick"]
        words += ["--tenant", target["tenant"]] if target["tenant"] else []
        if name not in ODD:  # generated requests hardly depend on the catalog
            words += ["--parts", "behaviour,webhooks,stateful"]
        run = verify(*words)
    assert run.code == 0, run.said


def test_drawn_catalogs_are_valid_and_differ() -> None:
    contents = [drawn(seed) for seed in range(100)]
    assert all(content not in contents[:number] for number, content in enumerate(contents))
    for content in contents:
        catalogs.from_data(content, today=date(2025, 3, 12), name="drawn")


def test_odd_catalogs_are_valid() -> None:
    for name, content in ODD.items():
        catalogs.from_data(content, today=date(2025, 3, 12), name=name)

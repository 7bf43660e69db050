"""The contract suite cries no wolf: whatever a valid catalog sets up, our server passes."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from contract_tests.target import start
from mockserver import catalogs
from tests.contract_runs import verify
from tests.wolves.drawn import drawn
from tests.wolves.odd import ODD
from tests.wolves.run import drawn_text


@pytest.mark.parametrize("name", ["leaderboards for three", "drawn 11", "drawn 12"])
def test_a_healthy_server_passes_with_any_catalog(name: str, tmp_path: Path) -> None:
    text, tenant = (ODD[name], None) if name in ODD else drawn_text(int(name.split()[1]))
    file = tmp_path / "catalog.toml"
    file.write_text(text, "utf-8")
    words = ["serve", "--port", "0", "--api-key", "k", "--users", "0", "--catalog", str(file)]
    url, stop = start([sys.executable, "-m", "mockserver", *words])
    try:
        words = ["--tenant", tenant] if tenant else []
        if name not in ODD:  # generated requests hardly depend on the catalog
            words += ["--parts", "behaviour,webhooks,stateful"]
        run = verify(url, "--api-key", "k", "--profile", "quick", *words)
    finally:
        stop()
    assert run.code == 0, run.said


def test_drawn_catalogs_are_valid_and_differ() -> None:
    texts = {drawn_text(seed)[0] for seed in range(100)}
    assert len(texts) == 100
    for seed in range(100):
        catalogs.from_data(drawn(seed), today=date(2025, 3, 12), name="drawn")

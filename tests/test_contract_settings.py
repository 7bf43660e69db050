"""The report of the contract suite lists the settings of catalogs that a run has tried, and only those."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from contract_tests.exchange import Exchange
from contract_tests.kit import Kit
from contract_tests.settings import Settings, shown
from tests.contract_proxy import KEY, fronted
from tests.contract_runs import verify


@pytest.fixture
def settings() -> Settings:
    return Settings.load()


def values(settings: Settings) -> dict[str, str]:
    """Setting → what was tried, without those that were not."""
    return {path: row.values for path, row in settings.rows.items() if row.tried}


def test_every_table_of_the_catalog_has_its_settings(settings: Settings) -> None:
    assert values(settings) == {}
    tables = {name: [row.name for row in rows] for name, rows in settings.tables().items()}
    assert tables["streak.freezes"] == ["initial", "maximum", "autoEarnInterval", "autoEarnAmount"]
    assert {"", "metrics.*", "points.*.triggers[]", "points.*.levels.*", "leaderboards.*", "settings"} <= tables.keys()
    assert settings.rows["leaderboards.*.runUnit"].missing == ("day", "month", "year")
    assert settings.rows["settings.multiTenant"].missing == ("true", "false")


def test_what_a_catalog_sets_and_what_it_leaves_to_a_default_is_tried(settings: Settings) -> None:
    triggers = [{"type": "metric", "points": n, "metricThreshold": 2**n} for n in range(1, 8)]
    settings.used({"metrics": {"a": {"name": "A"}}, "points": {"xp": {"triggers": triggers}}})
    settings.used({"streak": {"daysOff": [0, 6], "conditions": {"a": 1, "b": 2}}, "settings": {"controlRatio": 0.5}})
    assert values(settings) == {
        "metrics.*.name": "1 value",
        "metrics.*.status": "active",
        "streak.frequency": "daily",
        "streak.conditions": "2 at once",
        "streak.evaluation": "any",
        "streak.daysOff": "0, 6",
        "streak.customizable": "false",
        "points.*.triggers[].type": "metric",
        "points.*.triggers[].points": "1 to 7, 7 values",
        "points.*.triggers[].metricThreshold": "2 to 128, 7 values",
        "points.*.triggers[].status": "active",
        "points.*.triggers[].created": "1 value",
        "points.*.triggers[].updated": "1 value",
        "settings.multiTenant": "false",
        "settings.controlRatio": "0.5",
        "settings.weekStart": "sunday",
        "settings.pointsChangedWindow": "60",
    }
    assert settings.rows["streak.frequency"].missing == ("weekly", "monthly")
    assert settings.rows["streak.frequency"].lacks
    assert not settings.rows["streak.daysOff"].lacks


def asked(method: str, path: str, sent: Any, actual: Any = None, status: int = 200) -> Exchange:
    """A request to a control plane."""
    body, response = json.dumps(sent).encode(), json.dumps(actual).encode()
    return Exchange(method, f"http://t/_mock{path}", {}, body, status, {}, response, control=True)


def test_a_catalog_counts_when_it_is_in_use(settings: Settings) -> None:
    weekly = {"streak": {"frequency": "weekly"}}
    settings.record(asked("POST", "/worlds", {"catalog": weekly}, status=422))
    settings.record(asked("PUT", "/catalog", weekly, status=422))
    settings.record(asked("POST", "/worlds", {"catalog": "fitness"}))
    settings.record(asked("GET", "/worlds", None, weekly))
    assert values(settings) == {}
    settings.record(asked("POST", "/worlds", {"catalog": '[streak]\nfrequency = "monthly"'}))
    settings.record(asked("PUT", "/catalog", weekly, {"streak": {"frequency": "daily"}}))
    assert values(settings)["streak.frequency"] == "weekly, monthly"
    settings.record(asked("GET", "/catalog", None, {"streak": {"frequency": "daily"}}))
    assert values(settings)["streak.frequency"] == "daily, weekly, monthly"


def test_without_a_control_plane_it_is_what_discovery_has_found(settings: Settings) -> None:
    trigger = {"id": "t", "type": "metric", "points": 3, "metricId": "m", "userAttributes": [{"key": "a"}]}
    system = {"id": "p", "name": "XP", "maxPoints": None, "triggers": [trigger]}
    kit = Kit(metrics=["steps"], points={"xp": system}, levels={"xp": []}, boosts={"xp": []})
    kit.streak = {"frequency": "weekly", "maxFreezes": 3}
    settings.used(shown(kit), whole=False)
    found = values(settings)
    assert found["points.*.triggers[].metricKey"] == "1 value"
    assert found["points.*.triggers[].userAttributes"] == "1 at once"
    assert (found["streak.frequency"], found["streak.freezes.maximum"]) == ("weekly", "3")
    assert not [path for path in found if path.endswith(".id")], "nobody knows whether ids were set"
    assert "points.*.maxPoints" not in found
    assert "streak.evaluation" not in found, "it may be a default, or not"
    assert not [path for path in found if path.startswith("settings.")], "no operation tells of them"


def test_a_run_reports_what_its_scenarios_have_tried(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    words = ("--profile", "quick", "--parts", "behaviour", "--html", str(page))
    run = verify(*words, "--only", "tenants_are_isolated or another_frequency")
    assert run.code == 0, run.said
    lines = {line.split("  ")[0]: line for line in run.said.split("Catalog settings")[1].splitlines()}
    assert "daysOff" in lines["streak"]
    assert "frequency weekly" in lines["streak"]
    assert "multiTenant" not in lines["settings"], "true and false were tried"
    assert "/91 catalog settings" in run.said
    html = page.read_text("utf-8")
    assert "<th>settings.multiTenant</th><td class=kept>true, false</td><td></td>" in html
    assert "<th>streak.frequency</th><td class=kept>daily, monthly</td><td>weekly</td>" in html
    assert "<th>streak.daysOff</th><td class=unseen>not tried</td>" in html


def test_a_run_without_a_control_plane_reports_what_the_target_shows() -> None:
    with fronted() as front:
        run = verify(front.url, "--api-key", KEY, "--profile", "quick", "--only", "test_the_total_is_the_sum")
    assert run.code == 0, run.said
    lines = {line.split("  ")[0]: line for line in run.said.split("Catalog settings")[1].splitlines()}
    assert "runUnit year" in lines["leaderboards.*"]
    assert "0/6" in lines["settings"], "no operation tells of them"

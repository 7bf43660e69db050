"""A bundle: one JSON file with everything that is needed to look into the failures elsewhere; `--replay FILE` reads it.

At a target with our control plane each failure also has the settings of its worlds, a snapshot and facts. A replay runs
the tests again that found something, because a single response says little about another target.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract_tests.control import Control
from contract_tests.findings import Finding
from contract_tests.report.script import script, without_key
from contract_tests.suite import Suite
from contract_tests.target import CannotRun

VERSION = 2


def text(suite: Suite) -> str:
    """The bundle of a run."""
    content = {
        "version": VERSION,
        "seed": suite.options.seed,
        "profile": suite.options.profile,
        "failures": [_failure(suite, finding) for finding in suite.findings],
    }
    return without_key(json.dumps(content, indent=1, ensure_ascii=False), suite)


def _failure(suite: Suite, finding: Finding) -> dict[str, Any]:
    base = suite.target.client.base_url if suite.target else ""
    return {
        "key": finding.key,
        "part": finding.part,
        "test": finding.test,
        "operation": finding.operation,
        "rule": finding.rule,
        "source": finding.source,
        "field": finding.field,
        "expected": finding.expected,
        "got": finding.got,
        "script": script(finding, suite),
        "baseUrl": base,
        "requests": [exchange.as_json() for exchange in finding.exchanges],
        "shownBy": finding.exchange.as_json() if finding.exchange else None,
        "worlds": [world["settings"] for world in finding.extra.get("worlds", [])],
        **_state(suite, finding),
    }


def _state(suite: Suite, finding: Finding) -> dict[str, Any]:
    """The world's snapshot and facts, where the target keeps them."""
    if not (suite.target and suite.target.control and finding.exchange) or suite.unreachable:
        return {}
    client = suite.target.client.with_key(finding.exchange.headers.get("X-API-KEY", ""))
    client.observer = client.on_no_response = None
    control = Control(client, suite.target.control)
    state = {}
    for name, method, path in (("snapshot", "POST", "/snapshots"), ("facts", "GET", "/facts")):
        try:
            state[name] = control.call(method, path)
        except (AssertionError, OSError):
            continue
    return state


@dataclass(frozen=True)
class Failure:
    """A failure of a bundle: its key, its rule, and the test that found it."""

    key: str
    rule: str
    part: str
    test: str


def read(path: Path) -> tuple[list[Failure], dict[str, Any]]:
    """The failures of a bundle, and the options that they were found with. Raises `CannotRun` for another file."""
    try:
        content = json.loads(path.read_text("utf-8"))
        rows = [Failure(row["key"], row["rule"], row["part"], row["test"]) for row in content["failures"]]
        return rows, {"seed": int(content["seed"]), "profile": str(content["profile"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} is not a bundle of this suite: {error}.") from error

"""Everything that a failure needs to be repeated elsewhere, in one JSON file: `mockserver verify … --replay FILE`.

Against a target with our control plane each story also carries the world it played in, its snapshot and its facts.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract_tests.client import Client
from contract_tests.control import Control
from contract_tests.findings import Finding
from contract_tests.suite import Suite
from contract_tests.target import CannotRun

VERSION = 1


def text(suite: Suite) -> str:
    """The bundle of a run."""
    content = {
        "version": VERSION,
        "seed": suite.options.seed,
        "profile": suite.options.profile,
        "failures": [_failure(suite, finding) for finding in suite.findings],
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def _failure(suite: Suite, finding: Finding) -> dict[str, Any]:
    base = suite.target.client.base_url if suite.target else ""
    return {
        "key": finding.key,
        "rule": finding.rule,
        "source": finding.source,
        "got": finding.got,
        "baseUrl": base,
        "requests": [exchange.as_json() for exchange in finding.story],
        "shownBy": finding.exchange.as_json() if finding.exchange else None,
        **finding.extra,
        **_state(suite, finding),
    }


def _state(suite: Suite, finding: Finding) -> dict[str, Any]:
    """The world's snapshot and facts, where the target keeps them."""
    if not (suite.target and suite.target.control and finding.exchange):
        return {}
    client = suite.target.client.with_key(finding.exchange.headers.get("X-API-KEY", ""))
    client.observer = None
    control = Control(client, suite.target.control)
    state = {}
    for name, method, path in (("snapshot", "POST", "/snapshots"), ("facts", "GET", "/facts")):
        try:
            state[name] = control.ask(method, path)
        except (AssertionError, OSError):
            continue
    return state


UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


def _numbered(text: str) -> str:
    """The text with its UUIDs by number, in the order in which they first appear: another world has other ids."""
    known: dict[str, str] = {}
    return UUID.sub(lambda found: known.setdefault(found[0], f"<id {len(known) + 1}>"), text)


@dataclass(frozen=True)
class Replayed:
    """A failure sent again: `same` if its last request was answered as before."""

    key: str
    rule: str
    same: bool
    status: int
    answer: str


def replay(path: Path, client: Client, control: Control | None) -> list[Replayed]:
    """Send every story of a bundle again. Raises `CannotRun` for a file that is no bundle."""
    try:
        failures = json.loads(path.read_text("utf-8"))["failures"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CannotRun(f"{path} is not a bundle of this suite: {error}.") from error
    return [_again(failure, client, control) for failure in failures if failure["requests"]]


def _again(failure: dict[str, Any], client: Client, control: Control | None) -> Replayed:
    if control is not None and "world" in failure:
        client = client.with_key(control.new_world(**failure["world"]))
    for row in failure["requests"]:
        came_too_soon = row["status"] == 429 and row != failure["shownBy"]  # and was sent again
        if row["path"].startswith("/_mock/worlds") or came_too_soon:
            continue
        body = row["body"].encode("latin-1") if row["body"] is not None else None
        below = not row["path"].startswith("/_mock")
        headers = row["headers"] | ({} if below else client.control_headers())
        answer = client.send(row["method"], row["path"], body=body, headers=headers, below_base=below)
        text = answer.answer.decode("utf-8", "replace")
        if row == failure["shownBy"]:
            break
    same = (answer.status, _numbered(text)) == (row["status"], _numbered(row["answer"]))
    return Replayed(failure["key"], failure["rule"], same, answer.status, text)

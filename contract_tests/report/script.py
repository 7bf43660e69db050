"""A finding as a shell script: making its world, the requests before, and the request that shows it."""

from __future__ import annotations

import json
import shlex

from contract_tests.exchange import API_KEY, CONTROL_TOKEN, Exchange
from contract_tests.findings import Finding
from contract_tests.suite import Suite

#: With more requests than this, reads are left out: they change nothing.
SHORT = 12
#: A shorter key may be in any text by chance.
LONG = 8


def variables(finding: Finding, suite: Suite) -> dict[str, str]:
    """API key → the variable that replaces it in a report."""
    found = {world["key"]: f"$WORLD_{number}" for number, world in enumerate(finding.extra.get("worlds", []), 1)}
    if suite.target is not None:
        found[suite.target.client.api_key] = API_KEY
    return found


def without_key(text: str, suite: Suite) -> str:
    """The text without the target's key, which a response or a header may repeat. Very short keys are not replaced."""
    key = suite.target.client.api_key if suite.target else ""
    return text.replace(key, API_KEY) if len(key) >= LONG else text


def steps(finding: Finding) -> list[Exchange]:
    """The requests before the one that shows the finding, and that one; without those that got 429."""
    if finding.exchange is None:
        return []
    before = [one for one in finding.exchanges if one is not finding.exchange and not _is_apart(one)]
    if len(before) >= SHORT:
        before = [one for one in before if one.method != "GET"]
    return [*before, finding.exchange]


def _is_apart(exchange: Exchange) -> bool:
    """Making a world has a line of its own; a request that got 429 was sent again."""
    makes_a_world = exchange.control and exchange.path.startswith("/_mock/worlds")
    return makes_a_world or exchange.status == 429


def is_needed(finding: Finding) -> bool:
    """Whether one request alone may not show the finding."""
    return bool(finding.extra.get("worlds")) or any(one.method != "GET" for one in steps(finding)[:-1])


def script(finding: Finding, suite: Suite) -> list[str]:
    """The lines; empty where no request shows the finding."""
    keys = variables(finding, suite)
    lines = [_world(keys[world["key"]], world["settings"], suite) for world in finding.extra.get("worlds", [])]
    return [*lines, *(one.curl(keys, apart=True) for one in steps(finding))] if finding.exchange else []


def _world(variable: str, settings: dict[str, object], suite: Suite) -> str:
    assert suite.target is not None
    client = suite.target.client
    token = f' -H "X-Control-Token: {CONTROL_TOKEN}"' if client.control_token else ""
    body = shlex.quote(json.dumps(settings, ensure_ascii=True))
    words = f'curl -sS -X POST {client.origin}{suite.target.control}/worlds -H "X-API-KEY: {API_KEY}"{token}'
    pick = r"""sed -E 's/.*"apiKey": ?"([^"]+)".*/\1/'"""
    return f"{variable[1:]}=$({words} -H 'Content-Type: application/json' --data-binary {body} | {pick})"

"""Captured webhooks: each mistake is reported with its place, and a baseline hides only its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.contract_runs import Run, verify

USER: dict[str, Any] = {
    "id": "u",
    "email": None,
    "name": None,
    "tz": None,
    "subscribeToEmails": False,
    "attributes": {},
    "control": False,
    "created": "2025-01-01T00:00:00.000Z",
    "updated": "2025-01-01T00:00:00.000Z",
}
GOOD: dict[str, Any] = {"type": "streak.lost", "user": USER, "length": 3}


def check(log: Path, *bodies: dict[str, Any] | str, words: tuple[str, ...] = ()) -> Run:
    lines = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    log.write_text("\n".join(lines) + "\n", "utf-8")
    return verify("--parts", "webhooks", "--only", "captured", "--webhook-log", str(log), *words)


def test_captured_webhooks_are_checked(tmp_path: Path) -> None:
    log = tmp_path / "webhooks.jsonl"
    assert check(log, GOOD).code == 0
    run = check(log, GOOD | {"length": "three"}, "not json", GOOD, GOOD | {"length": "four"})
    assert run.code == 1
    assert 'line 1: /length: "three" is not of type "integer"' in run.said
    assert 'line 4: /length: "four" is not of type "integer"' in run.said
    assert "line 2 is not" in run.said
    assert "FAILED: 2 findings" in run.said


def test_no_character_of_a_name_ends_a_line_of_the_log(tmp_path: Path) -> None:
    odd = json.dumps(GOOD | {"user": USER | {"name": "a\u2028b\x85c"}}, ensure_ascii=False)
    assert check(tmp_path / "webhooks.jsonl", odd, GOOD).code == 0


def test_a_baseline_hides_no_other_mistake_of_the_same_webhook(tmp_path: Path) -> None:
    log, baseline = tmp_path / "webhooks.jsonl", tmp_path / "known.json"
    known = GOOD | {"length": "three"}
    assert check(log, known, words=("--baseline", str(baseline), "--update-baseline")).code == 1
    assert check(log, known, words=("--baseline", str(baseline))).code == 0
    for worse in (
        {"user": USER | {"id": 7}},
        {"user": {name: value for name, value in USER.items() if name != "name"}},
        {"user": USER | {"tz": 1}},
    ):
        run = check(log, known, GOOD | worse, words=("--baseline", str(baseline)))
        assert run.code == 1, f"{worse} is hidden"
        assert "FAILED: 1 finding " in run.said
    without = {name: value for name, value in USER.items() if name != "name"}
    words = ("--baseline", str(baseline), "--update-baseline")
    check(log, GOOD | {"user": without}, words=words)
    other = {name: value for name, value in USER.items() if name != "created"}
    assert check(log, GOOD | {"user": other}, words=words[:2]).code == 1, "another missing field is hidden"

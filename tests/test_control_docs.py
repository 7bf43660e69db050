"""`docs/control.md` tells every call and no other, and what it shows runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from processes import serving

from mockserver.control.facts import KINDS
from mockserver.control.table import ROWS

PAGE = (Path(__file__).parents[1] / "docs" / "control.md").read_text()
SECTIONS: dict[str, str] = dict(re.findall(r"^### `(.+?)`\n(.*?)(?=^##)", PAGE, re.M | re.S))
PYTHON = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)


def test_the_page_and_the_server_have_the_same_calls() -> None:
    calls = [f"{row.method} /_mock{row.path}" for row in ROWS]
    assert sorted(SECTIONS) == sorted([*calls, "GET /_mock/health"])


@pytest.mark.parametrize("title", SECTIONS)
def test_every_call_is_shown_with_curl(title: str) -> None:
    method, path = title.split()
    commands = "".join(re.findall(r"```sh\n(.*?)```", SECTIONS[title], re.S)).replace("\\\n", " ")
    pattern = re.sub(r"\\{\w+\\}", r"[^/ ]+", re.escape(path.removeprefix("/_mock")))
    shown = [line for line in commands.splitlines() if re.search(rf"\$MOCK{pattern}(?=[\s?\"]|$)", line)]
    assert shown, f"{title} has no curl"
    given = re.search(r"-X (\w+)", shown[0])
    assert (given[1] if given else "POST" if " -d " in shown[0] else "GET") == method


def test_every_kind_of_fact_is_named() -> None:
    assert set(KINDS) <= set(re.findall(r"`(\w+)`", SECTIONS["GET /_mock/facts"]))


def test_the_commands_run_from_top_to_bottom(tmp_path: Path) -> None:
    script = "".join(re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S)).replace(
        "curl -s ", "curl -sS --fail-with-body "
    )
    wished_for = "-H 'Prefer: code=404, delay=0.1'"
    assert wished_for in script  # the one command that fails, as it asked for
    script = "\n".join(line + " || true" if wished_for in line else line for line in script.splitlines())
    with serving("--users", "0") as base:
        script = script.replace("http://127.0.0.1:8080", base.removesuffix("/v1"))
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "Prefer: code=404" in run.stdout
    assert '"answer":"ada has' in run.stdout


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_the_python_runs(number: int, tmp_path: Path) -> None:
    file = tmp_path / "test_shown.py"
    file.write_text(PYTHON[number])
    command = [sys.executable, "-W", "error", str(file)]
    if "trophy_world" in PYTHON[number]:  # with no other plugin that is installed: they take seconds to import
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "mockserver.pytest_plugin"]
        command.append(str(file))
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert run.returncode == 0, run.stdout + run.stderr

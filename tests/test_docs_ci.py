"""The action for GitHub as it stands: its steps run as a runner would, without GitHub; and the page that shows it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from readme_run import ROOT, free_port

FOLDER = ROOT / ".github" / "actions" / "fake-trophy"
ACTION: dict[str, Any] = yaml.safe_load((FOLDER / "action.yml").read_text())
PAGE = (ROOT / "docs" / "ci.md").read_text()
WORKFLOW: dict[str, Any] = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0])
EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    made = Runner(tmp_path)
    yield made
    made.end()


class Runner:
    """A machine that runs the steps of an action; what they leave running ends with `end`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "temp").mkdir()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("MOCKSERVER_", "PYTEST_"))}
        self.environment = kept | {
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_PATH": str(folder / "path"),
            "GITHUB_OUTPUT": str(folder / "output"),
            "GITHUB_ACTION_PATH": str(FOLDER),
            "PIP_NO_BUILD_ISOLATION": "0",  # which means that what builds is lent, too
        }
        self._groups: list[int] = []

    def run(self, step: dict[str, Any], inputs: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Runs one step as GitHub runs `shell: bash`, and waits for its end, not for what it started."""
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]  # what a workflow gives is never read as a command
        (self.folder / "step.sh").write_text(step["run"])
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(self.folder / "step.sh")],
            cwd=self.folder,
            env=self.environment | {name: filled(value, inputs) for name, value in step["env"].items()},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._groups.append(process.pid)
        printed, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, printed)

    def python(self) -> str:
        """A Python whose new environments find the dependencies of this one, so that only the project is installed."""
        lent = self.folder / "temp" / "fake-trophy"
        program = f"""#!/bin/sh
            {sys.executable} "$@" || exit
            echo {sysconfig.get_path("purelib")} > {lent}/lib/python3.{sys.version_info.minor}/site-packages/lent.pth
        """
        file = self.folder / "python"
        file.write_text(program)
        file.chmod(0o755)
        return str(file)

    def end(self) -> None:
        for group in self._groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGTERM)


def filled(text: str, inputs: dict[str, str]) -> str:
    """The inputs in the place of their expressions."""
    return EXPRESSION.sub(lambda match: inputs[match[1].removeprefix("inputs.")], text)


def inputs(**given: str) -> dict[str, str]:
    return {name: row["default"] for name, row in ACTION["inputs"].items()} | given


def test_the_action_starts_a_server_and_says_where(runner: Runner) -> None:
    port = free_port()
    given = inputs(
        port=str(port), catalog="study", python=runner.python(), options="--users 0 --now 2026-01-15T12:00:00Z"
    )
    install, start = ACTION["runs"]["steps"]
    installed = runner.run(install, given)
    assert installed.returncode == 0, installed.stdout
    started = runner.run(start, given)
    assert started.returncode == 0, started.stdout

    outputs = dict(line.split("=", 1) for line in (runner.folder / "output").read_text().splitlines())
    assert {row["value"] for row in ACTION["outputs"].values()} == {
        f"${{{{ steps.start.outputs.{n} }}}}" for n in outputs
    }
    assert outputs.keys() == ACTION["outputs"].keys()
    server = f"http://127.0.0.1:{port}"
    assert [outputs[name] for name in ("server", "url", "admin-url")] == [server, f"{server}/v1", f"{server}/admin/v1"]
    request = urllib.request.Request(f"{outputs['control-url']}/clock", headers={"X-API-KEY": given["api-key"]})
    with urllib.request.urlopen(request, timeout=10) as response:
        assert json.load(response)["now"].startswith("2026-01-15T12:00")
    assert server in Path(outputs["log"]).read_text()
    assert (Path((runner.folder / "path").read_text().strip()) / "mockserver").exists()

    refused = runner.run(start, given | {"catalog": "nothing.toml"})
    assert refused.returncode == 1
    assert "nothing.toml" in refused.stdout


def test_the_page_shows_the_action_as_it_is() -> None:
    (step,) = [step for step in WORKFLOW["jobs"]["tests"]["steps"] if "fake-trophy" in step.get("uses", "")]
    assert (ROOT / step["uses"].partition("@")[0].split("/", 2)[2] / "action.yml").exists()
    assert step["with"].keys() <= ACTION["inputs"].keys()
    assert set(re.findall(r"steps\.trophy\.outputs\.([\w-]+)", PAGE)) <= ACTION["outputs"].keys()
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == [*ACTION["inputs"], *ACTION["outputs"]]

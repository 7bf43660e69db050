"""The wheel has all that a server and the suite need, far from a checkout."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import installing
import pytest
import yaml
from clients.versions import NEWEST
from readme_run import ROOT, Place, Shell, blocks, place

PYTHON = os.environ.get("STRANGERS_PYTHON", sys.executable)  # `make pythons` tries others


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installing.wheel(ROOT, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_carries_the_spec_unchanged_the_fixtures_and_the_suite(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.read("mockserver/data/openapi.json") == (ROOT / "openapi.json").read_bytes()
    assert {"mockserver/data/fixtures/catalog.toml", "contract_tests/__init__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a new environment with the wheel, all that it needs, and the newest client."""
    commands = installing.environment(tmp_path_factory.mktemp("stranger") / "venv", PYTHON)
    installing.install(f"{wheel}[contract]", f"trophy=={NEWEST}", python=commands / "python")
    return commands


@pytest.fixture
def stranger(commands: Path, tmp_path: Path) -> Iterator[Place]:
    """An empty directory of somebody who has installed the wheel; nothing of the repository is at hand."""
    with place(tmp_path, checkout=False) as made:
        for name in ("PYTHONPATH", "VIRTUAL_ENV"):
            made.environment.pop(name, None)
        made.environment["PATH"] = f"{commands}:{made.environment['PATH']}"
        yield made


def block(language: str, begins: str) -> str:
    """The first block of the README or the recipes in this language that begins so."""
    return next(row.text for row in blocks() if row.language == language and row.text.startswith(begins))


def test_what_a_stranger_imports_comes_from_the_wheel(stranger: Place, commands: Path) -> None:
    program = "import contract_tests as c, mockserver as m, trophy as t; print(c.__file__, m.__file__, t.__file__)"
    found = stranger.run(["python", "-c", program]).split()
    assert [path.startswith(str(commands.parent)) for path in found] == [True] * 3


def test_a_stranger_pastes_the_first_screen(stranger: Place) -> None:
    """With the command that the README gives for those who have no checkout."""
    screen = (ROOT / "README.md").read_text().split("## Why this")[0]
    assert "`mockserver serve`" in screen
    stranger.start(["mockserver", "serve", "--port", stranger.ports["8080"]], "8080")
    with Shell(stranger) as shell:
        shown = json.loads(shell.run(stranger.fit(block("sh", "curl "))))
    assert shown.keys() == json.loads(block("json", "{")).keys()
    (stranger.folder / "first.py").write_text(stranger.fit(block("python", "from trophy import")))
    printed = stranger.run(["python", "first.py"])
    assert re.fullmatch(r"750\.0 \['First Words', 'Novice Writer', 'Spark'\] \d+\n", printed)  # boosts go by the day


def test_a_stranger_writes_a_test_with_the_fixture(stranger: Place) -> None:
    (stranger.folder / "test_streaks.py").write_text(block("python", "# test_streaks.py"))
    assert "1 passed" in stranger.run(["pytest", "-q", "-p", "no:cacheprovider"])


def test_a_stranger_verifies_an_implementation_in_ci(stranger: Place) -> None:
    """The steps of the workflow that the recipes give; two operations stand for all of them."""
    steps = yaml.safe_load(block("yaml", "# .github/workflows/contract.yml"))["jobs"]["verify"]["steps"]
    uses = [step["uses"].partition("@")[0] for step in steps if "uses" in step]
    assert uses == ["actions/checkout", "actions/setup-python", "actions/upload-artifact"]
    install, start, wait, verify = (step["run"] for step in steps if "run" in step)
    assert install.startswith("pip install 'trophy-mockserver[contract] @ git+https://")
    stranger.start(["bash", "-c", f"exec {start.removesuffix('&')} --port {stranger.ports['8080']}"], "8080")
    assert "ok" in stranger.run(["bash", "-c", stranger.fit(wait)])
    stranger.run(["bash", "-c", f"{stranger.fit(verify)} --operations users_get,users_streak"], timeout=500)
    assert (stranger.folder / "contract.xml").read_text().startswith("<?xml")
    assert "<html" in (stranger.folder / "contract.html").read_text()


def test_a_folder_of_the_same_name_is_not_taken_for_the_suite(tmp_path: Path) -> None:
    (tmp_path / "contract_tests").mkdir()
    (tmp_path / "contract_tests" / "__init__.py").write_text("")
    command = [sys.executable, "-m", "mockserver", "verify", "--parts", "document"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"contract_tests"}  # nothing is left behind


def test_what_is_missing_for_the_suite_is_said_in_one_line(tmp_path: Path) -> None:
    program = "import sys; sys.modules['schemathesis'] = None\nfrom mockserver.cli import main\nmain(['verify'])"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "Error: schemathesis is needed here: pip install 'trophy-mockserver[contract]'.\n"


@pytest.mark.parametrize("there", [[], ["faker==40.50.0", "pytest<9", "tzdata==2025.2"]], ids=["empty", "with others"])
def test_it_can_be_installed_beside_other_things(wheel: Path, there: list[str]) -> None:
    wanted = [f"trophy-mockserver[contract,pytest] @ {wheel.as_uri()}" if there else str(wheel), *there]
    names = installing.resolved(*wanted)
    assert ("pytest" in names) == bool(there)
    assert ("schemathesis" in names) == bool(there)
    assert there or not names & {"pytest", "hypothesis", "schemathesis", "faker"}

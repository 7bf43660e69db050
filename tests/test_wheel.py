"""The wheel has all that a server and the suite need, far from a checkout."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest
from processes import KEY, serving

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def test_the_wheel_carries_the_document_unchanged_the_fixtures_and_the_suite(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert archive.read("mockserver/data/openapi.json") == (ROOT / "openapi.json").read_bytes()
    assert {"mockserver/data/fixtures/catalog.toml", "contract_tests/__init__.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/"))]


def test_an_installed_server_starts_from_another_directory(wheel: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    # The dependencies come from here; the project itself, installed editable, does not: its .pth is not read.
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with serving("--users", "2", cwd=str(tmp_path), python=str(python)) as url:
        request = urllib.request.Request(f"{url}/leaderboards", headers={"X-API-KEY": KEY})
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)[0]["key"] == "all-time"
    where = "import mockserver; print(mockserver.__file__)"
    found = subprocess.run([python, "-c", where], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.startswith(str(tmp_path))


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
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet"]
    wanted = [f"{wheel}[contract,pytest]" if there else str(wheel), *there]
    run = subprocess.run([*command, "--report", "-", *wanted], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    names = {row["metadata"]["name"].lower() for row in json.loads(run.stdout)["install"]}
    assert ("pytest" in names) == bool(there)
    assert ("schemathesis" in names) == bool(there)
    assert there or not names & {"pytest", "hypothesis", "schemathesis", "faker"}

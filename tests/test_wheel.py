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

"""docs/javascript.md as it stands: the helper in TypeScript, its types, and the tests with Vitest and with Jest."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.versions import NODE, node_packages

from mockserver.testing import MockServer

PAGE = (Path(__file__).parents[1] / "docs" / "javascript.md").read_text()
FILES = dict(re.findall(r"^```(?:ts|js)\n// (\S+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
TESTS = ("streak.test.ts", "webhooks.test.ts")
# The newest of each that Node 20 runs.
PACKAGES = ("vitest@4", "jest@30", "@swc/core@1", "@swc/jest@0.2", "typescript@5", "@types/node@20")

pytestmark = pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node is not installed")


@pytest.fixture(scope="module")
def packages() -> Path:
    return node_packages(f"runners-1-{NODE[-1]}", *PACKAGES, f"@trophyso/node@{NODE[-1]}") / "node_modules"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with MockServer(users=0) as server:
        yield server.url.removesuffix("/v1")


@pytest.fixture
def folder(packages: Path, tmp_path: Path) -> Path:
    """A project of a reader: what the page tells to copy, beside what it tells to install."""
    (tmp_path / "node_modules").symlink_to(packages)
    for name in ("trophy-world.ts", *TESTS):
        (tmp_path / name).write_text(FILES[name])
    return tmp_path


def run(folder: Path, tool: str, *arguments: str, url: str = "") -> str:
    command = [str(folder / "node_modules" / ".bin" / tool), *arguments]
    environment = os.environ | {"TROPHY_URL": url, "NO_COLOR": "1", "CI": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_tests_run_with_vitest(folder: Path, url: str) -> None:
    assert "2 passed" in run(folder, "vitest", "run", url=url)


def test_the_tests_run_with_jest(folder: Path, url: str) -> None:
    for name in TESTS:
        (folder / name).write_text(FILES[name].replace('"vitest"', '"@jest/globals"'))
    (folder / "jest.config.js").write_text(FILES["jest.config.js"])
    assert "Tests:       2 passed, 2 total" in run(folder, "jest", url=url)


def test_the_types_of_the_helper_and_of_the_tests_are_right(folder: Path) -> None:
    options = [
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--module",
        "preserve",
        "--target",
        "es2022",
        "--types",
        "node",
    ]
    run(folder, "tsc", *options, *TESTS)
    wrong = FILES["streak.test.ts"].replace("{ days: 2 }", '{ days: "2" }')
    (folder / "wrong.test.ts").write_text(wrong)
    with pytest.raises(AssertionError, match="Type 'string' is not assignable to type 'number'"):
        run(folder, "tsc", *options, "wrong.test.ts")


def test_the_helper_has_thirty_lines() -> None:
    assert len(FILES["trophy-world.ts"].splitlines()) <= 30

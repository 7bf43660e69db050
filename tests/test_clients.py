"""The official clients: the newest runs in all tests, the one of the spec's own version here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import pytest
import trophy
from clients.run import table, walk_node, walk_python
from clients.versions import NEWEST, NODE, SAME_AS_SPEC, python_client
from processes import KEY, admin_url, serving
from trophy.core.api_error import ApiError

from mockserver.api import streaks
from mockserver.testing import MockServer
from mockserver.webhooks.bodies import KINDS

HERE = Path(__file__).parent
READS_ALL = ("test_sdk.py", "test_examples_sdk.py", "test_webhooks_trigger.py")


def test_the_newest_client_that_is_listed_is_the_one_that_all_tests_use() -> None:
    assert version("trophy") == NEWEST


def test_the_client_of_the_specs_version_passes_the_same_tests() -> None:
    older = os.pathsep.join((str(python_client(SAME_AS_SPEC)), str(HERE)))
    environment = os.environ | {"PYTHONPATH": older, "PYTEST_ADDOPTS": "", "PYTEST_XDIST_WORKER": ""}
    asked = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "-k", "not pasted"]
    done = subprocess.run(
        [*asked, *(str(HERE / name) for name in READS_ALL)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "skipped" not in done.stdout  # what newer clients lack, this one has


@pytest.mark.parametrize(("version", "methods"), [("1.0.42", 24), (SAME_AS_SPEC, 28), (NEWEST, 27)])
def test_every_method_of_a_client_reads_what_it_gets(version: str, methods: int) -> None:
    with MockServer() as server:
        walked = walk_python(server, version)
    assert list(walked.errors()) == []
    assert len(walked.said["application"]) == methods
    assert len(walked.said["webhooks"]) == (11 if version == "1.0.42" else len(KINDS))
    assert any(f"{version}"[-1] in line for line in table([walked]).splitlines())


def test_a_field_that_a_client_misses_is_an_error_of_that_version(monkeypatch: pytest.MonkeyPatch) -> None:
    shape = streaks.users_streak

    def without_pauses(game: Any, *, id: str, history_periods: int) -> Any:
        whole = shape(game, id=id, history_periods=history_periods)
        return {name: value for name, value in whole.items() if name != "pauses"}

    without_pauses.__module__, without_pauses.__name__ = streaks.__name__, "users_streak"
    monkeypatch.setattr(streaks, "users_streak", without_pauses)
    with MockServer(check_responses=False) as server:
        older, newest = walk_python(server, SAME_AS_SPEC), walk_python(server, NEWEST)
    assert list(older.errors()) == []
    (error,) = newest.errors()
    assert error.startswith(f"Python {NEWEST}  users.streak: unreadable: ")
    assert "pauses" in error
    (row,) = [line for line in table([older, newest]).splitlines() if line.startswith("users.streak ")]
    assert row.split()[1:] == ["·", "X"]


@pytest.mark.skipif(not (shutil.which("node") and shutil.which("npm")), reason="Node is not installed")
def test_the_newest_client_in_javascript_reads_what_it_gets() -> None:
    with MockServer() as server:
        walked = walk_node(server, NODE[-1])
    assert list(walked.errors()) == []
    assert len(walked.said["application"]) == 24


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serving("--users", "2", "--history-days", "3") as url:
        yield url


def test_the_admin_half_of_the_client_never_reads_what_is_the_applications(base_url: str) -> None:
    """Paths such as /leaderboards are in both halves; an ID of a board is none of its key."""
    environment = trophy.TrophyApiEnvironment(api=base_url, admin=admin_url(base_url))
    with httpx.Client() as connections:
        client = trophy.TrophyApi(api_key=KEY, environment=environment, httpx_client=connections)
        assert client.leaderboards.get("all-time").key == "all-time"
        with pytest.raises(ApiError) as refused:
            client.admin.leaderboards.get("all-time")
    assert refused.value.status_code in (404, 422)

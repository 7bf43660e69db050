"""The contract suite passes an implementation that was written from the spec alone: our choices bind nobody else."""

from __future__ import annotations

import ast
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import standin
from tests.contract_runs import Run, verify


@pytest.fixture
def url() -> Iterator[str]:
    server = standin.StandIn()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.url
    server.shutdown()
    server.server_close()


def run(url: str, *words: str) -> Run:
    return verify(url, "--api-key", standin.KEY, "--profile", "quick", *words)


def test_what_the_spec_leaves_open_is_no_failure(url: str) -> None:
    found = run(url, "--parts", "behaviour,stateful")
    assert found.code == 0, found.said
    assert "needs a world of its own" in found.said, "it has no control plane"


def test_no_request_gets_a_wrong_response(url: str) -> None:
    operations = "metrics_event,users_create,achievements_all,leaderboards_get"
    found = run(url, "--parts", "operations", "--operations", operations)
    assert found.code == 0, found.said


def test_it_shares_no_code_with_the_server_and_the_suite() -> None:
    for file in Path(standin.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] not in ("mockserver", "contract_tests"), f"{file.name} imports {name}"
                assert not name.startswith("tests.") or name.startswith("tests.standin."), f"{file.name} imports {name}"

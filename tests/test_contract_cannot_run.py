"""What keeps the contract suite from running is said in one sentence, with exit code 2, before anything is tested."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.contract_runs import verify


def refused(*words: str) -> str:
    """The one sentence."""
    run = verify(*words)
    assert run.code == 2, run.said + run.complaint
    assert len(run.complaint.strip().splitlines()) == 1, run.complaint
    assert run.said == ""
    return run.complaint


def test_a_config_that_cannot_be_used(tmp_path: Path) -> None:
    config = tmp_path / "keys.toml"
    assert f"{config} cannot be read" in refused("--config", str(config))
    config.write_text("metricks = ['a']\n", "utf-8")
    assert "metricks is not one of metrics, " in refused("--config", str(config))
    config.write_text("metrics = 'a'\n", "utf-8")
    assert "metrics must be a list of strings" in refused("--config", str(config))


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"--webhook-listen: port {port} cannot be opened" in refused("--webhook-listen", port)


def test_a_log_without_webhooks(tmp_path: Path) -> None:
    log = tmp_path / "webhooks.jsonl"
    words = ("--parts", "webhooks", "--webhook-log", str(log))
    assert f"{log} cannot be read" in refused(*words)
    log.write_text("\n\n", "utf-8")
    assert f"{log} holds no webhook" in refused(*words)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rate", "0"), "--rate must be above 0 requests per second, not 0"),
        (("--rate", "-1"), "--rate must be above 0"),
        (("--rate", "nan"), "--rate must be above 0"),
        (("--update-baseline",), "--update-baseline needs a file to write"),
        (("--baseline", "/no/such/file.json"), "--baseline: there is no file /no/such/file.json"),
    ],
)
def test_options_that_make_no_sense(words: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(*words)


def test_nothing_that_is_left_to_run() -> None:
    run = verify("--only", "nosuch", "--parts", "document")
    assert (run.code, run.complaint) == (2, "No test is left to run with --only nosuch.\n")
    assert "KEPT" not in run.said
    run = verify("--read-only", "--operations", "users_create", "--parts", "operations", "--only", "generated")
    assert (run.code, len(run.complaint.splitlines())) == (2, 1), run.said + run.complaint
    assert "with --only generated, --operations users_create, --read-only." in run.complaint

"""A command that is forked is in no way another than one that Python starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import forked
import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are forked on Linux only")

HERE = [sys.executable, "-m", "mockserver"]


def done(popen: Any, monkeypatch: pytest.MonkeyPatch, words: list[str], **how: Any) -> tuple[int, str, str]:
    monkeypatch.setattr(subprocess, "Popen", popen)
    found = subprocess.run([*HERE, *words], text=True, stdout=-1, stderr=-1, timeout=60, check=False, **how)
    return found.returncode, found.stdout, found.stderr


@pytest.mark.parametrize(
    ("words", "how"),
    [
        (["--help"], {}),
        (["serve", "--port", "x"], {}),
        (["example", "users_get", "--request"], {"env": os.environ | {"PYTHONUNBUFFERED": "1"}}),
        (["example", "--list"], {"env": os.environ | {"COLUMNS": "60"}}),
        (["verify", "http://127.0.0.1:1", "--api-key", "k"], {"stdin": subprocess.DEVNULL}),
        (["verify", "--parts", "document", "--only", "nosuch"], {"cwd": str(forked.ROOT)}),
    ],
)
def test_a_forked_command_says_and_returns_the_same(
    words: list[str], how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert done(forked.Popen, monkeypatch, words, **how) == done(forked.Plain, monkeypatch, words, **how)


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_forked_server_is_a_child_that_heeds_signals() -> None:
    command = [*HERE, "serve", "--port", "0", "--users", "0"]
    with forked.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert "Trophy" in process.stdout.readline()
        assert parent_of(process.pid) == os.getpid()
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    with forked.Popen(command, stdout=subprocess.PIPE) as process:
        process.kill()
        assert process.wait(30) == -signal.SIGKILL


@pytest.mark.parametrize(
    ("words", "how"),
    [
        ([*HERE, "--version"], {"cwd": "/"}),
        ([*HERE, "--version"], {"start_new_session": True}),
        ([*HERE, "--version"], {"env": os.environ | {"PYTHONPROFILEIMPORTTIME": "1"}}),
        ([sys.executable, "-X", "dev", "-m", "mockserver", "--version"], {}),
        (["echo", "1"], {}),
    ],
)
def test_what_cannot_be_forked_alike_is_started(
    words: list[str], how: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forked, "parent", lambda: pytest.fail("it was forked"))
    with forked.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how) as process:
        assert process.communicate(timeout=60)[0].strip()
    assert process.returncode == 0

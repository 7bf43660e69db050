"""A server that is told to end ends at once and with 0, whatever it does; connections outlive the pools of clients."""

from __future__ import annotations

import os
import pty
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mockserver.serve.server import make_http
from mockserver.testing import MockServer

SEEDING = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "100000"]


@contextmanager
def seeding(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A server that says on its terminal that users are being seeded, and would do so for minutes; and what reads
    the terminal."""
    screen, terminal = pty.openpty()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=terminal)
    os.close(terminal)  # so that reading ends with the process
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        said = b""
        while said.count(b"Seeding 100,000 users") < 2:
            said += os.read(screen, 1 << 16)
        yield process, screen
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        os.close(screen)


def test_while_users_are_seeded_it_ends_at_once() -> None:
    with seeding(SEEDING) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_ctrl_c_ends_a_start_that_takes_long_without_a_complaint() -> None:
    with seeding(SEEDING) as (process, screen):
        process.send_signal(signal.SIGINT)
        assert process.wait() == 0
        assert os.read(screen, 1 << 16).endswith(b"Stopped.\r\n")


def alone(command: list[str]) -> list[str]:
    """The command as the first process of a world of processes, as in a container."""
    return ["unshare", "--pid", "--fork", "--kill-child", *command]


def can_be_alone() -> bool:
    try:
        return subprocess.run(alone(["true"]), capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_be_alone(), reason="no namespaces of processes here")
def test_as_the_first_process_of_a_container_it_ends_too() -> None:
    with seeding(alone(SEEDING)) as (process, _):
        (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        assert process.wait() == 0


BEFORE = """
import os, signal, sys, types
commands = types.ModuleType("mockserver.cli")
commands.main = lambda: os.kill(os.getpid(), signal.SIGTERM)
sys.modules["mockserver.cli"] = commands
sys.argv = ["mockserver", sys.argv[1]]
from mockserver.__main__ import main
main()
"""


@pytest.mark.parametrize(("command", "code"), [("serve", 0), ("listen", 0), ("check", -signal.SIGTERM)])
def test_servers_heed_it_before_anything_of_them_is_loaded(command: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", BEFORE, command], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (code, b"")


def test_a_server_whose_standard_error_is_closed_ends_at_once_too() -> None:
    code = BEFORE.replace("main()\n", "sys.stderr = None\nmain()\n")
    assert subprocess.run([sys.executable, "-c", code, "serve"], timeout=20, check=False).returncode == 0


def test_a_command_whose_standard_output_is_closed_ends_without_a_trace() -> None:
    command = f"{shlex.quote(sys.executable)} -m mockserver example --list >&-"
    done = subprocess.run(command, shell=True, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert "Traceback" not in done.stderr


# Idle connections


def test_a_connection_stays_open_for_as_long_as_is_said() -> None:
    with MockServer() as patient:
        assert make_http(patient._opened()._application).config.timeout_keep_alive == 75
    with MockServer(keep_alive=0.1) as server:
        address = urlsplit(server.url)
        with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as connection:
            connection.sendall(b"GET /_mock/health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            response = b""
            while part := connection.recv(4096):  # until the server hangs up
                response += part
    assert response.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "75", None])
def test_a_time_that_no_connection_can_stay_open_is_refused(seconds: object) -> None:
    with pytest.raises(ValueError, match="keep_alive must be from"):
        MockServer(keep_alive=seconds)  # type: ignore[arg-type]

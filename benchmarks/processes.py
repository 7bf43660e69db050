"""Processes on a core of their own: the server on the first, the load on the second, where there are two."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import socket
from typing import IO

SERVER_CORE, LOAD_CORE = 0, 1
HOST = "127.0.0.1"
KEY = "00000000.local"


@dataclass(frozen=True)
class Running:
    """A server that responds. `seconds`: from its start to its first response."""

    pid: int
    port: int
    seconds: float

    @property
    def cpu_seconds(self) -> float | None:
        """Its CPU time in seconds so far; None if the system does not measure it finely enough."""
        file = Path(f"/proc/{self.pid}/stat")
        if not file.exists():
            return None
        fields = file.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def bytes(self) -> int:
        """Resident memory now."""
        return resident(self.pid)


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, kept on one core where the machine and its tools can."""
    if (os.cpu_count() or 1) < 2 or shutil.which("taskset") is None:
        return list(command)
    return ["taskset", "-c", str(core), *command]


def resident(pid: int) -> int:
    """Resident memory of a process, in bytes."""
    printed = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(printed.stdout) * 1024


def free_port() -> int:
    with socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str],
    port: int,
    path: str,
    *,
    environment: Mapping[str, str] | None = None,
    errors: IO[bytes] | None = None,
    patience: float = 30,
) -> Iterator[Running]:
    """Starts a server on its core and stops it in the end. It is up when `path` returns 200. `errors`: its stderr.

    RuntimeError when it ends or does not respond within `patience` seconds.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        pinned(SERVER_CORE, command),
        stdout=subprocess.DEVNULL,
        stderr=errors,
        env={**os.environ, **(environment or {})},
    )
    try:
        while not _responds(port, path):
            if process.poll() is not None or time.perf_counter() - began > patience:
                raise RuntimeError(f"No response on port {port} from: {' '.join(command)}")
            time.sleep(0.005)
        yield Running(process.pid, port, time.perf_counter() - began)
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _responds(port: int, path: str) -> bool:
    try:
        return send_request(port, "GET", path)[0] == 200
    except (OSError, HTTPException):
        return False


def send_request(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own: status and body."""
    connection = HTTPConnection(HOST, port, timeout=600)
    try:
        headers = {"X-API-KEY": KEY} | ({"Content-Type": "application/json"} if body is not None else {})
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()

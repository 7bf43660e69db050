"""The README as a program: its blocks in order, run in a folder that looks like a checkout with `make run` done."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = (ROOT / "README.md", ROOT / "docs" / "recipes.md")  # in this order: the second goes on where the first ends
PORTS = ("8080", "8081", "8082", "8083", "9000", "3000")
LINKED = ("Makefile", "openapi.json", "fixtures", "mockserver", "contract_tests", "pyproject.toml")
SERVES = re.compile(r"^mockserver (?:serve|listen)\b")


class Block(NamedTuple):
    language: str
    text: str
    heading: str


def blocks() -> list[Block]:
    """All fenced blocks of the README and the recipes, each with the heading above it."""
    found, heading = [], ""
    text = "\n".join(page.read_text() for page in PAGES)
    for match in re.finditer(r"^#+ ([^\n]+)$|^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if match[1]:
            heading = match[1]
        else:
            found.append(Block(match[2], match[3], heading))
    return found


class Place:
    """A folder to run blocks in, with ports of its own for those that the README names."""

    def __init__(self, folder: Path, *, checkout: bool = True) -> None:
        """`checkout`: it looks like one with `make run` done; otherwise it has nothing of the repository."""
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        for name in LINKED if checkout else ():
            (folder / name).symlink_to(ROOT / name)
        if checkout:
            (folder / ".venv").symlink_to(sys.prefix)
        self.curl_may_fail(False)
        plain = {key: value for key, value in os.environ.items() if not key.startswith(("MOCKSERVER_", "PYTEST_"))}
        self.environment = plain | {
            "CURL_HOME": str(folder),
            "COLUMNS": "100",
            "MOCKSERVER_URL": f"http://127.0.0.1:{self.ports['8080']}",
        }
        self._running: list[subprocess.Popen[bytes]] = []

    def curl_may_fail(self, allowed: bool) -> None:
        """Whether curl takes an error status for a success, as it does by itself."""
        (self.folder / ".curlrc").write_text("silent\nshow-error\n" + ("" if allowed else "fail-with-body\n"))

    def fit(self, text: str) -> str:
        """The text with our ports in the place of the README's."""
        return re.sub(rf"\b(?:{'|'.join(PORTS)})\b", lambda match: self.ports[match[0]], text)

    def start(self, command: list[str], port: str) -> None:
        """A process that goes on until the end; returns when its port takes connections."""
        with (self.folder / f"{port}.log").open("w") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, start_new_session=True, stdout=log, stderr=log
            )
        self._running.append(process)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(self.ports[port]))) == 0:
                    return
            assert process.poll() is None, f"{command} has ended"
            time.sleep(0.05)
        raise AssertionError(f"nothing listens after {command}")

    def run(self, command: list[str], timeout: float = 120) -> str:
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=timeout
        )
        assert done.returncode == 0, f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fetch(self, url: str) -> bytes:
        request = urllib.request.Request(url, headers={"X-API-KEY": "00000000.local"})
        with urllib.request.urlopen(request, timeout=10) as response:
            content: bytes = response.read()
            return content

    def stop(self) -> None:
        for process in self._running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=20)


@contextmanager
def place(folder: Path, *, checkout: bool = True) -> Iterator[Place]:
    made = Place(folder, checkout=checkout)
    try:
        yield made
    finally:
        made.stop()


class Shell:
    """One bash in which all blocks run, so that what one sets the next one has."""

    def __init__(self, where: Place) -> None:
        self.where = where
        self._bash = subprocess.Popen(
            ["bash", "-eu", "-o", "pipefail"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=where.folder,
            env=where.environment,
        )

    def run(self, text: str) -> str:
        """What the commands print. AssertionError when one of them fails."""
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{text}\necho; echo @@done@@\n")
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            if line == "@@done@@\n":
                return printed
            printed += line
        raise AssertionError(f"failed:\n{text}\nprinted:\n{printed}")

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *error: object) -> None:
        self._bash.communicate(timeout=10)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

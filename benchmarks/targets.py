"""The servers that are compared: ours, bare Starlette, and Prism's mock of the same document."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import orjson

from benchmarks.load import CALLS
from benchmarks.processes import Running, ask, free_port, running
from mockserver.seed import user_id
from mockserver.spec import document_path

PRISM = "@stoplight/prism-cli@5.16.0"
PREFIX = "/v1"


def cache() -> Path:
    """Where what the benchmarks install is kept: outside the repository."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mockserver" / "benchmarks"


@contextmanager
def ours(
    *options: str,
    environment: Mapping[str, str] | None = None,
    errors: IO[bytes] | None = None,
    patience: float = 60,
) -> Iterator[Running]:
    """`mockserver serve` with these options, as a user would start it. `errors`: its stderr."""
    port = free_port()
    command = [sys.executable, "-m", "mockserver", "serve", "--port", str(port), *options]
    ready = f"{PREFIX}/leaderboards"
    with running(command, port, ready, environment=environment, errors=errors, patience=patience) as server:
        yield server


@contextmanager
def bare(answers: Path) -> Iterator[Running]:
    """Starlette under the same uvicorn settings; `answers` as bare.py wants them."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "--port", str(port), "--loop", "uvloop", "--http", "httptools"]
    command += [
        "--ws",
        "none",
        "--no-proxy-headers",
        "--no-access-log",
        "--log-level",
        "warning",
        "benchmarks.bare:app",
    ]
    with running(command, port, f"{PREFIX}/leaderboards", environment={"BENCH_ANSWERS": str(answers)}) as server:
        yield server


def fixed_answers(server: Running, file: Path) -> None:
    """Writes what bare Starlette is to answer: for each measured operation the shortest of the real answers."""
    answers: dict[str, tuple[int, object]] = {}
    for call in CALLS:
        for path, body in call.variants:
            filled = [text.replace("USER", user_id(0)).replace("VALUE", "") for text in (path, body)]
            status, answer = ask(server.port, call.method, PREFIX + filled[0], filled[1].encode() or None)
            known = answers.get(call.operation)
            if known is None or len(answer) < len(orjson.dumps(known[1])):
                answers[call.operation] = status, orjson.loads(answer)
    file.write_bytes(orjson.dumps(answers))


def install_prism() -> Path | None:
    """Prism's command, installed from npm at its first use. None: Node is missing, or the registry is."""
    directory = cache() / "prism"
    command = directory / "node_modules" / ".bin" / "prism"
    npm = shutil.which("npm")
    if not command.exists() and npm is not None and shutil.which("node") is not None:
        directory.mkdir(parents=True, exist_ok=True)
        install = [npm, "install", "--no-fund", "--no-audit", "--loglevel=error", "--prefix", str(directory), PRISM]
        subprocess.run(install, stdout=subprocess.DEVNULL, check=False)
    return command if command.exists() else None


@contextmanager
def prism(command: Path) -> Iterator[Running]:
    """Prism in its fastest setting: static answers, no log."""
    port = free_port()
    arguments = [str(command), "mock", "--port", str(port), "--verboseLevel", "silent", str(document_path())]
    with running(arguments, port, "/leaderboards") as server:
        yield server

"""The servers that are compared: ours, bare Starlette, and Prism's mock of the same spec."""

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
from benchmarks.processes import Running, free_port, running, send_request
from mockserver.seed import seeded_id
from mockserver.spec import spec_path

PRISM = "@stoplight/prism-cli@5.16.0"
PREFIX = "/v1"


def cache() -> Path:
    """The folder for what the benchmarks install, outside the repository."""
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
def bare(responses: Path) -> Iterator[Running]:
    """Starlette with the same uvicorn settings; `responses` is the file that bare.py reads."""
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
    with running(command, port, f"{PREFIX}/leaderboards", environment={"BENCH_RESPONSES": str(responses)}) as server:
        yield server


def fixed_responses(server: Running, file: Path) -> None:
    """Writes the responses of bare Starlette: for each measured operation the shortest of the real responses."""
    responses: dict[str, tuple[int, object]] = {}
    for call in CALLS:
        for path, body in call.variants:
            filled = [text.replace("USER", seeded_id(0)).replace("VALUE", "") for text in (path, body)]
            status, content = send_request(server.port, call.method, PREFIX + filled[0], filled[1].encode() or None)
            known = responses.get(call.operation)
            if known is None or len(content) < len(orjson.dumps(known[1])):
                responses[call.operation] = status, orjson.loads(content)
    file.write_bytes(orjson.dumps(responses))


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
    """Prism with its fastest settings: static responses, no log."""
    port = free_port()
    arguments = [str(command), "mock", "--port", str(port), "--verboseLevel", "silent", str(spec_path())]
    with running(arguments, port, "/leaderboards") as server:
        yield server

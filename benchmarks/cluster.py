"""Servers that share their worlds, on this machine: three of NATS, some of ours, and HAProxy before them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from socket import create_connection

from benchmarks.processes import HOST, free_port

PROXY = """
global
    log stderr local0 err
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    retries 3
    option redispatch 1
frontend all
    bind {host}:{port}
    default_backend ours
backend ours
    balance hdr(X-API-KEY)
    hash-type consistent
    option httpchk GET /_mock/health
    default-server check inter 500ms fall 1 rise 1
{servers}
"""


class Processes:
    """Processes by name, each on its port, killed and started again one by one. As a context manager it ends all."""

    def __init__(self, root: Path, ours: int, *, proxied: bool = True) -> None:
        self._root = root
        self._proxied = proxied
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.nats = {f"nats-{number}": free_port() for number in (1, 2, 3)}
        self.ours = {f"server-{number}": free_port() for number in range(1, ours + 1)}
        self.proxy = free_port()
        self._routes = {name: free_port() for name in self.nats}

    @property
    def _log(self) -> str:
        return ",".join(f"nats://{HOST}:{port}" for port in self.nats.values())

    def start(self, name: str) -> None:
        """Returns at once."""
        with (self._root / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(self._command(name), stdout=log, stderr=log)

    def _command(self, name: str) -> list[str]:
        if name in self.ours:
            command = [sys.executable, "-m", "mockserver", "serve", "--port", str(self.ours[name])]
            command += ["--users", "0", "--log", self._log, "--log-level", "warning"]
            return [*command, "--checkpoints", str(self._root / f"{name}.checkpoints")]
        if name in self.nats:
            binary = shutil.which("nats-server") or str(Path(sys.executable).with_name("nats-server"))
            routes = ",".join(f"nats://{HOST}:{port}" for port in self._routes.values())
            command = [binary, "--name", name, "--addr", HOST, "--port", str(self.nats[name]), "--jetstream"]
            command += ["--store_dir", str(self._root / name), "--cluster_name", "farm", "--routes", routes]
            return [*command, "--cluster", f"nats://{HOST}:{self._routes[name]}"]
        servers = "\n".join(f"    server {name} {HOST}:{port}" for name, port in self.ours.items())
        config = self._root / "haproxy.cfg"
        config.write_text(PROXY.format(host=HOST, port=self.proxy, servers=servers))
        return [haproxy() or "haproxy", "-f", str(config)]

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()

    def ready(self, name: str, patience: float = 60) -> None:
        """Returns when it responds. RuntimeError when it does not."""
        port = {**self.nats, **self.ours, "proxy": self.proxy}[name]
        until = time.monotonic() + patience
        while time.monotonic() < until:
            with suppress(OSError, HTTPException):
                if name in self.nats:
                    create_connection((HOST, port), 1).close()
                    return
                connection = HTTPConnection(HOST, port, timeout=5)
                connection.request("GET", "/_mock/health")
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{name} does not respond; see {self._root / name}.log")

    def __enter__(self) -> Processes:
        for name in self.nats:
            self.start(name)
        for name in self.nats:
            self.ready(name)
        for name in self.ours:
            self.start(name)
        for name in self.ours:
            self.ready(name)
        if self._proxied:
            self.start("proxy")
            self.ready("proxy")
        return self

    def __exit__(self, *how: object) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()


def haproxy() -> str | None:
    """The program's path; installed from Debian if that is allowed."""
    found = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None and shutil.which("apt-get") and os.geteuid() == 0:
        subprocess.run(["apt-get", "install", "-qq", "-y", "haproxy"], capture_output=True, check=False)
        found = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
    return found

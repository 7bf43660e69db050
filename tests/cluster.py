"""Real NATS servers on loopback, as a cluster, and servers of ours that share their worlds through it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from socket import create_connection, socket

from test_cli_serve import Server, running

NATS = str(Path(sys.executable).with_name("nats-server"))


def free_ports(number: int) -> list[int]:
    sockets = [socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """Three servers of NATS with JetStream, each with a directory of its own. `storage`: how much each may write."""

    def __init__(self, root: Path, size: int = 3, storage: str | None = None) -> None:
        self.storage = storage
        ports = free_ports(2 * size)
        self._clients, self._routes = ports[:size], ports[size:]
        self.root = root
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def url(self) -> str:
        return ",".join(f"nats://127.0.0.1:{port}" for port in self._clients)

    def start(self, number: int) -> None:
        routes = ",".join(f"nats://127.0.0.1:{port}" for port in self._routes)
        command = [NATS, "--name", f"n{number}", "--addr", "127.0.0.1", "--port", str(self._clients[number])]
        command += ["--jetstream", "--store_dir", str(self.root / f"n{number}")]
        if self.storage is not None:
            settings = self.root / "storage.conf"
            settings.write_text(f"jetstream {{ max_file_store: {self.storage} }}")
            command += ["--config", str(settings)]
        if len(self._clients) > 1:
            route = f"nats://127.0.0.1:{self._routes[number]}"
            command += ["--cluster_name", "tests", "--cluster", route, "--routes", routes]
        with (self.root / f"n{number}.log").open("ab") as log:
            self._processes[number] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, number: int, how: signal.Signals = signal.SIGKILL) -> None:
        self._processes[number].send_signal(how)
        if how is signal.SIGKILL:
            self._processes[number].wait()

    def await_ports(self) -> None:
        for port in self._clients:
            for _ in range(500):
                with contextlib.suppress(OSError), create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.02)

    def __enter__(self) -> Cluster:
        self.root.mkdir(exist_ok=True)
        for number in range(len(self._clients)):
            self.start(number)
        self.await_ports()
        return self

    def __exit__(self, *how: object) -> None:
        for process in self._processes.values():
            process.kill()
            process.wait()


@contextlib.contextmanager
def sharing(cluster: Cluster, *options: str) -> Iterator[Server]:
    """One of our servers."""
    checkpoints = ("--checkpoints", str(cluster.root / "checkpoints"))
    with running("--users", "0", "--log", cluster.url, *checkpoints, *options) as server:
        yield server

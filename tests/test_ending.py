"""A server that is stopped: requests that wait get an error in the usual shape, and nothing is left half done."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cluster import Cluster
from processes import KEY
from test_protocol import Reader

from mockserver.testing import MockServer


class Server:
    """`mockserver serve` in a process of its own, with what it says on stderr."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self.process = process
        self.port = urlsplit(url).port or 0

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def call(self, method: str, path: str, body: Any) -> Any:
        with closing(self.connect()) as client:
            client.sendall(request(method, path, json.dumps(body).encode()))
            status, _, content = Reader(client).read_response()
            return status, json.loads(content)

    def stop(self) -> str:
        """Tells it to stop; what it said on stderr."""
        self.process.terminate()
        return self.process.communicate(timeout=30)[1]


def request(method: str, path: str, body: bytes = b"", length: int | None = None) -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {KEY}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body) if length is None else length}\r\n\r\n".encode() + body


@contextmanager
def started(*options: str) -> Iterator[Server]:
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "20", "--log-level", "warning"]
    command += options
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            url = next(line.split()[-1] for line in process.stdout if "Base URL" in line)
            yield Server(process, url)
        finally:
            process.kill()


EVENT = b'{"user": {"id": "ada"}, "value": 1}'
HALVES = {
    "half a body": request("POST", "/v1/metrics/words-written/event", EVENT)[:-5],
    "half a head": request("POST", "/v1/metrics/words-written/event", EVENT)[:40],
    "half a body of the control plane": request("POST", "/_mock/reset", b"{", length=9),
    "a world of many users": request("POST", "/_mock/worlds", b'{"users": 10000, "historyDays": 300}'),
    "a century": request("POST", "/_mock/clock/advance", b'{"days": 36500}'),
}


@pytest.mark.parametrize("name", HALVES)
def test_a_waiting_request_is_told_that_the_server_ends(name: str) -> None:
    ends_while_waiting(HALVES[name])


@pytest.mark.parametrize("name", HALVES)
def test_so_does_a_server_that_shares_its_worlds(tmp_path: Path, name: str) -> None:
    with Cluster(tmp_path, size=1) as cluster:
        ends_while_waiting(HALVES[name], "--log", cluster.url, "--checkpoints", str(tmp_path / "checkpoints"))


def ends_while_waiting(sent: bytes, *options: str) -> None:
    with started(*options) as server, closing(server.connect()) as client:
        client.sendall(sent)
        server.call("GET", "/_mock/health", None)  # by now the server has read what the other one sent
        said = server.stop()
        status, headers, content = Reader(client).read_response()
    assert (status, headers["content-type"], list(json.loads(content))) == (503, "application/json", ["error"])
    assert "about to end" in json.loads(content)["error"]
    assert (server.process.returncode, said.replace("Stopped.", "").strip()) == (0, "")


def test_waiting_for_a_receiver_that_does_not_respond_is_reported() -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    with closing(silent), started() as server, closing(server.connect()) as client:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert server.call("POST", "/_mock/webhooks", {"url": url})[0] == 201
        assert server.call("POST", "/v1/metrics/words-written/event", json.loads(EVENT))[0] == 201
        under_way, _ = silent.accept()
        client.sendall(request("POST", "/_mock/clock/advance", b'{"wait": true}'))
        server.call("GET", "/_mock/worlds", None)
        server.process.terminate()
        status, _, content = Reader(client).read_response()
        under_way.close()
        assert (status, "about to end" in json.loads(content)["error"]) == (503, True)
        assert "Traceback" not in server.process.communicate(timeout=30)[1]


def test_a_move_whose_client_has_left_stops_and_the_next_one_goes_on_from_there() -> None:
    with MockServer(users=20) as server:
        with closing(socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0))) as client:
            client.sendall(HALVES["a century"])
            start = server.now.year
            while server.now.year == start:
                time.sleep(0)  # until it is on its way
        moved = server.advance(days=1)
        assert moved["now"] < "2100"  # a century later otherwise

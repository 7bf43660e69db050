"""A pytest plugin: containers of testcontainers as processes of this machine, where Docker is not available.

`FAKE_IMAGE` says in JSON what a container runs: `command` and `environment`. Only starting, stopping and the mapping of
ports are replaced; settings and waiting are those of testcontainers itself.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Self

from readme_run import free_port
from testcontainers.core.container import DockerContainer


class LocalContainer(DockerContainer):
    _process: subprocess.Popen[bytes] | None = None
    _port = ""

    def __init__(self, image: str) -> None:
        assert image == "fake-trophy"
        self.image, self.env, self.ports, self._wait_strategy = image, {}, {}, None

    def start(self) -> Self:
        image = json.loads(os.environ["FAKE_IMAGE"])
        self._port = str(free_port())
        environment = image["environment"] | self.env | {"MOCKSERVER_PORT": self._port}
        self._process = subprocess.Popen(image["command"], env=environment, stdout=subprocess.DEVNULL)
        assert self._wait_strategy is not None
        self._wait_strategy.wait_until_ready(self)
        return self

    def stop(self, force: bool = True, delete_volume: bool = True) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=20)

    def get_container_host_ip(self) -> str:
        return "127.0.0.1"

    def get_exposed_port(self, port: int) -> int:
        assert list(self.ports) == [str(port)]
        return int(self._port)


DockerContainer.__new__ = lambda cls, image: object.__new__(LocalContainer)  # type: ignore[method-assign,assignment]
DockerContainer.__init__ = LocalContainer.__init__  # type: ignore[method-assign,assignment]

"""A client of the /_mock control plane: makes worlds and moves their clocks."""

from __future__ import annotations

import json
from typing import Any

from contract_tests.client import Client


class Control:
    """The control plane of the world that `client`'s key opens."""

    def __init__(self, client: Client, prefix: str = "/_mock") -> None:
        self.client = client
        self.prefix = prefix

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call. Raises `AssertionError` unless it succeeds."""
        headers = self.client.control_headers() | ({"Content-Type": "application/json"} if body is not None else {})
        content = json.dumps(body).encode() if body is not None else None
        response = self.client.send(method, self.prefix + path, body=content, headers=headers, below_base=False)
        assert 200 <= response.status < 300, f"{method} {self.prefix}{path} returned {response.status} {response.error}"
        return response.json if response.response_body else None

    def new_world(self, **settings: Any) -> str:
        """The key of a new world."""
        return str(self.call("POST", "/worlds", settings)["apiKey"])

    def now(self) -> str:
        return str(self.call("GET", "/clock")["now"])

    def advance(self, **amount: Any) -> Any:
        """Move the clock by days, hours, minutes or seconds, or to the moment `to`."""
        return self.call("POST", "/clock/advance", amount)

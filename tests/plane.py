"""Calls of the control plane and the API as any client makes them: over a socket, with nothing of ours in between."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import httpx2
from jsonschema_rs import Draft202012, Draft202012Validator, Registry

from mockserver.control.described import CALLS
from mockserver.control.openapi import openapi
from mockserver.control.table import ROWS
from mockserver.spec.paths import Paths
from mockserver.testing import World


class Http:
    """A client with one key. `mock` calls the control plane, `api` the spec's operations."""

    def __init__(self, client: httpx2.Client, root: str, key: str | None) -> None:
        self.client = client
        self.root = root
        self.key = key

    def send(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> httpx2.Response:
        """`headers` by name, with underscores for dashes; `body` bytes as they are, anything else as JSON."""
        given: dict[str, Any] = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.key is not None:
            given.setdefault("X-API-KEY", self.key)
        content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        if content is not None:
            given.setdefault("Content-Type", "application/json")
        with self.client.stream(method, self.root + path, content=content, headers=given) as response:
            if response.headers.get("Content-Type", "").startswith("text/event-stream"):  # which does not end
                return httpx2.Response(response.status_code, headers=response.headers, request=response.request)
            response.read()
            return response

    def mock(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> httpx2.Response:
        """A call whose response is checked against the control plane's own spec."""
        response = self.send(method, f"/_mock{path}", body, **headers)
        check_response(method, path, response)
        return response

    def api(self, method: str, path: str, body: Any = None, **headers: str | bytes) -> httpx2.Response:
        return self.send(method, f"/v1{path}", body, **headers)

    def get(self, path: str) -> Any:
        """The control plane's response to a GET that must succeed."""
        response = self.mock("GET", path)
        assert response.status_code == 200, response.text
        return response.json()

    def event(self, user: str, value: float, metric: str = "words-written", **profile: Any) -> Any:
        """An event that must succeed."""
        response = self.api("POST", f"/metrics/{metric}/event", {"user": {"id": user, **profile}, "value": value})
        assert response.status_code == 201, response.text
        return response.json()

    def with_key(self, key: str | None) -> Http:
        return Http(self.client, self.root, key)


@cache
def _checks() -> tuple[Paths[dict[str, Any]], Registry]:
    """By path and method, the declared responses of the plane."""
    spec_json = openapi(ROWS, CALLS)
    found = Paths((path.removeprefix("/_mock"), item) for path, item in spec_json["paths"].items())
    return found, Registry([("urn:plane", spec_json)], draft=Draft202012)


@cache
def _validator(schema: str) -> Draft202012Validator:
    content = json.loads(schema.replace('"#/', '"urn:plane#/'))
    return Draft202012Validator(content, registry=_checks()[1], validate_formats=True)


def check_response(method: str, path: str, response: httpx2.Response) -> None:
    """Checks that the spec declares this response; for calls that it does not have, only 404 and 405 are allowed."""
    item, _ = _checks()[0].find(path.partition("?")[0].encode()) or ({}, [])
    if method.lower() not in item:
        assert response.status_code in (200, 404, 405, 431), f"{method} {path}: {response.status_code}"
        return
    declared = item[method.lower()]["responses"]
    assert str(response.status_code) in declared, f"{method} {path} returned {response.status_code}: {response.text}"
    content = declared[str(response.status_code)].get("content")
    if content is None:
        assert not response.content
    elif "application/json" in content:
        validator = _validator(json.dumps(content["application/json"]["schema"]))
        faults = [f"{list(fault.instance_path)}: {fault.message}" for fault in validator.iter_errors(response.json())]
        assert not faults, f"{method} {path}: {faults[:3]}"


@contextmanager
def speaking_to(world: World, key: str | None = "") -> Iterator[Http]:
    """`key` None: without one; by default the world's own."""
    with httpx2.Client(timeout=30, trust_env=False, verify=False) as client:
        yield Http(client, world.url.removesuffix("/v1"), world.api_key if key == "" else key)


def printed_at_start(*options: str) -> str:
    """What `mockserver serve` says before it serves."""
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            return "".join(iter(process.stdout.readline, "Ctrl-C stops it.\n"))
        finally:
            process.terminate()
            process.communicate()


def refused(response: httpx2.Response, status: int, *words: str) -> str:
    """Checks a refusal in the API's shape of errors, and that its sentence has these words."""
    assert response.status_code == status, response.text
    body = response.json()
    assert list(body) == ["error"]
    for word in words:
        assert word in body["error"], body["error"]
    return str(body["error"])

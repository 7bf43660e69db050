"""The HTTP side: requests are read and checked by openapi.json, as far as it says something about them."""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from tests.standin.hooks import Hooks
from tests.standin.operations import NotFound, Operations, Refused
from tests.standin.state import State

Row = dict[str, Any]
SPEC = json.loads((Path(__file__).parents[2] / "openapi.json").read_text("utf-8"))
KEY = "stand.in"
BASE = "/v1"
METHODS = ("get", "post", "put", "patch", "delete")


class Operation:
    """One of the spec's operations, and the checks that it needs."""

    def __init__(self, path: str, method: str, raw: Row, shared: list[Row]) -> None:
        self.id, self.method, self.raw = raw["operationId"], method.upper(), raw
        self.segments = path.strip("/").split("/")
        rows = [row for row in [*shared, *raw.get("parameters", [])] if "$ref" not in row]
        self.query = {row["name"]: row for row in rows if row["in"] == "query"}
        self.success = next(int(status) for status in raw["responses"] if status.startswith("2"))
        content = raw.get("requestBody", {}).get("content", {}).get("application/json")
        self.body = checker(content["schema"]) if content else None
        self.checks = {name: checker(row["schema"]) for name, row in self.query.items()}

    def status(self, refused: Refused) -> int:
        """The first that the spec declares for it."""
        wanted = (404, 400, 422) if isinstance(refused, NotFound) else (400, 422, 404)
        return next(status for status in wanted if str(status) in self.raw["responses"])

    def names(self, segments: list[str]) -> Row | None:
        """What the path names, if it is this operation's."""
        if len(segments) != len(self.segments):
            return None
        found: Row = {}
        for here, there in zip(segments, self.segments, strict=True):
            if there.startswith("{"):
                found[there[1:-1]] = unquote(here, errors="strict")
            elif here != there:
                return None
        return found

    def arguments(self, query: str) -> Row:
        """The query's parameters with the types in the spec."""
        given: dict[str, list[str]] = {}
        for name, value in parse_qsl(query, keep_blank_values=True):
            given.setdefault(name, []).append(value)
        missing = [name for name, row in self.query.items() if row.get("required") and name not in given]
        if missing:
            raise Refused(f"the parameter {missing[0]} is missing")
        found = {name: typed(row["schema"], given[name]) for name, row in self.query.items() if name in given}
        for name, value in found.items():
            if not self.checks[name].is_valid(value):
                raise Refused(f"the parameter {name} cannot be {value!r}")
        return found


def checker(schema: Row) -> jsonschema_rs.Draft202012Validator:
    whole = {**schema, "components": SPEC["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def typed(schema: Row, values: list[str]) -> Any:
    if schema["type"] == "array":
        return values
    value = values[-1]
    if schema["type"] == "integer" and re.fullmatch(r"[+-]?\d{1,18}", value, re.ASCII):
        return int(value)
    if schema["type"] == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def operations() -> list[Operation]:
    return [
        Operation(path, method, item[method], item.get("parameters", []))
        for path, item in SPEC["paths"].items()
        for method in METHODS
        if method in item
    ]


def constant(name: str) -> Any:
    raise Refused(f"{name} is no JSON")


def read(content: bytes) -> Any:
    """JSON as it is defined, which knows no NaN."""
    try:
        text = content.decode("utf-8")
        found = json.loads(text, parse_constant=constant)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise Refused("the body cannot be read") from error
    return found


class Handler(BaseHTTPRequestHandler):
    """One request after the other: all share a lock."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    operations = operations()
    lock: Lock
    doing: Operations
    hooks: Hooks

    def respond(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("X-API-KEY") != KEY:
            return self.send(401, {"error": "who are you?"})
        url = urlsplit(self.path)
        if not url.path.startswith(BASE + "/"):
            return self.send(404, {"error": "wrong address"})
        segments = url.path.removeprefix(BASE).strip("/").split("/")
        try:
            found = [(one, names) for one in self.operations if (names := one.names(segments)) is not None]
        except UnicodeDecodeError:
            return self.send(404, {"error": "an address is UTF-8"})
        if not found:
            return self.send(404, {"error": "wrong address"})
        # A fixed segment goes before a name: /streaks/rankings.
        best = max(sum(a == b for a, b in zip(one.segments, segments, strict=True)) for one, _ in found)
        mine = [row for row in found if sum(a == b for a, b in zip(row[0].segments, segments, strict=True)) == best]
        called = next((row for row in mine if row[0].method == self.command), None)
        if called is None:
            return self.send(405, {"error": "not in this way"}, Allow=",".join(row[0].method for row in mine))
        return self.carry_out(*called, url.query, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = respond

    def carry_out(self, operation: Operation, names: Row, query: str, content: bytes) -> None:
        try:
            arguments = names | operation.arguments(query) | self.body(operation, content)
            with self.lock:
                result = getattr(self.doing, operation.id)(**arguments)
                while self.doing.followed:
                    self.hooks.send(*self.doing.followed.pop(0))
        except Refused as refused:
            self.send(operation.status(refused), {"code": operation.id, "error": f"Sorry: {refused}"})
        else:
            self.send(operation.success, result)

    def body(self, operation: Operation, content: bytes) -> Row:
        if operation.body is None:
            return {}
        media = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        if media != "application/json":
            raise Refused("the body must be JSON")
        found = read(content)
        try:
            error = next(operation.body.iter_errors(found), None)
        except ValueError as deep:
            raise Refused("the body is nested too deep") from deep
        if error is not None:
            raise Refused(f"the body is not as it should be: {error.message[:80]}")
        more = {}
        if operation.id == "metrics_event" and "Idempotency-Key" in self.headers:
            more["idempotency_key"] = self.headers["Idempotency-Key"]
        return {"body": found, **more}

    def send(self, status: int, result: Any, **headers: str) -> None:
        content = json.dumps(result, ensure_ascii=False, separators=(", ", " : ")).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json;charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


class StandIn(ThreadingHTTPServer):
    """The stand-in on a free port."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, *, frequency: str = "daily", webhooks: str | None = None, port: int = 0) -> None:
        state = State(frequency)
        own = {"lock": Lock(), "doing": Operations(state), "hooks": Hooks(state, webhooks)}
        super().__init__(("127.0.0.1", port), type("Own", (Handler,), own))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{BASE}"

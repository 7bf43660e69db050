"""`make hostile`: seeded harmful requests to all operations and all calls of the control plane.

Every request must get a response with a declared status and shape, never a 5xx, and a request that is refused must
leave the state as it was.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import re
import sys
import time
from collections import Counter
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import orjson
from rich.progress import track

from benchmarks.tables import console, show
from mockserver.control.described import CALLS
from mockserver.control.openapi import openapi
from mockserver.control.table import ROWS
from mockserver.spec import load
from mockserver.testing import MockServer

# What a refused request must not change: a digest of it is compared before and after each one.
STATE = ("/users?limit=1000", "/facts?limit=10", "/clock", "/catalog", "/webhooks", "/faults", "/snapshots", "/worlds")
RUNNING = re.compile(rb'"now":"[^"]*","frozen":false')  # the time of a world that nobody reads
# A message must not move a terminal's cursor or reverse the line when it is printed.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ENDLESS = "/_mock/stream"  # its response does not end
SLOW = {
    "/_mock/worlds",
    "/_mock/clock/advance",
    "/_mock/clock",
}  # rarely: they take long

WORDS = [
    "ada",
    "user-1",
    "words-written",
    "xp",
    "",
    "x" * 256,
    "\0",
    "a/b",
    "..",
    "\x1b[31m\x7f",
    "%",
    "\u202e",
    "null",
    "💥",
    "-1",
    "1e999",
]
VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1e308,
    10**400 % 10**18,
    0.1234567,
    "",
    "x" * 2000,
    "\x1b[2J",
    "\x1b]0;x\x07\x9b31m\u202e",
    [],
    {},
    [[]],
    [1] * 1500,
]
FIELDS = [
    "\x1b[2J\x9b\u202e",
    "id",
    "user",
    "value",
    "name",
    "tz",
    "email",
    "deviceTokens",
    "attributes",
    "url",
    "secret",
    "type",
    "userId",
]
FIELDS += ["catalog", "users", "seed", "now", "frozen", "days", "to", "duplicate", "errors", "latency", "notifications"]
CATALOGS = [b"a=" + b"[" * 5000, b"a = " + b"9" * 5000, b".".join([b"a"] * 8000) + b" = 1", b"name = 0x" + b"f" * 9000]
CATALOGS += [
    b'name = "x"\n[metrics.a]\n',
    b"\xff\xfe",
    b"a = 1e99999999999999999999",
    b"[" * 300,
    b'"""' + b"x" * 300_000,
]


def declared() -> list[tuple[str, str, set[int]]]:
    """Method, path with its variables, and the declared statuses."""
    found = []
    for spec, prefix in ((load().raw, "/v1"), (openapi(ROWS, CALLS), "")):
        for path, item in spec["paths"].items():
            for method, operation in item.items():
                if method in ("get", "post", "put", "patch", "delete") and path != ENDLESS:
                    found.append((method.upper(), prefix + path, {int(status) for status in operation["responses"]}))
    return found


class Request(NamedTuple):
    """`allowed`: the statuses that are declared."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    allowed: set[int]


class Harm:
    """Random requests, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.calls = declared()

    def request(self) -> Request:
        rng = self.rng
        method, path, statuses = rng.choice(self.calls)
        if path in SLOW and rng.random() < 0.95:
            return self.request()
        parts = [quote(rng.choice(WORDS), safe="") if part[:1] == "{" else part for part in path.split("/")]
        query = "&".join(
            f"{quote(rng.choice([*FIELDS, 'limit', 'userIds']))}={quote(rng.choice(WORDS))}"
            for _ in range(rng.choice((0, 0, 1, 2)))
        )
        headers = {"Content-Type": rng.choice(("application/json",) * 5 + ("application/toml", "text/plain", ""))}
        target = "/".join(parts) + (f"?{query}" if query else "")
        return Request(method, target, headers, self.body(method, path), statuses)

    def body(self, method: str, path: str) -> bytes:
        rng = self.rng
        if method in ("GET", "DELETE"):
            return b""
        kind = rng.random()
        if kind < 0.1 or (path.startswith("/_mock/catalog") and kind < 0.7):
            return rng.choice(CATALOGS)
        if kind < 0.2:
            return rng.randbytes(rng.randrange(200))
        return orjson.dumps(self.value(3), option=orjson.OPT_NON_STR_KEYS)[: rng.choice((None, None, None, 20))]

    def value(self, depth: int) -> Any:
        rng = self.rng
        if depth == 0 or (depth < 3 and rng.random() < 0.5):
            return rng.choice(VALUES + WORDS)
        return {rng.choice(FIELDS): self.value(depth - 1) for _ in range(rng.randrange(4))}


class Client:
    """One connection to a world, and a digest of that world's state."""

    def __init__(self, server: MockServer) -> None:
        where = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
        self._key = {"X-API-KEY": server.api_key}
        self._digest = ""  # empty: something may have changed since the last one

    def send_request(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 when there is no response."""
        try:
            self._connection.request(method, path, body, headers | self._key)
            response = self._connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return 0, repr(error).encode()

    def digest(self) -> str:
        """Taken while the clock is frozen: a running clock is frozen first, because the state changes as it runs. The
        clocks of other worlds may run."""
        if not orjson.loads(self.send_request("GET", "/_mock/clock", {}, b"")[1])["frozen"]:
            self.send_request("PUT", "/_mock/clock", {"Content-Type": "application/json"}, b'{"frozen": true}')
        parts = (self.send_request("GET", f"/_mock{path}", {}, b"")[1] for path in STATE)
        return hashlib.sha256(RUNNING.sub(b"", b"".join(parts))).hexdigest()

    def try_out(self, request: Request) -> tuple[int, bytes, str]:
        """Status, body and what is wrong with them."""
        self._digest = before = self._digest or self.digest()
        status, body = self.send_request(request.method, request.path, request.headers, request.body)
        problem = fault(status, body, request.allowed)
        if status < 400:
            self._digest = ""
        elif (after := self.digest()) != before:
            self._digest = after
            problem = problem or "it was refused, and changed the state"
        return status, body, problem

    def close(self) -> None:
        self._connection.close()


def hostile(count: int, seed: int = 1) -> int:
    """Sends `count` requests and prints each wrong response. Returns how many were wrong."""
    harm, wrong, statuses, began = Harm(seed), 0, Counter[int](), time.perf_counter()
    with MockServer(users=20, history_days=5, frozen=True) as server:
        client = Client(server)
        for number in track(range(count), "harmful requests", console=console):
            request = harm.request()
            status, body, problem = client.try_out(request)
            statuses[status] += 1
            if problem:
                wrong += 1
                shown = f"{request.method} {request.path[:200]} {request.body[:200]!r}: {status} {body[:200]!r}"
                console.print(f"✗ {number}: {shown}: {problem}", markup=False, soft_wrap=True)
        client.close()
    refused = sum(number for status, number in statuses.items() if status >= 400)
    rows = [("requests", count), ("refused, and the state compared", refused), ("wrong", wrong)]
    rows += [("seconds", round(time.perf_counter() - began))]
    show(
        f"hostile requests, seed {seed}",
        ("what", "figure"),
        [*rows, *((f"status {status}", number) for status, number in sorted(statuses.items()))],
    )
    return wrong


def fault(status: int, body: bytes, allowed: set[int]) -> str:
    """What is wrong with a response; empty when nothing is."""
    if status == 0:
        return "there was no response"
    if status >= 500:
        return "that is a defect"
    if status not in allowed | {401, 404, 405}:
        return f"only {sorted(allowed)} are declared"
    if status >= 400:
        try:
            shape = orjson.loads(body)
        except orjson.JSONDecodeError:
            return "the error is not JSON"
        if not isinstance(shape, dict) or list(shape) != ["error"] or not isinstance(shape["error"], str):
            return "the error has a shape of its own"
        if CONTROLS.search(shape["error"]):
            return "the sentence holds control characters"
    return ""


if __name__ == "__main__":
    sys.exit(
        1 if hostile(int(sys.argv[1]) if sys.argv[1:] else 100_000, int(sys.argv[2]) if sys.argv[2:] else 1) else 0
    )

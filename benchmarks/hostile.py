"""`make hostile`: seeded requests that mean harm, to all operations and all calls of the control plane.

None may be answered 5xx, with a status that is not declared or in a shape of its own, none may stay unanswered, and one
that is refused leaves the state as it was.
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

# What no request that is refused may change: a digest of it is compared around every one.
STATE = ("/users?limit=1000", "/facts?limit=10", "/clock", "/catalog", "/webhooks", "/faults", "/snapshots", "/worlds")
RUNNING = re.compile(rb'"now":"[^"]*","frozen":false')  # the time of a world that nobody looks into
# Whoever prints a sentence must not have a terminal's cursor moved, or the line turned around.
CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ENDLESS = "/_mock/stream"  # its answer does not end
SLOW = {"/_mock/worlds", "/_mock/clock/advance", "/_mock/clock"}  # seldom: people live and centuries pass in them

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
    """Method, path with its variables, and the statuses that may come."""
    found = []
    for document, prefix in ((load().raw, "/v1"), (openapi(ROWS, CALLS), "")):
        for path, item in document["paths"].items():
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
    """Requests by chance, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.calls = declared()

    def request(self) -> Request:
        dice = self.dice
        method, path, statuses = dice.choice(self.calls)
        if path in SLOW and dice.random() < 0.95:
            return self.request()
        parts = [quote(dice.choice(WORDS), safe="") if part[:1] == "{" else part for part in path.split("/")]
        query = "&".join(
            f"{quote(dice.choice([*FIELDS, 'limit', 'userIds']))}={quote(dice.choice(WORDS))}"
            for _ in range(dice.choice((0, 0, 1, 2)))
        )
        headers = {"Content-Type": dice.choice(("application/json",) * 5 + ("application/toml", "text/plain", ""))}
        target = "/".join(parts) + (f"?{query}" if query else "")
        return Request(method, target, headers, self.body(method, path), statuses)

    def body(self, method: str, path: str) -> bytes:
        dice = self.dice
        if method in ("GET", "DELETE"):
            return b""
        kind = dice.random()
        if kind < 0.1 or (path.startswith("/_mock/catalog") and kind < 0.7):
            return dice.choice(CATALOGS)
        if kind < 0.2:
            return dice.randbytes(dice.randrange(200))
        return orjson.dumps(self.value(3), option=orjson.OPT_NON_STR_KEYS)[: dice.choice((None, None, None, 20))]

    def value(self, depth: int) -> Any:
        dice = self.dice
        if depth == 0 or (depth < 3 and dice.random() < 0.5):
            return dice.choice(VALUES + WORDS)
        return {dice.choice(FIELDS): self.value(depth - 1) for _ in range(dice.randrange(4))}


class Client:
    """One connection to a world, and a digest of that world's state."""

    def __init__(self, server: MockServer) -> None:
        where = urlsplit(server.url)
        self._connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=60)
        self._key = {"X-API-KEY": server.api_key}
        self._digest = ""  # empty: something may have changed since the last one

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Status and body; status 0 when there is no answer."""
        try:
            self._connection.request(method, path, body, headers | self._key)
            answer = self._connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as trouble:
            self._connection.close()
            return 0, repr(trouble).encode()

    def digest(self) -> str:
        """While the clock stands still: one that was let go is stopped first, since states change as it runs. Those of
        other worlds may run on."""
        if not orjson.loads(self.ask("GET", "/_mock/clock", {}, b"")[1])["frozen"]:
            self.ask("PUT", "/_mock/clock", {"Content-Type": "application/json"}, b'{"frozen": true}')
        parts = (self.ask("GET", f"/_mock{path}", {}, b"")[1] for path in STATE)
        return hashlib.sha256(RUNNING.sub(b"", b"".join(parts))).hexdigest()

    def try_out(self, request: Request) -> tuple[int, bytes, str]:
        """Status, body and what is wrong with them."""
        self._digest = before = self._digest or self.digest()
        status, answer = self.ask(request.method, request.path, request.headers, request.body)
        problem = fault(status, answer, request.allowed)
        if status < 400:
            self._digest = ""
        elif (after := self.digest()) != before:
            self._digest = after
            problem = problem or "it was refused, and changed the state"
        return status, answer, problem

    def close(self) -> None:
        self._connection.close()


def hostile(count: int, seed: int = 1) -> int:
    """Sends so many; the number of wrong answers, each of which is told."""
    harm, wrong, statuses, began = Harm(seed), 0, Counter[int](), time.perf_counter()
    with MockServer(users=20, history_days=5, frozen=True) as server:
        client = Client(server)
        for number in track(range(count), "requests that mean harm", console=console):
            request = harm.request()
            status, answer, problem = client.try_out(request)
            statuses[status] += 1
            if problem:
                wrong += 1
                told = f"{request.method} {request.path[:200]} {request.body[:200]!r}: {status} {answer[:200]!r}"
                console.print(f"✗ {number}: {told}: {problem}", markup=False, soft_wrap=True)
        client.close()
    refused = sum(number for status, number in statuses.items() if status >= 400)
    rows = [("requests", count), ("refused, and the state compared", refused), ("wrong", wrong)]
    rows += [("seconds", round(time.perf_counter() - began))]
    show(
        f"hostile requests, seed {seed}",
        ("what", "figure"),
        [*rows, *((f"answered {status}", number) for status, number in sorted(statuses.items()))],
    )
    return wrong


def fault(status: int, answer: bytes, allowed: set[int]) -> str:
    """What is wrong with an answer; empty when nothing is."""
    if status == 0:
        return "there was no answer"
    if status >= 500:
        return "that is a defect"
    if status not in allowed | {401, 404, 405}:
        return f"only {sorted(allowed)} are declared"
    if status >= 400:
        try:
            shape = orjson.loads(answer)
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

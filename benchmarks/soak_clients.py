"""The clients of the soak: connections at full speed that mix operations, connect anew, and sometimes close before the
response.

Every event has an idempotency key. After closing before the response a client sends the same event again until it gets
a response, as a careful application does, so each event counts exactly once.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from benchmarks.processes import HOST, KEY

USERS = 500
METRICS = {"words-written": 800, "chapters-finished": 2, "minutes-focused": 220}
HANGS_UP = 0.005  # of all requests
CONNECTS_ANEW = 0.01  # after this share of all responses
REGIONS = ("us-east", "eu-west", "ap-south")


class Request(NamedTuple):
    """`event`: user, metric and value, when it is one; `key`: its idempotency key."""

    method: str
    path: str
    body: str = ""
    event: tuple[str, str, int] | None = None
    key: str = ""

    def raw(self) -> bytes:
        lines = [f"{self.method} /v1{self.path} HTTP/1.1", f"Host: {HOST}", f"X-API-KEY: {KEY}"]
        if self.key:
            lines.append(f"Idempotency-Key: {self.key}")
        if self.body:
            lines += ["Content-Type: application/json", f"Content-Length: {len(self.body)}"]
        return "\r\n".join([*lines, "", self.body]).encode()


@dataclass
class Tally:
    """What the clients saw. `totals`: what each user's metrics must add up to."""

    totals: Counter[tuple[str, str]] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    events: int = 0
    hung_up: int = 0
    replays: int = 0
    connecting: list[float] = field(default_factory=list)  # seconds from connecting to the first response
    problems: list[str] = field(default_factory=list)

    def note(self, request: Request, status: int, body: bytes) -> None:
        self.statuses[status] += 1
        if status not in (200, 201):
            self.problem(f"{request.method} {request.path} returned {status}: {body[:200]!r}")
        elif request.event is not None:
            user, metric, value = request.event
            self.totals[user, metric] += value
            self.events += 1
            self.replays += b'"idempotentReplayed":true' in body

    def problem(self, text: str) -> None:
        if len(self.problems) < 20:
            self.problems.append(text)


MakeRequest = Callable[[random.Random, str], Request]


def requests(number: int) -> Iterator[Request]:
    """The endless requests of one client; half of them are events."""
    rng, count = random.Random(number), 0
    while True:
        count += 1
        user = f"soak-{rng.randrange(USERS)}"
        if rng.random() < 0.5:
            yield _event(rng, user, f"{number}-{count}")
        else:
            yield rng.choice(OTHERS)(rng, user)


def _event(rng: random.Random, user: str, key: str) -> Request:
    metric = rng.choice(list(METRICS))
    value = rng.randint(1, METRICS[metric])
    body = f'{{"user":{{"id":"{user}"}},"value":{value}}}'
    return Request("POST", f"/metrics/{metric}/event", body, (user, metric, value), key)


def _get(path: str) -> MakeRequest:
    return lambda rng, user: Request("GET", path.replace("USER", user))


OTHERS: tuple[MakeRequest, ...] = (
    *(
        _get(path)
        for path in (
            "/users/USER",
            "/users/USER/streak",
            "/users/USER/metrics",
            "/users/USER/metrics/words-written",
            "/users/USER/achievements?includeIncomplete=true",
            "/users/USER/points/xp?awards=10",
            "/users/USER/leaderboards/all-time?numEvents=10",
            "/users/USER/preferences",
            "/users/USER/points/energy/boosts",
            "/leaderboards/weekly-words",
            "/leaderboards",
            "/achievements",
            "/streaks?userIds=USER",
            "/streaks/rankings",
            "/points/xp/summary",
            "/points/xp/level-summary",
        )
    ),
    lambda rng, user: Request("PATCH", f"/users/{user}", f'{{"name":"Name {rng.randrange(1000)}"}}'),
    lambda rng, user: Request(
        "PUT", f"/users/{user}", f'{{"attributes":{{"region":"{rng.choice(REGIONS)}"}},"tz":"Asia/Tokyo"}}'
    ),
    lambda rng, user: Request("POST", "/achievements/share-a-story/complete", f'{{"user":{{"id":"{user}"}}}}'),
)


class Connection:
    """A connection that is made when it is needed."""

    def __init__(self, port: int, tally: Tally) -> None:
        self._port, self._tally = port, tally
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._since: float | None = None  # when it was opened, until its first response is there

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is None:
            self._since = asyncio.get_running_loop().time()
            self._connection = await asyncio.open_connection(HOST, self._port)
        return self._connection

    async def send_request(self, request: Request, raw: bytes) -> bool:
        """Sends a request. Returns whether there was a response."""
        reader, writer = await self._connect()
        try:
            writer.write(raw)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
        except (OSError, EOFError) as error:
            self._tally.problem(f"{request.method} {request.path}: the connection broke: {error!r}")
            self._connection = None
            return False
        self._tally.note(request, int(head[9:12]), body)
        if self._since is not None:
            self._tally.connecting.append(asyncio.get_running_loop().time() - self._since)
            self._since = None
        return True

    async def hang_up(self, raw: bytes, rng: random.Random) -> None:
        """Closes before the request, after a part of it, or after all of it but before the response."""
        _, writer = await self._connect()
        writer.write(raw[: rng.choice((0, rng.randrange(len(raw)), len(raw)))])
        with suppress(OSError):
            await writer.drain()
        writer.transport.abort() if rng.random() < 0.5 else writer.close()
        self._connection, self._tally.hung_up = None, self._tally.hung_up + 1

    def close(self) -> None:
        if self._connection is not None:
            self._connection[1].close()
            self._connection = None


async def client(number: int, port: int, until: float, tally: Tally) -> None:
    """Sends one request after the other until the loop's clock says `until`; an event that was begun is completed."""
    rng, loop, line = random.Random(-number - 1), asyncio.get_running_loop(), Connection(port, tally)
    for request in requests(number):
        if loop.time() >= until:
            break
        raw, accepted = request.raw(), False
        while not accepted:
            if rng.random() < HANGS_UP:
                await line.hang_up(raw, rng)
                accepted = request.event is None
            else:
                accepted = await line.send_request(request, raw)
        if rng.random() < CONNECTS_ANEW:
            line.close()
    line.close()

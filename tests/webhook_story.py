"""Scenarios against a real server over HTTP, with a real receiver of its webhooks and a frozen clock."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx2
import uvicorn
from receiver import Received, Receiver
from sdk_payloads import parse

from mockserver import catalogs, spec
from mockserver.app import create_app
from mockserver.exchange import Call, Response
from mockserver.game.catalog import Catalog
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Plan, Worlds

START = datetime(2025, 4, 2, 12, tzinfo=UTC)
SECRET = "whsec_of_the_story"
SPEC = spec.load()
JSON = Any


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def demo(day: date) -> Catalog:
    return catalogs.load(spec.resource("fixtures/catalog.toml"), today=day)


def written(text: str) -> Callable[[date], Catalog]:
    """A catalog written in the test."""
    return lambda day: catalogs.parse(text, today=day, name="story.toml")


class Scenario:
    """What a scenario can do: send requests, move the clock, and read webhooks."""

    def __init__(self, home: Organisation, hooks: Webhooks, receiver: Receiver, client: httpx2.AsyncClient) -> None:
        self.home, self.hooks, self.receiver, self.client = home, hooks, receiver, client
        self._read = 0

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.home.clock.now() / 1000, UTC)

    async def call(self, method: str, path: str, body: JSON = None, **headers: str) -> JSON:
        response = await self.client.request(method, path, json=body, headers={"X-API-KEY": self.home.key, **headers})
        assert response.is_success, response.text
        return response.json()

    async def get(self, path: str) -> JSON:
        return await self.call("GET", path)

    async def event(self, user: str, value: float, metric: str = "words-written", **more: Any) -> JSON:
        """`more`: the user's fields; event attributes as `source` and `category`."""
        attributes = {key: more.pop(key) for key in ("source", "category") if key in more}
        body = {"user": {"id": user, **more}, "value": value, "attributes": attributes}
        return await self.call("POST", f"/metrics/{metric}/event", body)

    async def at(self, moment: datetime) -> None:
        """Moves the clock as the control plane does."""
        self.home.clock.set(milliseconds(moment), frozen=True)
        self.home.catch_up(milliseconds(moment))
        self.hooks.flush()
        self.hooks.clock_moved()

    async def later(self, **by: float) -> None:
        await self.at(self.now + timedelta(**by))

    async def webhooks(self, *kinds: str, user: str | None = None) -> list[JSON]:
        """The webhooks that arrived since the last call: of these types (all, when none) about this user.

        Each is checked: signature, schema, timestamp, and that the vendor's client library can read it.
        """
        await self.hooks.idle()
        fresh = self.receiver.received[self._read :]
        self._read = len(self.receiver.received)
        bodies = [judged(one) for one in fresh]
        return [
            body
            for body in bodies
            if (not kinds or body["type"] in kinds) and user in (None, body.get("user", {}).get("id"))
        ]

    async def only(self, kind: str, user: str | None = None) -> JSON:
        (body,) = await self.webhooks(kind, user=user)
        return body


def judged(hook: Received) -> JSON:
    """The body, after all checks."""
    expected = hmac.new(SECRET.encode(), hook.body, hashlib.sha256).digest()
    assert hook.signature == base64.b64encode(expected).decode()
    assert hook.content_type == "application/json"
    body = json.loads(hook.body)
    assert SPEC.webhooks[body["type"]].check(body) is None
    assert iso(datetime.fromisoformat(body["timestamp"])) == body["timestamp"]
    assert parse(body).type == body["type"]
    return body


def same(body: Any, response: Any) -> bool:
    """Whether the body's fields equal those of the response."""
    return {key: response[key] for key in body} == body


def run_story(
    story: Callable[[Scenario], Awaitable[None]],
    catalog: Callable[[date], Catalog] = demo,
    start: datetime = START,
    **timing: Any,
) -> None:
    """Runs a scenario in a world that begins at `start` without users; its webhooks come one after the other."""
    worlds = Worlds(Plan(catalog, now=milliseconds(start), frozen=True))
    (home,) = worlds

    async def run() -> None:
        with Receiver().running() as receiver:
            hooks = Webhooks(home, Timing(**{"concurrency": 1, **timing}))
            hooks.add_endpoint(receiver.url, SECRET)
            async with serving(worlds, lambda call, response: hooks.flush()) as client:
                await story(Scenario(home, hooks, receiver, client))
            receiver.go_on.set()
            await hooks.close()

    asyncio.run(run())


class serving:
    """A real server with these worlds, in this event loop; gives a client of it."""

    def __init__(self, worlds: Worlds, after: Callable[[Call, Response], None]) -> None:
        app = create_app(worlds, SPEC, after=after)
        self._server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning"))

    async def __aenter__(self) -> httpx2.AsyncClient:
        self._running = asyncio.create_task(self._server.serve())
        while not self._server.started:
            await asyncio.sleep(0.001)
        port = self._server.servers[0].sockets[0].getsockname()[1]
        self._client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}/v1", trust_env=False, timeout=30)
        return self._client

    async def __aexit__(self, *error: object) -> None:
        await self._client.aclose()
        self._server.should_exit = True
        await self._running

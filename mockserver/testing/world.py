"""A world for a test: the calls of the control plane as methods. Times are ISO 8601 text or datetimes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, unquote, urlencode

import orjson

from mockserver.control.plane import TOKEN
from mockserver.serve.banner import admin_url
from mockserver.testing.app_thread import AppThread
from mockserver.testing.bridge import scope_of
from mockserver.testing.options import AnyCatalog, catalog_to_send, check_amounts, finite
from mockserver.testing.rows import Rows, kept
from mockserver.webhooks.outbox import KEPT

JSON = dict[str, Any]
Time = str | datetime
PAGE = 1000  # facts that the control plane gives at once


class ControlError(Exception):
    """The control plane refused a call; the message says why, `status` is that of its response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class World:
    """One world. `url` is the base URL of the API, /v1 included; `tenant` whom calls are about where there are tenants.

    `token` is sent with every call of the control plane.
    """

    def __init__(
        self,
        app_thread: Callable[[], AppThread],
        url: str,
        api_key: str,
        tenant: str | None = None,
        token: str | None = None,
    ) -> None:
        self._app_thread = app_thread
        self._url = url
        self._token = token
        self.api_key = api_key
        self.tenant = tenant

    @property
    def url(self) -> str:
        return self._url

    @property
    def admin_url(self) -> str:
        """The base URL for the admin half of the official clients."""
        return admin_url(self.url)

    # Time

    @property
    def now(self) -> datetime:
        """What the world's clock shows, in UTC."""
        return datetime.fromisoformat(self.control("GET", "/clock")["now"])

    def advance(
        self,
        *,
        days: float = 0,
        hours: float = 0,
        minutes: float = 0,
        seconds: float = 0,
        to: Time | None = None,
        wait: bool = False,
    ) -> JSON:
        """Lets so much time pass, or all until `to`; `wait`: and all webhooks that are due be delivered.

        Returns the new time with the `counts` and the first of the `facts` of what happened.
        """
        amounts = {"days": days, "hours": hours, "minutes": minutes, "seconds": seconds}
        check_amounts(amounts)
        given: JSON = {name: amount for name, amount in amounts.items() if amount}
        if to is not None:
            given["to"] = _iso(to)
        return self._request("POST", "/clock/advance", (given or {"seconds": 0}) | {"wait": wait})

    def set_clock(self, now: Time | None = None, *, frozen: bool | None = None) -> JSON:
        """Sets the clock forward, and stops it or lets it go; returns what `advance` does."""
        return self._request("PUT", "/clock", {"now": None if now is None else _iso(now), "frozen": frozen})

    def freeze(self, now: Time | None = None) -> JSON:
        """Stops the clock, here or at a later moment."""
        return self.set_clock(now, frozen=True)

    def unfreeze(self) -> JSON:
        """Lets the clock run on from where it stands."""
        return self.set_clock(frozen=False)

    # State

    def reset(self) -> JSON:
        """Back to the seed; requests and webhooks so far are forgotten, faults are as at start."""
        return self._request("POST", "/reset")

    def snapshot(self) -> str:
        """Keeps the state of the world; returns what `restore` takes."""
        return str(self._request("POST", "/snapshots")["id"])

    def restore(self, snapshot: str) -> JSON:
        """Everything as it was when the snapshot was taken, the clock included."""
        return self._request("POST", f"/snapshots/{quote(snapshot, safe='')}/restore")

    def catalog(self) -> JSON:
        """The catalog in force."""
        return self._request("GET", "/catalog")

    def set_catalog(self, catalog: AnyCatalog) -> JSON:
        """Puts another catalog into force; users keep what they have."""
        return self._request("PUT", "/catalog", catalog_to_send(catalog))

    # Insight

    def webhooks(self, *, type: str | None = None, user: str | None = None) -> Rows:
        """The bodies of the webhooks that the world has produced, oldest first, whether or not anybody listens."""
        response = self._request("GET", "/webhooks/events", query={"type": type, "userId": user, "limit": KEPT})
        return kept("webhooks", (row["body"] for row in response["events"]), response["letGo"])

    def deliveries(self, *, type: str | None = None, user: str | None = None, state: str | None = None) -> Rows:
        """What was sent to endpoints and what came of it, oldest first."""
        query = {"type": type, "userId": user, "state": state, "limit": KEPT}
        response = self._request("GET", "/webhooks/deliveries", query=query)
        return kept("deliveries", response["deliveries"], response["letGo"])

    def add_webhook(
        self, url: str, *, secret: str | None = None, events: list[str] | None = None, concurrency: int | None = None
    ) -> JSON:
        """Adds an endpoint for the world's webhooks; returns its `id` and `secret`. `concurrency`: how many
        deliveries at once, of different users; 1: strictly one after the other."""
        body = {"url": url, "secret": secret, "events": events, "concurrency": concurrency}
        return self._request("POST", "/webhooks", {name: value for name, value in body.items() if value is not None})

    def requests(self, *, operation: str | None = None, user: str | None = None, status: int | None = None) -> Rows:
        """The world's requests, newest first."""
        query = {"operationId": operation, "userId": user, "status": status}
        response = self._request("GET", "/requests", query=query)
        return kept("requests", response["requests"], response["letGo"])

    def facts(
        self,
        *,
        kind: str | None = None,
        user: str | None = None,
        since: Time | None = None,
        until: Time | None = None,
        limit: int | None = None,
    ) -> Rows:
        """What happened, newest first: all of it, or the newest `limit`."""
        times = {"from": None if since is None else _iso(since), "to": None if until is None else _iso(until)}
        query = {"kind": kind, "userId": user, **times}
        found, before = Rows(), None
        while True:
            left = PAGE if limit is None else limit - len(found)
            # A limit of 0 goes to the server, which says what it may be.
            page = self._request("GET", "/facts", query={**query, "limit": min(left, PAGE), "before": before})
            found += page["facts"]
            before = page["next"]
            if before is None or len(found) == limit:
                return found

    def why(
        self,
        user: str,
        *,
        points: str | None = None,
        achievement: str | None = None,
        leaderboard: str | None = None,
        streak: bool = False,
    ) -> JSON:
        """Why the user has these points, this achievement, this rank or this streak: name one of them."""
        query = {"points": points, "achievement": achievement, "leaderboard": leaderboard}
        return self._request("GET", "/why", query={"userId": user, **query, "streak": "true" if streak else None})

    # Faults

    def faults(
        self,
        *,
        latency: JSON | None = None,
        errors: JSON | None = None,
        drops: JSON | None = None,
        rate_limits: bool | JSON = False,
        live_statuses: bool | JSON = False,
    ) -> JSON:
        """Switches these on and all others off; without arguments all are off."""
        given = {"latency": latency, "errors": errors, "drops": drops}
        return self._request("PUT", "/faults", {**given, "rateLimits": rate_limits, "liveStatuses": live_statuses})

    # How

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """Any call of `docs/control.md`, with `path` below `/_mock`. Returns its JSON, None where there is none."""
        return self._call(method, path, body, {})

    def _request(self, method: str, path: str, body: Any = None, query: Mapping[str, Any] | None = None) -> JSON:
        response: JSON = self._call(method, path, body, query or {})
        return response

    def _call(self, method: str, path: str, body: Any, query: Mapping[str, Any]) -> Any:
        below, _, given = path.partition("?")
        text = given or urlencode({name: value for name, value in query.items() if value is not None})
        headers = [(b"x-api-key", self.api_key.encode())]
        headers += [(b"tenant-id", self.tenant.encode())] if self.tenant else []
        headers += [(TOKEN.lower().encode(), self._token.encode())] if self._token else []
        raw = f"/_mock{below}".encode()
        scope = scope_of(method, unquote(raw.decode()), raw, text.encode(), headers)
        response = self._app_thread().exchange(scope, b"" if body is None else orjson.dumps(finite(body))).result()
        content: Any = orjson.loads(response.body) if response.body else None
        if response.status >= 400:
            raise ControlError(response.status, content["error"])
        return content

    def __repr__(self) -> str:
        return f"{type(self).__name__}(url={self._url!r}, api_key={self.api_key!r})"


class MadeWorld(World):
    """A world that a server made for a test. As a context it is deleted at the end."""

    def __init__(self, parent: World, api_key: str, running: Callable[[], bool]) -> None:
        """`parent`: the server's first world, which may delete others; `running`: whether the server still serves."""
        super().__init__(parent._app_thread, parent.url, api_key, parent.tenant, parent._token)
        self._parent = parent
        self._running = running

    def delete(self) -> None:
        """The world is gone, and its key opens nothing any more. One that is gone already stays so."""
        if self._running():
            try:
                self._parent.control("DELETE", f"/worlds/{self.api_key}")
            except ControlError as refused:
                if refused.status != 404:
                    raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.delete()


def _iso(time: Time) -> str:
    return time if isinstance(time, str) else time.isoformat()

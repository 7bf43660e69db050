"""The same worlds for async tests: every method of the sync ones, to be awaited, while the test's own loop goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from functools import partial
from types import ModuleType, TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, Self, TypeVar

from starlette.types import ASGIApp

from mockserver.testing.thread import ThreadServer
from mockserver.testing.waiting import in_thread, to_the_end
from mockserver.testing.world import MadeWorld, World

P = ParamSpec("P")
T = TypeVar("T")
W = TypeVar("W", bound=World)


def _awaited(
    method: Callable[Concatenate[Any, P], T],
) -> Callable[Concatenate[AsyncWorld[Any], P], Coroutine[Any, Any, T]]:
    """The method in a thread, so that it blocks nobody."""

    async def call(self: AsyncWorld[Any], /, *args: P.args, **given: P.kwargs) -> T:
        return await in_thread(method, self.sync, *args, **given)

    call.__doc__, call.__name__ = method.__doc__, method.__name__
    return call


class AsyncWorld(Generic[W]):
    """One world; `sync` is the same with methods that block."""

    def __init__(self, sync: W) -> None:
        self.sync = sync

    @property
    def url(self) -> str:
        """The base URL of the API, /v1 included."""
        return self.sync.url

    @property
    def admin_url(self) -> str:
        """The base URL for the admin half of the official clients."""
        return self.sync.admin_url

    @property
    def api_key(self) -> str:
        return self.sync.api_key

    @property
    def tenant(self) -> str | None:
        """Whom calls are about where there are tenants; may be set."""
        return self.sync.tenant

    @tenant.setter
    def tenant(self, tenant: str | None) -> None:
        self.sync.tenant = tenant

    @property
    def now(self) -> Awaitable[datetime]:
        """What the world's clock shows, in UTC: `await world.now`."""
        return in_thread(lambda: self.sync.now)

    advance = _awaited(World.advance)
    set_clock = _awaited(World.set_clock)
    freeze = _awaited(World.freeze)
    unfreeze = _awaited(World.unfreeze)
    reset = _awaited(World.reset)
    snapshot = _awaited(World.snapshot)
    restore = _awaited(World.restore)
    catalog = _awaited(World.catalog)
    set_catalog = _awaited(World.set_catalog)
    webhooks = _awaited(World.webhooks)
    deliveries = _awaited(World.deliveries)
    add_webhook = _awaited(World.add_webhook)
    requests = _awaited(World.requests)
    facts = _awaited(World.facts)
    why = _awaited(World.why)
    faults = _awaited(World.faults)
    control = _awaited(World.control)


class AsyncMadeWorld(AsyncWorld[MadeWorld]):
    """A world that a server made. As an async context it is deleted at the end."""

    async def delete(self) -> None:
        """As `MadeWorld.delete`; runs to its end, also when it is cancelled."""
        await to_the_end(self.sync.delete)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.delete()


class AsyncMockServer(AsyncWorld[ThreadServer]):
    """What `async with MockServer() as server:` gives."""

    async def start(self) -> Self:
        """As `MockServer.start`. When it is cancelled, no server is left."""
        await to_the_end(self.sync.start, undo=ThreadServer.stop)
        return self

    async def stop(self) -> None:
        """As `MockServer.stop`; runs to its end, also when it is cancelled."""
        await to_the_end(self.sync.stop)

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped since."""
        return self.sync.running

    @property
    def control_token(self) -> str | None:
        """What others than this object send as X-Control-Token."""
        return self.sync.control_token

    @property
    def app(self) -> ASGIApp:
        """The server as an ASGI application, for the transports of httpx and httpx2."""
        return self.sync.app

    def transport(self, library: ModuleType) -> Any:
        """For clients of httpx or httpx2, sync and async."""
        return self.sync.transport(library)

    async def world(self, **options: Any) -> AsyncMadeWorld:
        """A fresh world, `options` as in `MockServer.world`. When it is cancelled, no world is left."""
        return AsyncMadeWorld(await to_the_end(partial(self.sync.world, **options), undo=MadeWorld.delete))

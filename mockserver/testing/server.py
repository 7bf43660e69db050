"""A whole server for tests, in a `with` block or in an `async with` block."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from mockserver.testing.aio import AsyncMockServer
from mockserver.testing.thread import ThreadServer


class MockServer(ThreadServer):
    """`with MockServer() as server:` serves until the block ends, and is a `World` itself: its first.

    `catalog`: a file, one of the catalogs that come with the server by name, a text in TOML, or a catalog as data.
    `document`: another version of the spec, a file or as data. `socket` False: no port is opened; see
    `transport` and `app`. `port` 0 takes any free one. All others mean what the options of these names mean to
    `mockserver serve`, but nobody lives here unless `users` says so. ValueError for what makes no sense.
    """

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    async def __aenter__(self) -> AsyncMockServer:
        return await AsyncMockServer(self).start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await AsyncMockServer(self).stop()

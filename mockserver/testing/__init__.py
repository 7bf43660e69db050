"""The fake Trophy inside your tests: a server in a thread, worlds of their own, and a clock that you move.

    with MockServer() as server:
        client = TrophyApi(
            api_key=server.api_key, environment=TrophyApiEnvironment(api=server.url, admin=server.admin_url)
        )
        client.metrics.event("words-written", user=UpsertedUser(id="ada"), value=100)
        server.advance(days=3)
        assert client.users.streak("ada").length == 0

`async with` gives the same with methods to await. `docs/control.md` shows more.
"""

from mockserver.testing.aio import AsyncMadeWorld, AsyncMockServer, AsyncWorld
from mockserver.testing.rows import LetGo, Rows
from mockserver.testing.server import MockServer
from mockserver.testing.world import ControlError, MadeWorld, World

__all__ = [
    "AsyncMadeWorld",
    "AsyncMockServer",
    "AsyncWorld",
    "ControlError",
    "LetGo",
    "MadeWorld",
    "MockServer",
    "Rows",
    "World",
]

"""Webhooks of an organisation in which nothing else happens, on their way to a real receiver."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from receiver import Receiver

from mockserver.game.catalog import Catalog
from mockserver.webhooks.delivery import Timing
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Plan

MINUTE = 60_000
NOON = 1_743_595_200_000  # 2025-04-02T12:00:00Z


def organisation(now: int | None = NOON) -> Organisation:
    """An organisation with nothing in it; its clock stands still, or runs when `now` is None."""
    return Organisation("key", Plan(lambda day: Catalog("Nothing"), now=now, frozen=now is not None))


def listening() -> Iterator[Receiver]:
    """For a fixture."""
    with Receiver().running() as running:
        yield running


def lost(user: str, at: int = NOON, length: int = 3) -> WebhookEvent:
    return WebhookEvent("streak.lost", at, user, lambda: {"user": user, "length": length})


def play(story: Callable[[], Awaitable[Any]]) -> Any:
    """Runs a story in a fresh event loop and demands that nothing is left running after it."""

    async def to_the_end() -> Any:
        result = await story()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(to_the_end())


def hooks_to(receiver: Receiver, home: Organisation, secret: str = "s3cret", **timing: Any) -> Webhooks:
    hooks = Webhooks(home, Timing(**timing))
    hooks.add_endpoint(receiver.url, secret)
    return hooks


def counts(hooks: Webhooks) -> dict[str, int]:
    """How the deliveries to the first endpoint fared."""
    found: dict[str, int] = hooks.list_endpoints()["endpoints"][0]["deliveries"]
    return found

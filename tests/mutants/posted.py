"""Faults of webhooks, planted in the transport that sends them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.mutants.fault import Fault

WEBHOOKS = "webhooks"
HEADER = "x-trophy-signature"


@dataclass
class Post:
    """A webhook on its way; `again` sends it, as often as one likes."""

    body: bytes
    headers: dict[str, str]
    memory: dict[Any, Any]
    url: str = ""

    @property
    def content(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


Send = Callable[[bytes, dict[str, str]], Awaitable[int]]
Sender = Callable[[Post, Send], Awaitable[int]]


def lost(*types: str) -> Sender:
    async def sender(post: Post, send: Send) -> int:
        return 200 if post.content["type"] in types else await send(post.body, post.headers)

    return sender


async def twice(post: Post, send: Send) -> int:
    await send(post.body, post.headers)
    return await send(post.body, post.headers)


async def unsigned(post: Post, send: Send) -> int:
    return await send(post.body, {k: v for k, v in post.headers.items() if k != HEADER})


async def wrong_secret(post: Post, send: Send) -> int:
    digest = base64.b64encode(hmac.digest(b"another", post.body, "sha256")).decode()
    return await send(post.body, post.headers | {HEADER: digest})


async def hexadecimal(post: Post, send: Send) -> int:
    given = base64.b64decode(post.headers[HEADER])
    return await send(post.body, post.headers | {HEADER: given.hex()})


async def plain_hash(post: Post, send: Send) -> int:
    digest = base64.b64encode(hashlib.sha256(post.body).digest()).decode()
    return await send(post.body, post.headers | {HEADER: digest})


async def reformatted(post: Post, send: Send) -> int:
    """Signed, then written anew with other spaces."""
    return await send(json.dumps(post.content, indent=1).encode(), post.headers)


async def reordered(post: Post, send: Send) -> int:
    """The first of a batch waits until another has gone out before it."""
    held = post.memory.pop("held", None)
    if held is None and post.content["type"] == "achievement.completed":
        post.memory["held"] = post
        return 200
    status = await send(post.body, post.headers)
    if held is not None:
        await send(held.body, held.headers)
    return status


async def never_again(post: Post, send: Send) -> int:
    """What fails is not tried again."""
    await send(post.body, post.headers)
    return 200


def rewritten(change: Callable[[dict[str, Any]], None], *types: str) -> Sender:
    """Another body, signed with nobody's secret: the receiver's own is learnt from the endpoint's set-up."""

    async def sender(post: Post, send: Send) -> int:
        content = post.content
        if types and content["type"] not in types:
            return await send(post.body, post.headers)
        change(content)
        body = json.dumps(content).encode()
        digest = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
        return await send(body, post.headers | {HEADER: digest})

    return sender


#: What the suite gives to the endpoints that it sets up, so that a fault can sign what it has changed.
SECRET = "whsec_contract_suite"


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.pop(name, None)


def _more(content: dict[str, Any]) -> None:
    content["points"]["added"] += 1
    content["points"]["total"] += 1


def _somebody_else(content: dict[str, Any]) -> None:
    content["user"]["id"] = "somebody-else"


def _longer(content: dict[str, Any]) -> None:
    content["streak"]["length"] += 1


def _renamed(content: dict[str, Any]) -> None:
    content["type"] = content["type"].replace(".", "_")


def _not_achieved(content: dict[str, Any]) -> None:
    content["achievement"]["achievedAt"] = None


POSTED = [
    Fault("achievement.completed is never sent", WEBHOOKS, sender=lost("achievement.completed")),
    Fault("streak webhooks are never sent", WEBHOOKS, sender=lost("streak.started", "streak.extended")),
    Fault("streak.lost is never sent", WEBHOOKS, sender=lost("streak.lost")),
    Fault("points.changed is never sent", WEBHOOKS, sender=lost("points.changed")),
    Fault("leaderboard.rank_changed is never sent", WEBHOOKS, sender=lost("leaderboard.rank_changed")),
    Fault("webhooks are sent twice", WEBHOOKS, sender=twice),
    Fault("webhooks are unsigned", WEBHOOKS, sender=unsigned),
    Fault("webhooks are signed with another secret", WEBHOOKS, sender=wrong_secret),
    Fault("signatures are hexadecimal", WEBHOOKS, sender=hexadecimal),
    Fault("signatures are plain hashes", WEBHOOKS, sender=plain_hash),
    Fault("bodies are rewritten after signing", WEBHOOKS, sender=reformatted),
    Fault("webhooks are in the wrong order", WEBHOOKS, sender=reordered),
    Fault("failed webhooks are not sent again", WEBHOOKS, sender=never_again),
    Fault("webhooks have no user", WEBHOOKS, sender=rewritten(_without("user"))),
    Fault("webhooks have no type of the spec", WEBHOOKS, sender=rewritten(_renamed)),
    Fault("points.changed says too much", WEBHOOKS, sender=rewritten(_more, "points.changed")),
    Fault(
        "achievement.completed is of somebody else", WEBHOOKS, sender=rewritten(_somebody_else, "achievement.completed")
    ),
    Fault("streak.started is too long", WEBHOOKS, sender=rewritten(_longer, "streak.started")),
    Fault("a completed achievement has no date", WEBHOOKS, sender=rewritten(_not_achieved, "achievement.completed")),
]

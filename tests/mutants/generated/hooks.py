"""Faults of webhooks: each field of each type, and webhooks that are missing, repeated or of another moment."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from tests.mutants.fault import Fault
from tests.mutants.generated.bodies import Moment, Spoil, spoils
from tests.mutants.generated.fields import webhook_fields
from tests.mutants.posted import HEADER, SECRET, Post, Send, Sender

JSON = Any
FIELD, SENDING = "a field of a webhook", "the sending of webhooks"
When = Callable[[JSON, dict[Any, Any]], bool]
#: Lists of a webhook whose order means nothing.
FREE_NAMES = {"userAttributes", "eventAttributes", "achievementIds", "breakdownAttributeValues", "deviceTokens"}


def signed(content: JSON, headers: dict[str, str]) -> tuple[bytes, dict[str, str]]:
    """Bytes and headers of a body that the endpoint's own secret signs."""
    body = json.dumps(content).encode()
    digest = base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()
    return body, headers | {HEADER: digest}


def user_of(content: JSON) -> str:
    user = content.get("user")
    return str(user.get("id")) if isinstance(user, dict) else ""


def moment_of(post: Post) -> Moment:
    content = post.content
    now = int(datetime.fromisoformat(content["timestamp"]).timestamp() * 1000)
    subject = f"{content['type']} {user_of(content)} {_key_of(content)}"
    return Moment(post.url, subject, user_of(content), now, post.memory)


def _key_of(content: JSON) -> str:
    found = [content[name].get("key") for name in ("points", "leaderboard", "achievement") if name in content]
    return str(found)


def rewritten(kind: str, spoil: Spoil) -> Sender:
    async def sender(post: Post, send: Send) -> int:
        content = post.content
        if content["type"] != kind:
            return await send(post.body, post.headers)
        spoil(content, moment_of(post))
        if content == post.content:
            return await send(post.body, post.headers)
        return await send(*signed(content, post.headers))

    return sender


def lost(kind: str, when: When) -> Sender:
    """Not sent when `when` says so; what was tried again is the same webhook."""

    async def sender(post: Post, send: Send) -> int:
        if post.content["type"] == kind:
            gone = post.memory.setdefault("gone", {})
            if post.body not in gone:
                gone[post.body] = when(post.content, post.memory)
            if gone[post.body]:
                return 200
        return await send(post.body, post.headers)

    return sender


def again_later(kind: str) -> Sender:
    """Twice, the second time with another timestamp."""

    async def sender(post: Post, send: Send) -> int:
        status = await send(post.body, post.headers)
        content = post.content
        if content["type"] == kind:
            later = datetime.fromisoformat(content["timestamp"]) + timedelta(milliseconds=1)
            content["timestamp"] = later.strftime("%Y-%m-%dT%H:%M:%S.") + f"{later.microsecond // 1000:03}Z"
            await send(*signed(content, post.headers))
        return status

    return sender


def of_another_moment(kind: str) -> Sender:
    """The body of the webhook of this type before, with the timestamp of this one."""

    async def sender(post: Post, send: Send) -> int:
        content = post.content
        if content["type"] != kind:
            return await send(post.body, post.headers)
        subject = (post.url, user_of(content), _key_of(content))
        before = post.memory.get(subject)
        post.memory[subject] = content
        if before is None:
            return await send(post.body, post.headers)
        return await send(*signed(before | {"timestamp": content["timestamp"]}, post.headers))

    return sender


def _second(content: JSON, memory: dict[Any, Any]) -> bool:
    """It is not the first of its kind for this user."""
    key = ("count", user_of(content))
    memory[key] = memory.get(key, 0) + 1
    return bool(memory[key] > 1)


def _often(content: JSON, memory: dict[Any, Any]) -> bool:
    memory["count"] = memory.get("count", 0) + 1
    return bool(memory["count"] % 3 == 0)


def _burst(content: JSON, memory: dict[Any, Any]) -> bool:
    """Another of its kind was sent at the same moment."""
    same = memory.get("last") == content["timestamp"]
    memory["last"] = content["timestamp"]
    return same


def _foreign(content: JSON, memory: dict[Any, Any]) -> bool:
    return not json.dumps(content, ensure_ascii=False).isascii()


def _passing(content: JSON, memory: dict[Any, Any]) -> bool:
    """It came of time alone: at a full minute."""
    return bool(content["timestamp"].endswith(":00.000Z"))


def _attributed(content: JSON, memory: dict[Any, Any]) -> bool:
    user = content.get("user")
    return isinstance(user, dict) and bool(user.get("attributes"))


def _zoned(content: JSON, memory: dict[Any, Any]) -> bool:
    user = content.get("user")
    return isinstance(user, dict) and bool(user.get("tz"))


CONDITIONS: dict[str, When] = {
    "not the first of a user": _second,
    "every third": _often,
    "one of several at once": _burst,
    "it says anything beyond ASCII": _foreign,
    "it is due at a full minute": _passing,
    "the user has attributes": _attributed,
    "the user has a zone": _zoned,
    "anything": lambda content, memory: True,
}


def every_type_to_everybody() -> None:
    """An endpoint's list of types is ignored."""
    from mockserver.webhooks.endpoints import Endpoint

    Endpoint.wants = lambda endpoint, kind: endpoint.active  # type: ignore[method-assign]


def to_sleepers() -> None:
    """An endpoint that is switched off gets webhooks."""
    from mockserver.webhooks.endpoints import Endpoint

    Endpoint.wants = lambda endpoint, kind: not endpoint.events or kind in endpoint.events  # type: ignore[method-assign]


def faults() -> Iterator[Fault]:
    for kind, fields in webhook_fields().items():
        for field, what, spoil in spoils(fields):
            if not (what == "in another order" and field.name in FREE_NAMES):
                yield Fault(f"{kind} {field.path}: {what}", FIELD, sender=rewritten(kind, spoil), about=kind)
        for what, when in CONDITIONS.items():
            yield Fault(f"{kind}: missing when {what}", SENDING, sender=lost(kind, when), about=kind)
        yield Fault(f"{kind}: twice, with another timestamp", SENDING, sender=again_later(kind), about=kind)
        yield Fault(f"{kind}: the body of another moment", SENDING, sender=of_another_moment(kind), about=kind)
    yield Fault("webhooks: the types of an endpoint are ignored", SENDING, patch=every_type_to_everybody)
    yield Fault("webhooks: sent to endpoints that are switched off", SENDING, patch=to_sleepers)

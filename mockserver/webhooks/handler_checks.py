"""What a handler of webhooks has to get right, as a list of requests and the statuses that they should get.

Bodies are those of a world in which everything is made up; a good handler accepts what Trophy may send
and refuses what Trophy has not signed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import orjson

from mockserver.game.catalog import Catalog
from mockserver.game.periods import HOUR, MINUTE
from mockserver.game.world import World
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.signing import sign
from mockserver.webhooks.trigger import trigger

JSON = dict[str, Any]
Fresh = Callable[[str], JSON]  # an event of that type that has not been sent yet

USER = "zoë 🏆"  # more than ASCII: signatures are made of bytes, not of characters

# The later of each pair is sent first.
PAIRS = (
    ("streak.started", "streak.extended"),
    ("streak.extended", "streak.lost"),
    ("streak.freeze_earned", "streak.freeze_consumed"),
    ("points.changed", "points.level_changed"),
    ("points.boost_started", "points.boost_finished"),
    ("leaderboard.started", "leaderboard.finished"),
)


class Check(NamedTuple):
    """One request. `accept`: a 2xx is right, otherwise a 4xx is; `signature` None: there is no header."""

    kind: str
    name: str
    body: bytes
    signature: str | None
    accept: bool

    @property
    def expected(self) -> str:
        return "2xx" if self.accept else "4xx"

    def passed(self, status: int | None) -> bool:
        return status is not None and status // 100 == (2 if self.accept else 4)


def checks(secret: str, now: int) -> Iterator[Check]:
    """All of them, in the order in which they are sent; `now` in milliseconds UTC.

    Every event is one of its own, a minute after the one before, unless the check is about just that.
    """
    moments = iter(range(now - 2 * HOUR, now, MINUTE))

    def fresh(kind: str) -> JSON:
        return trigger(World(Catalog("Handler"), "1", now), kind, USER, next(moments)).shape()

    for kind in KINDS:
        yield from _of_type(kind, secret, fresh)
    for earlier, later in PAIRS:
        first, second = orjson.dumps(fresh(earlier)), orjson.dumps(fresh(later))
        yield _accepted(later, f"before {earlier}", secret, second)
        yield _accepted(earlier, f"after {later}", secret, first)
    yield from _unknown_types(secret, fresh)


def _of_type(kind: str, secret: str, fresh: Fresh) -> Iterator[Check]:
    """The columns of the report."""
    body = orjson.dumps(fresh(kind))
    yield _accepted(kind, "valid", secret, body)
    yield _accepted(kind, "duplicate", secret, body)
    yield _accepted(kind, "other spacing", secret, json.dumps(fresh(kind), indent=2).encode())
    yield _accepted(kind, "unknown fields", secret, orjson.dumps(_with_more_fields(fresh(kind))))
    body = orjson.dumps(fresh(kind))
    signature = sign(secret, body)
    yield Check(kind, "wrong secret", body, sign(f"not {secret}", body), accept=False)
    yield Check(kind, "changed body", body.replace(b"20", b"19", 1), signature, accept=False)
    yield Check(kind, "no signature", body, None, accept=False)


def _with_more_fields(event: JSON) -> JSON:
    more = {"somethingNew": {"since": "tomorrow"}}
    inside = {key: value | more if isinstance(value, dict) else value for key, value in event.items()}
    return inside | more


def _unknown_types(secret: str, fresh: Fresh) -> Iterator[Check]:
    """Types that do not exist yet, and signatures that are not even base64."""
    unknown = fresh("streak.lost") | {"type": "challenge.completed"}
    yield _accepted("challenge.completed", "unknown type", secret, orjson.dumps(unknown))
    bare = {"type": "organization.renamed", "timestamp": fresh("streak.lost")["timestamp"]}
    yield _accepted("organization.renamed", "unknown type", secret, orjson.dumps(bare))
    known = orjson.dumps(fresh("streak.lost"))
    yield Check("streak.lost", "not base64", known, "no signature at all!", accept=False)
    yield Check("streak.lost", "empty signature", known, "", accept=False)


def _accepted(kind: str, name: str, secret: str, body: bytes) -> Check:
    return Check(kind, name, body, sign(secret, body), accept=True)

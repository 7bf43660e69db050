"""Many events in one request: all of them are read before the first one happens, so a refused batch changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mockserver.admin.shapes import JSON
from mockserver.api.metrics import record_event
from mockserver.api.shared import find_metric
from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.game.facts import Profile
from mockserver.game.metrics import millionths, total_after
from mockserver.game.users import check_attribute_keys, profile_after, stranger
from mockserver.game.world import World


def admin_metrics_batch_events(game: Game, *, body: Sequence[dict[str, Any]]) -> JSON:
    """Each is an ordinary event, with the webhooks of one, in the order in which they stand."""
    # Choice: they have happened when the answer goes out, so that a test need not wait for a queue.
    ahead = _Ahead(game.world, game.now)
    for position, event in enumerate(body):
        try:
            ahead.tell(event)
        except GameError as refusal:
            raise type(refusal)(f"Event [{position}]: {refusal}") from None
    for event in body:
        record_event(game, event["key"], event, event.get("idempotencyKey"))
        game.show()
    return {"accepted": len(body)}


class _Ahead:
    """What users would be after events that have not happened yet, as far as it decides whether the next one can."""

    def __init__(self, world: World, now: int) -> None:
        self._world, self._now = world, now
        self._profiles: dict[str, Profile] = {}
        self._totals: dict[tuple[str, str], int] = {}
        self._keys: set[tuple[str, str, str]] = set()

    def tell(self, event: dict[str, Any]) -> None:
        """Raises `NotFound` for an unknown metric, `Refused`."""
        world, key, user = self._world, event["key"], event["user"]["id"]
        find_metric(world.catalog, key)
        check_attribute_keys(event.get("attributes") or {}, world.catalog.event_attributes, "metrics")
        person = world.users.get(user)
        known = self._profiles.get(user) or (person.profile if person else stranger(world, user, self._now))
        self._profiles[user] = profile_after(world, known, event["user"], self._now)
        once = event.get("idempotencyKey")
        if once and ((user, key, once) in self._keys or (person and person.keys and (key, once) in person.keys)):
            return
        if once:
            self._keys.add((user, key, once))
        before = self._totals.get((user, key), person.total(key) if person else 0)
        self._totals[user, key] = total_after(before, millionths(event["value"]))

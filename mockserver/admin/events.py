"""Many events in one request: all are checked before the first is recorded, so a refused batch changes nothing."""

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
from mockserver.game.users import blank_profile, check_attribute_keys, profile_after
from mockserver.game.world import World


def admin_metrics_batch_events(game: Game, *, body: Sequence[dict[str, Any]]) -> JSON:
    """Each is an ordinary event with its webhooks, in the order of the request."""
    # Choice: they have happened when the response goes out, so that a test need not wait for a queue.
    preview = _Preview(game.world, game.now)
    for position, event in enumerate(body):
        try:
            preview.check(event)
        except GameError as refusal:
            raise type(refusal)(f"Event [{position}]: {refusal}") from None
    for event in body:
        record_event(game, event["key"], event, event.get("idempotencyKey"))
        game.publish()
    return {"accepted": len(body)}


class _Preview:
    """Users after the events that were checked so far, as far as the next check needs them."""

    def __init__(self, world: World, now: int) -> None:
        self._world, self._now = world, now
        self._profiles: dict[str, Profile] = {}
        self._totals: dict[tuple[str, str], int] = {}
        self._keys: set[tuple[str, str, str]] = set()

    def check(self, event: dict[str, Any]) -> None:
        """Raises `NotFound` for an unknown metric, `Refused`."""
        world, key, user_id = self._world, event["key"], event["user"]["id"]
        find_metric(world.catalog, key)
        check_attribute_keys(event.get("attributes") or {}, world.catalog.event_attributes, "metrics")
        user = world.users.get(user_id)
        profile = self._profiles.get(user_id) or (user.profile if user else blank_profile(world, user_id, self._now))
        self._profiles[user_id] = profile_after(world, profile, event["user"], self._now)
        sent_key = event.get("idempotencyKey")
        if sent_key and (
            (user_id, key, sent_key) in self._keys or (user and user.keys and (key, sent_key) in user.keys)
        ):
            return
        if sent_key:
            self._keys.add((user_id, key, sent_key))
        before = self._totals.get((user_id, key), user.total(key) if user else 0)
        self._totals[user_id, key] = total_after(before, millionths(event["value"]))

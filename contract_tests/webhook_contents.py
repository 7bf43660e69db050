"""What webhooks say where no clock can be moved, and where they need not say when something happened."""

from __future__ import annotations

import time
from typing import Any

from contract_tests.receiver import Inbox, Webhook
from contract_tests.stage import Stage

#: Seconds in which a change of points is sent once, and a few more.
MINUTE = 65.0


def is_earned(award: dict[str, Any]) -> bool:
    """Whether a user has got it for something else than being created, which need not be sent."""
    return bool(award["trigger"]["type"] != "user_creation")


def completions_sent(inbox: Inbox, user: str, achievement: str) -> list[Webhook]:
    """Those of one achievement, by id: what it is a prerequisite of may have been completed along with it."""
    webhooks = inbox.of("achievement.completed", user=user)
    return [webhook for webhook in webhooks if webhook.content["achievement"]["id"] == achievement]


def points_sent(stage: Stage, inbox: Inbox, user: str, systems: set[str]) -> dict[str, Any]:
    """Points system → what was sent of it first. Where no clock can be moved, it may be sent at a minute's end."""
    began = time.monotonic()
    while True:
        rows = [webhook.content["points"] for webhook in inbox.of("points.changed", user=user)]
        rows = [row for row in rows if any(map(is_earned, row["awards"]))]
        sent = {row["key"]: row for row in reversed(rows)}
        if stage.control is not None or systems <= sent.keys() or time.monotonic() - began > MINUTE:
            return sent


def sent_once(stage: Stage, webhook: Webhook) -> list[str]:
    """What only one webhook can say. With our control plane that is the whole body, which says when; elsewhere two
    that say the same of a leaderboard may have two causes."""
    if stage.control is not None:
        return [webhook.body.decode()]
    content = webhook.content
    awards = content["points"].get("awards", []) if webhook.kind == "points.changed" else []
    ids = [content["achievement"]["id"]] if webhook.kind == "achievement.completed" else [row["id"] for row in awards]
    return [f"{webhook.kind} {id} of {webhook.user}" for id in ids]

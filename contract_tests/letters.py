"""What webhooks tell where no clock can be moved, and where they need not say when something happened."""

from __future__ import annotations

import time
from typing import Any

from contract_tests.receiver import Box, Letter
from contract_tests.stage import Stage

#: Seconds in which the points of a user are told once, and a few more.
MINUTE = 65.0


def is_earned(award: dict[str, Any]) -> bool:
    """Whether a user has got it for something else than being created, which need not be told."""
    return bool(award["trigger"]["type"] != "user_creation")


def points_told(stage: Stage, box: Box, user: str, systems: set[str]) -> dict[str, Any]:
    """Points system → what was told of it first. Where no clock can be moved, it may be told at a minute's end."""
    began = time.monotonic()
    while True:
        rows = [letter.content["points"] for letter in box.of("points.changed", user=user)]
        actual = {row["key"]: row for row in reversed(rows)}
        if stage.control is not None or systems <= actual.keys() or time.monotonic() - began > MINUTE:
            return actual


def marks(stage: Stage, letter: Letter) -> list[str]:
    """What only one webhook can tell. With our control plane that is the whole body, which says when; elsewhere two
    that tell the same of a leaderboard may have two causes."""
    if stage.control is not None:
        return [letter.body.decode()]
    content = letter.content
    awards = content["points"].get("awards", []) if letter.kind == "points.changed" else []
    ids = [content["achievement"]["id"]] if letter.kind == "achievement.completed" else [row["id"] for row in awards]
    return [f"{letter.kind} {id} of {letter.user}" for id in ids]

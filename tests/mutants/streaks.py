"""Faults of streaks whose settings change, and of what organisation and user do about them."""

from __future__ import annotations

from typing import Any

from mockserver.game.errors import NothingToDo
from tests.mutants.fault import JSON, Fault, body, change_request, change_response, drop, put, swap
from tests.mutants.progress import STREAKS

GAME = "mockserver.game"


def never(old: Any) -> Any:
    return lambda *arguments, **named: None


def no(old: Any) -> Any:
    return lambda *arguments, **named: False


def nothing_to_do(old: Any) -> Any:
    def command(*arguments: Any) -> Any:
        raise NothingToDo("There is nothing to do")

    return command


def everybodys(old: Any) -> Any:
    """What users set for themselves is shown and does not count."""
    return lambda streak, own: streak


def unswitched(old: Any) -> Any:
    """Only who may have no streak has one of their own."""

    def own_streak(streak: Any, own: Any) -> Any:
        return old(streak, own) if own.enabled is False else streak

    return own_streak


def unsaid(content: JSON) -> JSON:
    return {key: value for key, value in content.items() if key != "streak"}


SETTINGS = [
    Fault("changed streak settings hold from now on", STREAKS, patch=swap(f"{GAME}.recount", "_decides", never)),
    Fault("pauses cover nothing", STREAKS, patch=swap(f"{GAME}.streaks", "pause_over", never)),
    Fault(
        "used pauses are not shown",
        STREAKS,
        change_response("users_streak", put("streakHistory.*.usedPause", lambda v: False)),
    ),
    Fault("pauses are not shown", STREAKS, change_response("users_streak", put("pauses", lambda v: []))),
    Fault("a reset leaves no mark", STREAKS, change_response("users_streak", drop("streakHistory.*.resetAt"))),
    Fault(
        "no streak can be restored",
        STREAKS,
        patch=swap(f"{GAME}.streak_commands", "restore_streak", nothing_to_do),
    ),
    Fault("no freeze is granted", STREAKS, patch=swap(f"{GAME}.streak_commands", "grant_freeze", nothing_to_do)),
    Fault("days off are days like others", STREAKS, patch=swap(f"{GAME}.streaks", "is_day_off", no)),
    Fault("own streak settings do not count", STREAKS, patch=swap(f"{GAME}.streaks", "_with", everybodys)),
    Fault("own thresholds do not count", STREAKS, patch=swap(f"{GAME}.streaks", "_with", unswitched)),
    Fault(
        "own streak settings are not kept",
        STREAKS,
        change_request("users_update_preferences", body(unsaid)),
    ),
]

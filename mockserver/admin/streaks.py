"""What an organisation does to its users' streaks by hand: freezes, restore, reset, pauses.

What cannot be done for one of them is an issue in the response: a warning where nothing would change, else an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any
from uuid import UUID

from mockserver.admin.schemas import MOST_ITEMS
from mockserver.admin.shapes import JSON
from mockserver.game.engine import Game
from mockserver.game.errors import GameError, NothingToDo, Refused
from mockserver.game.facts import Fact, Pause, StreakPaused
from mockserver.game.streak_commands import delete_pause, grant_freeze, plan_pause, reset_streak, restore_streak
from mockserver.game.world import World
from mockserver.printable import printable


def admin_streaks_freezes(game: Game, *, body: dict[str, Any]) -> JSON:
    issues: list[JSON] = []
    for row in body["freezes"]:
        user = row["userId"]
        _record_or_report(game, issues, {"userId": user}, grant_freeze, game.world, user)
    return {"issues": issues}


def admin_streaks_restore(game: Game, *, body: dict[str, Any]) -> JSON:
    return _to_each(game, body, "restoredUsers", restore_streak)


def admin_streaks_reset(game: Game, *, body: dict[str, Any]) -> JSON:
    return _to_each(game, body, "resetUsers", reset_streak)


def _to_each(game: Game, body: dict[str, Any], done: str, make_fact: Callable[[World, str, int], Fact]) -> JSON:
    """`done`: what the list of those is called for whom it could be done."""
    users, issues = [], list[JSON]()
    for row in body["users"]:
        user: str = row["id"]
        if _record_or_report(game, issues, {"userId": user}, make_fact, game.world, user, game.now):
            users.append(user)
    return {done: users, "issues": issues}


def admin_streaks_pauses_create(game: Game, *, body: dict[str, Any]) -> JSON:
    created, issues = [], list[JSON]()
    for row in body["pauses"]:
        user = row["userId"]
        fact = _record_or_report(game, issues, {"userId": user}, _pause, game, row)
        if isinstance(fact, StreakPaused):
            created.append(_shape(user, fact.pause))
    return {"created": created, "issues": issues}


def _pause(game: Game, row: dict[str, Any]) -> StreakPaused:
    return plan_pause(game.world, row["userId"], _day(row, "start"), _day(row, "end"), game.now)


def _day(row: dict[str, Any], name: str) -> date:
    try:
        return date.fromisoformat(row[name])
    except ValueError:
        raise Refused(f"{name} must be a date from 0001-01-01 to 9999-12-31") from None


def _shape(user: str, pause: Pause) -> JSON:
    days = {"start": pause.start.isoformat(), "end": pause.end.isoformat()}
    return {"id": pause.id, "userId": user, **days, "status": "archived" if pause.archived else "active"}


def admin_streaks_pauses_delete(game: Game, *, ids: list[str]) -> JSON:
    """`ids` repeated or separated by commas."""
    wanted = list(dict.fromkeys(id for part in ids for id in part.split(",")))
    if not 1 <= len(wanted) <= MOST_ITEMS or not all(wanted):
        raise Refused(f"Query parameter `ids` must be 1 to {MOST_ITEMS} ids, repeated or separated by commas.")
    deleted, issues = [], list[JSON]()
    for pause in wanted:
        if _record_or_report(game, issues, {"id": pause}, _deletion, game, pause):
            deleted.append({"id": pause})
    return {"deleted": deleted, "issues": issues}


def _deletion(game: Game, pause: str) -> Fact:
    try:
        known = str(UUID(pause))
    except ValueError:
        raise Refused("id must be a valid UUID") from None
    return delete_pause(game.world, known, game.now)


def _record_or_report(
    game: Game, issues: list[JSON], about: JSON, make_fact: Callable[..., Fact], *arguments: Any
) -> Fact | None:
    """Records the fact that `make_fact` returns, or adds an issue `about` a user or an id."""
    try:
        fact = make_fact(*arguments)
    except GameError as refusal:
        severity = "warning" if isinstance(refusal, NothingToDo) else "error"
        # Clients before 1.5 read the last two, by the names that they had then.
        says = printable(str(refusal))
        issues.append({**about, "severity": severity, "message": says, "level": severity, "reason": says})
        return None
    game.record(fact)
    return fact

"""Streaks: schemas `BaseStreakResponse`, `StreakResponse`, `BulkStreakResponse` and `StreakRankingUser`."""

from __future__ import annotations

from datetime import date

from mockserver.api.rendered import Template
from mockserver.api.shared import JSON, find_user, today
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.periods import end_of_period, iso
from mockserver.game.state import User
from mockserver.game.streaks import history, rank, rankings
from mockserver.game.world import World

GREATEST_HISTORY = 365
DEFAULT_HISTORY = 7  # periods, the spec's default
MOST_USERS = 100


def streak_shape(world: World, user: User) -> JSON:
    """Schema `BaseStreakResponse`; without a streak everything but length and frequency is null."""
    streak, state = world.catalog.streak, user.streak
    frequency, counted = streak.frequency if streak else "daily", state.counted if state.length else None
    end = end_of_period(counted, frequency, world.catalog.settings.week_start) if counted else None
    started, expires = state.started, state.expires
    shape = {
        "length": state.length,
        "frequency": frequency,
        "started": started.isoformat() if started else None,
        "periodStart": counted.isoformat() if counted else None,
        "periodEnd": end.isoformat() if end else None,
        "expires": expires.isoformat() if expires else None,
    }
    freezes = streak.freezes if streak else None
    if freezes is not None:
        shape["freezes"], shape["maxFreezes"] = state.freezes, freezes.maximum
        if freezes.auto_earn_interval:
            shape["freezeAutoEarnInterval"] = freezes.auto_earn_interval
            shape["freezeAutoEarnAmount"] = freezes.auto_earn_amount
    return shape


def event_streak(world: World, user: User, extended: bool) -> Template:
    """`currentStreak` of schema `EventResponse`, which most users share with many."""
    state, remembered = user.streak, world.catalog.remembered
    which = ("streak", state.length, state.started, state.counted, state.expires, state.freezes, extended)
    template: Template | None = remembered.get(which)
    if template is None:
        template = remembered[which] = Template(streak_shape(world, user) | {"extended": extended})
    return template


def users_streak(game: Game, *, id: str, history_periods: int) -> JSON:
    user = find_user(game, id)
    if not 1 <= history_periods <= GREATEST_HISTORY:
        raise Refused(f"historyPeriods must be between 1 and {GREATEST_HISTORY}, not {history_periods}.")
    return whole_streak_shape(game.world, user, today(game, user), history_periods)


def whole_streak_shape(world: World, user: User, day: date, periods: int) -> JSON:
    """Schema `StreakResponse`, with the last `periods` periods before and on the user's local day."""
    freezes = world.catalog.streak.freezes if world.catalog.streak else None
    rows = [
        {
            "periodStart": row.start.isoformat(),
            "periodEnd": row.end.isoformat(),
            "length": row.length,
            "usedPause": row.paused,
        }
        | ({} if freezes is None else {"usedFreeze": row.frozen})
        | ({} if row.reset is None else {"resetAt": iso(row.reset)})
        for row in history(world, user, periods, day)
    ]
    pauses = [
        {"id": pause.id, "start": pause.start.isoformat(), "end": pause.end.isoformat()}
        for pause in sorted(user.pauses, key=lambda pause: pause.start)
        if not pause.archived and pause.end >= day
    ]
    return streak_shape(world, user) | {
        "extended": _extended(user),
        "pauses": pauses,
        "streakHistory": rows,
        "rank": rank(world, user),
    }


def _extended(user: User) -> str | None:
    """When the latest period was counted; None without a streak."""
    streak = user.streak
    return iso(streak.extended) if streak.length and streak.extended is not None else None


def streaks_list(game: Game, *, user_ids: list[str]) -> JSON:
    users = game.world.users
    if len(user_ids) == 1 and user_ids[0] not in users:
        user_ids = user_ids[0].split(",")
    if not 1 <= len(user_ids) <= MOST_USERS or not all(user_ids):
        raise Refused(
            f"userIds must be 1 to {MOST_USERS} user IDs, repeated or separated by commas, none of them empty."
        )
    found = [users[user_id] for user_id in dict.fromkeys(user_ids) if user_id in users]
    found.sort(key=lambda user: -user.streak.length)
    return [
        {
            "userId": user.profile.id,
            "streakLength": user.streak.length,
            "extended": _extended(user),
        }
        for user in found
    ]


def streaks_rankings(game: Game, *, limit: int, type: str) -> JSON:
    users = game.world.users
    return [
        {"userId": user, "name": users[user].profile.name, "streakLength": length}
        for user, length in rankings(game.world, type, limit)
    ]

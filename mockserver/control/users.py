"""The users of a world, searched and sorted, page by page; and one user in full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from typing import Any

from mockserver.api.achievements import stats_shape, user_achievement_shape
from mockserver.api.leaderboards import board_shape, breakdown_shape, run_dates, users_leaderboard
from mockserver.api.metrics import metric_shape
from mockserver.api.points import award_shape, boost_shape, level_shape, system_shape
from mockserver.api.shared import find_user, today
from mockserver.api.streaks import users_streak
from mockserver.api.users import user_shape, users_get_preferences
from mockserver.control.request import JSON, ControlRequest
from mockserver.game.achievements import visible
from mockserver.game.catalog import Achievement, PointsSystem
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.leaderboards import current_run
from mockserver.game.metrics import number
from mockserver.game.nearest import suggestion
from mockserver.game.periods import iso, moment, start_of_period
from mockserver.game.points import active_boosts
from mockserver.game.ranking import UNRANKED
from mockserver.game.state import User
from mockserver.game.world import World

DEFAULT_PAGE, GREATEST_PAGE = 50, 1000
SLICE = 2000  # users who are looked at before others get their turn
HISTORY_PERIODS = 182  # half a year of days
POINTS_DAYS = 60
NEWEST_AWARDS = 20
SORTS = ("name", "id", "created", "streak", "points", "lastSeen")


# The list


async def list_users(request: ControlRequest) -> JSON:
    """Users by name, id, email or attribute, in the order asked for, a page at a time."""
    query = request.query("search", "sort", "achievement", "level", "limit", "offset")
    order = query.one_of("sort", [*SORTS, *(f"-{name}" for name in SORTS)]) or "name"
    limit = query.whole("limit", 1, GREATEST_PAGE) or DEFAULT_PAGE
    offset = query.whole("offset", 0, 10**9) or 0
    game = request.game()
    wanted = _filter(game.world, query.text("achievement"), query.text("level"))
    found = await _search(game.world, (query.text("search") or "").casefold(), wanted)
    found.sort(key=_order(game, order.removeprefix("-")), reverse=order.startswith("-"))
    page = found[offset : offset + limit]
    following = offset + limit
    return {
        "users": [listed_shape(game, user) for user in page],
        "total": len(found),
        "next": following if following < len(found) else None,
    }


def _filter(world: World, achievement: str | None, level: str | None) -> Callable[[User], bool]:
    """Who has completed an achievement, who is at a level (`system/level`). Refused for what there is not."""
    if achievement is not None and achievement not in world.catalog.achievements:
        near = suggestion(achievement, world.catalog.achievements)
        raise Refused(f"Query parameter `achievement` names {achievement[:80]!r}, which is not in the catalog{near}")
    systems = world.catalog.points.values()
    levels = {f"{system.key}/{row.key}": (system, row) for system in systems for row in system.levels}
    if level is not None and level not in levels:
        near = suggestion(level, levels)
        raise Refused(f"Query parameter `level` must be SYSTEM/LEVEL by their keys; {level[:80]!r} is not there{near}")
    at = levels[level] if level is not None else None

    def wanted(user: User) -> bool:
        if achievement is not None and achievement not in user.achievements:
            return False
        return at is None or at[0].level_at(user.points(at[0].key)) is at[1]

    return wanted


async def _search(world: World, text: str, wanted: Callable[[User], bool]) -> list[User]:
    """Everybody in whose name, id, email or attributes the text is."""
    found = []
    for count, user in enumerate(list(world.users.values()), 1):
        if wanted(user) and (not text or _mentions(user, text)):
            found.append(user)
        if count % SLICE == 0:
            await asyncio.sleep(0)
    return found


def _mentions(user: User, text: str) -> bool:
    profile = user.profile
    words: Iterable[str | None] = (profile.id, profile.name, profile.email, *profile.attributes.values())
    return any(text in word.casefold() for word in words if word)


def _order(game: Game, name: str) -> Callable[[User], Any]:
    """Ties by id, so that pages never overlap."""
    first = next(iter(game.world.catalog.points), "")
    keys: dict[str, Callable[[User], Any]] = {
        "name": lambda user: (user.profile.name or user.profile.id).casefold(),
        "id": lambda user: user.profile.id,
        "created": lambda user: user.profile.created,
        "streak": lambda user: user.streak.length,
        "points": lambda user: user.points(first),
        "lastSeen": lambda user: last_seen(user) or date.min,
    }
    key = keys[name]
    return lambda user: (key(user), user.profile.id)


def last_seen(user: User) -> date | None:
    """The user's local day of the latest event."""
    days = [day for progress in user.metrics.values() if (day := progress.days.last) is not None]
    return date.fromordinal(max(days)) if days else None


def local_time(game: Game, user: User) -> str:
    """The user's wall clock, to the second, with the offset of the zone."""
    return moment(game.now).astimezone(user.zone).isoformat(timespec="seconds")


def listed_shape(game: Game, user: User) -> JSON:
    """One row of the list."""
    world, profile, seen = game.world, user.profile, last_seen(user)
    streak = world.catalog.streak
    return {
        "id": profile.id,
        "name": profile.name,
        "tz": profile.tz,
        "localTime": local_time(game, user),
        "streak": user.streak.length,
        "freezes": user.streak.freezes if streak and streak.freezes else None,
        "points": [_total(system, user) for system in world.catalog.points.values()],
        "achievements": len(user.achievements),
        "created": iso(profile.created),
        "lastSeen": seen.isoformat() if seen else None,
    }


def _total(system: PointsSystem, user: User) -> JSON:
    total = user.points(system.key)
    level = system.level_at(total)
    return {"key": system.key, "name": system.name, "total": total, "level": level.name if level else None}


# One user


def show_user(request: ControlRequest) -> JSON:
    """One user: profile, streak with its periods, metrics, points over time, achievements with progress, places."""
    user_id = request.query("userId").text("userId")
    if user_id is None:
        raise Refused("Query parameter `userId` is required: whom is it about?")
    game = request.game()
    user, catalog = find_user(game, user_id), game.world.catalog
    seen = last_seen(user)
    return {
        "user": user_shape(user.profile),
        "localTime": local_time(game, user),
        "lastSeen": seen.isoformat() if seen else None,
        "streak": _streak(game, user) if catalog.streak else None,
        "metrics": [
            metric_shape(game.world, user, row) | {"units": row.units} for row in catalog.metrics.values() if row.active
        ],
        "points": [_points(game, user, system) for system in catalog.points.values()],
        "achievements": _achievements(game.world, user),
        "leaderboards": [_place(game, user, key) for key in catalog.leaderboards],
        "preferences": users_get_preferences(game, id=user_id)["notifications"],
    }


def _streak(game: Game, user: User) -> JSON:
    """Schema `StreakResponse`, the longest one, and each period's `state`: kept, frozen, paused …"""
    shape = users_streak(game, id=user.profile.id, history_periods=HISTORY_PERIODS)
    settings, streak = game.world.catalog.settings, game.world.catalog.streak
    frequency = streak.frequency if streak else "daily"
    first = start_of_period(moment(user.profile.created).astimezone(user.zone).date(), frequency, settings.week_start)
    begun = min((row.start for row in user.streak.history), default=first)
    current = start_of_period(today(game, user), frequency, settings.week_start)
    rows = [
        row | {"state": _state(row, min(first, begun).isoformat(), current.isoformat())}
        for row in shape.pop("streakHistory")
    ]
    return shape | {"longest": user.streak.longest, "periods": rows}


def _state(row: JSON, first: str, current: str) -> str:
    if row.get("usedFreeze"):
        return "frozen"
    if row.get("usedPause"):
        return "paused"
    if row["length"]:
        return "kept"
    if row["periodStart"] < first:
        return "before"
    return "open" if row["periodStart"] == current else "missed"


def _points(game: Game, user: User, system: PointsSystem) -> JSON:
    """The total with its level and the next one, the total at the end of each of the last days, newest awards."""
    day, account, total = today(game, user), user.accounts.get(system.key), user.points(system.key)
    days = [day - timedelta(days=back) for back in range(POINTS_DAYS - 1, -1, -1)]
    changes = {row[0]: row[1] for row in account.days.rows(days[0].toordinal(), day.toordinal())} if account else {}
    running = total - sum(changes.values())
    timeline = []
    for one in days:
        running += changes.get(one.toordinal(), 0)
        timeline.append({"date": one.isoformat(), "total": running, "change": changes.get(one.toordinal(), 0)})
    awards = account.awards.newest(NEWEST_AWARDS)[::-1] if account else []
    return system_shape(system) | {
        "total": total,
        "level": level_shape(system.level_at(total)),
        "nextLevel": level_shape(next((level for level in system.levels if level.points > total), None)),
        "days": timeline,
        "boosts": [boost_shape(boost, day) for boost in active_boosts(game.world.catalog, system, user, day)],
        "awards": [award_shape(game.world, award, day) for award in awards],
    }


def _achievements(world: World, user: User) -> list[JSON]:
    """Those that the user has, in order of completion, then those to come."""
    catalog = world.catalog
    done = [key for key in user.achievements if key in catalog.achievements]
    rows = [catalog.achievements[key] for key in done]
    rows += [row for key, row in catalog.achievements.items() if key not in user.achievements]
    return [
        user_achievement_shape(catalog, row, user.achievements.get(row.key))
        | stats_shape(world, row)
        | {"key": row.key, "progress": progress(world, user, row)}
        for row in rows
        if row.key in user.achievements or visible(user, row)
    ]


def progress(world: World, user: User, row: Achievement) -> JSON:
    """How far a user is: `current` of `target`, or None where only the application knows."""
    if row.trigger == "metric":
        known = user.metrics.get(str(row.metric))
        total = known.sum_of(row.event_attributes).total if known else 0
        return {"current": number(total), "target": number(row.value)}
    if row.trigger == "streak":
        return {"current": user.streak.length, "target": row.streak_length}
    if row.trigger == "achievement":
        done = sum(key in user.achievements for key in row.prerequisites)
        return {"current": done, "target": len(row.prerequisites)}
    return None


def _place(game: Game, user: User, key: str) -> JSON:
    """The user's place in the current run of a board, with the newest changes of it."""
    world, board = game.world, game.world.catalog.leaderboards[key]
    first = current_run(board, today(game, user))
    run = world.run(key, first)
    standing = run.standing(user.profile.id) if run else UNRANKED
    score = run.scores.get(user.profile.id) if run else None
    group = score.group if score else None
    history = users_leaderboard(game, id=user.profile.id, key=key, num_events=100)["history"] if score else []
    return (
        board_shape(world.catalog, board, game.now)
        | run_dates(board, first)
        | breakdown_shape(board, group)
        | {
            "run": first.isoformat(),
            "rank": standing.rank,
            "value": standing.value,
            "threshold": run.threshold(group) if run and group is not None else None,
            "history": history,
        }
    )

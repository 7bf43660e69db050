"""The users of a world, found and in order, page by page; and all that there is to know of one."""

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
from mockserver.control.ask import JSON, ControlRequest
from mockserver.game.achievements import visible
from mockserver.game.catalog import Achievement, PointsSystem
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.leaderboards import current_run
from mockserver.game.metrics import number
from mockserver.game.nearest import instead
from mockserver.game.periods import iso, moment, start_of_period
from mockserver.game.points import active_boosts
from mockserver.game.ranking import NOWHERE
from mockserver.game.state import Person
from mockserver.game.world import World

DEFAULT_PAGE, GREATEST_PAGE = 50, 1000
SLICE = 2000  # users who are looked at before others get their turn
HISTORY_PERIODS = 182  # half a year of days
POINTS_DAYS = 60
NEWEST_AWARDS = 20
SORTS = ("name", "id", "created", "streak", "points", "lastSeen")


# The list


async def list_users(ask: ControlRequest) -> JSON:
    """Users by name, id, email or attribute, in the order asked for, a page at a time."""
    query = ask.query("search", "sort", "achievement", "level", "limit", "offset")
    order = query.one_of("sort", [*SORTS, *(f"-{name}" for name in SORTS)]) or "name"
    limit = query.whole("limit", 1, GREATEST_PAGE) or DEFAULT_PAGE
    offset = query.whole("offset", 0, 10**9) or 0
    game = ask.game()
    wanted = _filter(game.world, query.text("achievement"), query.text("level"))
    found = await _search(game.world, (query.text("search") or "").casefold(), wanted)
    found.sort(key=_order(game, order.removeprefix("-")), reverse=order.startswith("-"))
    page = found[offset : offset + limit]
    following = offset + limit
    return {
        "users": [listed_shape(game, person) for person in page],
        "total": len(found),
        "next": following if following < len(found) else None,
    }


def _filter(world: World, achievement: str | None, level: str | None) -> Callable[[Person], bool]:
    """Who has completed an achievement, who is at a level (`system/level`). Refused for what there is not."""
    if achievement is not None and achievement not in world.catalog.achievements:
        near = instead(achievement, world.catalog.achievements)
        raise Refused(f"Query parameter `achievement` names {achievement[:80]!r}, which is not in the catalog{near}")
    systems = world.catalog.points.values()
    levels = {f"{system.key}/{row.key}": (system, row) for system in systems for row in system.levels}
    if level is not None and level not in levels:
        near = instead(level, levels)
        raise Refused(f"Query parameter `level` must be SYSTEM/LEVEL by their keys; {level[:80]!r} is not there{near}")
    at = levels[level] if level is not None else None

    def wanted(person: Person) -> bool:
        if achievement is not None and achievement not in person.achievements:
            return False
        return at is None or at[0].level_at(person.points(at[0].key)) is at[1]

    return wanted


async def _search(world: World, text: str, wanted: Callable[[Person], bool]) -> list[Person]:
    """Everybody in whose name, id, email or attributes the text is."""
    found = []
    for count, person in enumerate(list(world.users.values()), 1):
        if wanted(person) and (not text or _mentions(person, text)):
            found.append(person)
        if count % SLICE == 0:
            await asyncio.sleep(0)
    return found


def _mentions(person: Person, text: str) -> bool:
    profile = person.profile
    words: Iterable[str | None] = (profile.id, profile.name, profile.email, *profile.attributes.values())
    return any(text in word.casefold() for word in words if word)


def _order(game: Game, name: str) -> Callable[[Person], Any]:
    """Ties by id, so that pages never overlap."""
    first = next(iter(game.world.catalog.points), "")
    keys: dict[str, Callable[[Person], Any]] = {
        "name": lambda person: (person.profile.name or person.profile.id).casefold(),
        "id": lambda person: person.profile.id,
        "created": lambda person: person.profile.created,
        "streak": lambda person: person.streak.length,
        "points": lambda person: person.points(first),
        "lastSeen": lambda person: last_seen(person) or date.min,
    }
    key = keys[name]
    return lambda person: (key(person), person.profile.id)


def last_seen(person: Person) -> date | None:
    """The user's local day of the latest event."""
    days = [day for progress in person.metrics.values() if (day := progress.days.last) is not None]
    return date.fromordinal(max(days)) if days else None


def local_time(game: Game, person: Person) -> str:
    """The user's wall clock, to the second, with the offset of the zone."""
    return moment(game.now).astimezone(person.zone).isoformat(timespec="seconds")


def listed_shape(game: Game, person: Person) -> JSON:
    """One row of the list."""
    world, profile, seen = game.world, person.profile, last_seen(person)
    streak = world.catalog.streak
    return {
        "id": profile.id,
        "name": profile.name,
        "tz": profile.tz,
        "localTime": local_time(game, person),
        "streak": person.streak.length,
        "freezes": person.streak.freezes if streak and streak.freezes else None,
        "points": [_total(system, person) for system in world.catalog.points.values()],
        "achievements": len(person.achievements),
        "created": iso(profile.created),
        "lastSeen": seen.isoformat() if seen else None,
    }


def _total(system: PointsSystem, person: Person) -> JSON:
    total = person.points(system.key)
    level = system.level_at(total)
    return {"key": system.key, "name": system.name, "total": total, "level": level.name if level else None}


# One user


def show_user(ask: ControlRequest) -> JSON:
    """One user: profile, streak with its periods, metrics, points over time, achievements with progress, places."""
    user = ask.query("userId").text("userId")
    if user is None:
        raise Refused("Query parameter `userId` is required: whom is it about?")
    game = ask.game()
    person, catalog = find_user(game, user), game.world.catalog
    seen = last_seen(person)
    return {
        "user": user_shape(person.profile),
        "localTime": local_time(game, person),
        "lastSeen": seen.isoformat() if seen else None,
        "streak": _streak(game, person) if catalog.streak else None,
        "metrics": [
            metric_shape(game.world, person, row) | {"units": row.units}
            for row in catalog.metrics.values()
            if row.active
        ],
        "points": [_points(game, person, system) for system in catalog.points.values()],
        "achievements": _achievements(game.world, person),
        "leaderboards": [_place(game, person, key) for key in catalog.leaderboards],
        "preferences": users_get_preferences(game, id=user)["notifications"],
    }


def _streak(game: Game, person: Person) -> JSON:
    """Schema `StreakResponse`, the longest one, and each period's `state`: kept, frozen, paused …"""
    shape = users_streak(game, id=person.profile.id, history_periods=HISTORY_PERIODS)
    settings, streak = game.world.catalog.settings, game.world.catalog.streak
    frequency = streak.frequency if streak else "daily"
    first = start_of_period(
        moment(person.profile.created).astimezone(person.zone).date(), frequency, settings.week_start
    )
    begun = min((row.start for row in person.streak.history), default=first)
    current = start_of_period(today(game, person), frequency, settings.week_start)
    rows = [
        row | {"state": _state(row, min(first, begun).isoformat(), current.isoformat())}
        for row in shape.pop("streakHistory")
    ]
    return shape | {"longest": person.streak.longest, "periods": rows}


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


def _points(game: Game, person: Person, system: PointsSystem) -> JSON:
    """The total with its level and the next one, the total at the end of each of the last days, newest awards."""
    day, account, total = today(game, person), person.accounts.get(system.key), person.points(system.key)
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
        "boosts": [boost_shape(boost, day) for boost in active_boosts(game.world.catalog, system, person, day)],
        "awards": [award_shape(game.world, award, day) for award in awards],
    }


def _achievements(world: World, person: Person) -> list[JSON]:
    """Those that the user has, in order of completion, then those to come."""
    catalog = world.catalog
    done = [key for key in person.achievements if key in catalog.achievements]
    rows = [catalog.achievements[key] for key in done]
    rows += [row for key, row in catalog.achievements.items() if key not in person.achievements]
    return [
        user_achievement_shape(catalog, row, person.achievements.get(row.key))
        | stats_shape(world, row)
        | {"key": row.key, "progress": progress(world, person, row)}
        for row in rows
        if row.key in person.achievements or visible(person, row)
    ]


def progress(world: World, person: Person, row: Achievement) -> JSON:
    """How far a user is: `current` of `target`, or None where only the application knows."""
    if row.trigger == "metric":
        known = person.metrics.get(str(row.metric))
        total = known.sum_of(row.event_attributes).total if known else 0
        return {"current": number(total), "target": number(row.value)}
    if row.trigger == "streak":
        return {"current": person.streak.length, "target": row.streak_length}
    if row.trigger == "achievement":
        done = sum(key in person.achievements for key in row.prerequisites)
        return {"current": done, "target": len(row.prerequisites)}
    return None


def _place(game: Game, person: Person, key: str) -> JSON:
    """The user's place in the current run of a board, with the newest changes of it."""
    world, board = game.world, game.world.catalog.leaderboards[key]
    first = current_run(board, today(game, person))
    run = world.run(key, first)
    standing = run.standing(person.profile.id) if run else NOWHERE
    score = run.scores.get(person.profile.id) if run else None
    group = score.group if score else None
    history = users_leaderboard(game, id=person.profile.id, key=key, num_events=100)["history"] if score else []
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

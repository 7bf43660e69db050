"""The states that a front end must draw, and a user (or something else) in each: what `GET /_mock/cast` lists.

Nothing is remembered from the seeding. Every state is looked for in the world as it is now, so the list stays true
after events and moves of the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice, takewhile
from typing import NamedTuple

from mockserver.api.leaderboards import users_leaderboard
from mockserver.api.points import points_boosts
from mockserver.api.shared import JSON, today
from mockserver.api.streaks import users_streak
from mockserver.game.catalog import MICRO, Leaderboard, PointsSystem
from mockserver.game.engine import Game
from mockserver.game.facts import LevelChanged, MetricChanged
from mockserver.game.leaderboards import current_run
from mockserver.game.periods import DAY, board_status, local_day, start_of_day, utc_day
from mockserver.game.ranking import Run
from mockserver.game.state import User

CLOSE = 0.15  # of the distance between two levels
LOOKED_AT = 1000  # users, the first ones: those of the seed are among them


class Found(NamedTuple):
    """Who or what is in a state. `user` None: it is about no user. `request`: the request that shows it."""

    user: str | None
    detail: str
    request: str


Find = Callable[[Game], Iterator[Found]]


def _users(game: Game) -> Iterator[tuple[str, User]]:
    yield from islice(game.world.users.items(), LOOKED_AT)


def _profiles(is_so: Callable[[User], bool], detail: str) -> Find:
    def find(game: Game) -> Iterator[Found]:
        return (Found(user_id, detail, f"GET /users/{user_id}") for user_id, user in _users(game) if is_so(user))

    return find


def _streaks(is_so: Callable[[JSON, JSON, JSON], bool], detail: str) -> Find:
    """`is_so` gets the streak, its history's previous row and its current one."""

    def find(game: Game) -> Iterator[Found]:
        for user, _ in _users(game):
            streak = users_streak(game, id=user, history_periods=3)
            before, current = streak["streakHistory"][-2:]
            if is_so(streak, before, current):
                yield Found(user, detail.format(**streak), f"GET /users/{user}/streak")

    return find


def _at_risk(streak: JSON, before: JSON, current: JSON) -> bool:
    end: str = current["periodEnd"]
    return bool(streak["length"] and not current["length"] and streak["expires"] == end)


def _saved(streak: JSON, before: JSON, current: JSON) -> bool:
    return bool(before.get("usedFreeze") and streak["length"])


def _lost(game: Game) -> Iterator[Found]:
    """The streak that ended when the current period began."""
    for user, _ in _users(game):
        streak = users_streak(game, id=user, history_periods=3)
        earlier, before, current = streak["streakHistory"]
        if earlier["length"] and not before["length"] and not current["length"] and not streak["length"]:
            yield Found(user, f"it was {earlier['length']}", f"GET /users/{user}/streak")


def _moved(up: bool) -> Find:
    """A rank that is better, or worse, than when the user's present day began."""

    def find(game: Game) -> Iterator[Found]:
        for board in game.world.catalog.leaderboards.values():
            for user_id, user in _users(game):
                day = today(game, user)
                run = game.world.run(board.key, first := current_run(board, day))
                before, after = _ranks_of_a_day(run, user_id, start_of_day(day, user.zone)) if run else (None, None)
                if before and after and (after < before if up else after > before):
                    detail = f"from {before} to {after} on {board.key}"
                    yield Found(user_id, detail, f"GET /users/{user_id}/leaderboards/{board.key}?run={first}")

    return find


def _ranks_of_a_day(run: Run, user: str, begin: int) -> tuple[int | None, int | None]:
    """Somebody's rank when a day began (ms UTC), or the first one since, and now."""
    rank = now = run.standing(user).rank
    for change in takewhile(lambda change: change.time >= begin, run.changes(user)):
        rank = change.before.rank or rank
    return rank, now


def _boards(game: Game, status: str) -> Iterator[Leaderboard]:
    return (row for row in game.world.catalog.leaderboards.values() if board_status(row, game.now) == status)


def _outside(game: Game) -> Iterator[Found]:
    """Somebody with a value who is not on a full board."""
    for board in _boards(game, "active"):
        run = game.world.run(board.key, current_run(board, utc_day(game.now)))
        for user in run.scores if run else ():
            shape = users_leaderboard(game, id=user, key=board.key, num_events=1)
            if run is not None and shape["rank"] is None and run.threshold(run.scores[user].group or ()) > 1:
                detail = f"{board.key} has {board.max_participants} places"
                yield Found(user, detail, f"GET /users/{user}/leaderboards/{board.key}")


def _completed_by(number: int) -> Find:
    def find(game: Game) -> Iterator[Found]:
        for row in game.world.catalog.achievements.values():
            if row.status == "active" and game.world.completions[row.key] == number:
                holder = next((user_id for user_id, user in _users(game) if row.key in user.achievements), None)
                request = f"GET /users/{holder}/achievements" if holder else "GET /achievements"
                yield Found(holder, row.name, request)

    return find


def _locked(game: Game) -> Iterator[Found]:
    locked = {row.key: row for row in game.world.catalog.achievements.values() if row.status == "locked"}
    for user_id, user in _users(game):
        for key in user.achievements.keys() & locked.keys():
            yield Found(user_id, locked[key].name, f"GET /users/{user_id}/achievements")


def _events(is_so: Callable[[MetricChanged], bool], detail: Callable[[MetricChanged], str], request: str) -> Find:
    def find(game: Game) -> Iterator[Found]:
        for entry in game.world.journal:
            fact = entry.fact
            if isinstance(fact, MetricChanged) and fact.metric in game.world.catalog.metrics and is_so(fact):
                yield Found(fact.user, detail(fact), request.format(user=fact.user, metric=fact.metric))

    return find


def _level_lost(game: Game) -> Iterator[Found]:
    """During the last three days."""
    for entry in game.world.journal:
        fact = entry.fact
        if isinstance(fact, LevelChanged) and entry.time >= game.now - 3 * DAY:
            system = game.world.catalog.points.get(fact.system)  # a later catalog may lack it
            levels = {row.key: row for row in system.levels} if system else {}
            before, after = levels.get(str(fact.previous)), levels.get(str(fact.level))
            if before and (after is None or after.points < before.points):
                detail = f"from {before.name} to {after.name if after else 'none'} in {fact.system}"
                yield Found(fact.user, detail, f"GET /users/{fact.user}/points/{fact.system}")


def _level_close(game: Game) -> Iterator[Found]:
    for system in game.world.catalog.points.values():
        for user_id, user in _users(game):
            if missing := _missing(system, user.points(system.key)):
                yield Found(user_id, missing, f"GET /users/{user_id}/points/{system.key}")


def _missing(system: PointsSystem, total: int) -> str | None:
    """What is missing to the next level, when that is little."""
    reached = system.level_at(total)
    following = next((row for row in system.levels if row.points > total), None)
    if following is None or not total:
        return None
    distance = following.points - (reached.points if reached else 0)
    missing = following.points - total
    return f"{missing} to {following.name} in {system.key}" if missing <= CLOSE * distance else None


def _boosts(status: str) -> Find:
    def find(game: Game) -> Iterator[Found]:
        for key in game.world.catalog.points:
            for row in points_boosts(game, key=key, include_finished=True):
                if row["status"] == status:
                    yield Found(None, f"{row['name']} in {key}", f"GET /points/{key}/boosts?includeFinished=true")

    return find


def _own_boost(game: Game) -> Iterator[Found]:
    for key, system in game.world.catalog.points.items():
        for boost in system.boosts:
            user = game.world.users.get(boost.user or "")
            if user and boost.start <= local_day(game.now, user.zone) <= (boost.end or utc_day(game.now + DAY)):
                yield Found(boost.user, boost.name, f"GET /users/{boost.user}/points/{key}/boosts")


def _idle(game: Game) -> Iterator[Found]:
    return (Found(user_id, "", f"GET /users/{user_id}/metrics") for user_id, user in _users(game) if not user.metrics)


# Name → what it is, and how to find it. In the order in which a reader looks for them.
STATES: dict[str, tuple[str, Find]] = {
    "streak-expires-tonight": (
        "A streak that ends with the current period unless it is extended",
        _streaks(_at_risk, "length {length}, expires {expires}"),
    ),
    "streak-saved-by-freeze": (
        "A streak that a freeze saved when the current period began",
        _streaks(_saved, "length {length}"),
    ),
    "streak-lost": ("A streak that was lost when the current period began", _lost),
    "rank-rose": ("A rank that rose today", _moved(up=True)),
    "rank-fell": ("A rank that fell today", _moved(up=False)),
    "outside-a-full-board": ("Somebody with a value, but no place, on an active board that is full", _outside),
    "achievement-of-nobody": ("An achievement that nobody has", _completed_by(0)),
    "achievement-of-one": ("An achievement that only one user has", _completed_by(1)),
    "locked-achievement": ("The holder of an achievement that is locked", _locked),
    "level-lost": ("Somebody who dropped to a lower level within three days", _level_lost),
    "level-close": ("Somebody who is close to the next level", _level_close),
    "boost-active": ("A boost that is active", _boosts("active")),
    "boost-scheduled": ("A boost that is scheduled", _boosts("scheduled")),
    "boost-finished": ("A boost that is finished", _boosts("finished")),
    "boost-personal": ("A boost for one user alone", _own_boost),
    "no-name": ("A user without a name", _profiles(lambda user: user.profile.name is None, "")),
    "no-email": ("A user without an email", _profiles(lambda user: user.profile.email is None, "")),
    "no-time-zone": ("A user without a time zone", _profiles(lambda user: user.profile.tz is None, "lives by UTC")),
    "control-group": ("A user in the control group", _profiles(lambda user: user.profile.control, "")),
    "correction": (
        "A correction: an event with a negative value",
        _events(
            lambda fact: fact.value < 0,
            lambda fact: f"{fact.value / MICRO:g} {fact.metric}",
            "GET /users/{user}/metrics/{metric}",
        ),
    ),
    "decimals": (
        "An event with decimals",
        _events(
            lambda fact: fact.value % MICRO != 0,
            lambda fact: f"{fact.value / MICRO:g} {fact.metric}",
            "GET /users/{user}/metrics/{metric}",
        ),
    ),
    "idempotent-event": (
        "An event with an idempotency key: sent again, it is a replay",
        _events(
            lambda fact: bool(fact.idempotency_key),
            lambda fact: f"Idempotency-Key: {fact.idempotency_key}",
            "POST /metrics/{metric}/event",
        ),
    ),
    "nothing-yet": (
        "A user who has not done anything yet",
        _idle,
    ),
}


def cast(game: Game) -> Iterator[tuple[str, str, Found | None]]:
    """Every state by name, what it is, and who is in it; None when nobody is."""
    for name, (meaning, find) in STATES.items():
        yield name, meaning, next(find(game), None)

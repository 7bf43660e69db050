"""One table: webhook type → the fact behind it → the shape of its body, in the shapes of the API itself.

When a fact is observed only references to what it was about are taken; JSON is made when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from operator import itemgetter
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from mockserver.api.achievements import user_achievement_shape
from mockserver.api.leaderboards import board_shape, breakdown_shape, rankings_shape, standing_shape
from mockserver.api.points import boost_shape, change_shape, level_shape, system_shape
from mockserver.api.streaks import streak_shape
from mockserver.api.users import user_shape
from mockserver.game import facts as f
from mockserver.game.catalog import Achievement, Boost, Catalog, Leaderboard, PointsSystem
from mockserver.game.periods import local_day, zone
from mockserver.game.state import Award, Completion
from mockserver.game.world import World, group_of
from mockserver.spec import Document, DocumentError
from mockserver.webhooks.outbox import Happening

JSON = dict[str, Any]
TOP = 10  # rankings in the events of a board (behaviour, section 11)

Seen = tuple[
    str | None, Callable[..., JSON], tuple[Any, ...]
]  # whom it is about; the rest of the body: shape, arguments
Group = tuple[str, ...]
Place = tuple[int, int, str, str | None]  # rank, value, user, name


def achievement_completed(profile: f.Profile, catalog: Catalog, row: Achievement, completion: Completion) -> JSON:
    return {"user": user_shape(profile), "achievement": user_achievement_shape(catalog, row, completion)}


def streak_counted(profile: f.Profile, streak: JSON) -> JSON:
    return {"user": user_shape(profile), "streak": streak}


def streak_lost(profile: f.Profile, length: int) -> JSON:
    return {"user": user_shape(profile), "length": length}


def freezes_consumed(profile: f.Profile, consumed: int, freezes: int) -> JSON:
    return {"user": user_shape(profile), "consumed": consumed, "freezes": freezes}


def freezes_earned(profile: f.Profile, earned: int, freezes: int) -> JSON:
    return {"user": user_shape(profile), "earned": earned, "freezes": freezes}


def points_changed(world: World, profile: f.Profile, fact: f.PointsReported, awards: list[Award]) -> JSON:
    """`world` with the catalog as it was; awards have the status of boosts on the user's day then."""
    system = world.catalog.points[fact.system]
    day = local_day(world.time, zone(profile.tz))
    points = change_shape(world, system, awards, fact.total, day)
    if fact.level_changed:
        points["level"] = level_shape(system.level_at(fact.total))
    return {"user": user_shape(profile), "points": points}


def level_changed(profile: f.Profile, system: PointsSystem, fact: f.LevelChanged) -> JSON:
    levels = {level.key: level for level in system.levels}
    return {
        "user": user_shape(profile),
        "points": system_shape(system) | {"total": fact.total},
        "previousLevel": level_shape(levels.get(fact.previous or "")),
        "newLevel": level_shape(levels.get(fact.level or "")),
    }


def boost_changed(system: PointsSystem, boost: Boost, status: str) -> JSON:
    """Schema `PointsBoostWebhookPayload`; it has finished a second before its last day is over."""
    return {
        "boost": boost_shape(boost, boost.start)
        | {
            "status": status,
            "userId": boost.user,
            "pointsSystemId": system.id,
            "pointsSystemKey": system.key,
            "pointsSystemName": system.name,
        }
    }


def board_changed(
    catalog: Catalog,
    time: int,
    fact: f.RunStarted | f.RunFinished | f.ScoreChanged,
    group: Group | None,
    top: Iterable[Place],
) -> JSON:
    """`start` and `end` are the board's; `run` is the first day of the run (behaviour, section 11)."""
    board, rows = catalog.leaderboards[fact.board], [place[:3] for place in top]
    people = {user: SimpleNamespace(profile=SimpleNamespace(name=name)) for _, _, user, name in top}
    rankings = rankings_shape(cast(World, SimpleNamespace(users=people)), rows)  # all that it wants of a world
    return {"leaderboard": _board(catalog, time, board, fact.run, group) | {"rankings": rankings}}


def rank_changed(catalog: Catalog, time: int, profile: f.Profile, fact: f.RankChanged, group: Group | None) -> JSON:
    board = catalog.leaderboards[fact.board]
    before: JSON = {"previousRank": fact.before.rank, "previousValue": fact.before.value}
    board_then = _board(catalog, time, board, fact.run, group)
    return {"user": user_shape(profile), "leaderboard": board_then | standing_shape(fact.after) | before}


def _board(catalog: Catalog, time: int, board: Leaderboard, run: Any, group: Group | None) -> JSON:
    return {**board_shape(catalog, board, time), "run": run.isoformat(), **breakdown_shape(board, group)}


def _see_achievement(world: World, entry: f.Entry, fact: f.AchievementCompleted) -> Iterator[Seen]:
    if not fact.silent:
        row, completion = world.catalog.achievements[fact.achievement], Completion(entry.seq, entry.time)
        profile = world.users[fact.user].profile
        yield fact.user, achievement_completed, (profile, world.catalog, row, completion)


def _see_streak(world: World, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> Iterator[Seen]:
    person = world.users[fact.user]
    yield fact.user, streak_counted, (person.profile, streak_shape(world, person))


def _see_loss(world: World, entry: f.Entry, fact: f.StreakLost) -> Iterator[Seen]:
    yield fact.user, streak_lost, (world.users[fact.user].profile, fact.length)


def _see_freeze_used(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> Iterator[Seen]:
    yield fact.user, freezes_consumed, (world.users[fact.user].profile, 1, fact.freezes)


def _see_freeze_earned(world: World, entry: f.Entry, fact: f.FreezeEarned) -> Iterator[Seen]:
    yield fact.user, freezes_earned, (world.users[fact.user].profile, fact.earned, fact.freezes)


def _see_points(world: World, entry: f.Entry, fact: f.PointsReported) -> Iterator[Seen]:
    person = world.users[fact.user]
    recent = {award.seq: award for award in person.accounts[fact.system].awards}
    awards = [recent.get(seq) or _award(world.journal.entry(seq)) for seq in fact.awards]
    # A shallow copy keeps the catalog and the moment, whatever becomes of the world.
    yield fact.user, points_changed, (copy(world), person.profile, fact, awards)


def _award(entry: f.Entry) -> Award:
    """An award that is so far back that only the journal knows it."""
    fact = entry.fact
    assert isinstance(fact, f.PointsAwarded)
    return Award(entry.seq, entry.time, fact.awarded, fact.total, fact.trigger, fact.boosts)


def _see_level(world: World, entry: f.Entry, fact: f.LevelChanged) -> Iterator[Seen]:
    system = world.catalog.points[fact.system]
    yield fact.user, level_changed, (world.users[fact.user].profile, system, fact)


def _see_boost(world: World, entry: f.Entry, fact: f.BoostStarted | f.BoostFinished) -> Iterator[Seen]:
    status = "active" if isinstance(fact, f.BoostStarted) else "finished"
    boost = world.catalog.boosts_by_id[fact.boost]
    yield fact.user, boost_changed, (world.catalog.points[fact.system], boost, status)


def _see_run(world: World, entry: f.Entry, fact: f.RunStarted | f.RunFinished) -> Iterator[Seen]:
    # Choice: on a board with breakdown one event for each group; one without rankings when there is none.
    run = world.run(fact.board, fact.run)
    for group in [key for key, ranking in run.rankings.items() if ranking] if run else []:
        yield _see_top(world, entry, fact, group)
    if run is None or not any(run.rankings.values()):
        yield None, board_changed, (world.catalog, entry.time, fact, None, ())


def _see_score(world: World, entry: f.Entry, fact: f.ScoreChanged) -> Iterator[Seen]:
    if fact.group is not None:
        yield _see_top(world, entry, fact, fact.group)


def _see_top(world: World, entry: f.Entry, fact: Any, group: Group) -> Seen:
    rows = world.runs[fact.board][fact.run].top(group, 0, TOP)
    return None, board_changed, (world.catalog, entry.time, fact, group, named(world, rows))


def named(world: World, rows: Iterable[tuple[int, int, str]]) -> tuple[Place, ...]:
    """Places with the names that people have now."""
    users = world.users
    return tuple((rank, value, user, users[user].profile.name) for rank, value, user in rows)


def _see_rank(world: World, entry: f.Entry, fact: f.RankChanged) -> Iterator[Seen]:
    profile = world.users[fact.user].profile
    group = group_of(world.catalog.leaderboards[fact.board], profile.attributes)
    yield fact.user, rank_changed, (world.catalog, entry.time, profile, fact, group)


class Row(NamedTuple):
    """`phase`: the place among the events of one request."""

    phase: int
    fact: type[f.Fact]
    see: Callable[[World, f.Entry, Any], Iterator[Seen]]


TABLE: dict[str, Row] = {
    "achievement.completed": Row(0, f.AchievementCompleted, _see_achievement),
    "streak.started": Row(1, f.StreakStarted, _see_streak),
    "streak.extended": Row(1, f.StreakExtended, _see_streak),
    "streak.lost": Row(1, f.StreakLost, _see_loss),
    "streak.freeze_consumed": Row(1, f.FreezeConsumed, _see_freeze_used),
    "streak.freeze_earned": Row(1, f.FreezeEarned, _see_freeze_earned),
    "points.changed": Row(2, f.PointsReported, _see_points),
    "points.boost_started": Row(2, f.BoostStarted, _see_boost),
    "points.boost_finished": Row(2, f.BoostFinished, _see_boost),
    "points.level_changed": Row(3, f.LevelChanged, _see_level),
    "leaderboard.started": Row(4, f.RunStarted, _see_run),
    "leaderboard.changed": Row(4, f.ScoreChanged, _see_score),
    "leaderboard.finished": Row(4, f.RunFinished, _see_run),
    "leaderboard.rank_changed": Row(4, f.RankChanged, _see_rank),
}
KINDS = tuple(TABLE)
BY_FACT = {row.fact: (kind, row) for kind, row in TABLE.items()}


def bind(document: Document) -> None:
    """The table's types and the document's are the same, or DocumentError lists what is missing where."""
    mismatches = [f"{kind}: the document has it, but no row does" for kind in document.webhooks if kind not in TABLE]
    mismatches += [
        f"{kind}: a row has it, but the document does not" for kind in TABLE if kind not in document.webhooks
    ]
    if mismatches:
        raise DocumentError("The document and the table of webhooks do not fit:\n  " + "\n  ".join(mismatches))


def happenings(world: World, entries: Iterable[f.Entry]) -> list[Happening]:
    """The webhooks of one request or moment, in the order in which they go out (behaviour, section 11)."""
    found = [
        (row.phase, Happening(kind, entry.time, *seen))
        for entry in _merged(entries)
        for kind, row in (BY_FACT[type(entry.fact)],)
        for seen in row.see(world, entry, entry.fact)
    ]
    found.sort(key=itemgetter(0))
    return [happening for _, happening in found]


def _merged(entries: Iterable[f.Entry]) -> Iterable[f.Entry]:
    """The facts that are told; of one board's changes one for each group, of one user's ranks the whole move."""
    told: dict[object, f.Entry] = {}
    moved: set[int] = set()
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, f.UserChanged):
            moved.add(entry.seq)
        if type(fact) not in BY_FACT:
            continue
        key: object = entry.seq
        if isinstance(fact, f.ScoreChanged):
            if fact.before == fact.after and entry.cause not in moved:
                continue
            key = fact.board, fact.run, fact.group
        elif isinstance(fact, f.RankChanged):
            key = fact.user, fact.board, fact.run
            earlier = told.get(key)
            if earlier is not None and isinstance(earlier.fact, f.RankChanged):
                entry = entry._replace(fact=fact._replace(before=earlier.fact.before))
        told[key] = entry
    return [entry for entry in told.values() if not _stayed(entry.fact)]


def _stayed(fact: f.Fact) -> bool:
    return isinstance(fact, f.RankChanged) and fact.before.rank == fact.after.rank

"""One table: webhook type → the fact behind it → the shape of its body, in the shapes of the API itself.

When a fact is observed only references to what it was about are taken; JSON is made when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from datetime import date
from typing import Any, NamedTuple

from mockserver.api.streaks import streak_shape
from mockserver.game import facts as f
from mockserver.game.ranking import Run
from mockserver.game.rows import Award
from mockserver.game.state import Completion
from mockserver.game.world import World
from mockserver.spec import Document, DocumentError
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import Happening
from mockserver.webhooks.shapes import JSON, Group, Top

TOP = 10  # rankings in the events of a board (behaviour, section 11)

Seen = tuple[str | None, Callable[..., JSON], tuple[Any, ...]]  # whom it is about; the body's shape; its arguments
Standing = tuple[int | None, int | None]  # rank and value, as in `facts.Standing` but cheaper to make
Move = tuple[str, Standing, Standing]  # of whom; before and after


def _see_achievement(world: World, entry: f.Entry, fact: f.AchievementCompleted) -> Iterator[Seen]:
    if not fact.silent:
        row, completion = world.catalog.achievements[fact.achievement], Completion(entry.seq, entry.time)
        profile = world.users[fact.user].profile
        yield fact.user, shapes.achievement_completed, (profile, world.catalog, row, completion)


def _see_streak(world: World, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> Iterator[Seen]:
    person = world.users[fact.user]
    yield fact.user, shapes.streak_counted, (person.profile, streak_shape(world, person))


def _see_loss(world: World, entry: f.Entry, fact: f.StreakLost) -> Iterator[Seen]:
    yield fact.user, shapes.streak_lost, (world.users[fact.user].profile, fact.length)


def _see_freeze_used(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> Iterator[Seen]:
    yield fact.user, shapes.freezes_consumed, (world.users[fact.user].profile, 1, fact.freezes)


def _see_freeze_earned(world: World, entry: f.Entry, fact: f.FreezeEarned) -> Iterator[Seen]:
    yield fact.user, shapes.freezes_earned, (world.users[fact.user].profile, fact.earned, fact.freezes)


def _see_points(world: World, entry: f.Entry, fact: f.PointsReported) -> Iterator[Seen]:
    person = world.users[fact.user]
    recent = {award.seq: award for award in person.accounts[fact.system].awards.newest(len(fact.awards))}
    awards = [recent.get(seq) or _award(world.journal.entry(seq)) for seq in fact.awards]
    # A shallow copy keeps the catalog and the moment, whatever becomes of the world.
    yield fact.user, shapes.points_changed, (copy(world), person.profile, fact, awards)


def _award(entry: f.Entry) -> Award:
    """An award that is so far back that only the journal knows it."""
    fact = entry.fact
    assert isinstance(fact, f.PointsAwarded)
    return Award(entry.seq, entry.time, fact.awarded, fact.total, fact.trigger, fact.boosts)


def _see_level(world: World, entry: f.Entry, fact: f.LevelChanged) -> Iterator[Seen]:
    system = world.catalog.points[fact.system]
    yield fact.user, shapes.level_changed, (world.users[fact.user].profile, system, fact)


def _see_boost(world: World, entry: f.Entry, fact: f.BoostStarted | f.BoostFinished) -> Iterator[Seen]:
    status = "active" if isinstance(fact, f.BoostStarted) else "finished"
    boost = world.catalog.boosts_by_id[fact.boost]
    yield fact.user, shapes.boost_changed, (world.catalog.points[fact.system], boost, status)


def _see_run(world: World, entry: f.Entry, fact: f.RunStarted | f.RunFinished) -> Iterator[Seen]:
    # Choice: on a board with breakdown one event for each group; one without rankings when there is none.
    run = world.run(fact.board, fact.run)
    for group in [key for key, ranking in run.rankings.items() if ranking] if run else []:
        yield _see_top(world, entry, fact, group)
    if run is None or not any(run.rankings.values()):
        yield None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, None, ([], []))


def _see_scores(world: World, told: list[f.Entry]) -> Iterator[Seen]:
    """Each group whose ranking changed, once, however often it did."""
    changed = {
        (fact.board, fact.run, group): entry
        for entry in told
        for fact in (_score(entry),)
        for group in _groups_changed(fact)
    }
    for (_, _, group), entry in changed.items():
        yield _see_top(world, entry, entry.fact, group)


def _score(entry: f.Entry) -> f.ScoreChanged:
    assert isinstance(entry.fact, f.ScoreChanged)
    return entry.fact


def _groups_changed(fact: f.ScoreChanged) -> Iterator[Group]:
    """The groups whose ranking is another than before: everybody who moved is in one of them."""
    if fact.left is not None:
        yield fact.left
    entered = fact.before != fact.after if fact.left is None else fact.after.rank is not None
    if entered and fact.group is not None:
        yield fact.group


def _see_top(world: World, entry: f.Entry, fact: Any, group: Group) -> Seen:
    run = world.runs[fact.board][fact.run]
    return None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, group, top(world, run, group))


def top(world: World, run: Run, group: Group) -> Top:
    """The first places of a group and the names that people have now."""
    places, users = run.ranking(group)[: min(TOP, run.limit)], world.users
    return places, [users[place[2]].profile.name for place in places]


def _see_ranks(world: World, told: list[f.Entry]) -> Iterator[Seen]:
    """Everybody whose rank is another after the request than before it, whoever caused it."""
    catalog, time, users = world.catalog, told[0].time, world.users
    runs: dict[tuple[str, date], list[f.ScoreChanged]] = {}
    for fact in map(_score, told):
        runs.setdefault((fact.board, fact.run), []).append(fact)
    for (board, run), facts in runs.items():
        moves = _places(facts[0]) if len(facts) == 1 else _moves(facts, world.runs[board][run])
        for user, before, after in moves:
            if before[0] != after[0]:
                yield user, shapes.rank_changed, (catalog, time, users[user].profile, board, run, *before, *after)


def _moves(facts: list[f.ScoreChanged], run: Run) -> Iterator[Move]:
    """What several changes in one run come to for everybody whom one of them moved; they lead to the run as it is."""
    before: dict[str, Standing] = {}
    for number, fact in enumerate(facts):
        for user, (rank, value), _ in _places(fact):
            if user not in before:
                rank = rank if user == fact.user else _rank_before(facts[:number], rank, run.limit)
                before[user] = rank, None if rank is None else value
    for user, standing in before.items():
        yield user, standing, run.standing(user)


def _rank_before(facts: list[f.ScoreChanged], rank: int | None, limit: int) -> int | None:
    """Which rank somebody had before others moved as the `facts` say."""
    if rank is None:
        return None
    for fact in reversed(facts):
        was, now = fact.before.rank or limit + 1, fact.after.rank or limit + 1
        rank += (was <= rank < now) - (now < rank <= was)
    return rank if rank <= limit else None


def _places(fact: f.ScoreChanged) -> Iterator[Move]:
    yield fact.user, fact.before, fact.after
    for user, before, after, value in fact.moved:
        yield user, (before, None if before is None else value), (after, None if after is None else value)


def _each(see: Callable[[World, f.Entry, Any], Iterator[Seen]]) -> Callable[[World, list[f.Entry]], Iterator[Seen]]:
    """Facts that are told one by one."""
    return lambda world, told: (seen for entry in told for seen in see(world, entry, entry.fact))


class Row(NamedTuple):
    """`see` gets all facts of that type that one request or moment brought."""

    fact: type[f.Fact]
    see: Callable[[World, list[f.Entry]], Iterator[Seen]]


# In the order in which the events of one request go out (behaviour, section 11).
TABLE: dict[str, Row] = {
    "achievement.completed": Row(f.AchievementCompleted, _each(_see_achievement)),
    "streak.started": Row(f.StreakStarted, _each(_see_streak)),
    "streak.extended": Row(f.StreakExtended, _each(_see_streak)),
    "streak.lost": Row(f.StreakLost, _each(_see_loss)),
    "streak.freeze_consumed": Row(f.FreezeConsumed, _each(_see_freeze_used)),
    "streak.freeze_earned": Row(f.FreezeEarned, _each(_see_freeze_earned)),
    "points.changed": Row(f.PointsReported, _each(_see_points)),
    "points.boost_started": Row(f.BoostStarted, _each(_see_boost)),
    "points.boost_finished": Row(f.BoostFinished, _each(_see_boost)),
    "points.level_changed": Row(f.LevelChanged, _each(_see_level)),
    "leaderboard.started": Row(f.RunStarted, _each(_see_run)),
    "leaderboard.changed": Row(f.ScoreChanged, _see_scores),
    "leaderboard.finished": Row(f.RunFinished, _each(_see_run)),
    "leaderboard.rank_changed": Row(f.ScoreChanged, _see_ranks),
}
KINDS = tuple(TABLE)
TOLD = {row.fact for row in TABLE.values()}


def bind(document: Document) -> None:
    """The table's types and the document's are the same, or DocumentError lists what is missing where."""
    mismatches = [f"{kind}: the document has it, but no row does" for kind in document.webhooks if kind not in TABLE]
    mismatches += [
        f"{kind}: a row has it, but the document does not" for kind in TABLE if kind not in document.webhooks
    ]
    if mismatches:
        raise DocumentError("The document and the table of webhooks do not fit:\n  " + "\n  ".join(mismatches))


def happenings(world: World, entries: list[f.Entry]) -> list[Happening]:
    """The webhooks of one request or moment, in the order in which they go out."""
    told: dict[type[f.Fact], list[f.Entry]] = {}
    for entry in entries:
        kind = type(entry.fact)
        if kind in TOLD:
            told.setdefault(kind, []).append(entry)
    if not told:
        return []
    time, rows = entries[0].time, [(kind, row) for kind, row in TABLE.items() if row.fact in told]
    return [Happening(kind, time, *seen) for kind, row in rows for seen in row.see(world, told[row.fact])]

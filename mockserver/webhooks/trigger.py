"""A realistic webhook of any type, now, from the world as it is: nothing in the world changes.

It tells what could happen next. What the world lacks (a user, a streak, a board) is made up to fit.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any, NamedTuple

from mockserver.api.streaks import streak_shape, whole_streak_shape
from mockserver.game import facts as f
from mockserver.game.catalog import (
    MICRO,
    Achievement,
    Boost,
    Freezes,
    Leaderboard,
    Level,
    PointsSystem,
    PointsTrigger,
    Streak,
)
from mockserver.game.leaderboards import current_run, run_opens
from mockserver.game.periods import (
    DAY,
    FINISHED_AFTER,
    end_of_period,
    local_day,
    next_period,
    previous_period,
    run_end,
    run_index,
    start_of_period,
    start_of_utc,
    utc_day,
)
from mockserver.game.ranking import NOWHERE, Run
from mockserver.game.rows import Award, CountedPeriods
from mockserver.game.state import Completion, Person, StreakState
from mockserver.game.world import World, group_of
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.scores import top
from mockserver.webhooks.views import Now

Part = tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]  # a shape and its arguments
USUAL_STREAK = 7


class Stage(NamedTuple):
    """A copy of the world that may be changed, and who plays the part."""

    world: World
    person: Person
    now: int

    @property
    def profile(self) -> f.Profile:
        return self.person.profile

    @property
    def today(self) -> date:
        return local_day(self.now, self.person.zone)

    def id_of(self, thing: str, number: int = 1) -> str:
        return self.world.id_of(f"made up {thing}", number)


def trigger(world: World, kind: str, user: str | None, now: int) -> WebhookEvent:
    """An event of that type about that user (any, when None), at `now` in milliseconds UTC."""
    stage = _stage(world, user, now)
    about = None if kind in NOBODYS else stage.profile.id
    return WebhookEvent(kind, now, about, *PLAYS[kind](stage))


def _stage(world: World, user: str | None, now: int) -> Stage:
    user = next(iter(world.users), "user-1") if user is None else user
    person = copy(world.users[user]) if user in world.users else _stranger(user, now)
    scene = copy(world)
    scene.users = {**world.users, user: person}
    scene.time = now
    return Stage(scene, person, now)


def _stranger(user: str, now: int) -> Person:
    created = max(0, now - 30 * DAY)
    known = ("robin@example.com", "Robin Doe", None, None, None, None)
    return Person(f.Profile(user, *known, {}, False, created, created), 0)


def _achievement(stage: Stage) -> Part:
    catalog, done = stage.world.catalog, stage.person.achievements
    active = [row for row in catalog.achievements.values() if row.status == "active"]
    # One that the user can still complete, else one that was completed.
    row = next((row for row in active if row.key not in done), active[0] if active else None)
    if row is None:
        row = Achievement(stage.id_of("achievement"), "first-steps", "First Steps", "api")
    completion = Completion(len(stage.world.journal) + 1, stage.now)
    return shapes.achievement_completed, (stage.profile, catalog, row, completion)


def _streak_started(stage: Stage) -> Part:
    return _streak(stage, 1)


def _streak_extended(stage: Stage) -> Part:
    state = stage.person.streak
    period = start_of_period(stage.today, _rules(stage).frequency, stage.world.catalog.settings.week_start)
    return _streak(stage, max(2, state.length + (state.counted != period)))


def _rules(stage: Stage) -> Streak:
    if stage.world.catalog.streak is None:
        stage.world.catalog = replace(stage.world.catalog, streak=Streak(freezes=Freezes(1, 3)))
    return stage.world.catalog.streak or Streak()


def _streak(stage: Stage, length: int) -> Part:
    """A streak of that length, counted today."""
    frequency, week_start = _rules(stage).frequency, stage.world.catalog.settings.week_start
    period = earliest = start_of_period(stage.today, frequency, week_start)
    for _ in range(length - 1):
        earliest = previous_period(earliest, frequency, week_start)
    old = stage.person.streak
    begun = old.started is not None and old.started <= end_of_period(earliest, frequency, week_start)
    stage.person.streak = StreakState(
        length=length,
        started=old.started if begun else stage.today if length == 1 else earliest,
        counted=period,
        expires=end_of_period(next_period(period, frequency, week_start), frequency, week_start),
        freezes=old.freezes,
    )
    return shapes.streak_counted, (stage.profile, streak_shape(stage.world, stage.person))


def _streak_lost(stage: Stage) -> Part:
    return shapes.streak_lost, (stage.profile, stage.person.streak.length or USUAL_STREAK)


def _freeze_consumed(stage: Stage) -> Part:
    return shapes.freezes_consumed, (stage.profile, 1, max(0, stage.person.streak.freezes - 1))


def _freeze_earned(stage: Stage) -> Part:
    freezes = _rules(stage).freezes or Freezes(1, 3)
    freezes = freezes if freezes.maximum and freezes.auto_earn_amount else Freezes(1, 3)
    held = min(stage.person.streak.freezes, freezes.maximum - 1)
    earned = min(freezes.auto_earn_amount, freezes.maximum - held)
    return shapes.freezes_earned, (stage.profile, earned, held + earned)


def _system(stage: Stage) -> PointsSystem:
    """A points system that pays for something and has levels, put into the stage's catalog."""
    systems = stage.world.catalog.points
    system = next((row for row in systems.values() if row.levels), next(iter(systems.values()), None))
    if system is None:
        system = PointsSystem(stage.id_of("points"), "xp", "XP")
    if _paying(system) is None:
        made_up = PointsTrigger(stage.id_of("trigger"), "streak", 10, threshold=1)
        system = replace(system, triggers=(*system.triggers, made_up))
    if not system.levels:
        names = enumerate(("Bronze", "Silver"))
        levels = (Level(stage.id_of("level", n), name.lower(), name, "", 100 * n) for n, name in names)
        system = replace(system, levels=tuple(levels))
    stage.world.catalog = replace(stage.world.catalog, points={**systems, system.key: system})
    return system


def _paying(system: PointsSystem) -> PointsTrigger | None:
    rows = (row for row in system.triggers if row.status == "active" and row.points > 0)
    return next((row for row in rows if row.type != "user_creation"), None)


def _points(stage: Stage) -> Part:
    system = _system(stage)
    paying = _paying(system)
    assert paying is not None
    total, cap = stage.person.points(system.key), system.max_points
    total = total + paying.points if cap is None else min(total + paying.points, max(cap, paying.points))
    award = Award(len(stage.world.journal) + 1, stage.now, paying.points, total, paying.id, ())
    fact = f.PointsReported(stage.profile.id, system.key, paying.points, total, (award.seq,), None, False)
    return shapes.points_changed, (stage.world, stage.profile, fact, [award])


def _level(stage: Stage) -> Part:
    """Up to the next level; whoever is at the top has just come there."""
    system = _system(stage)
    total = stage.person.points(system.key)
    higher = [level for level in system.levels if level.points > total]
    new = higher[0] if higher else system.levels[-1]
    before = system.level_at(new.points - 1)
    total = max(total, new.points)
    fact = f.LevelChanged(stage.profile.id, system.key, before.key if before else None, new.key, total)
    return shapes.level_changed, (stage.profile, system, fact)


def _boost(stage: Stage, status: str) -> Part:
    system = next((row for row in stage.world.catalog.points.values() if row.boosts), None)
    if system is not None:
        return shapes.boost_changed, (system, system.boosts[0], status)
    day = utc_day(stage.now)
    first = day if status == "active" else date.fromordinal(max(1, day.toordinal() - 2))
    last = date.fromordinal(first.toordinal() + 2)
    boost = Boost(stage.id_of("boost"), "Double Points", first, last, 2 * MICRO)
    return shapes.boost_changed, (_system(stage), boost, status)


class Scene(NamedTuple):
    """A board's run and the group in it that the part is played in."""

    board: Leaderboard
    first: date
    run: Run
    group: tuple[str, ...]


def _scene(stage: Stage) -> Scene:
    catalog = stage.world.catalog
    boards = sorted(catalog.leaderboards.values(), key=lambda board: len(board.breakdown))
    board = boards[0] if boards else None
    if board is None:
        start = utc_day(stage.now).replace(day=1)
        board = Leaderboard(stage.id_of("board"), "streaks", "Longest Streaks", "streak", start, max_participants=100)
        stage.world.catalog = replace(catalog, leaderboards={board.key: board})
    first = current_run(board, stage.today)
    run = stage.world.run(board.key, first) or Run(board.max_participants)
    groups = (group_of(board, stage.profile.attributes), *run.rankings)
    group = next((group for group in groups if group is not None), tuple("example" for _ in board.breakdown))
    return Scene(board, first, run, group)


def _run_started(stage: Stage) -> Part:
    board, first, run, group = _scene(stage)
    places = top(Now(stage.world, run), group)
    time = max(0, run_opens(board, first))
    return shapes.board_changed, (stage.world.catalog, time, board.key, first, group, places)


def _board_changed(stage: Stage) -> Part:
    board, first, _, group = scene = _scene(stage)
    return shapes.board_changed, (stage.world.catalog, stage.now, board.key, first, group, _top(stage, scene))


def _run_finished(stage: Stage) -> Part:
    board, first, _, group = scene = _scene(stage)
    end = run_end(board, run_index(board, first))
    time = stage.now if end is None else max(0, start_of_utc(end) + FINISHED_AFTER)
    return shapes.board_changed, (stage.world.catalog, time, board.key, first, group, _top(stage, scene))


def _top(stage: Stage, scene: Scene) -> shapes.Top:
    """The ranking as it is, or with the user alone on it."""
    alone = [(-USUAL_STREAK, 0, stage.profile.id)], [stage.profile.name]
    return top(Now(stage.world, scene.run), scene.group) if scene.run.ranking(scene.group) else alone


def _rank(stage: Stage) -> Part:
    """Past the next one below; whoever is on no board comes on at the end."""
    board, first, run, group = _scene(stage)
    user, ranking = stage.profile.id, run.ranking(group)
    after, before = run.standing(user), NOWHERE
    if after.rank is None or after.value is None:
        after = f.Standing(min(len(ranking) + 1, run.limit), run.threshold(group))
    elif after.rank < len(ranking) and after.value > 1:
        before = f.Standing(after.rank + 1, min(-ranking[after.rank][0], after.value - 1))
    world, profile = stage.world, stage.profile
    return shapes.rank_changed, (world.catalog, stage.now, profile, board.key, first, *before, *after)


def _recap(stage: Stage) -> Part:
    """Of the last whole week."""
    week_start = stage.world.catalog.settings.week_start
    first = previous_period(start_of_period(stage.today, "weekly", week_start), "weekly", week_start)
    return shapes.recap_due, (stage.profile, first, end_of_period(first, "weekly", week_start))


def _reactivation(stage: Stage) -> Part:
    return shapes.reactivation_due, (stage.profile, 1, USUAL_STREAK)


def _reminder(stage: Stage) -> Part:
    """As it stands; whoever has no streak has one that was counted in the last period."""
    frequency, week_start = _rules(stage).frequency, stage.world.catalog.settings.week_start
    if not stage.person.streak.length:
        _streak(stage, 1)
        state, period = stage.person.streak, start_of_period(stage.today, frequency, week_start)
        before = previous_period(period, frequency, week_start)
        expires = end_of_period(period, frequency, week_start)
        counted = CountedPeriods()
        counted.count(before, 1)
        stage.person.streak = replace(state, started=before, counted=before, expires=expires, history=counted)
    return shapes.streak_counted, (
        stage.profile,
        whole_streak_shape(stage.world, stage.person, stage.today, USUAL_STREAK),
    )


PLAYS: dict[str, Callable[[Stage], Part]] = {
    "achievement.completed": _achievement,
    "streak.started": _streak_started,
    "streak.extended": _streak_extended,
    "streak.lost": _streak_lost,
    "streak.freeze_consumed": _freeze_consumed,
    "streak.freeze_earned": _freeze_earned,
    "points.changed": _points,
    "points.boost_started": partial(_boost, status="active"),
    "points.boost_finished": partial(_boost, status="finished"),
    "points.level_changed": _level,
    "leaderboard.started": _run_started,
    "leaderboard.changed": _board_changed,
    "leaderboard.finished": _run_finished,
    "leaderboard.rank_changed": _rank,
    "emails.recap_due": _recap,
    "emails.reactivation_due": _reactivation,
    "emails.streak_reminder_due": _reminder,
    "emails.achievement_due": _achievement,
}
NOBODYS = {kind for kind in PLAYS if kind.startswith(("points.boost", "leaderboard"))} - {"leaderboard.rank_changed"}

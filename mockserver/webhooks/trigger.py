"""A realistic webhook of any type, now, from the world as it is: nothing in the world changes.

It shows what could happen next. What the world lacks (a user, a streak, a board) is made up to fit.
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
from mockserver.game.ranking import UNRANKED, Run
from mockserver.game.rows import Award, CountedPeriods
from mockserver.game.state import Completion, StreakState, User
from mockserver.game.world import World, group_of
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.run_views import CurrentRun
from mockserver.webhooks.scores import top

Part = tuple[Callable[..., dict[str, Any]], tuple[Any, ...]]  # a shape and its arguments
USUAL_STREAK = 7


class Draft(NamedTuple):
    """A copy of the world that may be changed, and who plays the part."""

    world: World
    user: User
    now: int

    @property
    def profile(self) -> f.Profile:
        return self.user.profile

    @property
    def today(self) -> date:
        return local_day(self.now, self.user.zone)

    def id_of(self, thing: str, number: int = 1) -> str:
        return self.world.id_of(f"made up {thing}", number)


def trigger(world: World, kind: str, user: str | None, now: int) -> WebhookEvent:
    """An event of that type about that user (any, when None), at `now` in milliseconds UTC."""
    draft = _draft(world, user, now)
    about = None if kind in WITHOUT_USER else draft.profile.id
    return WebhookEvent(kind, now, about, *MAKERS[kind](draft))


def _draft(world: World, user_id: str | None, now: int) -> Draft:
    user_id = next(iter(world.users), "user-1") if user_id is None else user_id
    user = copy(world.users[user_id]) if user_id in world.users else _made_up_user(user_id, now)
    changed = copy(world)
    changed.users = {**world.users, user_id: user}
    changed.time = now
    return Draft(changed, user, now)


def _made_up_user(user: str, now: int) -> User:
    created = max(0, now - 30 * DAY)
    known = ("robin@example.com", "Robin Doe", None, None, None, None)
    return User(f.Profile(user, *known, {}, False, created, created), 0)


def _achievement(draft: Draft) -> Part:
    catalog, done = draft.world.catalog, draft.user.achievements
    active = [row for row in catalog.achievements.values() if row.status == "active"]
    # One that the user can still complete, else one that was completed.
    row = next((row for row in active if row.key not in done), active[0] if active else None)
    if row is None:
        row = Achievement(draft.id_of("achievement"), "first-steps", "First Steps", "api")
    completion = Completion(len(draft.world.journal) + 1, draft.now)
    return shapes.achievement_completed, (draft.profile, catalog, row, completion)


def _streak_started(draft: Draft) -> Part:
    return _streak(draft, 1)


def _streak_extended(draft: Draft) -> Part:
    state = draft.user.streak
    period = start_of_period(draft.today, _rules(draft).frequency, draft.world.catalog.settings.week_start)
    return _streak(draft, max(2, state.length + (state.counted != period)))


def _rules(draft: Draft) -> Streak:
    if draft.world.catalog.streak is None:
        draft.world.catalog = replace(draft.world.catalog, streak=Streak(freezes=Freezes(1, 3)))
    return draft.world.catalog.streak or Streak()


def _streak(draft: Draft, length: int) -> Part:
    """A streak of that length, counted today."""
    frequency, week_start = _rules(draft).frequency, draft.world.catalog.settings.week_start
    period = earliest = start_of_period(draft.today, frequency, week_start)
    for _ in range(length - 1):
        earliest = previous_period(earliest, frequency, week_start)
    old = draft.user.streak
    begun = old.started is not None and old.started <= end_of_period(earliest, frequency, week_start)
    draft.user.streak = StreakState(
        length=length,
        started=old.started if begun else draft.today if length == 1 else earliest,
        counted=period,
        expires=end_of_period(next_period(period, frequency, week_start), frequency, week_start),
        freezes=old.freezes,
    )
    return shapes.streak_counted, (draft.profile, streak_shape(draft.world, draft.user))


def _streak_lost(draft: Draft) -> Part:
    return shapes.streak_lost, (draft.profile, draft.user.streak.length or USUAL_STREAK)


def _freeze_consumed(draft: Draft) -> Part:
    return shapes.freezes_consumed, (draft.profile, 1, max(0, draft.user.streak.freezes - 1))


def _freeze_earned(draft: Draft) -> Part:
    freezes = _rules(draft).freezes or Freezes(1, 3)
    freezes = freezes if freezes.maximum and freezes.auto_earn_amount else Freezes(1, 3)
    held = min(draft.user.streak.freezes, freezes.maximum - 1)
    earned = min(freezes.auto_earn_amount, freezes.maximum - held)
    return shapes.freezes_earned, (draft.profile, earned, held + earned)


def _system(draft: Draft) -> PointsSystem:
    """A points system that pays for something and has levels, put into the stage's catalog."""
    systems = draft.world.catalog.points
    system = next((row for row in systems.values() if row.levels), next(iter(systems.values()), None))
    if system is None:
        system = PointsSystem(draft.id_of("points"), "xp", "XP")
    if _paying(system) is None:
        extra = PointsTrigger(draft.id_of("trigger"), "streak", 10, threshold=1)
        system = replace(system, triggers=(*system.triggers, extra))
    if not system.levels:
        names = enumerate(("Bronze", "Silver"))
        levels = (Level(draft.id_of("level", n), name.lower(), name, "", 100 * n) for n, name in names)
        system = replace(system, levels=tuple(levels))
    draft.world.catalog = replace(draft.world.catalog, points={**systems, system.key: system})
    return system


def _paying(system: PointsSystem) -> PointsTrigger | None:
    rows = (row for row in system.triggers if row.status == "active" and row.points > 0)
    return next((row for row in rows if row.type != "user_creation"), None)


def _points(draft: Draft) -> Part:
    system = _system(draft)
    paying = _paying(system)
    assert paying is not None
    total, cap = draft.user.points(system.key), system.max_points
    total = total + paying.points if cap is None else min(total + paying.points, max(cap, paying.points))
    award = Award(len(draft.world.journal) + 1, draft.now, paying.points, total, paying.id, ())
    fact = f.PointsReported(draft.profile.id, system.key, paying.points, total, (award.seq,), None, False)
    return shapes.points_changed, (draft.world, draft.profile, fact, [award])


def _level(draft: Draft) -> Part:
    """Up to the next level; a user at the top has just come there."""
    system = _system(draft)
    total = draft.user.points(system.key)
    higher = [level for level in system.levels if level.points > total]
    new = higher[0] if higher else system.levels[-1]
    before = system.level_at(new.points - 1)
    total = max(total, new.points)
    fact = f.LevelChanged(draft.profile.id, system.key, before.key if before else None, new.key, total)
    return shapes.level_changed, (draft.profile, system, fact)


def _boost(draft: Draft, status: str) -> Part:
    system = next((row for row in draft.world.catalog.points.values() if row.boosts), None)
    if system is not None:
        return shapes.boost_changed, (system, system.boosts[0], status)
    day = utc_day(draft.now)
    first = day if status == "active" else date.fromordinal(max(1, day.toordinal() - 2))
    last = date.fromordinal(first.toordinal() + 2)
    boost = Boost(draft.id_of("boost"), "Double Points", first, last, 2 * MICRO)
    return shapes.boost_changed, (_system(draft), boost, status)


class BoardRun(NamedTuple):
    """A board's run and the group in it that the part is played in."""

    board: Leaderboard
    first: date
    run: Run
    group: tuple[str, ...]


def _board_run(draft: Draft) -> BoardRun:
    catalog = draft.world.catalog
    boards = sorted(catalog.leaderboards.values(), key=lambda board: len(board.breakdown))
    board = boards[0] if boards else None
    if board is None:
        start = utc_day(draft.now).replace(day=1)
        board = Leaderboard(draft.id_of("board"), "streaks", "Longest Streaks", "streak", start, max_participants=100)
        draft.world.catalog = replace(catalog, leaderboards={board.key: board})
    first = current_run(board, draft.today)
    run = draft.world.run(board.key, first) or Run(board.max_participants)
    groups = (group_of(board, draft.profile.attributes), *run.rankings)
    group = next((group for group in groups if group is not None), tuple("example" for _ in board.breakdown))
    return BoardRun(board, first, run, group)


def _run_started(draft: Draft) -> Part:
    board, first, run, group = _board_run(draft)
    places = top(CurrentRun(draft.world, run), group)
    time = max(0, run_opens(board, first))
    return shapes.board_changed, (draft.world.catalog, time, board.key, first, group, places)


def _board_changed(draft: Draft) -> Part:
    board, first, _, group = board_run = _board_run(draft)
    return shapes.board_changed, (draft.world.catalog, draft.now, board.key, first, group, _top(draft, board_run))


def _run_finished(draft: Draft) -> Part:
    board, first, _, group = board_run = _board_run(draft)
    end = run_end(board, run_index(board, first))
    time = draft.now if end is None else max(0, start_of_utc(end) + FINISHED_AFTER)
    return shapes.board_changed, (draft.world.catalog, time, board.key, first, group, _top(draft, board_run))


def _top(draft: Draft, board_run: BoardRun) -> shapes.Top:
    """The ranking as it is, or with the user alone on it."""
    alone = [(-USUAL_STREAK, 0, draft.profile.id)], [draft.profile.name]
    return (
        top(CurrentRun(draft.world, board_run.run), board_run.group)
        if board_run.run.ranking(board_run.group)
        else alone
    )


def _rank(draft: Draft) -> Part:
    """Past the next one below; a user who is on no board comes on at the end."""
    board, first, run, group = _board_run(draft)
    user, ranking = draft.profile.id, run.ranking(group)
    after, before = run.standing(user), UNRANKED
    if after.rank is None or after.value is None:
        after = f.Standing(min(len(ranking) + 1, run.limit), run.threshold(group))
    elif after.rank < len(ranking) and after.value > 1:
        before = f.Standing(after.rank + 1, min(-ranking[after.rank][0], after.value - 1))
    world, profile = draft.world, draft.profile
    return shapes.rank_changed, (world.catalog, draft.now, profile, board.key, first, *before, *after)


def _recap(draft: Draft) -> Part:
    """Of the last whole week."""
    week_start = draft.world.catalog.settings.week_start
    first = previous_period(start_of_period(draft.today, "weekly", week_start), "weekly", week_start)
    return shapes.recap_due, (draft.profile, first, end_of_period(first, "weekly", week_start))


def _reactivation(draft: Draft) -> Part:
    return shapes.reactivation_due, (draft.profile, 1, USUAL_STREAK)


def _reminder(draft: Draft) -> Part:
    """As it is; a user without a streak gets one that was counted in the last period."""
    frequency, week_start = _rules(draft).frequency, draft.world.catalog.settings.week_start
    if not draft.user.streak.length:
        _streak(draft, 1)
        state, period = draft.user.streak, start_of_period(draft.today, frequency, week_start)
        before = previous_period(period, frequency, week_start)
        expires = end_of_period(period, frequency, week_start)
        counted = CountedPeriods()
        counted.count(before, 1)
        draft.user.streak = replace(state, started=before, counted=before, expires=expires, history=counted)
    return shapes.streak_counted, (
        draft.profile,
        whole_streak_shape(draft.world, draft.user, draft.today, USUAL_STREAK),
    )


MAKERS: dict[str, Callable[[Draft], Part]] = {
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
WITHOUT_USER = {kind for kind in MAKERS if kind.startswith(("points.boost", "leaderboard"))} - {
    "leaderboard.rank_changed"
}

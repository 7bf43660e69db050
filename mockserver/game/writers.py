"""What each fact changes in the world: one writer for each kind, called by `World.apply` alone. They never decide."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from mockserver.game import facts as f
from mockserver.game.changeover import change_catalog
from mockserver.game.population import Population
from mockserver.game.ranking import Run
from mockserver.game.rows import CountedPeriods, Timeline
from mockserver.game.state import Account, Completion, Progress, StreakState, User


def _user_created(world: Population, entry: f.Entry, fact: f.UserCreated) -> None:
    user = User(fact.profile, entry.seq)
    streak = world.catalog.streak
    if streak is not None and streak.freezes is not None:
        user.streak.freezes = min(streak.freezes.initial, streak.freezes.maximum)
    world.users[fact.user] = user


def _user_changed(world: Population, entry: f.Entry, fact: f.UserChanged) -> None:
    user = world.users[fact.user]
    user.profile = fact.profile
    if user.changed is None:
        user.changed = array("q")
    user.changed.append(entry.seq)
    if fact.relocated and user.streak.expires is not None:
        _expire(user, user.streak.expires)


def _preferences_changed(world: Population, entry: f.Entry, fact: f.PreferencesChanged) -> None:
    user = world.users[fact.user]
    user.notifications, user.own_streak = fact.notifications, fact.streak


def _metric_changed(world: Population, entry: f.Entry, fact: f.MetricChanged) -> None:
    user = world.users[fact.user]
    progress = user.metrics.get(fact.metric)
    if progress is None:
        progress = user.metrics[fact.metric] = Progress()
    day = fact.day.toordinal()
    progress.total = total = fact.total
    progress.passed = peak = progress.peak
    if total > peak:
        progress.peak = total
    progress.days.add(day, fact.value)
    if fact.attributes:
        progress.count(world.catalog.watched_filters.get(fact.metric, ()), fact.attributes, fact.value)
        by_attribute = progress.attributes
        if by_attribute is None:
            by_attribute = progress.attributes = {}
        for pair in fact.attributes.items():
            by_attribute.setdefault(pair, Timeline()).add(day, fact.value)
    if fact.idempotency_key:
        if user.keys is None:
            user.keys = {}
        user.keys[fact.metric, fact.idempotency_key] = entry.seq


def _expire(user: User, expires: date) -> None:
    """A deadline may move with its user, but never to an earlier moment (behaviour, section 5)."""
    streak, deadline = user.streak, user.end_of(expires)
    streak.deadline = max(deadline, streak.deadline) if streak.expires == expires else deadline
    streak.expires = expires


def _streak_counted(world: Population, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> None:
    user = world.users[fact.user]
    streak = user.streak
    length = fact.length if isinstance(fact, f.StreakExtended) else 1
    if streak.length:
        world.lengths.remove((-streak.length, streak.reached, fact.user))
    else:
        streak.started = fact.day
    streak.length, streak.extended, streak.reached = length, entry.time, entry.seq
    world.lengths.add((-length, entry.seq, fact.user))
    if length > streak.longest:
        if streak.longest:
            world.longest.remove((-streak.longest, streak.longest_reached, fact.user))
        streak.longest, streak.longest_reached = length, entry.seq
        world.longest.add((-length, entry.seq, fact.user))
    streak.counted = fact.period
    _expire(user, fact.expires)
    streak.history.count(fact.period, length)


def _streak_lost(world: Population, entry: f.Entry, fact: f.StreakLost) -> None:
    streak = world.users[fact.user].streak
    world.lengths.remove((-streak.length, streak.reached, fact.user))
    streak.length, streak.deadline = 0, 0
    streak.started = streak.expires = None


def _freeze_consumed(world: Population, entry: f.Entry, fact: f.FreezeConsumed) -> None:
    user = world.users[fact.user]
    streak = user.streak
    streak.freezes = fact.freezes
    _expire(user, fact.expires)
    streak.history.freeze(fact.period, streak.length)


def _freeze_earned(world: Population, entry: f.Entry, fact: f.FreezeEarned) -> None:
    streak = world.users[fact.user].streak
    streak.freezes, streak.intervals = fact.freezes, fact.interval


def _freeze_interval_passed(world: Population, entry: f.Entry, fact: f.FreezeIntervalPassed) -> None:
    world.users[fact.user].streak.intervals = fact.interval


def _streak_restored(world: Population, entry: f.Entry, fact: f.StreakRestored) -> None:
    user = world.users[fact.user]
    streak = user.streak
    assert streak.counted is not None
    if streak.length:
        world.lengths.remove((-streak.length, streak.reached, fact.user))
    streak.length, streak.started, streak.reached = fact.length, fact.started, entry.seq
    world.lengths.add((-streak.length, streak.reached, fact.user))
    streak.history.count(streak.counted, fact.length)
    streak.restores += ((streak.history[len(streak.history) - 1].start, entry.time, fact.expires),)
    _expire(user, fact.expires)


def _streak_reset(world: Population, entry: f.Entry, fact: f.StreakReset) -> None:
    streak = world.users[fact.user].streak
    streak.resets += (f.Reset(fact.day, entry.time, fact.length),)
    if streak.counted == fact.period:
        streak.history.count(fact.period, 0)


def _streak_recounted(world: Population, entry: f.Entry, fact: f.StreakRecounted) -> None:
    user_id = fact.user
    user = world.users[user_id]
    old = user.streak
    if old.length:
        world.lengths.remove((-old.length, old.reached, user_id))
    if old.longest:
        world.longest.remove((-old.longest, old.longest_reached, user_id))
    new = user.streak = StreakState(
        fact.length,
        fact.started,
        fact.counted,
        fact.expires,
        fact.deadline,
        fact.extended,
        fact.reached,
        fact.longest,
        fact.longest_reached,
        fact.freezes,
        fact.intervals,
        CountedPeriods.of(fact.history),
        fact.resets,
        fact.restores,
    )
    if new.length:
        world.lengths.add((-new.length, new.reached, user_id))
    if new.longest:
        world.longest.add((-new.longest, new.longest_reached, user_id))


def _streak_paused(world: Population, entry: f.Entry, fact: f.StreakPaused) -> None:
    user = world.users[fact.user]
    user.pauses += (fact.pause,)
    world.pauses[fact.pause.id] = fact.user
    if fact.expires is not None:
        _expire(user, fact.expires)


def _pause_deleted(world: Population, entry: f.Entry, fact: f.PauseDeleted) -> None:
    user = world.users[fact.user]
    kept = [fact.rest if pause.id == fact.pause else pause for pause in user.pauses]
    user.pauses = tuple(pause for pause in kept if pause is not None)
    del world.pauses[fact.pause]
    if fact.expires is not None:
        _expire(user, fact.expires)


def _achievement_completed(world: Population, entry: f.Entry, fact: f.AchievementCompleted) -> None:
    world.users[fact.user].achievements[fact.achievement] = Completion(entry.seq, entry.time)
    world.completions[fact.achievement] += 1


def _points_awarded(world: Population, entry: f.Entry, fact: f.PointsAwarded) -> None:
    user, system, trigger, awarded, total, day, boosts = fact
    accounts = world.users[user].accounts
    account = accounts.get(system)
    totals = world.totals.get(system)
    if totals is None:
        totals = world.totals[system] = Counter()
    if account is None:
        account = accounts[system] = Account()
    elif (others := totals[account.total]) > 1:
        totals[account.total] = others - 1
    else:
        del totals[account.total]
    totals[total] = totals.get(total, 0) + 1
    account.total = total
    account.awards.add(entry.seq, entry.time, awarded, total, trigger, boosts)
    account.unsettled += 1
    account.days.add(day.toordinal(), awarded)


def _points_changed(world: Population, entry: f.Entry, fact: f.PointsChanged) -> None:
    account = world.users[fact.user].accounts[fact.system]
    creation = world.catalog.points[fact.system].creation_triggers
    seqs, added = list(fact.awards), fact.added
    if creation:
        awards = [award for award in account.awards.newest(account.unsettled) if award.trigger not in creation]
        seqs, added = [award.seq for award in awards], sum([award.awarded for award in awards])
    if seqs:
        account.unsent = account.unsent + seqs if account.unsent else seqs
        account.unsent_added += added
    else:  # nothing will be reported, so later levels are compared with what it led to
        account.reported_total += fact.added
    account.unsettled = 0
    account.awards.forget(len(account.unsent or ()))


def _points_reported(world: Population, entry: f.Entry, fact: f.PointsReported) -> None:
    account = world.users[fact.user].accounts[fact.system]
    account.unsent, account.unsent_added = None, 0
    account.reported_total = fact.total
    account.window_until = entry.time + world.catalog.settings.points_changed_window * 1000


def _note_message(world: Population, user_id: str, kind: str, which: str) -> None:
    user = world.users[user_id]
    user.messages = {**(user.messages or {}), kind: which}


def _recap_due(world: Population, entry: f.Entry, fact: f.RecapDue) -> None:
    _note_message(world, fact.user, "recap", f"{fact.first}")


def _reactivation_due(world: Population, entry: f.Entry, fact: f.ReactivationDue) -> None:
    _note_message(world, fact.user, "reactivation", f"{fact.last} {fact.number}")


def _streak_reminder_due(world: Population, entry: f.Entry, fact: f.StreakReminderDue) -> None:
    _note_message(world, fact.user, "streak_reminder", f"{fact.expires}")


def _boost_started(world: Population, entry: f.Entry, fact: f.BoostStarted) -> None:
    world.boosts_begun.add(fact.boost)


def _boost_finished(world: Population, entry: f.Entry, fact: f.BoostFinished) -> None:
    world.boosts_ended.add(fact.boost)


def _score_changed(world: Population, entry: f.Entry, fact: f.ScoreChanged) -> None:
    user, key, first, group, left, gained, _, _, visible, ranks = fact
    board = world.catalog.leaderboards[key]
    try:
        run = world.runs[key][first]
    except KeyError:
        run = world.runs.setdefault(key, {})[first] = Run(board.max_participants)
    score = run.scores.get(user)
    old = (score.group, score.value) if score else (group, 0)
    score = run.gain(board, user, gained, group, world.users[user].reached(board, entry[0]))
    if visible or left is not None or ranks[0] != ranks[1]:
        run.note(entry[0], entry[1], score, old, ranks)


WRITERS: dict[type[Any], Callable[[Population, f.Entry, Any], None]] = {
    f.UserCreated: _user_created,
    f.UserChanged: _user_changed,
    f.PreferencesChanged: _preferences_changed,
    f.MetricChanged: _metric_changed,
    f.StreakStarted: _streak_counted,
    f.StreakExtended: _streak_counted,
    f.StreakLost: _streak_lost,
    f.FreezeConsumed: _freeze_consumed,
    f.FreezeEarned: _freeze_earned,
    f.FreezeIntervalPassed: _freeze_interval_passed,
    f.StreakRestored: _streak_restored,
    f.StreakReset: _streak_reset,
    f.StreakRecounted: _streak_recounted,
    f.StreakPaused: _streak_paused,
    f.PauseDeleted: _pause_deleted,
    f.AchievementCompleted: _achievement_completed,
    f.PointsAwarded: _points_awarded,
    f.PointsChanged: _points_changed,
    f.PointsReported: _points_reported,
    f.RecapDue: _recap_due,
    f.ReactivationDue: _reactivation_due,
    f.StreakReminderDue: _streak_reminder_due,
    f.BoostStarted: _boost_started,
    f.BoostFinished: _boost_finished,
    f.ScoreChanged: _score_changed,
    f.CatalogChanged: change_catalog,
}

"""What each fact changes in the world: one writer for each kind, called by `World.apply` alone. They never decide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import TYPE_CHECKING, Any

from mockserver.game import facts as f
from mockserver.game.changeover import change_catalog
from mockserver.game.state import (
    KEPT_AWARDS,
    KEPT_HISTORY,
    Account,
    Award,
    Completion,
    CountedPeriod,
    Person,
    Progress,
    Run,
    ScoreEvent,
    Timeline,
)

if TYPE_CHECKING:
    from mockserver.game.world import World


def _user_created(world: World, entry: f.Entry, fact: f.UserCreated) -> None:
    person = Person(fact.profile, index=len(world.users))
    streak = world.catalog.streak
    if streak is not None and streak.freezes is not None:
        person.streak.freezes = min(streak.freezes.initial, streak.freezes.maximum)
    world.users[fact.user] = person


def _user_changed(world: World, entry: f.Entry, fact: f.UserChanged) -> None:
    person = world.users[fact.user]
    moved = person.profile.tz != fact.profile.tz
    person.profile = fact.profile
    if moved and person.streak.expires is not None:
        _expire(person, person.streak.expires)


def _preferences_changed(world: World, entry: f.Entry, fact: f.PreferencesChanged) -> None:
    world.users[fact.user].notifications = fact.notifications


def _metric_changed(world: World, entry: f.Entry, fact: f.MetricChanged) -> None:
    person = world.users[fact.user]
    progress = person.metrics.get(fact.metric)
    if progress is None:
        progress = person.metrics[fact.metric] = Progress()
    day = fact.day.toordinal()
    progress.total = fact.total
    progress.passed = progress.peak
    progress.peak = max(progress.peak, fact.total)
    progress.days.add(day, fact.value)
    if fact.attributes:
        progress.count(world.catalog.watched_filters.get(fact.metric, ()), fact.attributes, fact.value)
        by_attribute = progress.attributes
        if by_attribute is None:
            by_attribute = progress.attributes = {}
        for pair in fact.attributes.items():
            by_attribute.setdefault(pair, Timeline()).add(day, fact.value)
    if fact.idempotency_key:
        person.keys[fact.metric, fact.idempotency_key] = entry.seq


def _expire(person: Person, expires: date) -> None:
    """A deadline may move with its user, but never to an earlier moment (behaviour, section 5)."""
    streak, deadline = person.streak, person.end_of(expires)
    streak.deadline = max(deadline, streak.deadline) if streak.expires == expires else deadline
    streak.expires = expires


def _streak_counted(world: World, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> None:
    person = world.users[fact.user]
    streak = person.streak
    length = fact.length if isinstance(fact, f.StreakExtended) else 1
    if streak.length:
        world.lengths.remove((-streak.length, streak.extended, fact.user))
    else:
        streak.started = fact.day
    streak.length, streak.extended = length, entry.time
    world.lengths.add((-length, entry.time, fact.user))
    if length > streak.longest:
        if streak.longest:
            world.longest.remove((-streak.longest, streak.longest_reached, fact.user))
        streak.longest, streak.longest_reached = length, entry.time
        world.longest.add((-length, entry.time, fact.user))
    streak.counted, streak.covered = fact.period, max(fact.period, streak.covered or fact.period)
    _expire(person, fact.expires)
    _remember(streak.history, fact.period, length)


def _remember(history: list[CountedPeriod], period: date, length: int) -> None:
    # Choice: a frozen period in which somebody is active after all, having travelled west, counts.
    frozen: list[CountedPeriod] = []
    while history and history[-1].start >= period:
        frozen.append(history.pop())
    history.append(CountedPeriod(period, length, False))
    history += [row._replace(length=length) for row in reversed(frozen) if row.start > period]


def _streak_lost(world: World, entry: f.Entry, fact: f.StreakLost) -> None:
    streak = world.users[fact.user].streak
    world.lengths.remove((-streak.length, streak.extended, fact.user))
    streak.length, streak.deadline = 0, 0
    streak.started = streak.covered = streak.expires = streak.extended = None


def _freeze_consumed(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> None:
    person = world.users[fact.user]
    streak = person.streak
    streak.freezes, streak.covered = fact.freezes, fact.period
    _expire(person, fact.expires)
    streak.history.append(CountedPeriod(fact.period, streak.length, True))


def _freeze_earned(world: World, entry: f.Entry, fact: f.FreezeEarned) -> None:
    streak = world.users[fact.user].streak
    streak.freezes, streak.intervals = fact.freezes, fact.interval


def _freeze_interval_passed(world: World, entry: f.Entry, fact: f.FreezeIntervalPassed) -> None:
    world.users[fact.user].streak.intervals = fact.interval


def _achievement_completed(world: World, entry: f.Entry, fact: f.AchievementCompleted) -> None:
    world.users[fact.user].achievements[fact.achievement] = Completion(entry.seq, entry.time)
    world.completions[fact.achievement] += 1


def _points_awarded(world: World, entry: f.Entry, fact: f.PointsAwarded) -> None:
    accounts = world.users[fact.user].accounts
    account = accounts.get(fact.system)
    totals = world.totals.setdefault(fact.system, Counter())
    if account is None:
        account = accounts[fact.system] = Account()
    elif totals[account.total] > 1:
        totals[account.total] -= 1
    else:
        del totals[account.total]
    totals[fact.total] += 1
    account.total = fact.total
    award = Award(entry.seq, entry.time, fact.awarded, fact.total, fact.trigger, fact.boosts)
    account.awards.append(award)
    if len(account.awards) > 2 * KEPT_AWARDS:
        del account.awards[:KEPT_AWARDS]
    account.unsettled.append(award)
    account.days.add(fact.day.toordinal(), fact.awarded)


def _points_changed(world: World, entry: f.Entry, fact: f.PointsChanged) -> None:
    account = world.users[fact.user].accounts[fact.system]
    creation = world.catalog.points[fact.system].creation_triggers
    for award in account.unsettled:
        if award.trigger in creation:
            account.reported_total += award.awarded
        else:
            account.unsent.append(award.seq)
            account.unsent_added += award.awarded
    account.unsettled.clear()


def _points_reported(world: World, entry: f.Entry, fact: f.PointsReported) -> None:
    account = world.users[fact.user].accounts[fact.system]
    account.unsent.clear()
    account.unsent_added = 0
    account.reported_total = fact.total
    account.window_until = entry.time + world.catalog.settings.points_changed_window * 1000


def _boost_started(world: World, entry: f.Entry, fact: f.BoostStarted) -> None:
    world.boosts_begun.add(fact.boost)


def _boost_finished(world: World, entry: f.Entry, fact: f.BoostFinished) -> None:
    world.boosts_ended.add(fact.boost)


def _score_changed(world: World, entry: f.Entry, fact: f.ScoreChanged) -> None:
    board = world.catalog.leaderboards[fact.board]
    runs = world.runs.setdefault(fact.board, {})
    run = runs.get(fact.run)
    if run is None:
        run = runs[fact.run] = Run(board.max_participants)
    run.gain(board, fact.user, fact.gained, fact.group, entry.time)
    if fact.before.value != fact.after.value:
        history = run.scores[fact.user].history
        history.append(ScoreEvent(entry.time, fact.before, fact.after))
        if len(history) > 2 * KEPT_HISTORY:
            del history[:KEPT_HISTORY]


WRITERS: dict[type[Any], Callable[[World, f.Entry, Any], None]] = {
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
    f.AchievementCompleted: _achievement_completed,
    f.PointsAwarded: _points_awarded,
    f.PointsChanged: _points_changed,
    f.PointsReported: _points_reported,
    f.BoostStarted: _boost_started,
    f.BoostFinished: _boost_finished,
    f.ScoreChanged: _score_changed,
    f.CatalogChanged: change_catalog,
}

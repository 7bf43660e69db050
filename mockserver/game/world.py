"""One population and all that it did. `World.apply` is the only writer, and it never thinks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Any

from sortedcontainers import SortedList

from mockserver.game import facts as f
from mockserver.game.catalog import MICRO, Catalog, Filters, Leaderboard
from mockserver.game.journal import Journal
from mockserver.game.periods import (
    end_of_period,
    next_period,
    run_on,
    run_start,
    start_of_day,
    start_of_period,
)
from mockserver.game.state import (
    KEPT_AWARDS,
    KEPT_HISTORY,
    NO_EVENTS,
    Account,
    Award,
    Completion,
    CountedPeriod,
    MatchingSum,
    Person,
    Progress,
    Run,
    Score,
    ScoreEvent,
    Timeline,
)


def matches(attributes: dict[str, str], filters: Filters) -> bool:
    """Whether every filter finds its value, compared exactly."""
    return all(attributes.get(row.key) == row.value for row in filters)


def whole_value(board: Leaderboard, gained: int) -> int:
    """What is gained, as the integer that ranks (rounded down)."""
    return gained // MICRO if board.rank_by == "metric" else gained


def group_of(board: Leaderboard, attributes: dict[str, str]) -> tuple[str, ...] | None:
    """The user's group on the board; None when one of the breakdown attributes is missing."""
    if not board.breakdown:
        return ()
    values = tuple(attributes.get(key) for key in board.breakdown)
    return None if None in values else values  # type: ignore[return-value]


class World:
    """The state that follows from a catalog and a journal: replaying the journal gives an equal world."""

    def __init__(self, catalog: Catalog, seed: str, born: int) -> None:
        self.catalog = catalog
        self.seed = seed
        self.born = born
        self.time = born
        self.journal = Journal()
        self.users: dict[str, Person] = {}
        self.completions: Counter[str] = Counter()
        self.totals: dict[str, Counter[int]] = {}
        self.lengths: SortedList = SortedList()
        self.longest: SortedList = SortedList()
        self.runs: dict[str, dict[date, Run]] = {}
        self.boosts_begun: set[str] = set()
        self.boosts_ended: set[str] = set()

    def id_of(self, kind: str, number: int) -> str:
        """A UUID (version 5 in form) that depends on nothing but the seed, the kind and the number."""
        digest = hashlib.sha1(f"{self.seed}/{kind}/{number}".encode(), usedforsecurity=False).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}"

    def run(self, board: str, day: date) -> Run | None:
        """The run that begins on `day`, None while nobody has scored in it."""
        runs = self.runs.get(board)
        return runs.get(day) if runs else None

    def apply(self, entry: f.Entry) -> None:
        """Writes one fact down: in the journal and in the state that it changes."""
        self.journal.append(entry)
        self.time = entry.time
        writer = WRITERS.get(type(entry.fact))
        if writer is not None:
            writer(self, entry, entry.fact)


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
        person.streak.deadline = max(person.streak.deadline, _deadline(person, person.streak.expires))


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
        _count_matching(progress, world.catalog.watched_filters.get(fact.metric, ()), fact)
        by_attribute = progress.attributes
        if by_attribute is None:
            by_attribute = progress.attributes = {}
        for pair in fact.attributes.items():
            by_attribute.setdefault(pair, Timeline()).add(day, fact.value)
    if fact.idempotency_key:
        person.keys[fact.metric, fact.idempotency_key] = entry.seq


def _count_matching(progress: Progress, watched: tuple[Filters, ...], fact: f.MetricChanged) -> None:
    for filters in watched:
        if matches(fact.attributes, filters):
            matching = progress.matching
            if matching is None:
                matching = progress.matching = {}
            total, peak, _ = matching.get(filters, NO_EVENTS)
            total += fact.value
            matching[filters] = MatchingSum(total, max(peak, total), peak)


def _deadline(person: Person, expires: date) -> int:
    return start_of_day(date.fromordinal(min(expires.toordinal() + 1, date.max.toordinal())), person.zone)


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
    streak.counted = streak.covered = fact.period
    streak.expires, streak.deadline = fact.expires, _deadline(person, fact.expires)
    streak.history.append(CountedPeriod(fact.period, length, False))


def _streak_lost(world: World, entry: f.Entry, fact: f.StreakLost) -> None:
    streak = world.users[fact.user].streak
    world.lengths.remove((-streak.length, streak.extended, fact.user))
    streak.length, streak.deadline = 0, 0
    streak.started = streak.covered = streak.expires = streak.extended = None


def _freeze_consumed(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> None:
    person = world.users[fact.user]
    streak = person.streak
    streak.freezes, streak.covered = fact.freezes, fact.period
    streak.expires, streak.deadline = fact.expires, _deadline(person, fact.expires)
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
    system = world.catalog.points[fact.system]
    creation = {row.id for row in system.triggers if row.type == "user_creation"}
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
    run = world.runs.setdefault(fact.board, {}).setdefault(fact.run, Run(board.max_participants))
    _set_score(run, board, fact.user, fact.gained, fact.group, entry.time)
    if fact.before != fact.after:
        history = run.scores[fact.user].history
        history.append(ScoreEvent(entry.time, fact.before, fact.after))
        if len(history) > 2 * KEPT_HISTORY:
            del history[:KEPT_HISTORY]


def _set_score(run: Run, board: Leaderboard, user: str, gained: int, group: tuple[str, ...] | None, time: int) -> None:
    value, old = whole_value(board, gained), run.scores.get(user)
    reached = old.reached if old is not None and old.value == value else time
    place = (-value, reached, user) if value > 0 and group is not None else None
    run.set(user, Score(gained, value, reached, group, place))


def _catalog_changed(world: World, entry: f.Entry, fact: f.CatalogChanged) -> None:
    old, new = world.catalog, fact.catalog
    world.catalog = new
    _recount_matching(world, old, new)
    for key, board in new.leaderboards.items():
        if key not in old.leaderboards:
            _score_the_past(world, board, entry.time)
        for run in world.runs.get(key, {}).values():
            run.limit = board.max_participants
    if new.streak is not None and (old.streak is None or old.streak.frequency != new.streak.frequency):
        _change_frequency(world)


def _recount_matching(world: World, old: Catalog, new: Catalog) -> None:
    """Sums for filters that nobody counted by until now, from all events so far."""
    fresh = {
        metric: tuple(row for row in rows if row not in old.watched_filters.get(metric, ()))
        for metric, rows in new.watched_filters.items()
    }
    if not any(fresh.values()):
        return
    for entry in world.journal:
        fact = entry.fact
        if isinstance(fact, f.MetricChanged) and fact.attributes and fresh.get(fact.metric):
            _count_matching(world.users[fact.user].metrics[fact.metric], fresh[fact.metric], fact)


def _score_the_past(world: World, board: Leaderboard, time: int) -> None:
    """A new board counts from its start, so what was done since then is on it from the beginning."""
    runs = world.runs[board.key] = {}
    for user, person in world.users.items():
        gained: Counter[date] = Counter()
        if board.rank_by == "streak":
            gained[board.start] = person.streak.length
        else:
            days = _timeline(person, board)
            last = (board.end or date.max).toordinal()
            for day, change, _ in days.rows(board.start.toordinal(), last) if days else ():
                index = run_on(board, date.fromordinal(day))
                if index is not None:
                    gained[run_start(board, index)] += change
        for first, amount in gained.items():
            run = runs.setdefault(first, Run(board.max_participants))
            _set_score(run, board, user, amount, group_of(board, person.profile.attributes), time)


def _timeline(person: Person, board: Leaderboard) -> Timeline | None:
    if board.rank_by == "metric":
        progress = person.metrics.get(str(board.metric))
        return progress.days if progress else None
    account = person.accounts.get(str(board.points_system))
    return account.days if account else None


def _change_frequency(world: World) -> None:
    """Running streaks go on in the new periods; the one counted last stays counted."""
    streak, week_start = world.catalog.streak, world.catalog.settings.week_start
    for person in world.users.values():
        state = person.streak
        if streak is None or state.covered is None or state.counted is None:
            continue
        state.counted = start_of_period(state.counted, streak.frequency, week_start)
        state.covered = start_of_period(state.covered, streak.frequency, week_start)
        following = next_period(state.covered, streak.frequency, week_start)
        state.expires = end_of_period(following, streak.frequency, week_start)
        state.deadline = max(state.deadline, _deadline(person, state.expires))


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
    f.CatalogChanged: _catalog_changed,
}

"""What falls due and when: each concept says so, here it is put in one order: time, kind, subject.

An item is only a check: when its moment comes it is compared with the world as it is then, and dropped if it does
not apply any more. So items are never searched for or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from enum import IntEnum
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from mockserver.game import emails, leaderboards, points, streaks
from mockserver.game import facts as f
from mockserver.game.catalog import Boost, PointsSystem
from mockserver.game.periods import FINISHED_AFTER, boost_moments, run_start
from mockserver.game.state import User
from mockserver.game.world import World


class Kind(IntEnum):
    """The order of what falls due at the same moment."""

    STREAK = 0
    FREEZE = 1
    TIME = 2
    BOOST_START = 3
    BOOST_FINISH = 4
    RUN_START = 5
    RUN_FINAL = 6
    RUN_FINISH = 7
    REPORT = 8
    MESSAGE = 9


class Due(NamedTuple):
    """`time` in ms UTC. `subject`: a user, boost or board; `token`: which one of the subject's. `order` of what falls
    due at the same moment: users as they came, what is the catalog's as it stands there."""

    time: int
    kind: Kind
    order: tuple[int, int]
    subject: str
    token: str


# The facts after which something new may fall due.
ARMS = {
    f.UserCreated,
    f.UserChanged,
    f.StreakStarted,
    f.StreakExtended,
    f.FreezeConsumed,
    f.FreezeEarned,
    f.FreezeIntervalPassed,
    f.StreakRestored,
    f.StreakRecounted,
    f.StreakPaused,
    f.PauseDeleted,
    f.PointsChanged,
    f.CatalogChanged,
}

DEADLINES = (f.StreakStarted, f.StreakExtended, f.FreezeConsumed, f.StreakRestored, f.StreakPaused, f.PauseDeleted)


class Changes:
    """What a request or due moment has changed in the agenda since the journal's entry `last`, to be undone.

    `popped`: what was taken off it; `former`: all of it, when it was made anew.
    """

    __slots__ = ("added", "former", "last", "popped", "replaced")

    def __init__(self, last: int) -> None:
        self.last = last
        self.popped: Due | None = None
        self.added: list[Due] = []
        self.replaced: list[tuple[tuple[str, str], Due | None]] = []
        self.former: tuple[list[Due], dict[tuple[str, str], Due]] | None = None


class Schedule:
    """The agenda of one world. Rebuilding it from the world at any moment gives the same future."""

    def __init__(self, world: World, now: int) -> None:
        self._heap: list[Due] = []
        self._messages: dict[tuple[str, str], Due] = {}  # by user and kind: the one that counts
        self.changes = Changes(0)
        self.rebuild(world, now)
        self.keep(world.journal.last)

    def next_time(self) -> int | None:
        return self._heap[0].time if self._heap else None

    def pop(self, now: int) -> Due | None:
        """The earliest item that is due at `now`, taken off the agenda."""
        while self._heap and self._heap[0].time <= now:
            due = self.changes.popped = self._heap[0]
            heappop(self._heap)
            if due.kind is not Kind.MESSAGE or self._messages.get(_message_of(due)) is due:
                return due
        return None

    def rebuild(self, world: World, now: int) -> None:
        """Everything that the world as it stands will bring after `now`."""
        if self.changes.former is None:
            self.changes.former = self._undone()
        self._heap, self._messages = [], {}
        self._add(_organisation(world, now))
        for user in world.users.values():
            self._add(_of_user(world, user, now))
            self._expect(_messages(world, user, now))

    def arm(self, world: World, entry: f.Entry) -> None:
        """What a fact that was just applied makes fall due."""
        fact = entry.fact
        if isinstance(fact, f.PointsChanged):
            account = world.users[fact.user].accounts[fact.system]
            if account.unsent and account.unsent[0] >= fact.awards[0] and account.window_until > entry.time:
                self._add(_report(world, world.users[fact.user], fact.system))
        elif isinstance(fact, DEADLINES):
            self._add(_streak(world.users[fact.user]))
            self._expect(_reminder(world, world.users[fact.user], entry.time))
        elif isinstance(fact, f.StreakRecounted):
            self._add(_streak(world.users[fact.user]))
            self._add(_freeze(world, world.users[fact.user]))
            self._expect(_reminder(world, world.users[fact.user], entry.time))
        elif isinstance(fact, (f.FreezeEarned, f.FreezeIntervalPassed)):
            self._add(_freeze(world, world.users[fact.user]))
        elif isinstance(fact, f.UserCreated):
            self._add(_of_user(world, world.users[fact.user], entry.time))
            self._expect(_messages(world, world.users[fact.user], entry.time))
        elif isinstance(fact, f.UserChanged):
            if fact.relocated:
                self._add(_by_local_time(world, world.users[fact.user]))
                self._expect(_messages(world, world.users[fact.user], entry.time))
        elif isinstance(fact, f.CatalogChanged):
            self.rebuild(world, entry.time)

    def renew(self, world: World, due: Due) -> None:
        """Puts the next one of a recurring kind on the agenda."""
        if due.kind is Kind.TIME and due.subject in world.users:
            self._add(_time(world, world.users[due.subject], due.time, due.token))
        elif due.kind in (Kind.RUN_START, Kind.RUN_FINAL, Kind.RUN_FINISH):
            self._add(_run(world, due.subject, due.time, due.kind))
        elif due.kind is Kind.MESSAGE:
            renewed = _messages(world, world.users[due.subject], due.time)
            self._expect(item for item in renewed if _message_of(item) == _message_of(due))

    def _expect(self, items: Iterator[Due]) -> None:
        """Of each kind of message only the latest item counts: moments move with every event and every journey."""
        changes = self.changes
        for due in items:
            key = _message_of(due)
            changes.replaced.append((key, self._messages.get(key)))
            self._messages[key] = due
            changes.added.append(due)
            heappush(self._heap, due)

    def _add(self, items: Iterator[Due]) -> None:
        added = self.changes.added
        for due in items:
            added.append(due)
            heappush(self._heap, due)

    def keep(self, last: int) -> None:
        """What has changed up to the entry `last` is not undone any more: in one step, nothing can come between."""
        self.changes = Changes(last)

    def undo(self) -> None:
        """The agenda as it was at the last `keep`."""
        self._heap, self._messages = self.changes.former or self._undone()
        self.keep(self.changes.last)

    def _undone(self) -> tuple[list[Due], dict[tuple[str, str], Due]]:
        popped, added = self.changes.popped, {id(due) for due in self.changes.added}
        heap = [due for due in self._heap if id(due) not in added]
        if popped is not None and not any(due is popped for due in heap):
            heap.append(popped)
        heapify(heap)
        messages = dict(self._messages)
        for key, due in reversed(self.changes.replaced):
            if due is None:
                messages.pop(key, None)
            else:
                messages[key] = due
        return heap, messages


def _organisation(world: World, after: int) -> Iterator[Due]:
    for system in world.catalog.points.values():
        for boost in system.boosts:
            if boost.user is None:
                yield from _boost(world, boost, None, after)
    for key in world.catalog.leaderboards:
        for kind in (Kind.RUN_START, Kind.RUN_FINAL, Kind.RUN_FINISH):
            yield from _run(world, key, after, kind)


def _of_user(world: World, user: User, now: int) -> Iterator[Due]:
    yield from _by_local_time(world, user)
    for _, trigger in world.catalog.triggers_by.get(("time", None), ()):
        yield from _time(world, user, now, trigger.id)
    for key in user.accounts:
        yield from _report(world, user, key)


def _by_local_time(world: World, user: User) -> Iterator[Due]:
    yield from _streak(user)
    yield from _freeze(world, user)
    for system in world.catalog.points.values():
        for boost in system.boosts:
            if boost.user == user.profile.id:
                yield from _boost(world, boost, user, user.profile.created)


def _streak(user: User) -> Iterator[Due]:
    if user.streak.length:
        yield Due(user.streak.deadline, Kind.STREAK, (user.number, 0), user.profile.id, "")


def _freeze(world: World, user: User) -> Iterator[Due]:
    due = streaks.freezes_due(world, user)
    if due is not None:
        yield Due(due[0], Kind.FREEZE, (user.number, 0), user.profile.id, str(due[1]))


def _time(world: World, user: User, after: int, trigger_id: str) -> Iterator[Due]:
    for index, (_, trigger) in enumerate(world.catalog.triggers_by.get(("time", None), ())):
        if trigger.id == trigger_id:
            time = points.time_due(user, trigger, after)
            yield Due(time, Kind.TIME, (user.number, index), user.profile.id, trigger_id)


def _report(world: World, user: User, system: str) -> Iterator[Due]:
    account = user.accounts[system]
    if account.unsent:
        index = list(world.catalog.points).index(system) if system in world.catalog.points else 0
        yield Due(account.window_until, Kind.REPORT, (user.number, index), user.profile.id, system)


def _messages(world: World, user: User, after: int) -> Iterator[Due]:
    for time, token in emails.moments(world, user, after):
        yield Due(time, Kind.MESSAGE, (user.number, 0), user.profile.id, token)


def _reminder(world: World, user: User, after: int) -> Iterator[Due]:
    for time, token in emails.reminder(world, user, after):
        yield Due(time, Kind.MESSAGE, (user.number, 0), user.profile.id, token)


def _message_of(due: Due) -> tuple[str, str]:
    return due.subject, due.token.partition(" ")[0]


def _run(world: World, key: str, after: int, kind: Kind) -> Iterator[Due]:
    board = world.catalog.leaderboards.get(key)
    if board is None:
        return
    if kind is Kind.RUN_START:
        found = leaderboards.next_start(board, after)
    else:
        offset = leaderboards.FINAL_AFTER if kind is Kind.RUN_FINAL else FINISHED_AFTER
        found = leaderboards.next_end(board, after, offset)
    if found is not None:
        yield Due(found[0], kind, (0, list(world.catalog.leaderboards).index(key)), key, str(found[1]))


def _boost(world: World, boost: Boost, user: User | None, after: int) -> Iterator[Due]:
    """For one of a single user, `after` is when the user was created: a user who changes zone may have passed the
    moment, and a user who came later has missed it."""
    start, finish = boost_moments(boost, user.zone if user else None)
    order = user.number if user else 0, list(world.catalog.boosts_by_id).index(boost.id)
    if start > after:
        yield Due(start, Kind.BOOST_START, order, boost.id, "")
    if finish is not None and finish > after:
        yield Due(finish, Kind.BOOST_FINISH, order, boost.id, "")


def settle(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    """The facts that an item brings at `time`; none when the world has moved on."""
    yield from SETTLE[due.kind](world, due, time)


def _settle_streak(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    user = world.users[due.subject]
    if user.streak.length and user.streak.deadline <= due.time:
        yield from streaks.miss_period(world, user, time)


def _settle_freeze(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    user = world.users[due.subject]
    if streaks.freezes_due(world, user) == (due.time, int(due.token)):
        yield from streaks.earn_freezes(world, user, int(due.token))


def _settle_time(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    yield from points.pay_time(world, world.users[due.subject], due.token, time)


def _settle_report(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    user = world.users[due.subject]
    account = user.accounts.get(due.token)
    if account is not None and account.window_until <= due.time:
        yield from points.close_window(world, user, due.token)


def _settle_message(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    yield from emails.fall_due(world, world.users[due.subject], (due.time, due.token))


def _find_boost(world: World, boost_id: str) -> tuple[PointsSystem, Boost] | None:
    for system in world.catalog.points.values():
        for boost in system.boosts:
            if boost.id == boost_id:
                return system, boost
    return None


def _settle_boost(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    found = _find_boost(world, due.subject)
    if found is None:
        return
    system, boost = found
    user = world.users.get(boost.user) if boost.user else None
    start, finish = boost_moments(boost, user.zone if user else None)
    if due.kind is Kind.BOOST_START and start == due.time and boost.id not in world.boosts_begun:
        yield f.BoostStarted(boost.user, system.key, boost.id)
    if due.kind is Kind.BOOST_FINISH and finish == due.time and boost.id not in world.boosts_ended:
        yield f.BoostFinished(boost.user, system.key, boost.id)


def _settle_run(world: World, due: Due, time: int) -> Iterator[f.Fact]:
    board = world.catalog.leaderboards.get(due.subject)
    if board is not None:
        yield RUN_FACTS[due.kind](board.key, run_start(board, int(due.token)))


RUN_FACTS: dict[Kind, Callable[[str, date], f.Fact]] = {
    Kind.RUN_START: f.RunStarted,
    Kind.RUN_FINAL: f.RunBecameFinal,
    Kind.RUN_FINISH: f.RunFinished,
}

SETTLE: dict[Kind, Callable[[World, Due, int], Iterator[f.Fact]]] = {
    Kind.STREAK: _settle_streak,
    Kind.FREEZE: _settle_freeze,
    Kind.TIME: _settle_time,
    Kind.BOOST_START: _settle_boost,
    Kind.BOOST_FINISH: _settle_boost,
    Kind.RUN_START: _settle_run,
    Kind.RUN_FINAL: _settle_run,
    Kind.RUN_FINISH: _settle_run,
    Kind.REPORT: _settle_report,
    Kind.MESSAGE: _settle_message,
}

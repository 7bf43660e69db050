"""Streaks as they would be if the settings in force now had always held (behaviour, section 5).

The same rules are used: what users and the organisation did is replayed, moment by moment, into a world that has
nothing but the new streak.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mockserver.game import facts as f
from mockserver.game import schedule, streak_commands, streaks
from mockserver.game.catalog import Catalog, Settings
from mockserver.game.derivation import derive
from mockserver.game.errors import GameError
from mockserver.game.rules import Reaction, Rules
from mockserver.game.state import StreakState
from mockserver.game.world import World

RULES = Rules(
    {
        f.MetricChanged: (Reaction(10, streaks.count_period),),
        f.FreezeGranted: (Reaction(10, streaks.take_freeze),),
        f.StreakReset: (Reaction(10, streaks.lose_reset),),
        f.CatalogChanged: (Reaction(10, streaks.skip_intervals),),
    }
)


def recount_streaks(world: World, entry: f.Entry) -> Iterator[f.Fact]:
    """Other periods, conditions or days off hold from the beginning, as do a user's own. Section 5."""
    fact = entry.fact
    users: Collection[str] = ()
    if isinstance(fact, f.CatalogChanged) and world.former and _decides(world.former) != _decides(world.catalog):
        users = world.users
    elif isinstance(fact, f.PreferencesChanged) and fact.recount:
        users = (fact.user,)
    if users:
        yield from list(_recounted(world, users, entry.time))


def _decides(catalog: Catalog) -> object:
    """What streaks are counted by. Not freezes: what was given, earned and held then stays so."""
    # Choice: other settings of freezes hold from now on.
    return catalog.streak and (replace(catalog.streak, freezes=None), catalog.settings.week_start)


def _recounted(world: World, users: Collection[str], now: int) -> Iterator[f.StreakRecounted]:
    """For all of `users` whose streak is another one."""
    # Choice: a catalog without a streak ends them all, without a word.
    states = _replayed(world, users, now) if world.catalog.streak else {}
    for user in users:
        old, new = world.users[user].streak, states.get(user) or StreakState()
        if replace(new, reached=old.reached, longest_reached=old.longest_reached) != old:
            yield _recount(user, new)


def _recount(user: str, state: StreakState) -> f.StreakRecounted:
    return f.StreakRecounted(
        user,
        state.length,
        state.started,
        state.counted,
        state.expires,
        state.deadline,
        state.extended,
        state.reached,
        state.longest,
        state.longest_reached,
        state.freezes,
        state.intervals,
        tuple((row.start, row.length, row.frozen) for row in state.history),
        state.resets,
        state.restores,
    )


def _replayed(world: World, users: Collection[str], now: int) -> dict[str, StreakState]:
    """The streaks of these users when all that decides them until `now` (ms UTC) is replayed with the settings in
    force now."""
    replayed = World(_with_old_freezes(world.catalog, world.first_catalog), world.seed, world.born)
    agenda, time = schedule.Schedule(replayed, world.born), world.born
    numbers = {0: 0}  # the number of a replayed fact → that of the original fact
    for entry in world.journal:
        replay = REPLAY.get(type(entry.fact))
        user = getattr(entry.fact, "user", None)
        if replay is not None and (user is None or user in users):
            time = _catch_up(replayed, agenda, time, entry.time)
            for one in derive(replayed, replay(world, replayed, entry.fact, time), time, agenda, RULES):
                numbers[one.seq] = entry.seq
    _catch_up(replayed, agenda, time, now)
    return {
        user: replace(state, reached=numbers[state.reached], longest_reached=numbers[state.longest_reached])
        for user, state in ((user, replayed.users[user].streak) for user in users)
    }


def _catch_up(replayed: World, agenda: schedule.Schedule, time: int, until: int) -> int:
    """Settles what falls due from `time` to `until`, which it returns."""
    while (due := agenda.pop(until)) is not None:
        time = max(due.time, time)
        for fact in schedule.settle(replayed, due, time):
            derive(replayed, (fact,), time, agenda, RULES)
        agenda.renew(replayed, due)
    return until


def _with_old_freezes(new: Catalog, then: Catalog) -> Catalog:
    """The present streak with the freezes of the time."""
    assert new.streak is not None
    freezes = then.streak.freezes if then.streak else None
    return Catalog(
        new.name, streak=replace(new.streak, freezes=freezes), settings=Settings(week_start=new.settings.week_start)
    )


# What was done, to be replayed. What followed from it follows again, or not.


def _user(world: World, replayed: World, fact: f.UserCreated, time: int) -> Iterator[f.Fact]:
    yield fact
    own = world.users[fact.user].own_streak
    if own is not None:
        yield f.PreferencesChanged(fact.user, {}, own, recount=False)


def _same(world: World, replayed: World, fact: f.Fact, time: int) -> Iterator[f.Fact]:
    yield fact


def _event(world: World, replayed: World, fact: f.MetricChanged, time: int) -> Iterator[f.Fact]:
    yield fact._replace(attributes={}, idempotency_key=None)


def _catalog(world: World, replayed: World, fact: f.CatalogChanged, time: int) -> Iterator[f.Fact]:
    yield f.CatalogChanged(_with_old_freezes(world.catalog, fact.catalog))


def _restored(world: World, replayed: World, fact: f.StreakRestored, time: int) -> Iterator[f.Fact]:
    with suppress(GameError):  # there may be nothing to restore in these periods
        yield streak_commands.restore_streak(replayed, fact.user, time)


def _reset(world: World, replayed: World, fact: f.StreakReset, time: int) -> Iterator[f.Fact]:
    with suppress(GameError):
        yield streak_commands.reset_streak(replayed, fact.user, time)


def _paused(world: World, replayed: World, fact: f.StreakPaused, time: int) -> Iterator[f.Fact]:
    yield streak_commands.paused(replayed, replayed.users[fact.user], fact.pause)


def _resumed(world: World, replayed: World, fact: f.PauseDeleted, time: int) -> Iterator[f.Fact]:
    yield streak_commands.delete_pause(replayed, fact.pause, time)


REPLAY: dict[type[f.Fact], Callable[[World, World, Any, int], Iterator[f.Fact]]] = {
    f.UserCreated: _user,
    f.UserChanged: _same,
    f.MetricChanged: _event,
    f.FreezeGranted: _same,
    f.StreakRestored: _restored,
    f.StreakReset: _reset,
    f.StreakPaused: _paused,
    f.PauseDeleted: _resumed,
    f.CatalogChanged: _catalog,
}

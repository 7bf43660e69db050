"""What the organisation does to a user's streak by hand: grants, restores, resets, pauses (behaviour, section 5).

Each function returns a fact to record. All raise `NotFound` for an unknown user or pause, `NothingToDo` where
nothing would change, `Refused` for the rest.
"""

from __future__ import annotations

from datetime import date, timedelta

from mockserver.game.catalog import Streak
from mockserver.game.errors import NotFound, NothingToDo, Refused
from mockserver.game.facts import FreezeGranted, Pause, PauseDeleted, StreakPaused, StreakReset, StreakRestored
from mockserver.game.periods import ONE_DAY, end_of_period, local_day, start_of_period
from mockserver.game.state import User
from mockserver.game.streaks import chance_from, conditions_met, last_chance, streak_of, went_on
from mockserver.game.world import World

RESTORABLE_DAYS = timedelta(days=90)


def grant_freeze(world: World, user_id: str) -> FreezeGranted:
    """One more freeze."""
    user, streak = _user(world, user_id), _streak(world)
    if streak.freezes is None:
        raise Refused("Streak freezes are not enabled")
    if streak_of(world, user) is None:
        raise NothingToDo("The user has switched streaks off")
    if user.streak.freezes >= streak.freezes.maximum:
        raise NothingToDo("Would exceed maximum freeze limit")
    return FreezeGranted(user_id)


def reset_streak(world: World, user_id: str, now: int) -> StreakReset:
    """The running streak ends at once; `now` in ms UTC."""
    user, _ = _user(world, user_id), _streak(world)
    if not user.streak.length:
        raise NothingToDo("No streak to reset")
    today = local_day(now, user.zone)
    return StreakReset(user_id, user.streak.length, today, _period(world, today))


def restore_streak(world: World, user_id: str, now: int) -> StreakRestored:
    """The greatest length of the last 90 days, of the weeks of this year or of the months since the beginning of the
    last one is the running length again; `now` in ms UTC."""
    user, streak = _user(world, user_id), _streak(world)
    state, today = user.streak, local_day(now, user.zone)
    first = _restorable_from(world, streak, today)
    rows = [(row.length, row.start) for row in state.history if row.start >= first]
    rows += [(row.length, row.day) for row in state.resets if row.day >= first]
    length, day = max(rows, key=lambda row: row[0], default=(0, today))
    if length <= state.length or state.counted is None:
        raise NothingToDo("No streak to restore")
    current = _period(world, today)
    # Choice: the user has the rest of the present period to go on, as after any other one.
    expires = (
        last_chance(world, user, state.counted, user.pauses)
        if state.counted >= current
        else chance_from(world, user, current, user.pauses)
    )
    return StreakRestored(user_id, length, _started(world, streak, user, day, today), expires)


def _restorable_from(world: World, streak: Streak, today: date) -> date:
    """The first day of the periods whose streaks can be restored."""
    if streak.frequency == "daily":
        return max(today, date.min + RESTORABLE_DAYS) - RESTORABLE_DAYS
    years = 1 if streak.frequency == "monthly" else 0
    return _period(world, date(max(1, today.year - years), 1, 1))


def _started(world: World, streak: Streak, user: User, day: date, today: date) -> date:
    """The local day on which the streak that ran on `day` began; it is `today`."""
    week_start = world.catalog.settings.week_start
    period = start_of_period(day, streak.frequency, week_start)
    for row in user.streak.history:
        if row.start > day:
            break
        if not went_on(world, user, row):
            period = row.start
    last = min(end_of_period(period, streak.frequency, week_start), today)
    for ordinal in range(period.toordinal(), last.toordinal()):
        if conditions_met(streak_of(world, user) or streak, user, period, date.fromordinal(ordinal)):
            return date.fromordinal(ordinal)
    return last


def plan_pause(world: World, user_id: str, start: date, end: date, now: int) -> StreakPaused:
    """A pause from `start` to `end`, both inclusive; `now` in ms UTC."""
    user, _ = _user(world, user_id), _streak(world)
    today = local_day(now, user.zone)
    if start < today:
        raise Refused(f"start must not be before today in the user's time zone, {today}, but is {start}")
    if end < start:
        raise Refused(f"end must not be before start, {start}, but is {end}")
    pause = Pause(world.id_of("pause", world.journal.last + 1), start, end, archived=False)
    return paused(world, user, pause)


def paused(world: World, user: User, pause: Pause) -> StreakPaused:
    """The fact that a pause is planned, and how long the running streak holds with it."""
    expires = user.streak.expires
    if expires is not None:
        expires = chance_from(world, user, _period(world, expires), (*user.pauses, pause))
    return StreakPaused(user.profile.id, pause, expires)


def delete_pause(world: World, pause: str, now: int) -> PauseDeleted:
    """The pause of that id ends with yesterday, if it has begun; `now` in ms UTC."""
    user_id = world.pauses.get(pause)
    if user_id is None:
        raise NotFound("Streak pause not found by ID")
    user = world.users[user_id]
    yesterday = local_day(now, user.zone) - ONE_DAY
    row = next(row for row in user.pauses if row.id == pause)
    # Choice: days that are over stay covered.
    rest = row._replace(end=min(row.end, yesterday), archived=True) if row.start <= yesterday else None
    pauses = tuple(row for row in user.pauses if row.id != pause) + (() if rest is None else (rest,))
    return PauseDeleted(user_id, pause, rest, _expiry_without(world, user, pauses, yesterday + ONE_DAY))


def _expiry_without(world: World, user: User, pauses: tuple[Pause, ...], today: date) -> date | None:
    """When the running streak expires if there are but these pauses; None without one."""
    history = user.streak.history
    if user.streak.expires is None:
        return None
    expires = last_chance(world, user, history[len(history) - 1].start, pauses)
    # What a restored streak had missed before is forgiven.
    return expires if expires >= today else chance_from(world, user, _period(world, today), pauses)


def _period(world: World, day: date) -> date:
    streak = _streak(world)
    return start_of_period(day, streak.frequency, world.catalog.settings.week_start)


def _user(world: World, user_id: str) -> User:
    user = world.users.get(user_id)
    if user is None:
        raise NotFound("User does not exist")
    return user


def _streak(world: World) -> Streak:
    if world.catalog.streak is None:
        raise Refused("The organisation has no streak")
    return world.catalog.streak

"""Points: awards, boosts, caps, levels, and reports of them (behaviour, section 7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from typing import NamedTuple

from mockserver.game.catalog import MICRO, Boost, Catalog, PointsSystem, PointsTrigger, PointsTriggerType
from mockserver.game.facts import (
    AchievementCompleted,
    Entry,
    Fact,
    LevelChanged,
    MetricChanged,
    PointsAwarded,
    PointsChanged,
    PointsReported,
    StreakExtended,
    StreakStarted,
    UserCreated,
)
from mockserver.game.periods import DAY, HOUR, local_day, status_of_days
from mockserver.game.state import User
from mockserver.game.world import World, matches

GREATEST_TOTAL = 10**15


def pays(kind: PointsTriggerType) -> Callable[[Catalog, str], bool]:
    """Whether a catalog has an active trigger of this type, of the metric or achievement of that key."""
    return lambda catalog, key: (kind, key or None) in catalog.triggers_by


def has_levels(catalog: Catalog, key: str) -> bool:
    return bool(catalog.points[key].levels)


def pay_metric(world: World, entry: Entry) -> Iterator[Fact]:
    """Each multiple of the threshold that the matching sum passes for the first time is paid. Section 7."""
    fact = entry.fact
    if not isinstance(fact, MetricChanged):
        return
    user = world.users[fact.user]
    progress = user.metrics[fact.metric]
    for system, trigger in world.catalog.triggers_by["metric", fact.metric]:
        filters, step = trigger.event_attributes, trigger.threshold * MICRO
        if filters:
            _, peak, passed = progress.sum_of(filters)
        else:
            peak, passed = progress.peak, progress.passed
        times = peak // step - passed // step
        if times > 0 and (not filters or matches(fact.attributes, filters)):
            yield from award(world, user, system, trigger, fact.day, times)


def pay_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """Each time the length becomes a multiple of the threshold. Section 7."""
    fact = entry.fact
    if isinstance(fact, (StreakStarted, StreakExtended)):
        length = fact.length if isinstance(fact, StreakExtended) else 1
        for system, trigger in world.catalog.triggers_by["streak", None]:
            if length % trigger.threshold == 0:
                yield from award(world, world.users[fact.user], system, trigger, fact.day)


def pay_achievement(world: World, entry: Entry) -> Iterator[Fact]:
    """Once, with the completion; what was given silently pays nothing. Section 7."""
    fact = entry.fact
    if isinstance(fact, AchievementCompleted) and not fact.silent:
        user = world.users[fact.user]
        day = local_day(entry.time, user.zone)
        for system, trigger in world.catalog.triggers_by["achievement", fact.achievement]:
            yield from award(world, user, system, trigger, day)


def pay_creation(world: World, entry: Entry) -> Iterator[Fact]:
    """At the first identification, before everything else. Section 7."""
    fact = entry.fact
    if isinstance(fact, UserCreated):
        user = world.users[fact.user]
        day = local_day(entry.time, user.zone)
        for system, trigger in world.catalog.triggers_by["user_creation", None]:
            yield from award(world, user, system, trigger, day)


def pay_time(world: World, user: User, trigger_id: str, time: int) -> Iterator[Fact]:
    """Every N hours or days since the user was created. Section 7."""
    for system, trigger in world.catalog.triggers_by.get(("time", None), ()):
        if trigger.id == trigger_id:
            yield from award(world, user, system, trigger, local_day(time, user.zone))


def time_due(user: User, trigger: PointsTrigger, after: int) -> int:
    """The next moment (ms UTC) later than `after` at which a time trigger fires for this user."""
    # Choice: days are 24 hours here, so that the interval is the same in every zone and season.
    step = trigger.time_interval * (HOUR if trigger.time_unit == "hour" else DAY)
    created = user.profile.created
    return created + ((after - created) // step + 1) * step


def award(
    world: World, user: User, system: PointsSystem, trigger: PointsTrigger, day: date, times: int = 1
) -> tuple[PointsAwarded, ...]:
    """One award of `times` times the trigger's points on the user's local `day`, boosted, cut to the cap; nothing when
    cut to 0."""
    profile, points = user.profile, trigger.points * times
    total = user.points(system.key)
    cap = GREATEST_TOTAL if system.max_points is None else min(system.max_points, GREATEST_TOTAL)
    if total >= cap and points >= 0:
        return ()
    if trigger.user_attributes and not matches(profile.attributes, trigger.user_attributes):
        return ()
    boosts = active_boosts(world.catalog, system, user, day) if points > 0 and system.boosts else ()
    after = min(max(total + boosted(points, boosts), 0), max(cap, total))
    if after == total:
        return ()
    ids = tuple([boost.id for boost in boosts])
    return (PointsAwarded(profile.id, system.key, trigger.id, after - total, after, day, ids),)


def active_boosts(catalog: Catalog, system: PointsSystem, user: User, day: date) -> tuple[Boost, ...]:
    """The boosts that apply to this user on the user's local `day`: matching global ones and own."""
    remembered, which = catalog.remembered, (system.id, day)
    on_that_day: tuple[Boost, ...] | None = remembered.get(which)
    if on_that_day is None:
        rows = [boost for boost in system.boosts if status_of_days(boost.start, boost.end, day) == "active"]
        on_that_day = remembered[which] = tuple(rows)
    profile = user.profile
    return tuple(
        [
            boost
            for boost in on_that_day
            if (boost.user is None or boost.user == profile.id)
            and (not boost.user_attributes or matches(profile.attributes, boost.user_attributes))
        ]
    )


def boosted(points: int, boosts: tuple[Boost, ...]) -> int:
    """All multipliers multiplied, rounded once: down, unless all ask for the same other rounding. Section 7."""
    if not boosts:
        return points
    product, unit = points, 1
    for boost in boosts:
        product *= boost.multiplier
        unit *= MICRO
    roundings = {boost.rounding for boost in boosts}
    if roundings == {"up"}:
        return -(-product // unit)
    if roundings == {"nearest"}:
        return (2 * product + unit) // (2 * unit)
    return product // unit


def settle(world: World, entry: Entry) -> Iterable[Fact]:
    """All awards of one moment in one system are one change of its total."""
    fact = entry.fact
    if not isinstance(fact, PointsAwarded):
        return ()
    account = world.users[fact.user].accounts[fact.system]
    if not account.unsettled:
        return ()
    several = account.unsettled > 1
    added, awards = account.awards.sum_of(account.unsettled) if several else (fact.awarded, (entry.seq,))
    return (PointsChanged(fact.user, fact.system, added, account.total, awards),)


def change_level(world: World, entry: Entry) -> Iterable[Fact]:
    """The level is the highest whose points are at most the total. Section 7."""
    fact = entry.fact
    if not isinstance(fact, PointsChanged):
        return ()
    system = world.catalog.points[fact.system]
    old, new = system.level_at(fact.total - fact.added), system.level_at(fact.total)
    if old is new:
        return ()
    previous, level = old.key if old else None, new.key if new else None
    return (LevelChanged(fact.user, fact.system, previous, level, fact.total),)


def report(world: World, entry: Entry) -> Iterable[Fact]:
    """The first change is reported at once, later ones of the same window together at its end. Section 11."""
    fact = entry.fact
    if not isinstance(fact, PointsChanged):
        return ()
    user = world.users[fact.user]
    account = user.accounts[fact.system]
    due = account.unsent and entry.time >= account.window_until
    return (_report_of(world, user, fact.system),) if due else ()


def close_window(world: World, user: User, system: str) -> Iterator[Fact]:
    """What was held back in a window is reported at its end. Section 11."""
    account = user.accounts.get(system)
    if account is not None and account.unsent and system in world.catalog.points:
        yield _report_of(world, user, system)


def _report_of(world: World, user: User, key: str) -> PointsReported:
    account, system = user.accounts[key], world.catalog.points[key]
    old, new = system.level_at(account.reported_total), system.level_at(account.total)
    awards, level = tuple(account.unsent or ()), new.key if new else None
    return PointsReported(user.profile.id, key, account.unsent_added, account.total, awards, level, old is not new)


class Range(NamedTuple):
    """Both ends inclusive."""

    first: int
    last: int
    users: int


def distribution(world: World, system: str, attributes: dict[str, str]) -> list[Range]:
    """Users at 0, and in ten equal ranges up to the greatest total, rounded up to a power of ten.

    Schema `PointsSummaryResponse`; only users who match all `attributes`. Nobody has points: width 1.
    """
    counts = _totals(world, system, attributes)
    top = 10
    while top < max(counts, default=0):
        top *= 10
    width = top // 10
    users = [0] * 10
    for total, number in counts.items():
        if total > 0:
            users[(total - 1) // width] += number
    rows = [Range(n * width + 1, (n + 1) * width, count) for n, count in enumerate(users)]
    return [Range(0, 0, counts.get(0, 0)), *rows]


def _totals(world: World, system: str, attributes: dict[str, str]) -> dict[int, int]:
    counts: dict[int, int] = {}
    if attributes:
        for user in world.users.values():
            if all(user.profile.attributes.get(key) == value for key, value in attributes.items()):
                total = user.points(system)
                counts[total] = counts.get(total, 0) + 1
        return counts
    counts.update(world.totals.get(system, {}))
    counts[0] = counts.get(0, 0) + len(world.users) - sum(counts.values())
    return counts


def users_by_level(world: World, system: PointsSystem) -> list[int]:
    """How many users are at each level, in its order; those below the first are in none. Section 7."""
    users = {level.key: 0 for level in system.levels}
    for total, number in _totals(world, system.key, {}).items():
        level = system.level_at(total)
        if level is not None:
            users[level.key] += number
    return list(users.values())

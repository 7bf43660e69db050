"""Achievements: each completes once per user and is never taken back (behaviour, section 6)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mockserver.game.catalog import Achievement, Catalog
from mockserver.game.facts import (
    AchievementClaimed,
    AchievementCompleted,
    CatalogChanged,
    Entry,
    Fact,
    MetricChanged,
    StreakExtended,
    StreakStarted,
)
from mockserver.game.state import User
from mockserver.game.world import World, matches


def by_metric(catalog: Catalog, key: str) -> bool:
    return bool(catalog.metric_achievements.get(key))


def by_streak(catalog: Catalog, key: str) -> bool:
    return bool(catalog.streak_achievements)


def prerequisites(catalog: Catalog, key: str) -> bool:
    return key in catalog.prerequisites


def filtered_composites(catalog: Catalog, key: str) -> bool:
    return bool(catalog.filtered_composites)


def complete_by_metric(world: World, entry: Entry) -> Iterable[Fact]:
    """A metric achievement completes when the sum of its matching events reaches its value. Section 6."""
    fact = entry.fact
    if not isinstance(fact, MetricChanged):
        return ()
    user, total = world.users[fact.user], fact.total
    done = user.achievements
    near = [  # most are done, or far away
        row
        for row in world.catalog.metric_achievements[fact.metric]
        if (row.value <= total or row.event_attributes) and row.key not in done and qualifies(world, user, row)
    ]
    return [AchievementCompleted(fact.user, row.key, silent=False) for row in near]


def complete_by_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """A streak achievement completes when the streak reaches its length. Section 6."""
    fact = entry.fact
    if isinstance(fact, (StreakStarted, StreakExtended)):
        yield from _complete(world, fact.user, world.catalog.streak_achievements)


def complete_by_claim(world: World, entry: Entry) -> Iterator[Fact]:
    """An `api` achievement completes when the application says so. Section 6."""
    fact = entry.fact
    if isinstance(fact, AchievementClaimed) and fact.achievement not in world.users[fact.user].achievements:
        yield AchievementCompleted(fact.user, fact.achievement, silent=False)


def complete_composites(world: World, entry: Entry) -> Iterator[Fact]:
    """A composite completes with the last of its prerequisites; it may be one for others. Those that become complete
    together do so in catalog order. Section 6."""
    fact = entry.fact
    if isinstance(fact, AchievementCompleted):
        yield from _complete(world, fact.user, world.catalog.composites, silent=fact.silent)


def complete_filtered_composites(world: World, entry: Entry) -> Iterator[Fact]:
    """A composite completes, too, when its filters match only after its last prerequisite. Section 6."""
    # Choice: it does so with the user's next event or claim.
    fact = entry.fact
    if isinstance(fact, (MetricChanged, AchievementClaimed)):
        yield from _complete(world, fact.user, world.catalog.filtered_composites)


def grant_newly_active(world: World, entry: Entry) -> Iterator[Fact]:
    """What has become active is given silently to those who already qualify. Section 6."""
    # Choice: what has become easier, too; and silence means no points either.
    if not isinstance(entry.fact, CatalogChanged):
        return
    for achievement in world.catalog.achievements.values():
        if achievement.status == "active" and achievement.trigger != "api":
            for user_id, user in world.users.items():
                if qualifies(world, user, achievement):
                    yield AchievementCompleted(user_id, achievement.key, silent=True)


def _complete(
    world: World, user_id: str, achievements: Iterable[Achievement], *, silent: bool = False
) -> Iterator[AchievementCompleted]:
    """Those of them for which the user qualifies, in their order."""
    user = world.users[user_id]
    for achievement in achievements:
        if qualifies(world, user, achievement):
            yield AchievementCompleted(user_id, achievement.key, silent=silent)


def qualifies(world: World, user: User, achievement: Achievement) -> bool:
    """Whether it would complete now: not yet completed, condition met, all user attributes match."""
    if achievement.key in user.achievements:
        return False
    if not matches(user.profile.attributes, achievement.user_attributes):
        return False
    if achievement.trigger == "metric":
        progress = user.metrics.get(str(achievement.metric))
        return progress is not None and progress.sum_of(achievement.event_attributes).total >= achievement.value
    if achievement.trigger == "streak":
        return user.streak.length >= achievement.streak_length
    return achievement.trigger == "achievement" and all(key in user.achievements for key in achievement.prerequisites)


def visible(user: User | None, achievement: Achievement) -> bool:
    """Inactive ones to nobody, locked ones to those who have them. Section 6."""
    if achievement.status == "locked":
        return user is not None and achievement.key in user.achievements
    return achievement.status == "active"


def rarity(world: World, achievement: str) -> float:
    """The percentage of all users who have completed it, two decimals. Section 6."""
    users = len(world.users)
    return round(100 * world.completions[achievement] / users, 2) if users else 0.0

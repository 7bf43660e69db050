"""What no field can show alone: each rule gets a finished table and yields (field, what is wrong with it)."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import Any

from mockserver.catalogs.kinds import TimeOfDay
from mockserver.game import catalog as game

RuleProblems = Iterator[tuple[str, str]]


def freezes(made: game.Freezes) -> RuleProblems:
    if made.initial > made.maximum:
        yield "initial", f"expected at most `maximum` ({made.maximum}), found {made.initial}"
    if made.auto_earn_interval is None and made.auto_earn_amount != 1:
        yield "autoEarnAmount", "only goes with autoEarnInterval"


def streak(made: game.Streak) -> RuleProblems:
    if made.days_off and made.frequency != "daily":
        yield "daysOff", 'only goes with frequency = "daily"'
    if len(made.days_off) > 6:
        yield "daysOff", "expected at least one day that is not off"


def boost(made: game.Boost) -> RuleProblems:
    yield from _ends_after_start(made)
    if made.user is not None and made.user_attributes:
        yield "userId", "expected either `userId` or `userAttributes`, found both"


def points_system(made: game.PointsSystem) -> RuleProblems:
    for lower, higher in zip(made.levels, made.levels[1:], strict=False):
        if higher.points <= lower.points:
            yield (
                "levels",
                f'levels must ascend: "{higher.key}" ({higher.points} points) stands after '
                f'"{lower.key}" ({lower.points} points)',
            )


def leaderboard(made: game.Leaderboard) -> RuleProblems:
    yield from _ends_after_start(made)
    if (made.run_unit is None) != (made.run_interval is None):
        lacking = "runUnit" if made.run_unit is None else "runInterval"
        yield "", f"`{lacking}` is missing: a leaderboard that repeats has both `runUnit` and `runInterval`"

    if made.end_time is not None and made.end_time <= (made.start_time or 0):
        # Choice: hours over midnight would be parts of two days, which may be of two runs: two boards say that better.
        start = TimeOfDay().write(made.start_time or 0)
        yield (
            "endTime",
            f"expected a time after {start} (the start) on the same day, found {TimeOfDay().write(made.end_time)}",
        )


def webhook(made: game.WebhookEndpoint) -> RuleProblems:
    if not made.url.startswith(("http://", "https://")):
        yield "url", f'expected an address that begins with http:// or https://, found "{made.url}"'


def emails(made: game.Emails) -> RuleProblems:
    days = made.reactivation_days
    if any(later <= earlier for earlier, later in pairwise(days)):
        yield "reactivationDays", f"must ascend, found {', '.join(map(str, days))}"


def settings(made: game.Settings) -> RuleProblems:
    if made.tenants is not None and not made.multi_tenant:
        yield "tenants", "only goes with multiTenant = true"


def catalog(made: game.Catalog) -> RuleProblems:
    yield from _no_circles(made)
    yield from _ids_differ(made)


def _no_circles(made: game.Catalog) -> RuleProblems:
    needs = {row.key: row.prerequisites for row in made.achievements.values()}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as cycle:
        keys = " needs ".join(f'"{key}"' for key in reversed(cycle.args[1]))
        yield "achievements", f"achievements must not need each other in a circle: {keys}"


def _ends_after_start(made: game.Boost | game.Leaderboard) -> RuleProblems:
    if made.end is not None and made.end < made.start:
        yield "end", f"expected {made.start} (the start) or later, found {made.end}"


def _ids_differ(made: game.Catalog) -> RuleProblems:
    rows: list[Any] = [*made.metrics.values(), *made.achievements.values(), *made.leaderboards.values()]
    for system in made.points.values():
        rows += [system, *system.triggers, *system.levels, *system.boosts]
    seen = set[str]()
    for row in rows:
        if row.id in seen:
            yield "", f'the id "{row.id}" is given twice'
        seen.add(row.id)

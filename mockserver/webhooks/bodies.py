"""One table: webhook type → the fact behind it → the shape of its body, in the shapes of the API itself.

When a fact is observed only references to what it was about are taken; JSON is made when somebody reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from copy import copy
from typing import Any, NamedTuple

from mockserver.api.streaks import DEFAULT_HISTORY, streak_shape, whole_streak_shape
from mockserver.game import facts as f
from mockserver.game.periods import local_day
from mockserver.game.rows import Award
from mockserver.game.state import Completion
from mockserver.game.world import World
from mockserver.spec import Spec
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.run_views import CurrentRun, PastRuns
from mockserver.webhooks.scores import CHANGED, RANK_CHANGED, Scores, each_in_its_run, scores, several, top
from mockserver.webhooks.shapes import JSON, Group

Parts = tuple[str | None, Callable[..., JSON], tuple[Any, ...]]  # whom it is about; the body's shape; its arguments


def _achievement(world: World, entry: f.Entry, fact: f.AchievementCompleted) -> Iterator[Parts]:
    if not fact.silent:
        row, completion = world.catalog.achievements[fact.achievement], Completion(entry.seq, entry.time)
        profile = world.users[fact.user].profile
        yield fact.user, shapes.achievement_completed, (profile, world.catalog, row, completion)


def _streak(world: World, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> Iterator[Parts]:
    user = world.users[fact.user]
    yield fact.user, shapes.streak_counted, (user.profile, streak_shape(world, user))


def _streak_lost(world: World, entry: f.Entry, fact: f.StreakLost) -> Iterator[Parts]:
    yield fact.user, shapes.streak_lost, (world.users[fact.user].profile, fact.length)


def _freeze_used(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> Iterator[Parts]:
    yield fact.user, shapes.freezes_consumed, (world.users[fact.user].profile, 1, fact.freezes)


def _freeze_earned(world: World, entry: f.Entry, fact: f.FreezeEarned) -> Iterator[Parts]:
    yield fact.user, shapes.freezes_earned, (world.users[fact.user].profile, fact.earned, fact.freezes)


def _points(world: World, entry: f.Entry, fact: f.PointsReported) -> Iterator[Parts]:
    user = world.users[fact.user]
    recent = {award.seq: award for award in user.accounts[fact.system].awards.newest(len(fact.awards))}
    awards = [recent.get(seq) or _award(world.journal.entry(seq)) for seq in fact.awards]
    # A shallow copy keeps the catalog and the moment, whatever becomes of the world.
    yield fact.user, shapes.points_changed, (copy(world), user.profile, fact, awards)


def _award(entry: f.Entry) -> Award:
    """An award that is so far back that only the journal knows it."""
    fact = entry.fact
    assert isinstance(fact, f.PointsAwarded)
    return Award(entry.seq, entry.time, fact.awarded, fact.total, fact.trigger, fact.boosts)


def _level(world: World, entry: f.Entry, fact: f.LevelChanged) -> Iterator[Parts]:
    system = world.catalog.points[fact.system]
    yield fact.user, shapes.level_changed, (world.users[fact.user].profile, system, fact)


def _boost(world: World, entry: f.Entry, fact: f.BoostStarted | f.BoostFinished) -> Iterator[Parts]:
    status = "active" if isinstance(fact, f.BoostStarted) else "finished"
    boost = world.catalog.boosts_by_id[fact.boost]
    yield fact.user, shapes.boost_changed, (world.catalog.points[fact.system], boost, status)


def _run(world: World, entry: f.Entry, fact: f.RunStarted | f.RunFinished) -> Iterator[Parts]:
    # Choice: on a board with breakdown one event for each group; one without rankings when there is none.
    run = world.run(fact.board, fact.run)
    for group in [key for key, ranking in run.rankings.items() if ranking] if run else []:
        yield _top_changed(world, entry, fact, group)
    if run is None or not any(run.rankings.values()):
        yield None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, None, ([], []))


def _top_changed(world: World, entry: f.Entry, fact: Any, group: Group) -> Parts:
    places = top(CurrentRun(world, world.runs[fact.board][fact.run]), group)
    return None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, group, places)


def _recap(world: World, entry: f.Entry, fact: f.RecapDue) -> Iterator[Parts]:
    yield fact.user, shapes.recap_due, (world.users[fact.user].profile, fact.first, fact.last)


def _reactivation(world: World, entry: f.Entry, fact: f.ReactivationDue) -> Iterator[Parts]:
    yield fact.user, shapes.reactivation_due, (world.users[fact.user].profile, fact.number, fact.days)


def _reminder(world: World, entry: f.Entry, fact: f.StreakReminderDue) -> Iterator[Parts]:
    user = world.users[fact.user]
    streak = whole_streak_shape(world, user, local_day(entry.time, user.zone), DEFAULT_HISTORY)
    yield fact.user, shapes.streak_counted, (user.profile, streak)


def _achievement_message(world: World, entry: f.Entry, fact: f.AchievementMessageDue) -> Iterator[Parts]:
    user = world.users[fact.user]
    row, completion = world.catalog.achievements[fact.achievement], user.achievements[fact.achievement]
    yield fact.user, shapes.achievement_completed, (user.profile, world.catalog, row, completion)


# In the order in which the events of one request go out (behaviour, section 11): the fact of each and how its body is
# made; None for those of scores, which are made together.
Row = tuple[type[f.Fact], Callable[[World, f.Entry, Any], Iterator[Parts]]]
TABLE: dict[str, Row | None] = {
    "achievement.completed": (f.AchievementCompleted, _achievement),
    "streak.started": (f.StreakStarted, _streak),
    "streak.extended": (f.StreakExtended, _streak),
    "streak.lost": (f.StreakLost, _streak_lost),
    "streak.freeze_consumed": (f.FreezeConsumed, _freeze_used),
    "streak.freeze_earned": (f.FreezeEarned, _freeze_earned),
    "points.changed": (f.PointsReported, _points),
    "points.boost_started": (f.BoostStarted, _boost),
    "points.boost_finished": (f.BoostFinished, _boost),
    "points.level_changed": (f.LevelChanged, _level),
    "leaderboard.started": (f.RunStarted, _run),
    CHANGED: None,
    "leaderboard.finished": (f.RunFinished, _run),
    RANK_CHANGED: None,
}
# Those of newer specs, which go out last.
NEWER: dict[str, Row] = {
    "emails.recap_due": (f.RecapDue, _recap),
    "emails.reactivation_due": (f.ReactivationDue, _reactivation),
    "emails.streak_reminder_due": (f.StreakReminderDue, _reminder),
    "emails.achievement_due": (f.AchievementMessageDue, _achievement_message),
}
KINDS = tuple(TABLE)
EVERY_KIND = (*TABLE, *NEWER)
ONE_BY_ONE = {row[0]: (kind, row[1]) for kind, row in (TABLE | NEWER).items() if row}


def kinds_of(spec: Spec) -> tuple[str, ...]:
    """The types of webhooks that are sent when this spec is served, in the order in which they go out."""
    return tuple(kind for kind in EVERY_KIND if kind in spec.webhooks)


class DerivedEvents(NamedTuple):
    """What one request or moment brought: most webhooks of scores are made only when somebody reads them."""

    number: int
    time: int
    made: list[WebhookEvent]
    scores: Scores | None

    def webhook_events(self, past: PastRuns | None = None) -> list[WebhookEvent]:
        """In the order in which they go out. `past`: shared by those that are read in a row, the newest first."""
        scored = self.scores.webhook_events(self.time, past or PastRuns()) if self.scores else ()
        return sorted([*self.made, *scored], key=lambda webhook_event: EVERY_KIND.index(webhook_event.kind))


def derive_events(world: World, entries: list[f.Entry], never: Collection[str] = ()) -> DerivedEvents | None:
    """What one request or moment brought, while the world is as it was then; None: no webhooks.

    `never`: types that the spec does not have; those of scores are filtered when they are read.
    """
    made: list[WebhookEvent] = []
    facts: list[f.ScoreChanged] = []
    for entry in entries:
        fact = entry[3]
        if type(fact) is f.ScoreChanged:
            facts.append(fact)
        elif (row := ONE_BY_ONE.get(type(fact))) is not None:
            kind, make = row
            if kind not in never:
                made += [WebhookEvent(kind, entry.time, *parts) for parts in make(world, entry, fact)]
    number, scored, time = len(made), None, entries[0].time
    if facts and each_in_its_run(facts):
        scored = scores(world, facts)
        number += scored.number
    elif facts:
        made += several(world, entries, time)
        number = len(made)
    return DerivedEvents(number, time, made, scored) if number else None


def webhook_events(world: World, entries: list[f.Entry]) -> list[WebhookEvent]:
    """The webhooks of one request or moment, in the order in which they go out."""
    derived = derive_events(world, entries)
    return derived.webhook_events() if derived else []

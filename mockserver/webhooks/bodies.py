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
from mockserver.spec import Document
from mockserver.webhooks import shapes
from mockserver.webhooks.outbox import WebhookEvent
from mockserver.webhooks.scores import CHANGED, RANK_CHANGED, Scores, each_in_its_run, scores, several, top
from mockserver.webhooks.shapes import JSON, Group
from mockserver.webhooks.views import Now, Past

Seen = tuple[str | None, Callable[..., JSON], tuple[Any, ...]]  # whom it is about; the body's shape; its arguments


def _see_achievement(world: World, entry: f.Entry, fact: f.AchievementCompleted) -> Iterator[Seen]:
    if not fact.silent:
        row, completion = world.catalog.achievements[fact.achievement], Completion(entry.seq, entry.time)
        profile = world.users[fact.user].profile
        yield fact.user, shapes.achievement_completed, (profile, world.catalog, row, completion)


def _see_streak(world: World, entry: f.Entry, fact: f.StreakStarted | f.StreakExtended) -> Iterator[Seen]:
    person = world.users[fact.user]
    yield fact.user, shapes.streak_counted, (person.profile, streak_shape(world, person))


def _see_loss(world: World, entry: f.Entry, fact: f.StreakLost) -> Iterator[Seen]:
    yield fact.user, shapes.streak_lost, (world.users[fact.user].profile, fact.length)


def _see_freeze_used(world: World, entry: f.Entry, fact: f.FreezeConsumed) -> Iterator[Seen]:
    yield fact.user, shapes.freezes_consumed, (world.users[fact.user].profile, 1, fact.freezes)


def _see_freeze_earned(world: World, entry: f.Entry, fact: f.FreezeEarned) -> Iterator[Seen]:
    yield fact.user, shapes.freezes_earned, (world.users[fact.user].profile, fact.earned, fact.freezes)


def _see_points(world: World, entry: f.Entry, fact: f.PointsReported) -> Iterator[Seen]:
    person = world.users[fact.user]
    recent = {award.seq: award for award in person.accounts[fact.system].awards.newest(len(fact.awards))}
    awards = [recent.get(seq) or _award(world.journal.entry(seq)) for seq in fact.awards]
    # A shallow copy keeps the catalog and the moment, whatever becomes of the world.
    yield fact.user, shapes.points_changed, (copy(world), person.profile, fact, awards)


def _award(entry: f.Entry) -> Award:
    """An award that is so far back that only the journal knows it."""
    fact = entry.fact
    assert isinstance(fact, f.PointsAwarded)
    return Award(entry.seq, entry.time, fact.awarded, fact.total, fact.trigger, fact.boosts)


def _see_level(world: World, entry: f.Entry, fact: f.LevelChanged) -> Iterator[Seen]:
    system = world.catalog.points[fact.system]
    yield fact.user, shapes.level_changed, (world.users[fact.user].profile, system, fact)


def _see_boost(world: World, entry: f.Entry, fact: f.BoostStarted | f.BoostFinished) -> Iterator[Seen]:
    status = "active" if isinstance(fact, f.BoostStarted) else "finished"
    boost = world.catalog.boosts_by_id[fact.boost]
    yield fact.user, shapes.boost_changed, (world.catalog.points[fact.system], boost, status)


def _see_run(world: World, entry: f.Entry, fact: f.RunStarted | f.RunFinished) -> Iterator[Seen]:
    # Choice: on a board with breakdown one event for each group; one without rankings when there is none.
    run = world.run(fact.board, fact.run)
    for group in [key for key, ranking in run.rankings.items() if ranking] if run else []:
        yield _see_top(world, entry, fact, group)
    if run is None or not any(run.rankings.values()):
        yield None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, None, ([], []))


def _see_top(world: World, entry: f.Entry, fact: Any, group: Group) -> Seen:
    places = top(Now(world, world.runs[fact.board][fact.run]), group)
    return None, shapes.board_changed, (world.catalog, entry.time, fact.board, fact.run, group, places)


def _see_recap(world: World, entry: f.Entry, fact: f.RecapDue) -> Iterator[Seen]:
    yield fact.user, shapes.recap_due, (world.users[fact.user].profile, fact.first, fact.last)


def _see_reactivation(world: World, entry: f.Entry, fact: f.ReactivationDue) -> Iterator[Seen]:
    yield fact.user, shapes.reactivation_due, (world.users[fact.user].profile, fact.number, fact.days)


def _see_reminder(world: World, entry: f.Entry, fact: f.StreakReminderDue) -> Iterator[Seen]:
    person = world.users[fact.user]
    streak = whole_streak_shape(world, person, local_day(entry.time, person.zone), DEFAULT_HISTORY)
    yield fact.user, shapes.streak_counted, (person.profile, streak)


def _see_achievement_message(world: World, entry: f.Entry, fact: f.AchievementMessageDue) -> Iterator[Seen]:
    person = world.users[fact.user]
    row, completion = world.catalog.achievements[fact.achievement], person.achievements[fact.achievement]
    yield fact.user, shapes.achievement_completed, (person.profile, world.catalog, row, completion)


# In the order in which the events of one request go out (behaviour, section 11): the fact that each tells of and how;
# None for those of scores, which are told together.
Row = tuple[type[f.Fact], Callable[[World, f.Entry, Any], Iterator[Seen]]]
TABLE: dict[str, Row | None] = {
    "achievement.completed": (f.AchievementCompleted, _see_achievement),
    "streak.started": (f.StreakStarted, _see_streak),
    "streak.extended": (f.StreakExtended, _see_streak),
    "streak.lost": (f.StreakLost, _see_loss),
    "streak.freeze_consumed": (f.FreezeConsumed, _see_freeze_used),
    "streak.freeze_earned": (f.FreezeEarned, _see_freeze_earned),
    "points.changed": (f.PointsReported, _see_points),
    "points.boost_started": (f.BoostStarted, _see_boost),
    "points.boost_finished": (f.BoostFinished, _see_boost),
    "points.level_changed": (f.LevelChanged, _see_level),
    "leaderboard.started": (f.RunStarted, _see_run),
    CHANGED: None,
    "leaderboard.finished": (f.RunFinished, _see_run),
    RANK_CHANGED: None,
}
# Those of newer documents, which go out last.
NEWER: dict[str, Row] = {
    "emails.recap_due": (f.RecapDue, _see_recap),
    "emails.reactivation_due": (f.ReactivationDue, _see_reactivation),
    "emails.streak_reminder_due": (f.StreakReminderDue, _see_reminder),
    "emails.achievement_due": (f.AchievementMessageDue, _see_achievement_message),
}
KINDS = tuple(TABLE)
EVERY_KIND = (*TABLE, *NEWER)
ONE_BY_ONE = {row[0]: (kind, row[1]) for kind, row in (TABLE | NEWER).items() if row}


def kinds_of(document: Document) -> tuple[str, ...]:
    """The types of webhooks that are sent when this document is served, in the order in which they go out."""
    return tuple(kind for kind in EVERY_KIND if kind in document.webhooks)


class Sight(NamedTuple):
    """What one request or moment brought: most webhooks of scores are made only when somebody reads them."""

    number: int
    time: int
    made: list[WebhookEvent]
    scores: Scores | None

    def webhook_events(self, past: Past | None = None) -> list[WebhookEvent]:
        """In the order in which they go out. `past`: shared by those that are read in a row, the newest first."""
        scored = self.scores.webhook_events(self.time, past or Past()) if self.scores else ()
        return sorted([*self.made, *scored], key=lambda webhook_event: EVERY_KIND.index(webhook_event.kind))


def see(world: World, entries: list[f.Entry], never: Collection[str] = ()) -> Sight | None:
    """What one request or moment brought, while the world is as it was then; None: nothing to tell.

    `never`: types that the document does not have; those of scores are left to whoever reads.
    """
    made: list[WebhookEvent] = []
    facts: list[f.ScoreChanged] = []
    for entry in entries:
        fact = entry[3]
        if type(fact) is f.ScoreChanged:
            facts.append(fact)
        elif (told := ONE_BY_ONE.get(type(fact))) is not None:
            kind, tell = told
            if kind not in never:
                made += [WebhookEvent(kind, entry.time, *seen) for seen in tell(world, entry, fact)]
    number, seen, time = len(made), None, entries[0].time
    if facts and each_in_its_run(facts):
        seen = scores(world, facts)
        number += seen.number
    elif facts:
        made += several(world, entries, time)
        number = len(made)
    return Sight(number, time, made, seen) if number else None


def webhook_events(world: World, entries: list[f.Entry]) -> list[WebhookEvent]:
    """The webhooks of one request or moment, in the order in which they go out."""
    sight = see(world, entries)
    return sight.webhook_events() if sight else []

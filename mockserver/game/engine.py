"""A request states one fact; the engine derives all that follow from it, and catches up with time.

The one table: fact → the rules that react to it, each in its phase. A rule runs when its turn comes and sees
the world as it is then; every fact that it yields is applied at once.
"""

from __future__ import annotations

from collections.abc import Callable

from mockserver.game import achievements, emails, leaderboards, points, recount, schedule, streaks
from mockserver.game import facts as f
from mockserver.game.derivation import derive
from mockserver.game.rules import Reaction, Rules
from mockserver.game.world import World

Observer = Callable[[World, list[f.Entry]], None]

# Phases (behaviour, section 4): total → streak → achievements → points → levels → leaderboards → reports → messages.
# Third in a row: what a catalog must have for the rule to be asked at all.
RULES = Rules(
    {
        f.UserCreated: (Reaction(5, points.pay_creation, points.pays("user_creation")),),
        # After the scores that the same request changes.
        f.UserChanged: (Reaction(53, leaderboards.regroup, leaderboards.groups),),
        f.MetricChanged: (
            Reaction(10, streaks.count_period, streaks.counts),
            Reaction(20, achievements.complete_by_metric, achievements.by_metric),
            Reaction(23, achievements.complete_filtered_composites, achievements.filtered_composites),
            Reaction(30, points.pay_metric, points.pays("metric")),
            Reaction(50, leaderboards.score_metric, leaderboards.ranks("metric")),
        ),
        f.StreakStarted: (
            Reaction(21, achievements.complete_by_streak, achievements.by_streak),
            Reaction(31, points.pay_streak, points.pays("streak")),
            Reaction(51, leaderboards.score_streak, leaderboards.ranks("streak")),
        ),
        f.StreakExtended: (
            Reaction(21, achievements.complete_by_streak, achievements.by_streak),
            Reaction(31, points.pay_streak, points.pays("streak")),
            Reaction(51, leaderboards.score_streak, leaderboards.ranks("streak")),
        ),
        f.StreakLost: (Reaction(51, leaderboards.score_streak, leaderboards.ranks("streak")),),
        f.FreezeGranted: (Reaction(10, streaks.take_freeze, streaks.counts),),
        f.StreakRestored: (Reaction(51, leaderboards.score_streak, leaderboards.ranks("streak")),),
        f.StreakReset: (Reaction(10, streaks.lose_reset),),
        f.StreakRecounted: (Reaction(51, leaderboards.rescore_streak, leaderboards.ranks("streak")),),
        f.PreferencesChanged: (Reaction(5, recount.recount_streaks),),
        f.AchievementClaimed: (
            Reaction(20, achievements.complete_by_claim),
            Reaction(23, achievements.complete_filtered_composites, achievements.filtered_composites),
        ),
        f.AchievementCompleted: (
            Reaction(22, achievements.complete_composites, achievements.prerequisites),
            Reaction(32, points.pay_achievement, points.pays("achievement")),
            Reaction(70, emails.email_achievement, emails.has_achievement_emails),
        ),
        f.PointsAwarded: (Reaction(35, points.settle),),
        f.PointsChanged: (
            Reaction(40, points.change_level, points.has_levels),
            Reaction(52, leaderboards.score_points, leaderboards.ranks("points")),
            Reaction(60, points.report),
        ),
        f.RunStarted: (Reaction(50, leaderboards.enter_streaks, leaderboards.ranks("streak")),),
        f.CatalogChanged: (
            Reaction(5, recount.recount_streaks),
            Reaction(10, streaks.skip_intervals, streaks.counts),
            Reaction(20, achievements.grant_newly_active),
        ),
    }
)


class Game:
    """A world with its agenda: where requests record facts, and time passes.

    `observe` is called at the end of each request (`commit`) and of each due moment, with all that it brought,
    while the world is as it was then. `now`: until when the world has been caught up with (ms UTC), if later than
    its newest fact.
    """

    def __init__(self, world: World, observe: Observer | None = None, now: int | None = None) -> None:
        self.world = world
        self.observe = observe
        self.now = world.time if now is None else max(now, world.time)
        self.agenda = schedule.Schedule(world, self.now)
        self._unpublished: list[f.Entry] = []
        self._begun = False  # whether what is recorded now is undone unless it is committed
        self._open = False  # whether anything was recorded since then

    def begin(self) -> None:
        """From here to `commit` all is one: if that is never reached, because something broke, it never happened."""
        self._begun = True

    def replace_world(self, world: World, now: int) -> None:
        """Takes over a population that has been caught up with until `now` (ms UTC)."""
        self.world, self.now = world, max(now, world.time)
        self.agenda = schedule.Schedule(world, self.now)
        self._unpublished = []

    def record(self, *facts: f.Fact) -> list[f.Entry]:
        """Applies facts and their consequences now."""
        self._open = True
        entries = derive(self.world, facts, self.now, self.agenda, RULES)
        if self.observe is not None:
            self._unpublished += entries
        return entries

    def commit(self) -> None:
        """Ends a request. Its entries go to the observer together."""
        if self._open:
            self._close()
        else:
            self._begun = False
        if self._unpublished:
            self.publish()

    def publish(self) -> None:
        """The entries so far go to the observer together, though the request has not ended."""
        if self._unpublished and self.observe is not None:
            entries, self._unpublished = self._unpublished, []
            self.observe(self.world, entries)

    def undo(self) -> None:
        """Back to before the request or due moment that something broke: the world is made again from its journal.

        When that fails, too, it is tried again before anything else happens.
        """
        if self._begun and self._open:
            rebuilt = self.world.as_of(self.agenda.changes.last)
            self.agenda.undo()
            self._unpublished = []
            vars(self.world).update(vars(rebuilt))  # the same object, for all that hold it
        self._open = self._begun = False

    def _close(self) -> None:
        if self._open:
            self.agenda.keep(self.world.journal.last)
        self._open = self._begun = False

    def next_due(self) -> int | None:
        """When something may fall due next (ms UTC)."""
        return self.agenda.next_time()

    def catch_up(self, now: int) -> None:
        """Settles everything that falls due until `now`, inclusive, earliest first. Never goes back."""
        if self._begun:
            self.undo()
        elif self._open:
            self._close()
        while (due := self.agenda.next_time()) is not None and due <= now:
            self._begun = self._open = True
            try:
                self._settle(now)
            except BaseException:
                self.undo()
                raise
        self.now = max(now, self.now)

    def _settle(self, now: int) -> None:
        """The earliest item, whole."""
        entries: list[f.Entry] = []
        due = self.agenda.pop(now)
        if due is not None:
            self.now = max(due.time, self.now)
            for fact in schedule.settle(self.world, due, self.now):
                entries += derive(self.world, (fact,), self.now, self.agenda, RULES)
            self.agenda.renew(self.world, due)
        self._close()
        if entries and self.observe is not None:
            self.observe(self.world, entries)

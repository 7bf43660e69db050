"""Every fact as one English sentence with the names from the catalog. One row for each kind of fact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Protocol

from mockserver.game import facts as f
from mockserver.game.catalog import PointsTrigger
from mockserver.game.metrics import number
from mockserver.game.world import World


def sentence(world: World, fact: f.Fact) -> str:
    """What happened, for a reader; rows that the catalog no longer has go by their key."""
    return SAYINGS[type(fact)](Names(world), fact)


class Names:
    """The names by which a reader knows things."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.catalog = world.catalog

    def user(self, user_id: str | None) -> str:
        """`Ada Lovelace (user-1)`, or the id alone."""
        user = self.world.users.get(user_id or "")
        name = user.profile.name if user else None
        return f"{name} ({user_id})" if name and name != user_id else str(user_id)

    def metric(self, key: str) -> str:
        return _quoted(self.catalog.metrics, key)

    def achievement(self, key: str) -> str:
        return _quoted(self.catalog.achievements, key)

    def points(self, key: str) -> str:
        row = self.catalog.points.get(key)
        return row.name if row else key

    def level(self, system: str, key: str | None) -> str:
        row = self.catalog.points.get(system)
        levels = row.levels if row else ()
        name = next((level.name for level in levels if level.key == key), key)
        return f"level “{name}”" if key else "no level"

    def boost(self, id: str) -> str:
        row = self.catalog.boosts_by_id.get(id)
        return f"“{row.name}”" if row else f"boost {id}"

    def board(self, key: str) -> str:
        return _quoted(self.catalog.leaderboards, key)

    def trigger(self, id: str) -> str:
        """What a trigger pays for."""
        row = self.catalog.triggers_by_id.get(id)
        return f"trigger {id}" if row is None else self._pays_for(row)

    def _pays_for(self, row: PointsTrigger) -> str:
        if row.type == "metric":
            return f"every {row.threshold:,} {self.metric(str(row.metric))}"
        if row.type == "streak":
            return f"a streak of every {row.threshold}"
        if row.type == "achievement":
            return f"the achievement {self.achievement(str(row.achievement))}"
        if row.type == "time":
            interval = "" if row.time_interval == 1 else f"{row.time_interval} "
            return f"every {interval}{row.time_unit}{'s' if interval else ''} since the user was created"
        return "being created"


class Named(Protocol):
    @property
    def name(self) -> str: ...


def _quoted(rows: Mapping[str, Named], key: str) -> str:
    row = rows.get(key)
    return f"“{row.name if row else key}”"


def amount(millionths: int) -> str:
    """A metric's amount: 1,500 or 0.25."""
    return f"{number(millionths):,}"


def signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−")


def place(rank: int | None) -> str:
    return "off the board" if rank is None else f"rank {rank}"


def _user_created(names: Names, fact: f.UserCreated) -> str:
    return f"{names.user(fact.user)} was created."


def _user_changed(names: Names, fact: f.UserChanged) -> str:
    return f"The profile of {names.user(fact.user)} was changed."


def _preferences(names: Names, fact: f.PreferencesChanged) -> str:
    what = "an own streak" if fact.recount else "notifications"
    return f"{names.user(fact.user)} changed the preferences for {what}."


def _metric(names: Names, fact: f.MetricChanged) -> str:
    change = ("−" if fact.value < 0 else "+") + amount(abs(fact.value))
    return f"{names.user(fact.user)}: {names.metric(fact.metric)} {change}, total {amount(fact.total)}."


def _streak_started(names: Names, fact: f.StreakStarted) -> str:
    return f"{names.user(fact.user)} started a streak on {fact.day}; it expires {_end(fact.expires)}."


def _streak_extended(names: Names, fact: f.StreakExtended) -> str:
    who = names.user(fact.user)
    return f"{who} extended the streak to {fact.length} on {fact.day}; it expires {_end(fact.expires)}."


def _end(day: date) -> str:
    return f"when {day} is over"


def _streak_lost(names: Names, fact: f.StreakLost) -> str:
    why = "it was reset" if fact.reset else "its last day passed, and no freeze was left"
    return f"{names.user(fact.user)} lost a streak of {fact.length}: {why}."


def _freeze_consumed(names: Names, fact: f.FreezeConsumed) -> str:
    who = names.user(fact.user)
    return (
        f"A freeze covered the period from {fact.period} for {who}, {fact.freezes} left; "
        f"the streak now expires {_end(fact.expires)}."
    )


def _freeze_earned(names: Names, fact: f.FreezeEarned) -> str:
    freezes = "1 freeze" if fact.earned == 1 else f"{fact.earned} freezes"
    return f"{names.user(fact.user)} earned {freezes} and has {fact.freezes}."


def _freeze_not_earned(names: Names, fact: f.FreezeIntervalPassed) -> str:
    return f"{names.user(fact.user)} could have earned a freeze, but has all that can be held."


def _freeze_granted(names: Names, fact: f.FreezeGranted) -> str:
    return f"The organisation granted {names.user(fact.user)} a freeze."


def _streak_restored(names: Names, fact: f.StreakRestored) -> str:
    who = names.user(fact.user)
    return f"The organisation restored a streak of {fact.length} for {who}; it expires {_end(fact.expires)}."


def _streak_reset(names: Names, fact: f.StreakReset) -> str:
    return f"The organisation reset the streak of {names.user(fact.user)} on {fact.day}; it was {fact.length}."


def _streak_recounted(names: Names, fact: f.StreakRecounted) -> str:
    length = f"is one of {fact.length}" if fact.length else "is none"
    return f"Counted by the settings of now, the streak of {names.user(fact.user)} {length}."


def _streak_paused(names: Names, fact: f.StreakPaused) -> str:
    pause = f"The streak of {names.user(fact.user)} is paused from {fact.pause.start} to {fact.pause.end}"
    return f"{pause}." if fact.expires is None else f"{pause}; it expires {_end(fact.expires)}."


def _pause_deleted(names: Names, fact: f.PauseDeleted) -> str:
    pause = f"A pause of the streak of {names.user(fact.user)} was deleted"
    return f"{pause}." if fact.expires is None else f"{pause}; the streak expires {_end(fact.expires)}."


def _claimed(names: Names, fact: f.AchievementClaimed) -> str:
    return f"The application completed {names.achievement(fact.achievement)} for {names.user(fact.user)}."


def _completed(names: Names, fact: f.AchievementCompleted) -> str:
    who, what = names.user(fact.user), names.achievement(fact.achievement)
    return f"{what} became active and was given to {who} in silence." if fact.silent else f"{who} completed {what}."


def _awarded(names: Names, fact: f.PointsAwarded) -> str:
    boosts = ", ".join(names.boost(boost) for boost in fact.boosts)
    boosted = f", boosted by {boosts}" if boosts else ""
    change = f"{signed(fact.awarded)} {names.points(fact.system)}"
    return f"{names.user(fact.user)}: {change} for {names.trigger(fact.trigger)}{boosted}, total {fact.total:,}."


def _points_changed(names: Names, fact: f.PointsChanged) -> str:
    awards = "1 award" if len(fact.awards) == 1 else f"{len(fact.awards)} awards"
    change = f"{signed(fact.added)} {names.points(fact.system)} by {awards}"
    return f"{names.user(fact.user)}: {change}, total {fact.total:,}."


def _points_reported(names: Names, fact: f.PointsReported) -> str:
    change = f"{signed(fact.added)}, total {fact.total:,}"
    return f"A webhook told the {names.points(fact.system)} of {names.user(fact.user)}: {change}."


def _level(names: Names, fact: f.LevelChanged) -> str:
    old, new = names.level(fact.system, fact.previous), names.level(fact.system, fact.level)
    return f"{names.user(fact.user)} went from {old} to {new} with {fact.total:,} {names.points(fact.system)}."


def _boost(names: Names, fact: f.BoostStarted | f.BoostFinished) -> str:
    verb = "started" if isinstance(fact, f.BoostStarted) else "finished"
    whose = f" of {names.user(fact.user)}" if fact.user else ""
    return f"The boost {names.boost(fact.boost)}{whose} on {names.points(fact.system)} {verb}."


def _score(names: Names, fact: f.ScoreChanged) -> str:
    row = names.catalog.leaderboards.get(fact.board)
    gained = amount(fact.gained) if row is not None and row.rank_by == "metric" else f"{fact.gained:,}"
    old, new = fact.before.rank, fact.after.rank
    was = "" if old == new else f", was {place(old)}"
    return f"{names.user(fact.user)} has {gained} on {names.board(fact.board)} (run of {fact.run}): {place(new)}{was}."


def _recap_due(names: Names, fact: f.RecapDue) -> str:
    return f"{names.user(fact.user)} is due a recap of {fact.first} to {fact.last}."


def _reactivation_due(names: Names, fact: f.ReactivationDue) -> str:
    return f"{names.user(fact.user)} is due reactivation message {fact.number}: not active for {fact.days} days."


def _streak_reminder_due(names: Names, fact: f.StreakReminderDue) -> str:
    return f"{names.user(fact.user)} is due a reminder of the streak, which expires on {fact.expires}."


def _achievement_message_due(names: Names, fact: f.AchievementMessageDue) -> str:
    return f"{names.user(fact.user)} is due a message about {names.achievement(fact.achievement)}."


def _run_started(names: Names, fact: f.RunStarted) -> str:
    return f"A run of {names.board(fact.board)} started: {fact.run}."


def _run_final(names: Names, fact: f.RunBecameFinal) -> str:
    return f"The run of {names.board(fact.board)} from {fact.run} became final."


def _run_finished(names: Names, fact: f.RunFinished) -> str:
    return f"The run of {names.board(fact.board)} from {fact.run} was announced as finished."


def _catalog(names: Names, fact: f.CatalogChanged) -> str:
    return "The catalog was changed."


SAYINGS: dict[type[f.Fact], Callable[[Names, Any], str]] = {
    f.UserCreated: _user_created,
    f.UserChanged: _user_changed,
    f.PreferencesChanged: _preferences,
    f.MetricChanged: _metric,
    f.StreakStarted: _streak_started,
    f.StreakExtended: _streak_extended,
    f.StreakLost: _streak_lost,
    f.FreezeConsumed: _freeze_consumed,
    f.FreezeEarned: _freeze_earned,
    f.FreezeIntervalPassed: _freeze_not_earned,
    f.FreezeGranted: _freeze_granted,
    f.StreakRestored: _streak_restored,
    f.StreakReset: _streak_reset,
    f.StreakRecounted: _streak_recounted,
    f.StreakPaused: _streak_paused,
    f.PauseDeleted: _pause_deleted,
    f.AchievementClaimed: _claimed,
    f.AchievementCompleted: _completed,
    f.PointsAwarded: _awarded,
    f.PointsChanged: _points_changed,
    f.PointsReported: _points_reported,
    f.LevelChanged: _level,
    f.BoostStarted: _boost,
    f.BoostFinished: _boost,
    f.ScoreChanged: _score,
    f.RecapDue: _recap_due,
    f.ReactivationDue: _reactivation_due,
    f.StreakReminderDue: _streak_reminder_due,
    f.AchievementMessageDue: _achievement_message_due,
    f.RunStarted: _run_started,
    f.RunBecameFinal: _run_final,
    f.RunFinished: _run_finished,
    f.CatalogChanged: _catalog,
}

"""Everything that can happen, as facts in the past tense.

A request states one fact; the engine derives what follows from it. Facts never change, name users by id and
catalog rows by key or id, and together are the whole history: responses, webhooks and summaries are read from them.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from mockserver.game.catalog import Catalog, Evaluation, StreakCondition


class Profile(NamedTuple):
    """What is known of a user (schema `User`). Times in milliseconds UTC; replaced, never changed.

    `subscribed` is None until it has been sent once, `signed_up` is the day on which the user signed up, as sent.
    """

    id: str
    email: str | None
    name: str | None
    tz: str | None
    device_tokens: tuple[str, ...] | None
    subscribed: bool | None
    signed_up: date | None
    attributes: dict[str, str]
    control: bool
    created: int
    updated: int


class UserCreated(NamedTuple):
    user: str
    profile: Profile


class UserChanged(NamedTuple):
    """`relocated`: to another zone."""

    user: str
    profile: Profile
    relocated: bool


class StreakPreferences(NamedTuple):
    """What a user has set of an own streak, None where nothing: whether there is one, and what other than the
    organisation's holds for it (schema `StreakPreferences` of newer specs)."""

    enabled: bool | None = None
    evaluation: Evaluation | None = None
    conditions: tuple[StreakCondition, ...] | None = None
    days_off: tuple[int, ...] | None = None


class PreferencesChanged(NamedTuple):
    """Both are the whole after the change: `notifications` by type their channels, `streak` None until it is set.

    `recount`: the streak is another one by them.
    """

    user: str
    notifications: dict[str, tuple[str, ...]]
    streak: StreakPreferences | None
    recount: bool


class MetricChanged(NamedTuple):
    """`value` was added, giving `total` (both in millionths), on the user's local `day`."""

    user: str
    metric: str
    value: int
    total: int
    day: date
    attributes: dict[str, str]
    idempotency_key: str | None


class StreakStarted(NamedTuple):
    """The period that begins on `period` met its conditions, on the local `day`."""

    user: str
    day: date
    period: date
    expires: date


class StreakExtended(NamedTuple):
    user: str
    length: int
    day: date
    period: date
    expires: date


class StreakLost(NamedTuple):
    """`reset`: because somebody reset it, not because a period was missed."""

    user: str
    length: int
    reset: bool


class FreezeConsumed(NamedTuple):
    """A freeze covered the missed `period`; `freezes` are left."""

    user: str
    period: date
    expires: date
    freezes: int


class FreezeEarned(NamedTuple):
    """The `interval`-th one since the user was created."""

    user: str
    interval: int
    earned: int
    freezes: int


class FreezeIntervalPassed(NamedTuple):
    """An interval ended with nothing to earn: the user held all that can be held."""

    user: str
    interval: int


class FreezeGranted(NamedTuple):
    """The organisation gave the user a freeze."""

    user: str


class StreakRestored(NamedTuple):
    """The streak has its `length` of before again, as if the periods missed since had been excused."""

    user: str
    length: int
    started: date
    expires: date


class StreakReset(NamedTuple):
    """The organisation ended the streak of `length` on the local `day`, in the period that begins on `period`."""

    user: str
    length: int
    day: date
    period: date


class Reset(NamedTuple):
    """A streak of `length` was set to 0 on the local `day`, at `time` (ms UTC)."""

    day: date
    time: int
    length: int


class StreakRecounted(NamedTuple):
    """The user's streak as it would be if the settings in force now had always held; fields as in `StreakState`.

    `history`: start, length and whether it was frozen, of each period.
    """

    user: str
    length: int
    started: date | None
    counted: date | None
    expires: date | None
    deadline: int
    extended: int | None
    reached: int
    longest: int
    longest_reached: int
    freezes: int
    intervals: int
    history: tuple[tuple[date, int, bool], ...]
    resets: tuple[Reset, ...]
    restores: tuple[tuple[date, int, date], ...]


class Pause(NamedTuple):
    """Days on which a user need not be active, both inclusive. `archived`: deleted since, on the day after `end`."""

    id: str
    start: date
    end: date
    archived: bool


class StreakPaused(NamedTuple):
    """A pause was planned; `expires` is that of the streak from now on, None without one."""

    user: str
    pause: Pause
    expires: date | None


class PauseDeleted(NamedTuple):
    """`rest` is what was over of it by then, None when it had not begun."""

    user: str
    pause: str
    rest: Pause | None
    expires: date | None


class AchievementClaimed(NamedTuple):
    """The application says that the user has completed an `api` achievement."""

    user: str
    achievement: str


class AchievementCompleted(NamedTuple):
    """`silent`: given because the achievement became active, without points and webhooks."""

    user: str
    achievement: str
    silent: bool


class PointsAwarded(NamedTuple):
    """`awarded` is after boosts and cap, `total` after it; trigger and boosts by id."""

    user: str
    system: str
    trigger: str
    awarded: int
    total: int
    day: date
    boosts: tuple[str, ...]


class PointsChanged(NamedTuple):
    """What one request or moment did to a user's points in one system; `awards` are their sequence numbers."""

    user: str
    system: str
    added: int
    total: int
    awards: tuple[int, ...]


class PointsReported(NamedTuple):
    """What a `points.changed` webhook reports: the changes of at most one window, merged."""

    user: str
    system: str
    added: int
    total: int
    awards: tuple[int, ...]
    level: str | None
    level_changed: bool


class LevelChanged(NamedTuple):
    """Levels by key, None below the first."""

    user: str
    system: str
    previous: str | None
    level: str | None
    total: int


class BoostStarted(NamedTuple):
    """`user` for a boost of one user, else None."""

    user: str | None
    system: str
    boost: str


class BoostFinished(NamedTuple):
    user: str | None
    system: str
    boost: str


class Standing(NamedTuple):
    """A place on a board: both None when not on it."""

    rank: int | None
    value: int | None


class ScoreChanged(NamedTuple):
    """A user's own score on a board changed. `gained` within the run, in the board's finest unit.

    `left`: the group in whose ranking the user was before, when that is another than `group`.
    `visible`: the user's rank or the value that ranks changed, not only what is behind the decimal point.
    `ranks`: before and after, beyond the board's limit too, 0 for none; others follow from them.
    """

    user: str
    board: str
    run: date
    group: tuple[str, ...] | None
    left: tuple[str, ...] | None
    gained: int
    before: Standing
    after: Standing
    visible: bool
    ranks: tuple[int, int]


class RecapDue(NamedTuple):
    user: str
    first: date
    last: date


class ReactivationDue(NamedTuple):
    """The `number`-th message to a user who was active on the day `last` and has not been for `days` days."""

    user: str
    last: date
    number: int
    days: int


class StreakReminderDue(NamedTuple):
    user: str
    expires: date


class AchievementMessageDue(NamedTuple):
    user: str
    achievement: str


class RunStarted(NamedTuple):
    board: str
    run: date


class RunBecameFinal(NamedTuple):
    board: str
    run: date


class RunFinished(NamedTuple):
    board: str
    run: date


class CatalogChanged(NamedTuple):
    catalog: Catalog


Fact = (
    UserCreated
    | UserChanged
    | PreferencesChanged
    | MetricChanged
    | StreakStarted
    | StreakExtended
    | StreakLost
    | FreezeConsumed
    | FreezeEarned
    | FreezeIntervalPassed
    | FreezeGranted
    | StreakRestored
    | StreakReset
    | StreakRecounted
    | StreakPaused
    | PauseDeleted
    | AchievementClaimed
    | AchievementCompleted
    | PointsAwarded
    | PointsChanged
    | PointsReported
    | LevelChanged
    | BoostStarted
    | BoostFinished
    | ScoreChanged
    | RecapDue
    | ReactivationDue
    | StreakReminderDue
    | AchievementMessageDue
    | RunStarted
    | RunBecameFinal
    | RunFinished
    | CatalogChanged
)


class Entry(NamedTuple):
    """A fact in the journal: its number, its moment (milliseconds UTC) and the number of the fact behind it."""

    seq: int
    time: int
    cause: int | None
    fact: Fact

"""Every field of a catalog: what it is called, what it may hold, what it means. The reader, the schema for
editors and the reference in `docs/catalog.md` come from here. Names are Trophy's own wherever its API has one."""

from __future__ import annotations

from functools import partial

from mockserver.catalogs import rules
from mockserver.catalogs.kinds import (
    LONGEST_TEXT,
    MOST_ENDPOINTS,
    Amount,
    Choice,
    Day,
    Each,
    Flag,
    Moment,
    Name,
    Pairs,
    Share,
    Text,
    Thresholds,
    TimeOfDay,
    Whole,
    choice,
)
from mockserver.catalogs.tables import ID, ByKey, ByKeyInOrder, Field, Many, One, Table
from mockserver.game import catalog as game

WEBHOOK_TYPES = (
    "achievement.completed",
    "streak.started",
    "streak.extended",
    "streak.lost",
    "streak.freeze_consumed",
    "streak.freeze_earned",
    "points.changed",
    "points.level_changed",
    "points.boost_started",
    "points.boost_finished",
    "leaderboard.started",
    "leaderboard.changed",
    "leaderboard.finished",
    "leaderboard.rank_changed",
    # of newer specs
    "emails.recap_due",
    "emails.reactivation_due",
    "emails.streak_reminder_due",
    "emails.achievement_due",
)

_needed = partial(Field, required=True)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_NAME = _needed("name", Text(), "Its name, as users see it.")
_BADGE = Field("badgeUrl", Text(most=LONGEST_TEXT), "Address of the badge's picture.")
_USER_FILTER = Field(
    "userAttributes",
    Pairs("userAttributes"),
    "Only for users with all of these attribute values.",
)
_GAINED = "rankBy=metric|points"  # a board on which users gain something; a streak is not gained


def _metric(when: str, says: str = "The metric that counts.") -> Field:
    return _needed("metricKey", Name("metrics"), says, attribute="metric", when=when)


def _event_filter(when: str) -> Field:
    return Field(
        "eventAttributes", Pairs("eventAttributes"), "Only events with all of these attribute values count.", when=when
    )


METRIC = Table(
    "metric",
    game.Metric,
    "What users do and the application counts. The key is the one that events are sent to.",
    (
        _NAME,
        Field("units", Text(), "What is counted: words, km, minutes."),
        Field(
            "status",
            Choice((("active", True), ("inactive", False))),
            "Inactive metrics take no events and show up nowhere.",
            attribute="active",
        ),
        ID,
    ),
)

FREEZES = Table(
    "freezes",
    game.Freezes,
    "Streak freezes: a missed period spends one instead of the streak.",
    (
        Field("initial", Whole(0, 100), "How many a new user has."),
        _needed("maximum", Whole(0, 100), "How many a user can hold at most."),
        Field("autoEarnInterval", Whole(1, 10_000), "Users earn freezes every so many days since their creation."),
        Field("autoEarnAmount", Whole(1, 100), "How many they earn each time."),
    ),
    check=rules.freezes,
)

STREAK = Table(
    "streak",
    game.Streak,
    "The organisation's streak. Without this table there is none.",
    (
        Field("frequency", choice("daily", "weekly", "monthly"), "The period in which users must be active."),
        Field(
            "conditions",
            Thresholds(),
            "What must be reached in a period, metric by metric. Left out, anything positive counts.",
        ),
        Field("evaluation", choice("any", "all"), "Whether any condition is enough or all must be met."),
        Field("freezes", One(FREEZES), "Streak freezes. Left out, they are off."),
        Field(
            "daysOff",
            Each(Whole(0, 6)),
            "Weekdays on which nobody need be active, 0 for Sunday to 6; for daily streaks.",
        ),
        Field(
            "customizable",
            Flag(),
            "Whether users may have conditions and days off of their own, in their preferences.",
        ),
    ),
    check=rules.streak,
)

ACHIEVEMENT = Table(
    "achievement",
    game.Achievement,
    "Something that a user completes once and keeps.",
    (
        _NAME,
        _needed(
            "trigger",
            choice("metric", "streak", "api", "achievement"),
            "What completes it: a total, a streak's length, an API call, other achievements.",
        ),
        Field("description", Text(most=LONGEST_TEXT), "What users must do for it."),
        _BADGE,
        _metric("trigger=metric"),
        _needed(
            "metricValue", Amount(), "The total at which it is completed.", attribute="value", when="trigger=metric"
        ),
        _event_filter("trigger=metric"),
        _needed("streakLength", Whole(1), "The length at which it is completed.", when="trigger=streak"),
        _needed(
            "achievementKeys",
            Each(Name("achievements"), least=1),
            "All achievements that must be completed first.",
            attribute="prerequisites",
            when="trigger=achievement",
        ),
        _USER_FILTER,
        Field(
            "status",
            choice("active", "inactive", "locked"),
            "Inactive ones show up nowhere; locked ones only with users who have them.",
        ),
        ID,
    ),
)

TRIGGER = Table(
    "trigger",
    game.PointsTrigger,
    "What awards points, or takes them away.",
    (
        _needed("type", choice("metric", "streak", "achievement", "time", "user_creation"), "What sets it off."),
        _needed("points", Whole(zero=False), "How many points; below 0 takes them away."),
        _metric("type=metric"),
        _needed(
            "metricThreshold",
            Whole(1),
            "Fires at every multiple of this that the total passes.",
            attribute="threshold",
            when="type=metric",
        ),
        _event_filter("type=metric"),
        _needed(
            "streakLengthThreshold",
            Whole(1),
            "Fires at every multiple of this streak length.",
            attribute="threshold",
            when="type=streak",
        ),
        _needed(
            "achievementKey",
            Name("achievements"),
            "Fires when this achievement is completed.",
            attribute="achievement",
            when="type=achievement",
        ),
        _needed("timeUnit", choice("hour", "day"), "Unit of `timeInterval`.", when="type=time"),
        _needed(
            "timeInterval",
            Whole(1, 1_000_000),
            "Fires each time so many hours or days have passed since the user was created.",
            when="type=time",
        ),
        _USER_FILTER,
        Field("status", choice("active", "inactive", "archived"), "Only active ones fire and are listed."),
        Field("created", Moment(), "The day it was set up.", default="-90d"),
        Field(
            "updated", Moment(), "The day of its last change. Left out: `created`.", default="-90d", same_as="created"
        ),
        Field("id", Text(), "Its id in responses. Left out, it follows from what sets the trigger off."),
    ),
    identity=(
        "type",
        "metricKey",
        "metricThreshold",
        "eventAttributes",
        "streakLengthThreshold",
        "achievementKey",
        "timeUnit",
        "timeInterval",
        "userAttributes",
    ),
)

LEVEL = Table(
    "level",
    game.Level,
    "A level of a points system. Users hold the highest one whose points they have.",
    (
        _NAME,
        _needed("points", Whole(0), "Points from which it is held. Levels must ascend."),
        Field("description", Text(empty=True, most=LONGEST_TEXT), "What it stands for.", default=""),
        _BADGE,
        ID,
    ),
)

BOOST = Table(
    "boost",
    game.Boost,
    "Days on which awards count more. Several at once multiply together.",
    (
        _NAME,
        _needed("start", Day(), "Its first day, in each user's own zone."),
        Field("end", Day(), "Its last day, inclusive. Left out, it never ends."),
        _needed("multiplier", Amount(), "What awards are multiplied by."),
        Field("rounding", choice("down", "up", "nearest"), "Where a product that is not whole goes."),
        _USER_FILTER,
        Field("userId", Text(), "Only for this user; then without `userAttributes`.", attribute="user"),
        Field("id", Text(), "Its id in responses. Left out, it follows from its name."),
    ),
    identity=("name",),
    check=rules.boost,
)

POINTS_SYSTEM = Table(
    "pointsSystem",
    game.PointsSystem,
    "Points that users collect: XP, energy, coins.",
    (
        _NAME,
        Field("description", Text(most=LONGEST_TEXT), "What it stands for."),
        _BADGE,
        Field("maxPoints", Whole(1), "No user holds more. Left out, there is no limit."),
        Field("triggers", Many(TRIGGER), "What awards points, in this order."),
        Field("levels", ByKeyInOrder(LEVEL), "Levels, lowest first."),
        Field("boosts", Many(BOOST), "Boosts: days on which awards count more."),
        ID,
    ),
    check=rules.points_system,
)

LEADERBOARD = Table(
    "leaderboard",
    game.Leaderboard,
    "A ranking of users, once or in runs that repeat.",
    (
        _NAME,
        _needed("rankBy", choice("metric", "points", "streak"), "What users are ranked by."),
        _metric("rankBy=metric", "The metric whose gain counts."),
        _needed(
            "pointsSystemKey",
            Name("points"),
            "The points system whose gain counts.",
            attribute="points_system",
            when="rankBy=points",
        ),
        _needed("start", Day(), "Its first day, and the first of its first run."),
        Field("end", Day(), "Its last day, inclusive. Left out, it never ends."),
        Field("description", Text(most=LONGEST_TEXT), "What it is about."),
        Field(
            "breakdownAttributes",
            Each(Name("userAttributes")),
            "User attributes that part it into groups, each with its own ranking.",
            attribute="breakdown",
        ),
        Field("maxParticipants", Whole(1, 1000), "Only so many are on it."),
        Field(
            "runUnit",
            choice("day", "month", "year"),
            "Unit of `runInterval`. Left out, there is one run.",
            when=_GAINED,
        ),
        Field("runInterval", Whole(1, 1000), "Every so many units a new run begins at 0.", when=_GAINED),
        Field("userAttributes", Pairs("userAttributes"), "Only users with all of these attribute values take part."),
        Field(
            "startTime",
            TimeOfDay(),
            "Activity counts from this time of each user's own day on. Left out, from midnight.",
            when=_GAINED,
        ),
        Field(
            "endTime",
            TimeOfDay(),
            "Activity counts before this time of each user's own day, after `startTime`. Left out, until midnight.",
            when=_GAINED,
        ),
        ID,
    ),
    check=rules.leaderboard,
)

WEBHOOK = Table(
    "webhook",
    game.WebhookEndpoint,
    "An address that events are sent to.",
    (
        _needed("url", Text(most=LONGEST_TEXT), "Where to: http:// or https://."),
        Field("secret", Text(), "What bodies are signed with. Left out, one is generated."),
        Field("events", Each(choice(*WEBHOOK_TYPES)), "Types to send. Left out, all of them."),
        Field("active", Flag(), "Whether anything is sent."),
    ),
    check=rules.webhook,
)

EMAILS = Table(
    "emails",
    game.Emails,
    "When messages fall due, which the webhooks `emails.*` of newer specs send; hours are in the user's own time.",
    (
        Field("recap", choice("weekly", "monthly", "none"), "How long the periods are of which there is a recap."),
        Field("hour", Whole(0, 23), "At what hour recaps and reactivations are due."),
        Field(
            "reactivationDays",
            Each(Whole(1, 3650)),
            "After so many days without an event a message is due, each time another. They must ascend.",
        ),
        Field("streakReminders", Flag(), "Whether there are reminders on the last day on which a streak can go on."),
        Field("streakReminderHour", Whole(0, 23), "At what hour they are due."),
        Field("achievements", Flag(), "Whether a message is due when an achievement is completed."),
    ),
    check=rules.emails,
)

SETTINGS = Table(
    "settings",
    game.Settings,
    "Choices that belong to the organisation as a whole.",
    (
        Field("multiTenant", Flag(), "Whether each request must name a tenant, each with users of its own."),
        Field("tenants", Each(Text()), "All tenants there are. Left out, each comes into being at first use."),
        Field("controlRatio", Share(), "Share of users put into the control group, chosen by their id."),
        Field(
            "weekStart",
            Choice(tuple((day, number) for number, day in enumerate(_DAYS))),
            "First day of the week, for weekly streaks, summaries and wrapped.",
        ),
        Field(
            "pointsChangedWindow",
            Whole(0, 86_400),
            "Seconds in which `points.changed` webhooks of one user and system are merged; 0 merges none.",
        ),
        Field(
            "rankChangedNeighbours",
            Whole(0, 1000),
            "How many of those who moved through somebody else get a `leaderboard.rank_changed`. Left out, all.",
        ),
    ),
    check=rules.settings,
)

CATALOG = Table(
    "catalog",
    game.Catalog,
    "All that an organisation has set up.",
    (
        _needed("name", Text(), "The organisation's name."),
        Field("userAttributes", Each(Text()), "Keys of the attributes that users may have."),
        Field("eventAttributes", Each(Text()), "Keys of the attributes that events may have."),
        Field("metrics", ByKey(METRIC), "Metrics."),
        Field("streak", One(STREAK), "The streak. Left out, there is none."),
        Field("achievements", ByKey(ACHIEVEMENT), "Achievements."),
        Field("points", ByKey(POINTS_SYSTEM), "Points systems."),
        Field("leaderboards", ByKey(LEADERBOARD), "Leaderboards."),
        Field("webhooks", Many(WEBHOOK, most=MOST_ENDPOINTS), "Where webhooks go."),
        Field("emails", One(EMAILS), "When messages fall due. Left out, none do."),
        Field("settings", One(SETTINGS), "Choices that belong to the organisation as a whole."),
    ),
    check=rules.catalog,
)

"""Messages that fall due to a user: recaps, reminders, and calls to come back (behaviour, section 11).

Nothing is sent from here: a fact says that the moment has come, and webhooks of newer specs report it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mockserver.game.catalog import Catalog, Frequency
from mockserver.game.facts import (
    AchievementCompleted,
    AchievementMessageDue,
    Entry,
    Fact,
    ReactivationDue,
    RecapDue,
    StreakReminderDue,
)
from mockserver.game.periods import (
    end_of_period,
    local_day,
    local_hour,
    next_period,
    previous_period,
    start_of_period,
)
from mockserver.game.state import User
from mockserver.game.world import World

RECAP, REACTIVATION, REMINDER = "recap", "reactivation", "streak_reminder"
ACHIEVEMENT = "achievement_completed"

Moment = tuple[int, str]  # ms UTC; the kind of message and which one of its kind, with a space between


def wanted(user: User, kind: str) -> bool:
    """Not for users without an address, who want no email of this kind, or who are in the control group. Section 11."""
    channels = user.notifications.get(kind)
    return bool(user.profile.email) and not user.profile.control and (channels is None or "email" in channels)


def moments(world: World, user: User, after: int) -> Iterator[Moment]:
    """When to look at each kind of message next, later than `after` (ms UTC)."""
    emails = world.catalog.emails
    if emails is None:
        return
    if emails.recap != "none":
        yield from _recap(world, user, after)
    if emails.reactivation_days:
        yield _reactivation(world, user, after)
    yield from reminder(world, user, after)


def reminder(world: World, user: User, after: int) -> Iterator[Moment]:
    """On the last day on which the streak can still be extended."""
    emails, expires = world.catalog.emails, user.streak.expires
    if emails is None or not emails.streak_reminders or not user.streak.length or expires is None:
        return
    time = local_hour(expires, emails.streak_reminder_hour, user.zone)
    if time > after:
        yield time, f"{REMINDER} {expires}"


def _recap(world: World, user: User, after: int) -> Iterator[Moment]:
    """On the first day after each week or month."""
    emails, week_start = world.catalog.emails, world.catalog.settings.week_start
    assert emails is not None
    assert emails.recap != "none"
    start = start_of_period(local_day(after, user.zone), emails.recap, week_start)
    time = local_hour(start, emails.hour, user.zone)
    if time <= after:
        start = next_period(start, emails.recap, week_start)
        time = local_hour(start, emails.hour, user.zone)
    if time > after:  # the calendar ends somewhere
        yield time, f"{RECAP} {previous_period(start, emails.recap, week_start)}"


def _reactivation(world: World, user: User, after: int) -> Moment:
    """So many days after the last active one. A user who is active from now on gets the first message no earlier than
    `look`, so nothing is missed by looking then."""
    emails = world.catalog.emails
    assert emails is not None
    last = _last_active(user)
    day = _later(local_day(after, user.zone), emails.reactivation_days[0])
    look = max(after + 1, local_hour(day, emails.hour, user.zone))
    for number, days in enumerate(emails.reactivation_days, 1):
        time = local_hour(_later(last, days), emails.hour, user.zone)
        if after < time <= look:
            return time, f"{REACTIVATION} {last} {number}"
    return look, f"{REACTIVATION} {last} 0"


def _last_active(user: User) -> date:
    """The day of the latest event; without one, the user's first day."""
    days = [progress.days.last for progress in user.metrics.values() if progress.days.last is not None]
    return date.fromordinal(max(days)) if days else local_day(user.profile.created, user.zone)


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def fall_due(world: World, user: User, moment: Moment) -> Iterator[Fact]:
    """The message that is due at that moment as the world is now; none when it is not wanted, or was sent already."""
    time, kind = moment[0], moment[1].partition(" ")[0]
    if not wanted(user, kind):
        return
    for found, token in moments(world, user, time - 1):
        same, _, which = token.partition(" ")
        if (found, same) == (time, kind) and (user.messages or {}).get(kind) != which:
            yield from FALLING[kind](world, user, which)


def _recap_due(world: World, user: User, which: str) -> Iterator[Fact]:
    # Choice: there is nothing to recap of a period without an event.
    emails, first = world.catalog.emails, date.fromisoformat(which)
    frequency: Frequency = "monthly" if emails is not None and emails.recap == "monthly" else "weekly"
    last = end_of_period(first, frequency, world.catalog.settings.week_start)
    start, end = first.toordinal(), last.toordinal()
    if any(progress.days.change(start, end) is not None for progress in user.metrics.values()):
        yield RecapDue(user.profile.id, first, last)


def _reactivation_due(world: World, user: User, which: str) -> Iterator[Fact]:
    last, _, number = which.partition(" ")
    emails = world.catalog.emails
    if emails is not None and number != "0":
        days = emails.reactivation_days[int(number) - 1]
        yield ReactivationDue(user.profile.id, date.fromisoformat(last), int(number), days)


def _reminder_due(world: World, user: User, which: str) -> Iterator[Fact]:
    yield StreakReminderDue(user.profile.id, date.fromisoformat(which))


FALLING = {RECAP: _recap_due, REACTIVATION: _reactivation_due, REMINDER: _reminder_due}


def has_achievement_emails(catalog: Catalog, key: str) -> bool:
    return catalog.emails is not None and catalog.emails.achievements


def email_achievement(world: World, entry: Entry) -> Iterator[Fact]:
    """A message about each achievement, when it is completed."""
    fact = entry.fact
    if isinstance(fact, AchievementCompleted) and not fact.silent and wanted(world.users[fact.user], ACHIEVEMENT):
        yield AchievementMessageDue(fact.user, fact.achievement)

"""Messages that fall due to a user: recaps, reminders, and calls to come back (behaviour, section 11).

Nothing is sent from here: a fact says that the moment has come, and the webhooks of newer documents tell it.
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
from mockserver.game.state import Person
from mockserver.game.world import World

RECAP, REACTIVATION, REMINDER = "recap", "reactivation", "streak_reminder"
ACHIEVEMENT = "achievement_completed"

Moment = tuple[int, str]  # ms UTC; the kind of message and which one of its kind, with a space between


def wanted(person: Person, kind: str) -> bool:
    """Not by whoever has no address, wants no email of this kind, or is in the control group. Section 11."""
    channels = person.notifications.get(kind)
    return bool(person.profile.email) and not person.profile.control and (channels is None or "email" in channels)


def moments(world: World, person: Person, after: int) -> Iterator[Moment]:
    """When to look at each kind of message next, later than `after` (ms UTC)."""
    emails = world.catalog.emails
    if emails is None:
        return
    if emails.recap != "none":
        yield from _recap(world, person, after)
    if emails.reactivation_days:
        yield _reactivation(world, person, after)
    yield from reminder(world, person, after)


def reminder(world: World, person: Person, after: int) -> Iterator[Moment]:
    """On the last day on which the streak can still be extended."""
    emails, expires = world.catalog.emails, person.streak.expires
    if emails is None or not emails.streak_reminders or not person.streak.length or expires is None:
        return
    time = local_hour(expires, emails.streak_reminder_hour, person.zone)
    if time > after:
        yield time, f"{REMINDER} {expires}"


def _recap(world: World, person: Person, after: int) -> Iterator[Moment]:
    """On the first day after each week or month."""
    emails, week_start = world.catalog.emails, world.catalog.settings.week_start
    assert emails is not None
    assert emails.recap != "none"
    start = start_of_period(local_day(after, person.zone), emails.recap, week_start)
    time = local_hour(start, emails.hour, person.zone)
    if time <= after:
        start = next_period(start, emails.recap, week_start)
        time = local_hour(start, emails.hour, person.zone)
    if time > after:  # the calendar ends somewhere
        yield time, f"{RECAP} {previous_period(start, emails.recap, week_start)}"


def _reactivation(world: World, person: Person, after: int) -> Moment:
    """So many days after the last active one. Whoever is active from now on is due the first message no earlier than
    `look`, so nothing is missed by looking then."""
    emails = world.catalog.emails
    assert emails is not None
    last = _last_active(person)
    day = _later(local_day(after, person.zone), emails.reactivation_days[0])
    look = max(after + 1, local_hour(day, emails.hour, person.zone))
    for number, days in enumerate(emails.reactivation_days, 1):
        time = local_hour(_later(last, days), emails.hour, person.zone)
        if after < time <= look:
            return time, f"{REACTIVATION} {last} {number}"
    return look, f"{REACTIVATION} {last} 0"


def _last_active(person: Person) -> date:
    """The day of the latest event; of whoever had none, the first day."""
    days = [progress.days.last for progress in person.metrics.values() if progress.days.last is not None]
    return date.fromordinal(max(days)) if days else local_day(person.profile.created, person.zone)


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))


def fall_due(world: World, person: Person, moment: Moment) -> Iterator[Fact]:
    """The message that is due at that moment as the world is now; none when it is not wanted, or was sent already."""
    time, kind = moment[0], moment[1].partition(" ")[0]
    if not wanted(person, kind):
        return
    for found, token in moments(world, person, time - 1):
        same, _, which = token.partition(" ")
        if (found, same) == (time, kind) and (person.messages or {}).get(kind) != which:
            yield from FALLING[kind](world, person, which)


def _recap_due(world: World, person: Person, which: str) -> Iterator[Fact]:
    # Choice: there is nothing to recap of a period without an event.
    emails, first = world.catalog.emails, date.fromisoformat(which)
    frequency: Frequency = "monthly" if emails is not None and emails.recap == "monthly" else "weekly"
    last = end_of_period(first, frequency, world.catalog.settings.week_start)
    start, end = first.toordinal(), last.toordinal()
    if any(progress.days.change(start, end) is not None for progress in person.metrics.values()):
        yield RecapDue(person.profile.id, first, last)


def _reactivation_due(world: World, person: Person, which: str) -> Iterator[Fact]:
    last, _, number = which.partition(" ")
    emails = world.catalog.emails
    if emails is not None and number != "0":
        days = emails.reactivation_days[int(number) - 1]
        yield ReactivationDue(person.profile.id, date.fromisoformat(last), int(number), days)


def _reminder_due(world: World, person: Person, which: str) -> Iterator[Fact]:
    yield StreakReminderDue(person.profile.id, date.fromisoformat(which))


FALLING = {RECAP: _recap_due, REACTIVATION: _reactivation_due, REMINDER: _reminder_due}


def tells_achievements(catalog: Catalog, key: str) -> bool:
    return catalog.emails is not None and catalog.emails.achievements


def tell_achievement(world: World, entry: Entry) -> Iterator[Fact]:
    """A message about each achievement, when it is completed."""
    fact = entry.fact
    if isinstance(fact, AchievementCompleted) and not fact.silent and wanted(world.users[fact.user], ACHIEVEMENT):
        yield AchievementMessageDue(fact.user, fact.achievement)

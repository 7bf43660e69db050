"""Who the users are: an upsert changes only what was passed (behaviour, section 3)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

from mockserver.game.errors import Refused
from mockserver.game.facts import PreferencesChanged, Profile, StreakPreferences, UserChanged, UserCreated
from mockserver.game.nearest import nearest
from mockserver.game.periods import local_day, zone, zone_names
from mockserver.game.state import User
from mockserver.game.world import World

MOST_GUESSED = 3  # wrong keys for which the nearest are looked up
NO_ATTRIBUTES: dict[str, str] = {}  # shared, never written to
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}\S*", re.ASCII)
NOTIFICATION_TYPES = ("achievement_completed", "recap", "reactivation", "streak_reminder")


def upsert(world: World, user_id: str, fields: Mapping[str, Any], now: int) -> UserCreated | UserChanged | None:
    """The fact that `fields` (of schema `UpdatedUser`) state about a user; None when nothing would change.

    Raises `Refused` as `profile_after` does.
    """
    user = world.users.get(user_id)
    if user is not None and len(fields) == ("id" in fields):
        return None
    old = user.profile if user else blank_profile(world, user_id, now)
    new = profile_after(world, old, fields, now)
    if user is None:
        return UserCreated(user_id, new)
    return UserChanged(user_id, new._replace(updated=now), new.tz != old.tz) if new != old else None


def blank_profile(world: World, user: str, now: int) -> Profile:
    """A user of whom nothing is known yet."""
    return Profile(user, None, None, None, None, None, None, NO_ATTRIBUTES, in_control(world, user), now, now)


def in_control(world: World, user: str) -> bool:
    """Whether the user is in the control group: settled by the user's id alone."""
    digest = hashlib.sha1(f"control/{user}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:6]) / 2**48 < world.catalog.settings.control_ratio


def profile_after(world: World, old: Profile, fields: Mapping[str, Any], now: int) -> Profile:
    """What is known of a user when `fields` have been sent; `updated` stays.

    Raises `Refused` for an unknown zone or attribute key, a subscription without an email and a sign-up date that is
    none or in the future.
    """
    tz = fields.get("tz", old.tz)
    if tz is not None and tz not in zone_names():
        raise Refused(f"tz must be the name of an IANA time zone, such as Europe/London, not {tz!r}.")
    attributes = fields.get("attributes") or {}
    check_attribute_keys(attributes, world.catalog.user_attributes, "users/attributes")
    email, subscribed = fields.get("email", old.email), fields.get("subscribeToEmails", old.subscribed)
    if fields.get("subscribeToEmails") and not email:
        raise Refused("email is required when subscribeToEmails is true: pass it, or send false.")
    tokens = fields.get("deviceTokens", old.device_tokens)
    return old._replace(
        email=None if subscribed is False else email,
        name=fields.get("name", old.name),
        tz=tz,
        device_tokens=None if tokens is None else tuple(tokens),
        subscribed=subscribed,
        signed_up=_signed_up(fields["signUpDate"], tz, now) if "signUpDate" in fields else old.signed_up,
        attributes=old.attributes | attributes if attributes else old.attributes,
    )


def _signed_up(sent: object, tz: str | None, now: int) -> date | None:
    """The day of `signUpDate`; a date-time counts as its day in UTC. Section 3."""
    if sent is None:
        return None
    day = _day_of(sent) if isinstance(sent, str) else None
    if day is None:
        raise Refused("signUpDate must be a date written YYYY-MM-DD, an ISO 8601 date-time, or null.")
    today = local_day(now, zone(tz))
    if day > today:
        raise Refused(f"signUpDate must not be after today in the user's time zone, {today}, but is {day}.")
    return day


def _day_of(text: str) -> date | None:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if not _MOMENT.fullmatch(text):
            return None
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(UTC) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError):
        return None


def check_attribute_keys(attributes: Mapping[str, str], known: tuple[str, ...], page: str) -> None:
    """Refuses keys that the organisation has not set up, in the words of the real service."""
    unknown = [key for key in attributes if key not in known]
    if unknown:
        raise Refused(
            f"Invalid attribute keys: {', '.join(unknown)}. Please ensure all attribute keys match those "
            f"set up at https://app.trophy.so/{page}.{_meant(unknown, known)}"
        )


def _meant(unknown: Iterable[str], known: tuple[str, ...]) -> str:
    near = dict.fromkeys(filter(None, (nearest(key, known) for key in islice(unknown, MOST_GUESSED))))
    return f" Did you mean {' and '.join(map(repr, near))}?" if near else ""


def subscribes(profile: Profile) -> bool:
    """`subscribeToEmails` as it reads: until it has been sent once, whether an email is known."""
    # Choice: an empty email is kept as it was sent, but is no address.
    return bool(profile.email) if profile.subscribed is None else profile.subscribed


def prefer(
    user: User, notifications: Mapping[str, Any], own_streak: StreakPreferences | None = None
) -> PreferencesChanged | None:
    """Replaces the notification types that were sent, ignores unknown ones, and replaces the settings of an own streak
    unless None are given. None when nothing changes."""
    sent = {key: tuple(notifications[key]) for key in NOTIFICATION_TYPES if key in notifications}
    new, own = user.notifications | sent, own_streak or user.own_streak
    if new == user.notifications and own == user.own_streak:
        return None
    return PreferencesChanged(user.profile.id, new, own, recount=own != user.own_streak)

"""Who the users are: an upsert changes only what was passed (behaviour, section 3)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from mockserver.game.errors import Refused
from mockserver.game.facts import PreferencesChanged, Profile, UserChanged, UserCreated
from mockserver.game.periods import zone_names
from mockserver.game.state import Person
from mockserver.game.world import World

NO_ATTRIBUTES: dict[str, str] = {}  # shared, never written to
NOTIFICATION_TYPES = ("achievement_completed", "recap", "reactivation", "streak_reminder")


def upsert(world: World, user: str, fields: Mapping[str, Any], now: int) -> UserCreated | UserChanged | None:
    """The fact that `fields` (of schema `UpdatedUser`) state about a user; None when nothing would change.

    Raises `Refused` for an unknown zone or attribute key, and for a subscription without an email.
    """
    person = world.users.get(user)
    if person is not None and len(fields) == ("id" in fields):
        return None
    old = person.profile if person else _stranger(world, user, now)
    new = _changed(world, old, fields)
    if person is None:
        return UserCreated(user, new)
    return UserChanged(user, new._replace(updated=now), new.tz != old.tz) if new != old else None


def _stranger(world: World, user: str, now: int) -> Profile:
    return Profile(user, None, None, None, None, None, NO_ATTRIBUTES, in_control(world, user), now, now)


def in_control(world: World, user: str) -> bool:
    """Whether the user is in the control group: settled by the user's id alone."""
    digest = hashlib.sha1(f"control/{user}".encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:6]) / 2**48 < world.catalog.settings.control_ratio


def _changed(world: World, old: Profile, fields: Mapping[str, Any]) -> Profile:
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
        attributes=old.attributes | attributes if attributes else old.attributes,
    )


def check_attribute_keys(attributes: Mapping[str, str], known: tuple[str, ...], page: str) -> None:
    """Refuses keys that the organisation has not set up, in the words of the real service."""
    unknown = [key for key in attributes if key not in known]
    if unknown:
        raise Refused(
            f"Invalid attribute keys: {', '.join(unknown)}. Please ensure all attribute keys match those "
            f"set up at https://app.trophy.so/{page}."
        )


def subscribes(profile: Profile) -> bool:
    """`subscribeToEmails` as it reads: until it has been sent once, whether an email is known."""
    # Choice: an empty email is kept as it was sent, but is no address.
    return bool(profile.email) if profile.subscribed is None else profile.subscribed


def prefer(person: Person, notifications: Mapping[str, Any]) -> PreferencesChanged | None:
    """Replaces the notification types that were sent, ignores unknown ones; None when nothing changes."""
    sent = {key: tuple(notifications[key]) for key in NOTIFICATION_TYPES if key in notifications}
    new = person.notifications | sent
    return PreferencesChanged(person.profile.id, new) if new != person.notifications else None

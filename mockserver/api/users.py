"""Users and their preferences: schemas `User` and `UserPreferencesResponse`."""

from __future__ import annotations

from typing import Any

from mockserver.api.own_streak import own_streak_shape, read_own_streak
from mockserver.api.shared import JSON, find_user, identify
from mockserver.game.engine import Game
from mockserver.game.facts import Profile
from mockserver.game.periods import iso
from mockserver.game.users import prefer, subscribes


def user_shape(profile: Profile) -> JSON:
    """Schema `User`, every field always there (behaviour, section 3)."""
    tokens = profile.device_tokens
    return {
        "id": profile.id,
        "email": profile.email,
        "name": profile.name,
        "tz": profile.tz,
        "deviceTokens": None if tokens is None else list(tokens),
        "subscribeToEmails": subscribes(profile),
        "attributes": profile.attributes,
        "signUpDate": None if profile.signed_up is None else profile.signed_up.isoformat(),
        "control": profile.control,
        "created": iso(profile.created),
        "updated": iso(profile.updated),
    }


def users_create(game: Game, *, body: dict[str, Any]) -> JSON:
    identify(game, body["id"], body)
    return user_shape(game.world.users[body["id"]].profile)


def users_get(game: Game, *, id: str) -> JSON:
    return user_shape(find_user(game, id).profile)


def users_identify(game: Game, *, id: str, body: dict[str, Any]) -> JSON:
    identify(game, id, body)
    return user_shape(game.world.users[id].profile)


def users_update(game: Game, *, id: str, body: dict[str, Any]) -> JSON:
    user = find_user(game, id)
    identify(game, id, body)
    return user_shape(user.profile)


def users_get_preferences(game: Game, *, id: str) -> JSON:
    user = find_user(game, id)
    shape: JSON = {"notifications": {key: list(channels) for key, channels in user.notifications.items()}}
    return shape if user.own_streak is None else shape | {"streak": own_streak_shape(user.own_streak)}


def users_update_preferences(game: Game, *, id: str, body: dict[str, Any]) -> JSON:
    user, own = find_user(game, id), None
    if "streak" in body:
        own = read_own_streak(game.world.catalog, user.own_streak, body["streak"])
    fact = prefer(user, body.get("notifications") or {}, own)
    if fact is not None:
        game.record(fact)
    return users_get_preferences(game, id=id)

"""The parameter `userAttributes`: `key:value,key:value`, and what a value with a comma in it looks like there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from mockserver.game.catalog import AttributeFilter
from mockserver.game.errors import Refused
from mockserver.game.users import check_attribute_keys
from mockserver.game.world import World

# Choice: a backslash before a comma, a colon or another backslash takes that sign as it is; elsewhere it is one itself.
_PART = re.compile(r"(?:\\[\\,:]|[^,])*", re.DOTALL)
_KEY = re.compile(r"(?P<key>(?:\\[\\,:]|[^:])*):(?P<value>.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\([\\,:])")


def attribute_pairs(raw: str | None, world: World) -> dict[str, str]:
    """`key:value,key:value` as a dict; absent and empty are none (behaviour, section 2). Raises `Refused`."""
    if not raw:
        return {}
    try:
        return _strict(raw, world)
    except Refused:
        if (found := _by_what_is_known(raw, world)) is None:
            raise
        return found


def _strict(raw: str, world: World) -> dict[str, str]:
    """Every comma parts pairs, the first colon of each a key from its value."""
    pairs: dict[str, str] = {}
    for part in _split(raw):
        found = _KEY.fullmatch(part)
        if found is None or not found["key"]:
            raise Refused(
                f"userAttributes must be key:value pairs, separated by commas; {part!r} is none "
                "(a comma within a value is written \\,)."
            )
        key = _plain(found["key"])
        if key in pairs:
            raise Refused(f"userAttributes names {key!r} more than once.")
        pairs[key] = _plain(found["value"])
    check_attribute_keys(pairs, world.catalog.user_attributes, "users/attributes")
    return pairs


def _by_what_is_known(raw: str, world: World) -> dict[str, str] | None:
    """Pairs begin where a known key does; what stands between belongs to the value before, if that is one that
    somebody has or a filter asks for. None when it is not."""
    pairs: list[tuple[str, str]] = []
    for part in _split(raw):
        text = _plain(part)
        keys = [key for key in world.catalog.user_attributes if text.startswith(f"{key}:")]
        if keys:
            key = max(keys, key=len)
            pairs.append((key, text[len(key) + 1 :]))
        elif pairs:
            key, value = pairs[-1]
            pairs[-1] = key, f"{value},{text}"
        else:
            return None
    found = dict(pairs)
    known = len(found) == len(pairs) and all(_is_known(world, key, value) for key, value in pairs)
    return found if known else None


def _is_known(world: World, key: str, value: str) -> bool:
    if any((row.key, row.value) == (key, value) for row in _filters(world)):
        return True
    return any(user.profile.attributes.get(key) == value for user in world.users.values())


def _filters(world: World) -> Iterator[AttributeFilter]:
    for row in world.catalog.achievements.values():
        yield from row.user_attributes


def _split(raw: str) -> list[str]:
    """At the commas before which no backslash stands; these stay in the parts."""
    parts, at = [], 0
    while True:
        found = _PART.match(raw, at)
        assert found is not None  # it matches nothing, too
        parts.append(found[0])
        if found.end() == len(raw):
            return parts
        at = found.end() + 1


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text

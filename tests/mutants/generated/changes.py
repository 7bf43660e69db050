"""The ways to get one value wrong. Each takes a value and gives another one, or the same where it does not apply."""

from __future__ import annotations

import html
import math
import re
import struct
import unicodedata
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from tests.mutants.generated.fields import Field

JSON = Any
Change = Callable[[JSON], JSON]
ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060\ufeff]")
_BERLIN = ZoneInfo("Europe/Berlin")


def _is_number(value: JSON) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def on_numbers(change: Callable[[float], float]) -> Change:
    return lambda value: change(value) if _is_number(value) else value


def on_texts(change: Callable[[str], str]) -> Change:
    return lambda value: change(value) if isinstance(value, str) else value


def on_lists(change: Callable[[list[JSON]], list[JSON]]) -> Change:
    return lambda value: change(value) if isinstance(value, list) else value


def on_moments(change: Callable[[datetime], datetime]) -> Change:
    """Of a moment or a day as text; what cannot be read stays."""

    def changed(value: JSON) -> JSON:
        if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d", value):
            return value
        try:
            if len(value) == 10:
                return change(datetime.combine(date.fromisoformat(value), datetime.min.time(), UTC)).date().isoformat()
            found = change(datetime.fromisoformat(value))
        except (ValueError, OverflowError):
            return value
        return found.strftime("%Y-%m-%dT%H:%M:%S.") + f"{found.microsecond // 1000:03}Z"

    return changed


def single(value: float) -> float:
    """As a number of 32 bits holds it."""
    if isinstance(value, int):
        return value if abs(value) < 2**24 else round(struct.unpack("f", struct.pack("f", value))[0])
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


def negated(value: JSON) -> JSON:
    return not value if isinstance(value, bool) else value


TEXTS: dict[str, Change] = {
    "trimmed": on_texts(str.strip),
    "cut": on_texts(lambda text: text[:20]),
    "cut after 64": on_texts(lambda text: text[:64]),
    "normalised": on_texts(lambda text: unicodedata.normalize("NFC", text)),
    "normalised for compatibility": on_texts(lambda text: unicodedata.normalize("NFKC", text)),
    "case-folded": on_texts(str.casefold),
    "escaped": on_texts(html.escape),
    "without leading zeros": on_texts(lambda text: re.sub(r"\b0+(?=\d)", "", text)),
    "without zero-width signs": on_texts(lambda text: ZERO_WIDTH.sub("", text)),
    "in ASCII only": on_texts(lambda text: text.encode("ascii", "ignore").decode() or text),
}
DECODED = {"decoded twice": on_texts(unquote)}
NUMBERS: dict[str, Change] = {
    "off by one": on_numbers(lambda value: value + 1),
    "one too few": on_numbers(lambda value: value - 1),
    "rounded": on_numbers(lambda value: round(value) if isinstance(value, float) else round(value, -2)),
    "cut": on_numbers(math.trunc),
    "in another unit": on_numbers(lambda value: value * 1000),
    "as a 32-bit number": on_numbers(single),
}
LISTS: dict[str, Change] = {
    "cut": on_lists(lambda rows: rows[:-1]),
    "cut after ten": on_lists(lambda rows: rows[:10]),
    "in another order": on_lists(lambda rows: rows[::-1]),
    "always empty": on_lists(lambda rows: []),
    "with the first twice": on_lists(lambda rows: [*rows[:1], *rows]),
}
MOMENTS: dict[str, Change] = {
    "cut to hours": on_moments(lambda then: then.replace(minute=0, second=0, microsecond=0)),
    "cut to seconds": on_moments(lambda then: then.replace(microsecond=0)),
    "one day early": on_moments(lambda then: then - timedelta(days=1)),
    "one day late": on_moments(lambda then: then + timedelta(days=1)),
    "in another zone": on_moments(
        lambda then: then.astimezone(_BERLIN).replace(tzinfo=UTC) if then.hour or then.minute else then
    ),
    "by the real clock": on_moments(lambda then: datetime.now(UTC)),
}
FLAGS: dict[str, Change] = {"negated": negated}


def suitable(field: Field, *, texts: bool = True) -> Iterator[tuple[str, Change]]:
    """The changes that may make a difference to a field of this schema, by name."""
    if field.may_be("string"):
        if field.format in ("date", "date-time") or field.name in ("date", "start", "end", "timestamp"):
            yield from MOMENTS.items()
        elif texts:
            yield from TEXTS.items()
    if field.may_be("integer", "number"):
        yield from NUMBERS.items()
    if field.may_be("array"):
        yield from LISTS.items()
    if field.may_be("boolean"):
        yield from FLAGS.items()

"""What a field of a catalog may hold. Each kind of value reads, writes and describes itself."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from mockserver.catalogs.problems import Place, shown
from mockserver.game.catalog import MICRO, AttributeFilter, StreakCondition
from mockserver.game.nearest import did_you_mean, nearest

JSON = Any
Schema = dict[str, Any]

LIMIT = 10**12  # behaviour, section 2: no number lies beyond it

LONGEST_NAME = 255  # characters of a name, a key, an id
MOST_ENDPOINTS = 100  # of a world
MOST_ITEMS = 1000  # of an array
LONGEST_TEXT = 2000  # characters of a description, an address

_ABSOLUTE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_RELATIVE = re.compile(r"([+-])(\d{1,7})([dw])\Z", re.ASCII)
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d\Z", re.ASCII)
_EPOCH = date(1970, 1, 1)


class Kind(ABC):
    """A kind of value. `words` completes the sentence "expected …"."""

    @property
    @abstractmethod
    def words(self) -> str: ...

    @abstractmethod
    def read(self, value: Any, place: Place) -> Any:
        """The value as the game wants it; anything else is noted at `place` (and None returned)."""

    def write(self, value: Any) -> JSON:
        """The value as plain JSON: the reverse of `read`."""
        return value

    @abstractmethod
    def schema(self) -> Schema:
        """JSON Schema (draft 7, the newest that editors know for TOML)."""


@dataclass(frozen=True)
class Text(Kind):
    """Any text of at most `most` characters; `empty` allows none."""

    empty: bool = False
    most: int = LONGEST_NAME

    @property
    def words(self) -> str:
        return "text" if self.empty else "text that is not empty"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, str) or not (value or self.empty):
            return place.expected(self.words, value)
        if len(value) > self.most:
            return place.expected(f"{self.words}, of at most {self.most} characters", value)
        if not readable(value):
            return place.wrong("must not hold a NUL or half a surrogate pair")
        return value

    def schema(self) -> Schema:
        least = {} if self.empty else {"minLength": 1}
        return {"type": "string", **least, "maxLength": self.most}


@dataclass(frozen=True)
class Flag(Kind):
    words = "true or false"

    def read(self, value: Any, place: Place) -> Any:
        return value if isinstance(value, bool) else place.expected(self.words, value)

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Whole(Kind):
    """A whole number between `least` and `most`; `zero` False leaves 0 out."""

    least: int = -LIMIT
    most: int = LIMIT
    zero: bool = True

    @property
    def words(self) -> str:
        if self.most < LIMIT:
            return f"a whole number from {self.least} to {self.most}"
        least = f" of at least {self.least}" if self.least > -LIMIT else ""
        return f"a whole number{least}{'' if self.zero else ', not 0'}"

    def read(self, value: Any, place: Place) -> Any:
        fits = isinstance(value, int) and not isinstance(value, bool) and self.least <= value <= self.most
        return value if fits and (value or self.zero) else place.expected(self.words, value)

    def schema(self) -> Schema:
        limits = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return limits if self.zero else {**limits, "not": {"const": 0}}


@dataclass(frozen=True)
class Amount(Kind):
    """A number above 0 with at most 6 decimals, kept in millionths."""

    words = "a number above 0 with at most 6 decimals"

    def read(self, value: Any, place: Place) -> Any:
        number = exact(value)
        if number is None or not 0 < number <= LIMIT or number * MICRO % 1:
            return place.expected(self.words, value)
        return int(number * MICRO)

    def write(self, value: Any) -> JSON:
        return value // MICRO if value % MICRO == 0 else value / MICRO

    def schema(self) -> Schema:
        return {"type": "number", "exclusiveMinimum": 0, "maximum": LIMIT}


@dataclass(frozen=True)
class Share(Kind):
    words = "a number from 0 to 1"

    def read(self, value: Any, place: Place) -> Any:
        number = exact(value)
        if number is None or not 0 <= number <= 1:
            return place.expected(self.words, value)
        return float(number)

    def schema(self) -> Schema:
        return {"type": "number", "minimum": 0, "maximum": 1}


@dataclass(frozen=True)
class Choice(Kind):
    """One of a few words; what each means to the game."""

    meanings: tuple[tuple[str, object], ...]

    @property
    def words(self) -> str:
        return "one of " + ", ".join(f'"{word}"' for word, _ in self.meanings)

    def read(self, value: Any, place: Place) -> Any:
        for word, meaning in self.meanings:
            if word == value:
                return meaning
        return place.expected(self.words, value)

    def write(self, value: Any) -> JSON:
        return next(word for word, meaning in self.meanings if meaning == value)

    def schema(self) -> Schema:
        return {"type": "string", "enum": [word for word, _ in self.meanings]}


def choice(*words: str) -> Choice:
    """One of these words, which the game knows as they are."""
    return Choice(tuple((word, word) for word in words))


@dataclass(frozen=True)
class Day(Kind):
    """A day, absolute or counted from the world's first day, and settled when it is read."""

    words = 'a day like "2026-01-31", "today", "-14d" or "+2w"'

    def read(self, value: Any, place: Place) -> Any:
        day = self._day(value, place.today)
        return place.expected(self.words, value) if day is None else day

    def _day(self, value: object, today: date) -> date | None:
        if isinstance(value, datetime) or not isinstance(value, str | date):
            return None
        if isinstance(value, date):
            return value
        if value == "today":
            return today
        if (relative := _RELATIVE.match(value)) is None:
            return _iso(value)
        sign, count, unit = relative.groups()
        days = int(f"{sign}{count}") * (7 if unit == "w" else 1)
        try:
            return today + timedelta(days=days)
        except OverflowError:
            return None

    def write(self, value: Any) -> JSON:
        return value.isoformat()

    def schema(self) -> Schema:
        pattern = r"^(today|[+-]\d{1,7}[dw]|\d{4}-\d{2}-\d{2})$"
        return {"type": "string", "pattern": pattern}


@dataclass(frozen=True)
class Moment(Day):
    """The first instant of a day in UTC, in milliseconds, never before 1970, where clocks begin."""

    def read(self, value: Any, place: Place) -> Any:
        day = super().read(value, place)
        return None if day is None else max(0, (day - _EPOCH).days) * 86_400_000

    def write(self, value: Any) -> JSON:
        return datetime.fromtimestamp(value / 1000, UTC).date().isoformat()


@dataclass(frozen=True)
class TimeOfDay(Kind):
    """A time on everybody's clock, kept in minutes since midnight."""

    words = 'a time of day like "09:00", from "00:00" to "23:59"'

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, str) or not _TIME.match(value):
            return place.expected(self.words, value)
        return int(value[:2]) * 60 + int(value[3:])

    def write(self, value: Any) -> JSON:
        return f"{value // 60:02}:{value % 60:02}"

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}


@dataclass(frozen=True)
class Name(Kind):
    """The key of something that stands elsewhere in the catalog, under `of`."""

    of: str

    @property
    def words(self) -> str:
        return f"a key from `{self.of}`"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, str):
            return place.expected(self.words, value)
        place.refers(self.of, value)
        return value

    def schema(self) -> Schema:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Each(Kind):
    """An array of values of one kind, none twice; `least` how many there must be."""

    kind: Kind
    least: int = 0
    most: int = MOST_ITEMS

    @property
    def words(self) -> str:
        return f"{'an array with something in it' if self.least else 'an array'}: each {self.kind.words}"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, list) or len(value) < self.least:
            return place.expected(self.words, value)
        if len(value) > self.most:
            return place.wrong(f"expected at most {self.most} of them, found {len(value)}")
        seen = set[str | int]()
        for position, item in enumerate(value):
            if isinstance(item, str | int):
                if item in seen:
                    (place / position).wrong(f"{shown(item)} stands here twice")
                seen.add(item)
        return tuple(self.kind.read(item, place / position) for position, item in enumerate(value))

    def write(self, value: Any) -> JSON:
        return [self.kind.write(item) for item in value]

    def schema(self) -> Schema:
        least = {"minItems": self.least} if self.least else {}
        return {"type": "array", "items": self.kind.schema(), "uniqueItems": True, **least, "maxItems": self.most}


@dataclass(frozen=True)
class Pairs(Kind):
    """A table of attribute = value."""

    of: str

    @property
    def words(self) -> str:
        return f"a table from keys of `{self.of}` to text"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            return place.expected(self.words, value)
        for key, wanted in value.items():
            (place / key).refers(self.of, key)
            Text(empty=True).read(wanted, place / key)
        return tuple(AttributeFilter(key, wanted) for key, wanted in value.items())

    def write(self, value: Any) -> JSON:
        return {pair.key: pair.value for pair in value}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": {"type": "string"}}


@dataclass(frozen=True)
class Thresholds(Kind):
    """A table of metric = amount that its sum must reach."""

    words = "a table from keys of `metrics` to numbers above 0"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            return place.expected(self.words, value)
        for key in value:
            (place / key).refers("metrics", key)
        amounts = {key: Amount().read(amount, place / key) for key, amount in value.items()}
        return tuple(StreakCondition(key, cast(int, amount)) for key, amount in amounts.items())

    def write(self, value: Any) -> JSON:
        return {condition.metric: Amount().write(condition.threshold) for condition in value}

    def schema(self) -> Schema:
        return {"type": "object", "additionalProperties": Amount().schema()}


def exact(value: object) -> Decimal | None:
    """A number without rounding errors; None for anything else, infinity and booleans included."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    return number if number.is_finite() else None


def readable(text: str) -> bool:
    """Whether a text can travel: no NUL, no lone surrogate (behaviour, section 2)."""
    return not any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in text)


def unknown(name: str, of: str, known: list[str]) -> str:
    """The sentence for a key that stands nowhere under `of`."""
    return f'"{name}" is not in `{of}`{did_you_mean(nearest(name, known))}'


def _iso(value: str) -> date | None:
    try:
        return date.fromisoformat(value) if _ABSOLUTE.match(value) else None
    except ValueError:
        return None

"""Bodies and queries of the control plane, read field by field. A refusal names the field, what was expected and what
came."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from mockserver.game.errors import Refused
from mockserver.game.nearest import nearest
from mockserver.game.periods import FIRST_CLOCK, LAST_CLOCK, iso, milliseconds
from mockserver.printable import printable
from mockserver.spec.wording import either, plain, quoted

LIMIT = 10**12
MISSING = object()


class Fields:
    """A JSON object being read. `where` is its own name, empty for the whole body. Null is as good as absent."""

    noun = "Body field"

    def __init__(self, given: Any, known: tuple[str, ...], where: str = "") -> None:
        if not isinstance(given, Mapping):
            subject = f"Body field `{where}`" if where else "The body"
            raise Refused(f"{subject} must be an object, not {quoted(given)}.")
        self.given = given
        self._where = f"{where}." if where else ""
        for name in given:
            if name not in known:
                raise Refused(f"{self._subject(name)} is not known here{_meant(name, known)}")

    def __contains__(self, name: str) -> bool:
        return self.given.get(name) is not None

    def present(self) -> list[str]:
        """The names of the fields that were sent."""
        return [name for name in self.given if name in self]

    def text(self, name: str) -> str | None:
        value = self._value(name)
        if value is not None and (not isinstance(value, str) or not value):
            raise self.expected(name, "a string that is not empty")
        return value

    def flag(self, name: str) -> bool | None:
        value = self._value(name)
        if value is not None and not isinstance(value, bool):
            raise self.expected(name, "true or false")
        return value

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.expected(name, f"a whole number from {least} to {most}")
        return value

    def number(self, name: str, least: float, most: float) -> float | None:
        value = self._value(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.expected(name, f"a number from {plain(least)} to {plain(most)}")
        return value

    def moment(self, name: str) -> int | None:
        """Milliseconds UTC of an ISO 8601 time; one without an offset is UTC."""
        value = self._value(name)
        if value is None:
            return None
        time = read_moment(value) if isinstance(value, str) else None
        if time is None:
            raise self.expected(name, f"an ISO 8601 time such as 2026-01-31T12:00:00Z, {_CLOCKS}")
        return time

    def one_of(self, name: str, options: Iterable[str]) -> str | None:
        value = self._value(name)
        if value is None:
            return None
        known = list(options)
        if value not in known:
            raise self.unknown(name, value, known)
        return str(value)

    def some_of(self, name: str, options: Iterable[str]) -> frozenset[str] | None:
        """A set of known words, at least one."""
        value = self._value(name)
        if value is None:
            return None
        known = list(options)
        if not isinstance(value, list) or not value:
            raise self.expected(name, "a list with something in it")
        for word in value:
            if word not in known:
                raise self.unknown(name, word, known)
        return frozenset(value)

    def part(self, name: str, known: tuple[str, ...]) -> Fields | None:
        """An object within the object."""
        value = self._value(name)
        return None if value is None else Fields(value, known, f"{self._where}{name}")

    def raw(self, name: str) -> Any:
        """The value as it is, None when absent."""
        return self._value(name)

    def expected(self, name: str, what: str) -> Refused:
        return Refused(f"{self._subject(name)} must be {what}, not {quoted(self.given.get(name))}.")

    def unknown(self, name: str, value: object, known: list[str]) -> Refused:
        """The refusal of a word that is not among the known ones, with the nearest that is."""
        meant = nearest(value, known) if isinstance(value, str) else ""
        hint = f"did you mean {quoted(meant)}?" if meant else f"expected {either(quoted(word) for word in known)}."
        return Refused(f"{self._subject(name)} has {quoted(value)}, which is not known here; {hint}")

    def _value(self, name: str) -> Any:
        return self.given.get(name)

    def _subject(self, name: str) -> str:
        shown = printable(f"{self._where}{name}")
        return f"{self.noun} `{shown if len(shown) <= 80 else shown[:80] + '…'}`"


def _meant(name: str, known: tuple[str, ...]) -> str:
    if near := nearest(name, known):
        return f"; did you mean `{near}`?"
    return f"; there is {', '.join(f'`{one}`' for one in known)}." if known else "; there are none."


_CLOCKS = f"between {iso(FIRST_CLOCK)[:10]} and {iso(LAST_CLOCK)[:10]}"


def read_moment(text: str) -> int | None:
    """ISO 8601 as milliseconds UTC; None when it is none, or no clock may show it (behaviour, section 2)."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    time = milliseconds(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    return time if FIRST_CLOCK <= time <= LAST_CLOCK else None


class Query(Fields):
    """A query string being read: the same refusals, from text."""

    noun = "Query parameter"

    def __init__(self, pairs: Iterable[tuple[str, str]], known: tuple[str, ...]) -> None:
        given: dict[str, str] = {}
        for name, value in pairs:
            if name in given:
                raise Refused(f"Query parameter `{name[:80]}` must be given once, not several times.")
            given[name] = value
        super().__init__(given, known)

    def whole(self, name: str, least: int, most: int) -> int | None:
        text = self.text(name)
        if text is None:
            return None
        digits = text.removeprefix("-")
        value = int(text) if digits.isascii() and digits.isdigit() and len(digits) < 20 else None
        if value is None or not least <= value <= most:
            raise self.expected(name, f"a whole number from {least} to {most}")
        return value

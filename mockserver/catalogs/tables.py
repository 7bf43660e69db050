"""How a table of a catalog becomes a dataclass of the game and back. The fields are data: see `fields.py`."""

from __future__ import annotations

import dataclasses
import json
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass
from functools import cached_property
from typing import Any

from mockserver.catalogs.kinds import JSON, LONGEST_NAME, MOST_ITEMS, Kind, Schema, Text, readable
from mockserver.catalogs.problems import Place
from mockserver.game.nearest import did_you_mean, nearest

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "https://trophy.so/mockserver/catalog")

RuleProblems = Iterator[tuple[str, str]]


@dataclass(frozen=True)
class Field:
    """A field by its name in the catalog. `attribute` is its name in the dataclass when that is not the same in
    snake case; `default` what stands there when it is left out, as one would write it; `same_as` the field that
    it then follows; `when` (`type=metric|streak`) the values of another field with which alone it makes sense."""

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    attribute: str = ""
    default: JSON = None
    same_as: str = ""
    when: str = ""

    @property
    def target(self) -> str:
        return self.attribute or re.sub("([A-Z])", r"_\1", self.name).lower()

    @property
    def condition(self) -> tuple[str, list[str]]:
        """The field that decides over this one, and its values that let this one in."""
        name, _, words = self.when.partition("=")
        return name, words.split("|")

    def applies(self, table: dict[str, Any]) -> bool:
        """Whether this field makes sense in a table, as far as its own `when` says."""
        name, words = self.condition
        return not self.when or table.get(name) in words


def _content(_: Any) -> RuleProblems:
    return iter(())


@dataclass(frozen=True)
class Table:
    """The fields of a dataclass. `identity` are the fields that an id is derived from where there is no key;
    `check` yields (field, what is wrong) for what one field alone cannot show."""

    title: str
    shape: type[Any]
    meaning: str
    fields: tuple[Field, ...]
    identity: tuple[str, ...] = ()
    check: Callable[[Any], RuleProblems] = _content

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """What the dataclass itself puts where nothing is said, by attribute."""
        plain = {row.name: row.default for row in dataclasses.fields(self.shape) if row.default is not MISSING}
        made = {
            row.name: row.default_factory() for row in dataclasses.fields(self.shape) if callable(row.default_factory)
        }
        return plain | made

    def read(self, raw: Any, place: Place, own: dict[str, Any]) -> Any:
        """The dataclass, with `own` (key, derived id) beside the fields; None when anything is wrong."""
        if not isinstance(raw, dict):
            return place.expected("a table", raw)
        before = len(place.reading.problems)
        meant = {name: nearest(name, self.by_name) for name in raw if name not in self.by_name}
        for name, perhaps_this in meant.items():
            (place / name).wrong(f"unknown field{did_you_mean(perhaps_this)}")
        fields = [field for field in self.fields if field.name not in meant.values()]
        values = {field.target: value for field in fields for value in self._read(field, raw, place)}
        if len(place.reading.problems) > before:
            return None
        made = self.shape(**{**self._blank, **own, **values})
        for name, problem in self.check(made):
            (place / name if name else place).wrong(problem)
        return made

    @cached_property
    def _blank(self) -> dict[str, None]:
        """Attributes that may be left out of a catalog though the dataclass wants them said."""
        return {f.target: None for f in self.fields if not f.required and f.target not in self.defaults}

    def _read(self, field: Field, raw: dict[str, Any], place: Place) -> Iterator[Any]:
        """The field's value, if it has one."""
        value = raw.get(field.name, raw.get(field.same_as))
        if not field.applies(raw):
            if value is not None and self._chosen(field, raw):
                (place / field.name).wrong(f"only goes with {in_words(field.when)}")
            return
        if value is None and field.required:
            place.wrong(f"`{field.name}` is missing: expected {field.kind.words}")
        elif value is None:
            value = field.default
        if value is not None:
            yield field.kind.read(value, place / field.name)

    def _chosen(self, field: Field, raw: dict[str, Any]) -> bool:
        """Whether the field that decides over this one can be read: if not, that is the problem to report."""
        decider = self.by_name[field.condition[0]]
        return raw.get(decider.name) in decider.kind.schema()["enum"]

    def write(self, made: Any) -> dict[str, JSON]:
        """All fields that apply and hold something, by the names that `read` knows."""
        written: dict[str, JSON] = {}
        for field in self.fields:
            value = getattr(made, field.target)
            if value is not None and value != () and field.applies(written):
                written[field.name] = field.kind.write(value)
        return written


def in_words(when: str) -> str:
    """`type = "metric" or "streak"`: what a field's `when` asks for."""
    name, _, words = when.partition("=")
    return f"{name} = " + " or ".join(f'"{word}"' for word in words.split("|"))


def derived_id(*parts: object) -> str:
    """The same id for the same parts, everywhere and always."""
    return str(uuid.uuid5(_IDS, json.dumps(parts, default=str, sort_keys=True)))


@dataclass(frozen=True)
class One(Kind):
    """A single table."""

    table: Table
    words = "a table"

    def read(self, value: Any, place: Place) -> Any:
        return self.table.read(value, place, {})

    def write(self, value: Any) -> JSON:
        return self.table.write(value)

    def schema(self) -> Schema:
        return {"$ref": f"#/definitions/{self.table.title}"}


@dataclass(frozen=True)
class ByKey(Kind):
    """Tables by key. The key names one of them for the API; ids follow from it unless given."""

    table: Table
    words = "a table of tables, by key"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, dict):
            return place.expected(self.words, value)
        found = {}
        for key, raw in value.items():
            if not key or not readable(key):
                (place / key).wrong("a key must not be empty, nor hold a NUL or half a surrogate pair")
            if len(key) > LONGEST_NAME:
                (place / f"{key[:40]}…").wrong(f"a key must have at most {LONGEST_NAME} characters")
            own = {"key": key, "id": derived_id(*place.path, key)}
            found[key] = self.table.read(raw, place / key, own)
        return found

    def write(self, value: Any) -> JSON:
        return {key: self.table.write(made) for key, made in value.items()}

    def schema(self) -> Schema:
        names = {"propertyNames": {"minLength": 1, "maxLength": LONGEST_NAME}}
        return {"type": "object", **names, "additionalProperties": {"$ref": f"#/definitions/{self.table.title}"}}


class ByKeyInOrder(ByKey):
    """Tables by key which the game keeps as a row."""

    def read(self, value: Any, place: Place) -> Any:
        found = super().read(value, place)
        return None if found is None else tuple(found.values())

    def write(self, value: Any) -> JSON:
        return super().write({made.key: made for made in value})


@dataclass(frozen=True)
class Many(Kind):
    """An array of tables, which have no key; ids follow from what they say unless given."""

    table: Table
    most: int = MOST_ITEMS
    words = "an array of tables"

    def read(self, value: Any, place: Place) -> Any:
        if not isinstance(value, list):
            return place.expected(self.words, value)
        if len(value) > self.most:
            return place.wrong(f"expected at most {self.most} of them, found {len(value)}")
        found, seen = [], dict[str, int]()
        for position, raw in enumerate(value):
            own = {}
            if self.table.identity and isinstance(raw, dict):
                name = derived_id(*place.path, [raw.get(field) for field in self.table.identity])
                seen[name] = seen.get(name, 0) + 1
                own["id"] = name if seen[name] == 1 else derived_id(name, seen[name])
            found.append(self.table.read(raw, place / position, own))
        return tuple(found)

    def write(self, value: Any) -> JSON:
        return [self.table.write(made) for made in value]

    def schema(self) -> Schema:
        items = {"$ref": f"#/definitions/{self.table.title}"}
        return {"type": "array", "items": items, "maxItems": self.most}


ID = Field("id", Text(), "Its id in responses. Left out, it follows from the key, the same every time.")

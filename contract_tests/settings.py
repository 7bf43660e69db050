"""Which settings of catalogs a run has tried, and with which values.

The settings are those of the catalog's JSON Schema (docs/catalog.md). A catalog counts when it was really used: a
world was made with it, it was put into one, or it is the target's own. Where there is no control plane to tell that
one, it is what discovery has found of it.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from contract_tests.exchange import Exchange
from contract_tests.kit import Kit

JSON = Any
#: Up to this many values are shown; of more numbers the least and the greatest are shown, of more texts the count.
FEW = 4
#: The most values that are kept of one setting.
REMEMBERED = 1000


@dataclass
class Setting:
    """One setting: its place, e.g. `points.*.triggers[].type`, and all its values if they can be listed.

    `several`: it names some things at once, and how many is what was tried.
    """

    path: str
    choices: tuple[str, ...] = ()
    several: bool = False
    tried: set[float | str] = field(default_factory=set)

    @property
    def table(self) -> str:
        """The table that it is a row of; settings of the catalog itself are in none."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        return self.path.rpartition(".")[2]

    @property
    def missing(self) -> tuple[str, ...]:
        """What can be listed and was not tried."""
        return tuple(choice for choice in self.choices if choice not in self.tried)

    @property
    def lacks(self) -> bool:
        """Whether anything of it is left to try."""
        return not self.tried or bool(self.missing)

    @property
    def values(self) -> str:
        """What was tried."""
        if not self.tried:
            return "not tried"
        if self.choices:
            return ", ".join(choice for choice in self.choices if choice in self.tried)
        numbers = sorted(value for value in self.tried if not isinstance(value, str))
        if len(numbers) > FEW:
            return f"{numbers[0]:.12g} to {numbers[-1]:.12g}, {len(numbers)} values"
        if numbers:
            return ", ".join(f"{value:.12g}" for value in numbers) + (" at once" if self.several else "")
        return f"{len(self.tried)} values" if len(self.tried) > 1 else "1 value"

    def take(self, value: JSON) -> None:
        """A value that was used."""
        if len(self.tried) >= REMEMBERED:
            return
        if self.several:
            self.tried |= {float(len(value))} if value else set()
        elif isinstance(value, list):
            for one in value:
                self.take(one)
        elif isinstance(value, bool):
            self.tried.add(str(value).lower())
        elif self.choices or isinstance(value, str):
            self.tried.add(str(value))
        else:
            self.tried.add(float(value))


class Settings:
    """Gets every catalog that was used; read once at the end."""

    def __init__(self, schema: JSON) -> None:
        self._schema = schema
        leaves = self._leaves(schema, "") if schema else ()
        self.rows = {path: Setting(path, _choices(leaf), _names_several(leaf)) for path, leaf in leaves}

    @classmethod
    def load(cls) -> Settings:
        """By the schema beside the built-in spec; empty if this installation has none."""
        root = Path(__file__).resolve().parents[1]
        places = (root / "fixtures", root / "mockserver" / "data" / "fixtures")
        files = (place / "catalog.schema.json" for place in places)
        found = next((file for file in files if file.is_file()), None)
        return cls(json.loads(found.read_text("utf-8")) if found else {})

    def record(self, exchange: Exchange) -> None:
        """Record a request to a control plane, which may have returned a catalog or put one into use."""
        path = urlsplit(exchange.url).path
        if exchange.status >= 300 or not path.endswith(("/catalog", "/worlds")):
            return
        actual = exchange.response_body if exchange.method == "GET" else exchange.body
        try:
            content = json.loads(actual or b"null")
        except ValueError:
            return
        if path.endswith("/worlds"):
            content = content.get("catalog") if isinstance(content, dict) and exchange.method == "POST" else None
        if isinstance(content, str):
            content = _read(content)
        if isinstance(content, dict):
            self.used(content)

    def used(self, catalog: JSON, *, whole: bool = True) -> None:
        """Note all that a catalog sets up; a `whole` one leaves to a default what it does not say."""
        for path, value in self._values(self._schema, catalog, "", whole):
            self.rows[path].take(value)

    def tables(self) -> dict[str, list[Setting]]:
        """Table → its settings."""
        found: dict[str, list[Setting]] = {}
        for row in self.rows.values():
            found.setdefault(row.table, []).append(row)
        return found

    def _leaves(self, schema: JSON, path: str) -> Iterator[tuple[str, JSON]]:
        schema = self._resolved(schema)
        parts = _parts(schema)
        if parts is None:
            yield path, schema
            return
        for suffix, part in parts.items():
            yield from self._leaves(part, f"{path}{suffix}".lstrip("."))

    def _values(self, schema: JSON, value: JSON, path: str, whole: bool) -> Iterator[tuple[str, JSON]]:
        schema = self._resolved(schema)
        parts = _parts(schema)
        if parts is None:
            yield path, value
            return
        for suffix, part in parts.items():
            default = self._resolved(part).get("default") if whole else None
            for one in _within(value, suffix, default):
                yield from self._values(part, one, f"{path}{suffix}".lstrip("."), whole)

    def _resolved(self, schema: JSON) -> JSON:
        """The schema that a reference points to."""
        part = schema["allOf"][0] if list(schema.get("allOf", [])) and "properties" not in schema else schema
        if "$ref" not in part:
            return schema
        return self._schema["definitions"][part["$ref"].rpartition("/")[2]]


def _read(text: str) -> JSON:
    """A catalog from TOML; None for a name."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _parts(schema: JSON) -> dict[str, JSON] | None:
    """The parts of a schema, by how their place is written; None for a setting."""
    if "properties" in schema:
        return {f".{name}": part for name, part in schema["properties"].items()}
    more, items = schema.get("additionalProperties"), schema.get("items")
    if isinstance(more, dict) and _is_table(more):
        return {".*": more}
    return {"[]": items} if isinstance(items, dict) and _is_table(items) else None


def _is_table(schema: JSON) -> bool:
    return "$ref" in schema or "properties" in schema


def _within(value: JSON, suffix: str, default: JSON) -> list[JSON]:
    """The values at a place below another; the default if it is absent."""
    if suffix == "[]":
        return value if isinstance(value, list) else []
    if not isinstance(value, dict):
        return []
    if suffix == ".*":
        return list(value.values())
    found = value.get(suffix[1:], default)
    return [] if found is None else [found]


def _choices(schema: JSON) -> tuple[str, ...]:
    if schema.get("type") == "boolean":
        return ("true", "false")
    if schema.get("type") == "array":
        return _choices(schema["items"])
    return tuple(str(one) for one in schema.get("enum", ()))


def _names_several(schema: JSON) -> bool:
    """Whether it is a map, or a list of any texts."""
    items = schema.get("items", {})
    return schema.get("type") == "object" or (items.get("type") == "string" and "enum" not in items)


def shown(kit: Kit) -> JSON:
    """What discovery has found, as a part of a catalog: a target without a control plane shows no more."""
    streak = kit.streak or {}
    freezes = {
        "maximum": streak.get("maxFreezes"),
        "autoEarnInterval": streak.get("freezeAutoEarnInterval"),
        "autoEarnAmount": streak.get("freezeAutoEarnAmount"),
    }
    points = {
        key: {
            **_as_set(system),
            "triggers": [_as_set(row) for row in system["triggers"]],
            "levels": {row["key"]: _as_set(row) for row in kit.levels[key]},
            "boosts": [_as_set(row) for row in kit.boosts[key]],
        }
        for key, system in kit.points.items()
    }
    return {
        "userAttributes": kit.user_attributes,
        "eventAttributes": kit.event_attributes,
        "metrics": {key: {"status": "active"} for key in kit.metrics},
        "streak": {
            "frequency": streak.get("frequency"),
            "freezes": freezes if freezes["maximum"] is not None else None,
        },
        "achievements": {row["id"]: _as_set(row) for row in kit.achievements},
        "points": points,
        "leaderboards": {key: _as_set(row) for key, row in kit.all_leaderboards.items()},
    }


def _as_set(row: JSON) -> JSON:
    """The row with the catalog's names instead of ids of other rows."""
    names = {"metricId": "metricKey", "achievementId": "achievementKey", "achievementIds": "achievementKeys"}
    return {names.get(name, name): value for name, value in row.items() if name != "id"}

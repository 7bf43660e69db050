"""The JSON Schema of catalogs, for editors: completion, descriptions, red underlines. Made from the same fields."""

from __future__ import annotations

from typing import Any

from mockserver.catalogs import fields
from mockserver.catalogs.kinds import Schema
from mockserver.catalogs.tables import ByKey, Field, Many, One, Table


def schema() -> Schema:
    """Draft 7, which is what editors of TOML understand."""
    tables = list(nested(fields.CATALOG))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Catalog of a fake Trophy organisation",
        **_table(fields.CATALOG),
        "definitions": {table.title: _table(table) for table in tables},
    }


def nested(table: Table) -> list[Table]:
    """All tables inside this one, each before those inside it, none twice."""
    found: dict[str, Table] = {}
    for field in table.fields:
        if isinstance(field.kind, One | ByKey | Many):
            for inner in (field.kind.table, *nested(field.kind.table)):
                found.setdefault(inner.title, inner)
    return list(found.values())


def default(field: Field, table: Table) -> Any:
    """What stands there when the field is left out, as one would write it; None for nothing."""
    if field.default is not None:
        return field.default
    inner = table.defaults.get(field.target)
    if field.required or inner in (None, (), {}) or isinstance(field.kind, One):
        return None
    return field.kind.write(inner)


def _table(table: Table) -> Schema:
    always = [field.name for field in table.fields if field.required and not field.when]
    rules = [_when(when, table) for when in dict.fromkeys(field.when for field in table.fields if field.when)]
    found: Schema = {
        "type": "object",
        "description": table.meaning,
        "properties": {field.name: _field(field, table) for field in table.fields},
        "additionalProperties": False,
    }
    if always:
        found["required"] = always
    if rules:
        found["allOf"] = rules
    return found


def _field(field: Field, table: Table) -> Schema:
    schema = field.kind.schema()
    if "$ref" in schema:  # draft 7 ignores what stands beside a reference
        schema = {"allOf": [schema]}
    given = default(field, table)
    return {**schema, "description": field.meaning} | ({} if given is None else {"default": given})


def _when(when: str, table: Table) -> Schema:
    """What a field's value demands of others and, when it is another value, forbids them."""
    name, _, words = when.partition("=")
    governed = [field for field in table.fields if field.when == when]
    rule: Schema = {
        "if": {"properties": {name: {"enum": words.split("|")}}, "required": [name]},
        "else": {"properties": {field.name: False for field in governed}},
    }
    if needed := [field.name for field in governed if field.required]:
        rule["then"] = {"required": needed}
    return rule

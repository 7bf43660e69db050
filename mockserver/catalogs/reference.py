"""The tables of `docs/catalog.md`: every field with what it holds, what it is when left out and what it means."""

from __future__ import annotations

import json

from mockserver.catalogs import fields
from mockserver.catalogs.schema import default, nested
from mockserver.catalogs.tables import ByKey, Field, Many, One, Table, in_words

_HEADERS = {
    "catalog": "The catalog itself",
    "metric": "`[metrics.KEY]`",
    "streak": "`[streak]`",
    "freezes": "`[streak.freezes]`",
    "achievement": "`[achievements.KEY]`",
    "pointsSystem": "`[points.KEY]`",
    "trigger": "`[[points.KEY.triggers]]`",
    "level": "`[points.KEY.levels.KEY]`",
    "boost": "`[[points.KEY.boosts]]`",
    "leaderboard": "`[leaderboards.KEY]`",
    "webhook": "`[[webhooks]]`",
    "emails": "`[emails]`",
    "settings": "`[settings]`",
}


def reference() -> str:
    """Markdown, a section per table."""
    return "\n".join(_section(table) for table in (fields.CATALOG, *nested(fields.CATALOG)))


def _section(table: Table) -> str:
    lines = [f"### {_HEADERS[table.title]}", "", table.meaning, "", "| Field | Holds | Left out | Meaning |"]
    lines += ["| --- | --- | --- | --- |", *(_row(field, table) for field in table.fields), ""]
    return "\n".join(lines)


def _row(field: Field, table: Table) -> str:
    holds = field.kind.words.replace("|", "\\|")
    if isinstance(field.kind, One | ByKey | Many):
        holds += f": {_HEADERS[field.kind.table.title]}"
    meaning = field.meaning + (f" Only with {in_words(field.when)}." if field.when else "")
    return f"| `{field.name}` | {holds} | {_left_out(field, table)} | {meaning} |"


def _left_out(field: Field, table: Table) -> str:
    if field.required:
        return "not allowed"
    given = default(field, table)
    return "" if given is None else f"`{json.dumps(given)}`"

"""The tables of `docs/control.md`, made from what the calls are described by. `make docs` writes them anew."""

from __future__ import annotations

import re
from pathlib import Path

from mockserver.control.described import CALLS, Described, Param
from mockserver.control.table import ROWS

PAGE = Path(__file__).parents[1] / "docs" / "control.md"
TABLE = re.compile(r"^\| (?:Field|Parameter) \|(?: \|)+\n\| --- \|(?: --- \|)+\n(?:\| .*\n)+", re.M)
SECTION = re.compile(r"^### `(\w+) /_mock(.+?)`\n(.*?)(?=^##)", re.M | re.S)


def table(call: Described) -> str:
    """The parameters or the fields of the body; nothing where there are none."""
    rows: tuple[Param, ...] = call.query or call.body or ()
    if not rows:
        return ""
    title = "Parameter" if call.query else "Field"
    return "\n".join([f"| {title} | |", "| --- | --- |", *(f"| `{row.name}` | {row.says} |" for row in rows)]) + "\n"


def page() -> str:
    """The page with its tables as they should be. A section without one gets it before its first code."""
    names = {(row.method, row.path): row.name for row in ROWS}

    def section(found: re.Match[str]) -> str:
        method, path, text = found.groups()
        made = table(CALLS[names[method, path]]) if (method, path) in names else ""
        if TABLE.search(text):
            text = TABLE.sub(lambda _: made, text, count=1)
        elif made:
            before, fence, after = text.partition("```")
            text = f"{before}{made}\n{fence}{after}"
        return f"### `{method} /_mock{path}`\n{text}"

    return SECTION.sub(section, PAGE.read_text())


if __name__ == "__main__":
    PAGE.write_text(page())

"""The words of docs/glossary.md that are not used, and where they stand in prose and in code."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text()
PROSE, NAMES = GLOSSARY.split("\n## Words that we do not use\n")[1].split("\n## Names that we do not use\n")


def _listed(table: str) -> list[str]:
    """The words of a table's first column."""
    rows = re.findall(r"^\| ([a-z, ]+) \| [^|]+ \|$", table, re.MULTILINE)
    return ", ".join(rows).split(", ")


FORBIDDEN = _listed(PROSE)
FORBIDDEN_NAMES = {*FORBIDDEN, *_listed(NAMES)}
WORDS = re.compile(rf"\b(?:{'|'.join(FORBIDDEN)})\b", re.IGNORECASE)
ALLOWED = re.compile(r"OpenAPI documents?|document, operations")  # the word itself; the name of a part of the suite

# What is written otherwise for a reason, by file below `mockserver/`: parts of comments and strings, and whole names.
TEXTS = {
    "catalogs/__init__.py": ("end of document",),  # says Python's TOML parser
    "control/described.py": ("This document",),  # an OpenAPI document, of itself
    "control/table.py": ('"/document"',),  # known to clients
    "control/why.py": ('"answer"',),  # a field of GET /_mock/why, known to clients
    "remote/insight.py": ('"answer"',),
    "ui/views.py": ('"answer"',),
    "ui/actions.py": ("'/document'",),
    "ui/views_requests.py": ('"/document"',),
    "ui/views_webhooks.py": ('"/document"',),
    "serve/command.py": ("--document",),  # like `verify --document`, known to users
    "testing/server.py": ("`document`",),  # the parameter that is named like the option
}
VARIABLES = {
    "control/schemas.py": ("answer", "see"),  # fields of GET /_mock/why and GET /_mock/cast
    "serve/command.py": ("document",),
    "testing/thread.py": ("document",),
}


def forbidden(text: str) -> list[str]:
    """The words in a text that the glossary forbids."""
    return WORDS.findall(ALLOWED.sub("", text))


def parts_of(name: str) -> list[str]:
    """The words of a name in Python, in lower case: `find_user`, `FindUser` and `FIND_USER` are find and user."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def in_code(file: str, source: str) -> Iterator[str]:
    """What the glossary forbids in names, comments and strings of a file below `mockserver/`, with its line."""
    strings = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        found: list[str] = []
        if token.type == tokenize.NAME and token.string not in VARIABLES.get(file, ()):
            found = [part for part in parts_of(token.string) if part in FORBIDDEN_NAMES]
        elif token.type in strings:
            text = token.string
            for part in TEXTS.get(file, ()):
                text = text.replace(part, "")
            found = forbidden(text)
        yield from (f"{file}:{token.start[0]}: {word} in {token.string[:60]!r}" for word in found)

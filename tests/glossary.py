"""The words of docs/glossary.md that are not used, and where they stand in prose and in code."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
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

# What is written otherwise for a reason, by file or folder: parts of comments and strings, and whole names.
TEXTS = {
    "mockserver/catalogs/__init__.py": ("end of document",),  # says Python's TOML parser
    "mockserver/control/described.py": ("This document",),  # an OpenAPI document, of itself
    "mockserver/control/table.py": ('"/document"',),  # known to clients
    "mockserver/control/why.py": ('"answer"',),  # a field of GET /_mock/why, known to clients
    "mockserver/remote/insight.py": ('"answer"',),
    "mockserver/ui/views.py": ('"answer"',),
    "mockserver/ui/actions.py": ("'/document'",),
    "mockserver/ui/views_requests.py": ('"/document"',),
    "mockserver/ui/views_webhooks.py": ('"/document"',),
    "mockserver/ui/templates/why_bare.html": ("reason.answer",),
    "mockserver/serve/command.py": ("--document",),  # like `verify --document`, known to users
    "mockserver/testing/server.py": ("`document`",),  # the parameter that is named like the option
    "mockserver/testing/thread.py": ('"document"',),
    "tests/test_testing_arguments.py": ('"document must be a path',),
    "contract_tests": ('"document"', "--document"),  # a part of the suite and an option, known to users
    "contract_tests/report/html.py": ("document.querySelector",),
    "tests": ('"document"', "--document", "`document`", '"/document"'),
    "tests/draw_names.py": ("faker.providers.person",),
    "tests/test_control_docs.py": ('"answer"',),
    "tests/test_control_insight.py": ('"answer"',),
    "tests/test_testing.py": ('"answer"',),
    "tests/test_ui_browser.py": ("document.activeElement", "document.documentElement"),
}
VARIABLES = {
    "mockserver/control/schemas.py": ("answer", "see"),  # fields of GET /_mock/why and GET /_mock/cast
    "mockserver/serve/command.py": ("document",),
    "mockserver/testing/thread.py": ("document",),
    "contract_tests/options.py": ("document",),
    "contract_tests/target.py": ("document",),
    "tests/test_documents.py": ("document",),
    "tests/test_game_emails.py": ("document",),
}
UNREAD = ("tests/glossary.py", "tests/test_docs.py")  # name the words


def code() -> dict[str, str]:
    """Every file of Python and every template of the console, by its path, with its text."""
    folders = ("mockserver", "contract_tests", "benchmarks", "tests")
    found = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    found += (ROOT / "mockserver" / "ui" / "templates").glob("*.html")
    files = {file.relative_to(ROOT).as_posix(): file for file in found}
    return {name: files[name].read_text() for name in sorted(files) if name not in UNREAD}


def excepted(exceptions: dict[str, tuple[str, ...]], file: str) -> list[str]:
    """What is excepted in a file, by itself or with its folder."""
    return [one for place, given in exceptions.items() if is_in(file, place) for one in given]


def is_in(file: str, place: str) -> bool:
    return file == place or file.startswith(f"{place}/")


def forbidden(text: str) -> list[str]:
    """The words in a text that the glossary forbids."""
    return WORDS.findall(ALLOWED.sub("", text))


def without(parts: list[str], text: str) -> str:
    """The text without what is excepted in its file."""
    for part in parts:
        text = text.replace(part, "")
    return text


def parts_of(name: str) -> list[str]:
    """The words of a name in Python, in lower case: `find_user`, `FindUser` and `FIND_USER` are find and user."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def forbidden_names(file: str) -> set[str]:
    """Names of tests are sentences, with helpers that go with them: only the words of prose are forbidden there."""
    return set(FORBIDDEN) if is_in(file, "tests") else FORBIDDEN_NAMES


@cache
def _has_any(words: frozenset[str]) -> re.Pattern[str]:
    """Finds the words in any text, also as parts of names."""
    lower, title, upper = ("|".join(map(form, words)) for form in (str.lower, str.title, str.upper))
    return re.compile(rf"(?<![a-z])(?:{lower})(?![a-z])|(?:{title})(?![a-z])|(?<![A-Z])(?:{upper})(?![A-Z])")


def in_code(file: str, source: str) -> Iterator[str]:
    """What the glossary forbids in a file, with its line: in names, comments and strings, or anywhere in a template."""
    strings = {tokenize.COMMENT, tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
    texts, variables, names = excepted(TEXTS, file), excepted(VARIABLES, file), forbidden_names(file)
    if not _has_any(frozenset(names)).search(source):
        return  # reading a file by its tokens takes long
    if file.endswith(".html"):
        for number, line in enumerate(source.splitlines(), 1):
            yield from (f"{file}:{number}: {word} in {line[:60]!r}" for word in forbidden(without(texts, line)))
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        found: list[str] = []
        if token.type == tokenize.NAME and token.string not in variables:
            found = [part for part in parts_of(token.string) if part in names]
        elif token.type in strings:
            found = forbidden(without(texts, token.string))
        yield from (f"{file}:{token.start[0]}: {word} in {token.string[:60]!r}" for word in found)

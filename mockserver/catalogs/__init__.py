"""Catalogs: TOML (or JSON of the same shape) in, `mockserver.game.catalog.Catalog` out, and back again.

A catalog is either right as a whole or refused with everything that is wrong with it."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from datetime import date
from pathlib import Path as File
from typing import Any

from mockserver.catalogs import fields
from mockserver.catalogs.bounds import OutOfBounds, excess, loads
from mockserver.catalogs.kinds import JSON, unknown
from mockserver.catalogs.places import line_of, lines_of
from mockserver.catalogs.problems import CatalogError, Enough, Place, Problem, Reading
from mockserver.game.catalog import Catalog
from mockserver.game.nearest import did_you_mean, nearest

__all__ = ["BUNDLED", "CatalogError", "dump", "fixture", "from_data", "is_toml", "load", "parse", "read", "to_toml"]

# The catalogs that come with the package, by name.
BUNDLED = ("catalog", "fitness", "study", "reading", "savings")

_WHERE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)\Z")


def load(path: str | File, *, today: date) -> Catalog:
    """The catalog in a TOML file. Days that it counts from the world's first day are counted from `today`."""
    return parse(read(path), today=today, name=str(path))


def read(path: str | File) -> str:
    """The text of a catalog's file. Raises `CatalogError`."""
    try:
        return File(path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = nearest(str(path), BUNDLED) if File(path).name == str(path) else ""
        raise CatalogError(str(path), [Problem((), f"there is no such file{did_you_mean(near)}")]) from None
    except UnicodeDecodeError:
        raise CatalogError(str(path), [Problem((), "expected text in UTF-8")]) from None
    except OSError as error:
        raise CatalogError(str(path), [Problem((), f"cannot be read: {error.strerror}")]) from None


def parse(text: str, *, today: date, name: str = "catalog") -> Catalog:
    """The catalog that a TOML text describes; `name` is what errors call it."""
    try:
        data = loads(text)
    except OutOfBounds as error:
        raise CatalogError(name, [Problem((), str(error), error.line)]) from None
    except tomllib.TOMLDecodeError as error:
        raise CatalogError(name, [_not_toml(str(error), text)]) from None
    try:
        return from_data(data, today=today, name=name)
    except CatalogError as error:
        lines = lines_of(text)
        found = [problem._replace(line=line_of(problem.path, lines)) for problem in error.problems]
        raise CatalogError(name, found) from None


def is_toml(text: str) -> bool:
    """Whether it can be read at all; what it says may be wrong."""
    try:
        loads(text)
    except (OutOfBounds, tomllib.TOMLDecodeError):
        return False
    return True


def from_data(data: Any, *, today: date, name: str = "catalog") -> Catalog:
    """The catalog that plain data describe (parsed TOML or JSON); `null` is as good as nothing."""
    if sentence := excess(data):
        raise CatalogError(name, [Problem((), sentence)])
    reading = Reading(today)
    made: Any = None
    with suppress(Enough):
        made = fields.CATALOG.read(data, Place(reading), {})
        _check_references(reading, data)
    if reading.problems:
        raise CatalogError(name, reading.problems)
    catalog: Catalog = made
    return catalog


def dump(catalog: Catalog) -> dict[str, JSON]:
    """The catalog as plain JSON, days absolute and ids given, in words that `from_data` reads back."""
    return fields.CATALOG.write(catalog)


def to_toml(content: dict[str, JSON]) -> str:
    """What `dump` gives, as the text of a file that `parse` reads."""
    import tomli_w

    return tomli_w.dumps(_without_null(content), multiline_strings=False)


def _without_null(value: Any) -> Any:
    """TOML has no null, which is as good as nothing."""
    if isinstance(value, dict):
        return {name: _without_null(one) for name, one in value.items() if one is not None}
    return [_without_null(one) for one in value] if isinstance(value, list) else value


def fixture(name: str) -> File:
    """The file of a catalog that comes with the package, one of `BUNDLED`."""
    package = File(__file__).parents[1]
    installed = package / "data" / "fixtures"
    return (installed if installed.is_dir() else package.parent / "fixtures") / f"{name}.toml"


def _check_references(reading: Reading, data: Any) -> None:
    """Every key that is named must exist in the data, so that no problem is reported twice."""
    known = {of: dict.fromkeys(filter(_is_text, data.get(of) or ())) for of, _, _ in reading.references}
    for of, key, path in reading.references:
        if key not in known[of]:
            Place(reading, path).wrong(unknown(key, of, list(known[of])))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _not_toml(message: str, text: str) -> Problem:
    """The parser's complaint, with its line as ours and in our place."""
    found = _WHERE.search(message)
    line = int(found[1]) if found and found[1] else text.count("\n") + 1
    said = message[: found.start()] if found else message
    return Problem((), f"this is not TOML: {said[:1].lower()}{said[1:]}", line)

"""A log as text: one record a line (JSONL), the recipe first. So worlds travel from one machine to another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from mockserver.log.record import RECIPE, LogError, decode


def parse_lines(lines: Iterable[bytes], name: str) -> list[bytes]:
    """The records in these lines, checked one by one; `name` is what errors call the text. Raises `LogError`."""
    found: list[bytes] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = decode(line)
            if (record.name == RECIPE) != (not found):
                raise LogError("the recipe of the world comes first, and once")
        except LogError as error:
            raise LogError(f"{name}, line {number}: {error}") from None
        found.append(line.strip())
    if not found:
        raise LogError(f"{name} holds no world: it is empty")
    return found


def read(file: str | Path) -> list[bytes]:
    """The records in a file. Raises `LogError`."""
    try:
        return parse_lines(Path(file).read_bytes().splitlines(), str(file))
    except OSError as error:
        raise LogError(f"{file} cannot be read: {error.strerror}") from None

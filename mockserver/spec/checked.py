"""openapi-core judges the spec at start-up; what it once found good is remembered by its digest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from mockserver import cache

# The spec that comes with this package: a test lets openapi-core check it, so that no start has to.
OURS = "e3a69541281bf763410bf57b4ef776b68ccea806f86511c83f8e9791ecfb3424"


class SpecError(Exception):
    """The spec cannot be used: one clear sentence."""


def check(raw: bytes, spec: dict[str, Any]) -> None:
    """Let openapi-core check `spec` unless these very bytes passed before. Raises SpecError.

    The check and the import of openapi-core take most of a second, so no other start must pay for them.
    """
    digest = hashlib.sha256(raw).hexdigest()
    if digest == OURS:
        return
    mark = _mark(digest)
    if mark is not None and mark.exists():
        return
    _judge(spec)
    if mark is not None:
        _remember(mark)


def _mark(digest: str) -> Path | None:
    """The empty file that says that this spec passed this version of openapi-core."""
    from importlib.metadata import version

    directory = cache.directory("checked")
    if directory is None:
        return None
    return directory / f"{digest}-{version('openapi-core')}"


def _judge(spec: dict[str, Any]) -> None:
    from openapi_core import OpenAPI

    try:
        OpenAPI.from_dict(spec)
    except Exception as error:  # whatever the checker raises, the spec is of no use
        first_line = (str(error) or type(error).__name__).splitlines()[0].partition(" does not exist within ")
        sentence = first_line[0] + (" does not exist" if first_line[1] else "")
        place = "/".join(str(step) for step in getattr(error, "absolute_path", ()))
        raise SpecError(f"{sentence[:200]}{f' (at {place})' if place else ''}") from error


def _remember(mark: Path) -> None:
    """Best effort: a read-only home costs a second at each start, nothing else."""
    try:
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        return

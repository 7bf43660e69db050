"""The files that a run will write: whether they can be written is checked before its first test."""

from __future__ import annotations

from pathlib import Path

from contract_tests.options import Options
from contract_tests.target import CannotRun


def check(options: Options) -> None:
    """Raises `CannotRun` for the first that cannot be written."""
    known = {"--html": options.html, "--bundle": options.bundle}
    if options.update_baseline:
        known["--baseline"] = options.baseline
    for name, path in known.items():
        check_one(name, path)


def check_one(name: str, path: Path | None) -> None:
    """Opens the file for writing without changing it, and removes it if it was not there. Raises `CannotRun`."""
    if path is None:
        return
    there = path.exists()
    try:
        with path.open("ab"):
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise cannot_write(name, path, error) from error


def cannot_write(name: str, path: Path, error: OSError) -> CannotRun:
    return CannotRun(f"{name}: {path} cannot be written: {error.strerror or error}.")

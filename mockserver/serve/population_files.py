"""Seeded populations as files in the user's cache, so that the next start need not seed them again.

Best effort: what cannot be read, or is not what was written, is seeded again, and what cannot be written is not kept.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from mockserver.control.checkpoint import code_version
from mockserver.files import write_whole

MOST_FILES = 8
MOST_BYTES = 8 * 2**20  # of one population: some 300 users


class PopulationFiles:
    """The populations of this very code that were used last. They are pickles: the directory is for its user alone."""

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory

    def find(self, name: bytes) -> bytes | None:
        """None when there is none, or when somebody else has written it."""
        if self._directory is None:
            return None
        file = self._file(self._directory, name)
        try:
            if hasattr(os, "getuid") and file.stat().st_uid != os.getuid():
                return None
            digest, state = _apart(file.read_bytes())
            os.utime(file)
        except OSError:
            return None
        return state if digest == hashlib.sha256(state).digest() else None

    def keep(self, name: bytes, state: bytes) -> None:
        if self._directory is None or len(state) > MOST_BYTES:
            return
        with suppress(OSError):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_whole(self._file(self._directory, name), (hashlib.sha256(state).digest(), state))
            files = sorted(self._directory.iterdir(), key=lambda row: row.stat().st_mtime)
            for old in files[:-MOST_FILES]:
                old.unlink(missing_ok=True)

    @staticmethod
    def _file(directory: Path, name: bytes) -> Path:
        return directory / hashlib.sha256(code_version().encode() + name).hexdigest()


def _apart(content: bytes) -> tuple[bytes, bytes]:
    """The digest that a file begins with, and what it is of."""
    size = hashlib.sha256().digest_size
    return content[:size], content[size:]

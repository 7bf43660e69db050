"""Worlds as they stood, in files of this machine: a server that brings one up replays only what came after.

Servers may share the directory. A file says after which record it was taken, so that nobody takes it for another world.
"""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from mockserver.control.checkpoint import Saved, code_version, pack, unpack
from mockserver.control.context import WorldContext
from mockserver.farm.replica import At

UNUSED = 30 * 86_400  # seconds after which a file is deleted that nobody has read or written

log = logging.getLogger("mockserver")


class Kept(NamedTuple):
    """A world after the record `at`, at that real time (ms UTC)."""

    at: At
    real: int
    saved: Saved


class Checkpoints:
    """One file for each world, by the id of its first record. Without a directory there are none.

    What goes wrong here costs time and nothing else: the log has the same.
    """

    def __init__(self, directory: Path | None) -> None:
        self._directory = directory
        self._last_append = False

    def read(self, name: str) -> Kept | None:
        """None where there is none that this code can use."""
        if self._directory is None:
            return None
        file = self._file(name)
        try:
            head, _, state = file.read_bytes().partition(b"\n")
            given = orjson.loads(head)
            saved = unpack(given["code"], state)
            if saved is None:
                return None
            os.utime(file)
            return Kept(At(given["position"], given["id"], given["number"]), given["real"], saved)
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, name: str, at: At, context: WorldContext) -> None:
        """Instead of the one before."""
        if self._directory is None:
            return
        real, state = pack(context)
        head = orjson.dumps({"code": code_version(), "real": real} | at._asdict())
        file = self._file(name)
        beside = file.with_name(f"{file.name}.{os.getpid()}")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            beside.write_bytes(head + b"\n" + state)
            beside.replace(file)
        except OSError as error:
            with suppress(OSError):
                beside.unlink()
            if not self._last_append:
                self._last_append = True
                log.warning(
                    "%s takes no checkpoints (%s): worlds are brought up from their beginning.",
                    self._directory,
                    error.strerror,
                )

    def remove(self, name: str) -> None:
        if self._directory is not None:
            with suppress(OSError):
                self._file(name).unlink()

    def sweep(self) -> None:
        """Deletes those of worlds that nobody has used for long."""
        if self._directory is None:
            return
        with suppress(OSError):
            for file in self._directory.glob("*.checkpoint*"):
                with suppress(OSError):
                    if time.time() - file.stat().st_mtime > UNUSED:
                        file.unlink()

    def _file(self, name: str) -> Path:
        assert self._directory is not None
        return self._directory / f"{name}.checkpoint"

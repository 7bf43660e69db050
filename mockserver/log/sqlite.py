"""The store of logs that outlive the process: one SQLite file (WAL). What is appended survives the end of the process;
with `sync` also a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from mockserver.log.lock import Lock
from mockserver.log.record import Conflict, LogError, Row

FILE = "mockserver.sqlite"
APPLICATION = 0x54524F50  # "TROP", in the file's header
LAYOUT = 1
PAGE = 5_000  # records that are read at once

TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE worlds (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE);
CREATE TABLE records (
    world INTEGER NOT NULL, position INTEGER NOT NULL, record TEXT NOT NULL, PRIMARY KEY (world, position)
) WITHOUT ROWID;
CREATE TABLE checkpoints (
    world INTEGER PRIMARY KEY, position INTEGER NOT NULL, code TEXT NOT NULL, real INTEGER NOT NULL, state BLOB NOT NULL
);
CREATE TABLE deliveries (
    world INTEGER NOT NULL, generation INTEGER NOT NULL, number INTEGER NOT NULL, outcome TEXT NOT NULL,
    PRIMARY KEY (world, generation, number)
) WITHOUT ROWID;
"""


class Checkpoint(NamedTuple):
    """A world's state after the record at `position`, taken at a `real` time (ms UTC), as the `code` understands it."""

    position: int
    code: str
    real: int
    state: bytes


class SqliteStore:
    """Opens or makes the file in a directory. Raises `LogError` for what is no such file, is damaged or newer, and
    when another server has it open (those that only read do not count)."""

    def __init__(self, directory: str | Path, *, sync: bool = False, read_only: bool = False) -> None:
        self.file = Path(directory) / FILE
        self._ids: dict[str, int] = {}
        self._new: list[str] = []  # worlds that the transaction under way has added
        self._outcomes: list[tuple[int, int, int, str]] = []
        self._lock = None if read_only else self._lock_directory()
        try:
            self._database = self._open(read_only)
            self._check()
            if not read_only:
                self._database.execute(f"PRAGMA synchronous = {'FULL' if sync else 'NORMAL'}")
                self._database.execute("PRAGMA wal_autocheckpoint = 4000")
            self._ids = dict(self._database.execute("SELECT key, id FROM worlds ORDER BY id"))
        except sqlite3.Error as error:
            self._unlock()
            raise LogError(f"{self.file} cannot be used: {_reason(error)}") from None
        except BaseException:
            self._unlock()
            raise

    def _lock_directory(self) -> Lock:
        directory = self.file.parent
        try:
            directory.mkdir(parents=True, exist_ok=True)
            return Lock(directory / "lock")
        except OSError as error:
            raise LogError(f"{directory} cannot be used to keep worlds: {error.strerror}") from None

    def _unlock(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _open(self, read_only: bool) -> sqlite3.Connection:
        if read_only:
            if not self.file.is_file():
                raise LogError(f"{self.file.parent} holds no worlds: there is no {FILE} in it")
            uri = f"{self.file.absolute().as_uri()}?mode=ro"
            return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        new = not self.file.exists() or self.file.stat().st_size == 0
        database = sqlite3.connect(self.file, isolation_level=None, check_same_thread=False)
        if new:
            header = f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {LAYOUT};"
            database.execute("PRAGMA journal_mode = WAL")
            database.executescript(f"BEGIN; {header} {TABLES} COMMIT;")
        return database

    def _check(self) -> None:
        (application,) = self._database.execute("PRAGMA application_id").fetchone()
        (layout,) = self._database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION:
            raise LogError(f"{self.file} is a database of another program")
        if layout > LAYOUT:
            raise LogError(f"{self.file} was written by a newer mockserver (layout {layout}; this one knows {LAYOUT})")
        (sound,) = self._database.execute("PRAGMA quick_check(1)").fetchone()
        if sound != "ok":
            raise LogError(f"{self.file} is damaged: {' '.join(str(sound).split())}")

    def close(self) -> None:
        """What was appended is there for the next one to open it."""
        with suppress(LogError, sqlite3.Error):
            self.flush()
        self._database.close()
        self._unlock()

    # The interface of a store

    def append(self, rows: Sequence[Row]) -> None:
        """In one transaction, together with the outcomes of deliveries that wait to be kept."""
        with self._transaction() as database:
            known = [(self._id_of(world), position, record.decode()) for world, position, record in rows]
            try:
                database.executemany("INSERT INTO records VALUES (?, ?, ?)", known)
            except sqlite3.IntegrityError:
                raise Conflict("somebody else has written at the same position") from None
            if self._outcomes:
                database.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", self._outcomes)
        self._outcomes.clear()

    def read(self, world: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        query = "SELECT position, record FROM records WHERE world = ? AND position > ? ORDER BY position LIMIT ?"
        while page := self._rows(query, world, after, PAGE):
            for position, record in page:
                after += 1
                if position != after:
                    raise LogError(f"{self.file} is damaged: the log of {world} lacks position {after}")
                yield position, record.encode()

    # Worlds

    def worlds(self) -> list[str]:
        """The API keys of all worlds, those first that were there first."""
        return list(self._ids)

    def delete(self, world: str) -> None:
        """Its log and all that belongs to it."""
        with self._transaction() as database:
            for table in ("records", "checkpoints", "deliveries"):
                database.execute(f"DELETE FROM {table} WHERE world = ?", (self._id_of(world),))
            database.execute("DELETE FROM worlds WHERE key = ?", (world,))
        del self._ids[world]

    def length(self, world: str) -> int:
        """The position of a log's newest record; 0 where there is none."""
        for (last,) in self._rows("SELECT max(position) FROM records WHERE world = ?", world):
            return int(last or 0)
        return 0

    @property
    def made(self) -> int:
        """How many worlds have been made with a key from the counter."""
        for (made,) in self._database.execute("SELECT value FROM meta WHERE name = 'made'"):
            return int(made)
        return 0

    @made.setter
    def made(self, made: int) -> None:
        with self._transaction() as database:
            database.execute("INSERT OR REPLACE INTO meta VALUES ('made', ?)", (made,))

    # Checkpoints

    def checkpoint(self, world: str) -> Checkpoint | None:
        """The newest of a world."""
        rows = self._rows("SELECT position, code, real, state FROM checkpoints WHERE world = ?", world)
        return next((Checkpoint(*row) for row in rows), None)

    def keep_checkpoint(self, world: str, checkpoint: Checkpoint) -> None:
        """Instead of the one before."""
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO checkpoints VALUES (?, ?, ?, ?, ?)", (self._id_of(world), *checkpoint)
            )

    def forget_checkpoint(self, world: str) -> None:
        """The next start repeats everything."""
        with self._transaction() as database:
            database.execute("DELETE FROM checkpoints WHERE world = ?", (self._id_of(world),))

    # Deliveries

    def outcomes(self, world: str, generation: int) -> Mapping[int, str]:
        """What came of a world's webhooks since all was last forgotten, by the number of the delivery."""
        return dict(
            self._rows("SELECT number, outcome FROM deliveries WHERE world = ? AND generation = ?", world, generation)
        )

    def keep_outcome(self, world: str, generation: int, number: int, outcome: str) -> None:
        """Written down with the next `append`."""
        if world in self._ids:
            self._outcomes.append((self._ids[world], generation, number, outcome))

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        files = (self.file, self.file.with_name(f"{FILE}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def flush(self) -> None:
        """Writes down what came of deliveries since the last `append`."""
        if self._outcomes:
            self.append([])

    def compact(self) -> None:
        """Gives back the room of what is not needed any more."""
        with self._transaction() as database:
            database.execute(
                "DELETE FROM deliveries AS old WHERE generation < "
                "(SELECT max(generation) FROM deliveries WHERE world = old.world)"
            )
        try:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.execute("VACUUM")
        except sqlite3.Error as error:
            raise LogError(f"{self.file} cannot be compacted: {_reason(error)}") from None

    # Inside

    def _id_of(self, world: str) -> int:
        known = self._ids.get(world)
        if known is None:
            known = self._database.execute("INSERT INTO worlds (key) VALUES (?)", (world,)).lastrowid
            assert known is not None
            self._ids[world] = known
            self._new.append(world)
        return known

    def _rows(self, query: str, world: str, *more: Any) -> list[Any]:
        """All at once: reading row by row would hold the database open beyond its end."""
        if world not in self._ids:
            return []
        try:
            return self._database.execute(query, (self._ids[world], *more)).fetchall()
        except sqlite3.Error as error:
            raise LogError(f"{self.file} cannot be read: {_reason(error)}") from None

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing. Raises `LogError`."""
        database, self._new = self._database, []
        try:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")
        except BaseException as error:
            for world in self._new:
                del self._ids[world]
            with suppress(sqlite3.Error):
                database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise LogError(f"{self.file} cannot be written: {_reason(error)}") from None
            raise


def _reason(error: sqlite3.Error) -> str:
    """What is wrong, as one sentence."""
    text = str(error)
    known = {
        "file is not a database": "it is no SQLite database",
        "database or disk is full": "the disk is full",
        "attempt to write a readonly database": "it may not be written to",
        "unable to open database file": "it cannot be opened",
    }
    return known.get(text, text)

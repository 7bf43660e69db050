"""The catalog that a server serves, in a file that may change while it runs."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from mockserver import catalogs
from mockserver.game.catalog import Catalog


def find(name: str) -> Path:
    """A file by its path, or one of the catalogs that come with the server by its name."""
    path = Path(name)
    fixture = catalogs.fixture(name) if path.name == name else path
    return fixture if not path.exists() and fixture.exists() else path


class CatalogFile:
    """What a file said when it was last right. Calling it with a world's first day gives the catalog of that world."""

    def __init__(self, path: Path) -> None:
        """Raises `CatalogError` when the file cannot be read."""
        self.path = path
        self._looked_at = self._bytes()
        self.text = catalogs.read(path)
        self.broken = False  # what the file says now cannot be used

    @property
    def source(self) -> str:
        """What is kept of it where worlds are kept."""
        return self.text

    def __call__(self, first_day: date) -> Catalog:
        """Raises `CatalogError` when the text is no catalog."""
        return self.as_of(first_day, self.text)

    def as_of(self, first_day: date, text: str) -> Catalog:
        """The catalog of a world with this first day if `text` stood in the file. Raises `CatalogError`."""
        return _parsed(text, first_day, str(self.path))

    def changed_text(self) -> str | None:
        """The file's text if it has changed since it was last looked at, to what it said before too if it was wrong
        meanwhile. Raises `CatalogError`.

        It is read each time: neither its size nor its times need change with it.
        """
        found = self._bytes()
        if found is None or found == self._looked_at:
            return None  # editors may remove a file for a moment while they save it
        self._looked_at = found
        text = catalogs.read(self.path)
        return text if text != self.text or self.broken else None

    def _bytes(self) -> bytes | None:
        """None when there is no such file; of one that cannot be read there is nothing to compare."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError:
            return b""


@lru_cache(maxsize=16)
def _parsed(text: str, first_day: date, name: str) -> Catalog:
    """Worlds that begin on the same day share one catalog, which nobody changes."""
    return catalogs.parse(text, today=first_day, name=name)

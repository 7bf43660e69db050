"""What people are called, by Faker. The first of each seed are remembered on disk: to load Faker with the names of
twenty countries takes a fifth of a start, and what it says stays the same for ever."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mockserver import cache

MOST_NAMES = 200  # of one seed
MOST_SEEDS = 50


class Names:
    """The names of one seed, number by number."""

    def __init__(self, seed: str) -> None:
        self._seed = seed
        self._fakers: dict[str, Any] = {}
        self._file = _file(seed)
        self._known = _read(self._file)
        self._on_disk = len(self._known)

    def name(self, locale: str, number: int) -> tuple[str, str]:
        """Given and family name of the `number`-th one, who lives where Faker's `locale` is."""
        key = f"{locale}/{number}"
        known = self._known.get(key)
        if known is None:
            faker = self._faker(locale)
            faker.seed_instance(f"{self._seed}/name/{number}")
            known = faker.first_name(), faker.last_name()
            if len(self._known) < MOST_NAMES:
                self._known[key] = known
        return known

    def remember(self) -> None:
        """Puts what is new on disk. Best effort: without it the next start takes as long as this one."""
        if self._file is None or len(self._known) == self._on_disk:
            return
        with suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(f".{os.getpid()}")
            draft.write_text(json.dumps(self._known), "utf-8")
            draft.replace(self._file)  # whole or not at all, whoever else is starting
            seeds = sorted(self._file.parent.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for old in seeds[:-MOST_SEEDS]:
                old.unlink(missing_ok=True)

    def _faker(self, locale: str) -> Any:
        """A Faker that knows the people of one place: only their names are loaded, the rest would take too long."""
        if locale not in self._fakers:
            from faker import Generator

            generator: Any = Generator()
            generator.add_provider(import_module(f"faker.providers.person.{locale}").Provider)
            self._fakers[locale] = generator
        return self._fakers[locale]


def _file(seed: str) -> Path | None:
    """Another one for another seed and for another Faker."""
    directory = cache.directory("names")
    if directory is None:
        return None
    return directory / f"{version('faker')}-{hashlib.sha256(seed.encode()).hexdigest()[:16]}.json"


def _read(file: Path | None) -> dict[str, tuple[str, str]]:
    """What is there; nothing when it is not what was written."""
    with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
        known = json.loads(file.read_text("utf-8")) if file else {}
        return {str(key): (str(given), str(family)) for key, (given, family) in known.items()}
    return {}

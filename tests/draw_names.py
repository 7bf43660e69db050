"""Draws the names of seeded users with Faker, once, into mockserver/seed/names.json: `make names`.

The file is part of the project, so a seed means the same users whatever Faker's release, and no start needs it.
"""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from faker import Generator

from mockserver.seed.identities import LOCATIONS

FILE = Path(__file__).parents[1] / "mockserver" / "seed" / "names.json"
EACH = 60  # given and family names for each place


def draw() -> dict[str, dict[str, list[str]]]:
    """By Faker's locale: different given and family names, in the order in which they were drawn."""
    return {locale: _of(locale) for locale in sorted({home.locale for home in LOCATIONS})}


def _of(locale: str) -> dict[str, list[str]]:
    generator: Any = Generator()
    generator.add_provider(import_module(f"faker.providers.person.{locale}").Provider)
    generator.seed_instance(f"names/{locale}")
    given = dict.fromkeys(generator.first_name().strip() for _ in range(20 * EACH))
    family = dict.fromkeys(generator.last_name().strip() for _ in range(20 * EACH))
    return {"given": list(given)[:EACH], "family": list(family)[:EACH]}


if __name__ == "__main__":
    rows = [f"{json.dumps(locale)}: {json.dumps(names, ensure_ascii=False)}" for locale, names in draw().items()]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")

"""What seeded users are called: names drawn once with Faker (`make names`), the same in every installation."""

from __future__ import annotations

import json
import random
from functools import cache
from pathlib import Path


@cache
def _names() -> dict[str, dict[str, list[str]]]:
    """By Faker's locale: given and family names."""
    names: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("names.json").read_text("utf-8"))
    return names


def name(seed: str, locale: str, number: int) -> tuple[str, str]:
    """Given and family name of the `number`-th user of a seed, who lives where `locale` is."""
    dice, names = random.Random(f"{seed}/name/{number}"), _names()[locale]
    return dice.choice(names["given"]), dice.choice(names["family"])

"""Ids that follow from a world's seed and key."""

from __future__ import annotations

import hashlib

# From one id of a kind to the next. The golden ratio of the range: neighbours have nothing in common to the eye, and
# as it is odd, the last twelve digits are the same only after 2**48 ids.
STRIDE = 0x9E3779B97F4A7C15F39CC0605CEDC835
LAST_ID = 2**128 - 1


class Ids:
    """`key`: tells a world's ids from those of others with the same seed; empty where there is one. It may be given
    until the first id is asked for: no id is a part of a world's state before."""

    __slots__ = ("_firsts", "key", "seed")

    def __init__(self, seed: str, key: str) -> None:
        self.seed = seed
        self.key = key
        self._firsts: dict[str, int] = {}

    def of(self, kind: str, number: int) -> str:
        """A UUID (version 5 in form) that depends on nothing but seed and key, the kind and the number."""
        first = self._firsts.get(kind)
        if first is None:
            name = f"{self.seed}/{self.key}/{kind}" if self.key else f"{self.seed}/{kind}"
            digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
            first = self._firsts[kind] = int.from_bytes(digest[:16])
        digits = f"{(first + number * STRIDE) & LAST_ID:032x}"
        return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"

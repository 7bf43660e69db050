"""A text that shows every change that an implementation makes to texts, and what it becomes after each change."""

from __future__ import annotations

import html
import unicodedata

LONG = "long" * 16


def odd(end: str = "1") -> str:
    """A text that changes when it is trimmed, cut, normalised, folded, escaped, decoded or printed as ASCII. It has
    leading zeros and a character without width. Two of them differ only after 64 characters."""
    return f" Zoe\u0308 ﬁ② 007 a%20b, c: <&>\\ zero\u200bwidth {LONG}{end} "


#: Each is what one way of changing a text makes of the first.
ALIKE = (
    *(odd("2"), odd().strip(), odd().casefold(), odd().replace("\u200b", ""), odd().replace("007", "7")),
    *(unicodedata.normalize("NFC", odd()), unicodedata.normalize("NFKC", odd()), odd().replace("%20", " ")),
    *(html.escape(odd()), odd().encode("ascii", "ignore").decode(), odd()[:64]),
)

"""A text that stays as it is only where without_tenant touches it, and what it is taken for where somebody does."""

from __future__ import annotations

import html
import unicodedata

LONG = "long" * 16


def odd(end: str = "1") -> str:
    """It does not survive being trimmed, cut, normalised, folded, escaped, decoded or printed as ASCII, and has zeros
    in front and a sign without width. Two of them differ after 64 characters only."""
    return f" Zoe\u0308 ﬁ② 007 a%20b, c: <&>\\ zero\u200bwidth {LONG}{end} "


#: Each is what one way of touching it makes of the first.
ALIKE = (
    *(odd("2"), odd().strip(), odd().casefold(), odd().replace("\u200b", ""), odd().replace("007", "7")),
    *(unicodedata.normalize("NFC", odd()), unicodedata.normalize("NFKC", odd()), odd().replace("%20", " ")),
    *(html.escape(odd()), odd().encode("ascii", "ignore").decode(), odd()[:64]),
)

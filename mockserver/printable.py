"""Text from others for a terminal or a log: control characters are escaped."""

from __future__ import annotations

import re

LONGEST = 2000  # characters

# C0, DEL, C1, the controls of bidirectional text, separators of lines, half surrogate pairs.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text on one line, with escapes in the place of control characters, and not all of a long one."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], cut)

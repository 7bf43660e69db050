"""What a wrong name was probably meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

MOST_COMPARED = 200  # names that a wrong one is compared with
LONGEST_COMPARED = 64  # characters: what is longer is no slip of the finger, and takes long to compare


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is closest to a wrong one; empty when none is close, or to compare them would take long."""
    from difflib import get_close_matches

    if len(name) > LONGEST_COMPARED:
        return ""
    return next(iter(get_close_matches(name, list(islice(known, MOST_COMPARED)), n=1)), "")


def did_you_mean(name: str, quote: str = '"') -> str:
    """`; did you mean "x"?`, or nothing for no name."""
    return f"; did you mean {quote}{name}{quote}?" if name else ""


def suggestion(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a key that is not there: the nearest that is, or a full stop."""
    return did_you_mean(nearest(name, known), "'") or "."

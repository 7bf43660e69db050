"""`Prefer: code=404, delay=2`: one request asks for its own error or delay (RFC 7240; behaviour, section 10).

`code=500; when=after`: it is carried out, and its response is lost.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from mockserver.control.faults import RETRY_AFTER, retry_headers
from mockserver.exchange import Response, error_response

HEADER, APPLIED = b"prefer", b"preference-applied"
LONGEST_DELAY = 60.0  # seconds

_CODE = re.compile(r"[45][0-9]{2}", re.ASCII)
_DELAY = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?", re.ASCII)


class Preference(NamedTuple):
    """What can be had of what was asked for: an error status (`late`: once the request is carried out), seconds to
    wait. The rest is ignored."""

    code: int | None = None
    delay: float | None = None
    late: bool = False

    @property
    def applied(self) -> tuple[tuple[bytes, bytes], ...]:
        """The header that acknowledges it; none when there is nothing to acknowledge."""
        parts = [] if self.code is None else [f"code={self.code}" + ("; when=after" if self.late else "")]
        parts += [] if self.delay is None else [f"delay={self.delay:g}"]
        return ((APPLIED, ", ".join(parts).encode()),) if parts else ()

    def response(self) -> Response:
        """The error that was asked for, in the one shape of errors."""
        sentence = f"The request asked for this response with the header Prefer: code={self.code}."
        code = self.code or 500
        return error_response(code, sentence, *retry_headers(code, RETRY_AFTER), *self.applied)


def read(header: bytes) -> Preference:
    """The first of each preference counts, as the RFC says. Choice: a delay above a minute is ignored."""
    given: dict[str, tuple[str, list[str]]] = {}
    for part in header.decode("latin-1").split(","):
        preference, *parameters = part.split(";")
        name, value = _pair(preference)
        given.setdefault(name, (value, parameters))
    code, parameters = given.get("code", ("", []))
    delay, _ = given.get("delay", ("", []))
    seconds = float(delay) if _DELAY.fullmatch(delay) else None
    if seconds is not None and not 0 < seconds <= LONGEST_DELAY:
        seconds = None
    if not _CODE.fullmatch(code):
        return Preference(None, seconds)
    return Preference(int(code), seconds, ("when", "after") in map(_pair, parameters))


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip().lower(), value.strip().strip('"')

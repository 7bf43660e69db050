"""The console's lines, as text or JSON. Control characters that others have sent are escaped in both."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from mockserver.control.console import Entry, Moved, Requested, Rest, Sent
from mockserver.control.request_log import fault_of, tenant_of, user_of
from mockserver.exchange import Response
from mockserver.game.periods import iso
from mockserver.printable import printable

JSON = dict[str, Any]

LARGEST_BODY = 4096  # bytes of a body that is looked into for its user
MOST_KINDS = 4  # of facts that a line names
LONGEST = 300  # characters of a path or a sentence
PATH = 40  # columns

PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN = "0", "1", "2", "31", "32", "33", "36"


class Text:
    """`14:03:07.120 GET    /v1/users/ada 200 0.3 ms users_get ada`, in local time."""

    def __init__(self, *, colours: bool) -> None:
        self._colours = colours

    def line(self, entry: Entry, time: float) -> str:
        second = int(time)
        shown = self._paint(f"{_clock(second)}.{int((time - second) * 1000):03}", DIM)
        return f"{shown} {_OF[type(entry)](self, entry)}"

    def _requested(self, entry: Requested) -> str:
        call, response = entry.call, entry.response
        path = f"{call.path}?{call.query.decode('latin-1')}" if call.query else call.path
        what = f"{_clean(call.method) or '-':<6} {_clean(path):<{PATH}}"
        words = [what, self._status(response.status), _ms(_duration(entry))]
        words += [self._paint(entry.name, CYAN), _clean(_user(entry) or "")]
        if response.headers and (fault := fault_of(response)):
            words.append(self._paint(f"fault: {fault}", YELLOW))
        if response.status >= 400:
            words.append(self._paint(_clean(_sentence(response) or ""), DIM))
        return " ".join(filter(None, words))

    def _sent(self, entry: Sent) -> str:
        event, attempt = entry.delivery.event, entry.attempt
        words = [self._paint("webhook", BOLD), f"{event.kind} → {_clean(entry.delivery.endpoint.url)}"]
        words += [self._status(attempt.status or 0), _ms(attempt.duration), _clean(event.user or "")]
        if attempt.error is not None:
            next_one = f"again at {iso(entry.due)}" if entry.due is not None else "not tried again"
            words.append(self._paint(f"{_clean(attempt.error)} (attempt {entry.number}; {next_one})", YELLOW))
        return " ".join(filter(None, words))

    def _moved(self, entry: Moved) -> str:
        stands = "frozen" if entry.frozen else "running"
        way = iso(entry.start) if entry.now == entry.start else f"{iso(entry.start)} → {iso(entry.now)}"
        facts = f", {_facts(entry.counts)}" if entry.counts else ""
        return f"{self._paint('clock', BOLD)} {way}, {stands}{facts}"

    def _rest(self, entry: Rest) -> str:
        counts = ", ".join(f"{count:,} × {self._status(status)}" for status, count in sorted(entry.counts.items()))
        return f"… and {sum(entry.counts.values()):,} more requests: {counts}"

    def _status(self, status: int) -> str:
        """0: no response came, or nobody was there to hear it."""
        colour = GREEN if 200 <= status < 300 else YELLOW if 300 <= status < 500 else RED
        return self._paint(str(status) if status else "no response", colour)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[{PLAIN}m" if self._colours and text else text


_OF: dict[type[Entry], Callable[[Text, Any], str]] = {
    Requested: Text._requested,
    Sent: Text._sent,
    Moved: Text._moved,
    Rest: Text._rest,
}


class Jsonl:
    """One object a line: `event` is `request`, `webhook` or `clock`, or `log` for what else is logged."""

    def line(self, entry: Entry, time: float) -> str:
        head = {"time": iso(round(time * 1000)), "level": "info"}
        return encoded(head | _OBJECTS[type(entry)](entry))


def encoded(value: JSON) -> str:
    """All that is no plain ASCII as escapes."""
    line = orjson.dumps(value)
    return line.decode() if line.isascii() and b"\x7f" not in line else json.dumps(value).replace("\x7f", "\\u007f")


def _request_object(entry: Requested) -> JSON:
    call, response = entry.call, entry.response
    return {
        "event": "request",
        "method": call.method,
        "path": call.path,
        "query": call.query.decode("latin-1"),
        "status": response.status or None,
        "ms": _duration(entry),
        "operation": entry.name or None,
        "user": _user(entry),
        "tenant": tenant_of(call),
        "fault": fault_of(response),
        "error": _sentence(response) if response.status >= 400 else None,
    }


def _webhook_object(entry: Sent) -> JSON:
    event, attempt = entry.delivery.event, entry.attempt
    return {
        "event": "webhook",
        "type": event.kind,
        "url": entry.delivery.endpoint.url,
        "status": attempt.status,
        "ms": attempt.duration,
        "user": event.user,
        "delivery": entry.delivery.id,
        "attempt": entry.number,
        "next": None if entry.due is None else iso(entry.due),
        "error": attempt.error,
    }


def _clock_object(entry: Moved) -> JSON:
    way = {"from": iso(entry.start), "to": iso(entry.now)}
    return {"event": "clock", **way, "frozen": entry.frozen, "facts": dict(entry.counts)}


def _rest_object(entry: Rest) -> JSON:
    return {"event": "more", "requests": {str(status): count for status, count in entry.counts.items()}}


_OBJECTS: dict[type[Entry], Callable[[Any], JSON]] = {
    Requested: _request_object,
    Sent: _webhook_object,
    Moved: _clock_object,
    Rest: _rest_object,
}


@lru_cache(maxsize=4)
def _clock(second: int) -> str:
    return datetime.fromtimestamp(second).strftime("%H:%M:%S")


def _duration(entry: Requested) -> float:
    return round((entry.at - entry.call.started) * 1000, 3)


def _ms(duration: float) -> str:
    return f"{duration:.1f} ms"


def _user(entry: Requested) -> str | None:
    call = entry.call
    return user_of(entry.template, call) if entry.template and len(call.body) <= LARGEST_BODY else None


def _sentence(response: Response) -> str | None:
    """What a refusal says."""
    try:
        return str(orjson.loads(response.body)["error"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _facts(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    named = ", ".join(f"{kind} {count:,}" for kind, count in most[:MOST_KINDS])
    total = sum(counts.values())
    return f"{total:,} {'fact' if total == 1 else 'facts'}: {named}{', …' if len(most) > MOST_KINDS else ''}"


def _clean(text: str) -> str:
    """Foreign text on one line, escaped where it could steer a terminal, and cut."""
    cut = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
    return cut if cut.isascii() and cut.isprintable() else printable(cut)

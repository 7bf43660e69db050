"""How things are written on the page: times, numbers, JSON, addresses, and what each kind of fact is called."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, date, datetime, tzinfo
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from mockserver.ui.calls import given

HOME = "/_mock/ui"

# What a kind of fact is called, and its tone: what the eye looks for in a list.
KINDS: dict[str, tuple[str, str]] = {
    "UserCreated": ("User created", "user"),
    "UserChanged": ("User changed", "user"),
    "PreferencesChanged": ("Preferences", "user"),
    "MetricChanged": ("Event", "event"),
    "StreakStarted": ("Streak started", "good"),
    "StreakExtended": ("Streak extended", "good"),
    "StreakLost": ("Streak lost", "bad"),
    "FreezeConsumed": ("Freeze used", "cold"),
    "FreezeEarned": ("Freeze earned", "cold"),
    "FreezeIntervalPassed": ("No freeze earned", "quiet"),
    "FreezeGranted": ("Freeze granted", "cold"),
    "StreakRestored": ("Streak restored", "good"),
    "StreakReset": ("Streak reset", "bad"),
    "StreakPaused": ("Streak paused", "cold"),
    "StreakRecounted": ("Streak recounted", "time"),
    "PauseDeleted": ("Pause deleted", "quiet"),
    "AchievementClaimed": ("Claim", "event"),
    "AchievementCompleted": ("Achievement", "gold"),
    "PointsAwarded": ("Points", "gold"),
    "PointsChanged": ("Points total", "quiet"),
    "PointsReported": ("Points webhook", "quiet"),
    "LevelChanged": ("Level", "gold"),
    "BoostStarted": ("Boost started", "time"),
    "BoostFinished": ("Boost finished", "time"),
    "ScoreChanged": ("Score", "board"),
    "RunStarted": ("Run started", "time"),
    "RunBecameFinal": ("Run final", "time"),
    "RunFinished": ("Run finished", "time"),
    "RecapDue": ("Recap", "time"),
    "ReactivationDue": ("Reactivation", "time"),
    "StreakReminderDue": ("Streak reminder", "time"),
    "AchievementMessageDue": ("Achievement message", "time"),
    "CatalogChanged": ("Catalog", "time"),
}


def kind_name(kind: str) -> str:
    """`StreakLost` as `Streak lost`; a kind that is not in the table by its own words."""
    known = KINDS.get(kind)
    return known[0] if known else re.sub(r"(?<!^)([A-Z])", lambda found: f" {found[1].lower()}", kind)


def kind_tone(kind: str) -> str:
    known = KINDS.get(kind)
    return known[1] if known else "quiet"


def address(view: str, **query: object) -> str:
    """Of a view, with what it is asked."""
    text = urlencode(given(query))
    return f"{HOME}/{view}".rstrip("/") + (f"?{text}" if text else "")


def parse_time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def when(text: str, zone: str = "UTC") -> str:
    """`1 Mar 2026, 12:00:00` in a zone."""
    return f"{parse_time(text).astimezone(zone_of(zone)):%-d %b %Y, %H:%M:%S}"


def clock_time(text: str, zone: str = "UTC") -> str:
    """`12:00:00` in a zone."""
    return f"{parse_time(text).astimezone(zone_of(zone)):%H:%M:%S}"


def weekday(text: str, zone: str = "UTC") -> str:
    """`Sun 1 Mar 2026` in a zone."""
    return f"{parse_time(text).astimezone(zone_of(zone)):%a %-d %b %Y}"


def day(text: str | None) -> str:
    """`1 Mar 2026`, of a date or a time."""
    return f"{date.fromisoformat(text[:10]):%-d %b %Y}" if text else "–"


def short_day(text: str) -> str:
    return f"{date.fromisoformat(text[:10]):%-d %b}"


def day_of(text: str, zone: str = "UTC") -> str:
    """`1 Mar` in a zone."""
    return f"{parse_time(text).astimezone(zone_of(zone)):%-d %b}"


def hour(text: str) -> str:
    """`Sun 12:00` of a time with its own offset."""
    return f"{parse_time(text):%a %H:%M}"


def zone_names() -> frozenset[str]:
    """All zones that there are, by their IANA names."""
    from mockserver.game.periods import zone_names as known

    return known()


def duration(minutes: int) -> str:
    """`3 h 20 min`."""
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if hours else f"{rest} min"


def zone_of(name: str) -> tzinfo:
    """A zone by its IANA name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def number(value: float | int | None) -> str:
    """`1,234.5`; a dash for nothing."""
    return "–" if value is None else f"{value:,}".replace("-", "−")


def signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−")


def plural(count: int, one: str, many: str | None = None) -> str:
    """`1 user`, `2 users`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def pretty(value: Any) -> str:
    """JSON to be read; a text that is none as it is."""
    if value is None:
        return ""
    return value if isinstance(value, str) else orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def curl(method: str, url: str, headers: dict[str, str], body: str | None = None) -> str:
    """A line for the shell."""
    parts = ["curl -s"] + ([f"-X {method}"] if method not in ("GET", "POST" if body else "GET") else [])
    parts += [f"-H {shlex.quote(f'{name}: {value}')}" for name, value in headers.items()]
    parts += [f"-d {shlex.quote(body)}"] if body else []
    return " ".join([*parts, shlex.quote(url)])


def python(method: str, url: str, headers: dict[str, str], body: Any = None) -> str:
    """A few lines for httpx."""
    lines = ["import httpx", "", "response = httpx.request(", f"    {method!r},", f"    {url!r},"]
    lines += [f"    headers={headers!r},"] + ([f"    json={body!r},"] if body is not None else [])
    return "\n".join([*lines, ")", "print(response.status_code, response.json())"])


def node(method: str, url: str, headers: dict[str, str], body: Any = None) -> str:
    """A few lines for Node's fetch."""
    options: dict[str, Any] = {"method": method, "headers": headers}
    text = orjson.dumps(options, option=orjson.OPT_INDENT_2).decode()
    if body is not None:
        text = text[:-2] + f",\n  body: JSON.stringify({orjson.dumps(body).decode()})\n}}"
    fetch = f"const response = await fetch({orjson.dumps(url).decode()}, {text});"
    return f"{fetch}\nconsole.log(response.status, await response.json());"

"""Streak stories of one sentence: where, when somebody was active, and what the streak is like then.

    In Asia/Tokyo, daily, 1 of 2 freezes: active 04-01 09:00, 04-02 23:59; on 04-03 08:00 length 2 since 04-01,
    period 04-02 to 04-02, expires 04-03, 1 freeze, history 1 2 0.

Moments are of 2025 and local for the user at that time, or UTC with a Z. A deed is `active <moment>`,
`minus <moment>` (the amount of two events is taken back) or `to <zone> <moment>`. In the history `*` marks a frozen
period.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from sample import BARE
from story import YEAR, Story, moment

from mockserver.game.catalog import Catalog, Freezes, Streak
from mockserver.game.periods import iso

SENTENCE = re.compile(
    r"In (?P<zone>[\w/]+), (?P<frequency>\w+)"
    r"(?:, (?P<initial>\d) of (?P<maximum>\d) freezes(?:, (?P<amount>\d) earned every (?P<interval>\d+) days)?)?"
    r": (?P<deeds>.+); on (?P<when>[\d :-]+Z?) length (?P<length>\d+)"
    r"(?: since (?P<started>[\d-]+), period (?P<first>[\d-]+) to (?P<last>[\d-]+), expires (?P<expires>[\d-]+))?"
    r"(?:, (?P<freezes>\d) freezes?)?, history (?P<history>[\d* ]+)\."
)


class Streaks(NamedTuple):
    """What a sentence says of a streak, and what it was found to be."""

    length: int
    started: str | None
    period: tuple[str, str] | None
    expires: str | None
    freezes: int | None
    history: str


def play(sentence: str) -> tuple[Streaks, Streaks]:
    """(as said, as found)."""
    found = SENTENCE.fullmatch(sentence)
    assert found, f"not a sentence about a streak: {sentence}"
    said = found.groupdict()
    deeds = [_deed(deed) for deed in found["deeds"].split(", ")]
    story = Story(_catalog(said), start=_first(deeds, found["zone"]))
    story.call("users_create", body={"id": "ann", "tz": said["zone"]})
    for what, when in deeds:
        story.pass_to(moment(when, story.zone_of("ann")))
        if what == "active":
            story.event("ann", "words", 1)
        elif what == "minus":
            story.event("ann", "words", -2)
        else:
            story.call("users_identify", id="ann", body={"tz": what.removeprefix("to ")})
    story.pass_to(moment(found["when"], story.zone_of("ann")))
    return _said(said), _found(story, len(found["history"].split()))


def _deed(deed: str) -> tuple[str, str]:
    """`active 04-02 09:00`; the verb may be left out after the first."""
    match = re.fullmatch(r"(active |minus |to [\w/]+ )?([\d-]+ [\d:]+Z?)", deed)
    assert match, f"not a deed: {deed}"
    return (match[1] or "active").strip(), match[2]


def _first(deeds: list[tuple[str, str]], tz: str) -> str:
    return iso(moment(deeds[0][1], tz)).removesuffix("Z").replace("T", " ")


def _catalog(said: dict[str, str | None]) -> Catalog:
    freezes = None
    if said["maximum"]:
        interval = int(said["interval"]) if said["interval"] else None
        freezes = Freezes(int(said["initial"] or 0), int(said["maximum"]), interval, int(said["amount"] or 1))
    return replace(BARE, streak=Streak(said["frequency"], freezes=freezes))  # type: ignore[arg-type]


def _said(said: dict[str, str | None]) -> Streaks:
    period = (_day(said["first"]), _day(said["last"])) if said["first"] else None
    freezes = int(said["freezes"]) if said["freezes"] else None
    return Streaks(
        int(said["length"] or 0),
        _day(said["started"]),
        period,  # type: ignore[arg-type]
        _day(said["expires"]),
        freezes,
        str(said["history"]),
    )


def _day(text: str | None) -> str | None:
    return f"{YEAR}-{text}" if text and len(text) == 5 else text


def _found(story: Story, periods: int) -> Streaks:
    streak = story.call("users_streak", id="ann", history_periods=periods)
    history = " ".join(f"{row['length']}{'*' * row.get('usedFreeze', 0)}" for row in streak["streakHistory"])
    period = (streak["periodStart"], streak["periodEnd"]) if streak["periodStart"] else None
    return Streaks(streak["length"], streak["started"], period, streak["expires"], streak.get("freezes"), history)

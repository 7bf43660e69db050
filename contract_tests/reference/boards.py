"""Leaderboards: values within a run, ranks, ties (section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from fractions import Fraction
from itertools import groupby
from math import floor
from typing import Any

from contract_tests.reference.calendar import run_of
from contract_tests.reference.user import User
from contract_tests.reference.world import ReferenceWorld

JSON = Any


@dataclass(frozen=True)
class Place:
    user: str
    rank: int
    value: int


def ranking(reference: ReferenceWorld, board: JSON, day: date, group: dict[str, str] | None = None) -> list[Place]:
    """All places in the run of a day (the last run, once the board is over); with breakdown those of one group."""
    run = run_of(board, min(day, date.fromisoformat(board["end"])) if board.get("end") else day)
    if run is None:
        return []
    rows = []
    for user in reference.users.values():
        takes_part = user.has(board.get("userAttributes")) and user.has(group)
        value, since = score(reference, board, user, run) if takes_part else (0, 0)
        if value > 0:
            rows.append((-value, since, user.id))
    most = board.get("maxParticipants") or 1000
    return [Place(id, rank, -value) for rank, (value, _, id) in enumerate(sorted(rows)[:most], 1)]


def score(reference: ReferenceWorld, board: JSON, user: User, run: tuple[date, date | None]) -> tuple[int, int]:
    """A user's value in a run, rounded down, and the number of the request that reached it."""
    if board["rankBy"] == "streak":
        return user.streak.length, user.streak.since
    total, value, since = Fraction(), 0, 0
    for number, rows in groupby(gains(board, user), key=lambda row: row[0]):
        for _, time, day, amount in rows:
            if run[0] <= day and (run[1] is None or day <= run[1]) and in_hours(board, user, time):
                total += amount
        if floor(total) != value:  # a request that leaves the value as it was does not count
            value, since = floor(total), number
    return value, since


def gains(board: JSON, user: User) -> list[tuple[int, datetime, date, Fraction]]:
    if board["rankBy"] == "metric":
        events = [event for event in user.events if event.metric == board["metricKey"]]
        return [(event.number, event.time, event.day, Fraction(event.value)) for event in events]
    rows = user.awards.get(board["pointsSystemKey"], ())
    return [(row.number, row.time, row.day, Fraction(row.awarded)) for row in rows]


def in_hours(board: JSON, user: User, time: datetime) -> bool:
    """Whether activity at this hour of the user's day counts."""
    if not board.get("startTime") and not board.get("endTime"):
        return True
    here = time.astimezone(user.zone)
    minute = timedelta(hours=here.hour, minutes=here.minute, seconds=here.second)
    return _clock(board.get("startTime"), "00:00") <= minute < _clock(board.get("endTime"), "24:00")


@dataclass(frozen=True)
class Move:
    """A user's new score in a run, which its first day names; `group`: the values of the breakdown, in its order."""

    number: int
    time: datetime
    run: date
    group: tuple[str, ...]
    user: str
    value: int


def moves(reference: ReferenceWorld, board: JSON) -> list[Move]:
    """All changes of scores on a board, in order; values are rounded down."""
    found = [
        Move(number, time, run, tuple(user.attributes[name] for name in names), user.id, value)
        for names in [board.get("breakdownAttributes") or []]
        for user in reference.users.values()
        if user.has(board.get("userAttributes")) and all(name in user.attributes for name in names)
        for number, time, run, value in _moves(board, user)
    ]
    return sorted(found, key=lambda move: move.number)


def _moves(board: JSON, user: User) -> Iterator[tuple[int, datetime, date, int]]:
    if board["rankBy"] == "streak":
        for number, time, length in user.streak.lengths:
            yield number, time, date.fromisoformat(board["start"]), length
        return
    totals: dict[date, Fraction] = {}
    for number, rows in groupby(gains(board, user), key=lambda row: row[0]):
        before: dict[date, int] = {}
        for _, time, day, amount in rows:
            run = run_of(board, day)
            if run is not None and in_hours(board, user, time):
                before.setdefault(run[0], floor(totals.get(run[0], 0)))
                totals[run[0]] = totals.get(run[0], Fraction()) + amount
        for first, value in before.items():
            if floor(totals[first]) != value:
                yield number, time, first, floor(totals[first])


@dataclass(frozen=True)
class Turn:
    """A change of a ranking: the places before and after one request, or one moment."""

    time: datetime
    run: date
    group: tuple[str, ...]
    before: dict[str, Place]
    after: dict[str, Place]


def turns(reference: ReferenceWorld, board: JSON) -> Iterator[Turn]:
    """All changes of places and values on a board, run by run and group by group."""
    found = moves(reference, board)
    for run, group in dict.fromkeys((move.run, move.group) for move in found):
        scores: dict[str, tuple[int, int]] = {}
        before: dict[str, Place] = {}
        here = [move for move in found if (move.run, move.group) == (run, group)]
        for _, rows in groupby(here, key=lambda move: move.number):
            for move in rows:
                scores[move.user] = (-move.value, move.number)
            order = sorted((*score, user) for user, score in scores.items() if score[0] < 0)
            most = board.get("maxParticipants") or 1000
            after = {user: Place(user, rank, -value) for rank, (value, _, user) in enumerate(order[:most], 1)}
            if after != before:
                yield Turn(move.time, run, group, before, after)
            before = after


def _clock(text: str | None, default: str) -> timedelta:
    hours, minutes = (text or default).split(":")
    return timedelta(hours=int(hours), minutes=int(minutes))

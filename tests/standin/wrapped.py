"""A user's year in review. Weeks begin on Mondays, as in the spec's example."""

from __future__ import annotations

import calendar
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from tests.standin.organisation import METRICS, POINTS
from tests.standin.shapes import achievement_of, board_of, user_row
from tests.standin.state import Event, State, User

Row = dict[str, Any]


def wrapped(state: State, user: User, year: int) -> Row:
    days = Counter(event.at.date() for event in user.events if event.at.year == year)
    weeks, months = by(days, monday), by(days, lambda day: day.replace(day=1))
    first = date(year, 1, 1)
    day, week, month = most(days, first), most(weeks, monday(first)), most(months, first)
    last = month.replace(day=calendar.monthrange(year, month.month)[1])
    whole = period(state, user, first, date(year, 12, 31))
    activity = {
        "daysActive": len(days),
        "weeksActive": len(weeks),
        "monthsActive": len(months),
        "mostActiveDay": {"date": day.isoformat(), **period(state, user, day, day)},
        "mostActiveWeek": {
            "start": week.isoformat(),
            "end": (week + timedelta(days=6)).isoformat(),
            **period(state, user, week, week + timedelta(days=6)),
        },
        "mostActiveMonth": {"month": month.month - 1, **period(state, user, month, last)},
        "entireYear": {**whole, "longestStreak": longest(state, user, year)},
    }
    return {"activity": activity, "user": user_row(user)}


def monday(day: date) -> date:
    return day - timedelta(days=day.weekday()) if day > date(1, 1, 7) else day


def by(days: Counter[date], start: Callable[[date], date]) -> Counter[date]:
    found: Counter[date] = Counter()
    for day, events in days.items():
        found[start(day)] += events
    return found


def most(counted: Counter[date], otherwise: date) -> date:
    return max(counted, key=lambda day: counted[day], default=otherwise)


def period(state: State, user: User, first: date, last: date) -> Row:
    """What happened from the one day to the other."""
    events = [event for event in user.events if first <= event.at.date() <= last]
    until = [event for event in user.events if event.at.date() <= last]
    metrics = {}
    for key, metric in METRICS.items():
        mine = [event for event in events if event.metric == key]
        if mine:
            total = sum(event.value for event in until if event.metric == key)
            metrics[key] = {**change(metric["name"], total, mine), "byAttribute": attributes(metric["name"], mine)}
    points = {}
    for key, system in POINTS.items():
        awards = [award for award in user.awards[key] if award["at"].date() <= last]
        gained = sum(award["awarded"] for award in awards if award["at"].date() >= first)
        if gained:
            total = sum(award["awarded"] for award in awards)
            points[key] = {"name": system["name"], "description": system["description"], "currentTotal": total}
            points[key] |= {"changeThisPeriod": gained, "percentChange": percent(gained, total)}
    done = [achievement_of(user, key) for key, at in user.done.items() if first <= at.date() <= last]
    boards = {}
    for key, board in state.boards.items():
        run = board.run()
        if events and run and board.place(user.id, user.attributes, run[0]).rank:
            boards[key] = board_of(board, user, run[0])
    return {"metrics": metrics, "points": points, "achievements": done, "leaderboards": boards}


def change(name: str, total: float, events: list[Event]) -> Row:
    gained = sum(event.value for event in events)
    return {
        "name": name,
        "units": None,
        "currentTotal": float(total),
        "changeThisPeriod": float(gained),
        "percentChange": percent(gained, total),
    }


def percent(gained: float, total: float) -> float:
    before = total - gained
    return gained / before * 100 if before else 100.0 if gained else 0.0


def attributes(name: str, events: list[Event]) -> Row:
    found: dict[str, dict[str, list[Event]]] = {}
    for event in events:
        for key, value in event.attributes.items():
            found.setdefault(key, {}).setdefault(value, []).append(event)
    return {
        key: {value: change(name, sum(e.value for e in mine), mine) for value, mine in values.items()}
        for key, values in found.items()
    }


def longest(state: State, user: User, year: int) -> Row:
    """The longest streak that a period of the year ends."""
    lengths = {day: state.length(user, day) for day in user.first_event if day.year == year}
    row: Row = {"frequency": state.period.frequency, "length": max(lengths.values(), default=0)}
    if not lengths:
        return row | dict.fromkeys(("periodStart", "periodEnd", "started"))
    last = max(lengths, key=lambda day: lengths[day])
    first = last
    while state.period.before(first) in user.first_event:
        first = state.period.before(first)
    row |= {"started": user.first_event[first].isoformat(), "periodStart": first.isoformat()}
    return row | {"periodEnd": state.period.end(last).isoformat()}

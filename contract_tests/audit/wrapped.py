"""Checks a user's Wrapped (section 9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

from contract_tests.audit.auditor import Auditor, when
from contract_tests.audit.boards import group_of
from contract_tests.audit.catalog import check_achievement, check_board
from contract_tests.reference import spans
from contract_tests.reference.boards import Place, ranking
from contract_tests.reference.calendar import Periods, run_of
from contract_tests.reference.user import User

JSON = Any
Changes = Callable[[User], spans.Changes]
WRAPPED = "users_wrapped"


def check_wrapped(auditor: Auditor, user: User, check_profile: Callable[..., None]) -> None:
    year = auditor.reference.today(user).year
    shown = auditor.call(WRAPPED, id=user.id, year=year)
    check_profile(auditor, WRAPPED, shown["user"], user)
    activity = shown["activity"]
    for field, value in spans.activity(auditor.reference, user, year).items():
        auditor.same(WRAPPED, field, activity[field], value, 9)
    best, week, month = (spans.busiest(auditor.reference, user, year, one) for one in ("daily", "weekly", "monthly"))
    week_end = Periods("weekly", auditor.reference.week_start).end(week)
    auditor.same(WRAPPED, "mostActiveDay.date", activity["mostActiveDay"]["date"], best.isoformat(), 9)
    shown_week = activity["mostActiveWeek"]["start"], activity["mostActiveWeek"]["end"]
    auditor.same(WRAPPED, "mostActiveWeek", shown_week, (week.isoformat(), week_end.isoformat()), 9)
    auditor.same(WRAPPED, "mostActiveMonth.month", activity["mostActiveMonth"]["month"], month.month - 1, 9)
    of = {
        "mostActiveDay": (best, best),
        "mostActiveWeek": (week, week_end),
        "mostActiveMonth": (month, Periods("monthly").end(month)),
        "entireYear": (date(year, 1, 1), date(year, 12, 31)),
    }
    for name, (first, last) in of.items():
        _Period(auditor, user, name, first, last).check(activity[name])
    _streak(auditor, user, activity["entireYear"]["longestStreak"])


def _streak(auditor: Auditor, user: User, shown: JSON) -> None:
    """Check the longest streak: the most counted periods in a row."""
    reference, runs = auditor.reference, list[list[date]]()
    for start, length in user.streak.counted.items():
        runs = [*runs, [start]] if length == 1 or not runs else [*runs[:-1], [*runs[-1], start]]
    longest = max(runs, key=len, default=[])
    first = longest[0].isoformat() if longest else None
    want = {"length": len(longest), "frequency": reference.streak["frequency"], "periodStart": first, "started": first}
    want["periodEnd"] = reference.periods.end(longest[-1]).isoformat() if longest else None
    for field, value in want.items():
        auditor.same(WRAPPED, f"longestStreak.{field}", shown[field], value, 9)


class _Period:
    """Check metrics, points, achievements and boards of a day, a week, a month or the whole year."""

    def __init__(self, auditor: Auditor, user: User, name: str, first: date, last: date) -> None:
        self.auditor, self.user, self.name, self.first, self.last = auditor, user, name, first, last

    def same(self, field: str, got: JSON, want: JSON) -> None:
        self.auditor.same(WRAPPED, f"{self.name}.{field}", got, want, 9)

    def check(self, shown: JSON) -> None:
        catalog = self.auditor.catalog
        for key, row in catalog["metrics"].items():
            fixed = {"name": row["name"], "units": row.get("units")}
            actual = shown["metrics"].get(key)
            self._change(f"metrics.{key}", actual, fixed, partial(spans.of_metric, metric=key))
            if actual is not None:
                self._by_attribute(key, actual, fixed)
        for key, row in catalog["points"].items():
            fixed = {"name": row["name"], "description": row.get("description")}
            self._change(
                f"points.{key}",
                shown["points"].get(key),
                fixed,
                partial(spans.of_points, system=key),
            )
        self._achievements(shown["achievements"])
        self._boards(shown["leaderboards"])

    def _change(self, field: str, shown: JSON, fixed: dict[str, JSON], changes: Changes) -> None:
        """Check that there are rows for what changed in the period, and for nothing else."""
        want = self._expected(changes)
        self.same(f"{field} is in the response", shown is not None, want is not None)
        for name, value in (fixed | (want or {})).items():
            if shown is not None and want is not None:
                self.same(f"{field}.{name}", shown.get(name), value)

    def _expected(self, changes: Changes) -> dict[str, JSON] | None:
        mine = spans.moved(changes(self.user), self.first, self.last)
        if mine is None:
            return None
        total = spans.until(changes(self.user), self.last)
        want: dict[str, JSON] = {"currentTotal": float(total), "changeThisPeriod": float(mine)}
        want["percentChange"] = spans.percent(total - mine, mine)
        if self.name != "mostActiveDay":
            users = self.auditor.reference.users.values()
            moved = [spans.moved(changes(user), self.first, self.last) for user in users]
            active = [one for one in moved if one is not None]
            want["percentileThisPeriod"] = sum(one <= mine for one in active) * 1000 // len(active) / 10
        return want

    def _by_attribute(self, metric: str, shown: JSON, fixed: dict[str, JSON]) -> None:
        mine = [event for event in self.user.events if event.metric == metric and self.first <= event.day <= self.last]
        pairs = dict.fromkeys(pair for event in mine for pair in event.attributes.items())
        actual = [(key, value) for key, rows in (shown.get("byAttribute") or {}).items() for value in rows]
        self.same(f"metrics.{metric}.byAttribute", sorted(actual), sorted(pairs))
        for key, value in pairs:
            if (key, value) in actual:
                field = f"metrics.{metric}.byAttribute.{key}.{value}"
                row = shown["byAttribute"][key][value]
                self._change(
                    field,
                    row,
                    fixed,
                    lambda user, key=key, value=value: [  # type: ignore[misc]
                        (event.day, event.value)
                        for event in user.events
                        if event.metric == metric and event.attributes.get(key) == value
                    ],
                )

    def _achievements(self, rows: JSON) -> None:
        by_name = {row["name"]: key for key, row in self.auditor.reference.achievements("active").items()}
        days = {key: at.astimezone(self.user.zone).date() for key, at in self.user.completed.items()}
        completed = [key for key, day in days.items() if self.first <= day <= self.last]
        names = sorted(by_name.get(row["name"], row["name"]) for row in rows)
        self.same("achievements", names, sorted(completed))
        dates = [moment for row in rows if (moment := when(row.get("achievedAt")))]
        self.same("order of achievements", dates, sorted(dates))
        for row in rows:
            if row["name"] in by_name:
                key = by_name[row["name"]]
                check_achievement(self.auditor, WRAPPED, key, row)
                self.same("achievedAt", when(row.get("achievedAt")), self.user.completed.get(key))

    def _boards(self, shown: JSON) -> None:
        """The best rank in any run that overlaps the period, the later one of two."""
        if not self.user.events:
            return
        for key, board in self.auditor.catalog["leaderboards"].items():
            if board["rankBy"] == "streak":
                continue
            best = self._best(board)
            self.same(f"leaderboards.{key} is in the response", key in shown, best is not None)
            if best is not None and key in shown:
                row, (place, first, last) = shown[key], best
                check_board(self.auditor, WRAPPED, key, row, dates=False)
                actual = (row["rank"], row["value"], row["start"], row["end"])
                want = (place.rank, place.value, first.isoformat(), last.isoformat() if last else None)
                self.same(f"leaderboards.{key}", actual, want)

    def _best(self, board: JSON) -> tuple[Place, date, date | None] | None:
        reference, group = self.auditor.reference, group_of(board, self.user)
        if board.get("breakdownAttributes") and group is None:
            return None
        best = None
        run = run_of(board, date.fromisoformat(board["start"]))
        while run is not None and run[0] <= min(self.last, reference.today(self.user) + timedelta(days=1)):
            if run[1] is None or run[1] >= self.first:
                places = {place.user: place for place in ranking(reference, board, run[0], group)}
                place = places.get(self.user.id)
                if place is not None and (best is None or place.rank <= best[0].rank):
                    best = place, *run
            run = run_of(board, run[1] + timedelta(days=1)) if run[1] else None
        return best

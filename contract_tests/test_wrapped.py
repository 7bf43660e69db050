"""Wrapped: the year retold, in agreement with everything that was told before."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day

pytestmark = pytest.mark.operations("users_wrapped")


def wrapped(stage: Stage, user: str, **arguments: Any) -> dict[str, Any]:
    found: dict[str, Any] = stage.get("users_wrapped", id=user, **arguments)
    return found


@rule("Wrapped agrees with the summaries of the same year", behaviour(9))
def test_wrapped_agrees_with_the_summaries(stage: Stage) -> None:
    metric, ann = stage.kit.streaking(), stage.user("ann")
    for value in (250, 500, 125.5):
        stage.event(ann, value, metric)
        if stage.control:
            stage.pass_time(days=3)
    year = stage.today().year
    activity = wrapped(stage, ann)["activity"]
    told = activity["entireYear"]["metrics"][metric]
    rows = stage.summary(ann, "daily", date(year, 1, 1), date(year, 12, 31), metric)
    changes = {day(row["date"]): row["change"] for row in rows if row["change"]}
    assert told["changeThisPeriod"] == float(sum(Decimal(str(v)) for v in changes.values()))
    assert told["currentTotal"] == stage.total(ann, metric)
    assert activity["daysActive"] == len(changes)
    assert activity["monthsActive"] == len({when.month for when in changes})
    assert activity["weeksActive"] == len({when - timedelta(days=(when.weekday() + 1) % 7) for when in changes})


@rule("The most active day, week and month hold the activity", behaviour(9))
def test_the_most_active_periods(stage: Stage) -> None:
    """Ann writes once on one day and three times on another."""
    metric, ann = stage.kit.streaking(), stage.user("ann")
    if stage.control:
        stage.event(ann, 500, metric)
        stage.pass_time(days=20)
    for _ in range(3):
        stage.event(ann, 100, metric)
    busy, activity = stage.today(), wrapped(stage, ann)["activity"]
    if not stage.control:
        assert abs((day(activity["mostActiveDay"]["date"]) - busy).days) <= 1
        return
    assert day(activity["mostActiveDay"]["date"]) == busy
    assert activity["mostActiveDay"]["metrics"][metric]["changeThisPeriod"] == 300
    week = activity["mostActiveWeek"]
    assert day(week["start"]) <= busy <= day(week["end"])
    assert (day(week["end"]) - day(week["start"])).days == 6
    assert activity["mostActiveMonth"]["month"] == busy.month - 1
    assert activity["daysActive"] == 2


@rule("Wrapped tells the achievements, points and streak of the year", behaviour(9))
def test_wrapped_tells_what_was_achieved(stage: Stage) -> None:
    metric, ann = stage.kit.streaking(), stage.user("ann", name="Ann")
    stage.event(ann, 100_000, metric)
    told = wrapped(stage, ann)
    assert told["user"] == stage.get("users_get", id=ann)
    year = told["activity"]["entireYear"]
    assert {row["id"] for row in year["achievements"]} == {row["id"] for row in stage.completed(ann)}
    for system, row in year["points"].items():
        total = stage.points(ann, system)["total"]
        assert (row["currentTotal"], row["changeThisPeriod"]) == (total, total)
    assert year["longestStreak"]["length"] == 1
    for key, row in year["leaderboards"].items():
        assert row["rank"] is not None
        assert row["rank"] == stage.place(ann, key)["rank"], f"on {key}"


@rule("Attributes break a metric down", "#/components/schemas/WrappedMetric/properties/byAttribute")
def test_wrapped_breaks_down_by_attribute(stage: Stage) -> None:
    key = stage.kit.need(stage.kit.event_attributes, "event attribute")[0]
    metric, ann = stage.kit.streaking(), stage.user("ann")
    stage.event(ann, 100, metric, attributes={key: "one"})
    stage.event(ann, 50, metric, attributes={key: "two"})
    stage.event(ann, 25, metric, attributes={key: "one"})
    told = wrapped(stage, ann)["activity"]["entireYear"]["metrics"][metric]
    parts = {value: row["changeThisPeriod"] for value, row in told["byAttribute"][key].items()}
    assert parts == {"one": 125, "two": 50}
    assert told["changeThisPeriod"] == 175


@rule("A user without activity has an empty year", behaviour(9))
def test_an_empty_year(stage: Stage) -> None:
    activity = wrapped(stage, stage.user("ann"))["activity"]
    assert (activity["daysActive"], activity["weeksActive"], activity["monthsActive"]) == (0, 0, 0)
    assert activity["entireYear"]["longestStreak"]["length"] == 0
    assert activity["entireYear"]["achievements"] == []


@rule("The year lies between 1 and the current one", "users_wrapped, parameter year")
def test_the_year_is_bounded(stage: Stage) -> None:
    ann, year = stage.user("ann"), stage.today().year
    stage.event(ann, 10)
    assert wrapped(stage, ann, year=year) == wrapped(stage, ann)
    assert wrapped(stage, ann, year=year - 1)["activity"]["daysActive"] == 0
    stage.refused("users_wrapped", id=ann, year=year + 2)
    stage.refused("users_wrapped", id=ann, year=0)


@rule("The percentage is the change relative to the total before", behaviour(9, "spec"), choice=True)
def test_the_percentage_is_relative_to_before(stage: Stage) -> None:
    """3000 last year, 2000 this year: 66.6 percent."""
    metric, ann = stage.kit.streaking(), stage.user("ann")
    stage.event(ann, 3000, metric)
    stage.clock.advance(to="2026-02-01T12:00:00.000Z")
    stage.event(ann, 2000, metric)
    told = wrapped(stage, ann)["activity"]["entireYear"]["metrics"][metric]
    assert (told["currentTotal"], told["changeThisPeriod"], told["percentChange"]) == (5000, 2000, 66.6)
    before = wrapped(stage, ann, year=2025)["activity"]["entireYear"]["metrics"][metric]
    assert (before["currentTotal"], before["percentChange"]) == (3000, 100)

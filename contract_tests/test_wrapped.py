"""Wrapped: the summary of a year, in agreement with all other operations."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day

pytestmark = pytest.mark.operations("users_wrapped")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


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
    actual = activity["entireYear"]["metrics"][metric]
    rows = stage.summary(ann, "daily", date(year, 1, 1), date(year, 12, 31), metric)
    changes = {day(row["date"]): row["change"] for row in rows if row["change"]}
    assert actual["changeThisPeriod"] == float(sum(Decimal(str(v)) for v in changes.values()))
    assert actual["currentTotal"] == stage.total(ann, metric)
    assert activity["daysActive"] == len(changes)
    assert activity["monthsActive"] == len({when.month for when in changes})
    first = WEEKDAYS.index(stage.kit.settings.get("weekStart", "sunday"))
    assert activity["weeksActive"] == len({when - timedelta(days=(when.weekday() - first) % 7) for when in changes})


@rule("The most active day, week and month contain the activity", behaviour(9))
def test_the_most_active_periods(stage: Stage) -> None:
    """One event on one day and three on another."""
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


@rule("Wrapped has the achievements, points and streak of the year", behaviour(9))
def test_wrapped_has_what_was_achieved(stage: Stage) -> None:
    metric, ann = stage.kit.streaking(), stage.user("ann", name="Ann")
    stage.event(ann, stage.kit.large, metric)
    actual = wrapped(stage, ann)
    assert stage.known(actual["user"]) == stage.known(stage.get("users_get", id=ann))
    year = actual["activity"]["entireYear"]
    assert {row["id"] for row in year["achievements"]} == {row["id"] for row in stage.completed(ann)}
    for system, row in year["points"].items():
        total = stage.points(ann, system)["total"]
        assert (row["currentTotal"], row["changeThisPeriod"]) == (total, total)
    assert year["longestStreak"]["length"] == 1
    for key, row in year["leaderboards"].items():
        assert row["rank"] is not None
        assert row["rank"] == stage.place(ann, key)["rank"], f"on {key}"


@rule(
    "A user who did more has the higher percentile",
    "#/components/schemas/WrappedMetric/properties/percentileThisPeriod",
)
def test_more_is_a_higher_percentile(stage: Stage) -> None:
    metric, ann, ben = stage.kit.streaking(), stage.user("ann"), stage.user("ben")
    stage.event(ann, 10, metric)
    stage.event(ben, 100_000, metric)
    for period in ("mostActiveWeek", "mostActiveMonth", "entireYear"):
        less, more = (
            wrapped(stage, user)["activity"][period]["metrics"][metric].get("percentileThisPeriod")
            for user in (ann, ben)
        )
        if less is not None and more is not None:
            assert less <= more, f"{period}: 10 are at {less}, 100,000 at {more}"
            assert less < more or not stage.fresh, f"{period}: 10 and 100,000 are both at {less}"


@rule("Wrapped breaks a metric down by attributes", "#/components/schemas/WrappedMetric/properties/byAttribute")
def test_wrapped_breaks_down_by_attribute(stage: Stage) -> None:
    key = stage.kit.need(stage.kit.event_attributes, "event attribute")[0]
    metric, ann = stage.kit.streaking(), stage.user("ann")
    stage.event(ann, 100, metric, attributes={key: "one"})
    stage.event(ann, 50, metric, attributes={key: "two"})
    stage.event(ann, 25, metric, attributes={key: "one"})
    actual = wrapped(stage, ann)["activity"]["entireYear"]["metrics"][metric]
    parts = {value: row["changeThisPeriod"] for value, row in actual["byAttribute"][key].items()}
    assert parts == {"one": 125, "two": 50}
    assert actual["changeThisPeriod"] == 175


@rule("A user without activity has an empty year", behaviour(9))
def test_an_empty_year(stage: Stage) -> None:
    activity = wrapped(stage, stage.user("ann"))["activity"]
    assert (activity["daysActive"], activity["weeksActive"], activity["monthsActive"]) == (0, 0, 0)
    assert activity["entireYear"]["longestStreak"]["length"] == 0
    assert activity["entireYear"]["achievements"] == []
    assert day(activity["mostActiveDay"]["date"]).year == stage.today().year, "a day outside the year"


@rule("The year is between 1 and the current year", "users_wrapped, parameter year")
def test_the_year_is_bounded(stage: Stage) -> None:
    ann, year = stage.user("ann"), stage.today().year
    stage.event(ann, 10)
    assert wrapped(stage, ann, year=year) == wrapped(stage, ann)
    assert wrapped(stage, ann, year=year - 1)["activity"]["daysActive"] == 0
    stage.refused("users_wrapped", id=ann, year=year + 2)
    stage.refused("users_wrapped", id=ann, year=0)


@rule("The percentage is relative to the total before", behaviour(9, "spec"), choice=True)
def test_the_percentage_is_relative_to_before(stage: Stage) -> None:
    """3000 last year, 2000 this year: 66.6 percent."""
    metric, ann = stage.kit.streaking(), stage.user("ann")
    stage.event(ann, 3000, metric)
    stage.clock.advance(to="2026-02-01T12:00:00.000Z")
    stage.event(ann, 2000, metric)
    actual = wrapped(stage, ann)["activity"]["entireYear"]["metrics"][metric]
    assert (actual["currentTotal"], actual["changeThisPeriod"], actual["percentChange"]) == (5000, 2000, 66.6)
    before = wrapped(stage, ann, year=2025)["activity"]["entireYear"]["metrics"][metric]
    assert (before["currentTotal"], before["percentChange"]) == (3000, 100)


CATALOG = """
name = "A year"

[metrics.steps]
name = "Steps"

[streak]
frequency = "daily"

[achievements.first]
name = "First"
trigger = "metric"
metricKey = "steps"
metricValue = 10

[achievements.second]
name = "Second"
trigger = "metric"
metricKey = "steps"
metricValue = 1000

[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 1
points = 2

[leaderboards.daily]
name = "Daily"
rankBy = "metric"
metricKey = "steps"
start = "2025-01-01"
runUnit = "day"
runInterval = 1
"""


def live_through_a_year(stage: Stage) -> tuple[str, str, str]:
    """Ann has a streak of 3 in March and is most active on Easter Sunday in April; Ben overtakes her on the Tuesday."""
    ann, ben, cleo = stage.user("ann"), stage.user("ben"), stage.user("cleo")
    for _ in range(3):
        stage.event(ann, 100, "steps")
        stage.next_day()
    story = [
        ("2025-04-10", [(ann, 7)]),
        ("2025-04-20", [(ann, 50), (ann, 50), (ann, 50)]),
        ("2025-04-22", [(ben, 500), (ann, 20), (cleo, 1)]),
        ("2025-12-31", []),
    ]
    for when, events in story:
        stage.clock.advance(to=f"{when}T12:00:00.000Z")
        for user, value in events:
            stage.event(user, value, "steps")
    return ann, ben, cleo


@rule("Each period of Wrapped has its own changes of metrics and points", behaviour(9), choice=True)
def test_each_period_has_its_own_change(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann, _, _ = live_through_a_year(stage)
    activity = wrapped(stage, ann)["activity"]
    week = activity["mostActiveWeek"]
    assert activity["mostActiveDay"]["date"] == "2025-04-20"
    assert (week["start"], week["end"]) == ("2025-04-20", "2025-04-26"), "weeks begin on Sunday"
    assert activity["mostActiveMonth"]["month"] == 3
    changes = {"mostActiveDay": 150, "mostActiveWeek": 170, "mostActiveMonth": 177, "entireYear": 477}
    totals = {"mostActiveDay": 457, "mostActiveWeek": 477, "mostActiveMonth": 477, "entireYear": 477}
    for period, change in changes.items():
        steps, points = activity[period]["metrics"]["steps"], activity[period]["points"]["xp"]
        assert (steps["changeThisPeriod"], steps["currentTotal"]) == (change, totals[period]), f"steps of {period}"
        assert points["changeThisPeriod"] == 2 * change, f"points of {period}"
        assert points["currentTotal"] == 2 * totals[period], f"points of {period}"


@rule("The longest streak of a year is the longest one in it, not the current one", behaviour(9))
def test_the_longest_streak_of_a_year(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann, _, _ = live_through_a_year(stage)
    assert stage.streak(ann)["length"] == 0
    longest = wrapped(stage, ann)["activity"]["entireYear"]["longestStreak"]
    assert longest["length"] == 3, f"three days in March, wrapped says {longest['length']}"
    assert (longest["started"], longest["periodEnd"]) == ("2025-03-12", "2025-03-14")


@rule("A percentile is the share of the active users with a smaller or equal change", behaviour(9), choice=True)
def test_percentiles_are_shares(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    users = live_through_a_year(stage)
    for period in ("mostActiveWeek", "mostActiveMonth", "entireYear"):
        rows = [wrapped(stage, user)["activity"][period] for user in users]
        assert [row["metrics"]["steps"]["percentileThisPeriod"] for row in rows] == [66.6, 100, 33.3], period
        assert [row["points"]["xp"]["percentileThisPeriod"] for row in rows] == [66.6, 100, 33.3], period


@rule("Wrapped has the best rank of the year", "#/components/schemas/WrappedActivityPeriod/properties/leaderboards")
def test_the_best_rank_of_a_year(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann, _, _ = live_through_a_year(stage)
    assert stage.place(ann, "daily", run="2025-04-22")["rank"] == 2
    year = wrapped(stage, ann)["activity"]["entireYear"]
    assert year["leaderboards"]["daily"]["rank"] == 1, "she was first on four days"


@rule("A year has the achievements completed in it", behaviour(9))
def test_a_year_has_its_own_achievements(stages: Stages) -> None:
    stage = stages.new(catalog=CATALOG)
    ann, _, _ = live_through_a_year(stage)
    stage.clock.advance(to="2026-01-02T12:00:00.000Z")
    stage.event(ann, 1000, "steps")
    actual = {
        year: [row["name"] for row in wrapped(stage, ann, year=year)["activity"]["entireYear"]["achievements"]]
        for year in (2025, 2026)
    }
    assert actual == {2025: ["First"], 2026: ["Second"]}

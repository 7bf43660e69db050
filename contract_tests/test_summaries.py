"""Summaries by day, week and month, which add up to the same total."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day
from contract_tests.test_metrics import send_events

pytestmark = pytest.mark.operations("metrics_", "users_metric_event_summary", "users_points_event_summary")


def sums(rows: list[dict[str, object]]) -> float:
    return float(sum(Decimal(str(row["change"])) for row in rows))


@rule("The daily summary adds up to the total", "users_metric_event_summary, its schema")
def test_a_daily_summary_adds_up(stage: Stage) -> None:
    ann = stage.user("ann")
    send_events(stage, ann, 5, 7.5)
    today = stage.today()
    start, end = today - timedelta(days=9), today + timedelta(days=2)
    rows = stage.summary(ann, "daily", start, end)
    dates = [day(row["date"]) for row in rows]
    assert dates == sorted(set(dates)), "days are out of order, or there twice"
    assert all(start <= when <= end for when in dates), f"days outside of {start} to {end}: {dates}"
    assert sums(rows) == 12.5 == stage.total(ann)
    check_running(rows, 0)
    written = [row for row in rows if row["change"]]
    assert len(written) == 1, "the events of one moment are on several days"
    assert abs(day(written[0]["date"]) - today) <= timedelta(days=1)


@rule("The daily summary has a row for every day", behaviour(4, "seen"), choice=True)
def test_a_daily_summary_is_complete(stage: Stage) -> None:
    ann = stage.user("ann")
    send_events(stage, ann, 5)
    start = stage.today() - timedelta(days=9)
    rows = stage.summary(ann, "daily", start, start + timedelta(days=11))
    assert [day(row["date"]) for row in rows] == [start + timedelta(days=n) for n in range(12)]
    assert rows[0]["total"] == 0


def check_running(rows: list[dict[str, float]], before: float) -> None:
    """Each row's total is the total before plus its change."""
    total = Decimal(str(before))
    for row in rows:
        total += Decimal(str(row["change"]))
        assert row["total"] == float(total), f"{row['date']}: total {row['total']}, expected {total}"


@rule("A summary is up to date right after an event", behaviour(4))
def test_a_summary_is_never_stale(stage: Stage) -> None:
    ann, today = stage.user("ann"), stage.today()
    span = (today - timedelta(days=2), today + timedelta(days=2))
    for count in (1, 2, 3):
        stage.event(ann, 10)
        assert sums(stage.summary(ann, "daily", *span)) == 10 * count


@rule("Daily, weekly and monthly summaries agree with each other and the total", behaviour(4, "spec"))
def test_the_aggregations_agree(stage: Stage) -> None:
    ann, today = stage.user("ann"), stage.today()
    send_events(stage, ann, 5, -2, 11)
    for aggregation in ("daily", "weekly", "monthly"):
        rows = stage.summary(ann, aggregation, today - timedelta(days=60), today + timedelta(days=1))
        dates = [day(row["date"]) for row in rows]
        assert dates == sorted(set(dates)), f"{aggregation} rows are not in order"
        assert sums(rows) == 14 == stage.total(ann), f"{aggregation} adds up to {sums(rows)}"
        check_running(rows, 0)
        steps = {(later - earlier).days for earlier, later in itertools.pairwise(dates)}
        allowed = {"daily": {1}, "weekly": {7}, "monthly": {28, 29, 30, 31}}[aggregation]
        if stage.control is not None:  # elsewhere periods without events may be left out
            assert steps <= allowed, f"{aggregation} rows are {steps} days apart"


@rule("Each day's events are on that day, and weeks and months add them up", behaviour(4, "spec"))
def test_summaries_over_several_weeks(stage: Stage) -> None:
    ann = stage.user("ann")
    written = events_for_weeks(stage, ann)
    first, last = min(written) - timedelta(days=3), max(written) + timedelta(days=3)
    daily = stage.summary(ann, "daily", first, last)
    assert {day(row["date"]): row["change"] for row in daily if row["change"]} == written
    check_running(daily, 0)
    for aggregation in ("weekly", "monthly"):
        rows = stage.summary(ann, aggregation, first, last)
        check_running(rows, 0)
        check_periods(rows, written, aggregation)


def events_for_weeks(stage: Stage, user: str) -> dict[date, int]:
    """Events on some days of four weeks, and on each day of one week, so that weeks have a first and a last day."""
    written = {}
    for number, days in enumerate((0, 1, 6, 1, 1, 1, 1, 1, 1, 14)):
        if days:
            stage.pass_time(days=days)
        value = -5 if number == 4 else 2**number
        stage.event(user, value)
        written[stage.today()] = value
    return written


def check_periods(rows: list[dict[str, Any]], written: Mapping[date, int], aggregation: str) -> None:
    """Each row has what was written from its date to the next row's."""
    starts = [day(row["date"]) for row in rows]
    for row, start, after in zip(rows, starts, [*starts[1:], date.max], strict=True):
        inside = sum(value for when, value in written.items() if start <= when < after)
        assert row["change"] == inside, f"{aggregation} from {start}: {row['change']}, expected {inside}"


@rule("Totals in a summary include what happened before the range", behaviour(4, "spec"))
def test_a_range_may_begin_after_the_first_event(stage: Stage) -> None:
    ann, written = stage.user("ann"), {}
    for value in (10, 20, 40):
        stage.event(ann, value)
        written[stage.today()] = value
        stage.pass_time(days=40)
    (_, second, third), last = written, stage.today()
    for aggregation in ("daily", "weekly", "monthly"):
        rows = stage.summary(ann, aggregation, second - timedelta(days=8), last)
        assert rows[0]["total"] - rows[0]["change"] == 10, f"{aggregation}: {rows[0]}, 10 were written before"
        check_running(rows, 10)
        rows = stage.summary(ann, aggregation, third + timedelta(days=35), last)
        assert rows[-1]["total"] == 70, f"{aggregation}: the last total is {rows[-1]['total']}, she has 70"


@rule("Weeks and months at the edge of the range are returned whole", behaviour(4, "choice"), choice=True)
def test_periods_at_the_edge_are_whole(stage: Stage) -> None:
    ann = stage.user("ann")
    written = events_for_weeks(stage, ann)
    begin = min(written) + timedelta(days=5)
    for shift in range(7):
        start = begin + timedelta(days=shift)
        rows = stage.summary(ann, "weekly", start, start + timedelta(days=7))
        assert day(rows[0]["date"]) > start - timedelta(days=7), "the first week is not the one of startDate"
        for row in rows:
            inside = sum(written.get(day(row["date"]) + timedelta(days=n), 0) for n in range(7))
            assert row["change"] == inside, f"the week of {row['date']}: {row['change']}, expected {inside}"
    march = stage.summary(ann, "monthly", begin, begin + timedelta(days=2))
    inside = sum(value for when, value in written.items() if when.month == begin.month)
    assert [row["change"] for row in march] == [inside], "a month is cut to the range"


@rule("Days are days in the user's time zone", behaviour(4, "choice"))
def test_summaries_follow_the_users_zone(stage: Stage) -> None:
    """At noon UTC it is tomorrow on Kiritimati and still today in Pago Pago."""
    for zone, shift in (("Pacific/Kiritimati", 1), ("Pacific/Pago_Pago", 0)):
        assert stage.clock
        user, today = stage.user("ann", tz=zone), stage.today()
        stage.event(user, 5)
        rows = stage.summary(user, "daily", today - timedelta(days=2), today + timedelta(days=2))
        found = [day(row["date"]) for row in rows if row["change"]]
        assert found == [today + timedelta(days=shift)], f"in {zone} the event is on {found}"


@rule(
    "startDate is before endDate, by at most 400 days",
    "#/paths/~1users~1{id}~1metrics~1{key}~1event-summary/get/parameters",
)
@pytest.mark.parametrize("operation", ["users_metric_event_summary", "users_points_event_summary"])
def test_the_range_of_a_summary_is_bounded(stage: Stage, operation: str) -> None:
    key = stage.kit.metric() if "metric" in operation else stage.kit.need(list(stage.kit.points), "points system")[0]
    ann = stage.user("ann")
    start = date(2025, 1, 1)

    def arguments(days: int) -> dict[str, object]:
        end = start + timedelta(days=days)
        return {"id": ann, "key": key, "aggregation": "daily", "startDate": start, "endDate": end}

    for days in (-1, 401, 4000):
        stage.refused(operation, **arguments(days))
    for days in (1, 399):
        rows = stage.get(operation, **arguments(days))
        assert stage.control is None or len(rows) == days + 1


@rule("Equal dates are refused, and a range of 400 days is accepted", behaviour(4, "spec"), choice=True)
def test_the_exact_bounds_of_a_range(stage: Stage) -> None:
    ann, start = stage.user("ann"), date(2025, 1, 1)
    arguments = {"id": ann, "key": stage.kit.metric(), "aggregation": "daily", "startDate": start}
    stage.refused("users_metric_event_summary", endDate=start, **arguments)
    rows = stage.get("users_metric_event_summary", endDate=start + timedelta(days=400), **arguments)
    assert len(rows) == 401

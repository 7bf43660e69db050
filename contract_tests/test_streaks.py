"""Streaks: one period at a time, in the user's own days, the same in all operations."""

from __future__ import annotations

import itertools
import math
from datetime import timedelta
from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day, moment

pytestmark = pytest.mark.operations("streaks_", "users_streak", "metrics_event")
#: The most days that a scenario waits for a freeze, and the most freezes that it counts.
LONG, MANY_FREEZES = 400, 10
#: Days of the scenarios in which no freeze may be earned.
SCENARIO_DAYS = 5


def extend_streak(stage: Stage, user: str) -> dict[str, Any]:
    """Send an event that extends the streak, unless the day has extended it already. Returns the streak."""
    found: dict[str, Any] = stage.extend(user)["currentStreak"]
    return found


def daily(stage: Stage) -> None:
    """Skips unless each day extends the streak and the clock can be moved."""
    each_day(stage)
    assert stage.clock


def each_day(stage: Stage) -> None:
    """Skips unless each day extends the streak."""
    stage.kit.streaking()
    if (stage.kit.streak or {}).get("frequency") != "daily":
        pytest.skip("the target's streak is not daily")
    if stage.kit.settings.get("daysOff"):
        pytest.skip("the target's streak has days off")


def without_freezes(stage: Stage, streak: dict[str, Any]) -> None:
    """Skips if a new user has freezes, or earns one within the days of a scenario."""
    if streak.get("freezes") or earns_at_once(stage):
        pytest.skip("the target gives freezes at once")


def earns_at_once(stage: Stage) -> bool:
    interval = (stage.kit.streak or {}).get("freezeAutoEarnInterval")
    return interval is not None and interval <= SCENARIO_DAYS


@rule("The first event starts a streak of 1, and more events on the same day do not extend it", behaviour(5))
def test_the_first_event_starts_a_streak(stage: Stage) -> None:
    ann = stage.user("ann")
    fresh = stage.streak(ann)
    assert fresh["length"] == 0
    assert (fresh["started"], fresh["periodStart"], fresh["periodEnd"], fresh["expires"]) == (None,) * 4
    first, second = extend_streak(stage, ann), extend_streak(stage, ann)
    assert (first["length"], first["extended"]) == (1, True)
    assert (second["length"], second["extended"]) == (1, False)


@rule("The streak in the response to an event is the user's streak", behaviour(5))
def test_all_operations_agree_about_a_streak(stage: Stage) -> None:
    ann = stage.user("ann")
    streak = extend_streak(stage, ann)
    read = stage.streak(ann)
    for name in streak.keys() - {"extended"}:
        assert read.get(name) == streak[name], f"{name}: the event says {streak[name]}, reading says {read.get(name)}"
    listed = stage.get("streaks_list", userIds=[ann])
    assert [(row["userId"], row["streakLength"]) for row in listed] == [(ann, read["length"])]
    extended = listed[0]["extended"]
    assert extended is not None
    assert abs(moment(extended) - stage.now()) < timedelta(hours=1), f"extended {extended}, it is {stage.now()}"


@rule("A daily streak that was extended today lasts until tomorrow", "#/components/schemas/BaseStreakResponse")
def test_the_dates_of_a_streak(stage: Stage) -> None:
    each_day(stage)
    streak, today = extend_streak(stage, stage.user("ann")), stage.today()
    start = day(streak["periodStart"])
    assert (streak["started"], streak["periodEnd"]) == (streak["periodStart"],) * 2
    assert abs(start - today) <= timedelta(days=1), f"it is {today} (UTC), the period began {start}"
    assert day(streak["expires"]) > start, "it expires on the day that extended it"
    if stage.control is not None:
        assert start == today
        assert day(streak["expires"]) == today + timedelta(days=1)


@rule("The history has the requested number of periods, oldest first, the current one last", behaviour(5, "seen"))
def test_the_history_is_complete(stage: Stage) -> None:
    ann = stage.user("ann")
    assert len(stage.streak(ann)["streakHistory"]) == 7
    extend_streak(stage, ann)
    for periods in (1, 3, 30):
        rows = stage.streak(ann, historyPeriods=periods)["streakHistory"]
        assert len(rows) == periods, f"{len(rows)} periods, asked for {periods}"
        for row, after in itertools.pairwise(rows):
            assert day(row["periodEnd"]) + timedelta(days=1) == day(after["periodStart"]), "periods leave a gap"
        assert rows[-1]["length"] == 1, "the present period does not show the streak"
        assert all(row["length"] == 0 for row in rows[:-1])


@rule("historyPeriods is a positive number", behaviour(5, "choice"), choice=True)
def test_the_history_is_bounded(stage: Stage) -> None:
    ann = stage.user("ann")
    for wrong in (0, -1, 366):
        stage.refused("users_streak", id=ann, historyPeriods=wrong)
    assert len(stage.streak(ann, historyPeriods=365)["streakHistory"]) == 365


@rule("/streaks returns the requested users, longest streak first", "streaks_list")
def test_streaks_are_listed_longest_first(stage: Stage) -> None:
    ann, ben, cleo = stage.user("ann"), stage.user("ben"), stage.user("cleo")
    extend_streak(stage, ben)
    rows = stage.get("streaks_list", userIds=[ann, ben, cleo])
    assert {row["userId"] for row in rows} == {ann, ben, cleo}
    assert rows[0]["userId"] == ben
    lengths = [row["streakLength"] for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert all((row["extended"] is None) == (row["streakLength"] == 0) for row in rows)


@rule("/streaks returns each user once and leaves out unknown users", behaviour(5, "choice"), choice=True)
def test_streaks_leave_out_the_unknown(stage: Stage) -> None:
    ann, ben = stage.user("ann"), stage.user("ben")
    rows = stage.get("streaks_list", userIds=[ben, "nobody", ann, ben])
    assert [row["userId"] for row in rows] == [ben, ann]
    rows = stage.get("streaks_list", userIds=f"{ben},{ann}")
    assert [row["userId"] for row in rows] == [ben, ann]


@rule("/streaks takes up to 100 users", "streaks_list, parameter userIds")
def test_streaks_take_a_hundred_users(stage: Stage) -> None:
    ann = stage.user("ann")
    extend_streak(stage, ann)
    others = [f"{ann}-{n}" for n in range(100)]
    rows = stage.get("streaks_list", userIds=[ann, *others[:99]])
    assert ann in [row["userId"] for row in rows]
    stage.refused("streaks_list", userIds=[ann, *others])


@rule("Streak rankings are ordered by length and limited", "streaks_rankings")
@pytest.mark.parametrize("kind", ["active", "longest"])
def test_rankings_are_ordered(stage: Stage, kind: str) -> None:
    users = [stage.user(word, name=word) for word in ("ann", "ben", "cleo")]
    for user in users:
        extend_streak(stage, user)
    rows = stage.get("streaks_rankings", type=kind, limit=100)
    lengths = [row["streakLength"] for row in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert len({row["userId"] for row in rows}) == len(rows), "somebody is ranked twice"
    assert all(length > 0 for length in lengths), "users without a streak are ranked"
    assert len(stage.get("streaks_rankings", type=kind, limit=2)) == 2
    assert rows[:2] == stage.get("streaks_rankings", type=kind, limit=2)
    if stage.fresh:
        assert [(row["userId"], row["name"]) for row in rows] == [
            (u, n) for u, n in zip(users, ("ann", "ben", "cleo"), strict=True)
        ]


@rule("Streak rankings show the user's current name", "#/components/schemas/StreakRankingUser/properties/name")
def test_rankings_show_new_names(stage: Stage) -> None:
    ann = stage.user("ann", name="Ann")
    extend_streak(stage, ann)

    def names() -> list[str]:
        rows = stage.get("streaks_rankings", type="active", limit=100)
        return [row["name"] for row in rows if row["userId"] == ann]

    if not stage.fresh and not names():
        pytest.skip("the rankings are full of longer streaks")
    assert names() == ["Ann"]
    stage.get("users_update", id=ann, body={"name": "Ann the Great"})
    assert names() == ["Ann the Great"], f"renamed, and the rankings say {names()}"


@rule("An event that only subtracts extends no streak", behaviour(5, "choice"))
def test_a_negative_event_starts_no_streak(stage: Stage) -> None:
    ann = stage.user("ann")
    streak = stage.event(ann, -5, stage.kit.streaking())["currentStreak"]
    assert (streak["length"], streak["extended"]) == (0, False)


@rule("A later negative event does not undo the day", behaviour(5, "choice"), choice=True)
def test_a_counted_day_stays_counted(stage: Stage) -> None:
    ann = stage.user("ann")
    extend_streak(stage, ann)
    assert stage.event(ann, -1000, stage.kit.streaking())["currentStreak"]["length"] == 1


# Tests that need a clock that can be moved


@rule("Each day with activity extends a daily streak by one", behaviour(5))
def test_a_streak_grows_by_one_each_day(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    began = stage.today()
    for length in range(1, 6):
        streak = extend_streak(stage, ann)
        assert (streak["length"], streak["extended"]) == (length, True)
        assert day(streak["started"]) == began, "`started` moved"
        assert extend_streak(stage, ann)["extended"] is False
        stage.next_day()
    history = stage.streak(ann)["streakHistory"]
    assert [row["length"] for row in history] == [0, 1, 2, 3, 4, 5, 0], "the running length of each day"


def wait_until_lost(stage: Stage, user: str) -> None:
    """Let periods pass without activity until all freezes are used and the streak is lost."""
    streak = stage.kit.streak or {}
    period = {"daily": 1, "weekly": 7}.get(streak["frequency"], 31)
    earned = period * (streak.get("freezeAutoEarnAmount") or 0) / (streak.get("freezeAutoEarnInterval") or 1)
    if earned >= 1:
        pytest.skip("the target's freezes keep a streak for ever")
    # Two periods end a streak; each freeze covers one, and others are earned meanwhile.
    most = math.ceil((streak.get("maxFreezes") or 0) / (1 - earned)) + 3
    stage.skip_if_longer(most)
    for _ in range(most):
        stage.next_period()
        if stage.streak(user)["length"] == 0:
            return
    raise AssertionError(f"after {most} periods without activity the streak goes on")


def let_a_day_pass(stage: Stage, user: str) -> dict[str, Any]:
    """Let a whole day pass without activity. Returns the streak."""
    stage.next_day()
    stage.next_day()
    return dict(stage.streak(user))


@rule("A missed day breaks the streak of a user without freezes", behaviour(5))
def test_a_missed_day_breaks_the_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_streak(stage, ann)
    without_freezes(stage, stage.streak(ann))
    stage.next_day()
    assert stage.streak(ann)["length"] == 1, "the streak is lost before its last day is over"
    stage.next_day()
    lost = stage.streak(ann)
    assert lost["length"] == 0, "a day was missed, and the streak goes on"
    assert (lost["started"], lost["expires"]) == (None, None)
    shown = [row["length"] for row in lost["streakHistory"]]
    assert shown == [0, 0, 0, 0, 1, 0, 0], f"the history of a lost streak is {shown}"
    assert (extend_streak(stage, ann))["length"] == 1
    again = stage.streak(ann)
    assert day(again["started"]) == stage.today(), f"a new streak says that it started {again['started']}"
    listed = stage.get("streaks_list", userIds=[ann])
    assert moment(listed[0]["extended"]) == stage.now()
    if stage.has("streaks_rankings"):
        assert stage.get("streaks_rankings", type="longest", limit=1)[0]["streakLength"] == 1


@rule("A freeze is used before the streak is lost", behaviour(5))
def test_a_freeze_covers_a_missed_day(stage: Stage) -> None:
    """Ann writes until she has earned a freeze, then misses a day, then one more."""
    daily(stage)
    interval: int = stage.kit.need((stage.kit.streak or {}).get("freezeAutoEarnInterval"), "freezes that are earned")
    stage.skip_if_longer(interval)
    if earns_at_once(stage):
        pytest.skip("the next freeze is earned before the scenario is over")
    ann = stage.user("ann")
    extend_streak(stage, ann)
    for _ in range(interval):
        if stage.streak(ann)["freezes"]:
            break
        stage.next_day()
        extend_streak(stage, ann)
    before = stage.streak(ann)
    assert before["freezes"], f"after {interval} days no freeze was earned"
    assert before["freezes"] <= before["maxFreezes"]
    missed = stage.today() + timedelta(days=1)
    after = let_a_day_pass(stage, ann)
    assert after["length"] == before["length"], "a freeze was held, yet the streak changed"
    assert after["freezes"] == before["freezes"] - 1, f"{before['freezes']} freezes before, {after['freezes']} after"
    used = [day(row["periodStart"]) for row in after["streakHistory"] if row["usedFreeze"]]
    assert used == [missed], f"usedFreeze on {used}, missed on {missed}"
    shown = [row["length"] for row in after["streakHistory"]][-3:]
    assert shown == [before["length"], before["length"], 0], f"the history around the frozen day is {shown}"
    expires = missed + timedelta(days=1)
    assert day(after["expires"]) == expires, f"a frozen day, yet it expires {after['expires']}"
    streak = extend_streak(stage, ann)
    assert streak["length"] == before["length"] + 1, "the frozen day counts, or the streak started anew"


@rule("Freezes are earned after some days, up to the maximum", behaviour(5))
def test_freezes_are_earned(stage: Stage) -> None:
    daily(stage)
    streak = stage.kit.streak or {}
    interval = stage.kit.need(streak.get("freezeAutoEarnInterval"), "freezes that are earned")
    if interval > LONG:
        pytest.skip(f"freezes are earned every {interval} days only")
    ann = stage.user("ann")
    held = [stage.streak(ann)["freezes"]]
    for _ in range(min(streak["maxFreezes"], MANY_FREEZES) + 2):
        stage.pass_time(days=interval)
        held.append(stage.streak(ann)["freezes"])
    assert held == [min(streak["maxFreezes"], held[0] + n * streak["freezeAutoEarnAmount"]) for n in range(len(held))]


@rule("The days of a streak are days in the user's time zone", behaviour(5))
def test_a_streak_follows_the_users_zone(stage: Stage) -> None:
    """23:30 and 00:30 in Tokyo are one day in London: two days for Tokyo, one for London."""
    daily(stage)
    tokyo, london = stage.user("tokyo", tz="Asia/Tokyo"), stage.user("london", tz="Europe/London")
    stage.clock.advance(to="2025-03-14T14:30:00.000Z")
    assert extend_streak(stage, tokyo)["length"] == 1
    assert extend_streak(stage, london)["length"] == 1
    stage.pass_time(hours=1)
    streak = extend_streak(stage, tokyo)
    assert (streak["length"], streak["extended"], streak["periodStart"]) == (2, True, "2025-03-15")
    streak = extend_streak(stage, london)
    assert (streak["length"], streak["extended"], streak["periodStart"]) == (1, False, "2025-03-14")


@rule("A streak is lost at midnight in the user's time zone", behaviour(5))
def test_a_streak_is_lost_at_the_users_midnight(stage: Stage) -> None:
    """In New York the day ends five hours after London's (before the clocks change)."""
    daily(stage)
    users = {zone: stage.user("user", tz=zone) for zone in ("Europe/London", "America/Los_Angeles")}
    for user in users.values():
        without_freezes(stage, extend_streak(stage, user))
    stage.clock.advance(to="2025-03-14T00:30:00.000Z")
    assert stage.streak(users["Europe/London"])["length"] == 0
    assert stage.streak(users["America/Los_Angeles"])["length"] == 1, "lost at UTC's midnight, not the user's"
    stage.clock.advance(to="2025-03-14T07:30:00.000Z")
    assert stage.streak(users["America/Los_Angeles"])["length"] == 0


@rule("Longest streaks stay in the rankings after they are lost", "streaks_rankings, parameter type")
def test_longest_streaks_are_remembered(stage: Stage) -> None:
    daily(stage)
    ann, ben = stage.user("ann"), stage.user("ben")
    for _ in range(3):
        extend_streak(stage, ann)
        stage.next_day()
    wait_until_lost(stage, ann)
    extend_streak(stage, ben)
    active = stage.get("streaks_rankings", type="active", limit=100)
    longest = stage.get("streaks_rankings", type="longest", limit=100)
    assert [(row["userId"], row["streakLength"]) for row in active] == [(ben, 1)]
    assert [(row["userId"], row["streakLength"]) for row in longest] == [(ann, 3), (ben, 1)]


@rule("A streak's rank is one more than the number of longer streaks", behaviour(5, "choice"), choice=True)
def test_the_rank_of_a_streak(stage: Stage) -> None:
    daily(stage)
    ann, ben, cleo = stage.user("ann"), stage.user("ben"), stage.user("cleo")
    extend_streak(stage, ann)
    stage.next_day()
    extend_streak(stage, ann)
    extend_streak(stage, ben)
    assert [stage.streak(user)["rank"] for user in (ann, ben, cleo)] == [1, 2, None]

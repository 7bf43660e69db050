"""Streaks whose settings change, and what the organisation and the user can change. These features are newer than the
spec and use our control plane and admin API: at other targets the tests skip."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contract_tests.control import Control
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day, stamp
from contract_tests.test_streaks import daily, earns_at_once, extend_streak, let_a_day_pass

pytestmark = pytest.mark.operations("users_streak", "metrics_event")


def set_streak(stage: Stage, **changes: Any) -> None:
    """Change the streak of the organisation."""
    catalog = stage.clock.call("GET", "/catalog")
    catalog["streak"] |= changes
    stage.clock.call("PUT", "/catalog", catalog)


def above_one_event(stage: Stage) -> float:
    """A threshold that two events reach and one does not."""
    if 1.5 * stage.kit.streak_value > MOST:
        pytest.skip("the target's streak needs the largest value that an event can have")
    return 1.5 * stage.kit.streak_value


def admin(stage: Stage, path: str, body: Any) -> Any:
    assert stage.clock
    response = Control(stage.client, "/admin/v1").call("POST", path, body)
    assert response["issues"] == [], f"POST /admin/v1{path} has {response['issues']}"
    return response


def extend_for_days(stage: Stage, user: str, days: int) -> None:
    """Activity on this many days in a row, the last one today."""
    extend_streak(stage, user)
    for _ in range(days - 1):
        stage.next_day()
        extend_streak(stage, user)


@rule("After a change of the frequency, streaks and history follow the new one", behaviour(5))
def test_another_frequency_holds_from_the_beginning(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_for_days(stage, ann, 4)
    months = {(stage.today() - timedelta(days=back)).month for back in range(4)}
    set_streak(stage, frequency="monthly")
    monthly = stage.streak(ann)
    assert monthly["length"] == len(months), f"four days in {len(months)} month are a streak of {monthly['length']}"
    assert day(monthly["periodStart"]) == stage.today().replace(day=1)
    set_streak(stage, frequency="daily")
    assert stage.streak(ann)["length"] == 4


@rule("Changed conditions apply to past days too", behaviour(5))
def test_other_conditions_hold_from_the_beginning(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_for_days(stage, ann, 3)
    set_streak(stage, conditions={stage.kit.streaking(): above_one_event(stage)})
    assert stage.streak(ann)["length"] == 0, "no day reached the new threshold"
    extend_streak(stage, ann)
    assert stage.streak(ann)["length"] == 1


@rule("A pause keeps the streak and uses no freeze", behaviour(5))
def test_a_pause_keeps_the_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_streak(stage, ann)
    first = stage.today() + timedelta(days=1)
    pause = {"userId": ann, "start": str(first), "end": str(first + timedelta(days=1))}
    (made,) = admin(stage, "/streaks/pauses", {"pauses": [pause]})["created"]
    shown = stage.known(stage.streak(ann)["pauses"])
    assert shown == [{name: made[name] for name in ("id", "start", "end")}], f"the streak shows the pauses {shown}"
    stage.pass_time(days=3)
    after = stage.streak(ann)
    assert after["length"] == 1, "the days were paused, and the streak is lost"
    assert [row["usedPause"] for row in after["streakHistory"]][-4:] == [False, True, True, False]
    assert [row["length"] for row in after["streakHistory"]][-4:] == [1, 1, 1, 0]
    assert after["pauses"] == [], "a pause that is over is still shown"
    assert extend_streak(stage, ann)["length"] == 2


@rule("A reset ends the streak at once and marks its period, and the streak can be restored", behaviour(5))
def test_a_streak_is_reset_and_restored(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_for_days(stage, ann, 3)
    now = stamp(stage.now())
    assert admin(stage, "/streaks/reset", {"users": [{"id": ann}]})["resetUsers"] == [ann]
    reset = stage.streak(ann)
    assert (reset["length"], reset["expires"]) == (0, None)
    assert [row.get("resetAt") for row in reset["streakHistory"]][-2:] == [None, now]
    assert [row["length"] for row in reset["streakHistory"]][-3:] == [1, 2, 0]
    assert admin(stage, "/streaks/restore", {"users": [{"id": ann}]})["restoredUsers"] == [ann]
    assert stage.streak(ann)["length"] == 3
    stage.next_day()
    assert extend_streak(stage, ann)["length"] == 4


@rule("A granted freeze covers a missed day", behaviour(5))
def test_a_granted_freeze_covers_a_missed_day(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    held, most = (stage.streak(ann).get(name) or 0 for name in ("freezes", "maxFreezes"))
    stage.kit.need(held < most, "freezes that a user may get")
    if earns_at_once(stage):
        pytest.skip("the target gives freezes at once")
    extend_streak(stage, ann)
    admin(stage, "/streaks/freezes", {"freezes": [{"userId": ann}]})
    assert stage.streak(ann)["freezes"] == held + 1
    after = let_a_day_pass(stage, ann)
    assert (after["length"], after["freezes"]) == (1, held)


@rule("A day off does not end a streak", behaviour(5))
def test_a_day_off_keeps_the_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    off = stage.today() + timedelta(days=1)
    set_streak(stage, daysOff=[off.isoweekday() % 7])
    actual = extend_streak(stage, ann)
    assert day(actual["expires"]) == off + timedelta(days=1), "the streak does not last over the day off"
    kept = let_a_day_pass(stage, ann)
    assert kept["length"] == 1, "a day off ended the streak"
    assert extend_streak(stage, ann)["length"] == 2


@rule("A user who switches streaks off has length 0, and gets the whole streak back on switching them on", behaviour(3))
def test_a_user_may_have_no_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_for_days(stage, ann, 2)
    response = stage.get("users_update_preferences", id=ann, body={"streak": {"enabled": False}})
    assert response["streak"]["enabled"] is False
    assert stage.streak(ann)["length"] == 0
    stage.next_day()
    assert extend_streak(stage, ann)["length"] == 0
    stage.get("users_update_preferences", id=ann, body={"streak": {"enabled": True}})
    assert stage.streak(ann)["length"] == 3


@rule("A user's own thresholds count, if the organisation allows them", behaviour(3))
def test_a_user_may_have_thresholds_of_their_own(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    extend_for_days(stage, ann, 2)
    own = {"streak": {"metrics": [{"key": stage.kit.streaking(), "threshold": above_one_event(stage)}]}}
    set_streak(stage, customizable=False)
    refused = stage.call("users_update_preferences", id=ann, body=own)
    assert refused.status in (403, 422), f"own thresholds were not refused, the status is {refused.status}"
    set_streak(stage, customizable=True)
    response = stage.get("users_update_preferences", id=ann, body=own)
    assert stage.known(response["streak"]["metrics"]) == own["streak"]["metrics"]
    assert stage.streak(ann)["length"] == 0
    extend_streak(stage, ann)
    assert stage.streak(ann)["length"] == 1

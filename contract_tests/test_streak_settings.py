"""Streaks whose settings change, and what organisation and user may do about them. Newer than the document, and made
through our control plane and admin API: other targets are not asked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contract_tests.control import Control
from contract_tests.kit import MOST
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage, day, stamp
from contract_tests.test_streaks import daily, earns_at_once, lapse, write

pytestmark = pytest.mark.operations("users_streak", "metrics_event")


def set_streak(stage: Stage, **changes: Any) -> None:
    """The same organisation with another streak."""
    catalog = stage.clock.call("GET", "/catalog")
    catalog["streak"] |= changes
    stage.clock.call("PUT", "/catalog", catalog)


def more_than_a_dose(stage: Stage) -> float:
    """A threshold that one event does not reach, and two do."""
    if 1.5 * stage.kit.streak_value > MOST:
        pytest.skip("the target's streak needs as much as an event may have")
    return 1.5 * stage.kit.streak_value


def admin(stage: Stage, path: str, body: Any) -> Any:
    assert stage.clock
    response = Control(stage.client, "/admin/v1").call("POST", path, body)
    assert response["issues"] == [], f"POST /admin/v1{path} has {response['issues']}"
    return response


def write_for(stage: Stage, user: str, days: int) -> None:
    """Activity on so many days in a row, the last one today."""
    write(stage, user)
    for _ in range(days - 1):
        stage.next_day()
        write(stage, user)


@rule("After a change of frequency everything reads as if the new one had always held", behaviour(5))
def test_another_frequency_holds_from_the_beginning(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write_for(stage, ann, 4)
    months = {(stage.today() - timedelta(days=back)).month for back in range(4)}
    set_streak(stage, frequency="monthly")
    monthly = stage.streak(ann)
    assert monthly["length"] == len(months), f"four days in {len(months)} month are a streak of {monthly['length']}"
    assert day(monthly["periodStart"]) == stage.today().replace(day=1)
    set_streak(stage, frequency="daily")
    assert stage.streak(ann)["length"] == 4


@rule("Changed conditions hold for the days that are over too", behaviour(5))
def test_other_conditions_hold_from_the_beginning(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write_for(stage, ann, 3)
    set_streak(stage, conditions={stage.kit.streaking(): more_than_a_dose(stage)})
    assert stage.streak(ann)["length"] == 0, "no day reached the new threshold"
    write(stage, ann)
    assert stage.streak(ann)["length"] == 1


@rule("A pause keeps the streak and spends no freeze", behaviour(5))
def test_a_pause_keeps_the_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write(stage, ann)
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
    assert write(stage, ann)["length"] == 2


@rule("A reset ends the streak at once and marks its period; it can be restored", behaviour(5))
def test_a_streak_is_reset_and_restored(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write_for(stage, ann, 3)
    now = stamp(stage.now())
    assert admin(stage, "/streaks/reset", {"users": [{"id": ann}]})["resetUsers"] == [ann]
    reset = stage.streak(ann)
    assert (reset["length"], reset["expires"]) == (0, None)
    assert [row.get("resetAt") for row in reset["streakHistory"]][-2:] == [None, now]
    assert [row["length"] for row in reset["streakHistory"]][-3:] == [1, 2, 0]
    assert admin(stage, "/streaks/restore", {"users": [{"id": ann}]})["restoredUsers"] == [ann]
    assert stage.streak(ann)["length"] == 3
    stage.next_day()
    assert write(stage, ann)["length"] == 4


@rule("A granted freeze covers a missed day", behaviour(5))
def test_a_granted_freeze_covers_a_missed_day(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    held, most = (stage.streak(ann).get(name) or 0 for name in ("freezes", "maxFreezes"))
    stage.kit.need(held < most, "freezes that a user may get")
    if earns_at_once(stage):
        pytest.skip("the target gives freezes at once")
    write(stage, ann)
    admin(stage, "/streaks/freezes", {"freezes": [{"userId": ann}]})
    assert stage.streak(ann)["freezes"] == held + 1
    after = lapse(stage, ann)
    assert (after["length"], after["freezes"]) == (1, held)


@rule("On a day off nobody need be active", behaviour(5))
def test_a_day_off_keeps_the_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    off = stage.today() + timedelta(days=1)
    set_streak(stage, daysOff=[off.isoweekday() % 7])
    actual = write(stage, ann)
    assert day(actual["expires"]) == off + timedelta(days=1), "the day off is the last chance"
    kept = lapse(stage, ann)
    assert kept["length"] == 1, "a day off ended the streak"
    assert write(stage, ann)["length"] == 2


@rule("Without a streak the length is 0; with one again all of it is there", behaviour(3))
def test_a_user_may_have_no_streak(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write_for(stage, ann, 2)
    response = stage.get("users_update_preferences", id=ann, body={"streak": {"enabled": False}})
    assert response["streak"]["enabled"] is False
    assert stage.streak(ann)["length"] == 0
    stage.next_day()
    assert write(stage, ann)["length"] == 0
    stage.get("users_update_preferences", id=ann, body={"streak": {"enabled": True}})
    assert stage.streak(ann)["length"] == 3


@rule("Thresholds of one's own need an organisation that allows them, and then count", behaviour(3))
def test_a_user_may_have_thresholds_of_their_own(stage: Stage) -> None:
    daily(stage)
    ann = stage.user("ann")
    write_for(stage, ann, 2)
    own = {"streak": {"metrics": [{"key": stage.kit.streaking(), "threshold": more_than_a_dose(stage)}]}}
    set_streak(stage, customizable=False)
    refused = stage.call("users_update_preferences", id=ann, body=own)
    assert refused.status in (403, 422), f"a streak of one's own was answered with {refused.status}"
    set_streak(stage, customizable=True)
    response = stage.get("users_update_preferences", id=ann, body=own)
    assert stage.known(response["streak"]["metrics"]) == own["streak"]["metrics"]
    assert stage.streak(ann)["length"] == 0
    write(stage, ann)
    assert stage.streak(ann)["length"] == 1

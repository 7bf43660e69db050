"""Webhooks at due times, and retries. All tests need a clock that can be moved."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Any

import pytest

from contract_tests.conftest import Stages
from contract_tests.receiver import Inbox
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.suite import Suite
from contract_tests.test_streaks import SCENARIO_DAYS, daily, extend_streak
from contract_tests.test_webhooks import busy_event, find_receiver, open_inbox
from contract_tests.webhook_contents import completions_sent


@pytest.fixture
def inbox(stage: Stage, suite: Suite) -> Inbox:
    return open_inbox(stage, find_receiver(suite), suite)


@rule("A webhook that was not accepted is sent again, with the same bytes and signature", behaviour(11))
def test_what_fails_is_sent_again(stage: Stage, inbox: Inbox) -> None:
    assert stage.clock
    key, ann = stage.kit.plain("api")["key"], stage.user("ann")
    inbox.wait_for_all()
    inbox.webhooks.clear()
    inbox.statuses.extend([500, 503])
    done = stage.get("achievements_complete", key=key, body={"user": {"id": ann}})["achievement"]
    for _ in range(12):
        stage.clock.advance(seconds=30, wait=True)
    tries = completions_sent(inbox, ann, done["id"])
    assert [webhook.status for webhook in tries] == [500, 200] or [webhook.status for webhook in tries][-1] == 200
    assert len(tries) >= 2, "it was not sent again"
    assert len({(webhook.body, webhook.signature) for webhook in tries}) == 1, "it was changed on the way"


ONE_CALL = """
name = "One call"
[achievements.call]
name = "Call"
trigger = "api"
"""


@rule("Failed webhooks are sent again after 1, 2 and 4 minutes, after any 4xx or 5xx", behaviour(11))
def test_retries_come_after_minutes(stages: Stages, suite: Suite) -> None:
    receiver = find_receiver(suite)
    stage = stages.new(catalog=ONE_CALL)
    inbox, ann = open_inbox(stage, receiver, suite), stage.user("ann")
    inbox.statuses.extend([404, 500, 410])
    stage.get("achievements_complete", key="call", body={"user": {"id": ann}})
    done = [len(inbox.of("achievement.completed", user=ann))]
    for seconds in (50, 20, 100, 30, 200, 50):
        stage.clock.advance(seconds=seconds, wait=True)
        done.append(len(inbox.webhooks))
    assert done == [1, 1, 2, 2, 3, 3, 4], f"tries after 1, 51, 71, 171, 201, 401 and 451 seconds: {done}"


@rule("Webhooks of streaks are sent when a streak is extended, frozen or lost", behaviour(11))
def test_all_webhooks_of_a_streak_are_sent(stage: Stage, inbox: Inbox) -> None:
    """A user is active on ten days and then never again; the freezes in each webhook follow from the others."""
    daily(stage)
    earns_slowly(stage)
    ann = stage.user("ann", name="Ann")
    held = had = stage.streak(ann).get("freezes") or 0
    for _ in range(10):
        actual = extend_streak(stage, ann)
        stage.next_day()
    extended = [webhook.content["streak"]["length"] for webhook in inbox.of("streak.extended", user=ann)]
    assert extended == list(range(2, 11)), f"streak.extended said {extended}"
    earned = [webhook.content for webhook in inbox.of("streak.freeze_earned", user=ann)]
    assert sum(row["earned"] for row in earned) == (actual.get("freezes") or 0) - had
    stage.pass_time(days=10 + 2 * held)
    consumed = [webhook.content for webhook in inbox.of("streak.freeze_consumed", user=ann)]
    assert sum(row["consumed"] for row in consumed) == had + sum(
        row["earned"] for row in inbox_of(inbox, "streak.freeze_earned", ann)
    )
    (lost,) = inbox.of("streak.lost", user=ann)
    assert lost.content["length"] == 10
    assert stage.streak(ann)["length"] == 0
    for webhook in [one for one in inbox.webhooks if one.user == ann]:
        assert webhook.content["user"]["name"] == "Ann", f"{webhook.kind} is of {webhook.content['user']}"
        if webhook.kind.startswith("streak.freeze_"):
            held += webhook.content.get("earned", 0) - webhook.content.get("consumed", 0)
            assert webhook.content["freezes"] == held, (
                f"{webhook.kind} says {webhook.content['freezes']}, held are {held}"
            )


def earns_slowly(stage: Stage) -> None:
    """Skips if freezes are earned so fast that the streak is not lost during the scenario."""
    actual = stage.kit.streak or {}
    if (actual.get("freezeAutoEarnAmount") or 0) * SCENARIO_DAYS > (actual.get("freezeAutoEarnInterval") or math.inf):
        pytest.skip("the target's freezes keep a streak for long")


def inbox_of(inbox: Inbox, kind: str, user: str) -> list[dict[str, Any]]:
    """The webhooks of a type that were sent before the streak was lost."""
    kinds = [webhook.kind for webhook in inbox.webhooks if webhook.user == user]
    until = kinds.index("streak.lost") if "streak.lost" in kinds else len(kinds)
    mine = [webhook for webhook in inbox.webhooks if webhook.user == user][:until]
    return [webhook.content for webhook in mine if webhook.kind == kind]


@rule("Webhooks of boosts and runs are sent at their hours", behaviour(11))
def test_boosts_and_runs_are_sent(stage: Stage, inbox: Inbox) -> None:
    assert stage.clock
    ann = stage.user("ann")
    busy_event(stage, ann)
    stage.pass_time(days=30)
    today, yesterday = (str(stage.today() - timedelta(days=back)) for back in (0, 1))
    boosts = [boost for rows in stage.kit.boosts.values() for boost in rows]
    active = [b for b in boosts if b["status"] == "active" and b["end"] and b["end"][:10] < yesterday]
    finished = {webhook.content["boost"]["id"] for webhook in inbox.of("points.boost_finished")}
    assert {boost["id"] for boost in active} <= finished, "a boost ended, and no webhook says so"
    begun = {webhook.content["boost"]["id"] for webhook in inbox.of("points.boost_started")}
    waiting = [boost for boost in boosts if boost["status"] == "scheduled"]
    assert {boost["id"] for boost in waiting if boost["start"][:10] < today} <= begun
    repeating = [
        key
        for key, row in stage.kit.leaderboards.items()
        if row["runUnit"] == "day" and row["runInterval"] < 28 and row["status"] == "active" and row["end"] is None
    ]
    for kind in ("leaderboard.started", "leaderboard.finished"):
        actual = {webhook.content["leaderboard"]["key"] for webhook in inbox.of(kind)}
        assert set(repeating) <= actual, f"{kind} was sent for {sorted(actual)} only"


SPRINT = """
name = "A sprint"
[metrics.steps]
name = "Steps"
[leaderboards.sprint]
name = "Sprint"
rankBy = "metric"
metricKey = "steps"
start = "2025-03-20"
end = "2025-03-25"
[points.xp]
name = "XP"
[[points.xp.boosts]]
name = "Sprint week"
start = "2025-03-20"
end = "2025-03-25"
multiplier = 2
"""


@rule(
    "leaderboard.started is sent at 10:00 UTC of the day before, leaderboard.finished at 13:00 of the day after",
    behaviour(11),
)
def test_webhooks_of_boards_are_sent_at_their_hours(stages: Stages, suite: Suite) -> None:
    """Reading the inbox moves the clock by a second."""
    receiver = find_receiver(suite)
    stage = stages.new(catalog=SPRINT)
    inbox = open_inbox(stage, receiver, suite)
    ann, ben = stage.user("ann"), stage.user("ben")

    def webhooks_at(kind: str, moment: str) -> list[dict[str, Any]]:
        stage.clock.advance(to=moment)
        return [webhook.content["leaderboard"] for webhook in inbox.of(kind)]

    assert webhooks_at("leaderboard.started", "2025-03-19T09:59:50.000Z") == [], "sent too early"
    assert len(webhooks_at("leaderboard.started", "2025-03-19T10:00:00.000Z")) == 1, "not sent at 10:00 UTC"
    stage.clock.advance(to="2025-03-21T12:00:00.000Z")
    stage.event(ann, 20, "steps")
    stage.event(ben, 30, "steps")
    final = stage.board("sprint")["rankings"]
    assert [row["userId"] for row in final] == [ben, ann]
    assert webhooks_at("leaderboard.finished", "2025-03-26T12:59:50.000Z") == [], "sent too early"
    (finished,) = webhooks_at("leaderboard.finished", "2025-03-26T13:00:00.000Z")
    assert stage.known(finished["rankings"]) == stage.known(final), (
        f"it ended with {final}, the webhook says {finished['rankings']}"
    )


@rule("boost_started is sent at 10:00 UTC of the day before, boost_finished at 13:00 of the day after", behaviour(11))
def test_webhooks_of_boosts_are_sent_at_their_hours(stages: Stages, suite: Suite) -> None:
    stage = stages.new(catalog=SPRINT)
    inbox = open_inbox(stage, find_receiver(suite), suite)

    def webhooks_at(kind: str, moment: str) -> list[str]:
        stage.clock.advance(to=moment)
        return [webhook.content["boost"]["name"] for webhook in inbox.of(kind)]

    assert webhooks_at("points.boost_started", "2025-03-19T09:59:50.000Z") == [], "sent too early"
    assert webhooks_at("points.boost_started", "2025-03-19T10:00:00.000Z") == ["Sprint week"], "not sent at 10:00 UTC"
    assert webhooks_at("points.boost_finished", "2025-03-26T12:59:50.000Z") == [], "sent too early"
    assert webhooks_at("points.boost_finished", "2025-03-26T13:00:00.000Z") == ["Sprint week"], "not sent at 13:00 UTC"

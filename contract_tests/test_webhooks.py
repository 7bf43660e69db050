"""Webhooks: signed, in order, sent once, and in agreement with the API."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from contract_tests.boards import PLAYERS, open_board, users_with_scores
from contract_tests.conftest import Stages
from contract_tests.kit import MOST
from contract_tests.receiver import SECRET, Inbox, Webhook, WebhookReceiver, problems_of, wait_until_quiet
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.suite import Suite
from contract_tests.webhook_contents import completions_sent, is_earned, points_sent, sent_once

#: The order of the webhooks of one request (behaviour, section 11).
ORDER = ("achievement.", "streak.", "points.changed", "points.level_changed", "leaderboard.")


@pytest.fixture
def receiver(suite: Suite) -> WebhookReceiver:
    """The receiver."""
    return find_receiver(suite)


def find_receiver(suite: Suite) -> WebhookReceiver:
    """The receiver, which was started before the run. Skips if there is none."""
    if suite.receiver is None:
        pytest.skip("no receiver is running: pass --webhook-listen PORT and set up the target to send webhooks there")
    return suite.receiver


@pytest.fixture
def inbox(stage: Stage, receiver: WebhookReceiver, suite: Suite) -> Inbox:
    """The inbox for the webhooks of the stage's world."""
    return open_inbox(stage, receiver, suite)


def open_inbox(stage: Stage, receiver: WebhookReceiver, suite: Suite, events: list[str] | None = None) -> Inbox:
    """An inbox whose webhooks are checked one by one when the scenario is over; `events`: the types that it gets."""
    if stage.control is None:
        inbox = receiver.inbox(suite.options.webhook_secret, own=False)
        inbox.wait_for_all = lambda: wait_without_clock(inbox, receiver)
    else:
        inbox = receiver.inbox(SECRET)
        # One delivery at a time: of several webhooks about the same board the last one is the newest.
        wanted = {"url": inbox.url, "secret": SECRET, "concurrency": 1} | ({"events": events} if events else {})
        stage.control.call("POST", "/webhooks", wanted)
        inbox.wait_for_all = partial(deliver, stage)
    assert suite.running is not None
    suite.running.afterwards += [inbox.wait_for_all, lambda: check_all(suite, inbox)]
    return inbox


def wait_without_clock(inbox: Inbox, receiver: WebhookReceiver) -> None:
    """Without a control plane: wait, or skip if the target seems to send no webhooks at all."""
    if not wait_until_quiet(inbox):
        pytest.skip("the target is still sending webhooks of earlier requests")
    if not receiver.arrived:
        pytest.skip(f"no webhook has come to {receiver.url}: is the target set up to send there?")


def deliver(stage: Stage) -> None:
    """Move the clock by a second, and wait until all due webhooks are delivered."""
    stage.clock.advance(seconds=1, wait=True)


def check_all(suite: Suite, inbox: Inbox) -> None:
    """Check each webhook once, and empty the inbox: without a control plane all scenarios share it."""
    webhooks, inbox.webhooks = inbox.webhooks, []
    for webhook in webhooks:
        check_each(suite, webhook, inbox.secret)


def check_each(suite: Suite, webhook: Webhook, secret: str | None, place: str = "") -> None:
    for problem in problems_of(webhook, suite.spec, secret):
        suite.add_webhook_finding(webhook.kind, problem, place)


def busy_event(stage: Stage, user: str) -> dict[str, Any]:
    """An event that changes as much as it can."""
    found: dict[str, Any] = stage.event(user, stage.kit.large, stage.kit.streaking())
    return found


@rule("Each achievement in a response is sent in one webhook", behaviour(11))
def test_achievements_are_sent(stage: Stage, inbox: Inbox) -> None:
    ann = stage.user("ann")
    response = busy_event(stage, ann)
    actual = [webhook.content["achievement"] for webhook in inbox.of("achievement.completed", user=ann)]
    assert [row["id"] for row in actual] == [row["id"] for row in response["achievements"]]
    assert [row["achievedAt"] for row in actual] == [row["achievedAt"] for row in response["achievements"]]
    assert all(row["achievedAt"] for row in actual)


@rule("A completion by a call is sent", behaviour(11))
def test_completions_are_sent(stage: Stage, inbox: Inbox) -> None:
    key, ann = stage.kit.plain("api")["key"], stage.user("ann", name="Ann")
    for _ in range(2):
        done = stage.get("achievements_complete", key=key, body={"user": {"id": ann}})["achievement"]
    (webhook,) = completions_sent(inbox, ann, done["id"])
    assert webhook.content["achievement"]["key"] == key
    assert stage.known(webhook.content["user"]) == stage.known(stage.get("users_get", id=ann))


@rule("The start of a streak is sent, and agrees with the API", behaviour(11))
def test_the_start_of_a_streak_is_sent(stage: Stage, inbox: Inbox) -> None:
    ann = stage.user("ann")
    response = busy_event(stage, ann)["currentStreak"]
    (webhook,) = inbox.of("streak.started", user=ann)
    for name, value in webhook.content["streak"].items():
        assert response.get(name) == value, f"{name}: the webhook says {value}, the event said {response.get(name)}"
    assert webhook.content["streak"]["length"] == 1


@rule("A change of points is sent, and agrees with the API", behaviour(11))
def test_points_are_sent(stage: Stage, inbox: Inbox) -> None:
    """The event makes its user: what a user gets for being created may be sent, and then nothing else for a minute."""
    ann = stage.name("ann")
    response = busy_event(stage, ann)["points"]
    earned = {key: [award["id"] for award in row["awards"] if is_earned(award)] for key, row in response.items()}
    stage.kit.need(any(earned.values()), "points for a large event")
    actual = points_sent(stage, inbox, ann, {key for key, awards in earned.items() if awards})
    for key, awards in earned.items():
        if not awards:
            continue
        assert key in actual, f"points of {key} changed, and no webhook says so"
        assert actual[key]["total"] == response[key]["total"]
        assert actual[key]["added"] == sum(award["awarded"] for award in actual[key]["awards"])
        assert [award["id"] for award in actual[key]["awards"] if is_earned(award)] == awards


@rule("Changes of points within a minute are sent together", behaviour(11, "spec"))
def test_points_are_sent_once_a_minute(stage: Stage, inbox: Inbox) -> None:
    assert stage.clock
    if (window := stage.kit.settings.get("pointsChangedWindow", 60)) != 60:
        pytest.skip(f"the target merges what changes within {window} seconds")
    ann = stage.user("ann")
    changed = [key for key, row in busy_event(stage, ann)["points"].items() if row["added"]]
    key = stage.kit.need(changed, "points for a large event")[0]
    later = [stage.event(ann, 1000, stage.kit.streaking())["points"] for _ in range(3)]
    added = sum(row[key]["added"] for row in later if key in row)
    first = [one for one in inbox.of("points.changed", user=ann) if one.content["points"]["key"] == key]
    assert len(first) == 1, f"{len(first)} webhooks within a minute"
    stage.pass_time(seconds=61)
    both = [one for one in inbox.of("points.changed", user=ann) if one.content["points"]["key"] == key]
    assert len(both) == 1 + bool(added), f"{len(both)} webhooks after a minute"
    if added:
        assert both[1].content["points"]["added"] == added
        assert both[1].content["points"]["total"] == stage.points(ann, key)["total"]


@rule("A change of level is sent", behaviour(11))
def test_levels_are_sent(stage: Stage, inbox: Inbox) -> None:
    ann = stage.user("ann")
    before = {key: stage.known(stage.points(ann, key)["level"]) for key in stage.kit.points}
    response = busy_event(stage, ann)["points"]
    changed = stage.kit.need([key for key, row in response.items() if "level" in row], "level for a large event")
    rows = [one.content for one in inbox.of("points.level_changed", user=ann)]
    actual = {row["points"]["key"]: row for row in rows if stage.known(row["newLevel"]) != before[row["points"]["key"]]}
    assert sorted(actual) == sorted(changed)
    for key in changed:
        assert stage.known(actual[key]["newLevel"]) == stage.known(response[key]["level"])
        assert stage.known(actual[key]["previousLevel"]) == stage.known(before[key])
        assert actual[key]["points"]["total"] == response[key]["total"]


def overtake(stage: Stage, user: str) -> dict[str, Any]:
    """A larger event than `busy_event`. Returns the leaderboards in its response."""
    value = min(2 * stage.kit.large, MOST)
    found: dict[str, Any] = stage.event(user, value, stage.kit.streaking())["leaderboards"]
    return found


def skip_if_limited(stage: Stage) -> None:
    """Skips if the target's settings limit how many overtaken users a webhook is sent for."""
    if (few := stage.kit.settings.get("rankChangedNeighbours")) is not None:
        pytest.skip(f"the target sends webhooks for at most {few} overtaken users")


@rule("A change of rank is sent, and agrees with the API", behaviour(11))
def test_ranks_are_sent(stage: Stage, inbox: Inbox) -> None:
    ann, ben = stage.user("ann"), stage.user("ben")
    busy_event(stage, ben)
    response = overtake(stage, ann)
    moved = {key: row for key, row in response.items() if row["rank"] != row["previousRank"]}
    stage.kit.need(moved, "leaderboard that a large event changes")
    actual = {
        one.content["leaderboard"]["key"]: one.content["leaderboard"]
        for one in inbox.of("leaderboard.rank_changed", user=ann)
    }
    for key, row in moved.items():
        assert key in actual, f"the rank on {key} changed, and no webhook says so"
        assert (actual[key]["rank"], actual[key]["previousRank"]) == (row["rank"], row["previousRank"])
    boards = {one.content["leaderboard"]["key"]: one.content["leaderboard"] for one in inbox.of("leaderboard.changed")}
    assert set(moved) <= set(boards), "a board changed, and no leaderboard.changed says so"
    for key in [key for key in moved if not stage.kit.all_leaderboards[key]["breakdownAttributes"]]:
        shown = min(10, stage.kit.all_leaderboards[key]["maxParticipants"])
        actual_rows = stage.known(boards[key]["rankings"][:shown])
        if stage.control is None:  # how many are shown is the target's own choice
            shown = max(1, len(actual_rows))
        assert actual_rows == stage.known(stage.board(key, limit=shown)["rankings"])


@rule("The change of rank of an overtaken user is sent too", behaviour(11))
def test_ranks_of_overtaken_users_are_sent(stage: Stage, inbox: Inbox) -> None:
    skip_if_limited(stage)
    ann, ben = stage.user("ann"), stage.user("ben")
    boards = busy_event(stage, ben)["leaderboards"]
    moved = {
        key: (1, stage.place(ben, key)["rank"])  # who is level may share a rank
        for key, row in overtake(stage, ann).items()
        if row["rank"] == 1 == boards.get(key, {}).get("rank")
        and stage.kit.all_leaderboards[key]["maxParticipants"] > 1
    }
    moved = {key: ranks for key, ranks in moved.items() if stage.control is not None or ranks[1] != 1}
    stage.kit.need(moved, "leaderboard on which more events count more")
    rows = [one.content["leaderboard"] for one in inbox.of("leaderboard.rank_changed", user=ben)]
    actual = {row["key"]: (row["previousRank"], row["rank"]) for row in rows}
    assert {key: actual.get(key) for key in moved} == moved
    assert stage.control is None or set(moved.values()) == {(1, 2)}


@rule("The changes of rank of all overtaken users are sent", "#/webhooks/leaderboard.rank_changed")
def test_ranks_of_all_overtaken_users_are_sent(stage: Stage, inbox: Inbox) -> None:
    skip_if_limited(stage)
    board = open_board(stage, PLAYERS)
    users = users_with_scores(stage, board, *range(40, 40 - PLAYERS, -1))
    if not stage.fresh:
        pytest.skip("others may be on the board")
    stage.event(users[-1], 500, board["metricKey"])
    inbox.wait_for_all()
    webhooks = [webhook for webhook in inbox.webhooks if webhook.kind == "leaderboard.rank_changed"]
    rows = [(webhook.user, webhook.content["leaderboard"]) for webhook in webhooks]
    actual = {user: row["rank"] for user, row in rows if row["key"] == board["key"]}
    expected = {user: rank for rank, user in enumerate([users[-1], *users[:-1]], 1)}
    assert actual == expected, f"the ranks are {expected}, the last webhooks say {actual}"


@rule("The user in every webhook agrees with the API", behaviour(11))
def test_webhooks_have_the_user(stage: Stage, inbox: Inbox) -> None:
    names = stage.user("ann", name="Ann Onymous", tz="Europe/London"), stage.user("ben", name="Ben")
    for user in names:
        busy_event(stage, user)
    inbox.wait_for_all()
    kinds = set()
    for user in names:
        known = stage.known(stage.get("users_get", id=user))
        for webhook in [one for one in inbox.webhooks if one.user == user]:
            actual = stage.known(webhook.content["user"])
            assert actual == known, f"{webhook.kind} has {actual}, users_get {known}"
            kinds.add(webhook.kind)
    assert kinds, "nothing was sent"


@rule(
    "Webhooks of one request come in the order achievement, streak, points, level, leaderboard",
    behaviour(11, "choice"),
    choice=True,
)
def test_webhooks_come_in_order(stage: Stage, inbox: Inbox) -> None:
    ann = stage.user("ann")
    inbox.wait_for_all()
    inbox.webhooks.clear()
    busy_event(stage, ann)
    inbox.wait_for_all()
    webhooks = [webhook for webhook in inbox.webhooks if webhook.user in (ann, None)]  # others' may come meanwhile
    places = [next(n for n, prefix in enumerate(ORDER) if webhook.kind.startswith(prefix)) for webhook in webhooks]
    if len(set(places)) < 2:
        pytest.skip(f"a large event sends only {sorted({webhook.kind for webhook in webhooks})}")
    assert places == sorted(places), f"they arrived as {[webhook.kind for webhook in webhooks]}"


@rule("Every webhook has a timestamp in ISO 8601, UTC", behaviour(11, "seen"), choice=True)
def test_webhooks_say_when(stage: Stage, inbox: Inbox) -> None:
    busy_event(stage, stage.user("ann"))
    inbox.wait_for_all()
    assert inbox.webhooks
    for webhook in inbox.webhooks:
        when = json.loads(webhook.body).get("timestamp")
        assert str(when).endswith("Z"), f"{webhook.kind} says {when!r}"


@rule("A delivered webhook is not sent again", behaviour(11))
def test_nothing_is_sent_twice(stage: Stage, inbox: Inbox) -> None:
    busy_event(stage, stage.user("ann"))
    inbox.wait_for_all()
    assert inbox.webhooks, "nothing was sent"
    contents = [one for webhook in inbox.webhooks for one in sent_once(stage, webhook)]
    twice = sorted({one for one in contents if contents.count(one) > 1})
    assert not twice, f"{twice} was sent twice although it was accepted at once"


def later(stage: Stage) -> None:
    """Move the clock by two minutes, if it can be moved: webhooks that were held back are sent."""
    if stage.control is not None:
        stage.pass_time(seconds=120)


@rule("A replayed event, a refused event and a repeated completion send no webhooks", behaviour(11, "choice"))
def test_replays_send_nothing(stage: Stage, inbox: Inbox) -> None:
    ann, metric = stage.user("ann"), stage.kit.streaking()
    stage.event(ann, stage.kit.large, metric, key="k")
    later(stage)
    inbox.wait_for_all()
    count = len(inbox.webhooks)
    assert count, "nothing was sent"
    stage.event(ann, stage.kit.large, metric, key="k")
    stage.refused_event(ann, stage.kit.large, metric, attributes={"no-such-key": "x"})
    later(stage)
    inbox.wait_for_all()
    assert [webhook.kind for webhook in inbox.webhooks[count:]] == []


@rule("A world gets only its own webhooks", behaviour(11, "choice"), choice=True)
def test_webhooks_stay_in_their_world(stage: Stage, stages: Stages, inbox: Inbox) -> None:
    other = stages.new()
    busy_event(other, other.user("stranger"))
    other.clock.advance(seconds=1, wait=True)
    inbox.wait_for_all()
    assert inbox.webhooks == []


@rule("Captured webhooks match the spec", "the spec's webhooks")
def test_captured_webhooks(suite: Suite) -> None:
    """`--webhook-log`: one JSON value on each line, a body or `{"body": …, "signature": …}` with the body as text."""
    if not suite.captured:
        pytest.skip("no --webhook-log FILE was given")
    for number, line in suite.captured:
        place = f"line {number}"
        try:
            found = json.loads(line)
        except ValueError:
            suite.add_finding("A line of the log is JSON", "the log", f"{place} is not")
            continue
        captured = isinstance(found, dict) and isinstance(found.get("body"), str)
        webhook = Webhook(found["body"].encode(), found.get("signature"), "application/json") if captured else None
        secret = suite.options.webhook_secret if captured else None
        check_each(suite, webhook or Webhook(line.encode(), None, "application/json"), secret, place)


TAKEN_BACK = """
name = "Taken back"
[metrics.steps]
name = "Steps"
[points.xp]
name = "XP"
[[points.xp.triggers]]
type = "user_creation"
points = 10
[[points.xp.triggers]]
type = "metric"
metricKey = "steps"
metricThreshold = 1
points = -10
[points.xp.levels.bronze]
name = "Bronze"
points = 10
[leaderboards.xp]
name = "XP"
rankBy = "points"
pointsSystemKey = "xp"
start = "-10d"
"""


@rule("A value that one request changes back is not sent", behaviour(0, "choice"), choice=True)
def test_what_a_request_changes_back_is_not_sent(stages: Stages, suite: Suite) -> None:
    """The first event of a new user deducts the points that were awarded for creating the user."""
    receiver = find_receiver(suite)
    stage = stages.new(catalog=TAKEN_BACK)
    inbox, ann = open_inbox(stage, receiver, suite), stage.name("ann")
    response = stage.event(ann, 1, "steps")
    assert (response["points"]["xp"]["added"], response["leaderboards"]) == (0, {})
    assert "level" not in response["points"]["xp"]
    assert stage.place(ann, "xp")["history"] == []
    inbox.wait_for_all()
    actual = {webhook.kind for webhook in inbox.webhooks if webhook.kind.startswith(("points.level", "leaderboard."))}
    assert actual == set(), f"nothing changed, but the target sent {sorted(actual)}"

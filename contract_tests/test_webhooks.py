"""Webhooks: signed, in order, once, and saying what the API says."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from contract_tests.boards import PLAYERS, open_board, play
from contract_tests.conftest import Stages
from contract_tests.kit import MOST
from contract_tests.mailbox import SECRET, Box, Letter, PostOffice, mistakes, wait_until_quiet
from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage
from contract_tests.suite import Suite

#: Of one request (behaviour, section 11).
ORDER = ("achievement.", "streak.", "points.changed", "points.level_changed", "leaderboard.")


@pytest.fixture
def office(suite: Suite) -> PostOffice:
    """The receiver."""
    return find_office(suite)


def find_office(suite: Suite) -> PostOffice:
    """It listens since before the run, or the scenario is skipped."""
    if suite.office is None:
        pytest.skip("nobody listens: pass --webhook-listen PORT and set the target's webhooks up to go there")
    return suite.office


@pytest.fixture
def box(stage: Stage, office: PostOffice, suite: Suite) -> Box:
    """What the stage's world sends."""
    return open_box(stage, office, suite)


def open_box(stage: Stage, office: PostOffice, suite: Suite) -> Box:
    """A box in which every letter is checked by itself when the scenario is over."""
    if stage.control is None:
        box = office.box(suite.options.webhook_secret, own=False)
        box.settle = lambda: settle_elsewhere(box, office)
    else:
        box = office.box(SECRET)
        # One after the other: of several about the same board the one that came last is the newest.
        stage.control.ask("POST", "/webhooks", {"url": box.url, "secret": SECRET, "concurrency": 1})
        box.settle = partial(deliver, stage)
    assert suite.running is not None
    suite.running.afterwards += [box.settle, lambda: check_all(suite, box)]
    return box


def settle_elsewhere(box: Box, office: PostOffice) -> None:
    """Where no clock can be moved: wait, or skip when the target seems to send nothing at all."""
    wait_until_quiet(box)
    if not office.arrived:
        pytest.skip(f"no webhook has come to {office.url}: is the target set up to send there?")


def deliver(stage: Stage) -> None:
    """Let a second pass, and wait until nothing is due any more."""
    stage.clock.advance(seconds=1, wait=True)


def check_all(suite: Suite, box: Box) -> None:
    """Each letter by itself, once: where one box is for all scenarios, the next starts with an empty one."""
    letters, box.letters = box.letters, []
    for letter in letters:
        check_each(suite, letter, box.secret)


def check_each(suite: Suite, letter: Letter, secret: str | None, place: str = "") -> None:
    for problem in mistakes(letter, suite.document, secret):
        suite.found_in_webhook(letter.kind, problem, place)


def busy_event(stage: Stage, user: str) -> dict[str, Any]:
    """An event that moves as much as can be moved."""
    found: dict[str, Any] = stage.event(user, stage.kit.large, stage.kit.streaking())
    return found


@rule("Each achievement of an answer is told by one webhook", behaviour(11))
def test_achievements_are_told(stage: Stage, box: Box) -> None:
    ann = stage.user("ann")
    answer = busy_event(stage, ann)
    told = [letter.content["achievement"] for letter in box.of("achievement.completed", user=ann)]
    assert [row["id"] for row in told] == [row["id"] for row in answer["achievements"]]
    assert [row["achievedAt"] for row in told] == [row["achievedAt"] for row in answer["achievements"]]
    assert all(row["achievedAt"] for row in told)


@rule("A completion by the call is told", behaviour(11))
def test_completions_are_told(stage: Stage, box: Box) -> None:
    key, ann = stage.kit.plain("api")["key"], stage.user("ann", name="Ann")
    for _ in range(2):
        stage.get("achievements_complete", key=key, body={"user": {"id": ann}})
    (letter,) = box.of("achievement.completed", user=ann)
    assert letter.content["achievement"]["key"] == key
    assert stage.known(letter.content["user"]) == stage.known(stage.get("users_get", id=ann))


@rule("The start of a streak is told, and agrees with the API", behaviour(11))
def test_the_start_of_a_streak_is_told(stage: Stage, box: Box) -> None:
    ann = stage.user("ann")
    answer = busy_event(stage, ann)["currentStreak"]
    (letter,) = box.of("streak.started", user=ann)
    for name, value in letter.content["streak"].items():
        assert answer.get(name) == value, f"{name}: the webhook says {value}, the event said {answer.get(name)}"
    assert letter.content["streak"]["length"] == 1


@rule("Points that changed are told, and agree with the API", behaviour(11))
def test_points_are_told(stage: Stage, box: Box) -> None:
    ann = stage.user("ann")
    answer = busy_event(stage, ann)["points"]
    stage.kit.need(answer, "points for a large event")
    told = {letter.content["points"]["key"]: letter.content["points"] for letter in box.of("points.changed", user=ann)}
    for key, row in answer.items():
        assert key in told, f"points of {key} changed, and no webhook says so"
        assert (told[key]["total"], told[key]["added"]) == (row["total"], row["added"])
        assert [award["id"] for award in told[key]["awards"]] == [award["id"] for award in row["awards"]]


@rule("Points that change again within a minute are told together", behaviour(11, "spec"))
def test_points_are_told_once_a_minute(stage: Stage, box: Box) -> None:
    assert stage.clock
    if (window := stage.kit.settings.get("pointsChangedWindow", 60)) != 60:
        pytest.skip(f"the target merges what changes within {window} seconds")
    ann = stage.user("ann")
    changed = [key for key, row in busy_event(stage, ann)["points"].items() if row["added"]]
    key = stage.kit.need(changed, "points for a large event")[0]
    later = [stage.event(ann, 1000, stage.kit.streaking())["points"] for _ in range(3)]
    added = sum(row[key]["added"] for row in later if key in row)
    first = [one for one in box.of("points.changed", user=ann) if one.content["points"]["key"] == key]
    assert len(first) == 1, f"{len(first)} webhooks within a minute"
    stage.pass_time(seconds=61)
    both = [one for one in box.of("points.changed", user=ann) if one.content["points"]["key"] == key]
    assert len(both) == 1 + bool(added), f"{len(both)} webhooks after a minute"
    if added:
        assert both[1].content["points"]["added"] == added
        assert both[1].content["points"]["total"] == stage.points(ann, key)["total"]


@rule("A change of level is told", behaviour(11))
def test_levels_are_told(stage: Stage, box: Box) -> None:
    ann = stage.user("ann")
    before = {key: stage.known(stage.points(ann, key)["level"]) for key in stage.kit.points}
    answer = busy_event(stage, ann)["points"]
    changed = stage.kit.need([key for key, row in answer.items() if "level" in row], "level for a large event")
    rows = [one.content for one in box.of("points.level_changed", user=ann)]
    told = {row["points"]["key"]: row for row in rows if stage.known(row["newLevel"]) != before[row["points"]["key"]]}
    assert sorted(told) == sorted(changed)
    for key in changed:
        assert stage.known(told[key]["newLevel"]) == stage.known(answer[key]["level"])
        assert stage.known(told[key]["previousLevel"]) == stage.known(before[key])
        assert told[key]["points"]["total"] == answer[key]["total"]


def overtake(stage: Stage, user: str) -> dict[str, Any]:
    """More than a busy event; what it changes on leaderboards."""
    value = min(2 * stage.kit.large, MOST)
    found: dict[str, Any] = stage.event(user, value, stage.kit.streaking())["leaderboards"]
    return found


def all_are_told(stage: Stage) -> None:
    """Skips where the target's settings limit how many of the overtaken are told."""
    if (few := stage.kit.settings.get("rankChangedNeighbours")) is not None:
        pytest.skip(f"the target tells at most {few} of those who are overtaken")


@rule("A change of rank is told, and agrees with the API", behaviour(11))
def test_ranks_are_told(stage: Stage, box: Box) -> None:
    ann, ben = stage.user("ann"), stage.user("ben")
    busy_event(stage, ben)
    answer = overtake(stage, ann)
    moved = {key: row for key, row in answer.items() if row["rank"] != row["previousRank"]}
    stage.kit.need(moved, "leaderboard that a large event changes")
    told = {
        one.content["leaderboard"]["key"]: one.content["leaderboard"]
        for one in box.of("leaderboard.rank_changed", user=ann)
    }
    for key, row in moved.items():
        assert key in told, f"the rank on {key} changed, and no webhook says so"
        assert (told[key]["rank"], told[key]["previousRank"]) == (row["rank"], row["previousRank"])
    boards = {one.content["leaderboard"]["key"]: one.content["leaderboard"] for one in box.of("leaderboard.changed")}
    assert set(moved) <= set(boards), "a board changed, and no leaderboard.changed says so"
    for key in [key for key in moved if not stage.kit.all_leaderboards[key]["breakdownAttributes"]]:
        shown = min(10, stage.kit.all_leaderboards[key]["maxParticipants"])
        told_rows = stage.known(boards[key]["rankings"][:shown])
        assert told_rows == stage.known(stage.board(key, limit=shown)["rankings"])


@rule("Whoever is overtaken is told too", behaviour(11))
def test_the_overtaken_are_told(stage: Stage, box: Box) -> None:
    all_are_told(stage)
    ann, ben = stage.user("ann"), stage.user("ben")
    boards = busy_event(stage, ben)["leaderboards"]
    moved = [
        key
        for key, row in overtake(stage, ann).items()
        if row["rank"] == 1 == boards.get(key, {}).get("rank")
        and stage.kit.all_leaderboards[key]["maxParticipants"] > 1
    ]
    stage.kit.need(moved, "leaderboard on which more events count more")
    rows = [one.content["leaderboard"] for one in box.of("leaderboard.rank_changed", user=ben)]
    told = {row["key"]: (row["previousRank"], row["rank"]) for row in rows}
    assert {key: told.get(key) for key in moved} == dict.fromkeys(moved, (1, 2))


@rule("Everybody whose rank changed is told, not only the nearest", "#/webhooks/leaderboard.rank_changed")
def test_all_of_the_overtaken_are_told(stage: Stage, box: Box) -> None:
    all_are_told(stage)
    board = open_board(stage, PLAYERS)
    users = play(stage, board, *range(40, 40 - PLAYERS, -1))
    if not stage.fresh:
        pytest.skip("others may be on the board")
    stage.event(users[-1], 500, board["metricKey"])
    box.settle()
    letters = [letter for letter in box.letters if letter.kind == "leaderboard.rank_changed"]
    rows = [(letter.user, letter.content["leaderboard"]) for letter in letters]
    told = {user: row["rank"] for user, row in rows if row["key"] == board["key"]}
    expected = {user: rank for rank, user in enumerate([users[-1], *users[:-1]], 1)}
    assert told == expected, f"the ranks are {expected}, the last that were told {told}"


@rule("Every webhook tells the user as the API does", behaviour(11))
def test_webhooks_tell_the_user(stage: Stage, box: Box) -> None:
    names = stage.user("ann", name="Ann Onymous", tz="Europe/London"), stage.user("ben", name="Ben")
    for user in names:
        busy_event(stage, user)
    box.settle()
    kinds = set()
    for user in names:
        known = stage.known(stage.get("users_get", id=user))
        for letter in [one for one in box.letters if one.user == user]:
            told = stage.known(letter.content["user"])
            assert told == known, f"{letter.kind} tells {told}, users_get {known}"
            kinds.add(letter.kind)
    assert kinds, "nothing was sent"


@rule(
    "Webhooks of one request come in the order achievement, streak, points, level, leaderboard",
    behaviour(11, "choice"),
    choice=True,
)
def test_webhooks_come_in_order(stage: Stage, box: Box) -> None:
    ann = stage.user("ann")
    box.settle()
    box.letters.clear()
    busy_event(stage, ann)
    box.settle()
    letters = [letter for letter in box.letters if letter.user in (ann, None)]  # others' may come meanwhile
    places = [next(n for n, prefix in enumerate(ORDER) if letter.kind.startswith(prefix)) for letter in letters]
    if len(set(places)) < 2:
        pytest.skip(f"a large event sends only {sorted({letter.kind for letter in letters})}")
    assert places == sorted(places), f"they arrived as {[letter.kind for letter in letters]}"


@rule("Every body says when, in ISO 8601, UTC", behaviour(11, "seen"), choice=True)
def test_webhooks_say_when(stage: Stage, box: Box) -> None:
    busy_event(stage, stage.user("ann"))
    box.settle()
    assert box.letters
    for letter in box.letters:
        when = json.loads(letter.body).get("timestamp")
        assert str(when).endswith("Z"), f"{letter.kind} says {when!r}"


@rule("What was delivered is not sent again", behaviour(11))
def test_nothing_is_sent_twice(stage: Stage, box: Box) -> None:
    busy_event(stage, stage.user("ann"))
    box.settle()
    bodies = [letter.body for letter in box.letters]
    assert bodies, "nothing was sent"
    assert len(set(bodies)) == len(bodies), "a webhook was sent twice although it was taken at once"


def later(stage: Stage) -> None:
    """Two minutes on, where the clock can be moved: whatever was held back has gone out."""
    if stage.control is not None:
        stage.pass_time(seconds=120)


@rule("A replayed event, a refused one and a repeated completion send nothing", behaviour(11, "choice"))
def test_replays_send_nothing(stage: Stage, box: Box) -> None:
    ann, metric = stage.user("ann"), stage.kit.streaking()
    stage.event(ann, stage.kit.large, metric, key="k")
    later(stage)
    box.settle()
    count = len(box.letters)
    assert count, "nothing was sent"
    stage.event(ann, stage.kit.large, metric, key="k")
    stage.refused_event(ann, stage.kit.large, metric, attributes={"no-such-key": "x"})
    later(stage)
    box.settle()
    assert [letter.kind for letter in box.letters[count:]] == []


@rule("Worlds do not get each other's webhooks", behaviour(11, "choice"), choice=True)
def test_webhooks_stay_in_their_world(stage: Stage, stages: Stages, box: Box) -> None:
    other = stages.new()
    busy_event(other, other.user("stranger"))
    other.clock.advance(seconds=1, wait=True)
    box.settle()
    assert box.letters == []


@rule("Webhooks captured elsewhere are as the document declares them", "the document's webhooks")
def test_captured_webhooks(suite: Suite) -> None:
    """`--webhook-log`: one JSON document a line, a body or `{"body": …, "signature": …}` with the body as text."""
    if not suite.captured:
        pytest.skip("no --webhook-log FILE was given")
    for number, line in suite.captured:
        place = f"line {number}"
        try:
            found = json.loads(line)
        except ValueError:
            suite.found("A line of the log is JSON", "the log", f"{place} is not")
            continue
        captured = isinstance(found, dict) and isinstance(found.get("body"), str)
        letter = Letter(found["body"].encode(), found.get("signature"), "application/json") if captured else None
        secret = suite.options.webhook_secret if captured else None
        check_each(suite, letter or Letter(line.encode(), None, "application/json"), secret, place)


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


@rule("What one request leaves as it was is not told", behaviour(0, "choice"), choice=True)
def test_what_a_request_takes_back_is_not_told(stages: Stages, suite: Suite) -> None:
    """The first event of a new user takes away the points that were given for being new."""
    office = find_office(suite)
    stage = stages.new(catalog=TAKEN_BACK)
    box, ann = open_box(stage, office, suite), stage.name("ann")
    answer = stage.event(ann, 1, "steps")
    assert (answer["points"]["xp"]["added"], answer["leaderboards"]) == (0, {})
    assert "level" not in answer["points"]["xp"]
    assert stage.place(ann, "xp")["history"] == []
    box.settle()
    told = {letter.kind for letter in box.letters if letter.kind.startswith(("points.level", "leaderboard."))}
    assert told == set(), f"nothing changed, but there came {sorted(told)}"

"""Examples are all there, valid, and tell one story. `make examples-check` asks the same of 200 seeds."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from example_batches import NAMES, NOON, Batch, batch, body, catalog_factory, declared, loaded_spec, validator

from mockserver import catalogs
from mockserver.examples.batch import UnexpectedResponse, make
from mockserver.examples.example_world import HISTORY, TENANT
from mockserver.game.catalog import Catalog, Settings
from mockserver.game.periods import DAY, iso, utc_day

# Nothing but events, achievements, points and a leaderboard.
PLAIN = """
name = "Plain"
[metrics.m]
name = "M"
[streak]
[achievements.a]
name = "A"
trigger = "metric"
metricKey = "m"
metricValue = 10
[achievements.b]
name = "B"
trigger = "metric"
metricKey = "m"
metricValue = 250
[points.p]
name = "P"
[[points.p.triggers]]
type = "metric"
metricKey = "m"
metricThreshold = 10
points = 10
[leaderboards.l]
name = "L"
rankBy = "points"
pointsSystemKey = "p"
start = "-30d"
runUnit = "day"
runInterval = 1
"""

SEEDS = range(1, 1 + int(os.environ.get("EXAMPLE_SEEDS", "3")))
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", NAMES)
def test_every_request_response_and_webhook_is_there_and_valid(name: str, seed: int) -> None:
    made = batch(name, seed)
    assert list(made) == list(declared())
    for part, examples in made.items():
        assert len(examples) == 1, part
        errors = [error.message for error in validator(part).iter_errors(examples[0].body)]
        assert not errors, (part, errors)
    batch.cache_clear()


def test_the_spec_has_28_operations_with_78_errors_and_14_webhooks() -> None:
    parts = [part for _, part in declared()]
    responses = [part for part in parts if part.isdigit()]
    assert parts.count("request") == sum(part.startswith("2") for part in responses) == 28
    assert sum(part.startswith("4") for part in responses) == 78
    assert parts.count("webhook") == 14


def test_a_batch_is_the_same_to_the_byte_whenever_it_is_made() -> None:
    first = batch()
    batch.cache_clear()
    assert batch() == first


def test_an_example_stays_the_same_when_more_are_asked_for() -> None:
    several = batch(count=3)
    for part, examples in batch().items():
        assert several[part][0] == examples[0]


def test_further_examples_are_about_other_users() -> None:
    several = batch(count=3)
    for name in ("users_get", "users_streak", "metrics_event"):
        requests = [row.body.get("id") or row.body["user"]["id"] for row in several[name, "request"]]
        assert len(set(requests)) == 3
    webhooks = [row.body["user"]["id"] for row in several["streak.lost", "webhook"]]
    assert len(set(webhooks)) == 3


@pytest.mark.parametrize("name", NAMES)
def test_everything_asked_and_everything_told_is_about_one_user(name: str) -> None:
    made = batch(name)
    hero = body("users_get", "200", made)
    for (operation, part), examples in made.items():
        if part == "request" and "id" in examples[0].body and operation != "users_create":
            assert examples[0].body["id"] == hero["id"]
    assert body("metrics_event", "request", made)["user"]["id"] == hero["id"]
    assert body("users_wrapped", "200", made)["user"] == hero
    kinds = ["achievement.completed", "streak.started", "streak.extended", "points.changed"]
    kinds += ["streak.lost"] if catalog_factory(name)(utc_day(NOON)).streak.frequency == "daily" else []
    for kind in kinds:
        user = body(kind, "webhook", made)["user"]
        assert (user["id"], user["name"], user["created"]) == (hero["id"], hero["name"], hero["created"])


def test_in_the_default_catalog_all_user_webhooks_are_about_the_user_of_the_responses() -> None:
    hero = body("users_get", "200")
    about = [
        row[0].body["user"]["id"] for row in batch().values() if "user" in row[0].body and row[0].part == "webhook"
    ]
    assert about == [hero["id"]] * 9


def test_totals_agree_wherever_they_are_told() -> None:
    total = body("metrics_event", "201")["total"]
    key = body("users_single_metric", "request")["key"]
    assert body("users_single_metric", "200")["current"] == total
    assert {row["key"]: row["current"] for row in body("users_all_metrics", "200")}[key] == total
    assert body("users_metric_event_summary", "200")[-1]["total"] == total
    assert body("users_wrapped", "200")["activity"]["entireYear"]["metrics"][key]["currentTotal"] == total


def test_points_agree_wherever_they_are_told() -> None:
    points, changed = body("users_points", "200"), body("points.changed", "webhook")["points"]
    event = body("metrics_event", "201")["points"][points["key"]]
    assert points["total"] == event["total"] == changed["total"]
    assert points["awards"][: len(event["awards"])] == event["awards"] == changed["awards"]
    assert body("users_points_event_summary", "200")[-1]["total"] == points["total"]
    assert points["level"] in body("points_levels", "200")


def test_the_streak_is_the_same_wherever_it_is_told() -> None:
    streak, event = body("users_streak", "200"), body("metrics_event", "201")["currentStreak"]
    actual = body("streak.extended", "webhook")["streak"]
    assert event["extended"] is True
    assert actual == {key: event[key] for key in event if key != "extended"} == {key: streak[key] for key in actual}
    listed = {row["userId"]: row["streakLength"] for row in body("streaks_list", "200")}
    assert listed[body("users_get", "200")["id"]] == streak["length"]


def test_ranks_agree_wherever_they_are_told() -> None:
    mine, board = body("users_leaderboard", "200"), body("leaderboards_get", "200")
    moved = body("leaderboard.rank_changed", "webhook")["leaderboard"]
    assert mine["key"] == board["key"] == moved["key"] == body("leaderboard.changed", "webhook")["leaderboard"]["key"]
    assert (mine["rank"], mine["value"]) == (moved["rank"], moved["value"])
    assert body("metrics_event", "201")["leaderboards"][board["key"]]["rank"] == mine["rank"]


def test_the_completed_achievement_is_in_the_response_and_in_the_webhook() -> None:
    actual = body("achievement.completed", "webhook")["achievement"]
    assert actual in body("metrics_event", "201")["achievements"]
    rows = {row["id"]: row for row in body("users_achievements", "200")}
    assert rows[actual["id"]]["achievedAt"] == actual["achievedAt"]


@pytest.mark.parametrize("name", NAMES)
def test_nobody_has_two_names_and_nothing_is_later_than_the_clock(name: str) -> None:
    names: dict[str, set[str]] = {}
    for examples in batch(name).values():
        for found in walk(examples[0].body):
            if isinstance(found, dict):
                user, called = found.get("userId", found.get("id")), found.get("userName", found.get("name"))
                if str(user).startswith("user-") and called and "multiplier" not in found:
                    names.setdefault(str(user), set()).add(called)
            elif isinstance(found, str) and TIME.fullmatch(found):
                assert found <= iso(NOON)
    assert len(names) >= 5
    assert {user: found for user, found in names.items() if len(found) > 1} == {}


def test_the_clock_may_stand_elsewhere() -> None:
    later = NOON + 100 * HISTORY
    made = make(loaded_spec(), catalog_factory("catalog"), None, seed=1, now=later)
    assert body("metrics_event", "201", made)["currentStreak"]["periodStart"] == iso(later)[:10]
    assert body("users_get", "200", made)["created"][:4] == str(2026 + 100 * HISTORY // (365 * DAY))


def test_at_the_beginning_of_time_there_are_responses_but_no_history() -> None:
    made = make(loaded_spec(), catalog_factory("catalog"), None, seed=1, now=0)
    assert body("users_get", "200", made)["created"] == "1970-01-01T00:00:00.000Z"
    assert made["streak.lost", "webhook"] == []


def test_a_catalog_with_nothing_in_it_still_has_users_and_streaks() -> None:
    made = make(loaded_spec(), lambda day: Catalog("Empty"), catalog_factory("catalog"), seed=1, now=NOON)
    own = {name for (name, part), rows in made.items() if part == "200" and not rows[0].lacking}
    assert own >= {"users_get", "users_streak", "streaks_list", "users_all_metrics", "users_wrapped"}
    assert all(rows for rows in made.values())


def test_in_an_organisation_with_tenants_every_request_names_one() -> None:
    catalog = Catalog("Tenants", settings=Settings(multi_tenant=True))
    made = make(loaded_spec(), lambda day: catalog, None, seed=1, now=NOON)
    sent = [rows[0].request for rows in made.values() if rows and rows[0].request]
    assert {request.headers["Tenant-ID"] for request in sent} == {TENANT}
    assert body("users_get", "200", made)["id"].startswith("user-")


def walk(found: Any) -> Iterator[Any]:
    """Everything inside, containers included."""
    yield found
    for inner in found.values() if isinstance(found, dict) else found if isinstance(found, list) else ():
        yield from walk(inner)


@cache
def plain() -> Batch:
    return make(
        loaded_spec(), lambda day: catalogs.parse(PLAIN, today=day), catalog_factory("catalog"), seed=1, now=NOON
    )


def test_what_a_catalog_lacks_comes_from_the_default_one_and_says_so() -> None:
    lacking = {name for (name, _), examples in plain().items() if examples[0].lacking}
    assert lacking == {
        "achievements_complete",
        "users_points_boosts",
        "points_boosts",
        "points_levels",
        "points_level_summary",
        "streak.freeze_consumed",
        "streak.freeze_earned",
        "points.level_changed",
        "points.boost_started",
        "points.boost_finished",
    }
    assert not any(examples[0].lacking for examples in batch().values())


def test_errors_say_what_was_wrong_with_the_request() -> None:
    assert "Invalid attribute keys: plan-typ" in body("users_update", "422")["error"]
    assert "includeIncomplete" in body("users_achievements", "422")["error"]
    assert "percent-encoded" in body("points_level_summary", "422")["error"]  # all its systems have levels
    assert "at most 25, the size of the leaderboard" in body("leaderboards_get", "422")["error"]


def test_an_unexpected_response_is_not_passed_off_as_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.api.users.find_user", lambda game, id: 1 / 0)
    with pytest.raises(UnexpectedResponse, match="users_update was to return 200, but returned 500"):
        make(loaded_spec(), catalog_factory("catalog"), None, seed=1, now=NOON)

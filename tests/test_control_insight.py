"""What a world tells of itself: what it was asked, what happened, and why things are as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plane import Http, refused, speaking_to

from mockserver.control.facts import KINDS
from mockserver.control.sentences import SAYINGS
from mockserver.game import facts as f
from mockserver.testing import MadeWorld, MockServer

NOON = "2026-03-01T12:00:00.000Z"


@pytest.fixture
def world(trophy_server: MockServer) -> Iterator[MadeWorld]:
    with trophy_server.world(now=NOON, frozen=True) as world:
        yield world


@pytest.fixture
def http(world: MadeWorld) -> Iterator[Http]:
    with speaking_to(world) as http:
        yield http


# Requests


def test_a_request_is_kept_with_its_bodies_status_and_duration(http: Http) -> None:
    response = http.event("ada", 5)
    (kept,) = http.get("/requests")["requests"]
    assert kept["duration"] > 0
    known = {key: kept[key] for key in ("method", "path", "operationId", "userId", "status", "time")}
    assert known == {
        "method": "POST",
        "path": "/v1/metrics/words-written/event",
        "operationId": "metrics_event",
        "userId": "ada",
        "status": 201,
        "time": NOON,
    }
    assert kept["request"] == {"user": {"id": "ada"}, "value": 5}
    assert kept["response"] == response


def test_a_call_that_names_a_user_is_about_that_user(http: Http) -> None:
    http.event("ada", 5)
    http.mock("POST", "/webhooks/trigger", {"type": "streak.lost", "userId": "ada"})
    about = http.get("/requests?userId=ada")["requests"]
    assert [row["operationId"] for row in about] == ["mock_webhooks_trigger", "metrics_event"]


def test_refused_requests_are_kept_too(http: Http) -> None:
    http.api("POST", "/metrics/words-written/event", b"{not json")
    http.api("GET", "/users/nobody/streak?historyPeriods=x")
    newest, oldest = http.get("/requests")["requests"]
    assert (newest["status"], newest["query"]) == (422, "historyPeriods=x")
    assert (oldest["status"], oldest["request"], oldest["userId"]) == (400, "{not json", None)


def test_requests_are_filtered_by_operation_user_and_status(http: Http) -> None:
    for user in ("ada", "bob", "an/odd one"):
        http.event(user, 5)
    http.api("GET", "/users/an%2Fodd%20one/metrics/words-written")
    http.api("GET", "/users/ada/streak")
    http.api("POST", "/users", {"id": "carl"})
    http.api("GET", "/leaderboards/all-time-words?userId=bob")
    http.api("GET", "/users/nobody/streak")

    def operations(query: str) -> list[str]:
        return [row["operationId"] for row in http.get(f"/requests?{query}")["requests"]]

    assert operations("userId=ada") == ["users_streak", "metrics_event"]
    assert operations("userId=bob") == ["leaderboards_get", "metrics_event"]
    assert operations("userId=carl") == ["users_create"]
    assert operations("userId=an%2Fodd%20one") == ["users_single_metric", "metrics_event"]
    assert operations("operationId=users_streak&status=200") == ["users_streak"]
    assert operations("operationId=users_streak&limit=1") == ["users_streak"]
    assert len(operations("operationId=metrics_event")) == 3
    refused(http.mock("GET", "/requests?operationId=metric_event"), 422, '"metrics_event"')


def test_the_newest_thousand_requests_are_kept_and_the_rest_is_counted(http: Http) -> None:
    for number in range(1005):
        http.api("GET", f"/users/user-{number}")
    log = http.get("/requests")
    assert [row["userId"] for row in log["requests"]] == [f"user-{number}" for number in range(1004, 4, -1)]
    assert log["letGo"] == 5


def test_the_log_is_emptied(http: Http) -> None:
    http.event("ada", 5)
    assert http.mock("DELETE", "/requests").status_code == 204
    assert http.get("/requests")["requests"] == []


def test_a_large_body_is_kept_as_far_as_it_is_worth_reading(http: Http) -> None:
    http.api("POST", "/metrics/words-written/event", {"user": {"id": "ada", "name": "a" * 200_000}, "value": 1})
    (kept,) = http.get("/requests")["requests"]
    assert len(kept["request"]) < 70_000
    assert kept["request"].endswith("…")


def test_every_call_that_changes_a_world_is_in_its_log(http: Http) -> None:
    http.mock("PUT", "/clock", {"frozen": True})
    http.mock("PUT", "/faults", {})
    http.mock("PUT", "/clock", {"frozen": "no"})
    http.get("/clock")
    rows = [(row["operationId"], row["status"]) for row in http.get("/requests")["requests"]]
    assert rows == [("mock_clock_set", 422), ("mock_faults_set", 200), ("mock_clock_set", 200)]


# Facts


def test_every_kind_of_fact_has_a_sentence() -> None:
    assert set(SAYINGS) == set(KINDS.values()) == set(f.Fact.__args__)


def test_the_journal_is_told_newest_first_each_fact_with_the_one_behind_it(http: Http) -> None:
    http.event("ada", 500)
    facts = http.get("/facts")["facts"]
    assert [fact["number"] for fact in facts] == list(range(len(facts), 0, -1))
    by_number = {fact["number"]: fact for fact in facts}
    event = next(fact for fact in facts if fact["kind"] == "MetricChanged")
    assert (event["value"], event["total"], event["localDate"], event["cause"]) == (500, 500, "2026-03-01", None)
    streak = next(fact for fact in facts if fact["kind"] == "StreakStarted")
    assert by_number[streak["cause"]] == event
    completed = [fact["achievement"] for fact in facts if fact["kind"] == "AchievementCompleted"]
    assert "first-words" in completed
    assert all(fact["says"].endswith(".") and "ada" in fact["says"] for fact in facts if "userId" in fact)


def test_amounts_are_told_as_they_were_sent(http: Http) -> None:
    http.event("ada", 0.1)
    http.event("ada", 0.2)
    (fact, _) = http.get("/facts?kind=MetricChanged")["facts"]
    assert (fact["value"], fact["total"]) == (0.2, 0.3)
    assert "+0.2, total 0.3" in fact["says"]


def test_facts_are_filtered_by_user_kind_and_time(world: MadeWorld, http: Http) -> None:
    http.event("ada", 100)
    http.event("bob", 200)
    world.advance(days=1)
    http.event("ada", 100)
    assert {fact["userId"] for fact in world.facts(user="ada", kind="MetricChanged")} == {"ada"}
    assert len(world.facts(user="ada", kind="MetricChanged", since="2026-03-02T00:00:00Z")) == 1
    assert len(world.facts(kind="MetricChanged", until="2026-03-01T12:00:00Z")) == 2
    overtaken = [fact for fact in world.facts(user="ada") if fact.get("userId") == "bob"]
    assert {fact["kind"] for fact in overtaken} == {"ScoreChanged"}  # what moved her is about her too
    refused(http.mock("GET", "/facts?kind=StreakLoss"), 422, "`kind`", '"StreakLost"')
    refused(http.mock("GET", "/facts?from=yesterday"), 422, "`from`", "ISO 8601")
    refused(http.mock("GET", "/facts?user=ada"), 422, "`user`", "`userId`")
    refused(http.mock("GET", "/facts?limit=0"), 422, "`limit`", "1 to 1000")
    refused(http.mock("GET", "/facts?limit=1&limit=2"), 422, "`limit`", "once")


def test_pages_of_facts_cover_the_journal_without_gaps(http: Http) -> None:
    for user in range(10):
        http.event(f"user-{user}", 1000)
    whole = [fact["number"] for fact in http.get("/facts?limit=1000")["facts"]]
    found: list[int] = []
    below = ""
    while True:
        page = http.get(f"/facts?limit=17{below}")
        found += [fact["number"] for fact in page["facts"]]
        if page["next"] is None:
            break
        below = f"&before={page['next']}"
    assert found == whole == list(range(len(whole), 0, -1))


# What falls due where the catalog says so; test_game_emails.py tells it.
MESSAGES = {"RecapDue", "ReactivationDue", "StreakReminderDue", "AchievementMessageDue"}


def by_hand(http: Http, user: str) -> None:
    """What only the organisation does to a user's streak."""
    http.event(user, 5000)
    for call in ("reset", "restore"):
        assert http.send("POST", f"/admin/v1/streaks/{call}", {"users": [{"id": user}]}).status_code in (200, 201)
    assert http.send("POST", "/admin/v1/streaks/freezes", {"freezes": [{"userId": user}]}).status_code == 201
    days = {"start": "2026-12-01", "end": "2026-12-02"}
    response = http.send("POST", "/admin/v1/streaks/pauses", {"pauses": [{"userId": user, **days}]})
    assert http.send("DELETE", f"/admin/v1/streaks/pauses?ids={response.json()['created'][0]['id']}").status_code == 200


def test_every_fact_of_lively_weeks_can_be_told(trophy_server: MockServer) -> None:
    with trophy_server.world(users=8, now=NOON, frozen=True) as world, speaking_to(world) as http:
        world.advance(days=45)
        http.api("PATCH", "/users/user-123", b'{"name": "Somebody Else", "tz": "Asia/Tokyo"}')
        http.api("PATCH", "/users/user-123/preferences", b'{"notifications": {"recap": ["push"]}}')
        by_hand(http, "newcomer")
        catalog = world.catalog()
        catalog["achievements"].pop("first-words")
        catalog["leaderboards"].clear()
        catalog["streak"]["frequency"] = "weekly"
        world.set_catalog(catalog)
        kinds: set[str] = set()
        below = None
        while True:
            page = world.control("GET", "/facts?limit=1000" + (f"&before={below}" if below else ""))
            kinds |= {fact["kind"] for fact in page["facts"]}
            assert all(fact["says"].endswith(".") for fact in page["facts"])
            if (below := page["next"]) is None:
                break
        assert kinds == KINDS.keys() - MESSAGES


# Why


def sentences(why: dict[str, Any]) -> list[str]:
    return [sentence for link in why["because"] for sentence in link["sentences"]]


FOR_PROS = {
    "name": "Pros",
    "userAttributes": ["plan"],
    "metrics": {"steps": {"name": "Steps"}},
    "leaderboards": {
        "pros": {
            "name": "Pros",
            "rankBy": "metric",
            "metricKey": "steps",
            "start": "-1d",
            "userAttributes": {"plan": "pro"},
        }
    },
}


@pytest.mark.trophy_world(catalog=FOR_PROS)
def test_why_somebody_does_not_take_part_in_a_leaderboard(trophy_world: MadeWorld) -> None:
    with speaking_to(trophy_world) as http:
        http.event("ada", 5, "steps")
        says = http.get("/why?userId=ada&leaderboard=pros")["answer"]
        assert says.endswith("): it is for users with plan “pro”.")
        http.event("ada", 5, "steps", attributes={"plan": "pro"})
        assert "at rank 1" in http.get("/why?userId=ada&leaderboard=pros")["answer"]


def test_why_somebody_has_these_points(world: MadeWorld, http: Http) -> None:
    http.event("ada", 100, name="Ada Lovelace")
    http.event("ada", 250)
    why = world.why("ada", points="xp")
    total = http.api("GET", "/users/ada/points/xp").json()["total"]
    assert sum(link["fact"]["awarded"] for link in why["because"]) == total > 0
    assert why["answer"].startswith(f"Ada Lovelace (ada) has {total:,} XP:")
    assert why["earlier"] is None
    for link in why["because"]:
        assert link["fact"]["kind"] == "PointsAwarded"
        assert link["causes"][-1]["kind"] == "MetricChanged"
        assert link["causes"][-1]["cause"] is None
    assert any("for every 100 “Words written”" in sentence for sentence in sentences(why))
    assert any(sentence.startswith("Because: Ada Lovelace (ada): “Words written” +250") for sentence in sentences(why))


def test_why_somebody_has_no_points(world: MadeWorld, http: Http) -> None:
    http.event("ada", 1)
    assert world.why("ada", points="xp")["answer"] == "ada has 0 XP: no trigger has paid yet."


def test_many_awards_are_summed_up(world: MadeWorld, http: Http) -> None:
    for _ in range(130):
        http.event("ada", 100)
    why = world.why("ada", points="xp")
    shown = sum(link["fact"]["awarded"] for link in why["because"])
    total = http.api("GET", "/users/ada/points/xp").json()["total"]
    assert len(why["because"]) == 100
    assert why["earlier"] == f"{total - shown:,} XP come from earlier awards."


def test_why_somebody_has_an_achievement_or_not(world: MadeWorld, http: Http) -> None:
    http.event("ada", 100)
    why = world.why("ada", achievement="first-words")
    assert why["answer"] == "ada has completed “First Words”."
    assert [cause["kind"] for cause in why["because"][0]["causes"]] == ["MetricChanged"]
    missing = world.why("ada", achievement="novice-writer")
    assert missing["answer"] == "ada has not completed “Novice Writer”: “Words written” is 100 of 500."
    assert missing["because"] == []


def test_a_composite_is_explained_by_its_prerequisites(world: MadeWorld, http: Http) -> None:
    catalog = world.catalog()
    needed = {"name": "Both", "trigger": "achievement", "achievementKeys": ["first-words", "novice-writer"]}
    catalog["achievements"]["both"] = needed
    world.set_catalog(catalog)
    http.event("ada", 100)
    assert "it needs “Novice Writer”" in world.why("ada", achievement="both")["answer"]
    http.event("ada", 400)
    why = world.why("ada", achievement="both")
    assert [link["fact"]["achievement"] for link in why["because"]] == ["first-words", "novice-writer", "both"]


def test_why_a_streak_is_as_long_as_it_is(world: MadeWorld, http: Http) -> None:
    assert http.api("PUT", "/users/ada", {}).status_code == 200
    assert world.why("ada", streak=True)["answer"] == "ada has no streak: there has been none yet."
    for _ in range(3):
        http.event("ada", 10)
        world.advance(days=1)
    why = world.why("ada", streak=True)
    assert why["answer"] == "ada has a streak of 3."
    assert [link["fact"]["kind"] for link in why["because"]] == ["StreakStarted", "StreakExtended", "StreakExtended"]
    world.advance(days=10)
    lost = world.why("ada", streak=True)
    assert lost["answer"] == "ada has no streak: one of 3 was lost."
    assert lost["because"][-1]["fact"]["kind"] == "StreakLost"


def test_why_somebody_has_this_rank(world: MadeWorld, http: Http) -> None:
    board = next(row["key"] for row in http.api("GET", "/leaderboards").json() if row["rankBy"] == "metric")
    http.event("ada", 100)
    http.event("bob", 200)
    why = world.why("ada", leaderboard=board)
    assert why["answer"].startswith("ada is at rank 2 on")
    assert [link["fact"]["userId"] for link in why["because"]] == ["ada", "bob"]
    assert "ada went from rank 1 to rank 2" in why["because"][1]["sentences"][0]
    assert world.why("bob", leaderboard=board)["answer"].startswith("bob is at rank 1 on")


def test_what_is_not_clearly_asked_is_refused(http: Http) -> None:
    http.event("ada", 5)
    refused(http.mock("GET", "/why?points=xp"), 422, "`userId`")
    refused(http.mock("GET", "/why?userId=ada"), 422, "points=KEY", "streak")
    refused(http.mock("GET", "/why?userId=ada&points=xp&streak"), 422, "one of")
    refused(http.mock("GET", "/why?userId=eve&points=xp"), 404, "eve")
    refused(http.mock("GET", "/why?userId=ada&points=gold"), 404, "gold")
    refused(http.mock("GET", "/why?userId=ada&achievement=first-word"), 404, "first-word")
    refused(http.mock("GET", "/why?userId=ada&leaderboard=none"), 404, "none")
    refused(http.mock("GET", "/why?userId=ada&badge=x"), 422, "`badge`")

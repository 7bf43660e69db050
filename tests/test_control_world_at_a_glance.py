"""What the control plane returns of a whole world: users, points, boards, a stream of facts, a catalog on trial."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from plane import Http, refused, speaking_to

from mockserver.testing import MadeWorld

FROZEN = pytest.mark.trophy_world(now="2026-03-01T12:00:00Z", frozen=True)
LIVED = pytest.mark.trophy_world(users=8, now="2026-03-01T12:00:00Z", frozen=True)


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def ids(response: Any) -> list[str]:
    return [row["id"] for row in response["users"]]


# Users


@FROZEN
def test_users_are_found_by_name_id_email_and_attribute(http: Http) -> None:
    http.event("a/1", 100, name="Ångström")
    http.event("b", 100, email="someone@example.com")
    http.event("c🏆", 100, attributes={"region": "us-east"})
    assert ids(http.get("/users?search=%C3%A5NG")) == ["a/1"]
    assert ids(http.get("/users?search=a/1")) == ["a/1"]
    assert ids(http.get("/users?search=SOMEONE@")) == ["b"]
    assert ids(http.get("/users?search=us-east")) == ["c🏆"]
    assert http.get("/users?search=nobody") == {"users": [], "total": 0, "next": None}
    assert http.get("/user?userId=a/1")["user"]["name"] == "Ångström"


@LIVED
@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("name", lambda row: (row["name"] or row["id"]).casefold()),
        ("streak", lambda row: row["streak"]),
        ("points", lambda row: row["points"][0]["total"]),
        ("lastSeen", lambda row: row["lastSeen"] or ""),
        ("created", lambda row: row["created"]),
    ],
)
def test_users_come_in_the_order_asked_for(http: Http, sort: str, key: Any) -> None:
    rows = http.get(f"/users?sort={sort}")["users"]
    assert len({key(row) for row in rows}) > 1
    assert rows == sorted(rows, key=lambda row: (key(row), row["id"]))
    assert http.get(f"/users?sort=-{sort}")["users"] == rows[::-1]


@LIVED
def test_pages_follow_each_other_and_leave_nobody_out(http: Http) -> None:
    seen: list[str] = []
    offset = 0
    while offset is not None:
        page = http.get(f"/users?limit=3&offset={offset}")
        seen, offset = seen + ids(page), page["next"]
        assert page["total"] == 8
    assert len(seen) == len(set(seen)) == 8


@LIVED
def test_who_has_an_achievement_and_who_is_at_a_level(http: Http) -> None:
    for row in http.get("/achievements")["achievements"]:
        assert http.get(f"/users?achievement={row['key']}")["total"] == row["completions"]
    (xp, _) = http.get("/points")["systems"]
    assert sum(level["users"] for level in xp["levels"]) + xp["belowLevels"] == 8
    for level in xp["levels"]:
        assert http.get(f"/users?level=xp/{level['key']}")["total"] == level["users"]
    refused(http.mock("GET", "/users?achievement=none"), 422, "achievement")
    refused(http.mock("GET", "/users?level=xp"), 422, "level")


@LIVED
def test_a_user_is_as_the_api_says(http: Http) -> None:
    user = http.get("/users?sort=-streak")["users"][0]["id"]
    shown = http.get(f"/user?userId={user}")
    streak = http.api("GET", f"/users/{user}/streak?historyPeriods=182").json()
    assert [row["length"] for row in shown["streak"]["periods"]] == [row["length"] for row in streak["streakHistory"]]
    assert {row["state"] for row in shown["streak"]["periods"]} >= {"kept", "before"}
    for row in shown["points"]:
        assert row["total"] == http.api("GET", f"/users/{user}/points/{row['key']}").json()["total"]
        assert row["days"][-1]["total"] == row["total"]
    done = [row["id"] for row in shown["achievements"] if row["achievedAt"]]
    assert done == [row["id"] for row in http.api("GET", f"/users/{user}/achievements").json()]
    for row in shown["leaderboards"]:
        place = http.api("GET", f"/users/{user}/leaderboards/{row['key']}").json()
        assert (row["rank"], row["value"]) == (place["rank"], place["value"])


@FROZEN
def test_each_period_of_a_streak_has_its_state(http: Http) -> None:
    http.event("ada", 100)
    http.mock("POST", "/clock/advance", {"days": 1})
    http.event("ada", 100)
    http.mock("POST", "/clock/advance", {"days": 3})
    states = [row["state"] for row in http.get("/user?userId=ada")["streak"]["periods"]]
    assert states[-6:] == ["before", "kept", "kept", "missed", "missed", "open"]


@FROZEN
def test_progress_says_how_far_an_achievement_is(http: Http) -> None:
    http.event("ada", 250)
    rows = {row["key"]: row for row in http.get("/user?userId=ada")["achievements"]}
    assert rows["novice-writer"]["progress"] == {"current": 250, "target": 500}
    assert rows["3-day-streak"]["progress"] == {"current": 1, "target": 3}
    assert rows["all-rounder"]["progress"] == {"current": 0, "target": 3}
    assert rows["finish-onboarding"]["progress"] is None


@pytest.mark.trophy_world(catalog={"name": "Bare", "metrics": {"steps": {"name": "Steps"}}})
def test_a_world_without_streak_points_and_boards_can_be_read(http: Http) -> None:
    http.event("ada", 5, metric="steps")
    shown = http.get("/user?userId=ada")
    assert (shown["streak"], shown["points"], shown["leaderboards"]) == (None, [], [])
    assert http.get("/users?sort=points")["users"][0]["points"] == []
    assert http.get("/overview")["points"] == http.get("/points")["systems"] == []
    assert http.get("/leaderboards")["leaderboards"] == http.get("/achievements")["achievements"] == []


# The whole


@LIVED
def test_the_overview_adds_up(http: Http) -> None:
    shown = http.get("/overview")
    assert shown["users"] == 8
    assert shown["activeStreaks"] == sum(row["streak"] > 0 for row in http.get("/users")["users"])
    assert shown["points"][0]["total"] == sum(row["points"][0]["total"] for row in http.get("/users")["users"])
    assert shown["webhooks"] == len(http.get("/webhooks/events")["events"])
    before = shown["days"][-1]
    http.event("ada", 1)
    after = http.get("/overview")["days"][-1]
    assert (after["date"], after["events"], after["users"]) == ("2026-03-01", before["events"] + 1, before["users"] + 1)


@LIVED
def test_a_ranking_is_the_apis_and_knows_who_moved(http: Http) -> None:
    http.event("ada", 1_000_000)
    shown = http.get("/leaderboard?leaderboard=all-time&limit=1000")
    assert shown["rankings"] == http.api("GET", "/leaderboards/all-time?limit=1000").json()["rankings"]
    assert shown["participants"] == len(shown["rankings"])
    assert shown["moves"][0]["userId"] == "ada"
    refused(http.mock("GET", "/leaderboard?leaderboard=none"), 404, "none")
    refused(http.mock("GET", "/leaderboard?leaderboard=all-time&run=1999-01-01"), 404, "1999")
    refused(http.mock("GET", '/leaderboard?leaderboard=all-time&group=["x"]'), 422, "group")


@LIVED
def test_every_group_of_a_board_with_a_breakdown_can_be_seen(http: Http) -> None:
    boards = {row["key"]: row for row in http.get("/leaderboards")["leaderboards"]}
    groups = boards["weekly-words-by-region"]["groups"]
    assert groups
    for group in groups:
        key = f"/leaderboard?leaderboard=weekly-words-by-region&group={json.dumps(group)}"
        assert http.get(key)["breakdownAttributeValue"] == group[0]


# The stream


def events(response: Any) -> Iterator[tuple[str, Any]]:
    """Name and data of each event of a stream."""
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@FROZEN
def test_no_name_of_a_user_ends_a_line_of_the_stream(http: Http) -> None:
    name = "a\x85b\u2028c\u2029d\x1ce"
    with http.client.stream("GET", f"{http.root}/_mock/stream", headers={"X-API-KEY": str(http.key)}) as response:
        stream = events(response)
        next(stream)
        assert http.api("PUT", "/users/ada", {"name": name}).status_code == 200
        assert next(stream)[1]["profile"]["name"] == name


@FROZEN
def test_facts_are_streamed_as_they_happen(http: Http) -> None:
    headers = {"X-API-KEY": str(http.key)}
    with http.client.stream("GET", f"{http.root}/_mock/stream", headers=headers) as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        stream = events(response)
        assert next(stream) == ("start", {"now": "2026-03-01T12:00:00.000Z", "frozen": True, "number": 0})
        http.event("ada", 100)
        facts = http.get("/facts")["facts"]
        assert [data for _, data in islice(stream, len(facts))] == facts[::-1]
        http.mock("POST", "/clock/advance", {"seconds": 30})
        assert next(stream) == ("clock", {"now": "2026-03-01T12:00:30.000Z", "frozen": True})
        http.mock("POST", "/reset")
        assert next(stream)[0] == "reset"
        http.event("bob", 1)
        assert next(stream)[1]["userId"] == "bob"


@FROZEN
@pytest.mark.parametrize("by_header", [True, False])
def test_a_stream_goes_on_where_another_ended(http: Http, by_header: bool) -> None:
    http.event("ada", 100)
    headers = {"X-API-KEY": str(http.key)} | ({"Last-Event-ID": "2"} if by_header else {})
    url = f"{http.root}/_mock/stream" + ("" if by_header else "?after=2")
    with http.client.stream("GET", url, headers=headers) as response:
        _, fact = islice(events(response), 2)
        assert fact[1]["number"] == 3


@FROZEN
def test_a_stream_can_be_filtered_and_reports_gaps(http: Http) -> None:
    http.event("ada", 100)
    http.event("bob", 100)
    headers = {"X-API-KEY": str(http.key)}
    url = f"{http.root}/_mock/stream?after=0&kind=MetricChanged&userId=bob"
    with http.client.stream("GET", url, headers=headers) as response:
        _, (name, fact) = islice(events(response), 2)
        assert (name, fact["kind"], fact["userId"]) == ("fact", "MetricChanged", "bob")
    for user in range(12):
        http.event(f"user-{user}", 100)
    total = http.get("/facts")["total"]
    with http.client.stream("GET", f"{http.root}/_mock/stream?after=0", headers=headers) as response:
        _, gap, first = islice(events(response), 3)
        assert gap == ("gap", {"from": 1, "to": total - 25})
        assert first[1]["number"] == total - 24


# The catalog on trial


@FROZEN
def test_a_wrong_catalog_on_trial_is_told_by_line(http: Http) -> None:
    text = b'name = "Walkers"\n[metrics.steps]\nname = 5\n'
    shown = http.mock("POST", "/catalog/try", text, Content_Type="application/toml").json()
    assert not shown["valid"]
    assert [(row["line"], row["path"]) for row in shown["problems"]] == [(3, "metrics.steps.name")]
    broken = http.mock("POST", "/catalog/try", b"name = ", Content_Type="application/toml").json()
    assert broken["problems"][0]["line"] == 1


@FROZEN
def test_a_catalog_on_trial_says_what_it_would_change_and_changes_nothing(http: Http) -> None:
    http.event("ada", 400)
    text = http.get("/catalog?format=toml")["toml"]
    unchanged = http.mock("POST", "/catalog/try", text.encode(), Content_Type="application/toml").json()
    assert (unchanged["valid"], unchanged["changes"]) == (True, [])
    easier = text.replace("metricValue = 500\n", "metricValue = 400\n")
    tried = http.mock("POST", "/catalog/try", easier.encode(), Content_Type="application/toml").json()
    path = "achievements.novice-writer.metricValue"
    assert tried["changes"] == [{"path": path, "change": "changed", "from": 500, "to": 400}]
    before = http.get("/facts")
    assert before["total"] == http.get("/facts")["total"]
    new = {**http.get("/catalog")}
    new["achievements"] = {**new["achievements"], "walker": {"name": "W", "trigger": "streak", "streakLength": 1}}
    assert http.mock("POST", "/catalog/try", new).json()["counts"] == {"AchievementCompleted": 1, "CatalogChanged": 1}
    assert http.get("/facts") == before
    assert http.mock("PUT", "/catalog", new).status_code == 200
    assert http.get("/facts")["facts"][0]["kind"] == "AchievementCompleted"

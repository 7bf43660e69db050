"""What an organisation does to streaks by hand, with the vendor's own client: freezes, restore, reset, pauses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import trophy
from plane import Http, speaking_to
from trophy.admin.streaks import ResetStreaksRequestUsersItem, RestoreStreaksRequestUsersItem
from trophy.admin.streaks.freezes import CreateStreakFreezesRequestFreezesItem
from trophy.admin.streaks.pauses import CreateStreakPausesRequestPausesItem

from mockserver.testing import MadeWorld

HABIT: dict[str, Any] = {
    "name": "Habit",
    "metrics": {"steps": {"name": "Steps"}},
    "streak": {"frequency": "daily", "freezes": {"initial": 0, "maximum": 2}},
    "leaderboards": {"streaks": {"name": "Streaks", "rankBy": "streak", "start": "-1d"}},
}
WORLD = pytest.mark.trophy_world(catalog=HABIT, now="2026-03-02T12:00:00Z", frozen=True)
pytestmark = WORLD
SAYS = "User does not exist"
UNKNOWN = {"userId": "nobody", "severity": "error", "message": SAYS, "level": "error", "reason": SAYS}


@pytest.fixture
def client(trophy_world: MadeWorld) -> Iterator[trophy.TrophyApi]:
    environment = trophy.TrophyApiEnvironment(api=trophy_world.url, admin=trophy_world.admin_url)
    with httpx.Client() as connections:
        yield trophy.TrophyApi(api_key=trophy_world.api_key, environment=environment, httpx_client=connections)


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as found:
        yield found


def admin(http: Http, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    response = http.send(method, f"/admin/v1{path}", body)
    return response.status_code, response.json()


def days_of_steps(world: MadeWorld, client: trophy.TrophyApi, days: int) -> None:
    for _ in range(days):
        client.metrics.event("steps", user=trophy.UpsertedUser(id="ann"), value=1)
        world.advance(days=1)


def test_each_entry_is_one_freeze_until_no_more_can_be_held(client: trophy.TrophyApi) -> None:
    client.users.create(id="ann")
    rows = [CreateStreakFreezesRequestFreezesItem(user_id=user) for user in ("ann", "nobody", "ann", "ann")]
    issues = client.admin.streaks.freezes.create(freezes=rows).issues
    assert [(row.user_id, row.severity, row.message) for row in issues] == [
        ("nobody", "error", "User does not exist"),
        ("ann", "warning", "Would exceed maximum freeze limit"),
    ]
    assert client.users.streak("ann").freezes == 2


def test_201_says_that_something_was_made_and_200_that_nothing_was(http: Http) -> None:
    http.api("POST", "/users", {"id": "ann"})
    freezes = {"freezes": [{"userId": "ann"}, {"userId": "nobody"}]}
    assert admin(http, "POST", "/streaks/freezes", freezes) == (201, {"issues": [UNKNOWN]})
    assert admin(http, "POST", "/streaks/freezes", {"freezes": [{"userId": "nobody"}]}) == (200, {"issues": [UNKNOWN]})
    nobody = {"users": [{"id": "nobody"}]}
    assert admin(http, "POST", "/streaks/restore", nobody) == (200, {"restoredUsers": [], "issues": [UNKNOWN]})
    assert admin(http, "POST", "/streaks/reset", nobody) == (200, {"resetUsers": [], "issues": [UNKNOWN]})


def test_a_reset_streak_can_be_restored(trophy_world: MadeWorld, client: trophy.TrophyApi) -> None:
    days_of_steps(trophy_world, client, 3)
    streaks = client.admin.streaks
    assert streaks.reset(users=[ResetStreaksRequestUsersItem(id="ann")]).reset_users == ["ann"]
    assert client.users.streak("ann").length == 0
    again = streaks.reset(users=[ResetStreaksRequestUsersItem(id="ann")])
    assert (again.reset_users, [row.severity for row in again.issues]) == ([], ["warning"])
    assert streaks.restore(users=[RestoreStreaksRequestUsersItem(id="ann")]).restored_users == ["ann"]
    assert client.users.streak("ann").length == 3
    assert client.leaderboards.get("streaks").rankings[0].value == 3


def test_a_pause_keeps_the_streak_and_is_shown_until_it_is_deleted(
    trophy_world: MadeWorld, client: trophy.TrophyApi
) -> None:
    days_of_steps(trophy_world, client, 2)
    rows = [
        CreateStreakPausesRequestPausesItem(user_id="ann", start="2026-03-04", end="2026-03-08"),
        CreateStreakPausesRequestPausesItem(user_id="ann", start="2026-03-01", end="2026-03-08"),
        CreateStreakPausesRequestPausesItem(user_id="nobody", start="2026-03-04", end="2026-03-08"),
    ]
    response = client.admin.streaks.pauses.create(pauses=rows)
    (pause,) = response.created
    assert (pause.user_id, pause.start, pause.end, pause.status) == ("ann", "2026-03-04", "2026-03-08", "active")
    assert [(row.user_id, row.severity) for row in response.issues] == [("ann", "error"), ("nobody", "error")]
    trophy_world.advance(days=4)
    streak = client.users.streak("ann")
    assert (streak.length, [row.id for row in streak.pauses]) == (2, [pause.id])
    assert streak.streak_history[-2].used_pause
    gone = client.admin.streaks.pauses.delete(ids=[pause.id, "no-uuid", "550e8400-e29b-41d4-a716-446655440999"])
    assert [row.id for row in gone.deleted] == [pause.id]
    assert [(row.id, row.message) for row in gone.issues] == [
        ("no-uuid", "id must be a valid UUID"),
        ("550e8400-e29b-41d4-a716-446655440999", "Streak pause not found by ID"),
    ]
    assert client.users.streak("ann").pauses == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    [
        ("POST", "/streaks/freezes", {"freezes": []}, 422, "`freezes` must not be empty"),
        ("POST", "/streaks/freezes", {"freezes": [{"userId": "a"}] * 101}, 422, "at most 100 items"),
        ("POST", "/streaks/freezes", {}, 422, "`freezes` is required"),
        ("POST", "/streaks/restore", {"users": [{"id": ""}]}, 422, "`users[0].id` must not be empty"),
        ("POST", "/streaks/reset", {"users": [{"id": 5}]}, 422, "`users[0].id` must be a string"),
        ("POST", "/streaks/reset", None, 422, "body is required"),
        ("POST", "/streaks/reset", b"{", 400, "JSON"),
        ("POST", "/streaks/pauses", {"pauses": [{"userId": "a", "start": "x", "end": "y"}]}, 422, "YYYY-MM-DD"),
        ("DELETE", "/streaks/pauses", None, 422, "`ids` is required"),
        ("DELETE", "/streaks/pauses?ids=", None, 422, "`ids` must be 1 to 100 ids"),
        ("DELETE", "/streaks/pauses?ids=" + ",".join(map(str, range(101))), None, 422, "`ids` must be 1 to 100 ids"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_and_changes_nothing(
    http: Http, method: str, path: str, body: Any, status: int, word: str
) -> None:
    http.api("POST", "/users", {"id": "a"})
    before = http.get("/facts")
    responded, content = admin(http, method, path, body)
    assert (responded, list(content)) == (status, ["error"])
    assert word in content["error"]
    assert http.get("/facts") == before


def test_a_year_that_no_calendar_has_is_an_issue_of_its_pause(http: Http) -> None:
    http.api("POST", "/users", {"id": "a"})
    body = {"pauses": [{"userId": "a", "start": "0000-01-01", "end": "2026-03-04"}]}
    status, content = admin(http, "POST", "/streaks/pauses", body)
    assert (status, [row["severity"] for row in content["issues"]]) == (200, ["error"])


def test_what_was_done_by_hand_is_in_snapshots_and_resets(trophy_world: MadeWorld, http: Http) -> None:
    http.api("POST", "/users", {"id": "a"})
    before = trophy_world.snapshot()
    assert admin(http, "POST", "/streaks/freezes", {"freezes": [{"userId": "a"}]})[0] == 201
    after = trophy_world.snapshot()
    trophy_world.restore(before)
    assert http.api("GET", "/users/a/streak").json()["freezes"] == 0
    trophy_world.restore(after)
    assert http.api("GET", "/users/a/streak").json()["freezes"] == 1

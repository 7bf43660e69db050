"""Ids tell worlds apart: they come from the seed and the key, and the same seed and key give the same."""

from __future__ import annotations

from typing import Any

from plane import Http, speaking_to

from mockserver.testing import MockServer

NOON = "2026-03-01T12:00:00Z"
EVENT = {"user": {"id": "ada"}, "value": 100}


def ids(http: Http) -> list[Any]:
    """Of an event, a completion and an award, the first of their world."""
    event = http.api("POST", "/metrics/words-written/event", EVENT).json()
    done = http.api("POST", "/achievements/finish-onboarding/complete", {"user": {"id": "ada"}}).json()
    awards = http.api("GET", "/users/ada/points/xp?awards=5").json()["awards"]
    assert awards
    return [event["eventId"], done["completionId"], *(award["id"] for award in awards)]


def first_ids(server: MockServer) -> list[list[Any]]:
    """Of the server's own world and of two that it makes."""
    with speaking_to(server) as http:
        worlds = [server.world(now=NOON, frozen=True) for _ in range(2)]
        return [ids(http), *(ids(http.with_key(world.api_key)) for world in worlds)]


def test_the_first_ids_of_worlds_with_one_seed_differ_and_are_the_same_in_each_run() -> None:
    runs = []
    for _ in range(2):
        with MockServer(now=NOON, frozen=True) as server:
            runs.append(first_ids(server))
    assert runs[0] == runs[1]
    flat = [one for world in runs[0] for one in world]
    assert len(set(flat)) == len(flat)


def test_another_key_has_other_ids_and_the_same_users() -> None:
    results = []
    for key in ("one.key", "two.key"):
        with MockServer(now=NOON, frozen=True, users=3, history_days=3, api_key=key) as server:
            users = [fact["userId"] for fact in server.facts(kind="UserCreated")]
            with speaking_to(server) as http:
                results.append((users, ids(http)))
    assert results[0][0] == results[1][0]
    assert not set(results[0][1]) & set(results[1][1])


def test_what_follows_a_restored_snapshot_has_the_ids_of_the_first_time() -> None:
    with MockServer(now=NOON, frozen=True) as server, speaking_to(server) as http:
        before = server.snapshot()
        first = ids(http)
        server.restore(before)
        assert ids(http) == first

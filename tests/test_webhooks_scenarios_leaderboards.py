"""Each of the four webhooks of leaderboards, brought about through the public API and the clock, and in agreement with
both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from webhook_story import Scenario, run_story, same, written


def key(body: Any) -> str:
    return str(body["leaderboard"]["key"])


def place(body: Any) -> tuple[Any, ...]:
    board = body["leaderboard"]
    return body["user"]["id"], board["previousRank"], board["previousValue"], board["rank"], board["value"]


def test_a_run_is_told_before_its_first_day_and_after_its_last_with_the_rankings_of_then() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 30)
        await scenario.event("ben", 50, name="Ben")
        await scenario.webhooks()
        await scenario.at(datetime(2025, 4, 5, 10, tzinfo=UTC))
        (started,) = [body for body in await scenario.webhooks("leaderboard.started") if key(body) == "weekly-words"]
        assert started["timestamp"] == "2025-04-05T10:00:00.000Z"
        assert (started["leaderboard"]["run"], started["leaderboard"]["rankings"]) == ("2025-04-06", [])
        await scenario.event("ann", 40)
        await scenario.at(datetime(2025, 4, 6, 13, tzinfo=UTC))
        (finished,) = [body for body in await scenario.webhooks("leaderboard.finished") if key(body) == "weekly-words"]
        assert finished["timestamp"] == "2025-04-06T13:00:00.000Z"
        board = await scenario.get("/leaderboards/weekly-words?run=2025-03-30")
        assert finished["leaderboard"] == board | {"run": "2025-03-30"}
        assert [(row["userId"], row["value"]) for row in board["rankings"]] == [("ann", 70), ("ben", 50)]

    run_story(story)


def test_changed_rankings_are_told_once_for_each_board_as_the_board_shows_them() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 30)
        await scenario.webhooks()
        await scenario.event("ben", 50, name="Ben")
        bodies = await scenario.webhooks("leaderboard.changed")
        boards = [key(body) for body in bodies]
        assert sorted(boards) == sorted(set(boards)) == ["all-time", "streak-board", "weekly-words"]
        for body in bodies:
            board = await scenario.get(f"/leaderboards/{key(body)}")
            assert same(board, body["leaderboard"])
            assert len(board["rankings"]) == 2
        assert {key(body): body["leaderboard"]["run"] for body in bodies}["weekly-words"] == "2025-03-30"

    run_story(story)


def test_a_board_with_breakdown_is_told_for_the_group_that_changed() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 30, attributes={"region": "us-east"})
        await scenario.event("ben", 50, attributes={"region": "eu-west"})
        east, west = [
            body for body in await scenario.webhooks("leaderboard.changed") if key(body) == "weekly-words-by-region"
        ]
        assert east["leaderboard"]["breakdownAttributeValues"] == [{"key": "region", "value": "us-east"}]
        assert west["leaderboard"]["breakdownAttributeValue"] == "eu-west"
        for body, region in ((east, "us-east"), (west, "eu-west")):
            board = await scenario.get(f"/leaderboards/weekly-words-by-region?userAttributes=region:{region}")
            assert body["leaderboard"]["rankings"] == board["rankings"]

    run_story(story)


def test_a_changed_rank_is_told_to_the_one_who_climbs_and_to_the_one_who_is_passed() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 30)
        first = [body for body in await scenario.webhooks("leaderboard.rank_changed") if key(body) == "all-time"]
        assert [place(body) for body in first] == [("ann", None, None, 1, 30)]
        await scenario.event("ben", 20)
        await scenario.webhooks()
        response = await scenario.event("ben", 20)
        moves = [body for body in await scenario.webhooks("leaderboard.rank_changed") if key(body) == "all-time"]
        assert [place(body) for body in moves] == [("ben", 2, 20, 1, 40), ("ann", 1, 30, 2, 30)]
        board = response["leaderboards"]["all-time"]
        assert (board["previousRank"], board["rank"]) == (2, 1)
        for body in moves:
            user = body["user"]["id"]
            own = await scenario.get(f"/users/{user}/leaderboards/all-time")
            assert same({name: own[name] for name in own if name != "history"}, body["leaderboard"])
            assert body["user"] == await scenario.get(f"/users/{user}")

    run_story(story)


def test_the_values_are_those_of_the_moment_even_when_the_webhook_is_read_much_later() -> None:
    async def story(scenario: Scenario) -> None:
        scenario.receiver.outcomes.append("late")
        await scenario.event("ann", 100, name="Ann")
        board = await scenario.get("/leaderboards/all-time")
        await scenario.event("ann", 900, name="Anna")
        scenario.receiver.go_on.set()
        bodies = await scenario.webhooks()
        assert bodies[0]["user"]["name"] == "Ann"
        first = next(body for body in bodies if body["type"] == "leaderboard.changed" and key(body) == "all-time")
        assert first["leaderboard"]["rankings"] == board["rankings"]
        assert board["rankings"][0]["userName"] == "Ann"

    run_story(story)


def test_a_user_who_changes_group_leaves_one_ranking_and_enters_the_other() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 50, attributes={"region": "us-east"})
        await scenario.event("ben", 30, attributes={"region": "us-east"})
        await scenario.webhooks()
        await scenario.call("PATCH", "/users/ann", {"attributes": {"region": "eu-west"}})
        bodies = [body for body in await scenario.webhooks() if key(body) == "weekly-words-by-region"]
        changed = {
            body["leaderboard"]["breakdownAttributeValue"]: [row["userId"] for row in body["leaderboard"]["rankings"]]
            for body in bodies
            if body["type"] == "leaderboard.changed"
        }
        assert changed == {"us-east": ["ben"], "eu-west": ["ann"]}
        moves = [place(body) for body in bodies if body["type"] == "leaderboard.rank_changed"]
        assert moves == [("ben", 2, 30, 1, 30)]

    run_story(story)


def test_a_group_that_its_last_member_left_is_told_without_rankings() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 50, attributes={"region": "us-east"})
        await scenario.webhooks()
        await scenario.call("PATCH", "/users/ann", {"attributes": {"region": "eu-west"}})
        bodies = [
            body for body in await scenario.webhooks("leaderboard.changed") if key(body) == "weekly-words-by-region"
        ]
        changed = {
            body["leaderboard"]["breakdownAttributeValue"]: [row["userId"] for row in body["leaderboard"]["rankings"]]
            for body in bodies
        }
        assert changed == {"us-east": [], "eu-west": ["ann"]}

    run_story(story)


def test_a_user_who_falls_off_a_full_board_has_a_webhook_with_no_rank() -> None:
    catalog = written(
        """
        name = "Small"
        [metrics.words]
        name = "Words"
        [leaderboards.top]
        name = "Top"
        rankBy = "metric"
        metricKey = "words"
        start = "2025-04-01"
        maxParticipants = 1
        """
    )

    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 10, "words")
        await scenario.webhooks()
        await scenario.event("ben", 5, "words")
        assert await scenario.webhooks() == [], "the board shows nothing else than before"
        await scenario.event("ben", 10, "words")
        assert [place(body) for body in await scenario.webhooks("leaderboard.rank_changed")] == [
            ("ben", None, None, 1, 15),
            ("ann", 1, 10, None, None),
        ]
        await scenario.event("ben", -10, "words")
        assert [place(body) for body in await scenario.webhooks("leaderboard.rank_changed")] == [
            ("ben", 1, 15, None, None),
            ("ann", None, None, 1, 10),
        ]

    run_story(story, catalog)

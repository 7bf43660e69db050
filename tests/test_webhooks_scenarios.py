"""Each of the 14 webhooks, brought about through the public API and the clock, and in agreement with both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from webhook_story import START, Teller, iso, tell, written

MIDNIGHT = START + timedelta(hours=12)


def same(body: Any, answer: Any) -> bool:
    """Whether the body says what the answer says, as far as it says anything."""
    return {key: answer[key] for key in body} == body


def test_a_completed_achievement_is_told_as_the_answer_and_the_users_list_show_it() -> None:
    async def story(the: Teller) -> None:
        answer = await the.event("ann", 100, name="Ann", tz="Europe/London")
        first, second = await the.told("achievement.completed", user="ann")
        assert [first["achievement"], second["achievement"]] == answer["achievements"]
        assert first["achievement"]["name"] == "First Words"
        assert same(first["achievement"], (await the.get("/users/ann/achievements"))[0])
        assert first["user"] == await the.get("/users/ann")
        assert first["timestamp"] == first["achievement"]["achievedAt"] == iso(the.now)

    tell(story)


def test_an_achievement_that_the_application_completes_is_told_once() -> None:
    async def story(the: Teller) -> None:
        claim = {"user": {"id": "ann"}}
        answer = await the.ask("POST", "/achievements/finish-onboarding/complete", claim)
        body = await the.only("achievement.completed")
        assert body["achievement"] == answer["achievement"]
        await the.later(minutes=5)
        await the.told()
        await the.ask("POST", "/achievements/finish-onboarding/complete", claim)
        assert await the.told() == []

    tell(story)


def test_a_streak_is_told_when_it_starts_and_each_time_it_is_extended() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 1)
        body = await the.only("streak.started")
        assert same(body["streak"], await the.get("/users/ann/streak"))
        assert (body["streak"]["length"], body["streak"]["started"]) == (1, "2025-04-02")
        await the.event("ann", 1)
        assert await the.told("streak.started", "streak.extended") == []
        await the.later(days=1)
        await the.event("ann", 1)
        body = await the.only("streak.extended")
        assert same(body["streak"], await the.get("/users/ann/streak"))
        assert (body["streak"]["length"], body["streak"]["expires"]) == (2, "2025-04-04")

    tell(story)


def test_a_missed_day_is_told_at_the_users_own_midnight() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 1, tz="America/New_York")
        await the.later(days=3)
        body = await the.only("streak.lost")
        assert body["length"] == 1
        assert body["timestamp"] == "2025-04-04T04:00:00.000Z"
        assert body["user"]["id"] == "ann"
        assert (await the.get("/users/ann/streak"))["length"] == 0

    tell(story)


def test_freezes_are_told_when_they_are_earned_and_when_one_covers_a_missed_day() -> None:
    async def story(the: Teller) -> None:
        for _ in range(8):
            await the.event("ann", 1)
            await the.later(days=1)
        earned = await the.only("streak.freeze_earned")
        assert (earned["earned"], earned["freezes"]) == (1, 1)
        assert earned["timestamp"] == "2025-04-09T00:10:00.000Z"
        assert (await the.get("/users/ann/streak"))["freezes"] == 1
        await the.later(days=1)
        used = await the.only("streak.freeze_consumed")
        assert (used["consumed"], used["freezes"]) == (1, 0)
        assert used["timestamp"] == "2025-04-11T00:00:00.000Z"
        streak = await the.get("/users/ann/streak")
        assert (streak["freezes"], streak["length"]) == (0, 8)
        assert [row["usedFreeze"] for row in streak["streakHistory"]][-2:] == [True, False]

    tell(story)


def test_changed_points_are_told_at_once_and_then_at_most_once_a_minute_with_everything_added_up() -> None:
    async def story(the: Teller) -> None:
        answer = await the.event("ann", 250)
        first = await the.only("points.changed")
        assert first["points"] == answer["points"]["xp"]
        assert first["points"]["added"] == 2 * 20
        await the.later(seconds=10)
        second = await the.event("ann", 100)
        await the.later(seconds=10)
        third = await the.event("ann", 100)
        assert await the.told("points.changed") == []
        await the.later(seconds=39, milliseconds=999)
        assert await the.told("points.changed") == []
        await the.later(milliseconds=1)
        body = await the.only("points.changed")
        assert body["timestamp"] == iso(START + timedelta(minutes=1))
        assert body["points"]["added"] == 2 * 20
        assert body["points"]["total"] == (await the.get("/users/ann/points/xp"))["total"] == 80
        assert body["points"]["awards"] == third["points"]["xp"]["awards"] + second["points"]["xp"]["awards"]
        await the.later(hours=1)
        assert await the.told("points.changed") == [], "what was told is not told again"

    tell(story)


def test_what_a_user_gets_for_being_created_is_left_out_of_the_points_that_are_told() -> None:
    async def story(the: Teller) -> None:
        answer = await the.event("ann", 1, "chapters-finished")
        energy = answer["points"]["energy"]
        assert [award["awarded"] for award in energy["awards"]] == [-25, 50]
        bodies = {body["points"]["key"]: body["points"] for body in await the.told("points.changed")}
        assert (bodies["energy"]["added"], bodies["energy"]["total"]) == (-25, 25)
        assert bodies["energy"]["awards"] == energy["awards"][:1]
        await the.event("ben", 1)
        assert await the.told("points.changed") == []

    tell(story)


def test_a_new_level_is_told_with_the_one_before() -> None:
    async def story(the: Teller) -> None:
        answer = await the.event("ann", 2600)
        body = await the.only("points.level_changed")
        points = await the.get("/users/ann/points/xp")
        assert (body["previousLevel"]["key"], body["newLevel"]["key"]) == ("bronze", "silver")
        assert body["newLevel"] == answer["points"]["xp"]["level"] == points["level"]
        assert same(body["points"], points)
        assert body["points"]["total"] == 520
        told = await the.get("/points/xp/levels")
        assert body["previousLevel"] in told

    tell(story)


def test_a_boost_is_told_when_it_starts_and_a_second_before_its_last_day_is_over() -> None:
    async def story(the: Teller) -> None:
        await the.at(datetime(2025, 4, 6, 23, 59, 58, tzinfo=UTC))
        assert await the.told("points.boost_finished") == []
        await the.later(seconds=1)
        finished = await the.only("points.boost_finished")
        assert finished["timestamp"] == "2025-04-06T23:59:59.000Z"
        await the.at(datetime(2025, 4, 12, tzinfo=UTC))
        started = await the.only("points.boost_started")
        assert started["timestamp"] == "2025-04-12T00:00:00.000Z"
        boosts = await the.get("/points/xp/boosts?includeFinished=true")
        for body, name, status in ((started, "Premium Fortnight", "active"), (finished, "Double XP Week", "finished")):
            (boost,) = (row for row in boosts if row["name"] == name)
            assert same(boost, body["boost"])
            assert boost["status"] == status
            assert body["boost"]["userId"] is None
            assert body["boost"]["pointsSystemKey"] == "xp"

    tell(story)


def test_a_users_own_boost_starts_and_finishes_at_that_users_midnights() -> None:
    catalog = written(
        """
        name = "Boosted"
        [points.xp]
        name = "XP"
        [[points.xp.boosts]]
        name = "Only Ann"
        start = "2025-04-04"
        end = "2025-04-04"
        multiplier = 3
        userId = "ann"
        """
    )

    async def story(the: Teller) -> None:
        await the.ask("POST", "/users", {"id": "ann", "tz": "Asia/Tokyo"})
        await the.later(days=3)
        started, finished = await the.told()
        assert [started["type"], finished["type"]] == ["points.boost_started", "points.boost_finished"]
        assert started["timestamp"] == "2025-04-03T15:00:00.000Z"
        assert finished["timestamp"] == "2025-04-04T15:00:00.000Z"
        assert started["boost"]["userId"] == finished["boost"]["userId"] == "ann"

    tell(story, catalog)


def test_a_run_is_told_before_its_first_day_and_after_its_last_with_the_rankings_of_then() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 30)
        await the.event("ben", 50, name="Ben")
        await the.told()
        await the.at(datetime(2025, 4, 5, 10, tzinfo=UTC))
        (started,) = [body for body in await the.told("leaderboard.started") if key(body) == "weekly-words"]
        assert started["timestamp"] == "2025-04-05T10:00:00.000Z"
        assert (started["leaderboard"]["run"], started["leaderboard"]["rankings"]) == ("2025-04-06", [])
        await the.event("ann", 40)
        await the.at(datetime(2025, 4, 6, 13, tzinfo=UTC))
        (finished,) = [body for body in await the.told("leaderboard.finished") if key(body) == "weekly-words"]
        assert finished["timestamp"] == "2025-04-06T13:00:00.000Z"
        board = await the.get("/leaderboards/weekly-words?run=2025-03-30")
        assert finished["leaderboard"] == board | {"run": "2025-03-30"}
        assert [(row["userId"], row["value"]) for row in board["rankings"]] == [("ann", 70), ("ben", 50)]

    tell(story)


def key(body: Any) -> str:
    return str(body["leaderboard"]["key"])


def test_changed_rankings_are_told_once_for_each_board_as_the_board_shows_them() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 30)
        await the.told()
        await the.event("ben", 50, name="Ben")
        bodies = await the.told("leaderboard.changed")
        boards = [key(body) for body in bodies]
        assert sorted(boards) == sorted(set(boards)) == ["all-time", "streak-board", "weekly-words"]
        for body in bodies:
            board = await the.get(f"/leaderboards/{key(body)}")
            assert same(board, body["leaderboard"])
            assert len(board["rankings"]) == 2
        assert {key(body): body["leaderboard"]["run"] for body in bodies}["weekly-words"] == "2025-03-30"

    tell(story)


def test_a_board_with_breakdown_is_told_for_the_group_that_changed() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 30, attributes={"region": "us-east"})
        await the.event("ben", 50, attributes={"region": "eu-west"})
        east, west = [body for body in await the.told("leaderboard.changed") if key(body) == "weekly-words-by-region"]
        assert east["leaderboard"]["breakdownAttributeValues"] == [{"key": "region", "value": "us-east"}]
        assert west["leaderboard"]["breakdownAttributeValue"] == "eu-west"
        for body, region in ((east, "us-east"), (west, "eu-west")):
            board = await the.get(f"/leaderboards/weekly-words-by-region?userAttributes=region:{region}")
            assert body["leaderboard"]["rankings"] == board["rankings"]

    tell(story)


def test_a_changed_rank_is_told_to_the_one_who_climbs_and_to_the_one_who_is_passed() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 30)
        first = [body for body in await the.told("leaderboard.rank_changed") if key(body) == "all-time"]
        assert [place(body) for body in first] == [("ann", None, None, 1, 30)]
        await the.event("ben", 20)
        await the.told()
        answer = await the.event("ben", 20)
        moves = [body for body in await the.told("leaderboard.rank_changed") if key(body) == "all-time"]
        assert [place(body) for body in moves] == [("ben", 2, 20, 1, 40), ("ann", 1, 30, 2, 30)]
        board = answer["leaderboards"]["all-time"]
        assert (board["previousRank"], board["rank"]) == (2, 1)
        for body in moves:
            user = body["user"]["id"]
            own = await the.get(f"/users/{user}/leaderboards/all-time")
            assert same({name: own[name] for name in own if name != "history"}, body["leaderboard"])
            assert body["user"] == await the.get(f"/users/{user}")

    tell(story)


def place(body: Any) -> tuple[Any, ...]:
    board = body["leaderboard"]
    return body["user"]["id"], board["previousRank"], board["previousValue"], board["rank"], board["value"]


def test_the_webhooks_of_one_request_come_as_achievements_streak_points_level_and_boards() -> None:
    order = ["achievement", "streak", "points.changed", "points.level_changed", "leaderboard"]

    async def story(the: Teller) -> None:
        await the.event("ann", 3000, name="Ann", attributes={"region": "us-east"})
        bodies = await the.told()
        kinds = [body["type"] for body in bodies]
        ranks = [next(n for n, start in enumerate(order) if kind.startswith(start)) for kind in kinds]
        assert ranks == sorted(ranks)
        assert set(ranks) == {0, 1, 2, 3, 4}
        assert {body["timestamp"] for body in bodies} == {iso(the.now)}

    tell(story)


def test_a_replayed_and_a_refused_event_send_nothing() -> None:
    async def story(the: Teller) -> None:
        body = {"user": {"id": "ann"}, "value": 100}
        headers = {"Idempotency-Key": "once"}
        await the.ask("POST", "/metrics/words-written/event", body, **headers)
        assert len(await the.told()) > 5
        await the.later(minutes=10)
        answer = await the.ask("POST", "/metrics/words-written/event", body, **headers)
        assert answer["idempotentReplayed"] is True
        refused = await the.client.post(
            "/metrics/words-written/event",
            json={"user": {"id": "ben"}, "value": 100, "attributes": {"nobody": "knows"}},
            headers={"X-API-KEY": the.home.key},
        )
        assert refused.status_code in (400, 422)
        assert await the.told() == []

    tell(story)


def test_what_is_given_silently_when_an_achievement_becomes_active_is_not_told() -> None:
    text = """
        name = "Later"
        [metrics.words]
        name = "Words"
        [achievements.late]
        name = "Late"
        trigger = "metric"
        metricKey = "words"
        metricValue = 1
        status = "{status}"
        """

    async def story(the: Teller) -> None:
        await the.event("ann", 5, "words")
        assert await the.told() == []
        the.home.change_catalog(written(text.format(status="active"))(START.date()))
        the.hooks.flush()
        assert len(await the.get("/users/ann/achievements")) == 1
        assert await the.told() == []

    tell(story, written(text.format(status="inactive")))


def test_the_values_are_those_of_the_moment_even_when_the_webhook_is_read_much_later() -> None:
    async def story(the: Teller) -> None:
        the.receiver.answers.append("late")
        await the.event("ann", 100, name="Ann")
        board = await the.get("/leaderboards/all-time")
        await the.event("ann", 900, name="Anna")
        the.receiver.go_on.set()
        bodies = await the.told()
        assert bodies[0]["user"]["name"] == "Ann"
        first = next(body for body in bodies if body["type"] == "leaderboard.changed" and key(body) == "all-time")
        assert first["leaderboard"]["rankings"] == board["rankings"]
        assert board["rankings"][0]["userName"] == "Ann"

    tell(story)


def test_a_user_who_changes_group_leaves_one_ranking_and_enters_the_other() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 50, attributes={"region": "us-east"})
        await the.event("ben", 30, attributes={"region": "us-east"})
        await the.told()
        await the.ask("PATCH", "/users/ann", {"attributes": {"region": "eu-west"}})
        bodies = [body for body in await the.told() if key(body) == "weekly-words-by-region"]
        changed = {
            body["leaderboard"]["breakdownAttributeValue"]: [row["userId"] for row in body["leaderboard"]["rankings"]]
            for body in bodies
            if body["type"] == "leaderboard.changed"
        }
        assert changed == {"us-east": ["ben"], "eu-west": ["ann"]}
        moves = [place(body) for body in bodies if body["type"] == "leaderboard.rank_changed"]
        assert moves == [("ben", 2, 30, 1, 30)]

    tell(story)


def test_a_group_that_its_last_member_left_is_told_without_rankings() -> None:
    async def story(the: Teller) -> None:
        await the.event("ann", 50, attributes={"region": "us-east"})
        await the.told()
        await the.ask("PATCH", "/users/ann", {"attributes": {"region": "eu-west"}})
        bodies = [body for body in await the.told("leaderboard.changed") if key(body) == "weekly-words-by-region"]
        changed = {
            body["leaderboard"]["breakdownAttributeValue"]: [row["userId"] for row in body["leaderboard"]["rankings"]]
            for body in bodies
        }
        assert changed == {"us-east": [], "eu-west": ["ann"]}

    tell(story)


def test_whoever_falls_off_a_full_board_is_told_with_no_rank() -> None:
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

    async def story(the: Teller) -> None:
        await the.event("ann", 10, "words")
        await the.told()
        await the.event("ben", 5, "words")
        assert await the.told() == [], "the board shows nothing else than before"
        await the.event("ben", 10, "words")
        assert [place(body) for body in await the.told("leaderboard.rank_changed")] == [
            ("ben", None, None, 1, 15),
            ("ann", 1, 10, None, None),
        ]
        await the.event("ben", -10, "words")
        assert [place(body) for body in await the.told("leaderboard.rank_changed")] == [
            ("ben", 1, 15, None, None),
            ("ann", None, None, 1, 10),
        ]

    tell(story, catalog)

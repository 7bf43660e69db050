"""Each of the ten webhooks of achievements, streaks and points, brought about through the public API and the clock, and
in agreement with both; what of one request is told in which order, and what is never told. The four of leaderboards
stand in `test_webhooks_scenarios_leaderboards.py`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webhook_story import START, Scenario, iso, run_story, same, written

MIDNIGHT = START + timedelta(hours=12)


def test_a_completed_achievement_is_sent_as_the_response_and_the_users_list_show_it() -> None:
    async def story(scenario: Scenario) -> None:
        response = await scenario.event("ann", 100, name="Ann", tz="Europe/London")
        first, second = await scenario.webhooks("achievement.completed", user="ann")
        assert [first["achievement"], second["achievement"]] == response["achievements"]
        assert first["achievement"]["name"] == "First Words"
        assert same(first["achievement"], (await scenario.get("/users/ann/achievements"))[0])
        assert first["user"] == await scenario.get("/users/ann")
        assert first["timestamp"] == first["achievement"]["achievedAt"] == iso(scenario.now)

    run_story(story)


def test_an_achievement_that_the_application_completes_is_told_once() -> None:
    async def story(scenario: Scenario) -> None:
        claim = {"user": {"id": "ann"}}
        response = await scenario.call("POST", "/achievements/finish-onboarding/complete", claim)
        body = await scenario.only("achievement.completed")
        assert body["achievement"] == response["achievement"]
        await scenario.later(minutes=5)
        await scenario.webhooks()
        await scenario.call("POST", "/achievements/finish-onboarding/complete", claim)
        assert await scenario.webhooks() == []

    run_story(story)


def test_a_streak_is_told_when_it_starts_and_each_time_it_is_extended() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 1)
        body = await scenario.only("streak.started")
        assert same(body["streak"], await scenario.get("/users/ann/streak"))
        assert (body["streak"]["length"], body["streak"]["started"]) == (1, "2025-04-02")
        await scenario.event("ann", 1)
        assert await scenario.webhooks("streak.started", "streak.extended") == []
        await scenario.later(days=1)
        await scenario.event("ann", 1)
        body = await scenario.only("streak.extended")
        assert same(body["streak"], await scenario.get("/users/ann/streak"))
        assert (body["streak"]["length"], body["streak"]["expires"]) == (2, "2025-04-04")

    run_story(story)


def test_a_missed_day_is_told_at_the_users_own_midnight() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 1, tz="America/New_York")
        await scenario.later(days=3)
        body = await scenario.only("streak.lost")
        assert body["length"] == 1
        assert body["timestamp"] == "2025-04-04T04:00:00.000Z"
        assert body["user"]["id"] == "ann"
        assert (await scenario.get("/users/ann/streak"))["length"] == 0

    run_story(story)


def test_freezes_are_told_when_they_are_earned_and_when_one_covers_a_missed_day() -> None:
    async def story(scenario: Scenario) -> None:
        for _ in range(8):
            await scenario.event("ann", 1)
            await scenario.later(days=1)
        earned = await scenario.only("streak.freeze_earned")
        assert (earned["earned"], earned["freezes"]) == (1, 1)
        assert earned["timestamp"] == "2025-04-09T00:10:00.000Z"
        assert (await scenario.get("/users/ann/streak"))["freezes"] == 1
        await scenario.later(days=1)
        used = await scenario.only("streak.freeze_consumed")
        assert (used["consumed"], used["freezes"]) == (1, 0)
        assert used["timestamp"] == "2025-04-11T00:00:00.000Z"
        streak = await scenario.get("/users/ann/streak")
        assert (streak["freezes"], streak["length"]) == (0, 8)
        assert [row["usedFreeze"] for row in streak["streakHistory"]][-2:] == [True, False]

    run_story(story)


def test_changed_points_are_told_at_once_and_then_at_most_once_a_minute_with_everything_added_up() -> None:
    async def story(scenario: Scenario) -> None:
        response = await scenario.event("ann", 250)
        first = await scenario.only("points.changed")
        assert first["points"] == response["points"]["xp"]
        assert first["points"]["added"] == 2 * 20
        await scenario.later(seconds=10)
        second = await scenario.event("ann", 100)
        await scenario.later(seconds=10)
        third = await scenario.event("ann", 100)
        assert await scenario.webhooks("points.changed") == []
        await scenario.later(seconds=39, milliseconds=999)
        assert await scenario.webhooks("points.changed") == []
        await scenario.later(milliseconds=1)
        body = await scenario.only("points.changed")
        assert body["timestamp"] == iso(START + timedelta(minutes=1))
        assert body["points"]["added"] == 2 * 20
        assert body["points"]["total"] == (await scenario.get("/users/ann/points/xp"))["total"] == 80
        assert body["points"]["awards"] == third["points"]["xp"]["awards"] + second["points"]["xp"]["awards"]
        await scenario.later(hours=1)
        assert await scenario.webhooks("points.changed") == [], "what was told is not told again"

    run_story(story)


def test_what_a_user_gets_for_being_created_is_left_out_of_the_points_that_are_told() -> None:
    async def story(scenario: Scenario) -> None:
        response = await scenario.event("ann", 1, "chapters-finished")
        energy = response["points"]["energy"]
        assert [award["awarded"] for award in energy["awards"]] == [-25, 50]
        bodies = {body["points"]["key"]: body["points"] for body in await scenario.webhooks("points.changed")}
        assert (bodies["energy"]["added"], bodies["energy"]["total"]) == (-25, 25)
        assert bodies["energy"]["awards"] == energy["awards"][:1]
        await scenario.event("ben", 1)
        assert await scenario.webhooks("points.changed") == []

    run_story(story)


def test_a_new_level_is_told_with_the_one_before() -> None:
    async def story(scenario: Scenario) -> None:
        response = await scenario.event("ann", 2600)
        (body,) = [row for row in await scenario.webhooks("points.level_changed") if row["points"]["key"] == "xp"]
        points = await scenario.get("/users/ann/points/xp")
        assert (body["previousLevel"]["key"], body["newLevel"]["key"]) == ("bronze", "silver")
        assert body["newLevel"] == response["points"]["xp"]["level"] == points["level"]
        assert same(body["points"], points)
        assert body["points"]["total"] == 520
        actual = await scenario.get("/points/xp/levels")
        assert body["previousLevel"] in actual

    run_story(story)


def test_a_boost_is_told_at_ten_of_the_day_before_and_at_one_of_the_day_after() -> None:
    async def story(scenario: Scenario) -> None:
        await scenario.at(datetime(2025, 4, 7, 12, 59, 59, tzinfo=UTC))
        assert await scenario.webhooks("points.boost_finished") == []
        await scenario.later(seconds=1)
        finished = await scenario.only("points.boost_finished")
        assert finished["timestamp"] == "2025-04-07T13:00:00.000Z"
        await scenario.at(datetime(2025, 4, 11, 10, tzinfo=UTC))
        started = await scenario.only("points.boost_started")
        assert started["timestamp"] == "2025-04-11T10:00:00.000Z"
        await scenario.at(datetime(2025, 4, 12, tzinfo=UTC))
        boosts = await scenario.get("/points/xp/boosts?includeFinished=true")
        for body, name, status in ((started, "Premium Fortnight", "active"), (finished, "Double XP Week", "finished")):
            (boost,) = (row for row in boosts if row["name"] == name)
            assert same(boost, body["boost"])
            assert boost["status"] == status
            assert body["boost"]["userId"] is None
            assert body["boost"]["pointsSystemKey"] == "xp"

    run_story(story)


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

    async def story(scenario: Scenario) -> None:
        await scenario.call("POST", "/users", {"id": "ann", "tz": "Asia/Tokyo"})
        await scenario.later(days=3)
        started, finished = await scenario.webhooks()
        assert [started["type"], finished["type"]] == ["points.boost_started", "points.boost_finished"]
        assert started["timestamp"] == "2025-04-03T15:00:00.000Z"
        assert finished["timestamp"] == "2025-04-04T15:00:00.000Z"
        assert started["boost"]["userId"] == finished["boost"]["userId"] == "ann"

    run_story(story, catalog)


def test_the_webhooks_of_one_request_come_as_achievements_streak_points_level_and_boards() -> None:
    order = ["achievement", "streak", "points.changed", "points.level_changed", "leaderboard"]

    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 3000, name="Ann", attributes={"region": "us-east"})
        bodies = await scenario.webhooks()
        kinds = [body["type"] for body in bodies]
        ranks = [next(n for n, start in enumerate(order) if kind.startswith(start)) for kind in kinds]
        assert ranks == sorted(ranks)
        assert set(ranks) == {0, 1, 2, 3, 4}
        assert {body["timestamp"] for body in bodies} == {iso(scenario.now)}

    run_story(story)


def test_a_replayed_and_a_refused_event_send_nothing() -> None:
    async def story(scenario: Scenario) -> None:
        body = {"user": {"id": "ann"}, "value": 100}
        headers = {"Idempotency-Key": "once"}
        await scenario.call("POST", "/metrics/words-written/event", body, **headers)
        assert len(await scenario.webhooks()) > 5
        await scenario.later(minutes=10)
        response = await scenario.call("POST", "/metrics/words-written/event", body, **headers)
        assert response["idempotentReplayed"] is True
        refused = await scenario.client.post(
            "/metrics/words-written/event",
            json={"user": {"id": "ben"}, "value": 100, "attributes": {"nobody": "knows"}},
            headers={"X-API-KEY": scenario.home.key},
        )
        assert refused.status_code in (400, 422)
        assert await scenario.webhooks() == []

    run_story(story)


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

    async def story(scenario: Scenario) -> None:
        await scenario.event("ann", 5, "words")
        assert await scenario.webhooks() == []
        scenario.home.change_catalog(written(text.format(status="active"))(START.date()))
        scenario.hooks.flush()
        assert len(await scenario.get("/users/ann/achievements")) == 1
        assert await scenario.webhooks() == []

    run_story(story, written(text.format(status="inactive")))

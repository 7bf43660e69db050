"""The vendor's own client, unchanged, drives all 28 operations of a real server, and what it reads makes sense."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from processes import KEY, admin_url, serving
from trophy import TrophyApi, UpsertedUser
from trophy.environment import TrophyApiEnvironment
from trophy.errors import BadRequestError, NotFoundError, UnauthorizedError, UnprocessableEntityError
from trophy.streaks.client import StreaksClient
from trophy.types import NotificationPreferences

SPEC = json.loads((Path(__file__).parents[1] / "openapi.json").read_text())


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with serving("--users", "12", "--history-days", "20") as url:
        yield url


@contextmanager
def client(base_url: str, key: str = KEY) -> Iterator[TrophyApi]:
    environment = TrophyApiEnvironment(api=base_url, admin=admin_url(base_url))
    with httpx.Client() as connections:  # given, so that it can be closed: the vendor's own is not
        yield TrophyApi(api_key=key, environment=environment, httpx_client=connections)


@pytest.fixture(scope="module")
def trophy(base_url: str) -> Iterator[TrophyApi]:
    with client(base_url) as trophy:
        yield trophy


@pytest.fixture
def user() -> str:
    return f"sdk-{uuid4()}"


def write(trophy: TrophyApi, user: str, words: float, **more: object) -> object:
    return trophy.metrics.event("words-written", user=UpsertedUser(id=user), value=words, **more)


def today() -> datetime:
    return datetime.now(UTC)


def test_a_user_is_created_identified_updated_and_read(trophy: TrophyApi, user: str) -> None:
    created = trophy.users.create(id=user, email="ada@example.com", name="Ada", attributes={"plan-type": "free"})
    assert (created.id, created.name, created.subscribe_to_emails) == (user, "Ada", True)
    identified = trophy.users.identify(user, tz="Asia/Tokyo", attributes={"region": "apac"})
    assert identified.tz == "Asia/Tokyo"
    assert identified.attributes == {"plan-type": "free", "region": "apac"}
    updated = trophy.users.update(user, name="Ada L.", subscribe_to_emails=False)
    assert (updated.name, updated.email, updated.created) == ("Ada L.", None, created.created)
    assert updated.updated >= created.updated
    assert trophy.users.get(user) == updated
    assert trophy.users.identify(user) == updated  # nothing passed, nothing changed


def test_preferences_replace_only_the_types_that_were_sent(trophy: TrophyApi, user: str) -> None:
    trophy.users.create(id=user)
    assert trophy.users.get_preferences(user).notifications == NotificationPreferences()
    trophy.users.update_preferences(user, notifications=NotificationPreferences(recap=["email"], reactivation=[]))
    after = trophy.users.update_preferences(user, notifications=NotificationPreferences(recap=["push"]))
    assert after.notifications.recap == ["push"]
    assert after.notifications.reactivation == []
    assert after.notifications.streak_reminder is None
    assert trophy.users.get_preferences(user) == after


def test_a_first_event_changes_all_that_it_should(trophy: TrophyApi, user: str) -> None:
    event = write(trophy, user, 750, attributes={"source": "mobile-app"})
    assert event.total == 750
    assert [row.name for row in event.achievements] == ["First Words", "Novice Writer", "Spark"]
    assert (event.current_streak.length, event.current_streak.extended) == (1, True)
    # 7 × 10 XP for the words, doubled by the boost that is on in the default catalog
    assert (event.points["xp"].added, event.points["xp"].total) == (140, 140)
    assert [row.awarded for row in event.points["xp"].awards] == [140]
    assert event.points["xp"].awards[0].boosts[0].name == "Double XP Week"
    assert event.points["energy"].total == 50
    boards = event.leaderboards
    assert boards["all-time"].rank >= 1
    assert boards["all-time"].previous_rank is None
    assert boards["streak-board"].rank >= 1
    assert "weekly-words-by-region" not in boards  # the user has no region
    again = write(trophy, user, 50.25)
    assert (again.total, again.achievements, again.current_streak.extended) == (800.25, [], False)
    assert again.points["xp"].added == 20


def test_a_replay_returns_the_first_event_and_changes_nothing(trophy: TrophyApi, user: str) -> None:
    first = write(trophy, user, 150, idempotency_key="k-1")
    replay = write(trophy, user, 150, idempotency_key="k-1")
    assert (first.idempotent_replayed, replay.idempotent_replayed) == (False, True)
    assert (replay.event_id, replay.total) == (first.event_id, 150)
    assert (replay.achievements, replay.points, replay.leaderboards) == ([], {}, {})
    assert replay.current_streak.extended is False
    other = trophy.metrics.event("minutes-focused", user=UpsertedUser(id=user), value=5, idempotency_key="k-1")
    assert other.idempotent_replayed is False  # keys belong to one metric
    assert trophy.users.single_metric(user, "words-written").current == 150


def test_totals_summaries_and_awards_agree(trophy: TrophyApi, user: str) -> None:
    for words in (120, 0.1, 0.2, -20, 500):
        write(trophy, user, words)
    metric = trophy.users.single_metric(user, "words-written")
    assert metric.current == 600.3
    assert metric in trophy.users.all_metrics(user)
    start, end = today() - timedelta(days=9), today() + timedelta(days=1)
    span = {"start_date": start.date().isoformat(), "end_date": end.date().isoformat()}
    daily = trophy.users.metric_event_summary(user, "words-written", aggregation="daily", **span)
    assert len(daily) == 11
    assert daily[-1].total == 600.3
    assert sum(row.change for row in daily) == pytest.approx(600.3)
    points = trophy.users.points(user, "xp", awards=100)
    assert points.total == sum(award.awarded for award in points.awards)
    assert points.level.key == "bronze"
    earned = trophy.users.points_event_summary(user, "xp", aggregation="monthly", **span)
    assert earned[-1].total == points.total


def test_an_achievement_is_completed_once_by_the_application(trophy: TrophyApi, user: str) -> None:
    first = trophy.achievements.complete("finish-onboarding", user=UpsertedUser(id=user, name="Bo"))
    assert first.points["xp"].added == 200  # 100 XP, doubled
    second = trophy.achievements.complete("finish-onboarding", user=UpsertedUser(id=user))
    assert (second.completion_id, second.points) == (first.completion_id, {})
    assert second.achievement.achieved_at == first.achievement.achieved_at
    done = trophy.users.achievements(user)
    assert [row.key for row in done] == ["finish-onboarding"]
    everything = trophy.users.achievements(user, include_incomplete="true")
    assert len(everything) > len(done)
    assert everything[0] == done[0]
    row = next(row for row in trophy.achievements.all_() if row.key == "finish-onboarding")
    assert row.completions == done[0].completions >= 1
    premium = trophy.achievements.all_(user_attributes="plan-type:premium,region:us-east")
    assert "Premium Pen" in [row.name for row in premium]
    assert "Team Player" not in [row.name for row in premium]


def test_streaks_are_told_the_same_way_everywhere(trophy: TrophyApi, user: str) -> None:
    write(trophy, user, 1)
    streak = trophy.users.streak(user, history_periods=3)
    assert (streak.length, [row.length for row in streak.streak_history]) == (1, [0, 0, 1])
    assert streak.expires > streak.period_end
    rows = trophy.streaks.list(user_ids=[user, "nobody-at-all"])
    assert [(row.user_id, row.streak_length) for row in rows] == [(user, 1)]


@pytest.mark.skipif(not hasattr(StreaksClient, "rankings"), reason="this version of the client has no rankings")
def test_rankings_of_streaks_are_in_order(trophy: TrophyApi, user: str) -> None:
    write(trophy, user, 1)
    active = trophy.streaks.rankings(limit=100)
    assert [row.streak_length for row in active] == sorted((row.streak_length for row in active), reverse=True)
    assert user in [row.user_id for row in active]
    longest = trophy.streaks.rankings(limit=100, type="longest")
    assert longest[0].streak_length >= active[0].streak_length


def test_ranks_follow_values_and_pages_cover_the_board(trophy: TrophyApi, user: str) -> None:
    write(trophy, user, 1_000_000)
    top = trophy.leaderboards.get("all-time", limit=3)
    assert (top.rankings[0].user_id, top.rankings[0].rank) == (user, 1)
    everybody = trophy.leaderboards.get("all-time", limit=1000).rankings
    assert [row.rank for row in everybody] == list(range(1, len(everybody) + 1))
    assert [row.value for row in everybody] == sorted((row.value for row in everybody), reverse=True)
    page = trophy.leaderboards.get("all-time", user_id=everybody[1].user_id, offset=1, limit=2)
    assert page.rankings == everybody[2:4]
    mine = trophy.users.leaderboard(user, "all-time", num_events=5)
    assert (mine.rank, mine.value, mine.history[-1].rank) == (1, 1_000_000, 1)
    assert trophy.leaderboards.get("weekly-words-by-region", user_attributes="region:apac").rankings is not None
    keys = {board.key: board.status for board in trophy.leaderboards.all_(include_finished=True)}
    assert (keys["writing-month"], keys["chapter-sprint"]) == ("scheduled", "finished")
    assert "chapter-sprint" not in {board.key for board in trophy.leaderboards.all_()}


def test_points_systems_tell_their_rules_and_spread(trophy: TrophyApi, user: str) -> None:
    write(trophy, user, 100)
    system = trophy.points.system("xp")
    assert {trigger.status for trigger in system.triggers} == {"active"}
    assert [level.key for level in trophy.points.levels("xp")] == ["bronze", "silver", "gold", "platinum"]
    ranges, users = trophy.points.summary("xp"), sum(row.users for row in trophy.points.level_summary("xp"))
    assert len(ranges) == 11
    assert sum(row.users for row in ranges) == users
    assert {boost.status for boost in trophy.points.boosts("xp")} == {"active", "scheduled"}
    finished = [boost.name for boost in trophy.points.boosts("xp", include_finished=True) if boost.status == "finished"]
    assert finished == ["Launch Party"]
    assert [boost.name for boost in trophy.users.points_boosts(user, "xp")] == ["Double XP Week"]


def test_the_year_in_review_agrees_with_the_totals(trophy: TrophyApi, user: str) -> None:
    write(trophy, user, 300, attributes={"category": "fiction"})
    activity = trophy.users.wrapped(user).activity
    assert (activity.days_active, activity.weeks_active, activity.months_active) == (1, 1, 1)
    words = activity.entire_year.metrics["words-written"]
    assert (words.current_total, words.change_this_period, words.percent_change) == (300, 300, 100)
    assert words.by_attribute["category"]["fiction"].current_total == 300
    assert activity.entire_year.longest_streak.length == 1
    assert activity.most_active_day.date == trophy.users.streak(user).period_start


def test_errors_are_the_ones_that_the_spec_declares(base_url: str, trophy: TrophyApi, user: str) -> None:
    with client(base_url, key="wrong") as stranger, pytest.raises(UnauthorizedError):
        stranger.users.get("anybody")
    with pytest.raises(UnprocessableEntityError):
        trophy.users.get("nobody-at-all")
    with pytest.raises(NotFoundError):
        trophy.users.streak("nobody-at-all")
    with pytest.raises(NotFoundError):
        trophy.points.levels("no-such-system")
    with pytest.raises(NotFoundError):
        trophy.users.update("nobody-at-all", name="X")
    with pytest.raises(UnprocessableEntityError, match="pln"):
        trophy.users.identify(user, attributes={"pln": "free"})
    with pytest.raises(UnprocessableEntityError):
        trophy.users.points(user, "xp", awards=0)
    with pytest.raises((UnprocessableEntityError, NotFoundError)):
        trophy.users.get(user)  # what was refused has created nobody
    with pytest.raises((BadRequestError, UnprocessableEntityError)):
        trophy.metrics.event("no-such-metric", user=UpsertedUser(id=user), value=1)


def test_every_operation_of_the_spec_has_a_method_that_was_called_here() -> None:
    """The spec's operationIds are the client's method paths; this file must name each of them."""
    source = Path(__file__).read_text()
    rows = [row for path in SPEC["paths"].values() for row in path.values()]
    operations = [row["operationId"] for row in rows if "operationId" in row]
    assert len(operations) == 28
    for operation in operations:
        group, _, method = operation.partition("_")
        name = "all_" if method == "all" else method
        assert f".{group}.{name}(" in source, operation

"""Seeded users: they fit their catalog, their history follows the rules, and the same seed gives the same users."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta

import pytest

from mockserver import catalogs
from mockserver.api.points import points_summary
from mockserver.api.users import user_shape
from mockserver.game.engine import Game
from mockserver.game.facts import AchievementClaimed, FreezeConsumed, MetricChanged, StreakLost
from mockserver.game.periods import DAY, HOUR, utc_day
from mockserver.game.state import User
from mockserver.seed import populate, seeded_id
from mockserver.seed.identities import LOCATIONS
from mockserver.worlds import Organisation, Plan

TAIL = ((1, 3), (4, 8), (9, 29), (30, 60))  # days
NOON = 1_768_478_400_000  # 2026-01-15T12:00:00Z


def organisation(
    text: str | None = None,
    *,
    name: str = "catalog",
    users: int = 24,
    days: int | None = 30,
    seed: int = 1,
    now: int = NOON,
) -> Organisation:
    def catalog(today: date) -> catalogs.Catalog:
        return catalogs.load(catalogs.fixture(name), today=today) if text is None else catalogs.parse(text, today=today)

    plan = Plan(catalog, seed=seed, users=users, now=now, frozen=True, history_days=days)
    return Organisation("key", plan, populate)


def seeded(text: str | None = None, **settings: object) -> Game:
    return organisation(text, **settings).game("a" if text and "multiTenant" in text else None)  # type: ignore[arg-type]


def local(time: int, user: User) -> datetime:
    return datetime.fromtimestamp(time / 1000, user.zone)


def journal(game: Game) -> list[str]:
    return [repr(entry) for entry in game.world.journal]


@pytest.fixture(scope="module")
def default() -> Game:
    return seeded(users=50, days=60)


def test_the_same_seed_and_clock_give_the_same_world_to_the_byte(default: Game) -> None:
    again = seeded(users=50, days=60)
    assert journal(again) == journal(default)
    assert [user_shape(user.profile) for user in again.world.users.values()] == [
        user_shape(user.profile) for user in default.world.users.values()
    ]


def test_a_reset_gives_the_same_users_with_the_same_past() -> None:
    world = organisation(users=6)
    before = journal(world.game())
    world.reset()
    assert journal(world.game()) == before


def test_another_seed_gives_other_users() -> None:
    one, other = seeded(users=6, days=3), seeded(users=6, days=3, seed=2)
    assert journal(one) != journal(other)
    assert {p.profile.name for p in one.world.users.values()} != {p.profile.name for p in other.world.users.values()}


def test_users_are_the_same_however_many_there_are() -> None:
    few, many = seeded(users=5).world.users, seeded(users=9).world.users
    for user_id, user in few.items():
        assert many[user_id].profile == user.profile
        assert {key: row.total for key, row in many[user_id].metrics.items()} == {
            key: row.total for key, row in user.metrics.items()
        }


def test_everybody_is_there_and_the_specs_own_example_among_them(default: Game) -> None:
    assert set(default.world.users) == {seeded_id(number) for number in range(50)}
    assert "user-123" in default.world.users


def test_all_of_it_happened_in_order_and_before_now(default: Game) -> None:
    times = [entry.time for entry in default.world.journal]
    assert times == sorted(times)
    assert times[0] >= NOON - 60 * DAY
    assert times[-1] <= NOON
    assert times[-1] > NOON - DAY


def test_users_live_all_over_the_globe(default: Game) -> None:
    zones = {user.profile.tz for user in default.world.users.values()}
    assert zones >= {home.tz for home in LOCATIONS} - {LOCATIONS[12].tz}  # of whom no zone is known
    assert None in zones
    offsets = [local(NOON, user).utcoffset() or timedelta() for user in default.world.users.values()]
    assert (min(offsets), max(offsets)) == (timedelta(hours=-11), timedelta(hours=14))


def test_names_and_emails_are_those_of_users_and_no_email_is_real(default: Game) -> None:
    profiles = [user.profile for user in default.world.users.values()]
    emails = [profile.email for profile in profiles if profile.email]
    names = [profile.name for profile in profiles if profile.name is not None]
    assert all(len(name) > 2 for name in names)
    assert len(profiles) - len(names) in range(1, 4)
    assert all(email.endswith("@example.com") and email.isascii() for email in emails)
    assert len(set(emails)) == len(emails)
    assert any(not str(profile.name).isascii() for profile in profiles)
    assert {profile.subscribed for profile in profiles} == {None, False}
    assert any(profile.device_tokens for profile in profiles)


def test_attributes_are_valid_and_fit_what_the_catalog_asks_for(default: Game) -> None:
    catalog = default.world.catalog
    profiles = [user.profile for user in default.world.users.values()]
    assert all(set(profile.attributes) <= set(catalog.user_attributes) for profile in profiles)
    assert any(set(profile.attributes) < set(catalog.user_attributes) for profile in profiles)
    first = default.world.users["user-123"].profile.attributes
    assert (first["plan-type"], first["region"], first["department"]) == ("premium", "us-east", "engineering")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_streaks_have_a_long_tail(seed: int) -> None:
    game = seeded(users=200, days=60, seed=seed)
    lengths = [user.streak.length for user in game.world.users.values()]
    counts = [sum(low <= length <= high for length in lengths) for low, high in TAIL]
    per_length = [count / (high - low + 1) for count, (low, high) in zip(counts, TAIL, strict=True)]
    assert per_length == sorted(per_length, reverse=True)
    assert min(counts) >= 2
    assert 59 <= max(lengths) <= 60


def test_streaks_are_lost_and_saved(default: Game) -> None:
    facts = Counter(type(entry.fact) for entry in default.world.journal)
    assert facts[StreakLost] > 20
    assert facts[FreezeConsumed] > 20
    assert any(not user.metrics for user in default.world.users.values())


def test_there_is_something_to_see_everywhere(default: Game) -> None:
    world = default.world
    active = {row.key for row in world.catalog.achievements.values() if row.status == "active"}
    had = {key for user in world.users.values() for key in user.achievements}
    assert active - had <= {"365-day-streak", "novelist"}
    assert had - active == {"founding-member"}
    assert {key for user in world.users.values() for key in user.accounts} == {"xp", "energy"}
    levels = {
        world.catalog.points["xp"].level_at(user.accounts["xp"].total)
        for user in world.users.values()
        if "xp" in user.accounts
    }
    assert len(levels) >= 3
    boards = {key for key, runs in world.runs.items() if any(run.scores for run in runs.values())}
    assert boards == set(world.catalog.leaderboards) - {"writing-month"}
    assert any(user.notifications for user in world.users.values())
    assert any(isinstance(entry.fact, AchievementClaimed) for entry in world.journal)


def test_totals_are_the_sums_of_what_was_done(default: Game) -> None:
    sums: Counter[tuple[str, str]] = Counter()
    for entry in default.world.journal:
        if isinstance(entry.fact, MetricChanged):
            sums[entry.fact.user, entry.fact.metric] += entry.fact.value
    totals = {
        (user_id, key): row.total for user_id, user in default.world.users.items() for key, row in user.metrics.items()
    }
    assert totals == sums


def test_events_carry_attributes_that_the_catalog_knows() -> None:
    facts = [entry.fact for entry in seeded(name="fitness").world.journal if isinstance(entry.fact, MetricChanged)]
    attributes = {metric: set[str]() for metric in ("distance_run", "distance_cycled", "distance_swum")}
    for fact in facts:
        attributes[fact.metric] |= set(fact.attributes)
    assert attributes == {"distance_run": {"pace"}, "distance_cycled": set(), "distance_swum": {"style"}}


def test_cities_are_where_users_live() -> None:
    users = seeded(name="fitness", users=3, days=1).world.users.values()
    assert {(p.profile.tz, p.profile.attributes["city"]) for p in users} == {
        ("America/New_York", "New York"),
        ("Europe/London", "London"),
        ("Asia/Tokyo", "Tokyo"),
    }


def test_distances_are_plausible() -> None:
    runs = [
        entry.fact.value / 1_000_000
        for entry in seeded(name="fitness").world.journal
        if isinstance(entry.fact, MetricChanged) and entry.fact.metric == "distance_run"
    ]
    assert sum(run < 0 for run in runs) == 1  # a correction
    assert sum(run < 0.1 or run > 42.2 for run in runs) <= 3  # somebody who overtakes, and one who spends
    assert any(run % 1 for run in runs)


def test_most_is_done_in_the_evening_and_little_at_night() -> None:
    game = seeded(users=200, days=60)
    users = game.world.users
    hours = Counter(
        local(entry.time, users[entry.fact.user]).hour
        for entry in game.world.journal
        if isinstance(entry.fact, MetricChanged)
    )
    evening, night = sum(hours[hour] for hour in range(18, 24)), sum(hours[hour] for hour in range(5))
    assert evening > 0.4 * hours.total()
    assert 0 < night < 0.03 * hours.total()


def test_weekends_and_holidays_are_quieter() -> None:
    game = seeded(users=200, days=60)
    days = Counter(
        local(entry.time, game.world.users[entry.fact.user]).date()
        for entry in game.world.journal
        if isinstance(entry.fact, MetricChanged) and entry.fact.value > 0
    )
    weeks = [date(2025, 12, 1) + timedelta(days=row) for row in range(21)]
    weekdays = [days[day] for day in weeks if day.weekday() < 5]
    weekends = [days[day] for day in weeks if day.weekday() >= 5]
    assert sum(weekends) / len(weekends) < 0.95 * sum(weekdays) / len(weekdays)
    assert days[date(2025, 12, 25)] < 0.7 * days[date(2025, 12, 18)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_points_are_spread(seed: int) -> None:
    rows = points_summary(seeded(users=50, days=60, seed=seed), key="xp")
    counts = [row["users"] for row in rows]
    assert sum(count > 0 for count in counts) >= 6
    assert max(counts) <= 25
    energy = [row["users"] for row in points_summary(seeded(users=50, days=60, seed=seed), key="energy")]
    assert max(energy) <= 35


@pytest.mark.parametrize(
    "text",
    [
        'name = "nothing at all"',
        'name = "x"\n[metrics.m]\nname = "M"',
        'name = "x"\n[metrics.m]\nname = "M"\nstatus = "inactive"',
        'name = "x"\nuserAttributes = ["a"]\neventAttributes = ["b"]\n[metrics.m]\nname = "M"\n'
        '[streak]\nfrequency = "weekly"\nconditions = { m = 2.5 }',
        'name = "x"\n[metrics.m]\nname = "M"\n[achievements.a]\nname = "A"\ntrigger = "metric"\nmetricKey = "m"\n'
        "metricValue = 0.000001",
        'name = "x"\n[metrics.m]\nname = "M"\n[achievements.a]\nname = "A"\ntrigger = "metric"\nmetricKey = "m"\n'
        "metricValue = 1_000_000_000_000",
        'name = "x"\n[metrics.m]\nname = "M"\n[points.p]\nname = "P"\n[[points.p.triggers]]\ntype = "metric"\n'
        'metricKey = "m"\nmetricThreshold = 1000\npoints = 1',
    ],
)
def test_any_catalog_can_be_lived_in(text: str) -> None:
    game = seeded(text, users=5, days=10)
    assert len(game.world.users) == 5
    active = [row for row in game.world.catalog.metrics.values() if row.active]
    assert any(user.metrics for user in game.world.users.values()) == bool(active)


def test_weekly_streaks_are_kept_too() -> None:
    text = 'name = "x"\n[metrics.m]\nname = "M"\n[streak]\nfrequency = "weekly"\nconditions = { m = 2.5 }'
    assert max(user.streak.length for user in seeded(text, days=40).world.users.values()) in (6, 7)


def test_without_a_past_everybody_has_done_one_thing_just_now() -> None:
    world = seeded(users=100, days=0).world
    events = [entry for entry in world.journal if isinstance(entry.fact, MetricChanged)]
    assert Counter(entry.fact.user for entry in events) == {seeded_id(number): 1 for number in range(100)}
    assert {entry.time for entry in events} == {NOON}


@pytest.mark.parametrize("now", [0, 1, 5 * HOUR, 3 * DAY + 7, NOON])
def test_everybody_is_there_at_the_beginning_of_time_too(now: int) -> None:
    game = seeded(users=15, days=2, now=now)
    assert len(game.world.users) == 15
    assert all(0 <= user.profile.created <= now for user in game.world.users.values())


def test_tenants_have_users_of_their_own() -> None:
    text = 'name = "x"\n[metrics.m]\nname = "M"\n[settings]\nmultiTenant = true\ntenants = ["a", "b"]'
    world = organisation(text, users=4, days=5)
    names = [{p.profile.name for p in world.game(tenant).world.users.values()} for tenant in ("a", "b")]
    assert len(names[0]) == len(names[1]) == 4
    assert names[0] != names[1]


def test_how_far_it_has_come_is_reported() -> None:
    actual: list[tuple[float, int]] = []
    catalog = catalogs.load(catalogs.fixture("study"), today=utc_day(NOON))
    plan = Plan(lambda _: catalog, users=20, now=NOON, frozen=True)
    Organisation(
        "key", plan, lambda game, **settings: populate(game, **settings, report=lambda *how: actual.append(how))
    )
    assert actual == sorted(actual)
    assert actual[0][0] < 0.1
    assert actual[-1][0] == 1
    assert 0 < actual[-1][1] - actual[-2][1] <= 256

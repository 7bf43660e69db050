"""What holds for every life that users could lead, whatever the catalog's rules make of it."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import Step, born, event, events, known, lead, lives, starts, steady, steps, take, users
from sample import BARE, SAMPLE

from mockserver.game import facts as f
from mockserver.game import journal
from mockserver.game.catalog import MICRO, AttributeFilter, Catalog, Freezes, Streak
from mockserver.game.engine import Game
from mockserver.game.facts import CatalogChanged
from mockserver.game.periods import DAY, HOUR, run_end, run_index
from mockserver.game.ranking import Run
from mockserver.game.state import User
from mockserver.game.world import World

WEEKLY = replace(SAMPLE, streak=Streak("weekly", freezes=Freezes(1, 2, 9)))
MONTHLY = replace(SAMPLE, streak=Streak("monthly"), points={}, leaderboards={})
RULED = {
    key: replace(row, user_attributes=(AttributeFilter("plan", "pro"),), start_time=7 * 60, end_time=21 * 60)
    for key, row in SAMPLE.leaderboards.items()
    if row.rank_by != "streak"
}
CATALOGS = (SAMPLE, WEEKLY, MONTHLY, replace(SAMPLE, leaderboards=RULED))
catalogs = st.sampled_from(CATALOGS)


def facts_of(world: World, kind: type[Any], user: str | None = None) -> list[Any]:
    every = [entry.fact for entry in world.journal if isinstance(entry.fact, kind)]
    return [fact for fact in every if user in (None, fact.user)]


# State and journal


@steady
@given(catalogs, starts, lives)
def test_replaying_the_journal_gives_an_equal_world(catalog: Catalog, start: str, life: list[Step]) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(journal, "CHUNK", 5)  # so that most of it is packed
        game = lead(catalog, start, life)
        game.record(CatalogChanged(BARE))
        game.record(CatalogChanged(WEEKLY))
        world = game.world
        again = World(catalog, world.seed, world.born)
        for entry in world.journal:
            again.apply(entry)
        assert known(again) == known(world)
        assert [entry.seq for entry in world.journal] == list(range(1, len(world.journal) + 1))
        assert list(world.journal) == list(reversed(list(world.journal.newest())))


@steady
@given(catalogs, starts, lives, lives)
def test_a_restored_snapshot_has_the_same_future(
    catalog: Catalog, start: str, past: list[Step], future: list[Step]
) -> None:
    game = lead(catalog, start, past)
    restored = Game(pickle.loads(pickle.dumps(game.world)), now=game.now)
    for step in [*future, Step("advance", {"by": 9 * DAY})]:
        assert str(take(game, step)) == str(take(restored, step))
    assert list(game.world.journal) == list(restored.world.journal)
    assert known(game.world) == known(restored.world)


@steady
@given(catalogs, starts, lives)
def test_an_agenda_that_is_made_anew_at_every_moment_brings_the_same(
    catalog: Catalog, start: str, life: list[Step]
) -> None:
    kept = lead(catalog, start, life)
    renewed = born(catalog, start)
    for step in life:
        take(renewed, step)
        renewed = Game(renewed.world, now=renewed.now)
        renewed.catch_up(renewed.now)
    for game in (kept, renewed):
        game.catch_up(game.now + 40 * DAY)
    assert list(renewed.world.journal) == list(kept.world.journal)


@steady
@given(catalogs, starts, lives, st.integers(1, 40), st.sampled_from([DAY, 7 * HOUR, 36 * HOUR]))
def test_advancing_once_is_advancing_many_times(
    catalog: Catalog, start: str, life: list[Step], times: int, pace: int
) -> None:
    at_once, by_and_by = lead(catalog, start, life), lead(catalog, start, life)
    at_once.catch_up(at_once.now + times * pace)
    for _ in range(times):
        by_and_by.catch_up(by_and_by.now + pace)
    assert list(at_once.world.journal) == list(by_and_by.world.journal)
    assert known(at_once.world) == known(by_and_by.world)
    assert at_once.next_due() == by_and_by.next_due()


# Totals


def same_sums(user: User, events_of: list[Any]) -> None:
    """Totals, days, peaks and filtered sums are what the events add up to."""
    for key, progress in user.metrics.items():
        changes = [fact for fact in events_of if fact.metric == key]
        assert progress.total == sum(fact.value for fact in changes) == changes[-1].total
        by_day = Counter[int]()
        for fact in changes:
            by_day[fact.day.toordinal()] += fact.value
        rows = list(progress.days.rows(1, date.max.toordinal()))
        assert {day: change for day, change, _ in rows} == dict(by_day)
        assert [day for day, _, _ in rows] == sorted(by_day)
        assert sum(number for _, _, number in rows) == len(changes)
        for filters, matching in (progress.matching or {}).items():
            assert matching.total == sum(
                fact.value for fact in changes if all(fact.attributes.get(row.key) == row.value for row in filters)
            )


@steady
@given(catalogs, starts, lives)
def test_totals_are_the_sums_of_their_events_exactly(catalog: Catalog, start: str, life: list[Step]) -> None:
    world = lead(catalog, start, life).world
    for user_id, user in world.users.items():
        same_sums(user, facts_of(world, f.MetricChanged, user_id))


@steady
@given(st.lists(events, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_no_order_of_events_of_a_day_loses_one(day: list[Step], random: Any) -> None:
    day = [Step(step.name, {**step.arguments, "idempotency_key": None}) for step in day]
    mixed = random.sample(day, len(day))
    one, other = (lead(BARE, "2025-04-01", life).world for life in (day, mixed))
    assert len(facts_of(one, f.MetricChanged)) == len(facts_of(other, f.MetricChanged)) == len(day)
    for user_id, user in one.users.items():
        assert {key: row.total for key, row in user.metrics.items()} == {
            key: row.total for key, row in other.users[user_id].metrics.items()
        }


@steady
@given(starts, lives, users, st.sampled_from(["words", "chapters"]))
def test_a_replayed_key_changes_nothing(start: str, life: list[Step], user: str, metric: str) -> None:
    game = lead(SAMPLE, start, life)
    first = take(game, event(user, metric, 5, None, "again"))
    game.catch_up(game.now + 3 * DAY)
    before = known(pickle.loads(pickle.dumps(game.world))), len(game.world.journal)
    replay = take(game, event(user, metric, 7, "phone", "again"))
    assert (known(game.world), len(game.world.journal)) == before
    assert replay["eventId"] == first["eventId"]
    assert (replay["achievements"], replay["points"], replay["leaderboards"]) == ([], {}, {})


# Streaks


def whole_streak(world: World, user: User) -> None:
    streak, freezes = user.streak, world.catalog.streak.freezes if world.catalog.streak else None
    assert 0 <= streak.freezes <= (freezes.maximum if freezes else 0)
    assert (streak.length > 0) == (streak.expires is not None) == (streak.started is not None)
    assert [row.start for row in streak.history] == sorted({row.start for row in streak.history})
    for before, after in pairwise(streak.history):
        steps_up = [before.length] if after.frozen else [before.length + 1, 1]
        assert after.length in steps_up, f"{before} is followed by {after}"
    if streak.length:
        assert list(streak.history)[-1].length == streak.length
        assert streak.deadline >= user.end_of(streak.expires or date.min)
    assert streak.longest == max((row.length for row in streak.history), default=0)


@steady
@given(catalogs, starts, lives)
def test_a_streak_never_skips_a_length_nor_spends_a_freeze_that_is_not_there(
    catalog: Catalog, start: str, life: list[Step]
) -> None:
    world = lead(catalog, start, life).world
    for user_id, user in world.users.items():
        whole_streak(world, user)
        for fact in facts_of(world, f.FreezeConsumed, user_id):
            assert fact.freezes >= 0
    rows = world.users.items()
    assert list(world.lengths) == sorted((-p.streak.length, p.streak.reached, u) for u, p in rows if p.streak.length)
    assert list(world.longest) == sorted(
        (-p.streak.longest, p.streak.longest_reached, u) for u, p in rows if p.streak.longest
    )


@steady
@given(starts, st.lists(st.one_of(steps, steps), max_size=30), users)
def test_a_change_of_zone_never_ends_a_streak_before_its_day_is_over_in_the_zone_it_began_in(
    start: str, life: list[Step], user_id: str
) -> None:
    """An active user keeps the streak at least until the next day has ended in the zone of the activity."""
    game = lead(SAMPLE, start, life)
    take(game, event(user_id, "words", 5000, None, None))
    user = game.world.users[user_id]
    expires, length = user.streak.expires, user.streak.length
    if expires is None:
        return
    end = user.end_of(expires)
    for tz in ("Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Kiritimati", None):
        take(game, Step("users_identify", {"id": user_id, "body": {"tz": tz}}))
    game.catch_up(end - 1)
    assert user.streak.length == length


# Achievements and points


@steady
@given(catalogs, starts, lives)
def test_no_achievement_is_completed_twice(catalog: Catalog, start: str, life: list[Step]) -> None:
    game = lead(catalog, start, life)
    game.record(CatalogChanged(SAMPLE))
    world = game.world
    done = Counter((fact.user, fact.achievement) for fact in facts_of(world, f.AchievementCompleted))
    assert set(done.values()) <= {1}
    assert set(done) == {(user_id, key) for user_id, user in world.users.items() for key in user.achievements}
    assert +world.completions == Counter(key for _, key in done)


@steady
@given(st.sampled_from([SAMPLE, WEEKLY]), starts, lives)
def test_points_are_the_sum_of_their_awards_and_stay_within_their_limits(
    catalog: Catalog, start: str, life: list[Step]
) -> None:
    world = lead(catalog, start, life).world
    for key, system in catalog.points.items():
        for user_id, user in world.users.items():
            awards = [fact for fact in facts_of(world, f.PointsAwarded, user_id) if fact.system == key]
            total = 0
            for award in awards:
                total += award.awarded
                assert award.awarded != 0
                assert award.total == total
                assert 0 <= total <= (system.max_points or 10**15)
            assert user.points(key) == total
            if awards:
                account = user.accounts[key]
                assert sum(change for _, change, _ in account.days.rows(1, date.max.toordinal())) == total
                newest = [row.awarded for row in account.awards.newest(100)]
                assert newest == [fact.awarded for fact in awards][-100:]
                assert not account.unsettled
                changes = [fact for fact in facts_of(world, f.PointsChanged, user_id) if fact.system == key]
                assert sum(fact.added for fact in changes) == total
                actual = [world.journal.entry(seq).fact for fact in changes for seq in fact.awards]
                assert actual == awards
        held = Counter(user.points(key) for user in world.users.values() if key in user.accounts)
        assert +world.totals.get(key, Counter()) == held


@steady
@given(starts, lives)
def test_every_award_but_those_of_creation_is_told_once_at_most_once_a_minute(start: str, life: list[Step]) -> None:
    game = lead(SAMPLE, start, life)
    game.catch_up(game.now + DAY)
    world = game.world
    creation = {row.id for system in SAMPLE.points.values() for row in system.triggers if row.type == "user_creation"}
    awards = {e.seq for e in world.journal if isinstance(e.fact, f.PointsAwarded) and e.fact.trigger not in creation}
    reports = [entry for entry in world.journal if isinstance(entry.fact, f.PointsReported)]
    actual = [seq for entry in reports for seq in entry.fact.awards]  # type: ignore[union-attr]
    assert sorted(actual) == sorted(awards - set(_unsent(world)))
    latest: dict[tuple[str, str], int] = {}
    for entry in reports:
        key = entry.fact.user, entry.fact.system  # type: ignore[union-attr]
        assert entry.time >= latest.get(key, 0) + 60_000
        latest[key] = entry.time


def _unsent(world: World) -> list[int]:
    return [seq for user in world.users.values() for account in user.accounts.values() for seq in account.unsent or ()]


# Leaderboards


def whole_ranking(run: Run) -> None:
    placed: dict[Any, list[Any]] = {}
    for user, score in run.scores.items():
        assert score.place[2] == user
        if score.value > 0 and score.group is not None:
            placed.setdefault(score.group, []).append(score.place)
    assert {group: list(ranking) for group, ranking in run.rankings.items() if ranking} == {
        group: sorted(places) for group, places in placed.items()
    }
    for group, places in placed.items():
        top = run.top(group, 0, run.limit)
        assert [rank for rank, _, _ in top] == list(range(1, min(len(places), run.limit) + 1))
        assert all(run.standing(user) == (rank, value) for rank, value, user in top)


@steady
@given(st.sampled_from([SAMPLE, WEEKLY]), starts, lives)
def test_ranks_are_a_gapless_permutation_of_what_was_gained_in_the_run(
    catalog: Catalog, start: str, life: list[Step]
) -> None:
    world = lead(catalog, start, life).world
    for key, board in catalog.leaderboards.items():
        for first, run in world.runs.get(key, {}).items():
            whole_ranking(run)
            last = run_end(board, run_index(board, first)) or date.max
            for user, score in run.scores.items():
                if board.rank_by == "metric":
                    days = world.users[user].metrics["words"].days
                    assert score.gained == days.between(first.toordinal(), last.toordinal())
                    assert score.value == score.gained // MICRO

"""Seeded users come from a cache: a world from cached users equals one whose history is simulated anew."""

from __future__ import annotations

import resource
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plane import speaking_to

from mockserver import catalogs
from mockserver.clock import pin
from mockserver.control.recipe import read_recipe, recipe_record
from mockserver.game.catalog import Catalog
from mockserver.game.metrics import change
from mockserver.game.periods import DAY, HOUR, MINUTE, local_day
from mockserver.seed import populate as live
from mockserver.seed import seeded_id
from mockserver.serve.population_files import MOST_BYTES, MOST_FILES, PopulationFiles
from mockserver.serve.populations import PopulationCache
from mockserver.testing import MockServer
from mockserver.webhooks.bodies import derive_events
from mockserver.webhooks.webhooks import Webhooks
from mockserver.worlds import Organisation, Plan, Populate

NOON = 1_768_478_400_000  # 2026-01-15T12:00:00Z


def anew(game: Any, *, seed: int, users: int, until: int) -> Any:
    return live(game, seed=seed, users=users, until=until, capture=derive_events)


def visible_state(organisation: Organisation) -> list[Any]:
    """All that can be seen of a world, and of the same world three days and an event later."""
    hooks = Webhooks(organisation)
    seen = [_facts(organisation), _bodies(hooks)]
    organisation.clock.set(organisation.clock.now() + 3 * DAY, frozen=True)
    for tenant in list(organisation.games):
        game = organisation.game(tenant)
        day = local_day(game.now, game.world.users[seeded_id(0)].zone)
        metric = next(iter(game.world.catalog.metrics))
        game.record(change(game.world, seeded_id(0), metric, 5_000_000, day, {}, None))
        game.commit()
    return [*seen, _facts(organisation), _bodies(hooks)]


def _facts(organisation: Organisation) -> list[tuple[str | None, str, str]]:
    return [
        (tenant, world.id_of("event", entry.seq), repr(entry))
        for tenant, game in organisation.games.items()
        for world in [game.world]
        for entry in world.journal
    ]


def _bodies(hooks: Webhooks) -> list[tuple[Any, ...]]:
    return [(event.tenant, event.kind, event.user, event.time, event.body) for event in hooks.outbox]


def catalog(name: str) -> Any:
    def on(today: date) -> Catalog:
        return catalogs.load(catalogs.fixture(name), today=today)

    return on


@settings(max_examples=6, deadline=None)
@given(
    name=st.sampled_from(["catalog", "fitness", "study"]),
    seed=st.integers(-3, 3),
    users=st.integers(1, 6),
    days=st.integers(0, 20),
    now=st.integers(NOON, NOON + 400 * DAY),
    fixed=st.booleans(),
)
def test_a_world_from_what_was_kept_is_the_one_that_lives_anew(
    name: str, seed: int, users: int, days: int, now: int, fixed: bool
) -> None:
    plan = Plan(catalog(name), seed, users, now=now if fixed else None, frozen=True, history_days=days)
    lived = PopulationCache()

    def made(key: str, populate: Populate) -> list[Any]:
        with pin(now):
            return visible_state(Organisation(key, plan, populate))

    expected = {key: made(key, anew) for key in ("one", "two")}
    assert expected["one"] != expected["two"], "ids are their own"
    for key in ("one", "two", "one"):
        assert made(key, lived.populate) == expected[key]
    assert len(lived) == len(Organisation("one", plan).games)


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"users": 3}, {"history_days": 9}, {"now": NOON + 1}, {"catalog": catalog("study")}]
)
def test_only_a_world_like_one_before_is_spared_its_life(other: dict[str, Any]) -> None:
    lived = PopulationCache()
    plan = {"catalog": catalog("catalog"), "seed": 1, "users": 2, "now": NOON, "frozen": True, "history_days": 8}
    Organisation("one", Plan(**plan), lived.populate)
    assert visible_state(Organisation("one", Plan(**plan | other), lived.populate)) == visible_state(
        Organisation("one", Plan(**plan | other), anew)
    )
    assert len(lived) == 2


def test_what_a_world_does_later_is_not_kept() -> None:
    lived, plan = PopulationCache(), Plan(catalog("catalog"), 1, 2, now=NOON, frozen=True, history_days=8)
    first = visible_state(Organisation("one", plan, lived.populate))
    assert visible_state(Organisation("one", plan, lived.populate)) == first
    assert visible_state(Organisation("one", plan, lived.populate)) == first


def test_so_many_bytes_are_kept_and_no_more() -> None:
    plans = [Plan(catalog("catalog"), seed, 1, now=NOON, frozen=True, history_days=2) for seed in range(4)]
    lived = PopulationCache()
    Organisation("one", plans[0], lived.populate)
    lived = PopulationCache(most=round(lived.weight * 2.5))
    for plan in plans:
        Organisation("one", plan, lived.populate)
        assert lived.weight <= lived._most
    assert len(lived) >= 1
    tiny = PopulationCache(most=10)
    assert visible_state(Organisation("one", plans[0], tiny.populate)) == visible_state(
        Organisation("one", plans[0], anew)
    )
    assert len(tiny) == 0


def test_by_the_real_time_a_quarter_of_an_hour_has_one_past() -> None:
    lived, plan = PopulationCache(), Plan(catalog("catalog"), 1, 3, frozen=True, history_days=8)

    def journal(real: int) -> list[str]:
        with pin(real):
            organisation = Organisation("one", plan, lived.populate)
            assert organisation.clock.now() == real
            return [repr(entry) for entry in organisation.game().world.journal if entry.time < NOON + HOUR]

    at = NOON + HOUR + 2 * MINUTE
    assert journal(at) == journal(at + 1) == journal(at + 12 * MINUTE)
    assert len(lived) == 1
    assert journal(at + 13 * MINUTE) != journal(at)
    assert len(lived) == 2


@pytest.mark.parametrize("now", [NOON, NOON + 1, NOON + 14 * MINUTE, NOON + 15 * MINUTE - 1, NOON + 12 * HOUR + 5])
def test_users_have_lived_until_the_day_that_it_is_everywhere(now: int) -> None:
    until = Plan(catalog("catalog")).active_until(now)
    assert now - 15 * MINUTE < until <= now
    assert (until - 1) // (15 * MINUTE) == max(until - 1, now - 1) // (15 * MINUTE)
    assert Plan(catalog("catalog"), now=now).active_until(now) == now


def test_a_log_that_says_nothing_of_quarters_is_repeated_as_it_was() -> None:
    plan = Plan(catalog("catalog"), 1, 2, frozen=True, history_days=3)
    plan.catalog.source = "name = 'Nothing'"  # type: ignore[attr-defined]
    with pin(NOON + 7 * MINUTE) as real:
        record = recipe_record(Organisation("one", plan, anew), 0, (), real)
    assert read_recipe(record).plan.rounded
    arguments = {name: value for name, value in record.arguments.items() if name != "rounded"}
    older = read_recipe(record._replace(arguments=arguments)).plan
    assert not older.rounded
    assert older.active_until(NOON + 7 * MINUTE) == NOON + 7 * MINUTE


def test_a_reset_over_http_goes_back_to_the_first_day() -> None:
    plan: dict[str, Any] = {"users": 5, "history_days": 20, "now": "2026-01-15T12:00:00Z", "frozen": True}
    with MockServer(**plan) as server, speaking_to(server) as http:
        first = [server.facts(), server.webhooks()]
        for user in (seeded_id(0), seeded_id(1)):
            http.event(user, 500)
            assert [server.facts(), server.webhooks()] != first
            server.reset()
            assert [server.facts(), server.webhooks()] == first


def state_in_new_process(shelf: PopulationFiles, plan: Plan) -> tuple[list[Any], int]:
    """A world of a process that has just started, and how many populations had to live in it."""
    lived, lives = PopulationCache(), []
    lived.files = shelf
    with pin(NOON):
        organisation = Organisation(
            "one",
            plan,
            lambda game, **given: lived.populate(game, **given, report=lambda done, count: lives.append(done)),
        )
    return visible_state(organisation), lives.count(1.0)


def test_the_next_start_takes_what_the_last_one_has_put_on_the_shelf(tmp_path: Path) -> None:
    plan = Plan(catalog("catalog"), 1, 3, frozen=True, history_days=8)
    directory = tmp_path / "lived"
    first = state_in_new_process(PopulationFiles(directory), plan)
    assert first[1] == 1
    assert state_in_new_process(PopulationFiles(directory), plan) == (first[0], 0)
    assert directory.stat().st_mode & 0o777 == 0o700
    (file,) = directory.iterdir()
    whole = file.read_bytes()
    for rubbish in (b"", b"rubbish", whole[:-100], whole.replace(b"user-1", b"user-7")):
        file.write_bytes(rubbish)
        assert state_in_new_process(PopulationFiles(directory), plan) == first
    assert state_in_new_process(PopulationFiles(tmp_path / "lived" / file.name), plan) == first, (
        "a file where the directory would be"
    )
    assert state_in_new_process(PopulationFiles(None), plan) == first


def test_the_shelf_has_a_few_places_for_small_populations_of_this_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = PopulationFiles(tmp_path)
    for number in range(2 * MOST_FILES):
        shelf.keep(b"%d" % number, b"state")
    assert len(list(tmp_path.iterdir())) == MOST_FILES
    shelf.keep(b"large", bytes(MOST_BYTES + 1))
    assert shelf.find(b"large") is None
    shelf.keep(b"one", b"state")
    assert shelf.find(b"one") == b"state"
    monkeypatch.setattr("mockserver.serve.population_files.code_version", lambda: "another version")
    assert shelf.find(b"one") is None
    monkeypatch.undo()
    monkeypatch.setattr("os.getuid", lambda: -1)
    assert shelf.find(b"one") is None, "somebody else's"


def test_a_full_disk_keeps_nothing_on_the_shelf_and_leaves_no_piece(tmp_path: Path) -> None:
    shelf = PopulationFiles(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        shelf.keep(b"one", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []
    assert shelf.find(b"one") is None

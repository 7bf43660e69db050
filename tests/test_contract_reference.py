"""The suite's reference world: what the behaviour page says, in numbers that were calculated by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from contract_tests.random_catalogs import RandomCatalog
from contract_tests.reference import ReferenceWorld, points
from contract_tests.reference.boards import ranking
from contract_tests.reference.calendar import Periods, first_instant, run_of
from mockserver import catalogs

NOON = datetime(2025, 3, 28, 12, tzinfo=UTC)
BOARD = {"rankBy": "points", "pointsSystemKey": "xp", "start": "2025-03-01"}


def reference_world(**streak: Any) -> ReferenceWorld:
    triggers = [
        {"type": "metric", "metricKey": "words", "metricThreshold": 10, "points": 3},
        {"type": "metric", "metricKey": "words", "metricThreshold": 10, "points": -3},
        {"type": "metric", "metricKey": "hours", "metricThreshold": 1, "points": 5},
    ]
    catalog = {"metrics": {"words": {}, "hours": {}}, "points": {"xp": {"triggers": triggers}}}
    return ReferenceWorld(catalog | {"streak": {"frequency": "daily"} | streak}, NOON)


@pytest.mark.parametrize("seed", range(60))
def test_every_drawn_catalog_is_valid(seed: int) -> None:
    random_catalog = RandomCatalog(seed, NOON.date())
    assert random_catalog.json == RandomCatalog(seed, NOON.date()).json
    catalogs.from_data(random_catalog.json, today=NOON.date(), name="drawn")


def test_a_streak_lives_on_a_freeze_and_is_lost_without() -> None:
    world = reference_world(freezes={"initial": 1, "maximum": 1})
    ann = world.add_user("ann", tz="Asia/Kathmandu")
    world.event("ann", "words", Decimal(1), {})
    world.advance_to(NOON + timedelta(days=2))
    assert (ann.streak.length, ann.streak.freezes) == (1, 0)
    world.advance_to(NOON + timedelta(days=3))
    assert ann.streak.length == 0
    kinds = [(kind, at.isoformat()) for kind, _, at in ann.streak.webhooks]
    assert kinds[1:] == [
        ("streak.freeze_consumed", "2025-03-29T18:15:00+00:00"),
        ("streak.lost", "2025-03-30T18:15:00+00:00"),
    ]


def test_what_one_request_leaves_as_it_was_takes_no_place() -> None:
    world = reference_world()
    for user in ("ann", "ben"):
        world.add_user(user)
        world.event(user, "hours", Decimal(1), {})
    world.event("ann", "words", Decimal(10), {})  # up by 3 and down by 3
    assert [(row.user, row.value) for row in ranking(world, BOARD, NOON.date())] == [("ann", 5), ("ben", 5)]


@pytest.mark.parametrize(
    ("roundings", "product"), [(["up"], 4), (["down"], 3), (["nearest"], 4), (["up", "nearest"], 5), ([], 2)]
)
def test_boosts_are_rounded_once(roundings: list[str], product: int) -> None:
    boosts = [{"multiplier": 1.75, "rounding": one} for one in roundings]
    boosts = [{"multiplier": 1.6, "rounding": one} for one in roundings] if len(roundings) > 1 else boosts
    assert points.boosted(2, boosts) == product


def test_runs_keep_their_day_clamped_to_the_month() -> None:
    board = {"start": "2025-01-31", "runUnit": "month", "runInterval": 1}
    assert run_of(board, date(2025, 2, 27)) == (date(2025, 1, 31), date(2025, 2, 27))
    assert run_of(board, date(2025, 3, 1)) == (date(2025, 2, 28), date(2025, 3, 30))
    assert run_of(board, date(2025, 1, 30)) is None


def test_days_begin_at_their_first_instant() -> None:
    """Where clocks go forward at midnight it does not exist; where they go back there are two."""
    assert first_instant(date(2025, 4, 6), ZoneInfo("Australia/Lord_Howe")).isoformat() == "2025-04-05T13:00:00+00:00"
    assert first_instant(date(2025, 9, 7), ZoneInfo("America/Santiago")).isoformat() == "2025-09-07T04:00:00+00:00"


def test_weeks_begin_where_the_organisation_says() -> None:
    friday = date(2025, 3, 28)
    starts = {day: Periods("weekly", day).start(friday).day for day in ("monday", "friday", "saturday", "sunday")}
    assert starts == {"monday": 24, "friday": 28, "saturday": 22, "sunday": 23}

"""Webhooks of scores are made when somebody reads them: they say what they would have said at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from boards import board, with_boards
from hypothesis import given
from hypothesis import strategies as st
from lives import Step, born, event, identification, starts, steady, steps, take, users

from mockserver.game.catalog import Catalog, Settings
from mockserver.game.facts import CatalogChanged, Entry
from mockserver.game.world import World
from mockserver.webhooks.bodies import DerivedEvents, derive_events, webhook_events
from mockserver.webhooks.outbox import Outbox
from mockserver.webhooks.run_views import PastRuns

names = st.builds(lambda user, name: identification(user, {"name": name}), users, st.sampled_from(["Ann", "Bob", "Ö"]))
lives = st.lists(st.one_of(steps, steps, names), min_size=12, max_size=60)


def boards(limit: int, neighbours: int | None) -> Catalog:
    return with_boards(
        board("all", "2011-01-01", max_participants=limit),
        board("regions", "2011-01-01", max_participants=2, breakdown=("region",)),
        board("daily", "2011-01-01", run_unit="day", run_interval=1, user_attributes=()),
        board("streaks", "2011-01-01", rank_by="streak"),
        settings=Settings(rank_changed_neighbours=neighbours),
    )


class Recorded:
    """What each request brought, made at once and as it is kept for later."""

    def __init__(self) -> None:
        self.at_once: list[list[Any]] = []
        self.derived: list[DerivedEvents] = []

    def __call__(self, world: World, entries: list[Entry]) -> None:
        events = derive_events(world, entries)
        if events is not None:
            self.derived.append(events)
            self.at_once.append([row.shape() for row in webhook_events(world, entries)])


def lived(start: str, life: list[Step], neighbours: int | None) -> Recorded:
    """With a larger board from the middle on."""
    game, recorded = born(boards(2, neighbours), start), Recorded()
    game.observe = recorded
    for number, step in enumerate(life):
        if number == len(life) // 2:
            game.record(CatalogChanged(boards(3, neighbours)))
            game.commit()
        take(game, step)
        game.commit()
    return recorded


def late(recorded: Recorded) -> list[list[Any]]:
    past = PastRuns()
    return [[row.shape() for row in events.webhook_events(past)] for events in reversed(recorded.derived)][::-1]


@steady
@given(starts, lives)
@pytest.mark.parametrize("neighbours", [None, 1])
def test_late_is_as_at_once(neighbours: int | None, start: str, life: list[Step]) -> None:
    recorded = lived(start, life, neighbours)
    assert late(recorded) == recorded.at_once
    assert [events.number for events in recorded.derived] == [len(rows) for rows in recorded.at_once]


def test_a_board_had_the_size_that_it_had() -> None:
    amounts = (("ann", 10), ("bob", 9), ("cat", 8), ("dan", 7), ("ann", 1), ("bob", 5))
    recorded = lived(
        "2025-03-28 10:00", [event(user, "words", amount, None, None) for user, amount in amounts] * 2, None
    )
    firsts = [row["leaderboard"]["rankings"] for rows in late(recorded) for row in rows if is_about_all(row)]
    assert [len(rows) for rows in firsts] == [1, 2, 2, 2, *[3] * 5]
    assert late(recorded) == recorded.at_once


def is_about_all(row: Any) -> bool:
    return row["type"] == "leaderboard.changed" and row["leaderboard"]["key"] == "all"


@steady
@given(starts, lives)
def test_so_are_the_events_that_are_listed(start: str, life: list[Step]) -> None:
    recorded, outbox = lived(start, life, None), Outbox()
    for events in recorded.derived:
        outbox.keep(events, None)
    rows = [row for rows in recorded.at_once for row in rows]
    assert outbox.produced == len(rows)
    assert [(event.kind, event.number) for event in outbox] == [(row["type"], at) for at, row in enumerate(rows, 1)]


def test_a_profile_is_known_as_it_was_after_any_fact() -> None:
    game = born(replace(boards(2, None), leaderboards={}), "2025-03-28 10:00")
    seen = []
    for name in ("Ann", "Anne", "Anna", "Anna"):
        take(game, identification("ann", {"name": name}))
        seen.append((game.world.journal.last, name))
    assert [game.world.profile_at("ann", seq).name for seq, _ in seen] == [name for _, name in seen]

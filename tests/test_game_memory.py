"""What a world costs: a million events must fit into the memory of an ordinary machine."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Iterator

import pytest
from lives import event, take
from sample import BARE, SAMPLE
from story import moment

from mockserver.api.metrics import metrics_event
from mockserver.game import catalog
from mockserver.game import moves as moves_kept
from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game
from mockserver.game.journal import CHUNK
from mockserver.game.moves import Moves
from mockserver.game.periods import DAY, MINUTE
from mockserver.game.world import World

USERS = 64


@pytest.fixture
def traced() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


def send(game: Game, times: int) -> None:
    """One event of each user, so many times."""
    for _ in range(times):
        for number in range(USERS):
            take(game, event(f"user-{number}", "words", 0.25, None, None))


def held() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def lived(catalog: Catalog) -> Game:
    """A world whose journal holds as many entries unpacked as it ever does."""
    game = Game(World(catalog, "memory", moment("2025-04-01")))
    while len(game.world.journal) < 2 * CHUNK:
        send(game, 1)
    return game


@pytest.mark.usefixtures("traced")
def test_an_event_that_changes_only_a_total_costs_few_bytes() -> None:
    game, events = lived(BARE), 2 * CHUNK  # so that as many entries are unpacked before as after
    before = held()
    send(game, events // USERS)
    assert (held() - before) / events < 60


@pytest.mark.usefixtures("traced")
def test_what_a_board_remembers_of_an_event_is_few_bytes() -> None:
    moves, before, number = Moves(), held(), 20 * moves_kept.CHUNK
    for seq in range(number):
        user, time = seq * 31 % 500, 1_790_000_000_000 + seq * 977
        moves.add((seq * 7, time, user, 0, user * 17 % 500 + 1, seq, 0, user * 13 % 500 + 1, seq + user))
    assert (held() - before) / number < 40


def test_awards_are_cut_however_many_events_there_are() -> None:
    game = lived(SAMPLE)
    for _ in range(250):
        take(game, event("user-0", "words", 10, None, None))
    game.catch_up(game.now + MINUTE)  # what waited to be reported is needed no longer
    take(game, event("user-0", "words", 10, None, None))
    assert len(game.world.users["user-0"].accounts["xp"].awards.newest(10**6)) <= 200


def test_awards_are_kept_until_they_are_reported_however_many_there_are() -> None:
    game = lived(SAMPLE)
    for _ in range(1000):
        take(game, event("user-0", "words", 10, None, None))
    account = game.world.users["user-0"].accounts["xp"]
    assert account.unsent is not None
    assert len(account.unsent) == 999  # the first was told at once
    assert {award.seq for award in account.awards.newest(10**6)} >= set(account.unsent)


def test_what_is_remembered_of_a_catalog_does_not_pile_up_with_the_days(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "MOST_REMEMBERED", 50)
    game = lived(SAMPLE)
    for _ in range(200):
        game.catch_up(game.now + DAY)
        take(game, event("user-0", "words", 10, None, None))
    assert 0 < len(game.world.catalog.remembered) <= 50


def test_responses_need_nothing_of_what_is_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """Catalogs are shared, and another thread may make one forget at any moment."""
    first = metrics_event(lived(SAMPLE), key="words", body={"user": {"id": "user-0"}, "value": 10})
    monkeypatch.setattr(catalog.Memo, "__setitem__", lambda memo, key, value: None)
    SAMPLE.remembered.clear()
    assert first["leaderboards"]
    assert metrics_event(lived(SAMPLE), key="words", body={"user": {"id": "user-0"}, "value": 10}) == first

"""Places in order: whatever is done to them, they are what a sorted list would be."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lives import steady

from mockserver.game import places as module
from mockserver.game.places import Place, Places

Deed = tuple[str, int, int]

deeds = st.lists(st.tuples(st.sampled_from(["add", "move", "move", "remove"]), st.integers(0, 30), st.integers(-9, 0)))


@pytest.fixture(params=[2, 3, 8000], autouse=True)
def most(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts so short that a few places fill many, and as long as they are."""
    monkeypatch.setattr(module, "MOST", request.param)


def lived(deeds: list[Deed], check: Callable[[Places, list[Place]], None]) -> None:
    """Does the same to places and to a list that is sorted anew each time, and checks after each deed."""
    places, plain, numbers = Places(), list[Place](), count(1)
    for deed, which, value in deeds:
        new = (value, next(numbers), f"user-{which}")
        if deed == "add" or not plain:
            places.add(new)
            plain = sorted([*plain, new])
        else:
            old = plain.pop(which % len(plain))
            if deed == "move":
                ranks = places.ranks(old, new)
                assert places.rank(old) == ranks[0]
                places.move(old, new)
                assert places.rank(new) == ranks[1]
                plain = sorted([*plain, new])
            else:
                places.remove(old)
        check(places, plain)


def same(places: Places, plain: list[Place]) -> None:
    assert list(places) == plain
    assert len(places) == len(plain)
    assert bool(places) == bool(plain)
    assert [places[at] for at in range(len(plain))] == plain


def sliced(places: Places, plain: list[Place]) -> None:
    for start in (0, 1, 2, 5):
        assert [places[start:stop] for stop in (1, 2, 7, 100)] == [plain[start:stop] for stop in (1, 2, 7, 100)]
    assert places[:3] == plain[:3]


def ranked(places: Places, plain: list[Place]) -> None:
    assert [places.rank(place) for place in plain] == list(range(1, len(plain) + 1))
    for value in range(-10, 2):
        assert places.rank((value, 0, "")) == 1 + sum(place < (value, 0, "") for place in plain)


@steady
@given(deeds)
@pytest.mark.parametrize("check", [same, sliced, ranked])
def test_they_are_in_order_whatever_was_done(check: Callable[[Places, list[Place]], None], deeds: list[Deed]) -> None:
    lived(deeds, check)


def test_what_is_not_there_cannot_be_taken_away() -> None:
    places = Places()
    places.add((-1, 1, "ann"))
    for deed in (places.remove, lambda place: places.move(place, (-2, 3, "bob"))):
        with pytest.raises(ValueError, match="bob"):
            deed((-1, 2, "bob"))
    assert list(places) == [(-1, 1, "ann")]

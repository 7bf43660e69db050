"""Responses that are made from templates: each template is checked once for each type of what fills it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from sample import SAMPLE
from story import loaded_spec

from mockserver.api.metrics import metrics_event
from mockserver.api.rendered import GAP, Rendered, Template, Used, text
from mockserver.game.engine import Game
from mockserver.game.world import World
from mockserver.spec import operation
from mockserver.spec.operation import Operation

START = 1_750_000_000_000


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a server does it."""
    monkeypatch.setattr(operation, "CHECK_EVERYTHING", False)


class Counting:
    """A check that counts how often it was asked."""

    def __init__(self, fault: str | None = None) -> None:
        self.asked = 0
        self.fault = fault

    def __call__(self, value: object) -> str | None:
        self.asked += 1
        return self.fault


def operation_with(check: Any) -> Operation:
    return Operation("any", "POST", "/any", 200, 200, {}, (), None, {200: check})


def rendered(template: Template, *gaps: Any) -> Rendered:
    used: Used = []
    return Rendered(template.fill(used, *gaps), used)


def test_gaps_are_filled_and_the_rest_stays_as_it_is() -> None:
    template = Template({"100 % é": GAP, "id": GAP, "all": [GAP, GAP]}, 'a " b')
    body = b"{%b}" % template.fill([], 1, text("x"), None, 0.5)
    assert orjson.loads(body) == {'a " b': {"100 % é": 1, "id": "x", "all": [None, 0.5]}}


def test_a_template_is_checked_once_for_each_type_that_fills_it() -> None:
    template, check = Template({"rank": GAP}), Counting()
    for gap, asked in ((1, 1), (2, 1), (None, 2), (None, 2), (3, 2), (0.5, 3)):
        assert operation_with(check).check_response(200, rendered(template, gap)) is None
        assert check.asked == asked


def test_what_breaks_the_spec_is_never_taken_for_checked() -> None:
    template, check = Template({"rank": GAP}), Counting("/rank: wrong")
    for asked in (1, 2):
        assert operation_with(check).check_response(200, rendered(template, 1)) == "/rank: wrong"
        assert check.asked == asked


def test_what_one_check_has_passed_another_looks_at_itself() -> None:
    template, one, other = Template({"rank": GAP}), Counting(), Counting()
    for check in (one, other):
        operation_with(check).check_response(200, rendered(template, 1))
    assert (one.asked, other.asked) == (1, 1)


def test_what_comes_from_no_template_is_checked_each_time() -> None:
    check = Counting()
    for _ in range(2):
        operation_with(check).check_response(200, Rendered(b"{}", None))
    assert check.asked == 2


def test_soon_nothing_of_an_event_is_new_to_the_check() -> None:
    declared = loaded_spec().operations["metrics_event"]
    game = Game(World(SAMPLE, "any", START))
    bodies = [{"user": {"id": user}, "value": value} for user in ("ann", "bob") for value in (100, 20, 0.5, 300, -7)]
    for body in bodies:
        response = metrics_event(game, key="words", body=body)
        assert isinstance(response, Rendered)
        assert declared.check_response(201, response) is None
        assert declared.checks[201](orjson.loads(response.body)) is None
    last = metrics_event(game, key="words", body={"user": {"id": "ann"}, "value": 1})
    assert last.has_passed(declared.checks[201])


def test_a_response_can_be_read_as_a_mapping() -> None:
    response = rendered(Template({"a": GAP, "b": "c"}), 1)
    assert response == {"a": 1, "b": "c"}
    assert repr(response) == repr({"a": 1, "b": "c"})
    assert (list(response), len(response), response["b"]) == (["a", "b"], 2, "c")

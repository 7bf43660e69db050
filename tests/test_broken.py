"""Faults put in on purpose: a rule breaks, memory runs out, a catalog changes half. Afterwards the world is the one
before or the one after, others are served, and nothing is left behind."""

from __future__ import annotations

import gc
import json
import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lives import Step, known, lead, lives, starts, steady
from plane import Http, speaking_to
from sample import SAMPLE

from mockserver.api.metrics import metrics_event
from mockserver.game import engine, schedule, world
from mockserver.game.engine import Game
from mockserver.game.facts import CatalogChanged
from mockserver.game.periods import DAY
from mockserver.game.rules import Rules
from mockserver.game.world import World
from mockserver.testing import MockServer
from mockserver.transaction import execute_operation
from mockserver.worlds import Organisation, Plan

NOW = "2026-01-15T12:00:00Z"
EVENT = {"user": {"id": "ada", "name": "Ada"}, "value": 1200}
PATH = "/metrics/words-written/event"


class Broken(Exception):
    """A defect that was put in on purpose."""


class Fuse:
    """What passes through it breaks at the so many-th time; 0: never."""

    def __init__(self) -> None:
        self.left = 0

    def passes(self) -> None:
        if self.left:
            self.left -= 1
            if not self.left:
                raise Broken

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def fused(*arguments: Any) -> Any:
            self.passes()
            function(*arguments)
            self.passes()

        return fused

    def between(self, rule: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def fused(*arguments: Any) -> Iterator[Any]:
            self.passes()
            for fact in rule(*arguments):
                yield fact
                self.passes()

        return fused


@pytest.fixture(scope="module")
def fuse() -> Iterator[Fuse]:
    """In every rule, every writer and everything that falls due, before and behind each step."""
    fuse = Fuse()
    with pytest.MonkeyPatch.context() as patched:
        table = {
            kind: tuple(row._replace(rule=fuse.between(row.rule)) for row in rows)
            for kind, rows in engine.RULES._table.items()
        }
        patched.setattr(engine, "RULES", Rules(table))
        patched.setattr(world, "WRITERS", {kind: fuse.around(writer) for kind, writer in world.WRITERS.items()})
        patched.setattr(schedule, "SETTLE", {kind: fuse.between(rule) for kind, rule in schedule.SETTLE.items()})
        yield fuse


def everything(http: Http) -> list[Any]:
    """What can be seen of a world."""
    paths = ("/users?limit=1000", "/user?userId=user-1", "/facts?limit=50", "/clock", "/webhooks/events?limit=50")
    return [http.mock("GET", path).json() for path in paths]


def worlds_alive() -> int:
    gc.collect()
    return sum(isinstance(one, World) for one in gc.get_objects())


def test_whatever_breaks_in_the_middle_of_an_event_it_has_not_happened(
    fuse: Fuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Records of a log that is captured hold on to all that their exceptions came through.
    monkeypatch.setattr(logging.getLogger("mockserver"), "disabled", True)
    with (
        MockServer(users=3, now=NOW, frozen=True) as server,
        server.world() as other,
        speaking_to(server) as http,
        speaking_to(other) as others,
    ):
        assert others.api("POST", PATH, EVENT).status_code == 201  # makes what is made once
        alive, before = worlds_alive(), everything(http)
        for number in count(1):
            fuse.left = number
            response = http.api("POST", PATH, EVENT)
            if response.status_code == 201:
                break
            assert (response.status_code, list(response.json())) == (500, ["error"])
            assert everything(http) == before
            assert others.api("GET", "/leaderboards").status_code == 200
            broken = worlds_alive() if number % 20 == 0 else alive
            assert broken == alive
        fuse.left = 0
        assert number > 50
        after = everything(http)
    with MockServer(users=3, now=NOW, frozen=True) as server, speaking_to(server) as http:
        assert http.api("POST", PATH, EVENT).json() == response.json()
        assert everything(http) == after


def test_a_new_catalog_that_breaks_half_way_is_in_force_for_no_tenant(fuse: Fuse) -> None:
    settings = {"multiTenant": True, "tenants": ["a", "b"]}
    catalog: dict[str, Any] = {"name": "Two", "settings": settings, "metrics": {"m": {"name": "M"}}}
    catalog["streak"] = {"frequency": "daily"}
    with MockServer(catalog=catalog, now=NOW, frozen=True) as server, speaking_to(server) as http:
        for tenant in "ab":
            actual = {"user": {"id": "ada"}, "value": 1}
            assert http.api("POST", "/metrics/m/event", actual, Tenant_ID=tenant).status_code == 201

        def seen() -> list[Any]:
            return [http.mock("GET", "/catalog").json()] + [
                http.mock("GET", "/facts?limit=1000", Tenant_ID=tenant).json() for tenant in "ab"
            ]

        before = seen()
        for number in count(1):
            fuse.left = number
            response = http.send("PUT", "/_mock/catalog", catalog | {"streak": {"frequency": "weekly"}})
            if response.status_code == 200:
                break
            assert response.status_code == 500
            assert seen() == before
        fuse.left = 0
        assert number > 2
        assert all(now != then for now, then in zip(seen(), before, strict=True))


@pytest.mark.parametrize("how", ["kill", "stop"])
def test_what_broke_is_not_kept_either(fuse: Fuse, tmp_path: Path, how: str) -> None:
    with MockServer(keep=tmp_path, now=NOW, frozen=True) as server, speaking_to(server) as http:
        for number in (1, 2, 5, 8):
            fuse.left = number
            assert http.api("POST", PATH, EVENT).status_code == 500
            fuse.left = 0
            assert http.api("POST", PATH, EVENT).status_code == 201
        before = everything(http)
        if how == "kill":
            keeper(server).store._database.execute("DELETE FROM checkpoints")
            keeper(server).save_all = lambda: None
    with MockServer(keep=tmp_path, now=NOW, frozen=True) as server, speaking_to(server) as http:
        assert everything(http) == before


def keeper(server: MockServer) -> Any:
    return server._here._application.worlds.keeper  # type: ignore[union-attr]


def test_what_cannot_be_kept_for_want_of_memory_has_not_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MockServer(keep=tmp_path, now=NOW, frozen=True) as server, speaking_to(server) as http:
        assert http.api("POST", PATH, EVENT).json()["total"] == 1200
        with monkeypatch.context() as patched:

            def fails(rows: Any) -> None:
                raise MemoryError

            patched.setattr(keeper(server).store, "append", fails)
            assert http.api("POST", PATH, EVENT).status_code == 503
        while (response := http.api("POST", PATH, EVENT)).status_code == 503:
            pass  # until it is back to what is kept
        assert response.json()["total"] == 2400


# Time


@steady
@given(starts, lives, st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_what_breaks_as_time_passes_happens_whole_when_it_is_tried_again(
    fuse: Fuse, start: str, life: list[Step], breaks: list[int]
) -> None:
    disturbed, undisturbed = lead(SAMPLE, start, life), lead(SAMPLE, start, life)
    target = disturbed.now + 40 * DAY
    undisturbed.catch_up(target)
    right = list(undisturbed.world.journal)
    for fuse.left in breaks:
        try:
            disturbed.catch_up(target)
        except Broken:
            assert list(disturbed.world.journal) == right[: disturbed.world.journal.last]
    fuse.left = 0
    disturbed.catch_up(target)
    assert list(disturbed.world.journal) == right
    assert known(disturbed.world) == known(undisturbed.world)
    assert disturbed.next_due() == undisturbed.next_due()


def test_a_move_of_the_clock_that_breaks_can_be_made_again(fuse: Fuse) -> None:
    with MockServer(users=3, now=NOW, frozen=True) as server, speaking_to(server) as http:
        for number in range(1, 60, 7):
            fuse.left = number
            moved = http.send("POST", "/_mock/clock/advance", {"to": "2026-03-01T12:00:00Z"})
            assert moved.status_code == (500 if number == 1 else moved.status_code)
            fuse.left = 0
        assert http.mock("PUT", "/clock", {"now": "2026-03-01T12:00:00Z"}).status_code == 200
        after = everything(http)
    with MockServer(users=3, now=NOW, frozen=True) as server, speaking_to(server) as http:
        http.mock("POST", "/clock/advance", {"to": "2026-03-01T12:00:00Z"})
        assert everything(http) == after


@settings(max_examples=5, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(starts, lives, st.integers(1, 60))
def test_a_broken_change_of_the_catalog_leaves_no_trace_in_the_future(
    fuse: Fuse, start: str, past: list[Step], number: int
) -> None:
    disturbed, undisturbed = lead(SAMPLE, start, past), lead(SAMPLE, start, past)
    disturbed.catch_up(disturbed.now)
    disturbed.begin()
    fuse.left = number
    try:
        disturbed.record(CatalogChanged(SAMPLE))
        raise Broken
    except Broken:
        fuse.left = 0
        disturbed.undo()
    for game in (disturbed, undisturbed):
        game.catch_up(game.now + 9 * DAY)
    assert list(disturbed.world.journal) == list(undisturbed.world.journal)
    assert disturbed.next_due() == undisturbed.next_due()


# Memory


def organisation() -> Organisation:
    return Organisation("key", Plan(lambda day: SAMPLE, now=1_768_478_400_000, frozen=True))


def send_event(organisation: Organisation, value: int = 40) -> None:
    arguments: dict[str, Any] = {"key": "words", "body": {"user": {"id": "ada"}, "value": value}}
    arguments["idempotency_key"] = None
    execute_operation(organisation, organisation.game(), None, "metrics_event", metrics_event, arguments)


def state(game: Game) -> Any:
    return pickle.loads(pickle.dumps((known(game.world), list(game.world.journal), game.next_due())))


def test_an_event_whose_memory_runs_out_at_any_line_has_not_happened() -> None:
    here, undisturbed, tracing = organisation(), organisation(), sys.gettrace()
    send_event(here)
    send_event(undisturbed)
    before, lines = state(here.game()), 0

    def trace(frame: Any, kind: str, argument: Any) -> Any:
        nonlocal left
        if "/mockserver/" not in frame.f_code.co_filename:
            return None
        if kind == "line":
            left -= 1
            if left == 0:
                raise MemoryError
        return trace

    for lines in count(1, 5):
        left = lines
        sys.settrace(trace)
        try:
            send_event(here)
            break
        except MemoryError:
            sys.settrace(tracing)
            now = state(here.game())
            if now != before:  # it had happened, and what was left was to say so
                send_event(undisturbed)
                assert now == state(undisturbed.game())
            before = now
        finally:
            sys.settrace(tracing)
    assert lines > 300
    send_event(undisturbed)
    assert state(here.game()) == state(undisturbed.game())


def test_when_going_back_fails_too_it_is_tried_again_before_anything_else(monkeypatch: pytest.MonkeyPatch) -> None:
    here = organisation()
    send_event(here)
    before = state(here.game())
    with monkeypatch.context() as patched:

        def fails(*given: Any) -> None:
            raise MemoryError

        patched.setattr(World, "as_of", fails)
        patched.setattr(schedule.Schedule, "arm", fails)
        with pytest.raises(MemoryError):
            send_event(here)
        with pytest.raises(MemoryError):
            here.game()  # nobody sees it half
    assert state(here.game()) == before
    assert pickle.loads(here.snapshot())


def test_an_event_of_which_any_allocation_fails_has_not_happened() -> None:
    pytest.importorskip("_testcapi", reason="Python's own hook for failing allocations is not installed")
    program = Path(__file__).parent / "memory_runs_out.py"
    run = subprocess.run(
        [sys.executable, str(program), "3"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(program.parent)},
    )
    assert run.returncode == 0, run.stderr
    actual = json.loads(run.stdout)
    assert actual["wrong"] == []
    assert min(actual["failed"], actual["succeeded"]) > 20

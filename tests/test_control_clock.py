"""The clock in a test's hands: read, set, frozen, advanced; what happens on the way happens as if time had passed."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from plane import Http, refused, speaking_to
from receiver import Receiver

from mockserver import catalogs
from mockserver.control.plane import Settings
from mockserver.game.periods import DAY, HOUR, milliseconds
from mockserver.log.sqlite import FILE
from mockserver.serve.server import make_app, make_plane
from mockserver.testing import MadeWorld, MockServer
from mockserver.worlds import Plan, Worlds

NOON = "2026-03-01T12:00:00.000Z"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def frozen(trophy_server: MockServer) -> Iterator[Http]:
    """A world whose clock stands still at noon."""
    with trophy_server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
        yield http


@pytest.fixture
def running(trophy_server: MockServer) -> Iterator[Http]:
    """A world whose clock runs on from noon."""
    with trophy_server.world(now=NOON) as world, speaking_to(world) as http:
        yield http


def streak(http: Http, user: str) -> int:
    return int(http.api("GET", f"/users/{user}/streak").json()["length"])


def runs(http: Http, since: str) -> bool:
    """Whether the clock shows more than `since`, if not at once then a little later."""
    return any(http.get("/clock")["now"] > since for _ in range(1000))


def test_the_clock_says_what_time_it_is_and_when_something_is_due(frozen: Http) -> None:
    frozen.event("ada", 100)
    clock = frozen.get("/clock")
    assert (clock["now"], clock["frozen"]) == (NOON, True)
    assert clock["nextDue"] > NOON


def test_a_world_runs_in_real_time_unless_it_is_told_otherwise(trophy_world: MadeWorld) -> None:
    assert abs(trophy_world.now.timestamp() - time.time()) < 60
    assert trophy_world.control("GET", "/clock")["frozen"] is False


def test_three_days_later_everything_that_three_days_bring_has_happened(frozen: Http) -> None:
    frozen.event("ada", 100)
    moved = frozen.mock("POST", "/clock/advance", {"days": 3}).json()
    assert (moved["from"], moved["now"]) == (NOON, "2026-03-04T12:00:00.000Z")
    assert moved["counts"]["StreakLost"] == 1
    assert streak(frozen, "ada") == 0
    lost = next(fact for fact in moved["facts"] if fact["kind"] == "StreakLost")
    assert (lost["time"], lost["userId"], lost["length"]) == ("2026-03-03T00:00:00.000Z", "ada", 1)
    assert "lost a streak of 1" in lost["says"]


def test_the_summary_counts_every_fact_and_shows_the_first_hundred(frozen: Http) -> None:
    for user in range(20):
        frozen.event(f"user-{user}", 100)
    before = frozen.get("/facts?limit=1")["total"]
    moved = frozen.mock("POST", "/clock/advance", {"days": 7}).json()
    assert sum(moved["counts"].values()) == frozen.get("/facts?limit=1")["total"] - before > 100
    assert [fact["number"] for fact in moved["facts"]] == list(range(before + 1, before + 101))
    assert [fact["time"] for fact in moved["facts"]] == sorted(fact["time"] for fact in moved["facts"])


def test_amounts_of_time_add_up(frozen: Http) -> None:
    moved = frozen.mock("POST", "/clock/advance", {"days": 1, "hours": 2, "minutes": 3, "seconds": 4.5}).json()
    assert moved["now"] == "2026-03-02T14:03:04.500Z"


def test_the_clock_goes_to_a_moment_in_any_offset(frozen: Http) -> None:
    moved = frozen.mock("POST", "/clock/advance", {"to": "2026-03-02T01:30:00+05:30"}).json()
    assert moved["now"] == "2026-03-01T20:00:00.000Z"


def test_one_advance_by_a_week_is_seven_by_a_day(trophy_server: MockServer) -> None:
    ends = []
    for steps in ([7], [1] * 7):
        with trophy_server.world(now=NOON, frozen=True) as world, speaking_to(world) as http:
            for user in range(5):
                http.event(f"user-{user}", 100 + user, tz="Pacific/Kiritimati" if user % 2 else "America/Adak")
            for days in steps:
                world.advance(days=days)
            ends.append((http.get("/facts?limit=1000")["facts"], http.get("/clock")))
    assert ends[0] == ends[1]


def test_a_frozen_clock_stays_frozen_when_it_is_advanced(frozen: Http) -> None:
    assert frozen.mock("POST", "/clock/advance", {"hours": 1}).json()["frozen"] is True
    assert frozen.get("/clock")["now"] == frozen.get("/clock")["now"] == "2026-03-01T13:00:00.000Z"


def test_a_running_clock_stays_running_when_it_is_advanced(running: Http) -> None:
    moved = running.mock("POST", "/clock/advance", {"hours": 1}).json()
    assert moved["frozen"] is False
    assert moved["now"] >= "2026-03-01T13:00:00.000Z"
    assert runs(running, moved["now"])


def test_a_clock_is_stopped_and_let_go(running: Http) -> None:
    stopped = running.mock("PUT", "/clock", {"frozen": True}).json()
    assert stopped["frozen"] is True
    assert running.get("/clock")["now"] == stopped["now"]
    assert running.mock("PUT", "/clock", {"frozen": False}).json()["frozen"] is False
    assert runs(running, stopped["now"])


def test_setting_the_clock_forward_lets_happen_what_is_due_until_then(frozen: Http) -> None:
    frozen.event("ada", 100)
    moved = frozen.mock("PUT", "/clock", {"now": "2026-03-05T00:00:00Z", "frozen": True}).json()
    assert moved["counts"]["StreakLost"] == 1
    assert streak(frozen, "ada") == 0


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/clock/advance", {"days": -1}),
        ("POST", "/clock/advance", {"days": 1, "hours": -25}),
        ("POST", "/clock/advance", {"to": "2026-03-01T11:59:59.999Z"}),
        ("PUT", "/clock", {"now": "2020-01-01T00:00:00Z"}),
    ],
)
def test_time_does_not_run_backwards(frozen: Http, method: str, path: str, body: dict[str, object]) -> None:
    frozen.event("ada", 100)
    sentence = refused(frozen.mock(method, path, body), 422, NOON, "cannot go back", "/_mock/reset", "snapshot")
    assert sentence.endswith(".")
    assert frozen.get("/clock")["now"] == NOON
    assert streak(frozen, "ada") == 1


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/clock/advance", {}, ("`days`", "`to`")),
        ("/clock/advance", {"day": 1}, ("`day`", "did you mean `days`?")),
        ("/clock/advance", {"days": "3"}, ("`days`", "number", '"3"')),
        ("/clock/advance", {"days": True}, ("`days`", "number")),
        ("/clock/advance", {"days": 1, "to": "2026-04-01"}, ("`to`", "not both")),
        ("/clock/advance", {"to": "tomorrow"}, ("`to`", "ISO 8601", '"tomorrow"')),
        ("/clock/advance", {"to": "9999-01-01"}, ("`to`", "9000")),
        ("/clock/advance", {"to": "2999-01-01"}, ("36525 days",)),
        ("/clock/advance", {"wait": 1}, ("`wait`", "true or false")),
        ("/clock/advance", [], ("object",)),
    ],
)
def test_a_refused_move_names_the_field_and_what_was_expected(
    frozen: Http, path: str, body: object, words: tuple[str, ...]
) -> None:
    refused(frozen.mock("POST", path, body), 422, *words)
    assert frozen.get("/clock")["now"] == NOON


def test_the_clock_is_not_set_without_saying_to_what(frozen: Http) -> None:
    refused(frozen.mock("PUT", "/clock", {}), 422, "`now`", "`frozen`")


def test_moves_are_in_the_request_log_and_not_among_the_facts(frozen: Http) -> None:
    frozen.mock("POST", "/clock/advance", {"minutes": 5})
    (move,) = frozen.get("/requests?operationId=mock_clock_advance")["requests"]
    assert (move["method"], move["path"], move["status"]) == ("POST", "/_mock/clock/advance", 200)
    assert move["request"] == {"minutes": 5}
    assert not [fact for fact in frozen.get("/facts")["facts"] if "lock" in fact["kind"]]


def test_a_world_that_moves_far_does_not_keep_others_waiting() -> None:
    """In one event loop, turn by turn: how fast the machine is does not matter."""
    plan = Plan(lambda today: catalogs.load(catalogs.fixture("catalog"), today=today), now=milliseconds(START))
    app = make_app(make_plane(Worlds(plan, ("moving", "other")), Settings()))

    async def story() -> tuple[dict[str, int], int]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://mock") as client:

            async def post(path: str, body: object) -> httpx2.Response:
                return await client.post(path, json=body, headers={"X-API-KEY": "moving"})

            for user in range(20):
                await post("/v1/metrics/words-written/event", {"user": {"id": f"user-{user}"}, "value": 100})
            moving, responded = asyncio.create_task(post("/_mock/clock/advance", {"days": 365})), 0
            while not moving.done():
                await asyncio.sleep(0)
                response = await client.get("/_mock/clock", headers={"X-API-KEY": "other"})
                responded += response.status_code == 200
            return moving.result().json()["counts"], responded

    counts, responded = asyncio.run(story())
    assert counts["StreakLost"] == 20
    assert responded > 100  # it would be one or two if the move held the door shut


def test_two_moves_at_once_add_up(trophy_server: MockServer) -> None:
    with trophy_server.world(now=NOON, frozen=True) as world, ThreadPoolExecutor() as pool:
        list(pool.map(lambda days: world.advance(days=days), [10, 20]))
        assert world.control("GET", "/clock")["now"] == "2026-03-31T12:00:00.000Z"


def test_under_the_real_clock_a_streak_is_lost_without_any_request(trophy_server: MockServer) -> None:
    """The one test that waits: a midnight is one second away."""
    with trophy_server.world(now="2026-03-02T23:59:00Z", frozen=True) as world, speaking_to(world) as http:
        http.event("ada", 100)
        world.set_clock("2026-03-03T23:59:59Z", frozen=False)
        end = time.monotonic() + 10
        # Reading the collected webhooks lets no time pass in the world: only its own clock does.
        while not (lost := world.webhooks(type="streak.lost")) and time.monotonic() < end:
            time.sleep(0.1)
        assert [body["user"]["id"] for body in lost] == ["ada"]
        (fact,) = world.facts(kind="StreakLost")
        assert fact["time"] < "2026-03-04T00:00:01.000Z"


def test_a_world_whose_time_fails_stops_no_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan = Plan(lambda today: catalogs.load(catalogs.fixture("catalog"), today=today), now=milliseconds(START))
    worlds = Worlds(plan, ("broken", "sound"))
    broken, sound = worlds
    for world in (broken, sound):
        world.clock.set(milliseconds(START) + 30 * DAY, frozen=True)

    def fail(now: int) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(broken, "catch_up", fail)
    worlds.tick()
    assert "The time of world broken stands still" in caplog.text
    assert sound.games[None].now == milliseconds(START) + 30 * DAY


def test_waiting_ends_when_all_webhooks_that_are_due_are_delivered(frozen: Http) -> None:
    with Receiver().running() as receiver:
        receiver.outcomes.extend([500, 500])
        frozen.mock("POST", "/webhooks", {"url": receiver.url, "events": ["streak.started", "streak.lost"]})
        frozen.event("ada", 100)
        assert frozen.mock("POST", "/clock/advance", {"wait": True}).json()["now"] == NOON
        assert len(receiver.received) == 1
        frozen.mock("POST", "/clock/advance", {"days": 3, "wait": True})
        kinds = [json.loads(body)["type"] for body in receiver.bodies()]
        assert kinds == ["streak.started"] * 3 + ["streak.lost"]  # with two retries on the way


# The machine's clock


class Machine:
    """The machine's clock, set forward and back by `shift` milliseconds."""

    def __init__(self) -> None:
        self.shift = 0

    def time_ns(self) -> int:
        return time.time_ns() + self.shift * 1_000_000

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr("mockserver.clock.time", machine)
    return machine


@pytest.mark.parametrize("back", [1, 90_000, 10 * DAY])
def test_a_running_clock_does_not_go_back_with_the_machines(machine: Machine, back: int) -> None:
    with MockServer() as server, server.world() as world, speaking_to(world) as http:
        http.event("ada", 1)
        times = [http.get("/clock")["now"]]
        for _ in range(3):
            machine.shift -= back
            http.event("ada", 1)
            times += [http.get("/facts?limit=1")["facts"][0]["time"], http.get("/clock")["now"]]
        assert times == sorted(times)
        assert runs(http, times[-1])
        moved = http.mock("POST", "/clock/advance", {"days": 1}).json()
        since, until = (milliseconds(datetime.fromisoformat(moved[end])) for end in ("from", "now"))
        assert moved["from"] >= times[-1]
        assert DAY <= until - since < DAY + HOUR


def test_a_running_clock_goes_forward_with_the_machines(machine: Machine) -> None:
    with MockServer() as server, speaking_to(server) as http:
        http.event("ada", 100)
        machine.shift += 3 * DAY
        assert streak(http, "ada") == 0


def test_a_kept_world_goes_on_where_it_was_on_a_machine_whose_clock_is_behind(machine: Machine, tmp_path: Path) -> None:
    with MockServer(keep=tmp_path) as server, speaking_to(server) as http:
        machine.shift -= DAY
        http.event("ada", 1)
        http.mock("POST", "/webhooks", {"url": "http://127.0.0.1:9/"})
        machine.shift -= DAY
        before, now = http.get("/facts")["facts"], http.get("/clock")["now"]
    machine.shift -= DAY
    for _ in range(2):
        with sqlite3.connect(tmp_path / FILE) as database:
            database.execute("DELETE FROM checkpoints")
        database.close()
        with MockServer(keep=tmp_path) as server, speaking_to(server) as http:
            assert http.get("/facts")["facts"] == before
            assert http.get("/clock")["now"][:10] >= now[:10]

"""Every state that a front end must draw exists in every catalog that comes with the server, and can be found."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime

import pytest
from plane import speaking_to
from processes import serving
from test_seed import organisation

from mockserver import catalogs
from mockserver.game.periods import DAY, iso, milliseconds
from mockserver.seed.cast import STATES, cast
from mockserver.testing import MockServer

MOMENTS = {1: "2026-01-15T12:00:00Z", 2: "2026-03-31T23:30:00Z", 3: "2026-06-07T00:10:00Z"}


@pytest.mark.parametrize("seed", MOMENTS)
@pytest.mark.parametrize("name", catalogs.BUNDLED)
def test_every_state_is_there(name: str, seed: int) -> None:
    now = milliseconds(datetime.fromisoformat(MOMENTS[seed]))
    world = organisation(name=name, users=50, days=None, seed=seed, now=now)
    found = {state: who for state, _, who in cast(world.game())}
    assert list(found) == list(STATES)
    assert [state for state, who in found.items() if who is None] == []


def test_what_is_listed_can_be_seen_as_it_is_told(trophy_server: MockServer) -> None:
    with trophy_server.world(users=50, now=MOMENTS[1], frozen=True) as world, speaking_to(world) as http:
        rows = {row["state"]: row for row in http.get("/cast")["cast"]}
        seen = {}
        for state, row in rows.items():
            method, path = row["see"].split(" ")
            if method == "GET":
                response = http.send(method, path)
                assert response.status_code == 200, path
                seen[state] = response.json()
        assert seen["no-name"]["name"] is None
        assert seen["no-email"]["email"] is None
        assert seen["no-time-zone"]["tz"] is None
        assert seen["control-group"]["control"] is True
        assert seen["streak-saved-by-freeze"]["streakHistory"][-2]["usedFreeze"] is True
        assert seen["streak-lost"]["length"] == 0
        assert seen["outside-a-full-board"]["rank"] is None
        assert seen["rank-fell"]["history"][-1]["rank"] > 1
        assert {row["status"] for row in seen["boost-finished"]} == {"finished", "active", "scheduled"}
        keyed = rows["idempotent-event"]
        again = {"user": {"id": keyed["userId"]}, "value": 1}
        name, key = keyed["detail"].split(": ")
        response = http.send("POST", keyed["see"].split(" ")[1], again, **{name: key})
        assert response.json()["idempotentReplayed"] is True


def test_a_state_that_nobody_is_in_is_listed_too(trophy_server: MockServer) -> None:
    with trophy_server.world() as world, speaking_to(world) as http:
        rows = http.get("/cast")["cast"]
    assert [row["state"] for row in rows] == list(STATES)
    assert [row for row in rows if row["state"] == "rank-fell"] == [
        {
            "state": "rank-fell",
            "meaning": "A rank that fell today",
            "found": False,
            "userId": None,
            "detail": None,
            "see": None,
        }
    ]


def test_the_webhooks_of_the_last_two_days_are_there_and_none_is_delivered(trophy_server: MockServer) -> None:
    with trophy_server.world(users=50, now=MOMENTS[1], frozen=True) as world, speaking_to(world) as http:
        http.mock("POST", "/webhooks", {"url": "http://127.0.0.1:9/"})
        events = http.get("/webhooks/events")["events"]
        now = milliseconds(datetime.fromisoformat(MOMENTS[1]))
        assert {row["type"] for row in events} >= {"streak.extended", "streak.lost", "streak.freeze_consumed"}
        assert iso(now - 2 * DAY) <= events[0]["time"] <= iso(now - DAY)
        assert all(row["time"] == row["body"]["timestamp"] for row in events)
        assert http.get("/webhooks/deliveries")["deliveries"] == []


def test_the_command_prints_a_table_and_json() -> None:
    with serving("--users", "50", "--now", MOMENTS[1], "--frozen") as base:
        table = _cast("--url", base)
        rows = json.loads(_cast("--url", base, "--json").stdout)
    assert table.returncode == 0
    assert "A rank that fell today" in table.stdout
    assert "GET /v1/users/" in table.stdout
    assert [row["state"] for row in rows] == list(STATES)
    silent = _cast("--url", "http://127.0.0.1:9")
    assert (silent.returncode, silent.stdout) == (2, "")
    assert silent.stderr.startswith("Error: No server responds at http://127.0.0.1:9. Start one")


def _cast(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mockserver", "cast", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_what_a_later_catalog_lacks_is_nobodys_state(trophy_server: MockServer) -> None:
    with trophy_server.world(users=50, now=MOMENTS[1], frozen=True) as world, speaking_to(world) as http:
        assert http.mock("PUT", "/catalog", "study").status_code == 200
        for row in http.get("/cast")["cast"]:
            method, path = (row["see"] or "").partition(" ")[::2]
            assert method != "GET" or http.send("GET", path).status_code == 200, row

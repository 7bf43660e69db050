"""`mockserver serve --keep`: what was accepted is there again after any end of the process."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from receiver import Receiver
from test_cli_serve import Server, refused, running

from mockserver.cli import main
from mockserver.log.record import LogError
from mockserver.log.sqlite import FILE, SqliteStore
from mockserver.testing import ControlError, MockServer

NOBODY = ("--users", "0")
KEY = "00000000.local"
ROUNDS = int(os.environ.get("KILL_ROUNDS", "2"))  # make kill


def event(server: Server, user: str = "ada", value: float = 10, key: str | None = None) -> Any:
    headers = {"Idempotency-Key": key} if key else {}
    with server.open(
        "/metrics/words-written/event", body={"user": {"id": user}, "value": value}, **headers
    ) as response:
        return json.load(response)


def mock(server: Server, path: str, body: object = None) -> Any:
    """A call of the control plane: a POST with a body, or a GET."""
    url = server.url
    server.url = url.removesuffix("/v1") + "/_mock"
    try:
        with server.open(path, body=body) as response:
            return json.load(response)
    finally:
        server.url = url


@pytest.fixture
def kept(tmp_path: Path) -> str:
    return str(tmp_path / "kept")


def test_a_killed_server_has_it_all_again(kept: str) -> None:
    with running(*NOBODY, "--keep", kept) as server:
        first = [event(server)["eventId"] for _ in range(5)]
        mock(server, "/clock/advance", {"days": 2})
        lost = mock(server, "/facts?kind=StreakLost")
        server.process.kill()
    with running(*NOBODY, "--keep", kept) as server:
        assert mock(server, "/facts?kind=StreakLost") == lost
        again = event(server)
        assert again["total"] == 60
        assert again["eventId"] not in first


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_worlds_that_were_made_are_there_again_and_deleted_ones_are_not(kept: str, how: signal.Signals) -> None:
    with running(*NOBODY, "--keep", kept) as server:
        gone, stays = (mock(server, "/worlds", {"seed": seed, "frozen": True})["apiKey"] for seed in (5, 6))
        url = f"{server.url.removesuffix('/v1')}/_mock/worlds/{gone}"
        urllib.request.urlopen(
            urllib.request.Request(url, method="DELETE", headers={"X-API-KEY": KEY}), timeout=20
        ).close()
        clock = mock(server, "/clock")
        server.stop(how)
    with running(*NOBODY, "--keep", kept) as server:
        keys = {row["apiKey"] for row in mock(server, "/worlds")["worlds"]}
        assert keys == {KEY, stays}
        assert mock(server, "/worlds", {})["apiKey"] not in {gone, stays}
        assert mock(server, "/clock")["now"] >= clock["now"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_under_load_no_accepted_event_is_lost_when_it_is_killed(kept: str, how: signal.Signals) -> None:
    """Four clients count what was accepted; the server is killed in the middle of it, again and again."""
    accepted = dict.fromkeys("abcd", 0)
    uncertain = dict.fromkeys("abcd", 0)
    for _ in range(ROUNDS):
        with running(*NOBODY, "--keep", kept) as server:

            def work(user: str, server: Server = server) -> None:
                while True:
                    try:
                        event(server, user, 1)
                    except (OSError, json.JSONDecodeError, urllib.error.URLError):
                        uncertain[user] += 1
                        return
                    accepted[user] += 1
                    if accepted[user] % 60 == 0:
                        server.process.send_signal(how)

            threads = [threading.Thread(target=work, args=(user,)) for user in accepted]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert server.process.wait(30) == (0 if how == signal.SIGTERM else -how)
    with running(*NOBODY, "--keep", kept) as server:
        for user, count in accepted.items():
            total = server.get(f"/users/{user}/metrics/words-written")["current"]
            assert count <= total <= count + uncertain[user]


def test_an_idempotency_key_counts_once_whenever_the_response_was_lost(kept: str) -> None:
    with running(*NOBODY, "--keep", kept) as server:
        event(server, key="k")
        server.process.kill()
    with running(*NOBODY, "--keep", kept) as server:
        assert event(server, key="k")["idempotentReplayed"]
        assert event(server)["total"] == 20


def states(server: Server) -> list[str]:
    return [row["state"] for row in mock(server, "/webhooks/deliveries")["deliveries"]]


def until(met: Callable[[], bool], times: int = 500) -> None:
    """What follows a response happens soon, but at no fixed time."""
    for _ in range(times):
        if met():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen")


def test_webhooks_go_on_where_they_were(kept: str) -> None:
    """Those that had been delivered are not sent again; those that had not been are."""
    with Receiver().running() as receiver:
        with running(
            *NOBODY, "--keep", kept, "--webhook", receiver.url, "--webhook-events", "streak.started"
        ) as server:
            event(server, "ada")
            until(lambda: states(server) == ["delivered"])
            receiver.always = 500
            event(server, "bob")
            until(lambda: bool(states(server)[-1:] == ["waiting"] and len(receiver.received) == 2))
            server.stop()
        receiver.always = None
        with running(
            *NOBODY, "--keep", kept, "--webhook", receiver.url, "--webhook-events", "streak.started"
        ) as server:
            (endpoint,) = mock(server, "/webhooks")["endpoints"]
            assert endpoint["deliveries"] == {"waiting": 1, "delivered": 1, "failed": 0, "dropped": 0}
            mock(server, "/clock/advance", {"minutes": 2, "wait": True})
            bodies = [json.loads(hook.body) for hook in receiver.received]
            assert [body["user"]["id"] for body in bodies] == ["ada", "bob", "bob"]


def test_a_second_server_is_refused(kept: str) -> None:
    with running(*NOBODY, "--keep", kept) as server:
        said = refused(*NOBODY, "--keep", kept)
        assert f"in use by another server (process {server.process.pid})" in said


def test_options_that_contradict_what_is_kept_stop_the_start(kept: str) -> None:
    with MockServer(keep=kept, seed=7):
        pass
    assert "was made with seed 7 and not 8: leave seed out" in refused("--keep", kept, "--seed", "8")
    with pytest.raises(LogError, match="was made with users 0 and not 9"):
        MockServer(keep=kept, users=9).start()
    with running("--keep", kept) as server:
        assert "seed 7" in server.text


def test_keep_sync_without_keep_is_a_mistake() -> None:
    assert "--keep-sync says how --keep writes" in refused("--keep-sync")


CHANGE = "UPDATE records SET record = ? WHERE position = 2"


def damage(file: Path, how: str) -> None:
    if how == "text":
        file.write_text("This is no database. " * 100)
    elif how == "foreign":
        with sqlite3.connect(file) as other:
            other.execute("CREATE TABLE theirs (id)")
        other.close()
    elif how == "torn":
        content = file.read_bytes()
        file.write_bytes(content[:4096] + os.urandom(8192) + content[12288:])
    else:
        with sqlite3.connect(file) as database:
            if how == "newer":
                database.execute("PRAGMA user_version = 99")
            elif how == "unknown":
                database.execute(
                    "UPDATE records SET record = ? WHERE position = 2", ('{"v":1,"time":0,"name":"x","arguments":{}}',)
                )
            elif how == "version":
                database.execute("UPDATE records SET record = ? WHERE position = 2", ('{"v":2,"time":0}',))
            else:
                database.execute("DELETE FROM records WHERE position = 2")
        database.close()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("text", "it is no SQLite database"),
        ("foreign", "is a database of another program"),
        ("torn", "is damaged"),
        ("newer", "was written by a newer mockserver"),
        ("unknown", f"record 2 of the world {KEY}: this mockserver knows no command 'x'"),
        ("version", "a record has version 2, and this mockserver reads versions up to 1"),
        ("hole", f"the log of {KEY} lacks position 2"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_and_left_alone(tmp_path: Path, how: str, says: str) -> None:
    with MockServer(keep=tmp_path) as server, httpx.Client(transport=server.transport(httpx)) as client:
        for _ in range(3):
            body = {"user": {"id": "ada"}, "value": 1}
            url = f"{server.url}/metrics/words-written/event"
            client.post(url, headers={"X-API-KEY": KEY}, json=body).raise_for_status()
    file = tmp_path / FILE
    if how in ("text", "foreign"):
        file.unlink()
    else:
        with sqlite3.connect(file) as database:
            database.execute("DELETE FROM checkpoints")
            database.commit()
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
    damage(file, how)
    before = file.read_bytes()
    with pytest.raises(LogError, match=re.escape(says)) as raised:
        MockServer(keep=tmp_path).start()
    assert "\n" not in str(raised.value)
    assert file.read_bytes() == before


def test_a_start_from_what_cannot_be_read_ends_with_that_sentence(tmp_path: Path) -> None:
    damage(tmp_path / FILE, "text")
    assert refused(*NOBODY, "--keep", str(tmp_path)) == (
        f"Error: {tmp_path / FILE} cannot be used: it is no SQLite database\n"
    )


def test_a_directory_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Directory" in refused(*NOBODY, "--keep", str(tmp_path / "file"))
    assert "cannot be used to keep worlds" in refused(*NOBODY, "--keep", "/proc/nowhere")


def test_a_changed_catalog_is_in_force_after_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "Small"\n[metrics.m]\nname = "M"\n')
    kept = ("--keep", str(tmp_path / "kept"), "--catalog", str(file))
    with running(*NOBODY, *kept) as server:
        server.open("/metrics/m/event", body={"user": {"id": "ada"}, "value": 1}).close()
    file.write_text('name = "Larger"\n[metrics.m]\nname = "M"\n[metrics.n]\nname = "N"\n')
    for _ in range(2):
        with running(*NOBODY, *kept) as server:
            assert [row["key"] for row in server.get("/users/ada/metrics")] == ["m", "n"]
            server.process.kill()
    with running("--keep", str(tmp_path / "kept")) as server:
        assert mock(server, "/catalog")["name"] == "Larger"


def keeper_of(server: MockServer) -> Any:
    return server._here._application.worlds.keeper  # type: ignore[union-attr]


@pytest.mark.parametrize("error", ["full", "read-only"])
def test_a_log_that_cannot_be_written_is_a_clear_error_and_nothing_happened(tmp_path: Path, error: str) -> None:
    """SQLite itself says so: its file may not grow any more, or may not be written to."""
    with (
        MockServer(keep=tmp_path) as server,
        httpx.Client(
            transport=server.transport(httpx), base_url="http://mockserver", headers={"X-API-KEY": server.api_key}
        ) as client,
    ):
        database, path = keeper_of(server).store._database, ("POST", "/v1/metrics/words-written/event")
        body = {"user": {"id": "ada", "name": "x" * 200}, "value": 1}
        assert client.request(*path, json=body).status_code == 201
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute("PRAGMA query_only = ON" if error == "read-only" else f"PRAGMA max_page_count = {pages + 1}")
        accepted, response = 1, client.request(*path, json=body)
        while response.status_code == 201:
            accepted += 1
            response = client.request(*path, json=body)
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
        assert "could not be kept" in response.json()["error"]
        with pytest.raises(ControlError, match="could not be kept"):
            server.world()
        database.execute("PRAGMA query_only = OFF" if error == "read-only" else "PRAGMA max_page_count = 1000000")
        until(lambda: client.get("/v1/users/ada/metrics/words-written").status_code == 200)
        assert client.get("/v1/users/ada/metrics/words-written").json()["current"] == accepted
        assert len(server.control("GET", "/worlds")["worlds"]) == 1
        assert client.request(*path, json=body).json()["total"] == accepted + 1
    with MockServer(keep=tmp_path) as server:
        assert [row["total"] for row in server.facts(kind="MetricChanged", limit=1)] == [accepted + 1]


def test_a_server_that_can_keep_nothing_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with MockServer(keep=tmp_path / "before"):
        pass
    assert (
        CliRunner().invoke(main, ["keep", "export", str(tmp_path / "before"), "--out", str(tmp_path / "w")]).exit_code
        == 0
    )

    def full(store: SqliteStore, rows: object) -> None:
        raise LogError("the disk is full")

    monkeypatch.setattr(SqliteStore, "append", full)
    with pytest.raises(LogError, match="the disk is full"):
        MockServer(keep=tmp_path / "new").start()
    for name, *more in (("a",), ("b", "--load", str(tmp_path / "w"))):
        done = CliRunner().invoke(main, ["serve", "--port", "0", "--users", "0", "--keep", str(tmp_path / name), *more])
        assert (done.exit_code, done.output) == (2, "Error: the disk is full\n")


@pytest.mark.parametrize("wrong", ["code", "state"])
def test_a_checkpoint_that_is_of_no_use_is_passed_over(tmp_path: Path, wrong: str) -> None:
    with MockServer(keep=tmp_path, now="2026-01-15T12:00:00Z", frozen=True) as server:
        server.advance(days=3)
    with sqlite3.connect(tmp_path / FILE) as database:
        (before,) = database.execute("SELECT count(*) FROM checkpoints").fetchone()
        database.execute(f"UPDATE checkpoints SET {wrong} = 'another'")
    database.close()
    assert before == 1
    with MockServer(keep=tmp_path) as server:
        assert server.now.isoformat() == "2026-01-18T12:00:00+00:00"


def test_a_checkpoint_is_taken_in_a_quiet_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.keep.keeper.OFTEN", 2)
    monkeypatch.setattr("mockserver.keep.keeper.QUIET", 0)
    with MockServer(keep=tmp_path) as server:
        server.advance(days=1)
        server.advance(days=1)
        store = keeper_of(server).store
        until(lambda: store.checkpoint(KEY) is not None)
        assert store.checkpoint(KEY).position == 3


def test_mock_server_keeps_too(tmp_path: Path) -> None:
    for start in range(2):
        with MockServer(keep=tmp_path, now="2026-01-15T12:00:00Z", frozen=True) as server:
            assert server.now.isoformat() == f"2026-01-{15 + start}T12:00:00+00:00"
            server.advance(days=1)
            with server.world() as made:
                assert made.now


def test_nothing_of_it_is_loaded_where_nothing_is_kept() -> None:
    code = "import sys, mockserver.serve.server, mockserver.serve.command; print('sqlite3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_key_that_was_made_up_for_other_machines_is_kept(kept: str) -> None:
    with running(*NOBODY, "--keep", kept, "--host", "0.0.0.0") as server:
        made_up = re.findall(r"API key +(\S+)", server.text)
    with running(*NOBODY, "--keep", kept, "--host", "0.0.0.0") as server:
        assert re.findall(r"API key +(\S+)", server.text) == made_up

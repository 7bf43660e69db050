"""The commands that ask a server which runs: against a real one, as a user or a script calls them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from click.testing import CliRunner, Result
from receiver import Receiver

from mockserver.cli import main
from mockserver.remote import insight
from mockserver.testing import MockServer

# To read the certificates of a machine takes longer than all else here.
CLIENT = httpx2.Client(verify=False, headers={"Connection": "close"})
NOW = "2026-01-15T12:00:00Z"


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(now=NOW, frozen=True) as server:
        yield server


@pytest.fixture
def ada(server: MockServer) -> MockServer:
    """The world with nobody in it but somebody who wrote 200 words."""
    server.reset()
    event(server, "ada")
    return server


def event(server: MockServer, user: str) -> None:
    path = f"{server.url}/metrics/words-written/event"
    body = {"user": {"id": user}, "value": 200}
    assert CLIENT.post(path, json=body, headers={"X-API-KEY": server.api_key}).status_code == 201


def run(server: MockServer, *words: str, **variables: str) -> Result:
    environment = {"MOCKSERVER_URL": server.url, "TROPHY_API_KEY": server.api_key} | variables
    return CliRunner().invoke(main, list(words), env=environment, catch_exceptions=False)


def said(server: MockServer, *words: str) -> str:
    result = run(server, *words)
    assert result.exit_code == 0, result.output
    return result.stdout


def given(server: MockServer, *words: str) -> Any:
    return json.loads(said(server, *words, "--json"))


def refused(server: MockServer, *words: str, **variables: str) -> str:
    """One line, exit code 2, and nothing on standard output."""
    result = run(server, *words, **variables)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert result.stderr.count("\n") == 1
    return result.stderr.rstrip("\n")


def test_the_clock_is_shown(ada: MockServer) -> None:
    assert said(ada, "clock").startswith("2026-01-15T12:00:00.000Z, and stands still. Something may fall due at ")
    assert given(ada, "clock")["frozen"] is True


@pytest.mark.parametrize(
    ("amount", "then"),
    [
        (("2d",), "2026-01-17T12:00"),
        (("1h30m",), "2026-01-15T13:30"),
        (("1", "week", "2", "Days"), "2026-01-24T12:00"),
        (("1.5d", "90s"), "2026-01-17T00:01:30"),
        (("2026-02-01T08:00Z",), None),
    ],
)
def test_the_clock_advances_by_an_amount_as_one_says_it(
    ada: MockServer, amount: tuple[str, ...], then: str | None
) -> None:
    if then is None:
        assert "needs an amount of time, such as 2d, 1h30m or 2 weeks" in refused(ada, "clock", "advance", *amount)
        assert given(ada, "clock")["now"].startswith("2026-01-15T12:00")
    else:
        assert given(ada, "clock", "advance", *amount)["now"].startswith(then)


def test_an_advance_says_what_it_brought(ada: MockServer) -> None:
    text = said(ada, "clock", "advance", "2d")
    assert text.startswith("2026-01-17T12:00:00.000Z, and stands still.")
    assert "StreakLost 1" in text
    assert "ada lost a streak of 1: its last day passed, and no freeze was left." in text


def test_the_clock_is_set_frozen_and_let_go(ada: MockServer) -> None:
    assert said(ada, "clock", "unfreeze").startswith("2026-01-15T12:00:00.")
    assert given(ada, "clock")["frozen"] is False
    assert said(ada, "clock", "freeze", "2026-01-16T00:00Z").startswith("2026-01-16T00:00:00.000Z, and stands still")
    assert said(ada, "clock", "set", "2026-01-17").startswith("2026-01-17T00:00:00.000Z, and stands still")


def test_an_advance_waits_for_webhooks_when_it_is_told_to(ada: MockServer) -> None:
    with ada.world(now=NOW, frozen=True) as world, Receiver().running() as receiver:
        world.add_webhook(receiver.url, events=["streak.lost"])
        CLIENT.post(
            f"{ada.url}/metrics/words-written/event",
            json={"user": {"id": "ada"}, "value": 1},
            headers={"X-API-KEY": world.api_key},
        )
        said(ada, "clock", "advance", "2d", "--wait", "--api-key", world.api_key)
        assert len(receiver.received) == 1


def test_a_reset_puts_the_world_back(ada: MockServer) -> None:
    assert said(ada, "reset") == "Inkwell is as it began: 0 users, 2026-01-15T12:00:00.000Z.\n"
    assert ada.facts() == []


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("--points", "xp"), ("ada has 40 XP: +40.", "+40 XP for every 100 “Words written”", "Because: ada: “Words w")),
        (("--streak",), ("ada has a streak of 1.", "ada started a streak on 2026-01-15")),
        (("--leaderboard", "weekly-words"), ("ada is at rank 1 on", "")),
        (("--achievement", "first-words"), ("ada has completed", "")),
    ],
)
def test_why_explains_each_thing(ada: MockServer, words: tuple[str, ...], lines: tuple[str, ...]) -> None:
    text = said(ada, "why", "ada", *words)
    assert text.startswith(lines[0])
    for line in lines[1:]:
        assert line in text
    assert given(ada, "why", "ada", *words)["userId"] == "ada"


def test_requests_are_listed_oldest_first(ada: MockServer) -> None:
    CLIENT.get(f"{ada.url}/users/bob%1B/streak", headers={"X-API-KEY": ada.api_key})
    first, second = said(ada, "requests").splitlines()
    assert re.fullmatch(
        r"2026-01-15T12:00:00.000Z POST   /v1/metrics/words-written/event +201 \d+\.\d ms metrics_event ada", first
    )
    assert second.endswith(r"users_streak bob\x1b User 'bob\x1b' was not found.")
    assert said(ada, "requests", "-n", "1") == second + "\n"
    assert said(ada, "requests", "--user", "ada") == first + "\n"
    assert said(ada, "requests", "--status", "404") == second + "\n"
    (row,) = map(json.loads, said(ada, "requests", "--operation", "metrics_event", "--json").splitlines())
    assert row["request"]["value"] == 200


def test_facts_are_listed_oldest_first(ada: MockServer) -> None:
    event(ada, "bob")
    lines = said(ada, "facts", "--kind", "MetricChanged").splitlines()
    assert [line.split(maxsplit=3)[3] for line in lines] == [
        "ada: “Words written” +200, total 200.",
        "bob: “Words written” +200, total 200.",
    ]
    assert said(ada, "facts", "--kind", "MetricChanged", "-n", "1") == lines[1] + "\n"
    rows = [json.loads(line) for line in said(ada, "facts", "--user", "bob", "--json").splitlines()]
    assert {"UserCreated", "MetricChanged"} <= {row["kind"] for row in rows}


@pytest.mark.parametrize(
    ("command", "new"), [("requests", "metrics_event bob"), ("facts", "bob: “Words written” +200")]
)
def test_following_shows_what_comes_once(ada: MockServer, command: str, new: str) -> None:
    environment = os.environ | {"MOCKSERVER_URL": ada.url, "MOCKSERVER_API_KEY": ada.api_key, "PYTHONUTF8": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "mockserver", command, "--follow"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    try:
        before = process.stdout.readline()
        assert "ada" in before
        event(ada, "bob")
        seen = [before]
        while new not in seen[-1]:
            seen.append(process.stdout.readline())
            assert seen[-1], process.stderr and process.stderr.read()
        assert len(seen) == len(set(seen))
    finally:
        process.kill()
        process.communicate()


def test_following_says_how_many_requests_came_too_fast_to_be_shown(
    ada: MockServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter([True])

    def sleep(seconds: float) -> None:
        if not next(turns, False):
            raise KeyboardInterrupt
        for user in ("bob", "cid", "dan"):
            event(ada, user)

    monkeypatch.setattr(insight, "AT_ONCE", 2)
    monkeypatch.setattr(insight.time, "sleep", sleep)
    lines = said(ada, "requests", "--follow").splitlines()
    assert lines[1] == "… 1 request is left out: too many at once."
    assert [line.split()[-1] for line in lines[2:]] == ["cid", "dan"]


def test_a_webhook_is_triggered_and_whom_it_went_to_is_said(ada: MockServer) -> None:
    with ada.world(now=NOW, frozen=True) as world, Receiver().running() as receiver:
        key = ("--api-key", world.api_key)
        CLIENT.post(f"{ada.url}/users", json={"id": "ada"}, headers={"X-API-KEY": world.api_key})
        assert "No endpoint wants it" in said(ada, "trigger", "streak.lost", "--user", "ada", *key)
        world.add_webhook(receiver.url)
        text = said(ada, "trigger", "streak.lost", "--user", "ada", "--body", *key)
        assert text.startswith("streak.lost about ada, 2026-01-15T12:00:00.000Z:\n  delivery-1 → " + receiver.url)
        assert '"type": "streak.lost"' in text
        assert len(given(ada, "trigger", "streak.lost", "--duplicate", "2", *key)["deliveries"]) == 3
        world.advance(wait=True)
        assert len(receiver.received) == 4


def test_a_world_is_made_listed_and_deleted(ada: MockServer, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('name = "Mine"\n[metrics.m]\nname = "M"\n')
    made = run(ada, "world", "new", "--catalog", str(file), "--now", NOW, "--frozen")
    key = made.stdout.rstrip("\n")
    assert made.stderr == "Mine, 0 users (seed 1); its clock stands still at 2026-01-15T12:00:00.000Z.\n"
    other = given(ada, "world", "new", "--catalog", "fitness", "--users", "2", "--history-days", "1", "--seed", "7")
    assert (other["organisation"], other["users"], other["seed"]) == ("Trophy Fitness", 2, 7)
    assert {row["apiKey"] for row in given(ada, "world", "ls")} >= {key, other["apiKey"], ada.api_key}
    assert re.search(rf"{key} +Mine +0 +1 +2026-01-15T12:00:00.000Z \(frozen\) +later", said(ada, "world", "ls"))
    assert said(ada, "world", "rm", key, other["apiKey"]) == f"{key} is deleted.\n{other['apiKey']} is deleted.\n"
    assert [row["apiKey"] for row in given(ada, "world", "ls")] == [ada.api_key]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("clock", "advence", "2d"), "Error: There is no `clock advence`; did you mean `clock advance`?"),
        (("clock", "set"), "Error: `clock set` needs a time, such as 2026-02-01T08:00Z."),
        (("clock", "set", "soon"), "Error: Body field `now` must be an ISO 8601 time"),
        (("clock", "set", "2020-01-01"), "Error: The clock stands at 2026-01-15T12:00:00.000Z and cannot go back"),
        (("clock", "unfreeze", "2d"), "Error: `clock unfreeze` takes no time; '2d' is given."),
        (("clock", "--wait"), "Error: --wait goes with `clock advance`."),
        (("why", "ada"), "Error: Ask for one of --points KEY, --achievement KEY, --leaderboard KEY and --streak."),
        (("why", "bob", "--streak"), "Error: User 'bob' was not found"),
        (
            ("facts", "--kind", "StreakLos"),
            'Error: Query parameter `kind` has "StreakLos", which is not known here; did',
        ),
        (
            ("trigger", "streak.los"),
            'Error: webhook "type": "streak.los" is not a webhook type; did you mean "streak.l',
        ),
        (("world", "rm", "none"), "Error: No world has the API key 'none'."),
        (("world", "new", "--load", "no.jsonl"), "Error: no.jsonl cannot be read: No such file or directory."),
        (("reset", "--api-key", "wrong"), "Error: The API key in the X-API-KEY header is not known"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(ada: MockServer, words: tuple[str, ...], sentence: str) -> None:
    assert refused(ada, *words).startswith(sentence)


def test_a_server_that_is_not_there_or_is_another_is_told(ada: MockServer) -> None:
    nobody = "Error: No server responds at http://127.0.0.1:1. Start one with `mockserver serve`, or give --url"
    assert refused(ada, "clock", "--url", "127.0.0.1:1").startswith(nobody)
    with Receiver().running() as receiver:
        other = receiver.url.removesuffix("/trophy")
        assert refused(ada, "clock", "--url", other) == f"Error: The server at {other} is not the mock server."


def test_the_key_of_serve_is_the_key_of_commands_and_its_first_one_counts(ada: MockServer) -> None:
    result = run(ada, "clock", MOCKSERVER_API_KEY=f"{ada.api_key} another", TROPHY_API_KEY="of the real service")
    assert result.exit_code == 0


def test_a_control_token_and_a_tenant_are_sent() -> None:
    catalog = 'name = "T"\n[settings]\nmultiTenant = true\ntenants = ["acme", "other"]\n[metrics.m]\nname = "M"\n'
    with MockServer(catalog=catalog, control_token="secret", now=NOW, frozen=True) as server:
        assert "wants the X-Control-Token header" in refused(server, "facts")
        assert "Tenant-ID header is required" in refused(server, "facts", MOCKSERVER_CONTROL_TOKEN="secret")
        assert said(server, "facts", "--tenant", "acme", "--control-token", "secret") == ""


def test_a_command_that_is_nearly_one_is_guessed() -> None:
    assert "No such command 'serv'. Did you mean 'serve'?" in CliRunner().invoke(main, ["serv"]).output
    assert "No such command 'xyzzy'. `mockserver --help` lists them." in CliRunner().invoke(main, ["xyzzy"]).output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("trigger", "streak.lost", "--delay", "nan"), "Error: delay must be a finite number, not nan."),
        (("trigger", "streak.lost", "--delay", "inf"), "Error: delay must be a finite number, not inf."),
        (("clock", "advance", "9" * 400 + "d"), "Error: days must be a finite number, not inf."),
        (("clock", "--url", "http://[::1"), "Error: --url (MOCKSERVER_URL) must be an address such as"),
        (("clock", "--url", ""), "Error: --url (MOCKSERVER_URL) must be an address such as"),
        (("clock", "--url", "http://127.0.0.1:99999"), "Error: --url (MOCKSERVER_URL) must be an address such as"),
        (("clock", "--url", "ftp://127.0.0.1"), "Error: --url (MOCKSERVER_URL) must be an address such as"),
        (("clock", "--tenant", "a\nb"), "Error: --tenant must be on one line, without spaces around it, not 'a\\nb'."),
        (("clock", "--control-token", " a"), "Error: --control-token must be on one line"),
        (("facts", "--user", "\udcff"), "Error: userId must be UTF-8, not"),
        (("clock", "--api-key", "\udcff"), "Error: --api-key must be on one line"),
        (("clock", "--api-key", "Zoë"), "Error: The API key in the X-API-KEY header is not known."),
    ],
)
def test_what_cannot_be_sent_is_said_by_the_name_of_its_option(
    server: MockServer, words: tuple[str, ...], sentence: str
) -> None:
    assert refused(server, *words).startswith(sentence)


def test_a_tenant_of_any_script_is_sent() -> None:
    catalog = 'name = "Shared"\n[settings]\nmultiTenant = true\n[metrics.m]\nname = "M"\n'
    with MockServer(catalog=catalog, now=NOW, frozen=True) as server:
        assert said(server, "clock", "--tenant", "Zoë 東京").startswith("2026-01-15T12:00")

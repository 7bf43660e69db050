"""Worlds travel as text: exported, imported, loaded, and read by every later version."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from click.testing import CliRunner
from kept import Server, Step
from test_cli_serve import refused, running
from test_log_replay import TEAMS, event

from mockserver.cli import main
from mockserver.control.replay import CALLS
from mockserver.log.record import LogError, decode
from mockserver.log.text import parse_lines, read
from mockserver.testing import ControlError, MockServer

LOGS = sorted((Path(__file__).parent / "logs").glob("*.jsonl"))
DEAD_END = "http://127.0.0.1:9/hooks"
KEY = "00000000.local"

LIFE = [
    event("ann", 750, "Europe/London", "once", None, 0),
    Step("POST", "/_mock/webhooks", {"url": DEAD_END, "secret": "s"}, wait=1000),
    Step("POST", "/_mock/webhooks", {"url": DEAD_END, "events": ["streak.lost"]}),
    event("bob", 20, "Asia/Tokyo", None, None, 60_000),
    Step("PATCH", "/v1/users/ann", {"name": "Ann", "email": "ann@example.com"}),
    Step("PATCH", "/v1/users/ann/preferences", {"notifications": {"recap": ["email"]}}),
    Step("POST", "/v1/achievements/finish-onboarding/complete", {"user": {"id": "ann"}}),
    Step("POST", "/_mock/webhooks/trigger", {"type": "streak.lost", "userId": "ann"}),
    Step("POST", "/_mock/webhooks/deliveries/delivery-1/redeliver"),
    Step("PATCH", "/_mock/webhooks/endpoint-1", {"active": False}),
    Step("POST", "/_mock/snapshots"),
    Step("POST", "/_mock/clock/advance", {"days": 2, "hours": 3}),
    Step("PUT", "/_mock/clock", {"frozen": True}),
    Step("PUT", "/_mock/faults", {"latency": {"ms": 1}}),
    Step("DELETE", "/_mock/faults"),
    Step("DELETE", "/_mock/webhooks/endpoint-2"),
    Step("PUT", "/_mock/catalog", TEAMS),
    event("ann", 3, None, None, "red", 0),
    Step("GET", "/v1/achievements", None, "blue"),
    Step("POST", "/_mock/snapshots/snapshot-1/restore"),
    Step("DELETE", "/_mock/snapshots/snapshot-1"),
    event("ann", 1, None, None, None, 500),
    Step("POST", "/_mock/reset", wait=5000),
    event("cat", 1, None, None, None, 500),
]


@pytest.fixture
def lived(tmp_path: Path) -> Any:
    with Server(tmp_path / "kept", users=2, history_days=3) as server:
        for step in LIFE:
            assert server.take(step)[0] < 300, step
        yield server


def test_a_life_of_the_tests_has_every_command(lived: Server) -> None:
    assert {decode(line).name for line in lived.log()} >= {*CALLS, "world", "tenant", "metrics_event"}


@pytest.mark.parametrize("file", LOGS, ids=lambda file: file.stem)
def test_the_logs_of_every_version_are_read(file: Path) -> None:
    """The files are never written again: a world that was kept by an older version has to be there in a newer one."""
    with Server(None) as server:
        key = server.take(Step("POST", "/_mock/worlds", {"load": file.read_text()}))[1]["apiKey"]
        assert "cat" in server.find(key).game().world.users


def test_there_is_a_log_of_this_version() -> None:
    assert {decode(line).name for file in LOGS for line in read(file)} >= set(CALLS)


def test_a_loaded_world_is_the_same_world(lived: Server) -> None:
    """Facts, events and secrets under another key; what was sent then is not sent again."""
    with Server(None, lived.now) as server:
        text = b"\n".join(lived.log()).decode()
        status, made = server.take(Step("POST", "/_mock/worlds", {"load": text}))
        assert status == 201
        assert server.everything(made["apiKey"]) == lived.everything()
        waiting = server.plane.context(server.find(made["apiKey"])).webhooks.list_deliveries(state="waiting")
        assert waiting["deliveries"] == []


def test_a_loaded_world_is_kept_like_any_other(lived: Server, tmp_path: Path) -> None:
    with Server(tmp_path / "other", lived.now) as server:
        records = [orjson.loads(line) for line in lived.log()]
        key = server.take(Step("POST", "/_mock/worlds", {"load": records}))[1]["apiKey"]
        before = server.everything(key)
        image = server.image(tmp_path / "image")
    with Server(image, lived.now) as again:
        assert again.everything(key) == before
        assert again.take(Step("POST", "/_mock/worlds", {}))[1]["apiKey"] != key


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "Body field `load` holds no world: it is empty."),
        (7, "Body field `load` must be the text of a log (JSONL), or its records in an array"),
        ('{"v":1}', "Body field `load`, line 1: a record cannot be read"),
        (
            [{"v": 1, "time": 0, "name": "metrics_event", "arguments": {}}],
            "line 1: the recipe of the world comes first",
        ),
        ([{"v": 1, "time": 0, "name": "world", "arguments": {}}], "a log must begin with the recipe"),
        ([{"v": 1, "time": 0, "real": 0, "name": "world", "arguments": {"key": "k"}}], "cannot be read (KeyError"),
    ],
)
def test_what_is_no_log_is_refused(given: Any, says: str) -> None:
    with Server(None) as server:
        status, response = server.take(Step("POST", "/_mock/worlds", {"load": given}))
        assert status == 422
        assert says in response["error"]


def test_a_record_that_cannot_be_repeated_is_refused_and_leaves_no_world(lived: Server) -> None:
    lines = [*lived.log()[:2], b'{"v":1,"time":0,"name":"metrics_event","arguments":{"nonsense":1}}']
    with Server(None) as server:
        status, response = server.take(Step("POST", "/_mock/worlds", {"load": b"\n".join(lines).decode()}))
        assert status == 422
        assert "record 3 of the world" in response["error"]
        assert len(server.plane.worlds) == 1


def test_load_stands_alone() -> None:
    with MockServer() as server, pytest.raises(ControlError, match="leave the other fields out"):
        server.control("POST", "/worlds", {"load": "x", "seed": 2})


def run(*arguments: str, given: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["keep", *arguments], input=given)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def test_what_is_kept_can_be_listed_shown_exported_and_imported(lived: Server, tmp_path: Path) -> None:
    """All but importing while the server uses the directory."""
    kept = str(lived.directory)
    assert KEY in run("ls", kept)[1]
    assert 'metrics_event {"key":"words-written"' in run("show", kept)[1]
    assert len(run("show", kept, "--last", "2")[1].splitlines()) == 2
    file = str(tmp_path / "world.jsonl")
    assert run("export", kept, "--out", file) == (0, "")
    assert run("export", kept, "--out", file) == (2, f"Error: {file} is there already.\n")
    assert Path(file).read_bytes().splitlines() == lived.log()
    assert run("import", kept, file) == (2, f"Error: {kept} is in use by another server (process {os.getpid()}).\n")
    other = str(tmp_path / "other")
    assert run("import", other, file, "--key", "mine")[0] == 0
    assert run("import", other, "-", given=Path(file).read_text())[0] == 0
    assert run("import", other, file) == (2, f"Error: {other} holds a world of the key {KEY} already.\n")
    assert "say which world: --key KEY" in run("show", other)[1]
    assert "no world has the key none" in run("export", other, "--key", "none")[1]
    with Server(tmp_path / "other", lived.now) as server:
        assert server.everything("mine") == lived.everything()
    assert run("compact", other)[1].endswith("bytes now.\n")
    assert run("ls", str(tmp_path))[1] == f"Error: {tmp_path} holds no worlds: there is no mockserver.sqlite in it.\n"


def test_serve_begins_with_a_world_from_a_file(tmp_path: Path) -> None:
    kept = ("--keep", str(tmp_path / "kept"))
    for options in ((), kept, kept[:0]):
        with running("--load", str(LOGS[-1]), *options) as server:
            assert server.get("/users/cat")["id"] == "cat"
            server.process.kill()
    assert "holds a world of the key" in refused("--load", str(LOGS[-1]), *kept)
    assert "cannot be read" in refused("--load", str(tmp_path / "none"))
    (tmp_path / "odd").write_text("{}\n")
    assert f"{tmp_path / 'odd'}, line 1: a record cannot be read" in refused("--load", str(tmp_path / "odd"))


RECIPE_LINE = b'{"v":1,"time":0,"name":"world","arguments":{}}'


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (
            [RECIPE_LINE, b'{"v":1,"time":"x","name":"a","arguments":{}}'],
            "line 2: a record cannot be read: one of v, time",
        ),
        ([RECIPE_LINE, b"", RECIPE_LINE], "line 3: the recipe of the world comes first, and once"),
        ([b"{"], "line 1: a record cannot be read: it is no JSON object"),
        ([b'{"v":2,"time":0}'], "line 1: a record has version 2, and this mockserver reads versions up to 1"),
    ],
)
def test_a_text_says_which_line_is_wrong(lines: list[bytes], says: str) -> None:
    with pytest.raises(LogError, match=f"^the log, {says}"):
        parse_lines(lines, "the log")


ODD = "a[/b]"
STEERING = "\u202eevil\u009b31m\u2028"


def test_what_is_kept_steers_no_terminal_and_is_no_markup(tmp_path: Path) -> None:
    with MockServer(keep=tmp_path, api_key=ODD) as server:
        headers = {"X-API-KEY": ODD}
        httpx2.put(f"{server.url}/users/ada", json={"name": STEERING}, headers=headers, trust_env=False)
    assert ODD in run("ls", str(tmp_path))[1]
    shown = run("show", str(tmp_path))[1]
    assert "evil" in shown
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"key": None}, "the recipe of a world cannot be read (KeyError: 'key')"),
        ({"seed": None}, "the recipe of a world cannot be read (KeyError: 'seed')"),
        ({"catalog": "name = 3"}, "the world cannot be made: "),
    ],
)
def test_a_world_that_no_server_could_start_with_is_not_imported(
    tmp_path: Path, changed: dict[str, Any], says: str
) -> None:
    with MockServer(keep=tmp_path / "here"):
        pass
    assert run("export", str(tmp_path / "here"), "--out", str(tmp_path / "world"))[0] == 0
    recipe, *rest = (tmp_path / "world").read_text().splitlines()
    record = orjson.loads(recipe)
    for name, value in changed.items():
        record["arguments"].pop(name)
        if value is not None:
            record["arguments"][name] = value
    text = "\n".join([orjson.dumps(record).decode(), *rest])
    code, said = run("import", str(tmp_path / "there"), "-", given=text)
    assert (code, says in said) == (2, True), said
    assert run("ls", str(tmp_path / "there"))[1].count("\n") == 1  # the titles alone

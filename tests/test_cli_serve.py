"""`mockserver serve`, as a process of its own: what it prints works, what it is told it does, and it ends cleanly."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from newer import VERSION, newer
from processes import admin_url

from mockserver import catalogs
from mockserver.serve.command import serve
from mockserver.sockets import CannotListen, listen_on

CLOCK = ("--now", "2026-01-15T12:00:00Z", "--frozen")
FEW = ("--users", "3", "--history-days", "5")
SMALL = 'name = "Small"\n[metrics.m]\nname = "M"\n'


class Server:
    """A running server: `text` is what it printed until it was ready."""

    def __init__(self, process: subprocess.Popen[str], text: str) -> None:
        self.process, self.text = process, text
        found = re.search(r"http://\S+:\d+/v1", text)
        assert found, text
        self.url = found.group()

    def get(self, path: str, key: str = "00000000.local", **headers: str) -> Any:
        with self.open(path, key, **headers) as response:
            return json.load(response)

    def open(self, path: str, key: str = "00000000.local", body: object = None, **headers: str) -> Any:
        data = None if body is None else json.dumps(body).encode()
        sent = {"X-API-KEY": key, "Content-Type": "application/json", **headers}
        return urllib.request.urlopen(urllib.request.Request(self.url + path, data, sent), timeout=20)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """Exit code and what was said on stderr."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=20)
        return self.process.returncode, said


@contextlib.contextmanager
def running(*options: str, variables: dict[str, str] | None = None) -> Iterator[Server]:
    command = [sys.executable, "-m", "mockserver", "serve", *(("--port", "0") if not variables else ()), *options]
    clean = {key: value for key, value in os.environ.items() if key != "PORT" and not key.startswith("MOCKSERVER_")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean | (variables or {})
    )
    assert process.stdout is not None
    text = ""
    try:
        for line in process.stdout:
            text += line
            if "Ctrl-C" in line:
                break
        yield Server(process, text)
    finally:
        process.kill()
        process.communicate()


def refused(*options: str, variables: dict[str, str] | None = None) -> str:
    """What a start that fails says, in one line, with exit code 2."""
    command = [sys.executable, "-m", "mockserver", "serve", *(("--port", "0") if not variables else ()), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ | (variables or {}))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(*FEW, *CLOCK) as server:
        yield server


def test_it_is_healthy_once_it_serves(server: Server) -> None:
    with urllib.request.urlopen(server.url.removesuffix("/v1") + "/_mock/health", timeout=20) as response:
        assert response.status == 200


def test_it_prints_where_it_is_and_a_key_that_opens_it(server: Server) -> None:
    assert server.url.startswith("http://127.0.0.1:")
    assert "00000000.local" in server.text
    assert server.get("/users/user-123")["id"] == "user-123"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_printed_curl_line_works_when_pasted(server: Server) -> None:
    line = next(line for line in server.text.splitlines() if "curl " in line)
    done = subprocess.run(
        ["sh", "-c", line[line.index("curl ") :] + " --fail --silent"], capture_output=True, check=True, timeout=30
    )
    assert json.loads(done.stdout)["frequency"] == "daily"


def test_the_printed_python_works_when_pasted(server: Server) -> None:
    lines = [line[12:] for line in server.text.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("from trophy"))
    code = [*lines[start : start + 3], 'print(trophy.users.get("user-123").id)']
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(code)], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "user-123\n"


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_the_printed_javascript_hands_the_sdk_what_it_wants(server: Server, tmp_path: Path) -> None:
    lines = [line[12:] for line in server.text.splitlines()]
    start = next(number for number, line in enumerate(lines) if line.startswith("const {"))
    sdk = tmp_path / "node_modules" / "@trophyso" / "node"
    sdk.mkdir(parents=True)
    client = "class { constructor(options) { console.log(JSON.stringify(options)) } }"
    (sdk / "index.js").write_text(f"exports.TrophyApiClient = {client}")
    (tmp_path / "try.js").write_text("\n".join(lines[start : start + 3]))
    done = subprocess.run(["node", str(tmp_path / "try.js")], capture_output=True, text=True, check=True, timeout=60)
    options = json.loads(done.stdout)
    assert options == {"apiKey": "00000000.local", "environment": {"api": server.url, "admin": admin_url(server.url)}}


def test_another_spec_is_told_with_its_version(tmp_path: Path) -> None:
    file = tmp_path / "newer.json"
    file.write_text(json.dumps(newer()))
    with running(*FEW, "--document", str(file)) as server:
        assert f"The spec is {file}, version {VERSION}." in server.text


def test_a_frozen_clock_stands_where_it_was_put_and_that_is_said(server: Server) -> None:
    assert "The clock stands still at 2026-01-15T12:00:00.000Z." in server.text
    with server.open("/users", body={"id": "new"}) as response:
        assert json.load(response)["created"] == "2026-01-15T12:00:00.000Z"


def test_the_same_seed_and_clock_give_the_same_responses_in_another_process() -> None:
    paths = ["/users/user-124", "/users/user-123/wrapped", "/leaderboards/all-time", "/users/user-123/achievements"]
    with running(*FEW, *CLOCK) as first, running(*FEW, *CLOCK) as again, running(*FEW, *CLOCK, "--seed", "2") as other:
        for path in paths:
            with first.open(path) as one, again.open(path) as two, other.open(path) as three:
                actual = one.read()
                assert actual == two.read()
                assert actual != three.read()


def test_a_clock_that_is_set_runs_on() -> None:
    with running("--users", "0", "--now", "2026-01-15T12:00:00+01:00") as server:
        assert "The clock runs from 2026-01-15T11:00:00.000Z." in server.text
        created = [json.load(server.open("/users", body={"id": name}))["created"] for name in ("a", "b", "c")]
        assert "2026-01-15T11:00:00.000Z" <= created[0] < created[-1]
        assert created[-1] < "2026-01-15T11:05"


def test_each_key_opens_an_equal_world_of_its_own() -> None:
    with running(*FEW, *CLOCK, "--api-key", "one", "--api-key", "two") as server:
        assert server.get("/users/user-124", "one") == server.get("/users/user-124", "two")
        server.open("/users", "one", body={"id": "only-here"}).close()
        assert server.get("/users/only-here", "one")["id"] == "only-here"
        for key in ("two", "00000000.local"):
            with pytest.raises(urllib.error.HTTPError):
                server.open("/users/only-here", key)


def test_every_option_can_be_an_environment_variable() -> None:
    from mockserver.serve.command import serve

    for option in serve.params:
        name = option.opts[0].removeprefix("--").replace("-", "_").upper()
        assert f"MOCKSERVER_{name}" in (option.envvar or ()), option.opts


def test_environment_variables_are_obeyed() -> None:
    variables = {
        "MOCKSERVER_PORT": "0",
        "MOCKSERVER_API_KEY": "first second",
        "MOCKSERVER_USERS": "1",
        "MOCKSERVER_HISTORY_DAYS": "2",
        "MOCKSERVER_NOW": "2026-01-15",
        "MOCKSERVER_FROZEN": "1",
        "MOCKSERVER_CATALOG": "study",
        "MOCKSERVER_CHECK_RESPONSES": "0",
    }
    with running(variables=variables) as server:
        assert "The clock stands still at 2026-01-15T00:00:00.000Z." in server.text
        assert "Responses are not checked" in server.text
        assert server.get("/users/user-123/metrics", "second")[0]["key"] == "flashcards-viewed"
        with pytest.raises(urllib.error.HTTPError):
            server.open("/users/user-124", "first")


def test_port_is_honoured_unless_the_longer_name_is_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert f"Port {port} of 127.0.0.1 is taken" in refused(variables={"PORT": port})
        with running("--users", "0", variables={"PORT": port, "MOCKSERVER_PORT": "0"}) as server:
            assert f":{port}/" not in server.url


def test_a_taken_port_is_told_before_anything_is_made() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused("--port", port, "--users", "1000000")
    assert said == (
        f"Error: Port {port} of 127.0.0.1 is taken: choose another with --port, or any free one with --port 0.\n"
    )


def test_an_unknown_host_is_told() -> None:
    assert refused("--host", "no.such.host.invalid") == (
        "Error: Cannot listen on no.such.host.invalid: no such host is known here.\n"
    )


def test_a_catalog_that_cannot_be_used_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    assert refused("--catalog", str(file)) == f"Error: {file}: there is no such file\n"
    file.write_text('name = "x"\n[metrics.m]\nname = 5\n')
    said = refused("--catalog", str(file))
    assert said == f"Error: {file}, line 3, metrics.m.name: expected text that is not empty, found 5\n"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--now", "yesterday"), "'yesterday' is not a time like 2026-01-15T12:00:00Z"),
        (("--now", "1969-12-31T23:59:59Z"), "clocks run from 1970 to 9000"),
        (("--api-key", "Schlüssel"), "expected printable ASCII"),
        (("--api-key", ""), "not empty and without spaces around it; found ''"),
        (("--webhook", "my-app", "--users", "1000000"), 'must begin with http:// or https://: found "my-app"'),
        (("--webhook", "http://a.test", "--webhook-events", "streak.over"), '"streak.over" is not a webhook type'),
        (("--webhook", "http://a.test", "--webhook-events", " , "), "--webhook-events names no type"),
        (("--webhook-events", "streak.over"), '"streak.over" is not a webhook type'),
        (("--webhook-events", "streak.lost"), "--webhook-events chooses what goes to --webhook, which is not given"),
        (("--webhook-secret", "s"), "--webhook-secret signs what goes to --webhook, which is not given"),
        (("--webhook", "http://a.test", "--webhook-secret", ""), "must not be empty"),
        (("--webhook", "http://a.test", "--webhook-secret", os.fsdecode(b"\xff")), "is not UTF-8"),
        (("--webhook-retry-delay", "nan"), "nan is no number of seconds"),
        (("--webhook-concurrency", "0"), "0 is not in the range 1<=x<=256"),
        (("--webhook-retry-delay", "inf"), "inf is not in the range 0<=x<=86400.0"),
        (("--webhook-retry-delay", "1e14"), "100000000000000.0 is not in the range"),
        (("--webhook-retry-delay", "-1"), "-1.0 is not in the range"),
        (("--users", "-1"), "-1 is not in the range"),
        (("--watch",), "--watch reads the file of --catalog again when it changes, and none is given"),
        (("--catalog", "fitness", "--watch"), "--watch reads the file of --catalog again"),
        (("--catalog", "fitnes"), 'fitnes: there is no such file; did you mean "fitness"?'),
    ],
)
def test_an_option_that_makes_no_sense_is_told(options: tuple[str, ...], said: str) -> None:
    assert said in refused(*options)


def test_a_host_that_is_not_known_is_said_on_systems_that_count_its_errors_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def unknown(*given: object, **more: object) -> None:
        raise socket.gaierror(8, "nodename nor servname provided, or not known")  # as macOS says it

    with pytest.raises(CannotListen, match="--host must not be empty"):
        listen_on("", 0)
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(CannotListen, match="Cannot listen on nosuch: no such host is known here"):
        listen_on("nosuch", 0)


TAKE_TEXT = [each.opts[0] for each in serve.params if isinstance(each.type, click.Path | click.types.StringParamType)]


@pytest.mark.parametrize("name", TAKE_TEXT)
def test_an_empty_text_is_not_taken_for_none(name: str) -> None:
    assert "--keep" in TAKE_TEXT
    done = CliRunner().invoke(serve, ["--port", "0", name, ""])
    assert done.exit_code == 2
    assert f"Invalid value for '{name}'" in done.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--control-token", " a"), "expected printable ASCII, not empty and without spaces around it; found ' a'"),
        (("--control-token", "gehört"), "expected printable ASCII"),
        (("--allowed-host", "http://a.example"), "expected a name such as host.docker.internal, without scheme"),
        (("--allowed-host", "a.example:8080"), "found 'a.example:8080'"),
        (("--allowed-host", "a.example/x"), "found 'a.example/x'"),
        (("--allowed-host", "*a.example"), "found '*a.example'"),
        (("--log", ","), "--log names no server; it takes addresses such as nats://a:4222"),
    ],
)
def test_a_text_that_could_never_fit_is_refused_before_anything_is_made(options: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(serve, ["--port", "0", *options])
    assert (done.exit_code, said in " ".join(done.output.split())) == (2, True), done.output


def test_a_request_that_is_made_to_wait_keeps_nobody_from_ending_the_server() -> None:
    with running("--users", "0") as server:
        port = int(server.url.split(":")[2].partition("/")[0])
        with socket.create_connection(("127.0.0.1", port), timeout=20) as waiting:
            head = "GET /v1/achievements HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: 00000000.local\r\n"
            head += "Prefer: delay=60\r\n\r\n"
            waiting.sendall(head.encode())
            server.get("/achievements")  # by now the other one has come in, too
            assert server.stop(signal.SIGINT) == (0, "Stopped.\n")
            assert waiting.recv(1000).startswith(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly_when_it_is_told_to(number: signal.Signals) -> None:
    with running("--users", "0") as server:
        server.get("/achievements")
        code, said = server.stop(number)
    assert code == 0
    assert "Traceback" not in said
    assert "Error" not in said


def test_all_worlds_are_made_under_one_bar_that_never_goes_back(tmp_path: Path) -> None:
    keys = ("--api-key", "a.1", "--api-key", "b.2", "--api-key", "c.3")
    # Enough users that a bar is drawn, none of whom an earlier start has left in the cache.
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "600", *keys]
    screen, terminal = pty.openpty()
    fresh = os.environ | {"XDG_CACHE_HOME": str(tmp_path)}
    process = subprocess.Popen(command, stdout=terminal, stderr=terminal, env=fresh)
    watchdog = threading.Timer(120, process.kill)
    watchdog.start()
    try:
        said = b""
        while b"Ctrl-C" not in said:
            said += os.read(screen, 1 << 16)
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        os.close(terminal)
        os.close(screen)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", said.decode())
    assert set(re.findall(r"Seeding ([\d,]+) users", text)) == {"1,800"}
    shown = [int(number) for number in re.findall(r"(\d+)% ", text)]
    assert shown == sorted(shown)
    assert shown[-1] == 100
    assert len(set(shown)) > 5
    rates = [int(number.replace(",", "")) for number in re.findall(r"([\d,]+) events/s", text)]
    assert min(rates) > max(rates) / 5, "what was done before counts on"


def test_it_prints_where_webhooks_go_and_the_secret_that_was_made_up() -> None:
    hooks = ("--webhook", "http://127.0.0.1:9/a", "--webhook-events", "streak.lost,streak.started")
    with running("--users", "0", *hooks, "--api-key", "one", "--api-key", "two") as server:
        base = server.url.removesuffix("/v1")
        for key in ("one", "two"):
            asked = urllib.request.Request(f"{base}/_mock/webhooks", headers={"X-API-KEY": key})
            with urllib.request.urlopen(asked, timeout=20) as response:
                (row,) = json.load(response)["endpoints"]
            assert f"http://127.0.0.1:9/a: streak.lost, streak.started (key {key})" in server.text
            assert f"secret {row['secret']}" in server.text


def test_the_secret_that_a_receiver_finds_in_the_environment_asks_for_no_webhook() -> None:
    with running("--users", "0", "--port", "0", variables={"MOCKSERVER_WEBHOOK_SECRET": "s"}) as server:
        assert "Webhooks" not in server.text


def test_the_longest_retry_delay_is_kept_and_can_be_told() -> None:
    hook = ("--webhook", "http://127.0.0.1:9/", "--webhook-retry-delay", "86400")
    with running("--users", "0", "--now", "8999-12-31T23:00:00Z", "--frozen", *hook) as server:
        base = server.url.removesuffix("/v1")
        server.open("/metrics/words-written/event", body={"user": {"id": "u"}, "value": 7}).close()
        deadline = time.monotonic() + 20
        attempts: list[Any] = []
        while not attempts and time.monotonic() < deadline:
            asked = urllib.request.Request(f"{base}/_mock/webhooks/deliveries", headers={"X-API-KEY": "00000000.local"})
            with urllib.request.urlopen(asked, timeout=20) as response:
                row = json.load(response)["deliveries"][0]
            attempts = row["attempts"]
        assert attempts
        assert (row["state"], row["next"]) == ("waiting", "9000-01-01T23:00:00.000Z"), row


def test_tenants_that_come_with_their_first_request_are_not_said_to_have_users(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(SMALL + "[settings]\nmultiTenant = true\n")
    with running("--catalog", str(file), *FEW) as server:
        assert "Small, nobody in it yet" in server.text


def test_a_multi_tenant_organisation_gets_a_curl_line_with_a_tenant(tmp_path: Path) -> None:
    file = tmp_path / "tenants.toml"
    file.write_text(SMALL + '[streak]\n[settings]\nmultiTenant = true\ntenants = ["it\'s a"]\n')
    with running("--catalog", str(file), *FEW) as server:
        line = next(line for line in server.text.splitlines() if "curl " in line)
        words = shlex.split(line[line.index("curl ") :])
        assert words[words.index("Tenant-ID: it's a") - 1] == "-H"
        assert server.get("/users/user-123/streak", **{"Tenant-ID": "it's a"})["frequency"] == "daily"


def test_a_watched_catalog_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "watched.toml"
    file.write_text(SMALL)
    with running("--catalog", str(file), "--watch", "--users", "0") as server:
        server.open("/metrics/m/event", body={"user": {"id": "u"}, "value": 7}).close()
        file.write_text(SMALL + '[metrics.n]\nname = "N"\n')
        deadline = time.monotonic() + 20
        while len(metrics := server.get("/users/u/metrics")) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert [(row["key"], row["current"]) for row in metrics] == [("m", 7), ("n", 0)]


def test_starting_the_server_imports_no_testing_library() -> None:
    with running(*FEW, variables={"PYTHONPROFILEIMPORTTIME": "1", "PORT": "0"}) as server:
        _, said = server.stop()
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in said.splitlines() if "|" in line}
    assert {"starlette", "uvicorn", "mockserver"} <= imported
    assert not imported & {"schemathesis", "hypothesis", "pytest", "_pytest", "httpx", "httpx2", "requests"}


def test_the_catalogs_that_come_with_it_can_be_named() -> None:
    with running("--catalog", "fitness", *FEW) as server:
        assert catalogs.fixture("fitness").exists()
        assert "Trophy Fitness" in server.text
        boards = server.get("/leaderboards/weekly-distance-run-cities?userAttributes=city:New%20York")
        assert boards["breakdownAttribute"] == "city"


@pytest.mark.parametrize("wrong", [("--catalog", "BAD"), ("--keep", "/proc/nowhere"), ("--load", "BAD")])
def test_a_start_that_fails_closes_what_it_listened_on(tmp_path: Path, wrong: tuple[str, str]) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text('name = "Small"\n[metrics.m]\n')
    option, value = wrong
    if option == "--load":
        bad.write_text("{}")
    command = [sys.executable, "-X", "dev", "-m", "mockserver", "serve", "--port", "0", "--users", "0", option]
    run = subprocess.run(
        [*command, str(bad) if value == "BAD" else value], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 2
    assert "ResourceWarning" not in run.stderr
    assert "unclosed" not in run.stderr

"""The two commands: one that receives webhooks and judges them, one that judges those who receive them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
import httpx2
import pytest
from click.testing import CliRunner, Result
from receiver import Outcome, Received, Receiver
from rich.console import Console
from starlette.testclient import TestClient

from mockserver import spec
from mockserver.game.catalog import Catalog
from mockserver.game.world import World
from mockserver.webhooks.bodies import KINDS
from mockserver.webhooks.listen import listen
from mockserver.webhooks.listen import receiver as listening
from mockserver.webhooks.received import SUMMARIES, summarize
from mockserver.webhooks.trigger import trigger
from mockserver.webhooks.verify_handler import verify_webhooks

NOON = 1_743_595_200_000  # 2025-04-02T12:00:00Z
SECRET = "s3cret"
SPEC = spec.load()


def signature(body: bytes, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def body_of(kind: str) -> dict[str, Any]:
    return trigger(World(Catalog("Nothing"), "1", NOON), kind, "ann", NOON).shape()


class Listener:
    """The receiver behind `mockserver listen`, and what it printed."""

    def __init__(self, secret: str | None = SECRET, *, bodies: bool = False) -> None:
        self._out = io.StringIO()
        console = Console(file=self._out, width=300, color_system=None)
        self._client = TestClient(listening(SPEC, secret, console, bodies=bodies))

    def receive(self, body: bytes, signed: str | None) -> tuple[int, str]:
        """The response's status, and what was printed for this webhook."""
        self._out.truncate(0)
        self._out.seek(0)
        headers = {} if signed is None else {"X-Trophy-Signature": signed}
        status = self._client.post("/anywhere", content=body, headers=headers).status_code
        return status, self._out.getvalue()


@pytest.mark.parametrize("kind", KINDS)
def test_a_webhook_that_is_right_is_shown_in_a_line_that_says_what_happened(kind: str) -> None:
    body = json.dumps(body_of(kind)).encode()
    status, printed = Listener().receive(body, signature(body))
    assert status == 200
    assert printed.startswith(f"✓ {kind}")
    assert len(printed.splitlines()) == 1
    assert len(printed.split(maxsplit=2)[2]) > 15
    assert "—" not in printed.replace("from — to", "").replace("from rank — to", ""), "only these may be none"


@pytest.mark.parametrize(
    ("signed", "words"),
    [
        (None, "there is no X-Trophy-Signature header"),
        ("", "X-Trophy-Signature was not made from this body with this secret"),
        (signature(b"{}"), "X-Trophy-Signature was not made from this body with this secret"),
        (signature(json.dumps(body_of("streak.lost")).encode(), "another"), "was not made from this body"),
    ],
)
def test_a_wrong_signature_is_said_and_refused(signed: str | None, words: str) -> None:
    status, printed = Listener().receive(json.dumps(body_of("streak.lost")).encode(), signed)
    assert status == 401
    assert printed.startswith("✗ streak.lost")
    assert words in printed


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"no json", "the body is not JSON"),
        (b"[1]", 'the body is not an object with a "type"'),
        (b'{"type": 1}', 'the body is not an object with a "type"'),
        (b'{"type": "streak.stopped"}', 'the spec has no webhook type "streak.stopped"'),
        (json.dumps(body_of("streak.lost") | {"length": "3"}).encode(), "the schema says: /length:"),
        (b'{"type": "leaderboard.changed", "leaderboard": {"rankings": 3}}', "the schema says: /leaderboard"),
        (b'{"type": "leaderboard.changed", "leaderboard": [1]}', "the schema says: /leaderboard"),
        (b'{"type": "streak.lost", "user": [[]]}', "the schema says: "),
    ],
)
def test_a_body_that_breaks_the_spec_is_shown_with_the_place_and_refused(body: bytes, words: str) -> None:
    status, printed = Listener().receive(body, signature(body))
    assert status == 400
    assert words in printed


@pytest.mark.parametrize("kind", SUMMARIES)
def test_whatever_stands_in_the_place_of_another_value_can_be_shown(kind: str) -> None:
    body = body_of(kind) if kind in KINDS else {"type": kind}
    for path in re.findall(r"{([^}]+)}", SUMMARIES[kind]):
        for odd in (None, [], [1], ["a", {}], {}, {"0": 1}, "text", 1, True):
            first, *rest = path.split(".")
            value: Any = odd
            for step in reversed(rest):
                value = value if step in ("0", "#") else {step: value}
            assert "{" not in summarize(kind, body | {first: value})
            assert "{" not in summarize(kind, body | {first: odd})


@pytest.mark.parametrize("levels", [101, 400, 1000])
def test_a_body_that_is_nested_too_deep_is_refused(levels: int) -> None:
    deep = b'{"type": "streak.lost", "user": ' + b"[" * levels + b"]" * levels + b"}"
    status, printed = Listener(bodies=True).receive(deep, signature(deep))
    assert status == 400
    assert "the body is nested deeper than 100 levels" in printed


def test_without_a_secret_the_signature_is_not_checked_and_that_is_said() -> None:
    status, printed = Listener(None).receive(json.dumps(body_of("streak.lost")).encode(), None)
    assert status == 200
    assert "signature not checked" in printed


def test_a_body_that_comes_again_is_marked() -> None:
    listener, body = Listener(), json.dumps(body_of("streak.lost")).encode()
    assert "seen before" not in listener.receive(body, signature(body))[1]
    assert "seen before" in listener.receive(body, signature(body))[1]


@contextmanager
def receiving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """`mockserver listen` on a free port with its output in a pipe; where it is, and the line to paste."""
    command = [sys.executable, "-m", "mockserver", "listen", "--port", "0", *options]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MOCKSERVER_")}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | {"COLUMNS": ""}
    )
    watchdog = threading.Timer(30, process.kill)
    watchdog.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        assert said.startswith("Listening on http://"), process.communicate()[1]
        yield process, said.split()[2], process.stdout.readline().partition(": ")[2]
    finally:
        watchdog.cancel()
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def test_the_command_listens_on_a_free_port_and_prints_it() -> None:
    with receiving("--secret", SECRET, "--bodies") as (process, address, paste):
        assert paste == f"mockserver serve --webhook {address} --webhook-secret {SECRET}\n"
        body = json.dumps(body_of("streak.lost")).encode()
        headers = {"X-Trophy-Signature": signature(body)}
        assert httpx2.post(address, content=body, headers=headers).status_code == 200
        assert "streak.lost" in line_of(process)


@pytest.mark.parametrize("secret", ["a[/b]", '[red]s e"c', "$HOME 'x' :smile:"])
def test_a_secret_is_printed_so_that_it_can_be_pasted(secret: str) -> None:
    with receiving("--secret", secret) as (_, address, paste):
        assert shlex.split(paste) == ["mockserver", "serve", "--webhook", address, "--webhook-secret", secret]


def test_a_line_is_whole_in_a_pipe_however_long_it_is() -> None:
    with receiving() as (process, address, _):
        body = json.dumps(body_of("streak.lost") | {"type": "x" * 200}).encode()
        assert httpx2.post(address, content=body).status_code == 400
        assert line_of(process) == f"✗ {'x' * 200}  signature not checked\n"
        assert line_of(process) == f'  the spec has no webhook type "{"x" * 200}"\n'


def test_it_listens_on_an_address_of_version_6_and_prints_one_that_can_be_used() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with receiving("--host", "::1") as (process, address, paste):
        assert address.startswith("http://[::1]:")
        assert shlex.split(paste)[-1] == address
        assert httpx2.post(address, content=b"{}").status_code == 400
        assert "unreadable" in line_of(process)


def test_ctrl_c_ends_the_receiver_cleanly() -> None:
    with receiving() as (process, address, _):
        assert httpx2.post(address, content=b"{}").status_code == 400
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert (process.returncode, said) == (0, "Stopped.\n")


def test_where_it_cannot_listen_it_says_what_serve_says() -> None:
    with Receiver().running() as there:
        port = there.url.split(":")[2].split("/")[0]
        result = CliRunner().invoke(listen, ["--port", port])
    assert result.exit_code == 2
    assert result.output.startswith(f"Error: Port {port} of 127.0.0.1 is taken: choose another with --port")
    result = CliRunner().invoke(listen, ["--host", "nosuch.invalid"])
    assert result.exit_code == 2
    assert result.output == "Error: Cannot listen on nosuch.invalid: no such host is known here.\n"


@pytest.mark.parametrize("command", [listen, verify_webhooks])
def test_the_variable_with_the_secret_is_in_the_help(command: click.Command) -> None:
    assert "MOCKSERVER_WEBHOOK_SECRET" in CliRunner().invoke(command, ["--help"]).output


class Handler:
    """A handler of webhooks that does everything right, unless a subclass knows better."""

    def signed(self, hook: Received) -> bool:
        return hook.signature is not None and hmac.compare_digest(
            signature(self.raw(hook)).encode(), hook.signature.encode()
        )

    def raw(self, hook: Received) -> bytes:
        return hook.body

    def __call__(self, hook: Received) -> Outcome:
        if not self.signed(hook):
            return 401
        return self.handle(json.loads(hook.body))

    def handle(self, event: dict[str, Any]) -> Outcome:
        return 204


class Trusting(Handler):
    def signed(self, hook: Received) -> bool:
        return True


class Rewriting(Handler):
    """Checks JSON that it has parsed and written again."""

    def raw(self, hook: Received) -> bytes:
        return json.dumps(json.loads(hook.body), separators=(",", ":"), ensure_ascii=False).encode()


class Crashing(Handler):
    def __call__(self, hook: Received) -> Outcome:
        return 500 if hook.signature is None else super().__call__(hook)


class Once(Handler):
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def handle(self, event: dict[str, Any]) -> Outcome:
        text = json.dumps(event)
        if text in self.seen:
            return 409
        self.seen.add(text)
        return 200


class Closed(Handler):
    def handle(self, event: dict[str, Any]) -> Outcome:
        return 200 if event["type"] in KINDS else 400


class Narrow(Handler):
    def handle(self, event: dict[str, Any]) -> Outcome:
        return 422 if "somethingNew" in event else 200


class Sorted(Handler):
    """Wants events in order of time."""

    def __init__(self) -> None:
        self.latest = ""

    def handle(self, event: dict[str, Any]) -> Outcome:
        if event["timestamp"] < self.latest:
            return 409
        self.latest = event["timestamp"]
        return 200


class Moved(Handler):
    def handle(self, event: dict[str, Any]) -> Outcome:
        return 308


@pytest.fixture
def handler() -> Iterator[Receiver]:
    with Receiver().running() as running:
        yield running


def verified(handler: Receiver, decide: Callable[[Received], Outcome]) -> Result:
    handler.decide = decide
    return CliRunner().invoke(verify_webhooks, [handler.url, "--secret", SECRET])


def test_a_handler_that_does_everything_right_passes_with_a_row_for_each_type(handler: Receiver) -> None:
    result = verified(handler, Handler())
    assert result.exit_code == 0
    assert "✗" not in result.output
    rows = re.findall(r"^([\w.]+) +│ ✓ 204 │ ✓ 204 .+ │ ✓ 401 +$", result.output, re.MULTILINE)
    assert rows == list(KINDS)
    sent = len(handler.received)
    assert f"{sent} of {sent} as expected" in result.output
    assert {json.loads(hook.body)["type"] for hook in handler.received} > set(KINDS)


@pytest.mark.parametrize(
    ("flawed", "found"),
    [
        (Trusting, {"wrong secret", "changed body", "no signature", "not base64", "empty signature"}),
        (Rewriting, {"other spacing"}),
        (Crashing, {"no signature"}),
        (Once, {"duplicate"}),
        (Closed, {"unknown type"}),
        (Narrow, {"unknown fields"}),
    ],
)
def test_each_flaw_of_a_handler_is_found_and_nothing_else(
    handler: Receiver, flawed: Callable[[], Handler], found: set[str]
) -> None:
    result = verified(handler, flawed())
    assert result.exit_code == 1
    assert set(re.findall(r"^✗ ([^:]+): returned", result.output, re.MULTILINE)) == found


def test_a_handler_that_insists_on_order_is_told_to_go_by_the_timestamp(handler: Receiver) -> None:
    result = verified(handler, Sorted())
    assert result.exit_code == 1
    assert (
        "✗ out of order: returned 409 to streak.started and 5 more, expected 2xx; events may overtake" in result.output
    )


def test_another_secret_is_one_finding_that_says_so(handler: Receiver) -> None:
    handler.decide = Handler()
    result = CliRunner().invoke(verify_webhooks, [handler.url, "--secret", "whsec_other"])
    assert result.exit_code == 1
    assert result.output.count("\n✗ ") == 1
    assert "✗ wrong secret? The handler refused every event (401 to achievement.completed)" in result.output


def test_a_redirect_is_not_followed_and_does_not_count_as_taken(handler: Receiver) -> None:
    result = verified(handler, Moved())
    assert result.exit_code == 1
    assert "✗ valid: returned 308 to achievement.completed and 13 more, expected 2xx" in result.output
    assert {hook.path for hook in handler.received} == {"/trophy"}


def test_a_handler_that_cannot_be_asked_is_neither_good_nor_bad() -> None:
    with Receiver().running() as gone:
        pass
    result = CliRunner().invoke(verify_webhooks, [gone.url, "--secret", SECRET])
    assert result.exit_code == 2
    assert f"no response from {gone.url}" in result.output
    result = CliRunner().invoke(verify_webhooks, ["localhost:3000", "--secret", SECRET])
    assert result.exit_code == 2
    assert "HANDLER_URL must begin with http:// or https://" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("http://a..b/", "--secret", SECRET), "HANDLER_URL names a host that cannot be"),
        (("http://☃.test/", "--secret", SECRET), "no request can be sent to http://☃.test/ (Invalid IDNA hostname"),
        (("http://127.0.0.1:1/", "--secret", ""), "must not be empty"),
        (("http://127.0.0.1:1/", "--secret", SECRET, "--timeout", "-1"), "-1.0 is not in the range 0<x<=3600"),
        (("http://127.0.0.1:1/", "--secret", SECRET, "--timeout", "0"), "0.0 is not in the range 0<x<=3600"),
        (("http://127.0.0.1:1/", "--secret", SECRET, "--timeout", "inf"), "inf is not in the range 0<x<=3600"),
        (("http://127.0.0.1:1/", "--secret", SECRET, "--timeout", "nan"), "nan is no number of seconds"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(arguments: tuple[str, ...], words: str) -> None:
    command = [sys.executable, "-m", "mockserver", "verify-webhooks", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr

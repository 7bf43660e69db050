"""Nothing that others send reaches a terminal as anything but text."""

from __future__ import annotations

import inspect
import io
import json
import logging
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from starlette.testclient import TestClient

import contract_tests.cache
import contract_tests.printable
import mockserver.cache
import mockserver.printable
from contract_tests.report.terminal import _indented, _short
from mockserver import spec
from mockserver.printable import printable
from mockserver.serve.counting import BURST, WINDOW, Counting, OneLine
from mockserver.testing import MockServer
from mockserver.webhooks.listen import receiver

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\x7f\u202egpj.exe\u2066\u2028"


@given(st.text())
@example(EVIL)
@example("\ud800")
def test_what_is_printable_is_on_one_line_and_steers_nothing(text: str) -> None:
    shown = printable(text)
    assert not [sign for sign in shown if unicodedata.category(sign) in ("Cc", "Zl", "Zp", "Cs")]
    assert not [sign for sign in shown if unicodedata.bidirectional(sign) in ("LRE", "RLE", "LRO", "RLO", "PDF")]
    assert printable(shown) == shown


def test_text_in_any_script_stays_as_it_is() -> None:
    assert printable("Zoë schrieb “五” ✓ عربي") == "Zoë schrieb “五” ✓ عربي"
    assert printable(EVIL).startswith("\\x1b]0;owned\\x07\\x1b[2J\\x9b31m\\r\\x7f\\u202e")
    assert len(printable("x" * 10**6)) < 3000


def test_the_suite_which_imports_nothing_of_ours_has_the_same_one() -> None:
    assert inspect.getsource(contract_tests.printable) == inspect.getsource(mockserver.printable)
    assert inspect.getsource(contract_tests.cache) == inspect.getsource(mockserver.cache)


def heard(body: bytes, **options: bool) -> tuple[int, str]:
    """The status that `mockserver listen` returns, and what it prints."""
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    response = TestClient(receiver(spec.load(), "whsec", console, **options)).post("/", content=body)
    assert isinstance(console.file, io.StringIO)
    return response.status_code, console.file.getvalue()


def test_a_forged_webhook_steers_no_terminal() -> None:
    for options in ({}, {"bodies": True}):
        status, printed = heard(json.dumps({"type": EVIL, "user": {"id": EVIL}}).encode(), **options)
        assert status == 401
        assert "owned" in printed
        assert not set(printed) & set(EVIL) - set("]0;owned[2J31mgpj.exe")


def test_a_body_of_more_than_a_mebibyte_is_not_taken() -> None:
    status, printed = heard(b'"' + b"x" * (1 << 20) + b'"')
    assert (status, "1048576" in printed) == (413, True)


def test_a_target_of_the_suite_steers_no_terminal() -> None:
    shown = "\n".join(_indented("got ", EVIL)) + _short(EVIL.encode(), 200)
    assert not set(shown) & (set(EVIL) - set("]0;owned[2J31mgpj.exe"))


# The server's own log


def logged(*records: tuple[Any, ...], clock: Callable[[], float] = lambda: 0.0) -> list[str]:
    """What the server's log looks like after these: level, message and its arguments."""
    handler = Counting(clock)
    handler.setStream(stream := io.StringIO())
    handler.setFormatter(OneLine("%(levelname)s %(message)s"))
    for level, message, *arguments in records:
        handler.handle(logging.LogRecord("mockserver", level, __file__, 1, message, tuple(arguments), None))
    handler.close()
    return stream.getvalue().splitlines()


def test_a_record_is_one_line_and_no_client_writes_a_second_one() -> None:
    first, *rest = logged((logging.WARNING, "%s is odd", f"{EVIL}\nERROR forged"))
    assert first.startswith("WARNING ")
    assert all(line.startswith("    ") for line in rest)
    assert not set("".join([first, *rest])) & set(EVIL) - set("]0;owned[2J31mgpj.exe")


def test_what_happens_again_and_again_is_counted() -> None:
    lines = logged(*[(logging.WARNING, "%d is odd", number) for number in range(1000)], (logging.ERROR, "else"))
    assert [line for line in lines if line.startswith("WARNING") and "more" not in line] == [
        f"WARNING {number} is odd" for number in range(BURST)
    ]
    assert f"WARNING {1000 - BURST} more like this one: 999 is odd" in lines
    assert "ERROR else" in lines


def test_when_it_goes_on_it_is_told_again_after_a_while() -> None:
    times = iter([0.0] * 8 + [WINDOW] * 2)
    lines = logged(*[(logging.WARNING, "odd")] * 10, clock=lambda: next(times))
    assert lines == ["WARNING odd"] * BURST + ["WARNING 3 more like this one: odd"] + ["WARNING odd"] * 2


def test_garbage_does_not_fill_the_log() -> None:
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--users", "0", "--log-level", "debug"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(line.split()[-1] for line in process.stdout if "Base URL" in line)
        for number in range(300):
            with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0), timeout=30) as client:
                client.sendall(b"\x1b[31m no HTTP %d\r\n\r\n" % number)
                assert client.recv(100).startswith(b"HTTP/1.1 400")
        process.terminate()
        said = process.communicate(timeout=30)[1]
    assert len(said.splitlines()) < 30
    assert "\x1b" not in said


# Sentences


def test_no_sentence_carries_what_steers_a_terminal() -> None:
    evil = quote(EVIL, safe="")
    asked = [
        ("GET", f"/v1/users/{evil}", None),
        ("GET", f"/v1/metrics/{evil}", None),
        ("GET", f"/v1/users/ada/points/{evil}", None),
        ("GET", f"/v1/users/ada/points/xp?awards={evil}", None),
        ("POST", "/v1/metrics/words-written/event", {"user": {"id": "ada", "tz": EVIL}, "value": 1}),
        ("POST", "/v1/metrics/words-written/event", {"user": {"id": "ada"}, "value": 1, "attributes": {EVIL: "x"}}),
        ("PUT", "/v1/users/ada", {"attributes": {EVIL: EVIL}}),
        ("POST", f"/v1/achievements/{evil}/complete", {"user": {"id": "ada"}}),
        ("GET", f"/_mock/users?{evil}=1", None),
        ("GET", f"/_mock/users?limit={evil}", None),
        ("GET", f"/_mock/nothing/{evil}", None),
        ("POST", "/_mock/worlds", {EVIL: 1}),
        ("POST", "/_mock/worlds", {"catalog": EVIL}),
        ("PUT", "/_mock/catalog", {EVIL: 1, "metrics": {EVIL: {EVIL: EVIL}}}),
        ("POST", "/_mock/catalog/try", {EVIL: 1}),
        ("PUT", "/_mock/faults", {"errors": {"operations": [EVIL]}}),
        ("POST", "/_mock/webhooks", {"url": EVIL}),
        ("POST", "/_mock/webhooks/trigger", {"type": EVIL}),
        ("POST", f"/_mock/webhooks/deliveries/{evil}/redeliver", {}),
        ("DELETE", f"/_mock/worlds/{evil}", None),
        ("POST", "/admin/v1/streaks/freezes", {"freezes": [{"userId": EVIL}]}),
    ]
    with MockServer() as server:
        root = server.url.removesuffix("/v1")
        with httpx2.Client(base_url=root, headers={"X-API-KEY": server.api_key}) as client:
            for method, path, body in asked:
                response = client.request(method, path, json=body) if body else client.request(method, path)
                assert response.status_code >= 400 or "problems" in response.text or "issues" in response.text
                said = str(list(texts(response.json())))
                assert not set(said) & set(EVIL) - set("]0;owned[2J31mgpj.exe"), (path, said)


def texts(content: Any) -> Iterator[str]:
    """Every sentence in it; who it is about stays as it was sent."""
    if isinstance(content, dict):
        for name, value in content.items():
            yield from texts(value) if name != "userId" else ()
    elif isinstance(content, list):
        for value in content:
            yield from texts(value)
    elif isinstance(content, str):
        yield content.replace("\n", "")

"""Nothing that others send reaches a terminal as anything but text."""

from __future__ import annotations

import inspect
import io
import json
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from starlette.testclient import TestClient

import contract_tests.printable
import mockserver.printable
from contract_tests.report.terminal import _indented, _short
from mockserver import spec
from mockserver.printable import printable
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


def heard(body: bytes, **options: bool) -> tuple[int, str]:
    """The status that `mockserver listen` answers with, and what it prints."""
    console = Console(file=io.StringIO(), force_terminal=False, width=200)
    answer = TestClient(receiver(spec.load(), "whsec", console, **options)).post("/", content=body)
    assert isinstance(console.file, io.StringIO)
    return answer.status_code, console.file.getvalue()


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
    shown = "\n".join(_indented("got ", EVIL)) + _short(EVIL.encode())
    assert not set(shown) & (set(EVIL) - set("]0;owned[2J31mgpj.exe"))

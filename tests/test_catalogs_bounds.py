"""Catalogs that mean harm: each is refused at once, with a sentence, wherever a catalog comes in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from plane import Http, refused, speaking_to

from mockserver import catalogs
from mockserver.catalogs import CatalogError
from mockserver.catalogs.bounds import LARGEST, MOST_VALUES, statements
from mockserver.testing import MadeWorld, MockServer

TODAY = date(2026, 1, 15)
CHAIN = "".join(f'[metrics.m{number}]\nname = "x"\n' for number in range(3000))

# A text that no catalog needs · words of the complaint
TEXTS = {
    "a key of 8,000 parts": (".".join("a" * 8000) + " = 1", "16 parts"),
    "a quoted key of 17 parts": (".".join(['"a"'] * 17) + " = 1", "16 parts"),
    "parts with blanks between": (" . ".join("a" * 500) + " = 1", "16 parts"),
    "a header of 500 parts": (f"[{'.'.join('a' * 500)}]", "16 parts"),
    "arrays in arrays": ("a=" + "[" * 5000, "nested too deeply"),
    "tables in tables": ("a=" + "{a=" * 5000, "nested too deeply"),
    "tables of keys of 16 parts": ("a=" + ("{" + ".".join("a" * 16) + "=") * 16 + "1" + "}" * 16, "nested too deeply"),
    "a number of 5,000 digits": ("a = " + "9" * 5000, "100 digits"),
    "a hexadecimal one": ("name = 0x" + "f" * 9000, "100 digits"),
    "5,000 decimals": ("a = 0." + "1" * 5000, "100 digits"),
    "a number beyond all": ("a = 1e99999999999999999999", "beyond all bounds"),
    "a text without an end": ("a = '''" + "x" * LARGEST, "262144 bytes"),
    "more bytes than characters": ("# " + "é" * (LARGEST // 2), "262144 bytes"),
    "too many values": ("a = [" + "1," * MOST_VALUES + "]", f"{MOST_VALUES} values"),
    "20,000 lines that are one field": ("a = [\n" + "1,\n" * 15000 + "]", "unknown field"),
    "thousands of unknown fields": ("".join(f"nome{number} = 1\n" for number in range(9000)), "100 problems"),
    "thousands of keys that are nowhere": (
        CHAIN + "[achievements]\n" + "".join(f'a{n} = {{name="x",trigger="metric",metricKey="mm{n}",metricValue=1}}\n'
                                             for n in range(1000)),
        "100 problems",
    ),
    "thousands of attributes": ("userAttributes = [" + ",".join(f'"{n}"' for n in range(9000)) + "]", "at most 1000"),
}  # fmt: skip


@pytest.fixture
def root(trophy_server: MockServer) -> Iterator[Http]:
    with speaking_to(trophy_server) as http:
        yield http


@pytest.fixture
def made(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_that_would_keep_the_parser_busy_is_refused_at_once(name: str) -> None:
    text, words = TEXTS[name]
    with pytest.raises(CatalogError) as refusal:
        catalogs.parse(text, today=TODAY)
    assert words in str(refusal.value)


@pytest.mark.parametrize("name", [name for name in TEXTS if "without an end" not in name])
def test_wherever_a_catalog_comes_in_it_is_refused_and_changes_nothing(root: Http, made: Http, name: str) -> None:
    text, words = TEXTS[name]
    before = made.get("/catalog")
    refused(made.mock("PUT", "/catalog", text.encode(), Content_Type="application/toml"), 422, words)
    refused(made.mock("PUT", "/catalog", text), 422, words)
    refused(root.mock("POST", "/worlds", {"catalog": text}), 422, words)
    tried = made.mock("POST", "/catalog/try", text.encode(), Content_Type="application/toml").json()
    assert tried["valid"] is False
    assert made.get("/catalog") == before


@pytest.mark.parametrize("name", ["a number of 5,000 digits", "arrays in arrays", "a hexadecimal one"])
def test_a_file_is_refused_with_a_sentence_too(name: str, tmp_path: Any) -> None:
    text, words = TEXTS[name]
    path = tmp_path / "bad.toml"
    path.write_text(text)
    command = [sys.executable, "-m", "mockserver", "serve", "--port", "0", "--catalog", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    assert words in result.stderr
    assert "Traceback" not in result.stderr


def test_data_are_held_to_the_same_bounds(root: Http, made: Http) -> None:
    deep: Any = 1
    for _ in range(50):
        deep = {"a": deep}
    refused(made.mock("PUT", "/catalog", {"name": "x", "metrics": deep}), 422, "nested too deeply")
    refused(made.mock("PUT", "/catalog", {"name": "x", "a": [0] * MOST_VALUES}), 422, f"{MOST_VALUES} values")
    long = {"name": "x", "metrics": {"k" * 256: {"name": "x"}}}
    refused(root.mock("POST", "/worlds", {"catalog": long}), 422, "a key must have at most 255 characters")
    refused(made.mock("PUT", "/catalog", {"name": "n" * 256}), 422, "name", "at most 255 characters")
    hooks = {"name": "x", "webhooks": [{"url": "http://127.0.0.1:9"}] * 101}
    refused(made.mock("PUT", "/catalog", hooks), 422, "webhooks", "at most 100")


@given(st.text(alphabet="a1.=[]{}\"'#\\ \n\r,é", max_size=60))
@example('a = """x\ny"""\nb = 1')
@example("a = '''\n]]]'''''\n[b]")
def test_statements_are_the_text_in_parts(text: str) -> None:
    parts = list(statements(text))
    assert "".join(part.source for part in parts) == text
    assert [part.line for part in parts] == [
        1 + sum(before.source.count("\n") for before in parts[:number]) for number in range(len(parts))
    ]

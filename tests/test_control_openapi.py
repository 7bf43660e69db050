"""The control plane's OpenAPI document says what its calls really take; `plane.py` checks every response against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import control_page
import pytest
from openapi_spec_validator import validate
from plane import Http, refused, speaking_to

from mockserver.control import schemas as s
from mockserver.control.described import CALLS, Param
from mockserver.control.request import Row
from mockserver.control.table import ROWS
from mockserver.testing import MockServer

WITH_PARAMETERS = [(row, param) for row in ROWS for param in CALLS[row.name].query if param.schema]
WITH_FIELDS = [(row, param) for row in ROWS for param in CALLS[row.name].body or ()]
NOT_THERE = "qqqqqqqq"  # near no name there is, so that a refusal lists them all


@pytest.fixture
def http(trophy_server: MockServer) -> Iterator[Http]:
    with speaking_to(trophy_server) as http:
        yield http


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


def test_there_is_one_spec_and_it_describes_every_call(http: Http) -> None:
    spec_json = http.get("/openapi.json")
    validate(spec_json)
    described = {(method.upper(), path) for path, item in spec_json["paths"].items() for method in item}
    assert described == {(row.method, f"/_mock{row.path}") for row in ROWS}
    assert set(CALLS) == {row.name for row in ROWS}


def test_the_apis_own_spec_is_there_as_it_stands(http: Http) -> None:
    assert http.get("/document") == http.get("/document") | {"openapi": "3.1.0"}
    assert len(http.get("/document")["webhooks"]) == 14


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "GET"], ids=lambda row: row.name)
def test_a_call_takes_the_parameters_that_are_described(http: Http, row: Row) -> None:
    said = refused(http.mock("GET", f"{row.path}?{NOT_THERE}=1"), 422, NOT_THERE)
    known = set(re.findall(r"`(\w+)`", said.partition("not known here")[2]))
    assert known == {param.name for param in CALLS[row.name].query}


@pytest.mark.parametrize("row", [row for row in ROWS if CALLS[row.name].body is not None], ids=lambda row: row.name)
def test_a_call_takes_the_fields_that_are_described(http: Http, row: Row) -> None:
    said = refused(http.mock(row.method, filled(row.path), {NOT_THERE: 1}), 422, NOT_THERE)
    known = set(re.findall(r"`(\w+)`", said.partition("not known here")[2]))
    assert known == {param.name for param in CALLS[row.name].body or ()}


@pytest.mark.parametrize(("row", "param"), WITH_PARAMETERS, ids=lambda one: one.name)
def test_a_wrong_parameter_is_refused_by_name(http: Http, row: Row, param: Param) -> None:
    value = "" if param.schema == s.TEXT else NOT_THERE
    refused(http.mock("GET", f"{row.path}?{param.name}={value}{_needed(row, param)}"), 422, param.name)


def _needed(row: Row, param: Param) -> str:
    """What the call also wants, so that it is the one parameter that is wrong."""
    known = {"userId": "ada", "leaderboard": "all-time"}
    return "".join(f"&{one.name}={known[one.name]}" for one in CALLS[row.name].query if one.required and one != param)


@pytest.mark.parametrize(("row", "param"), WITH_FIELDS, ids=lambda one: one.name)
def test_a_wrong_field_is_refused_by_name(http: Http, row: Row, param: Param) -> None:
    others: dict[str, Any] = {
        one.name: (one.schema.get("enum") or ["http://127.0.0.1:9/"])[0]
        for one in CALLS[row.name].body or ()
        if one.required and one != param
    }
    wrong = [[]] if param.schema.get("type") != "array" else "x"
    refused(http.mock(row.method, filled(row.path), {**others, param.name: wrong}), 422, param.name)


def test_the_tables_of_the_page_are_made_from_the_descriptions() -> None:
    assert control_page.PAGE.read_text() == control_page.page(), "run: make docs"

"""The request was accepted, but the response was lost: a client that tries again finds what it did."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from plane import Http, refused, speaking_to

from mockserver.testing import MadeWorld, MockServer

EVENT = {"user": {"id": "ada"}, "value": 3}
PATH = "/metrics/words-written/event"


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def event(http: Http, **headers: str) -> httpx2.Response:
    return http.api("POST", PATH, EVENT, Idempotency_Key="once", **headers)


def total(world: MadeWorld, user: str = "ada") -> Any:
    return [row["total"] for row in world.facts(user=user, kind="MetricChanged")]


def test_an_error_after_the_work_meets_a_replay_on_the_second_try(http: Http, trophy_world: MadeWorld) -> None:
    trophy_world.faults(errors={"every": 1, "status": 503, "when": "after"})
    assert http.mock("GET", "/faults").json()["errors"] == {"every": 1, "status": 503, "when": "after"}
    refused(event(http), 503, "switched on")
    assert total(trophy_world) == [3]
    trophy_world.faults()
    again = event(http).json()
    assert (again["idempotentReplayed"], again["total"]) == (True, 3)
    (failed,) = trophy_world.requests(operation="metrics_event", status=503)
    assert failed["fault"] == "errors"


@pytest.mark.parametrize("socket", [True, False])
def test_a_connection_that_drops_after_the_work_does_too(socket: bool) -> None:
    with MockServer(socket=socket) as server:
        transport = httpx2.HTTPTransport() if socket else server.transport(httpx2)
        headers = {"X-API-KEY": server.api_key, "Idempotency-Key": "once"}
        with httpx2.Client(transport=transport, headers=headers) as client:
            server.faults(drops={"every": 1, "when": "after", "operations": ["metrics_event"]})
            with pytest.raises(httpx2.RemoteProtocolError):
                client.post(f"{server.url}{PATH}", json=EVENT)
            server.faults()
            assert client.post(f"{server.url}{PATH}", json=EVENT).json()["idempotentReplayed"] is True
        asked = server.requests(operation="metrics_event")
        assert [(row["status"], row["fault"]) for row in asked] == [(201, None), (None, "drops")]


def test_one_request_can_ask_for_it(http: Http, trophy_world: MadeWorld) -> None:
    response = event(http, Prefer="code=500; when=after, delay=0.01")
    refused(response, 500, "Prefer")
    assert response.headers["Preference-Applied"] == "code=500; when=after, delay=0.01"
    assert event(http).json()["idempotentReplayed"] is True
    assert total(trophy_world) == [3]


@pytest.mark.parametrize("wish", ["code=500", "code=500; when=before", "code=500; when=soon", "code=500; x=1"])
def test_any_other_wish_changes_nothing(http: Http, trophy_world: MadeWorld, wish: str) -> None:
    refused(event(http, Prefer=wish), 500)
    assert total(trophy_world) == []


def test_what_is_refused_stays_undone_and_its_response_is_lost_as_well(http: Http, trophy_world: MadeWorld) -> None:
    trophy_world.faults(errors={"every": 1, "when": "after"})
    refused(http.api("POST", PATH, {"user": {"id": "ada"}, "value": "x"}), 500)
    assert trophy_world.facts() == []


def test_another_word_for_when_is_refused_by_name(http: Http) -> None:
    refused(http.mock("PUT", "/faults", {"drops": {"every": 1, "when": "during"}}), 422, "drops.when")

"""The newest client tries again by itself: what it goes by, and that nothing counts twice."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from trophy import TrophyApi, TrophyApiEnvironment, UpsertedUser
from trophy.core import http_client
from trophy.core.api_error import ApiError

from mockserver.testing import MadeWorld, MockServer


@pytest.fixture
def world(trophy_server: MockServer) -> Iterator[MadeWorld]:
    with trophy_server.world() as world:
        yield world


@pytest.fixture
def trophy(world: MadeWorld) -> Iterator[TrophyApi]:
    environment = TrophyApiEnvironment(api=world.url, admin=world.admin_url)
    with httpx.Client() as http:
        yield TrophyApi(api_key=world.api_key, environment=environment, httpx_client=http)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that the client means to wait; it does not."""
    found: list[float] = []
    monkeypatch.setattr(http_client.time, "sleep", found.append)
    return found


def write(trophy: TrophyApi, key: str | None = None) -> Any:
    more = {"idempotency_key": key} if key else {}
    return trophy.metrics.event("words-written", user=UpsertedUser(id="ada"), value=100, **more)


def totals(world: MadeWorld) -> list[int]:
    return [fact["total"] for fact in world.facts(kind="MetricChanged")]


@pytest.mark.parametrize("fault", ["errors", "drops"])
def test_an_event_whose_response_is_lost_counts_once_with_an_idempotency_key(
    world: MadeWorld, trophy: TrophyApi, waited: list[float], fault: str
) -> None:
    status = {"status": 503, "retryAfter": 7} if fault == "errors" else {}
    for key, counted in (("k", 1), (None, 2)):
        world.control("POST", "/reset")
        world.faults(**{fault: {"every": 2, "when": "after", "operations": ["metrics_event"], **status}})
        write(trophy, "the first is not lost")
        event = write(trophy, key)
        assert (event.total, len(totals(world))) == (100 + 100 * counted, 1 + counted)
        assert event.idempotent_replayed is (True if key else None)
    assert len(waited) == 2
    if fault == "errors":
        assert waited == [7, 7]


def test_what_fails_before_it_is_done_is_done_by_the_second_try(
    world: MadeWorld, trophy: TrophyApi, waited: list[float]
) -> None:
    world.faults(errors={"every": 2, "status": 429, "operations": ["metrics_event"]})
    write(trophy)
    write(trophy)
    assert totals(world) == [200, 100]
    assert waited == [1]


@pytest.mark.parametrize(
    ("status", "said"), [(408, "1"), (409, "1"), (429, "1"), (500, "1"), (503, "1"), (404, None), (422, None)]
)
def test_an_error_says_when_to_try_again_where_a_client_would(world: MadeWorld, status: int, said: str | None) -> None:
    world.faults(errors={"every": 1, "status": status})
    now = time.time()
    with httpx.Client(headers={"X-API-KEY": world.api_key}) as http:
        struck = http.get(f"{world.url}/achievements")
        world.faults()
        preferred = http.get(f"{world.url}/achievements", headers={"Prefer": f"code={status}"})
    for response in (struck, preferred):
        assert response.headers.get("retry-after") == said
        reset = response.headers.get("x-ratelimit-reset")
        assert (reset is not None) == (status == 429)
        assert reset is None or now <= int(reset) <= now + 60


def test_nothing_is_said_where_that_is_asked_for(world: MadeWorld, trophy: TrophyApi, waited: list[float]) -> None:
    world.faults(errors={"every": 1, "status": 500, "retryAfter": 0})
    assert world.control("GET", "/faults") == {"errors": {"every": 1, "status": 500, "retryAfter": 0}}
    with pytest.raises(ApiError):
        trophy.achievements.all_()
    assert [round(seconds) for seconds in waited] == [1, 2]  # of its own accord


def test_a_client_that_is_too_quick_gets_through_after_the_second_that_it_is_told(
    world: MadeWorld, trophy: TrophyApi
) -> None:
    world.faults(rate_limits={"events": 1})
    write(trophy)
    write(trophy)
    assert totals(world) == [200, 100]

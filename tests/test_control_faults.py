"""What is made to go wrong: for one request by its header, for a world by its faults, and never without being asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from plane import Http, printed_at_start, refused, speaking_to
from processes import serving

from mockserver.spec import load, spec_path
from mockserver.testing import MadeWorld, MockServer

LATER = 0.15  # seconds, of 0.2 that are asked for


@pytest.fixture
def http(trophy_world: MadeWorld) -> Iterator[Http]:
    with speaking_to(trophy_world) as http:
        yield http


def on(http: Http, **faults: Any) -> Any:
    response = http.mock("PUT", "/faults", faults)
    assert response.status_code == 200, response.text
    return response.json()


def statuses(http: Http, number: int, path: str = "/achievements") -> list[int]:
    return [http.api("GET", path).status_code for _ in range(number)]


# Prefer


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_a_request_can_ask_for_its_own_error(http: Http, status: int) -> None:
    response = http.api("GET", "/users/ada/streak", Prefer=f"code={status}")
    refused(response, status, f"Prefer: code={status}")
    assert response.headers["Preference-Applied"] == f"code={status}"
    assert ("Retry-After" in response.headers) == (status in (429, 500, 503))


def test_every_declared_error_of_every_operation_can_be_asked_for(http: Http) -> None:
    openapi = load(spec_path())
    for operation in openapi.operations.values():
        path = operation.path.replace("{id}", "ada").replace("{key}", "words-written")
        for status in operation.checks:
            if status >= 400:
                response = http.api(operation.method, path, Prefer=f"code={status}")
                assert response.status_code == status
                assert operation.check_response(status, response.json()) is None


def test_a_forced_error_changes_nothing(http: Http) -> None:
    refused(http.api("POST", "/users", {"id": "ada"}, Prefer="code=500"), 500)
    refused(http.api("GET", "/users/ada"), 422)
    assert http.get("/facts")["facts"] == []
    (_, forced) = http.get("/requests")["requests"]
    assert (forced["status"], forced["preference"]) == (500, "code=500")


@pytest.mark.parametrize("wish", ["code=200", "code=201", "code=999", "code=four", "respond-async", "", "code", "x=y"])
def test_what_cannot_be_had_is_ignored(http: Http, wish: str) -> None:
    response = http.api("GET", "/achievements", Prefer=wish)
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


def test_the_key_is_checked_first(http: Http) -> None:
    response = http.with_key("wrong").api("GET", "/achievements", Prefer="code=500")
    refused(response, 401)
    assert "Preference-Applied" not in response.headers


def test_a_request_can_ask_to_wait(http: Http) -> None:
    started = time.monotonic()
    response = http.api("GET", "/achievements", Prefer="delay=0.2")
    assert time.monotonic() - started > LATER
    assert (response.status_code, response.headers["Preference-Applied"]) == (200, "delay=0.2")
    response = http.api("GET", "/achievements", Prefer='code="404"; x=y, delay=0.01')
    assert (response.status_code, response.headers["Preference-Applied"]) == (404, "code=404, delay=0.01")
    assert http.api("GET", "/achievements", Prefer="delay=3600").status_code == 200


def test_preferences_may_come_in_several_headers(http: Http) -> None:
    headers = [("X-API-KEY", str(http.key)), ("Prefer", "code=404"), ("Prefer", "delay=0.01")]
    response = httpx2.get(f"{http.root}/v1/achievements", headers=headers, trust_env=False)
    assert (response.status_code, response.headers["Preference-Applied"]) == (404, "code=404, delay=0.01")


def test_preferences_are_ignored_when_they_are_switched_off() -> None:
    with serving("--users", "0", "--no-prefer") as base:
        response = httpx2.get(
            f"{base}/achievements", headers={"X-API-KEY": "00000000.local", "Prefer": "code=500"}, trust_env=False
        )
    assert response.status_code == 200
    assert "Preference-Applied" not in response.headers


# Faults


def test_nothing_is_wrong_unless_it_is_switched_on(http: Http) -> None:
    assert http.get("/faults") == {}
    assert statuses(http, 150) == [200] * 150


def test_what_is_switched_on_is_shown_in_the_same_words(http: Http) -> None:
    faults = {
        "latency": {"minMs": 1, "maxMs": 2.5},
        "errors": {"every": 3, "status": 503, "operations": ["users_get"]},
        "drops": {"rate": 0.5, "operations": ["streaks_list", "users_streak"]},
        "rateLimits": {"events": 1, "others": 5},
        "liveStatuses": {"operations": ["users_get"]},
    }
    assert on(http, **faults) == faults == http.get("/faults")
    assert on(http, **http.get("/faults")) == faults


def test_faults_replace_each_other_and_end(http: Http) -> None:
    on(http, errors={"every": 1})
    assert on(http, latency={"ms": 1}) == {"latency": {"ms": 1}}
    assert statuses(http, 3) == [200] * 3
    on(http, errors={"every": 1})
    assert http.mock("DELETE", "/faults").status_code == 204
    assert http.get("/faults") == {}
    assert statuses(http, 3) == [200] * 3


def test_every_third_request_fails_with_the_status_that_was_chosen(http: Http) -> None:
    on(http, errors={"every": 3, "status": 503})
    assert statuses(http, 7) == [200, 200, 503, 200, 200, 503, 200]
    response = http.api("GET", "/achievements", Prefer="code=418")
    assert response.status_code == 418  # what a request asks for itself is not counted
    assert http.get("/requests?status=503")["requests"][0]["fault"] == "errors"


def test_a_request_that_fails_changes_nothing(http: Http) -> None:
    on(http, errors={"every": 1})
    refused(http.api("POST", "/users", {"id": "ada"}), 500, "faults")
    on(http)
    refused(http.api("GET", "/users/ada"), 422)


def test_a_delay_that_was_asked_for_is_acknowledged_by_an_error_that_strikes(http: Http) -> None:
    on(http, errors={"every": 1})
    response = http.api("GET", "/achievements", Prefer="delay=0.01")
    assert (response.status_code, response.headers["Preference-Applied"]) == (500, "delay=0.01")


def test_what_was_sent_is_kept_of_requests_that_were_made_to_fail(http: Http) -> None:
    path, body = "/metrics/words-written/event", {"user": {"id": "zoe"}, "value": 7}
    refused(http.api("POST", path, body, Prefer="code=422"), 422)
    on(http, errors={"every": 1})
    refused(http.api("POST", path, body), 500)
    on(http, drops={"every": 1})
    with pytest.raises(httpx2.TransportError):
        http.api("POST", path, body)
    on(http, rateLimits={"events": 1})
    assert http.api("POST", path, body).status_code == 201
    refused(http.api("POST", path, body), 429)
    kept = http.get("/requests?operationId=metrics_event&userId=zoe")["requests"]
    assert [row["status"] for row in kept] == [429, 201, None, 500, 422]
    assert all(row["request"] == body for row in kept)


def test_a_share_of_requests_fails_and_the_same_ones_again(http: Http) -> None:
    runs = []
    for _ in range(2):
        on(http, errors={"rate": 0.3, "status": 502})
        runs.append(statuses(http, 100))
    assert runs[0] == runs[1]
    assert 10 < runs[0].count(502) < 50
    assert runs[0].count(502) + runs[0].count(200) == 100


def test_faults_keep_to_the_operations_that_were_chosen(http: Http) -> None:
    on(http, errors={"every": 1, "status": 500, "operations": ["achievements_all"]})
    assert statuses(http, 2) == [500, 500]
    assert statuses(http, 2, "/leaderboards") == [200, 200]
    assert http.get("/clock")  # the control plane is spared


def test_faults_keep_to_their_world(http: Http, trophy_server: MockServer) -> None:
    on(http, errors={"every": 1})
    assert trophy_server.control("GET", "/faults") == {}
    with speaking_to(trophy_server) as other:
        assert statuses(other, 3) == [200] * 3


def test_responses_are_late_by_the_latency(http: Http) -> None:
    on(http, latency={"ms": 200, "operations": ["achievements_all"]})
    started = time.monotonic()
    statuses(http, 1)
    assert time.monotonic() - started > LATER
    on(http, latency={"minMs": 150, "maxMs": 200})
    started = time.monotonic()
    statuses(http, 2)
    assert time.monotonic() - started > 2 * LATER


def test_the_connection_is_dropped_without_a_response(http: Http) -> None:
    on(http, drops={"every": 2})
    assert statuses(http, 1) == [200]
    with pytest.raises(httpx2.RemoteProtocolError, match=r"disconnected|reset|closed"):
        http.api("GET", "/achievements")
    assert statuses(http, 1) == [200]
    dropped = [row for row in http.get("/requests?operationId=achievements_all")["requests"] if row["status"] is None]
    assert [row["fault"] for row in dropped] == ["drops"]


def test_a_dropped_request_changes_nothing(http: Http) -> None:
    on(http, drops={"every": 1})
    with pytest.raises(httpx2.TransportError):
        http.api("POST", "/users", {"id": "ada"})
    on(http)
    refused(http.api("GET", "/users/ada"), 422)


def test_events_and_completions_share_ten_requests_a_second(http: Http) -> None:
    on(http, rateLimits=True)
    body = {"user": {"id": "ada"}, "value": 1}
    responses = [http.api("POST", "/metrics/words-written/event", body) for _ in range(9)]
    responses.append(http.api("POST", "/achievements/none/complete", {"user": {"id": "ada"}}))
    responses += [http.api("POST", "/metrics/words-written/event", body) for _ in range(5)]
    assert [response.status_code for response in responses] == [201] * 9 + [404] + [429] * 5
    assert responses[-1].headers["Retry-After"] == "1"
    refused(responses[-1], 429, "10 events, achievement completions and admin calls per second")
    assert http.api("GET", "/users/ada").status_code == 200  # others have a limit of their own
    total = http.api("GET", "/users/ada/metrics/words-written").json()["current"]
    assert total == 9


def test_other_requests_are_limited_together(http: Http) -> None:
    on(http, rateLimits={"others": 20})
    paths = ["/achievements", "/leaderboards"] * 15
    found = [http.api("GET", path).status_code for path in paths]
    assert found == [200] * 20 + [429] * 10
    refused(http.api("GET", "/users/%ff"), 429)  # before anything else but the key
    refused(http.with_key("wrong").api("GET", "/achievements"), 401)


def test_after_a_second_requests_are_taken_again(http: Http) -> None:
    on(http, rateLimits={"others": 2})
    assert statuses(http, 3) == [200, 200, 429]
    end = time.monotonic() + 5
    while http.api("GET", "/achievements").status_code == 429:
        assert time.monotonic() < end
    assert time.monotonic() > end - 5 + 0.5


def test_the_real_services_statuses_can_be_had(http: Http) -> None:
    body = {"user": {"id": "ada"}, "value": 1}

    def found() -> list[int]:
        event = "/metrics/words-written/event"
        return [
            http.api("POST", event, body, Idempotency_Key="one").status_code,
            http.api("POST", event, body, Idempotency_Key="one").status_code,
            http.api("GET", "/users/eve").status_code,
            http.api("POST", "/metrics/unknown/event", body).status_code,
            http.api("GET", "/users/ada").status_code,
            http.api("GET", "/users/eve/streak").status_code,
        ]

    assert found() == [201, 201, 422, 422, 200, 404]
    on(http, liveStatuses=True)
    assert found() == [202, 202, 404, 404, 200, 404]
    on(http, liveStatuses={"operations": ["users_get"]})
    assert found() == [201, 201, 404, 422, 200, 404]


def test_an_unknown_tenant_is_no_unknown_user(trophy_server: MockServer) -> None:
    catalog = {"name": "Tenants", "settings": {"multiTenant": True, "tenants": ["known"]}}
    with trophy_server.world(catalog=catalog) as world, speaking_to(world) as http:
        for switched in (False, True):
            on(http, liveStatuses=switched)
            refused(http.api("GET", "/users/eve", Tenant_ID="unknown"), 422, "Tenant 'unknown'")
        refused(http.api("GET", "/users/eve", Tenant_ID="known"), 404)


def test_live_statuses_are_an_option_of_the_server_and_said_at_start() -> None:
    assert "Faults are on" in printed_at_start("--live-statuses")
    assert "Faults" not in printed_at_start()
    with MockServer(live_statuses=True) as server, speaking_to(server) as http:
        refused(http.api("GET", "/users/eve"), 404)
        assert http.get("/faults") == {"liveStatuses": {}}
        http.mock("DELETE", "/faults")
        refused(http.api("GET", "/users/eve"), 422)
        http.mock("POST", "/reset")
        refused(http.api("GET", "/users/eve"), 404)  # as at start
        with server.world() as made:
            assert made.control("GET", "/faults") == {"liveStatuses": {}}


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"latancy": {"ms": 5}}, ("`latancy`", "did you mean `latency`?")),
        ({"latency": 5}, ("`latency`", "object")),
        ({"latency": {}}, ("`latency`", "`ms`", "`minMs`", "`maxMs`")),
        ({"latency": {"ms": 1, "minMs": 1, "maxMs": 2}}, ("`latency`", "either")),
        ({"latency": {"minMs": 1}}, ("`latency`", "both")),
        ({"latency": {"minMs": 5, "maxMs": 2}}, ("`latency.maxMs`", "at least", "5")),
        ({"latency": {"ms": 1e9}}, ("`latency.ms`", "0 to 60000")),
        ({"errors": {}}, ("`errors`", "`rate`", "`every`")),
        ({"errors": {"rate": 0.5, "every": 2}}, ("`errors`", "either")),
        ({"errors": {"rate": 2}}, ("`errors.rate`", "0 to 1")),
        ({"errors": {"every": 0}}, ("`errors.every`",)),
        ({"errors": {"every": 1, "status": 200}}, ("`errors.status`", "400 to 599", "200")),
        ({"errors": {"every": 1, "operations": []}}, ("`errors.operations`", "something in it")),
        ({"errors": {"every": 1, "operations": ["users_gat"]}}, ("`errors.operations`", "users_get")),
        ({"errors": {"every": 1, "operations": [{}]}}, ("`errors.operations`",)),
        ({"drops": {"every": 1, "status": 500}}, ("`drops.status`",)),
        ({"rateLimits": 5}, ("`rateLimits`", "true, false or an object")),
        ({"rateLimits": {"events": 0}}, ("`rateLimits.events`",)),
        ({"liveStatuses": "yes"}, ("`liveStatuses`",)),
    ],
)
def test_faults_that_make_no_sense_are_refused_by_name(http: Http, faults: Any, words: tuple[str, ...]) -> None:
    refused(http.mock("PUT", "/faults", faults), 422, *words)
    assert http.get("/faults") == {}

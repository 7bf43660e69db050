"""The error for a wrong key names the nearest one, in the declared shape; that for an unknown API key those that
open a world, where nobody else hears it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from processes import serving

from mockserver.game.nearest import LONGEST_COMPARED, nearest
from mockserver.testing import ControlError, MockServer

# To read the certificates of a machine takes longer than all else here.
CLIENT = httpx2.Client(verify=False, headers={"Connection": "close"})
USER = {"id": "ada"}
EVENT = {"user": USER, "value": 1}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(now="2026-01-15T12:00:00Z", frozen=True) as server:
        assert send_request(server, "POST", "/metrics/words-written/event", EVENT)[0] == 201
        yield server


def send_request(
    server: MockServer, method: str, path: str, body: object = None, key: str | None = None
) -> tuple[int, Any]:
    headers = {"X-API-KEY": key or server.api_key}
    response = CLIENT.request(method, f"{server.url}{path}", json=body, headers=headers)
    return response.status_code, response.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "sentence"),
    [
        ("POST", "/metrics/word-written/event", EVENT, 422, "was not found; did you mean 'words-written'?"),
        ("GET", "/users/ada/metrics/words_written", None, 404, "did you mean 'words-written'?"),
        ("POST", "/achievements/finish-onboard/complete", {"user": USER}, 404, "did you mean 'finish-onboarding'?"),
        ("GET", "/users/ada/points/xpp", None, 404, "Points system 'xpp' was not found; did you mean 'xp'?"),
        ("GET", "/points/energie/summary", None, 404, "did you mean 'energy'?"),
        ("GET", "/leaderboards/weekly-word", None, 404, "did you mean 'weekly-words'?"),
        ("GET", "/users/ada/leaderboards/weekly-word", None, 404, "did you mean 'weekly-words'?"),
        ("PUT", "/users/ada", {"attributes": {"plan": "x", "regoin": "y"}}, 422, "mean 'plan-type' and 'region'?"),
        ("POST", "/metrics/words-written/event", EVENT | {"attributes": {"sourec": "a"}}, 422, "you mean 'source'?"),
        ("GET", "/achievements?userAttributes=rolle:x", None, 422, "Did you mean 'role'?"),
    ],
)  # fmt: skip
def test_a_key_that_is_nearly_one_is_guessed(
    server: MockServer, method: str, path: str, body: object, status: int, sentence: str
) -> None:
    found, content = send_request(server, method, path, body)
    assert content.keys() == {"error"}
    assert sentence in content["error"]
    assert found == status


@pytest.mark.parametrize("key", ["qqqq", "words-written" * 10, "%1B"])
def test_a_key_that_is_like_none_is_not(server: MockServer, key: str) -> None:
    _, content = send_request(server, "GET", f"/users/ada/metrics/{key}")
    assert content["error"].endswith(" was not found.")


def test_an_achievement_that_is_there_but_not_to_be_claimed_is_not_guessed(server: MockServer) -> None:
    _, content = send_request(server, "POST", "/achievements/first-words/complete", {"user": USER})
    assert content["error"] == "Achievement 'first-words' was not found among the active ones with the trigger 'api'."


def test_what_is_not_active_is_no_guess() -> None:
    catalog = 'name = "x"\n[metrics.steps]\nname = "S"\nstatus = "inactive"\n[metrics.miles]\nname = "M"\n'
    with MockServer(catalog=catalog) as server:
        _, content = send_request(server, "POST", "/metrics/step/event", EVENT)
    assert content["error"] == "Metric 'step' was not found."


def test_a_tenant_and_a_catalog_that_are_nearly_one_are_guessed(server: MockServer) -> None:
    with pytest.raises(ControlError, match=r'did you mean "fitness"\?'):
        server.world(catalog="fitnes")
    catalog = 'name = "T"\n[settings]\nmultiTenant = true\ntenants = ["acme"]\n[metrics.m]\nname = "M"\n'
    with MockServer(catalog=catalog) as tenants:
        headers = {"X-API-KEY": tenants.api_key, "Tenant-ID": "acne"}
        response = CLIENT.get(f"{tenants.url}/achievements", headers=headers).json()
    assert response["error"] == "Tenant 'acne' was not found; did you mean 'acme'?"


def test_the_control_plane_guesses_too(server: MockServer) -> None:
    with pytest.raises(ControlError, match=r"did you mean 'wordsmith'\?"):
        server.why("ada", achievement="wordsmiht")
    with pytest.raises(ControlError, match=r"did you mean 'first-words'\?"):
        server.control("GET", "/users?achievement=first-word")
    with pytest.raises(ControlError, match=r"did you mean 'xp/bronze'\?"):
        server.control("GET", "/users?level=xp/bronce")


def test_long_names_are_not_compared() -> None:
    name = "x" * LONGEST_COMPARED
    assert nearest(name, [name + "y"]) == name + "y"
    assert nearest(name + "x", [name]) == ""


def test_an_unknown_api_key_is_told_which_ones_there_are_and_where_they_come_from(server: MockServer) -> None:
    sentence = (
        "The API key in the X-API-KEY header is not known. This server's key is 00000000.local (that of "
        "MockServer(api_key=…)); worlds that were made have keys of their own."
    )
    assert send_request(server, "GET", "/achievements", key="wrong") == (401, {"error": sentence})
    control = CLIENT.get(f"{server.url.removesuffix('/v1')}/_mock/clock", headers={"X-API-KEY": "wrong"})
    assert (control.status_code, control.json()) == (401, {"error": sentence})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), " This server's key is 00000000.local (the default; --api-key or MOCKSERVER_API_KEY sets others); "),
        (
            ("--api-key", "a", "--api-key", "b"),
            " This server's keys are a, b (from --api-key or MOCKSERVER_API_KEY); ",
        ),
        (("--control-token", "secret"), ""),
    ],
)
def test_a_server_of_its_own_says_so_unless_it_is_guarded(options: tuple[str, ...], said: str) -> None:
    with serving("--users", "0", *options) as url:
        response = CLIENT.get(f"{url}/achievements", headers={"X-API-KEY": "wrong"}).json()["error"]
    known = "The API key in the X-API-KEY header is not known."
    assert response.startswith(known + said)
    assert said or response == known


def test_others_are_told_nothing_of_keys() -> None:
    with MockServer(host="0.0.0.0", api_key="mine") as server:
        _, content = send_request(server, "GET", "/achievements", key="wrong")
    assert content["error"] == "The API key in the X-API-KEY header is not known."

"""Scripts on pages of other origins: those that are allowed may call and read, by the CORS protocol; others may not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import browser
import httpx2
import pytest
from processes import serving

from mockserver.cors import Origins
from mockserver.testing import MockServer

FRONT, BELOW, FOREIGN = "https://front.test", "https://pr-7.preview.test", "https://evil.test"
# To read the certificates of a machine takes longer than all else here.
CLIENT = httpx2.Client(verify=False, headers={"Connection": "close"})
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-api-key"}


@pytest.fixture(scope="module")
def server() -> Iterator[MockServer]:
    with MockServer(
        cors=[FRONT, "https://*.preview.test"], cors_control=["https://tools.test"], webhook_retry_delay=1
    ) as server:
        yield server


def send_request(server: MockServer, method: str, path: str, origin: str | None, **headers: str) -> httpx2.Response:
    sent = headers if method == "OPTIONS" else {"X-API-KEY": server.api_key} | headers
    root = server.url.removesuffix("/v1")
    return CLIENT.request(method, f"{root}{path}", headers=sent | ({"Origin": origin} if origin else {}))


def allowed(response: httpx2.Response) -> str | None:
    return response.headers.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize("origin", [FRONT, BELOW])
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/achievements", 200),
        ("/api/achievements", 200),
        ("/admin/v1/metrics", 200),
        ("/v1/users/nobody/streak", 404),
        ("/v1/no-such-path", 404),
    ],
)
def test_an_allowed_page_reads_every_response_of_the_api(
    server: MockServer, path: str, status: int, origin: str
) -> None:
    response = send_request(server, "GET", path, origin)
    assert (response.status_code, allowed(response), response.headers["Vary"]) == (status, origin, "Origin")
    assert "Retry-After" in response.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_a_wrong_key_and_what_takes_the_longer_way_are_read_too(server: MockServer) -> None:
    assert allowed(send_request(server, "GET", "/v1/achievements", FRONT, **{"X-API-KEY": "wrong"})) == FRONT
    late = send_request(server, "GET", "/v1/achievements", FRONT, Prefer="delay=0.01")
    assert (late.status_code, allowed(late)) == (200, FRONT)
    fault = send_request(server, "GET", "/v1/achievements", FRONT, Prefer="code=429")
    assert (fault.status_code, allowed(fault)) == (429, FRONT)


def test_a_browser_that_asks_first_is_told_what_it_may_do(server: MockServer) -> None:
    for path in ("/v1/metrics/words-written/event", "/v1/no-such-path"):
        response = send_request(server, "OPTIONS", path, FRONT, **ASKED)
        assert (response.status_code, response.content, allowed(response)) == (204, b"", FRONT)
        assert "content-length" not in response.headers  # RFC 9110, section 8.6
        assert "POST" in response.headers["Access-Control-Allow-Methods"].split(", ")
        assert response.headers["Access-Control-Allow-Headers"] == "content-type,x-api-key"
        assert int(response.headers["Access-Control-Max-Age"]) > 0
    private = send_request(
        server, "OPTIONS", "/v1/users", FRONT, **ASKED, **{"Access-Control-Request-Private-Network": "true"}
    )
    assert private.headers["Access-Control-Allow-Private-Network"] == "true"


def test_what_no_page_sends_gets_the_usual_response(server: MockServer) -> None:
    assert allowed(send_request(server, "GET", "/v1/achievements", None)) is None
    assert send_request(server, "OPTIONS", "/v1/achievements", None).status_code == 405
    assert send_request(server, "OPTIONS", "/v1/achievements", FRONT).status_code == 405  # nothing is asked for


@pytest.mark.parametrize(
    "origin", [FOREIGN, "http://front.test", "https://front.test:8443", "https://preview.test", "null", f"{FRONT}.evil"]
)
def test_a_page_that_is_not_allowed_is_refused_and_told_how_it_could_be(server: MockServer, origin: str) -> None:
    for response in (
        send_request(server, "GET", "/v1/achievements", origin),
        send_request(server, "OPTIONS", "/v1/users", origin, **ASKED),
    ):
        assert (response.status_code, allowed(response)) == (403, None)
        assert "--cors (MOCKSERVER_CORS)" in response.json()["error"]


def test_a_local_page_may_call_but_is_not_read_unless_it_is_allowed(server: MockServer) -> None:
    response = send_request(server, "GET", "/v1/achievements", "http://localhost:5173")
    assert (response.status_code, allowed(response)) == (200, None)
    refused = send_request(server, "OPTIONS", "/v1/users", "http://localhost:5173", **ASKED)
    assert (refused.status_code, allowed(refused)) == (403, None)
    assert "--cors (MOCKSERVER_CORS)" in refused.json()["error"]


@pytest.mark.parametrize("path", ["/_mock/clock", "/_mock/health", "/%5Fmock/clock", "/", "/_mock/ui"])
def test_who_may_call_the_api_may_not_call_the_control_plane(server: MockServer, path: str) -> None:
    response = send_request(server, "GET", path, FRONT)
    assert (response.status_code, allowed(response)) == (403, None)
    assert send_request(server, "OPTIONS", path, FRONT, **ASKED).status_code == 403


def test_no_detour_leads_from_the_api_to_the_control_plane(server: MockServer) -> None:
    with socket.create_connection(("127.0.0.1", int(server.url.split(":")[2].partition("/")[0])), timeout=20) as client:
        head = f"GET /v1/../_mock/clock HTTP/1.1\r\nHost: localhost\r\nOrigin: {FRONT}\r\nConnection: close\r\n"
        client.sendall(f"{head}X-API-KEY: {server.api_key}\r\n\r\n".encode())
        assert client.makefile("rb").readline() == b"HTTP/1.1 404 Not Found\r\n"


def test_the_control_plane_has_pages_of_its_own(server: MockServer) -> None:
    tools = "https://tools.test"
    read = send_request(server, "GET", "/_mock/clock", tools)
    assert (read.status_code, allowed(read)) == (200, tools)
    refused = send_request(server, "GET", "/_mock/why", tools)
    assert (refused.status_code, allowed(refused)) == (422, tools)
    asked = send_request(server, "OPTIONS", "/_mock/clock", tools, **ASKED | {"Access-Control-Request-Method": "PUT"})
    assert (asked.status_code, allowed(asked)) == (204, tools)
    assert send_request(server, "GET", "/v1/achievements", tools).status_code == 403
    local = send_request(server, "OPTIONS", "/_mock/clock", "http://localhost:1", **ASKED)
    assert "--cors-control (MOCKSERVER_CORS_CONTROL)" in local.json()["error"]


def test_every_page_can_be_allowed() -> None:
    with serving("--users", "0", "--cors", "*") as url:
        headers = {"X-API-KEY": "00000000.local", "Origin": FOREIGN}
        response = CLIENT.get(f"{url}/achievements", headers=headers)
        assert (response.status_code, allowed(response)) == (200, "*")
        assert CLIENT.get(f"{url.removesuffix('/v1')}/_mock/clock", headers=headers).status_code == 403


def test_origins_are_compared_as_browsers_write_them() -> None:
    origins = Origins(["HTTP://Localhost:80", "https://a.test:443", "http://[::1]:3000"], "--cors")
    for origin in (b"http://localhost", b"https://a.test", b"http://[::1]:3000"):
        assert origins.allows(origin)
    below = Origins(["https://*.a.test"], "--cors")
    assert below.allows(b"https://x.y.a.test")
    assert not any(
        map(below.allows, (b"https://a.test", b"http://x.a.test", b"https://xa.test", b"https://x.a.test:1"))
    )


@pytest.mark.parametrize(
    "origin", ["front.test", "https://front.test/", "https://*", "http://a b", "", "https://a.*.b"]
)
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ValueError, match="expected an origin such as http://localhost:5173"):
        MockServer(cors=[origin])


def test_one_text_is_no_list_of_origins() -> None:
    with pytest.raises(ValueError, match="cors must be a list of origins"):
        MockServer(cors="https://front.test")


PAGE = b"""<!doctype html><script>
const call = (path, method, body) => fetch(API + path, {method, body,
  headers: {"X-API-KEY": "00000000.local", "Content-Type": "application/json"}}).then(r => r.json());
</script>"""


@contextmanager
def front_end() -> Iterator[str]:
    """A page on an origin of its own."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(PAGE)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    pages = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=pages.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{pages.server_port}"
    finally:
        pages.shutdown()
        thread.join()
        pages.server_close()


@pytest.mark.skipif(browser.found() is None, reason="no browser: apt-get install chromium")
def test_a_browser_calls_the_api_from_an_allowed_page_and_from_no_other() -> None:
    event = "call('/metrics/words-written/event', 'POST', JSON.stringify({user: {id: 'ada'}, value: 5}))"
    with (
        front_end() as front,
        MockServer(cors=[front]) as shared,
        MockServer() as closed,
        browser.browser() as chromium,
    ):
        page = chromium.new_page()
        page.goto(front)
        page.evaluate(f"API = '{shared.url}'")
        assert page.evaluate(event)["total"] == 5
        assert page.evaluate("call('/users/nobody/streak', 'GET')")["error"] == "User 'nobody' was not found."
        assert (
            page.evaluate(f"fetch('{shared.url}'.replace('/v1', '/_mock/clock')).catch(() => 'blocked')") == "blocked"
        )
        page.evaluate(f"API = '{closed.url}'")
        assert page.evaluate(f"{event}.catch(() => 'blocked')") == "blocked"
        assert closed.requests() == []
        page.close()

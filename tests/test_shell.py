"""The shell over bare sockets: offers to change the protocol, names under which a page could come, late requests."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from processes import KEY, serving
from test_protocol import Reader

from mockserver.serve import protocol
from mockserver.serve.hosts import Hosts
from mockserver.testing import MockServer

OFFER = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAA\r\n"
WITH_KEY = f"X-API-KEY: {KEY}\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with serving(
        "--users", "0", "--log-level", "critical", "--allowed-host", "trophy", "--allowed-host", "*.test"
    ) as url:
        yield url


def connect(base: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(base.rsplit(":", 1)[1].split("/")[0])), timeout=20)


def put(
    user: str, name: str, headers: str = OFFER, *, chunked: bool = False, host: str = "Host: localhost\r\n"
) -> bytes:
    body = json.dumps({"name": name})
    framed = f"{len(body):x}\r\n{body}\r\n0\r\n\r\n" if chunked else body
    length = "Transfer-Encoding: chunked\r\n" if chunked else f"Content-Length: {len(body)}\r\n"
    return f"PUT /v1/users/{user} HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}{headers}{length}\r\n{framed}".encode()


def name_of(response: tuple[int, dict[str, str], bytes]) -> tuple[int, Any]:
    return response[0], json.loads(response[2]).get("name")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("cut", [None, 30, -20, -5, -1])
def test_an_offer_to_change_the_protocol_is_ignored_and_the_body_is_read(
    base: str, chunked: bool, cut: int | None
) -> None:
    raw = put("zoe", "Zoe", chunked=chunked)
    with connect(base) as client:
        reader = Reader(client)
        client.sendall(raw[:cut] if cut else raw)
        if cut:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            assert_silent(client)
            client.sendall(raw[cut:])
        assert name_of(reader.read_response()) == (200, "Zoe")


def assert_silent(client: socket.socket) -> None:
    """Nothing comes back on half a request; waiting also keeps the halves apart."""
    client.settimeout(0.05)
    with pytest.raises(TimeoutError):
        client.recv(1, socket.MSG_PEEK)
    client.settimeout(20)


def test_requests_behind_an_offer_get_responses_in_order(base: str) -> None:
    raw = put("a", "A") + put("b", "B", chunked=True) + put("c", "C", headers="") + put("d", "D")
    with connect(base) as client:
        reader = Reader(client)
        client.sendall(raw)
        assert [name_of(reader.read_response()) for _ in range(4)] == [(200, "A"), (200, "B"), (200, "C"), (200, "D")]


def test_a_websocket_is_declined_by_an_ordinary_response(base: str) -> None:
    offer = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    with connect(base) as client:
        client.sendall(f"GET /v1/achievements HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}{offer}\r\n".encode())
        assert Reader(client).read_response()[0] == 200


def test_connect_is_refused(base: str) -> None:
    with connect(base) as client:
        client.sendall(b"CONNECT localhost:1 HTTP/1.1\r\nHost: localhost:1\r\n\r\n")
        assert Reader(client).read_response()[0] == 405


JAVA = """
import java.net.URI;
import java.net.http.*;
public class Put {
    public static void main(String[] given) throws Exception {
        HttpRequest request = HttpRequest.newBuilder(URI.create(given[0] + "/users/java"))
            .header("X-API-KEY", given[1]).header("Content-Type", "application/json")
            .PUT(HttpRequest.BodyPublishers.ofString("{\\"name\\":\\"Duke\\"}")).build();
        HttpClient client = HttpClient.newHttpClient();
        for (int i = 0; i < 2; i++)
            System.out.println(client.send(request, HttpResponse.BodyHandlers.ofString()).body());
    }
}
"""


@pytest.mark.skipif(shutil.which("java") is None, reason="no JDK is here")
def test_javas_own_client_gets_through(base: str, tmp_path: Path) -> None:
    (tmp_path / "Put.java").write_text(JAVA)
    run = subprocess.run(
        ["java", str(tmp_path / "Put.java"), base, KEY], capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert run.returncode == 0, run.stderr
    assert [json.loads(line)["name"] for line in run.stdout.splitlines()] == ["Duke", "Duke"]


def status_for(base: str, headers: str, path: str = "/v1/achievements") -> tuple[int, str]:
    with connect(base) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\n{headers}{WITH_KEY}\r\n".encode())
        status, _, body = Reader(client).read_response()
        return status, json.loads(body)["error"] if status != 200 else ""


@pytest.mark.parametrize("path", ["/v1/achievements", "/_mock/worlds"])
@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "[::1", "a:b"]
)
def test_a_page_under_another_name_is_told_nothing(base: str, host: str, path: str) -> None:
    status, sentence = status_for(base, f"Host: {host}\r\n", path)
    assert status == 403
    assert "--allowed-host" in sentence


LOCAL = ("localhost", "LOCALHOST:8080", "localhost.", "a.localhost:1", "127.0.0.1:99", "[::1]:8080", "10.1.2.3")


@pytest.mark.parametrize("host", [*LOCAL, "trophy:80", "a.b.test"])
def test_local_names_addresses_and_allowed_names_are_accepted(base: str, host: str) -> None:
    assert status_for(base, f"Host: {host}\r\n") == (200, "")


def test_a_foreign_origin_is_refused_before_the_key_is_looked_at(base: str) -> None:
    for origin in ("https://evil.example", "null", "http://localhost.evil.example"):
        status, sentence = status_for(base, f"Host: localhost\r\nOrigin: {origin}\r\n")
        assert (status, origin in sentence) == (403, True)
    assert status_for(base, "Host: localhost\r\nOrigin: http://localhost:3000\r\n") == (200, "")
    assert status_for(base, "Host: localhost\r\nOrigin: https://front.test\r\n") == (200, "")


def test_a_host_is_named_once(base: str) -> None:
    for hosts in ("", "Host: localhost\r\nHost: localhost\r\n"):
        assert status_for(base, hosts)[0] == 400


def test_where_other_machines_can_reach_it_names_are_looked_at_only_when_some_are_allowed() -> None:
    with MockServer(host="0.0.0.0") as open_one, MockServer(host="0.0.0.0", allowed_hosts=["trophy"]) as named:
        assert status_for(open_one.url, "Host: any.example\r\n")[0] == 200
        assert status_for(named.url, "Host: any.example\r\n")[0] == 403
        assert status_for(named.url, "Host: trophy\r\n")[0] == 200


def test_every_name_can_be_allowed() -> None:
    assert Hosts("127.0.0.1", ["*"]).accepts(b"any.example:80")
    assert not Hosts("127.0.0.1", ["*.example"]).accepts(b"example")


def test_fields_of_a_trailer_are_no_headers(base: str) -> None:
    head = f"PUT /v1/users/trailer HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}Transfer-Encoding: chunked\r\n\r\n"
    parts = [head, "2\r\n{}\r\n0\r\n", "X-API-KEY: other\r\nPrefer: code=500\r\n\r\n"]
    for pieces in (["".join(parts)], parts):
        with connect(base) as client:
            for piece in pieces:
                client.sendall(piece.encode())
                if piece != pieces[-1]:
                    assert_silent(client)
            assert Reader(client).read_response()[0] == 200


def test_other_transfer_encodings_are_not_known(base: str) -> None:
    with connect(base) as client:
        client.sendall(put("x", "X", "Transfer-Encoding: gzip, chunked\r\n").replace(b"Content-Length: 13\r\n", b""))
        assert Reader(client).read_response()[0] == 501


def test_blanks_behind_a_value_are_not_part_of_it(base: str) -> None:
    with connect(base) as client:
        client.sendall(f"GET /v1/achievements HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: {KEY} \t \r\n\r\n".encode())
        assert Reader(client).read_response()[0] == 200


def test_requests_before_garbage_get_responses_before_the_garbage_is_refused(base: str) -> None:
    reset = f"POST /_mock/reset HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}Content-Length: 0\r\n\r\n"
    with connect(base) as client:
        client.sendall((reset * 2).encode() + b"\x16\x03\x01 no HTTP\r\n\r\n")
        reader = Reader(client)
        assert [reader.read_response()[0] for _ in range(4)] == [200, 200, 400, 0]


def test_a_refusal_arrives_though_the_client_goes_on_sending(base: str) -> None:
    with connect(base) as client:
        client.sendall(b"\x16\x03\x01 no HTTP\r\n\r\n")
        for _ in range(50):
            client.sendall(b"x" * 1000)
        assert Reader(client).read_response()[0] == 400


@pytest.mark.parametrize(
    "begun",
    [
        b"",
        b"GET /v1/achievements HTTP/1.1\r\nHost: local",
        f"PUT /v1/users/slow HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}Content-Length: 100\r\n\r\n{{".encode(),
    ],
    ids=["nothing", "half a head", "half a body"],
)
def test_a_request_that_does_not_come_is_not_waited_for(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "LONGEST_MESSAGE", 0.2)
    with MockServer() as server, closing(connect(server.url)) as client:
        client.sendall(begun)
        assert Reader(client).read_response()[0] == (408 if begun else 0)
        assert server.control("GET", "/requests")["requests"] == []


def test_a_token_that_is_given_is_wanted_everywhere() -> None:
    with MockServer(control_token="sesame") as server, closing(connect(server.url)) as client:
        client.sendall(f"GET /_mock/clock HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}\r\n".encode())
        status, _, body = Reader(client).read_response()
        assert (status, "X-Control-Token" in json.loads(body)["error"]) == (401, True)
        assert server.now


def test_where_other_machines_can_reach_it_a_key_is_made_up() -> None:
    with serving("--host", "0.0.0.0", "--users", "0") as url:
        assert status_for(url, "Host: x\r\n")[0] == 401


def refusal(base: str, method: str, path: str, headers: str = "") -> tuple[int, str, str]:
    """Status, the header Allow, and the sentence."""
    with connect(base) as client:
        client.sendall(
            f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}{headers}Content-Length: 0\r\n\r\n".encode()
        )
        status, actual, body = Reader(client).read_response()
        return status, actual.get("allow", ""), json.loads(body)["error"]


def test_of_two_keys_or_tokens_the_control_plane_takes_none(base: str) -> None:
    for headers in (f"X-API-KEY: {KEY}\r\n", "X-Control-Token: a\r\nX-Control-Token: b\r\n"):
        status, _, sentence = refusal(base, "GET", "/_mock/clock", headers)
        assert (status, "once, not several times" in sentence) == (401, True)


def test_what_is_allowed_is_told_in_one_order(base: str) -> None:
    assert refusal(base, "DELETE", "/_mock/clock")[:2] == (405, "GET, HEAD, PUT")
    assert refusal(base, "PATCH", "/_mock/worlds")[:2] == (405, "GET, HEAD, POST")


def test_what_a_changing_call_is_told_in_the_address_is_not_skipped(base: str) -> None:
    for method, path in (
        ("POST", "/_mock/worlds?users=5"),
        ("POST", "/_mock/reset?seed=2"),
        ("DELETE", "/_mock/faults?x=1"),
    ):
        status, _, sentence = refusal(base, method, path)
        assert (status, "Query parameter `" in sentence) == (422, True)


def test_a_defect_is_told_and_the_connection_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*given: Any) -> Any:
        raise RuntimeError("a defect put in on purpose")

    with MockServer() as server, closing(connect(server.url)) as client:
        reader = Reader(client)
        with monkeypatch.context() as patched:
            patched.setattr("mockserver.control.context.WorldContext._apply_faults", breaks)
            patched.setattr("mockserver.control.request.ControlRequest.game", breaks)
            asked = ("/v1/achievements HTTP/1.1\r\nPrefer: delay=0.01", "/_mock/users HTTP/1.1")
            for line in asked:
                client.sendall(f"GET {line}\r\nHost: localhost\r\n{WITH_KEY}\r\n".encode())
                status, headers, body = reader.read_response()
                assert (status, headers["content-type"]) == (500, "application/json")
                assert "defect of the mock" in json.loads(body)["error"]
        client.sendall(f"GET /v1/achievements HTTP/1.1\r\nHost: localhost\r\n{WITH_KEY}\r\n".encode())
        assert reader.read_response()[0] == 200

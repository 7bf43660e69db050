"""The shell, over a real port: who gets in, in which order things are looked at, and in which shape they go home."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from app_server import SPEC, Served, fresh_worlds, served

from mockserver import spec
from mockserver.app import create_app
from mockserver.exchange import Call, Intervention, Response, error_response

EVENT = {"user": {"id": "ada"}, "value": 10}


@pytest.fixture(scope="module")
def server() -> Iterator[Served]:
    with served() as running:
        running.call("PUT", "/v1/users/ada", {"name": "Ada"})
        yield running


def test_every_operation_of_the_spec_responds_under_both_prefixes(server: Served) -> None:
    for operation in SPEC.operations.values():
        path = operation.path.replace("{id}", "ada").replace("{key}", "words-written")
        for prefix in ("/v1", "/api"):
            reply = server.call(operation.method, prefix + path, {} if operation.body else None)
            assert reply.status in operation.checks, (operation.id, reply)
            assert operation.check_response(reply.status, reply.json) is None
            assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize("key", [None, "", "unknown", "00000000.local, 00000000.local"])
def test_without_a_known_key_nothing_else_is_looked_at(server: Served, key: str | None) -> None:
    for method, path, body in (("GET", "/v1/users/ada", None), ("POST", "/v1/metrics/%FF/event", b"{")):
        reply = server.call(method, path, body, key=key)
        assert (reply.status, list(reply.json)) == (401, ["error"])
        assert "key" in reply.json["error"].lower()


def test_a_key_sent_twice_opens_nothing(server: Served) -> None:
    key = b"X-API-KEY: 00000000.local\r\n"
    head = b"GET /v1/users/ada HTTP/1.1\r\nHost: localhost\r\n" + key + key + b"\r\n"
    assert raw(server, head).startswith(b"HTTP/1.1 401")


@pytest.mark.parametrize(
    "path", ["/v1/nothing", "/v1/users/ada/nothing", "/v1", "/api/", "/", "/v2/users", "/_mock/no"]
)
def test_a_path_that_the_spec_does_not_have_is_404_with_or_without_a_key(server: Served, path: str) -> None:
    for key in ("00000000.local", None):
        reply = server.call("GET", path, key=key)
        assert (reply.status, list(reply.json)) == (404, ["error"])


def test_who_asks_in_the_wrong_place_is_told_the_right_one(server: Served) -> None:
    assert server.call("GET", "/users/ada").json == {
        "error": "There is no /users/ada here: /v1 has the API, /admin/v1 the admin API, /_mock the control plane."
    }


@pytest.mark.parametrize("method", ["DELETE", "POST", "OPTIONS", "TRACE", "PROPFIND"])
def test_a_method_that_the_path_does_not_have_is_405_and_says_which_it_has(server: Served, method: str) -> None:
    reply = server.call(method, "/v1/users/ada", key=None)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, PATCH, PUT")
    assert "GET, PATCH, PUT" in reply.json["error"]


def test_head_is_405_too_and_has_no_body(server: Served) -> None:
    reply = server.call("HEAD", "/v1/users/ada")
    assert (reply.status, reply.headers["allow"], reply.raw) == (405, "GET, PATCH, PUT", b"")


@pytest.mark.parametrize(
    ("raw_id", "user"),
    [
        ("a%2Fb", "a/b"),
        ("a+b", "a+b"),
        ("a%252Fb", "a%2Fb"),
        ("%E6%97%A5%E6%9C%AC", "日本"),
        ("%2E%2E", ".."),
        ("100%", "100%"),
        ("streak", "streak"),
    ],
)
def test_an_id_in_the_path_is_decoded_exactly_once(server: Served, raw_id: str, user: str) -> None:
    assert server.call("PUT", f"/v1/users/{raw_id}", {"name": "x"}).json["id"] == user
    assert server.call("GET", f"/v1/users/{raw_id}").json["id"] == user
    assert server.call("GET", f"/v1/users/{raw_id}/streak").status == 200


def test_fixed_path_segments_may_be_percent_encoded(server: Served) -> None:
    assert server.call("GET", "/v1/%75sers/ada").json["id"] == "ada"


@pytest.mark.parametrize(
    ("method", "path", "status", "says"),
    [
        ("GET", "/v1/users/%FF", 400, "`id` must be UTF-8"),
        ("GET", "/v1/users/%FF/streak", 422, "`id` must be UTF-8"),
        ("GET", "/v1/points/%FF", 404, "`key` must be UTF-8"),
        ("GET", "/v1/users//streak", 422, "`id` must not be empty"),
        ("GET", "/v1/users/", 422, "`id` must not be empty"),
        ("GET", "/v1/users/a%00b", 422, "without NUL"),
        ("GET", "/v1/streaks/rankings?limit=0", 422, "`limit` must be an integer between 1 and 100"),
        ("GET", "/v1/streaks/rankings?limit=5&limit=5", 422, "`limit` must be given once"),
        ("GET", "/v1/streaks/rankings?li%6Dit=x", 422, "`limit`"),
        ("GET", "/v1/streaks/rankings?type=%FF", 422, "`type` must be UTF-8"),
        ("GET", "/v1/streaks", 422, "`userIds` is required"),
        ("GET", "/v1/streaks?userIds=", 422, "`userIds` must not be empty"),
        ("GET", "/v1/leaderboards?includeFinished=1", 422, '`includeFinished` must be "true" or "false"'),
        ("GET", "/v1/leaderboards/all-time?run=2026-02-29", 422, "`run` must be a date"),
        ("GET", "/v1/users/ada/achievements?includeIncomplete=false", 422, '`includeIncomplete` must be "true"'),
        ("GET", f"/v1/users/ada/wrapped?year={'9' * 5000}", 422, "`year`"),
        ("GET", "/v1/users/nobody", 422, "nobody"),
        ("GET", "/v1/users/nobody/streak", 404, "nobody"),
        ("GET", "/v1/points/nothing", 404, "nothing"),
    ],
)
def test_a_refusal_has_the_status_of_the_table_and_names_what_is_wrong(
    server: Served, method: str, path: str, status: int, says: str
) -> None:
    reply = server.call(method, path)
    assert (reply.status, list(reply.json)) == (status, ["error"])
    assert says in reply.json["error"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"", 422, "body is required"),
        (b"{", 400, "must be JSON"),
        (b'{"user": {"id": "a"}, "value": NaN}', 400, "must be JSON"),
        (b'\xff{"a": 1}', 400, "UTF-8"),
        (b"\xef\xbb\xbf{}", 400, "JSON"),
        (b"[" * 101 + b"]" * 101, 400, "deeper than 100"),
        (b"[" * 500_000, 400, "deeper than 100"),
        (b'{"a":' * 90_000 + b"1" + b"}" * 90_000, 400, "deeper than 100"),
        (b" " * (1 << 20) + b"{}", 400, "1048576 bytes"),
        (b"null", 422, "body must be an object, not null"),
        (b'{"value": 1}', 422, "`user` is required"),
        (b'{"user": {}, "value": 1}', 422, "`user.id` is required"),
        (b'{"user": {"id": ""}, "value": 1}', 422, "`user.id` must not be empty"),
        (b'{"user": {"id": "a\\u0000"}, "value": 1}', 422, "NUL"),
        (b'{"user": {"id": "a\\ud800"}, "value": 1}', 422, "surrogate"),
        (b'{"user": {"id": "a"}, "value": "1"}', 422, "`value` must be a number, not a string"),
        (b'{"user": {"id": "a"}, "value": true}', 422, "`value` must be a number, not a boolean"),
        (b'{"user": {"id": "a"}, "value": 1000000000001}', 422, "`value` must be at most 1000000000000"),
        (b'{"user": {"id": "a"}, "value": 1e999}', 422, "too large"),
        (b'{"user": {"id": "a"}, "value": 0.1234567}', 422, "`value` must have at most 6 decimals"),
        (b'{"user": {"id": "a", "tz": 1}, "value": 1}', 422, "`user.tz` must be a string or null"),
        (b'{"user": {"id": "a"}, "value": 1, "attributes": {"b": 1}}', 422, "`attributes.b` must be a string"),
    ],
)
def test_a_bad_body_is_refused_before_anything_changes(server: Served, body: bytes, status: int, says: str) -> None:
    reply = server.call("POST", "/v1/metrics/words-written/event", body, Content_Type="application/json")
    assert (reply.status, list(reply.json)) == (status, ["error"])
    assert says in reply.json["error"]
    assert server.call("GET", "/v1/users/a").status == 422


def test_the_path_is_looked_at_before_headers_and_body(server: Served) -> None:
    large = server.call("PUT", "/v1/users/%00", b" " * (1 << 20) + b"{}", Content_Type="application/json")
    assert (large.status, "NUL" in large.json["error"]) == (422, True)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_another_media_type_is_unreadable(server: Served, media_type: str) -> None:
    reply = server.call("POST", "/v1/users", b'{"id": "media"}', Content_Type=media_type)
    assert reply.status == 400
    assert "Content-Type" in reply.json["error"]


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "Application/JSON", 'application/json;charset="UTF-8"']
)
def test_json_with_a_charset_is_json(server: Served, media_type: str) -> None:
    assert server.call("POST", "/v1/users", b'{"id": "media"}', Content_Type=media_type).status == 201


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/users/ada"), ("PATCH", "/users/ada"), ("PATCH", "/users/ada/preferences")]
)
@pytest.mark.parametrize("headers", [{}, {"Content_Type": "application/json"}])
def test_an_empty_put_or_patch_body_means_no_change(
    server: Served, method: str, path: str, headers: dict[str, str]
) -> None:
    assert server.call(method, "/v1" + path, b"", **headers).status == 200
    assert server.call("GET", "/v1/users/ada").json["name"] == "Ada"


def test_undeclared_parameters_headers_and_fields_are_ignored(server: Served) -> None:
    assert server.call("GET", "/v1/users/ada?x=%FF&x=2", X_Fern_Language="Python").status == 200
    assert server.call("PATCH", "/v1/users/ada", {"colour": "red"}).status == 200


def test_the_specs_misspelling_is_ignored_and_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    user = {"id": "b", "subscribedToEmails": True}
    with served(create_app(fresh_worlds(), spec.load())) as fresh:
        for _ in range(2):
            assert fresh.call("POST", "/v1/users", user).status == 201
            assert fresh.call("POST", "/v1/metrics/words-written/event", {"user": user, "value": 1}).status == 201
    assert [record.levelname for record in caplog.records if "subscribedToEmails" in record.message] == ["WARNING"]


def raw(server: Served, *parts: bytes) -> bytes:
    """The first bytes of the response to a request sent part by part."""
    with server.connect() as connection:
        for part in parts:
            connection.sendall(part)
        return connection.recv(65536)


HEAD = b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: 00000000.local\r\nContent-Type: application/json\r\n"


def test_a_body_announced_as_too_large_is_refused_before_any_of_it_is_sent(server: Served) -> None:
    response = raw(server, HEAD + b"Content-Length: 1048577\r\nExpect: 100-continue\r\n\r\n")
    assert response.startswith(b"HTTP/1.1 400")


def test_a_chunked_body_is_refused_when_it_grows_too_large(server: Served) -> None:
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    response = raw(server, HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 17)
    assert response.startswith(b"HTTP/1.1 400")


def test_the_connection_lives_on_after_a_body_that_was_too_large(server: Served) -> None:
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 3000000\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
        connection.sendall(b" " * 3_000_000)
        connection.sendall(b"GET /v1/users/ada HTTP/1.1\r\nHost: localhost\r\nX-API-KEY: 00000000.local\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


def test_a_body_in_pieces_is_put_together_and_a_client_that_leaves_changes_nothing(server: Served) -> None:
    assert raw(server, HEAD + b"Content-Length: 15\r\n\r\n", b'{"id": ', b'"piece"}').startswith(b"HTTP/1.1 201")
    with server.connect() as connection:
        connection.sendall(HEAD + b"Content-Length: 15\r\n\r\n" + b'{"id": ')
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""
    assert server.call("GET", "/v1/users/piece").status == 200


def test_a_declared_header_sent_twice_is_refused(server: Served) -> None:
    head = HEAD.replace(b"/v1/users", b"/v1/metrics/words-written/event")
    body = b'{"user": {"id": "twice"}, "value": 1}'
    length = b"Content-Length: %d\r\n\r\n" % len(body)
    for name, status in ((b"Idempotency-Key", b"422"), (b"Tenant-ID", b"422"), (b"X-Other", b"201")):
        twice = name + b": a\r\n" + name + b": b\r\n"
        assert raw(server, head + twice + length + body).startswith(b"HTTP/1.1 " + status)


@pytest.mark.parametrize("sent", [b"caf\xc3\xa9", b"caf\xe9"], ids=["UTF-8", "Latin-1"])
def test_a_header_is_read_as_utf_8_and_else_as_latin_1(server: Served, sent: bytes) -> None:
    body = b'{"user": {"id": "ada"}, "value": 1}'
    head = HEAD.replace(b"/v1/users", b"/v1/metrics/words-written/event") + b"Idempotency-Key: " + sent
    response = raw(server, head + b"\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert '"idempotencyKey":"café"'.encode() in response


def test_a_response_that_breaks_the_spec_is_a_logged_500_with_the_pointer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def users_streak(game: object, *, id: str, history_periods: int) -> object:
        nothing = dict.fromkeys(("started", "periodStart", "periodEnd", "expires", "rank"))
        return {"length": 1, "frequency": "hourly", **nothing}

    users_streak.__module__ = "mockserver.api.streaks"
    monkeypatch.setattr("mockserver.api.streaks.users_streak", users_streak)
    with served() as broken:
        reply = broken.call("GET", "/v1/users/ada/streak")
    assert reply.status == 500
    assert "/frequency" in reply.json["error"]
    assert any(record.levelname == "ERROR" and "/frequency" in record.message for record in caplog.records)
    with served(check_responses=False) as trusting:
        assert trusting.call("GET", "/v1/users/ada/streak").json["frequency"] == "hourly"


def test_a_defect_of_the_mock_is_a_logged_500_in_the_shape_of_errors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def users_get(game: object, *, id: str) -> object:
        raise RuntimeError("a bug")

    users_get.__module__ = "mockserver.api.users"
    monkeypatch.setattr("mockserver.api.users.users_get", users_get)
    with served() as broken:
        reply = broken.call("GET", "/v1/users/ada")
    assert (reply.status, list(reply.json)) == (500, ["error"])
    assert "a bug" not in reply.json["error"]
    assert "a bug" in caplog.text
    assert "Traceback" in caplog.text


def test_the_hooks_get_each_call_and_may_respond_to_it() -> None:
    seen: list[tuple[str, str | None, int, bytes]] = []

    async def fail() -> Response:
        return error_response(503, "on purpose", (b"retry-after", b"1"))

    def before(call: Call) -> Intervention | None:
        return fail if b"x-fail" in call.headers else None

    def after(call: Call, response: Response) -> None:
        seen.append((call.method, call.operation.id if call.operation else None, response.status, call.body))

    app = create_app(fresh_worlds(), SPEC, before=before, after=after)
    with served(app) as running:
        running.call("POST", "/v1/users", b'{"id": "x"}', Content_Type="application/json")
        assert running.call("PUT", "/v1/users/y", {}, X_Fail="1").headers["retry-after"] == "1"
        running.call("GET", "/v1/users/y")
        running.call("GET", "/v1/users/x", key="wrong", X_Fail="1")
        running.call("GET", "/v1/nothing")
    assert seen == [
        ("POST", "users_create", 201, b'{"id": "x"}'),
        ("PUT", "users_identify", 503, b"{}"),
        ("GET", "users_get", 422, b""),
        ("GET", "users_get", 401, b""),
        ("GET", None, 404, b""),
    ]


def test_health_needs_no_key(server: Served) -> None:
    assert server.call("GET", "/_mock/health", key=None).json == {"status": "ok"}
    assert server.call("POST", "/_mock/health", key=None).status == 405

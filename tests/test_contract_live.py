"""The contract suite at the live service, for which these tests take this machine: polite, and at home with its own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from contract_tests.options import Options
from contract_tests.target import connect
from tests import replay_mock
from tests.contract_proxy import KEY, Front, fronted
from tests.contract_runs import Run, python

OWN = re.compile(r"ct[0-9a-f]{7,}")
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    with fronted() as front:
        front.url = front.url.replace("127.0.0.1", "localhost")
        yield front


def at_live(front: Front, *words: str) -> Run:
    front.asked.clear()
    return python("tests.contract_live", front.url, "--api-key", KEY, "--profile", "quick", *words)


def ids(content: Any) -> Iterator[Any]:
    """The users whom a body names."""
    if isinstance(content, dict):
        user = content.get("user")
        yield from [holder["id"] for holder in (content, user) if isinstance(holder, dict) and "id" in holder]


def named(path: str, body: bytes) -> Iterator[str]:
    """The users that a request would write to, as far as it can be read."""
    if found := re.match(r"/v1/users/([^/?]+)", path):
        yield found[1]
    try:
        content = json.loads(body)
    except ValueError:
        content = {}
    yield from (one for one in ids(content) if isinstance(one, str) and one)


def test_the_live_service_is_left_alone_unless_meant(front: Front) -> None:
    run = at_live(front)
    assert run.code == 2
    assert "is the live service; pass --allow-live" in run.complaint
    assert front.asked == []


def test_the_documented_rate_is_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    server = replay_mock.start()
    try:
        for rate, gap in ((None, 0.1), (500.0, 0.1), (4.0, 0.25)):
            monkeypatch.setattr("contract_tests.target.LIVE_DOMAIN", "127.0.0.1")
            options = Options(base_url=server.url, api_key=replay_mock.KEY, rate=rate, allow_live=True)
            target = connect(options, lambda exchange: None)
            target.client.connections.close()
            assert target.client.rate_limiter.gap == pytest.approx(gap)
    finally:
        server.shutdown()
        server.server_close()


def test_nothing_is_written_for_others(front: Front) -> None:
    operations = "users_create,users_identify,metrics_event"
    words = ("--allow-live", "--parts", "operations,stateful", "--operations", operations)
    run = at_live(front, *words, "--only", "odd or json or generated or walks or known_key")
    assert run.code in (0, 1), run.complaint
    written = [name for method, path, body in front.asked if method in WRITES for name in named(path, body)]
    assert len(written) > 50
    assert [name for name in written if not OWN.match(name)] == []


def test_reading_only_looks_at_no_stranger(front: Front) -> None:
    run = at_live(
        front, "--allow-live", "--read-only", "--parts", "operations", "--operations", "users_get,users_streak"
    )
    assert run.code in (0, 1), run.complaint
    assert "the target shows no user; name one under users in the --config file" in run.said
    other_users = [path for path in front.paths() if re.match(r"/users/user-\d", path)]
    assert other_users == []

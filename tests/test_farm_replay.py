"""One life in several homes: shared servers that take turns, are killed and drop the world; and moves between homes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cluster import Cluster
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import Server, Step
from shared import Sharing, empty
from test_log_replay import event, lives

from mockserver.log.record import TIME, decode


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Cluster(tmp_path_factory.mktemp("nats"), size=1) as cluster:
        yield cluster.url


class Setup:
    """Where the life is led just now: two servers that share it, or one that keeps it in a directory."""

    def __init__(self, url: str, root: Path, plan: dict[str, Any], *, shared: bool) -> None:
        self._url, self._root, self._plan = url, root, plan
        self._moves = 0
        self.now = 1_768_478_400_000
        self.servers: list[Server] = []
        self._open(shared)

    def _open(self, shared: bool, lines: list[bytes] | None = None) -> None:
        self._moves += 1
        if shared:
            asyncio.run(empty(self._url))
            self.servers = [self._sharing(number, lines) for number in (0, 1)]
        else:
            self.servers = [Server(self._root / f"kept-{self._moves}", self.now, lines, **self._plan)]

    def _sharing(self, number: int, lines: list[bytes] | None = None) -> Sharing:
        directory = self._root / f"checkpoints-{self._moves}-{number}"
        return Sharing(self._url, directory, self.now, lines, **self._plan)

    def take(self, step: Step, which: int) -> Any:
        server = self.servers[which % len(self.servers)]
        server.now = self.now
        response = server.take(step)
        self.now = server.now
        return response

    def everything(self) -> Any:
        for server in self.servers:
            server.now = self.now
        one, *others = [server.everything() for server in self.servers]
        for other in others:
            assert other == one
        return one

    def cut(self, how: str, which: int) -> None:
        number = which % len(self.servers)
        server = self.servers[number]
        server.now = self.now
        if how == "move":
            lines = server.log()
            shared = not isinstance(server, Sharing)
            self.close()
            self._open(shared, lines)
        elif not isinstance(server, Sharing):
            image = server.image(self._root / f"image-{len(list(self._root.iterdir()))}")
            server.__exit__()
            self.servers = [Server(image, self.now, **self._plan)]
        elif how == "drop":
            server.drop()
        else:
            if how == "checkpoint":
                server.do(server.start.farm.ready("00000000.local"))
                server.checkpoint()
            server.__exit__()
            self.servers[number] = self._sharing(number)

    def close(self) -> None:
        for server in self.servers:
            server.__exit__()


cuts = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(["kill", "checkpoint", "drop", "move"]), st.integers(0, 1)),
    max_size=4,
)


@settings(deadline=None, derandomize=True, database=None, max_examples=25)
@given(lives, st.lists(st.integers(0, 1), min_size=30, max_size=30), cuts, st.booleans(), st.booleans(), st.booleans())
def test_a_life_is_the_same_in_every_home(
    url: str,
    life: list[Step],
    turns: list[int],
    cuts: list[tuple[int, str, int]],
    shared: bool,
    frozen: bool,
    peopled: bool,
) -> None:
    plan: dict[str, Any] = {"frozen": frozen, "users": 2 if peopled else 0, "history_days": 3}
    if frozen:
        plan["now"] = 1_768_478_400_000
    last = event("ann", 7, None, None, "red", 5)
    with Server(None, **plan) as never_cut:
        responses = [never_cut.take(step) for step in (*life, last)]
        everything = never_cut.everything()
    with tempfile.TemporaryDirectory() as directory:
        setup = Setup(url, Path(directory), plan, shared=shared)
        try:
            for number, step in enumerate((*life, last)):
                for at, how, which in cuts:
                    if at == number:
                        setup.cut(how, which)
                assert setup.take(step, turns[number % len(turns)]) == responses[number]
            setup.cut("kill", 0)
            found = setup.everything()
        finally:
            setup.close()
    for name, expected in everything.items():
        assert found[name] == expected, name


def test_a_refused_call_leaves_no_record_and_none_is_tried_in_vain(url: str, tmp_path: Path) -> None:
    asyncio.run(empty(url))
    plan: dict[str, Any] = {"frozen": True, "users": 0, "now": 1_768_478_400_000}
    with Sharing(url, tmp_path, **plan) as server:
        assert server.take(event("ann", 7, None, "once", None, 0))[0] == 201
        before = server.log()
        refused = [
            (Step("POST", "/_mock/clock/advance", {"days": -1}), 422),
            (Step("PUT", "/_mock/clock", {"now": "1990-01-01T00:00:00Z"}), 422),
            (Step("PUT", "/_mock/catalog", {"metrics": 7}), 422),
            (Step("POST", "/_mock/snapshots/none/restore"), 404),
            (Step("DELETE", "/_mock/snapshots/none"), 404),
            (Step("POST", "/_mock/snapshots", {"x": 1}), 422),
            (Step("POST", "/_mock/reset", {"x": 1}), 422),
            (Step("PUT", "/_mock/faults", {"latency": "long"}), 422),
            (Step("POST", "/_mock/webhooks", {"url": "ftp://nowhere"}), 422),
            (Step("POST", "/_mock/webhooks", {"url": "http://a.test/", "events": ["none"]}), 422),
            (Step("PATCH", "/_mock/webhooks/endpoint-9", {"active": True}), 404),
            (Step("DELETE", "/_mock/webhooks/endpoint-9"), 404),
            (Step("POST", "/_mock/webhooks/trigger", {"type": "none"}), 422),
            (Step("POST", "/_mock/webhooks/deliveries/delivery-9/redeliver"), 404),
            (Step("POST", "/v1/metrics/none/event", {"user": {"id": "bob"}, "value": 1}), 422),
            (event("ann", 7, None, "once", None, 0), 201),
        ]
        for step, status in refused:
            assert (server.take(step)[0], step) == (status, step)
        assert server.log() == before
        for number in range(1, 101):
            assert server.take(Step("POST", "/_mock/snapshots"))[1] == {"id": f"snapshot-{number}"}
        before = server.log()
        assert server.take(Step("POST", "/_mock/snapshots"))[0] == 422
        assert server.log() == before
        assert TIME not in {decode(line).name for line in before}

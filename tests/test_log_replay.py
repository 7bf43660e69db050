"""`World = replay_all(recipe, records)`: cut anywhere by a kill and started again, a world goes on as before."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from kept import Server, Step

from mockserver.log.record import decode
from mockserver.worlds import DEFAULT_KEY

TEAMS = """
name = "Teams"
[settings]
multiTenant = true
[metrics.words-written]
name = "Words"
[streak]
frequency = "daily"
[leaderboards.week]
name = "Week"
rankBy = "metric"
metricKey = "words-written"
start = "today"
runUnit = "day"
runInterval = 1
"""
DEAD_END = "http://127.0.0.1:9/hooks"  # nobody listens there

users = st.sampled_from(["ann", "bob", "cat"])
tenants = st.sampled_from([None, None, "red", "blue"])
pauses = st.sampled_from([0, 0, 1, 999, 60_000, 40_000_000])
zones = st.sampled_from([None, "Europe/London", "Pacific/Kiritimati", "America/St_Johns"])


def event(user: str, value: float, tz: str | None, key: str | None, tenant: str | None, wait: int) -> Step:
    body: dict[str, Any] = {"user": {"id": user} | ({"tz": tz} if tz else {}), "value": value}
    headers = ((b"idempotency-key", key.encode()),) if key else ()
    return Step("POST", "/v1/metrics/words-written/event", body, tenant, wait, headers)


def call(method: str, path: str, body: Any = None) -> st.SearchStrategy[Step]:
    return st.builds(lambda wait: Step(method, f"/_mock{path}", body, None, wait), pauses)


events = st.builds(
    event, users, st.sampled_from([1, 250, 1000, 0.5, -3]), zones, st.sampled_from([None, "once"]), tenants, pauses
)
claims = st.builds(
    lambda user, tenant: Step("POST", "/v1/achievements/finish-onboarding/complete", {"user": {"id": user}}, tenant),
    users,
    tenants,
)
reads = st.builds(
    lambda user, tenant, wait: Step("GET", f"/v1/users/{user}", None, tenant, wait), users, tenants, pauses
)
refusals = st.builds(lambda wait: Step("POST", "/v1/metrics/none/event", {"value": "x"}, None, wait), pauses)
moves = st.one_of(
    st.builds(lambda days: Step("POST", "/_mock/clock/advance", {"days": days, "hours": 5}), st.integers(0, 9)),
    call("PUT", "/clock", {"frozen": True}),
    call("PUT", "/clock", {"frozen": False}),
)
states = st.one_of(
    call("POST", "/reset"),
    call("POST", "/snapshots"),
    call("POST", "/snapshots/snapshot-1/restore"),
    call("DELETE", "/snapshots/snapshot-1"),
    call("PUT", "/catalog", "study"),
    call("PUT", "/catalog", "catalog"),
    call("PUT", "/catalog", TEAMS),
)
hooks = st.one_of(
    call("POST", "/webhooks", {"url": DEAD_END}),
    call("POST", "/webhooks", {"url": DEAD_END, "events": ["streak.lost"], "secret": "s"}),
    call("PATCH", "/webhooks/endpoint-1", {"active": False}),
    call("DELETE", "/webhooks/endpoint-1"),
    call("POST", "/webhooks/trigger", {"type": "streak.lost", "userId": "ann"}),
    call("PUT", "/faults", {"latency": {"ms": 0}}),
)


def by_hand(path: str, body: Any) -> st.SearchStrategy[Step]:
    return st.builds(lambda tenant, wait: Step("POST", f"/admin/v1{path}", body, tenant, wait), tenants, pauses)


admin = st.one_of(
    by_hand("/streaks/freezes", {"freezes": [{"userId": "ann"}, {"userId": "nobody"}]}),
    by_hand("/streaks/reset", {"users": [{"id": "ann"}, {"id": "bob"}]}),
    by_hand("/streaks/restore", {"users": [{"id": "ann"}]}),
    by_hand("/streaks/pauses", {"pauses": [{"userId": "bob", "start": "2026-01-17", "end": "2026-01-20"}]}),
    by_hand(
        "/metrics/events",
        [
            {"key": "words-written", "user": {"id": user}, "value": 3, "idempotencyKey": "once"}
            for user in ("ann", "cat")
        ],
    ),
)
steps = st.one_of(events, events, events, events, claims, admin, reads, refusals, moves, moves, states, hooks)
lives = st.lists(steps, min_size=3, max_size=30)
cuts = st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["kill", "checkpoint"])), max_size=2)


@settings(deadline=None, derandomize=True, database=None, max_examples=60)
@given(lives, cuts, st.booleans(), st.booleans())
def test_a_life_that_is_cut_anywhere_is_the_same_life(
    life: list[Step], cuts: list[tuple[int, str]], frozen: bool, peopled: bool
) -> None:
    plan = {"frozen": frozen, "users": 2 if peopled else 0, "history_days": 3}
    if frozen:
        plan["now"] = 1_768_478_400_000
    with Server(None, **plan) as never_cut:
        responses = [never_cut.take(step) for step in life]
        after = never_cut.take(event("ann", 7, None, None, "red", 5))
        everything = never_cut.everything()
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        server = Server(root / "0", **plan)
        for number, step in enumerate(life):
            for at, how in cuts:
                if at == number:
                    server = _again(server, root, how, plan)
            assert server.take(step) == responses[number]
        server = _again(server, root, "kill", plan)
        assert server.take(event("ann", 7, None, None, "red", 5)) == after
        found = server.everything()
        server.__exit__()
    for name, expected in everything.items():
        assert found[name] == expected, name


def _again(server: Server, root: Path, how: str, plan: Any) -> Server:
    """The process is killed, maybe just after a checkpoint, and another one starts with what is on the disk."""
    if how == "checkpoint" and server.keeper is not None:
        server.keeper.save(server.world)
    image = server.image(root / str(len(list(root.iterdir()))))
    server.__exit__()
    return Server(image, server.now, **plan)


def test_what_changes_nothing_leaves_no_record(tmp_path: Path) -> None:
    with Server(tmp_path / "kept") as server:
        assert server.take(event("ann", 7, None, "once", None, 0))[0] == 201
        before = server.keeper.store.length(DEFAULT_KEY)  # type: ignore[union-attr]
        assert server.take(event("ann", 7, None, "once", None, 0))[1]["idempotentReplayed"]
        assert server.take(Step("GET", "/v1/users/ann/streak"))[0] == 200
        assert server.take(Step("POST", "/v1/metrics/none/event", {"user": {"id": "bob"}, "value": 1}))[0] == 422
        assert server.take(Step("POST", "/_mock/clock/advance", {"days": -1}))[0] == 422
        assert server.take(Step("POST", "/_mock/snapshots/none/restore"))[0] == 404
        assert server.take(Step("GET", "/_mock/clock", wait=90_000_000))[0] == 200
        assert server.keeper.store.length(DEFAULT_KEY) == before  # type: ignore[union-attr]


def test_a_record_is_a_line_that_users_can_read(tmp_path: Path) -> None:
    with Server(tmp_path / "kept") as server:
        server.take(event("ann", 7, None, None, None, 0))
        server.take(Step("POST", "/_mock/clock/advance", {"days": 1}))
        assert server.keeper is not None
        _, actual, moved = [decode(line) for _, line in server.keeper.store.read(DEFAULT_KEY)]
    assert actual.name == "metrics_event"
    assert actual.arguments["body"] == {"user": {"id": "ann"}, "value": 7}
    assert (moved.name, moved.time, moved.arguments) == ("mock_clock_advance", actual.time, {"body": {"days": 1}})

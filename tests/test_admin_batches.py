"""A batch of events is what its events are one by one, or it is nothing at all."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from lives import STARTS, USERS, ZONES, Step, born, known, lives, starts, steady, take
from sample import SAMPLE

from mockserver.admin.events import admin_metrics_batch_events
from mockserver.api.metrics import metrics_event
from mockserver.game.engine import Game
from mockserver.game.errors import GameError

profiles = st.sampled_from(
    [
        *[{}] * 12,
        {"tz": ZONES[0]},
        {"tz": "Mars"},
        {"email": "a@example.com"},
        {"subscribeToEmails": True},
        {"subscribeToEmails": False},
        {"attributes": {"plan": "pro"}},
        {"attributes": {"nope": "pro"}},
        {"signUpDate": "2011-01-01"},
        {"signUpDate": "2999-01-01"},
    ]
)
rows = st.builds(
    lambda user, profile, key, value, source, once: {
        "key": key,
        "user": {"id": user, **profile},
        "value": value,
        "attributes": {"source": source} if source else {},
        **({"idempotencyKey": once} if once else {}),
    },
    st.sampled_from(USERS[:2]),
    profiles,
    st.sampled_from(["words"] * 12 + ["chapters"] * 2 + ["none"]),
    st.sampled_from([1, 10, 0.5, -3, 6 * 10**14, 6 * 10**14]),  # two of these are beyond what a total may be
    st.sampled_from([None, "phone"]),
    st.sampled_from([None, None, "once", "twice"]),
)
batches = st.lists(rows, min_size=1, max_size=6)


def one_by_one(game: Game, batch: list[dict[str, Any]]) -> bool:
    """Whether all of them could happen."""
    for row in batch:
        try:
            metrics_event(game, key=row["key"], body=row, idempotency_key=row.get("idempotencyKey"))
        except GameError:
            return False
    return True


def row(value: float, once: str | None = None, **profile: Any) -> dict[str, Any]:
    keyed = {"idempotencyKey": once} if once else {}
    return {"key": "words", "user": {"id": "ann", **profile}, "value": value, **keyed}


@steady
@given(starts, lives, batches)
@example(STARTS[0], [], [row(6 * 10**14), row(6 * 10**14)])
@example(STARTS[0], [], [row(6 * 10**14, "once"), row(6 * 10**14, "once")])
@example(STARTS[0], [], [row(1, email="a@example.com"), row(1, subscribeToEmails=True)])
@example(STARTS[0], [], [row(1, subscribeToEmails=False), row(1, email="a@example.com", subscribeToEmails=True)])
def test_a_batch_is_its_events_one_by_one_or_nothing(start: str, life: list[Step], batch: list[dict[str, Any]]) -> None:
    together, apart = born(SAMPLE, start), born(SAMPLE, start)
    for game in (together, apart):
        for step in life:
            take(game, step)
    before, accepted = known(pickle.loads(pickle.dumps(together.world))), False
    with suppress(GameError):
        accepted = admin_metrics_batch_events(together, body=batch) == {"accepted": len(batch)}
    assert accepted == one_by_one(apart, batch)
    assert known(together.world) == (known(apart.world) if accepted else before)

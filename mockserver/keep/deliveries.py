"""Outcomes of deliveries, kept next to the log of their world."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from mockserver.log.sqlite import SqliteStore
from mockserver.webhooks.delivery import Attempt, Outcome


class Deliveries:
    """The ledger of one world."""

    def __init__(self, store: SqliteStore, world: str) -> None:
        self._store = store
        self._world = world

    def outcomes(self, generation: int) -> Mapping[int, Outcome]:
        return {number: _read(text) for number, text in self._store.outcomes(self._world, generation).items()}

    def keep(self, generation: int, number: int, outcome: Outcome) -> None:
        attempts = [tuple(attempt) for attempt in outcome.attempts]
        text = orjson.dumps((outcome.state, outcome.due, attempts)).decode()
        self._store.keep_outcome(self._world, generation, number, text)


def _read(text: str) -> Outcome:
    state, due, attempts = orjson.loads(text)
    return Outcome(state, due, [Attempt(*attempt) for attempt in attempts])

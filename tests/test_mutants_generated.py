"""Generated faults: there are thousands, a seed draws the same ones again, and each does what its name says."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from contract_tests.texts import odd
from tests.mutants.fault import ClientRequest, Fault, ServerResponse
from tests.mutants.generated.all import drawn, generated
from tests.mutants.generated.changes import DECODED, TEXTS
from tests.mutants.posted import HEADER, Post

USER = {"id": "ann", "name": " Ann é ", "created": "2025-03-12T12:30:15.250Z", "updated": "2025-03-13T00:00:00.000Z"}


def responses_to(fault: Fault, *bodies: Any, path: str = "/users/ann", operation: str = "users_get") -> list[Any]:
    """What a client gets when the app returns these, one request after the other."""
    assert fault.plant is not None
    memory: dict[Any, Any] = {}
    found = []
    for number, body in enumerate(bodies):
        request = ClientRequest("GET", path, "", {"x-api-key": "k"}, b"", operation=operation, now=number * 3_600_000)

        async def forward(changed: ClientRequest, body: Any = body) -> ServerResponse:
            return ServerResponse(200, {}, json.dumps(body).encode())

        found.append(asyncio.run(fault.plant(request, forward, memory)).json)
    return found


def test_there_are_thousands_of_every_sort() -> None:
    kinds = Counter(fault.kind for fault in generated().values())
    assert sum(kinds.values()) > 10_000
    assert all(count >= 10 for count in kinds.values()), kinds
    assert all(fault.plant or fault.sender or fault.patch for fault in generated().values())


def test_a_seed_draws_the_same_faults_again() -> None:
    first = [fault.name for fault in drawn(200, 1)]
    assert len(set(first)) == 200
    assert first == [fault.name for fault in drawn(200, 1)]
    assert first != [fault.name for fault in drawn(200, 2)]
    assert len({fault.kind for fault in drawn(200, 1)}) == len({fault.kind for fault in generated().values()})


@pytest.mark.parametrize(
    ("what", "field", "expected"),
    [
        ("trimmed", "name", "Ann é"),
        ("in ASCII only", "name", " Ann  "),
        ("null", "name", None),
        ("missing", "name", "-"),
        ("cut to hours", "created", "2025-03-12T12:00:00.000Z"),
        ("one day late", "created", "2025-03-13T12:30:15.250Z"),
        ("exchanged with updated", "created", "2025-03-13T00:00:00.000Z"),
    ],
)
def test_a_field_is_wrong_as_its_name_says(what: str, field: str, expected: Any) -> None:
    (found,) = responses_to(generated()[f"users_get {field}: {what}"], USER)
    assert found.get(field, "-") == expected
    assert {name: found.get(name) for name in ("id",)} == {"id": "ann"}


@pytest.mark.parametrize("name", [*TEXTS, *DECODED])
def test_every_change_of_a_text_is_seen_in_the_odd_one(name: str) -> None:
    change = {**TEXTS, **DECODED}[name]
    assert change(odd()) not in (odd(), odd("2"))


def test_a_stale_field_is_that_of_the_request_before() -> None:
    rows = [USER | {"name": name} for name in ("A", "B", "C")]
    found = responses_to(generated()["users_get name: stale by one request"], *rows)
    assert [row["name"] for row in found] == ["A", "A", "B"]


def test_what_is_forgotten_was_known_for_a_day() -> None:
    rows = [USER | {"name": str(hour)} for hour in range(26)]
    found = responses_to(generated()["users_get name: forgotten after a day"], *rows)
    assert [row["name"] for row in found] == [*map(str, range(24)), "0", "0"]


def test_a_row_of_a_list_is_taken_for_the_next() -> None:
    fault = generated()["streaks_list *.streakLength: another user's"]
    rows = [{"userId": "ann", "streakLength": 3}, {"userId": "ben", "streakLength": 1}]
    (found,) = responses_to(fault, rows, path="/streaks", operation="streaks_list")
    assert [row["streakLength"] for row in found] == [1, 3]


def test_a_changed_webhook_is_signed_anew() -> None:
    fault = generated()["streak.lost length: off by one"]
    assert fault.sender is not None
    body = {"type": "streak.lost", "timestamp": "2025-03-12T00:00:00.000Z", "user": USER, "length": 4}
    sent: list[tuple[bytes, dict[str, str]]] = []

    async def send(body: bytes, headers: dict[str, str]) -> int:
        sent.append((body, headers))
        return 200

    asyncio.run(fault.sender(Post(json.dumps(body).encode(), {HEADER: "-"}, {}, "http://h/1"), send))
    ((changed, headers),) = sent
    assert json.loads(changed)["length"] == 5
    assert headers[HEADER] != "-"

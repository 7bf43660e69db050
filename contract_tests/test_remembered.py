"""What was written stays, after many writes and after many reads of other users."""

from __future__ import annotations

from typing import Any

import pytest

from contract_tests.rules import behaviour, rule
from contract_tests.stage import Stage

pytestmark = pytest.mark.operations("users_", "metrics_event", "achievements_complete")
#: How many different values are written one after the other, and how many other users are read in between.
TIMES, OTHERS = 5, 30
CHANNELS: tuple[list[str], ...] = (["email"], ["push"], [], ["email", "push"], ["push"])


@rule("After many writes the last one is stored", behaviour(3))
@pytest.mark.parametrize(
    "operation", ["users_create", "users_identify", "users_update", "metrics_event", "achievements_complete"]
)
def test_the_last_write_holds(stage: Stage, operation: str) -> None:
    ann = stage.user("ann")
    for number in range(TIMES):
        profile: dict[str, Any] = {"name": f"Ann {number}", "deviceTokens": [f"token {number}"]}
        if operation == "metrics_event":
            stage.event({"id": ann, **profile}, 1)
        elif operation == "achievements_complete":
            stage.get(operation, key=stage.kit.plain("api")["key"], body={"user": {"id": ann, **profile}})
        else:
            where = {} if operation == "users_create" else {"id": ann}
            stage.get(operation, **where, body={"id": ann, **profile})
        for _ in range(2):
            read = stage.get("users_get", id=ann)
            for name, value in profile.items():
                assert read[name] == value, f"{name} reads {read[name]!r}, the last {operation} sent {value!r}"


@rule("After many changes of preferences the last one is stored", behaviour(3))
def test_the_last_preferences_hold(stage: Stage) -> None:
    ann = stage.user("ann")
    for kind in ("recap", "reactivation", "achievement_completed", "streak_reminder"):
        for channels in CHANNELS:
            sent = {"notifications": {kind: channels}}
            actual = stage.get("users_update_preferences", id=ann, body=sent)["notifications"][kind]
            read = stage.get("users_get_preferences", id=ann)["notifications"][kind]
            assert sorted(actual) == sorted(read) == sorted(channels), (
                f"{kind}: {actual} and {read}, sent were {channels}"
            )


@rule("A user's data stays the same while many other users are read", behaviour(3))
def test_users_are_not_pushed_out(stage: Stage) -> None:
    ann, metric = stage.user("ann"), stage.kit.metric()
    for number in range(3):
        stage.get("users_update", id=ann, body={"name": f"Ann {number}", "tz": "Asia/Kathmandu"})
        stage.event(ann, 2, metric)
    known = [stage.get("users_get", id=ann), stage.streak(ann)["length"], stage.completed(ann)]
    for number in range(OTHERS):
        other = stage.user("other", name=f"Other {number}")
        stage.event(other, 1, metric)
        stage.get("users_get", id=other)
        stage.streak(other)
    after = [stage.get("users_get", id=ann), stage.streak(ann)["length"], stage.completed(ann)]
    assert stage.total(ann, metric) == 6
    assert [row.get("name") for row in (known[0], after[0])] == ["Ann 2"] * 2
    assert {row["id"] for row in known[2]} == {row["id"] for row in after[2]}
    assert known[1] == after[1], "a streak changed while others were active"


@rule("Reading other users' ranks does not change a user's rank or history", behaviour(8))
def test_a_second_look_says_the_same(stage: Stage) -> None:
    """Nothing happens between two reads; reads of other users change nothing."""
    metric = stage.kit.metric()
    ann, ben = stage.user("ann", name="Ann"), stage.user("ben", name="Ben")
    stage.event(ann, stage.kit.large, metric)
    stage.event(ben, 1, metric)

    def look(user: str) -> list[Any]:
        rows = [stage.get("users_get", id=user), stage.streak(user), stage.completed(user)]
        rows += [stage.get("users_all_metrics", id=user), stage.get("users_wrapped", id=user)]
        rows += [stage.points(user, system) for system in stage.kit.points]
        boards = [row["key"] for row in stage.kit.boards(status="active") if not row["breakdownAttributes"]]
        return rows + [stage.place(user, key) for key in boards]

    first, other, again = look(ann), look(ben), look(ann)
    assert other != first
    if stage.fresh:
        assert again == first, "reading another user has changed what is returned for the first"

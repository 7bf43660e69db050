"""Checks the webhooks of leaderboards: each change has one, with the ranking before and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from contract_tests.audit.auditor import Auditor, when
from contract_tests.receiver import Webhook
from contract_tests.reference.boards import Place, turns
from contract_tests.reference.calendar import ONE_DAY, run_of

JSON = Any
TOP = 10


def check_board_webhooks(auditor: Auditor, webhooks: list[Webhook]) -> None:
    """Check which webhooks there are for each board, and all ranks in them."""
    actual: dict[tuple[str, str], list[JSON]] = defaultdict(list)
    for webhook in webhooks:
        if webhook.kind.startswith("leaderboard."):
            actual[webhook.kind, webhook.content["leaderboard"]["key"]].append(webhook.content)
    for key, board in auditor.catalog["leaderboards"].items():
        changed, ranks = _due(auditor, board)
        shown = [_changed(board, one) for one in actual["leaderboard.changed", key]]
        _same(auditor, "leaderboard.changed", f"webhooks of {key}", shown, changed)
        shown = [_rank(one) for one in actual["leaderboard.rank_changed", key]]
        _same(auditor, "leaderboard.rank_changed", f"webhooks of {key}", shown, ranks)
        for kind, due in (("leaderboard.started", _starts), ("leaderboard.finished", _ends)):
            shown = [(when(one["timestamp"]), one["leaderboard"].get("run")) for one in actual[kind, key]]
            wanted = [(at, run.isoformat()) for at, run in due(board, auditor.reference.now) if at > auditor.began]
            _same(auditor, kind, f"timestamps and runs of {key}", shown, wanted)
        for one in actual["leaderboard.finished", key]:
            _finished(auditor, key, board, one)


def _same(auditor: Auditor, kind: str, field: str, shown: list[Any], wanted: list[Any]) -> None:
    """Compare both in any order; a finding shows the first row that only one of them has."""
    missing, more = _without(wanted, shown), _without(shown, wanted)
    auditor.same(kind, field, more[:1], missing[:1], 11)


def _without(rows: list[Any], others: list[Any]) -> list[Any]:
    left = [repr(one) for one in others]
    found = []
    for row in rows:
        if repr(row) in left:
            left.remove(repr(row))
        else:
            found.append(row)
    return found


def _due(auditor: Auditor, board: JSON) -> tuple[list[Any], list[Any]]:
    """What `leaderboard.changed` and `leaderboard.rank_changed` must say of a board."""
    changed, ranks = [], []
    for turn in turns(auditor.reference, board):
        run = turn.run.isoformat()
        top = [_row(auditor, place, turn.time) for place in turn.after.values()][:TOP]
        changed.append((turn.time, run, turn.group, top))
        for user in dict.fromkeys((*turn.before, *turn.after)):
            was, now = turn.before.get(user), turn.after.get(user)
            if (was and was.rank) != (now and now.rank):
                ranks.append((turn.time, run, user, _standing(was), _standing(now)))
    return changed, ranks


def _row(auditor: Auditor, place: Place, at: datetime) -> tuple[Any, ...]:
    """A row of a ranking, with the name that the user had then."""
    name = auditor.reference.users[place.user].profile_at(at)[1].get("name")
    return place.user, name, place.rank, place.value


def _standing(place: Place | None) -> tuple[int | None, int | None]:
    return (place.rank, place.value) if place else (None, None)


def _changed(board: JSON, body: JSON) -> tuple[Any, ...]:
    row = body["leaderboard"]
    given = {pair["key"]: pair["value"] for pair in row.get("breakdownAttributeValues") or ()}
    group = tuple(given.get(name) for name in board.get("breakdownAttributes") or ())
    return when(body["timestamp"]), row.get("run"), group, _rankings(row)


def _rankings(row: JSON) -> list[Any]:
    return [(one["userId"], one["userName"], one["rank"], one["value"]) for one in row["rankings"]]


def _rank(body: JSON) -> tuple[Any, ...]:
    row = body["leaderboard"]
    before, after = (row["previousRank"], row["previousValue"]), (row["rank"], row["value"])
    return when(body["timestamp"]), row.get("run"), body["user"]["id"], before, after


def _runs(board: JSON, now: datetime) -> Iterator[tuple[date, date | None]]:
    """The runs that have begun, or begin the day after: first and last day."""
    run = run_of(board, date.fromisoformat(board["start"]))
    while run is not None and run[0] <= now.date() + ONE_DAY:
        yield run
        run = run_of(board, run[1] + ONE_DAY) if run[1] else None


def _starts(board: JSON, now: datetime) -> Iterator[tuple[datetime, date]]:
    """The times of webhooks of starts, 10:00 UTC of the day before a run's first day, with that first day."""
    for first, _ in _runs(board, now):
        at = datetime.combine(first, time(10), UTC) - timedelta(days=1)
        if at <= now:
            yield at, first


def _ends(board: JSON, now: datetime) -> Iterator[tuple[datetime, date]]:
    """The times of webhooks of ends, 13:00 UTC of the day after a run's last day, with its first day."""
    for first, last in _runs(board, now):
        at = datetime.combine(last, time(13), UTC) + timedelta(days=1) if last else now + ONE_DAY
        if at <= now:
            yield at, first


def _finished(auditor: Auditor, key: str, board: JSON, body: JSON) -> None:
    """Check that it shows the final ranking of the run."""
    if board.get("breakdownAttributes"):
        return
    last: dict[str, Place] = {}
    for turn in turns(auditor.reference, board):
        if turn.run.isoformat() == body["leaderboard"].get("run"):
            last = turn.after
    at = when(body["timestamp"]) or auditor.reference.now
    wanted = [_row(auditor, place, at) for place in last.values()][:TOP]
    auditor.same("leaderboard.finished", f"rankings of {key}", _rankings(body["leaderboard"]), wanted, 11)

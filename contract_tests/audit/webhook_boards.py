"""Checks the webhooks of leaderboards: the last one of a run shows its current ranking."""

from __future__ import annotations

from datetime import date
from typing import Any

from contract_tests.audit.auditor import Auditor
from contract_tests.audit.boards import place_of
from contract_tests.receiver import Webhook
from contract_tests.reference.boards import ranking
from contract_tests.reference.user import User

JSON = Any


def check_ranks(auditor: Auditor, user: User, bodies: list[JSON]) -> None:
    """In each run of a board `previousRank` is the rank of the webhook before; the last rank is the current one."""
    known: dict[tuple[str, str], JSON] = {}
    kind = "leaderboard.rank_changed"
    for one in bodies:
        row = one["leaderboard"]
        run = (row["key"], str(row.get("run")))
        want = known[run]["rank"] if run in known else None
        auditor.same(kind, f"previousRank on {row['key']}", row["previousRank"], want, 11)
        auditor.same(kind, "the rank changed", row["previousRank"] != row["rank"], True, 11)
        if row["previousRank"] is None:
            auditor.same(kind, "previousValue without a rank", row["previousValue"], None, 11)
        known[run] = row
    for (key, run_day), row in known.items():
        board = auditor.catalog["leaderboards"].get(key)
        if board is None or board["rankBy"] == "streak":
            continue
        place = place_of(auditor, board, user, date.fromisoformat(run_day))
        auditor.same(kind, f"last rank on {key}", row["rank"], place.rank if place else None, 11)


def check_board_webhooks(auditor: Auditor, webhooks: list[Webhook]) -> None:
    """The last `leaderboard.changed` of each run and group, and `leaderboard.finished`, show its ranking."""
    last: dict[tuple[str, str, str], JSON] = {}
    for webhook in webhooks:
        row = webhook.content.get("leaderboard")
        if (
            webhook.kind in ("leaderboard.changed", "leaderboard.finished")
            and row["key"] in auditor.catalog["leaderboards"]
        ):
            last[webhook.kind, f"{row['key']} {row.get('run')}", str(row.get("breakdownAttributeValues"))] = row
    names = {user.id: user.profile.get("name") for user in auditor.reference.users.values()}
    for (kind, _, _), row in last.items():
        board = auditor.catalog["leaderboards"][row["key"]]
        if board["rankBy"] == "streak":
            continue
        group = {pair["key"]: pair["value"] for pair in row.get("breakdownAttributeValues") or ()} or None
        places = ranking(auditor.reference, board, date.fromisoformat(row["run"]), group)[:10]
        want = [(place.user, names[place.user], place.rank, place.value) for place in places]
        actual = [(one["userId"], one["userName"], one["rank"], one["value"]) for one in row["rankings"]]
        auditor.same(kind, f"rankings of {row['key']}", actual, want, 11)

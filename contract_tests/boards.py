"""Helpers for scenarios of leaderboards: a board with room, users with scores, all pages of a board."""

from __future__ import annotations

import re
from typing import Any

from contract_tests.stage import Stage

Board = dict[str, Any]
#: The most users that a scenario creates.
PLAYERS = 12
#: The number of users that most scenarios create.
FEW = 5


def open_board(stage: Stage, players: int = FEW) -> Board:
    """An active metric board without breakdown, with room for the players; if possible one that does not repeat."""
    rows = [
        row
        for row in stage.kit.boards(rankBy="metric", status="active")
        if not row["breakdownAttributes"] and row.get("metricKey") in stage.kit.metrics
    ]
    rows = stage.kit.need(rows, "active metric leaderboard without breakdown")
    rows = sorted(rows, key=lambda row: row["runUnit"] is not None)
    found = (row for row in rows if has_room(stage, row, players))
    picked: Board = stage.kit.need(next(found, None), f"leaderboard with room for {players} more")
    return picked


def has_room(stage: Stage, board: Board, players: int) -> bool:
    """Whether it has room for that many: other users may fill it, and then new users have no rank."""
    if board["maxParticipants"] < players:
        return False
    return stage.fresh or not stage.board(board["key"], offset=board["maxParticipants"] - players, limit=1)["rankings"]


def users_with_scores(stage: Stage, board: Board, *values: float) -> list[str]:
    """New users with these scores, in this order, which is not the order of their ids."""
    users = [stage.user(f"p{99 - number}", name=f"Player {number}") for number in range(len(values))]
    for user, value in zip(users, values, strict=True):
        stage.event(user, value, board["metricKey"])
    return users


def all_rankings(stage: Stage, key: str, **arguments: Any) -> list[dict[str, Any]]:
    """All rankings of a board, page by page."""
    rows: list[dict[str, Any]] = []
    most = stage.kit.all_leaderboards[key]["maxParticipants"] if key in stage.kit.all_leaderboards else 1000
    size = min(25, most)
    while page := stage.board(key, offset=len(rows), limit=size, **arguments)["rankings"]:
        rows += page
        assert len(rows) <= most, f"the pages do not end: {len(rows)} rows of a board for {most}"
    return rows


def current_run(stage: Stage, board: Board, user: str) -> str:
    """The first day of the current run, which identifies it. An event of `user` returns it."""
    if board["runUnit"] is None:
        return str(board["start"])
    actual = stage.event(user, 1, board["metricKey"])["leaderboards"][board["key"]]
    return str(actual["start"])


def pairs_of(attributes: dict[str, str]) -> str:
    """The value of the parameter `userAttributes`, with special characters escaped."""
    return ",".join(f"{_escaped_key(key)}:{_escaped(value)}" for key, value in attributes.items())


def _escaped(text: str) -> str:
    return re.sub(r"([\\,:])", r"\\\1", text) if re.search(r"[\\,]", text) else text


def _escaped_key(text: str) -> str:
    """A colon in a key would end it."""
    return re.sub(r"([\\,:])", r"\\\1", text)


def group_ranking(stage: Stage, board: Board, attributes: dict[str, str], **arguments: Any) -> list[tuple[str, int]]:
    """The users on a board with breakdown for these attributes, with their ranks."""
    rows = stage.board(board["key"], userAttributes=pairs_of(attributes), **arguments)["rankings"]
    return [(row["userId"], row["rank"]) for row in rows]

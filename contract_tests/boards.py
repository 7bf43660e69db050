"""What the scenarios of leaderboards share: a board to play on, players, and a board read whole."""

from __future__ import annotations

import re
from typing import Any

from contract_tests.stage import Stage

Board = dict[str, Any]
#: As many as a scenario brings along at most.
PLAYERS = 12
#: As many as most scenarios bring along.
FEW = 5


def open_board(stage: Stage, players: int = FEW) -> Board:
    """An active metric board without breakdown, with room for the players; one that never repeats if there is one."""
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
    """Whether it takes so many; where others live too they may fill it, and then newcomers have no rank."""
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
    """The first day of the run that is on, by which every implementation knows it. An event of `user` tells it."""
    if board["runUnit"] is None:
        return str(board["start"])
    actual = stage.event(user, 1, board["metricKey"])["leaderboards"][board["key"]]
    return str(actual["start"])


def pairs_of(attributes: dict[str, str]) -> str:
    """The parameter `userAttributes`, with signs that mean something there written as themselves."""
    return ",".join(f"{_escaped_key(key)}:{_escaped(value)}" for key, value in attributes.items())


def _escaped(text: str) -> str:
    return re.sub(r"([\\,:])", r"\\\1", text) if re.search(r"[\\,]", text) else text


def _escaped_key(text: str) -> str:
    """A colon in a key would end it."""
    return re.sub(r"([\\,:])", r"\\\1", text)


def group_ranking(stage: Stage, board: Board, attributes: dict[str, str], **arguments: Any) -> list[tuple[str, int]]:
    """Who is on a board with breakdown for these attributes, and at which rank."""
    rows = stage.board(board["key"], userAttributes=pairs_of(attributes), **arguments)["rankings"]
    return [(row["userId"], row["rank"]) for row in rows]

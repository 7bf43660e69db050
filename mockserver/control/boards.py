"""Leaderboards from behind: all their runs and groups, who stands where, and who moved."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson

from mockserver.api.leaderboards import board_shape, breakdown_shape, rankings_shape, run_dates
from mockserver.api.shared import find_board
from mockserver.control.facts import fact_shape, newest
from mockserver.control.fields import Query
from mockserver.control.request import JSON, ControlRequest
from mockserver.game.catalog import Leaderboard
from mockserver.game.engine import Game
from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import Entry, ScoreChanged
from mockserver.game.leaderboards import current_run, named_run
from mockserver.game.periods import utc_day

DEFAULT_LIMIT, GREATEST_LIMIT = 25, 1000
MOST_MOVES = 20
LOOKED_AT = 20_000  # facts, at most, in search of moves

Group = tuple[str, ...]


def list_boards(request: ControlRequest) -> JSON:
    """Every board with its current run and those that anybody has scored in, newest first, and its groups."""
    request.query()
    game = request.game()
    return {"leaderboards": [_board(game, board) for board in game.world.catalog.leaderboards.values()]}


def _board(game: Game, board: Leaderboard) -> JSON:
    runs = game.world.runs.get(board.key, {})
    current = current_run(board, utc_day(game.now))
    groups = sorted({group for run in runs.values() for group in run.rankings})
    return board_shape(game.world.catalog, board, game.now) | {
        "run": current.isoformat(),
        "runs": [
            run_dates(board, first) | {"users": sum(map(len, runs[first].rankings.values())) if first in runs else 0}
            for first in sorted({current, *runs}, reverse=True)
        ],
        "groups": [list(group) for group in groups] if board.breakdown else [],
    }


async def show_board(request: ControlRequest) -> JSON:
    """One ranking of a board: a run (the current one) and, on boards with a breakdown, a group (the first)."""
    query = request.query("leaderboard", "run", "group", "limit", "offset")
    key = query.text("leaderboard")
    if key is None:
        raise Refused("Query parameter `leaderboard` is required: the key of one.")
    game = request.game()
    board = find_board(game.world.catalog, key)
    first = _run(game, board, query)
    run = game.world.run(key, first)
    group = _group(board, query, sorted(run.rankings) if run else [])
    limit, offset = query.whole("limit", 1, GREATEST_LIMIT) or DEFAULT_LIMIT, query.whole("offset", 0, 1000) or 0
    rows = run.top(group, offset, limit) if run else []
    moves = [fact_shape(game.world, entry) for entry in await _moves(game, key, first, group)]
    return (
        board_shape(game.world.catalog, board, game.now)
        | run_dates(board, first)
        | breakdown_shape(board, group)
        | {
            "run": first.isoformat(),
            "participants": len(run.ranking(group)) if run else 0,
            "threshold": run.threshold(group) if run else 1,
            "rankings": rankings_shape(game.world, rows),
            "moves": moves,
        }
    )


def _run(game: Game, board: Leaderboard, query: Query) -> date:
    text = query.text("run")
    if text is None:
        return current_run(board, utc_day(game.now))
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise query.expected("run", "a date such as 2026-01-31") from None
    first = named_run(board, day, game.now)
    if first is None:
        raise NotFound(f"Leaderboard {board.key!r} has no run on {day.isoformat()}.")
    return first


def _group(board: Leaderboard, query: Query, known: list[Group]) -> Group:
    """As a JSON array of the breakdown attributes' values, in the board's order."""
    text = query.text("group")
    if text is None:
        return known[0] if known else tuple("" for _ in board.breakdown)
    try:
        values: Any = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    right = isinstance(values, list) and all(isinstance(value, str) for value in values)
    if not right or len(values) != len(board.breakdown):
        wanted = ", ".join(board.breakdown) or "none, so []"
        raise query.expected("group", f"a JSON array of the values of the breakdown attributes ({wanted})")
    return tuple(values)


async def _moves(game: Game, key: str, first: date, group: Group) -> list[Entry]:
    """The newest facts in which a rank of this ranking changed."""
    found: list[Entry] = []
    looked_at = 0
    async for entry in newest(game.world.journal):
        looked_at += 1
        if len(found) == MOST_MOVES or looked_at > LOOKED_AT:
            break
        fact = entry.fact
        if not isinstance(fact, ScoreChanged) or fact.before.rank == fact.after.rank:
            continue
        if (fact.board, fact.run, fact.group) == (key, first, group):
            found.append(entry)
    return found

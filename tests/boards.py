"""Leaderboards of a test's own, and where a user stands on them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sample import BARE, board, by_key
from story import Story, column

from mockserver.game.catalog import Catalog, Leaderboard

REGIONS = board("regions", "2025-01-01", breakdown=("region",), max_participants=2)


def with_boards(*rows: Leaderboard, **more: Any) -> Catalog:
    return replace(BARE, leaderboards=by_key(*rows), **more)


def at(story: Story, user: str, key: str, **arguments: Any) -> tuple[int | None, int | None]:
    response = story.call("users_leaderboard", id=user, key=key, **arguments)
    return response["rank"], response["value"]


def history(story: Story, user: str, key: str, **arguments: Any) -> list[Any]:
    rows = story.call("users_leaderboard", id=user, key=key, **arguments)["history"]
    assert all(row["time"] == row["timestamp"] for row in rows)
    return column(rows, "previousRank", "rank", "previousValue", "value")

"""Webhooks that follow from a request. The spec names no signature, so there is none."""

from __future__ import annotations

import json
import queue
import threading
import urllib.request
from typing import Any

from tests.standin.shapes import (
    achievement_of,
    board_of,
    board_row,
    level_row,
    points_gained,
    ranking_rows,
    streak_row,
    system_row,
    user_row,
)
from tests.standin.state import Effects, State, User

Row = dict[str, Any]
TOP = 5
#: Seconds in which one webhook is sent for a user's points of one system.
MINUTE = 60.0


class Hooks:
    """Posts in the background, one after the other; without a URL nowhere."""

    def __init__(self, state: State, url: str | None) -> None:
        self.state, self.url = state, url
        self.waiting: queue.Queue[bytes] = queue.Queue()
        self.sent: dict[tuple[str, str], Row | None] = {}
        if url:
            threading.Thread(target=self._post, daemon=True).start()

    def send(self, user: User, effects: Effects) -> None:
        """Everything that a request brought about for a user."""
        if not self.url:
            return
        who = {"user": user_row(user)}
        for key in effects.completed:
            self._put("achievement.completed", who | {"achievement": achievement_of(user, key)})
        if effects.extended:
            streak = streak_row(self.state, user)
            self._put("streak.started" if streak["length"] == 1 else "streak.extended", who | {"streak": streak})
        for key, row in points_gained(user, effects).items():
            self._points(user, key, row)
        for key, (old, new) in effects.levels.items():
            points = {**system_row(key), "total": user.points[key]}
            levels = {"previousLevel": level_row(old), "newLevel": level_row(new)}
            self._put("points.level_changed", who | {"points": points} | levels)
        for key in effects.boards:
            self._board(key, user, effects)

    def _board(self, key: str, user: User, effects: Effects) -> None:
        board = self.state.boards[key]
        run, values = board.run(), board.values_of(user.attributes)
        if run is None or values is None:
            return
        rows = ranking_rows(self.state, board.group(run[0], values).ranked()[:TOP])
        self._put("leaderboard.changed", {"leaderboard": {**board_row(board), "rankings": rows}})
        for id, was in effects.boards[key].items():
            other = self.state.users[id]
            row = board_of(board, other, run[0])
            if row["rank"] != was.rank:
                row |= {"previousRank": was.rank, "previousValue": was.value}
                self._put("leaderboard.rank_changed", {"user": user_row(other), "leaderboard": row})

    def _points(self, user: User, key: str, row: Row) -> None:
        """At once the first time; changes within a minute of that are sent together at its end."""
        place = user.id, key
        if place not in self.sent:
            self.sent[place] = None
            self._put("points.changed", {"user": user_row(user), "points": row})
            timer = threading.Timer(MINUTE, self._later, (user, key))
            timer.daemon = True
            timer.start()
            return
        before = self.sent[place]
        if before:
            row |= {"added": before["added"] + row["added"], "awards": before["awards"] + row["awards"]}
        self.sent[place] = row

    def _later(self, user: User, key: str) -> None:
        row = self.sent.pop((user.id, key))
        if row:
            self._points(user, key, row)

    def _put(self, type: str, body: Row) -> None:
        self.waiting.put(json.dumps({**body, "type": type}).encode())

    def _post(self) -> None:
        while True:
            content = self.waiting.get()
            request = urllib.request.Request(self.url or "", content, {"Content-Type": "application/json"})
            try:
                urllib.request.urlopen(request, timeout=10).close()
            except OSError:
                continue  # nobody is there to listen

"""The runs of leaderboards: what everybody gained, and in which order that ranks them (behaviour, section 8)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Any, NamedTuple

from sortedcontainers import SortedList

from mockserver.game.catalog import MICRO, Leaderboard
from mockserver.game.facts import Standing

KEPT_HISTORY = 100  # the most that an answer can ask for
NOWHERE = Standing(None, None)


def whole_value(board: Leaderboard, gained: int) -> int:
    """What is gained, as the integer that ranks (rounded down)."""
    return gained // MICRO if board.rank_by == "metric" else gained


def group_of(board: Leaderboard, attributes: dict[str, str]) -> tuple[str, ...] | None:
    """The user's group on the board; None when one of the breakdown attributes is missing."""
    if not board.breakdown:
        return ()
    values = tuple(attributes.get(key) for key in board.breakdown)
    return None if None in values else values  # type: ignore[return-value]


class ScoreEvent(NamedTuple):
    """A change of a user's own value, for the history of schema `LeaderboardEvent`."""

    time: int
    before: Standing
    after: Standing


# −value, number of the fact that brought it, user: in this order users are ranked. A number, not a time: many facts
# have the same millisecond, and whoever was first there is first here.
Place = tuple[int, int, str]


@dataclass(slots=True)
class Score:
    """What a user gained in a run; `place` is its key in the ranking of its group, if it is `ranked` there."""

    gained: int
    place: Place
    group: tuple[str, ...] | None
    history: array[int] | None = None  # five numbers for each event; 0 for a rank or value that there is not

    @property
    def value(self) -> int:
        """What ranks: a whole number."""
        return -self.place[0]

    @property
    def ranked(self) -> Place | None:
        """The place, None without a group and at 0 or below."""
        return self.place if self.place[0] < 0 and self.group is not None else None

    def remember(self, time: int, before: Standing, after: Standing) -> None:
        """Notes a change of the user's own value."""
        rows = self.history
        if rows is None:
            rows = self.history = array("q")
        rows.extend((time, before[0] or 0, before[1] or 0, after[0] or 0, after[1] or 0))
        if len(rows) > 2 * 5 * KEPT_HISTORY:
            del rows[: 5 * KEPT_HISTORY]

    def newest(self, number: int) -> list[ScoreEvent]:
        """The newest events, as many as that, the newest last."""
        rows = (self.history or ())[-5 * number :]
        columns = [[value or None for value in rows[n::5]] for n in range(1, 5)]
        return [
            ScoreEvent(time, Standing(*before), Standing(*after))
            for time, *before, after in zip(rows[::5], *columns[:2], zip(*columns[2:], strict=True), strict=True)
        ]


class Run:
    """One run of a board: everybody's score, and per group a ranking of (−value, reached, user)."""

    __slots__ = ("limit", "rankings", "scores", "told")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.scores: dict[str, Score] = {}
        self.rankings: dict[tuple[str, ...], SortedList] = {}
        self.told: dict[tuple[str, ...], Any] = {}  # a memory for who tells of it, per group; no part of the state

    def ranking(self, group: tuple[str, ...]) -> SortedList:
        """The places of a group, best first; empty when nobody is in it."""
        ranking = self.rankings.get(group)
        return SortedList() if ranking is None else ranking

    def standing(self, user: str) -> Standing:
        """Rank and value, both None when not on the board (limit included)."""
        score = self.scores.get(user)
        if score is None or score.group is None or score.place[0] >= 0:
            return NOWHERE
        rank = self.rankings[score.group].bisect_left(score.place) + 1
        return Standing(rank, score.value) if rank <= self.limit else NOWHERE

    def top(self, group: tuple[str, ...], offset: int, limit: int) -> list[tuple[int, int, str]]:
        """(rank, value, user) of the places from `offset` on, within the board's limit."""
        ranking = self.ranking(group)
        stop = min(offset + limit, self.limit, len(ranking))
        rows = ranking[offset:stop] if offset < stop else ()
        return [(rank, -value, user) for rank, (value, _, user) in enumerate(rows, offset + 1)]

    def threshold(self, group: tuple[str, ...]) -> int:
        """The least value that gets in now (behaviour, section 8)."""
        ranking = self.ranking(group)
        return 1 if len(ranking) < self.limit else 1 - ranking[self.limit - 1][0]

    def gain(self, board: Leaderboard, user: str, gained: int, group: tuple[str, ...] | None, reached: int) -> Score:
        """Replaces a user's score, which it returns, and moves its place in the ranking. `reached`: see `Place`."""
        value, score = -whole_value(board, gained), self.scores.get(user)
        if score is None:
            place = value, reached, user
            score = self.scores[user] = Score(gained, place, group)
        else:
            score.gained, place, left = gained, score.place, score.group
            if place[0] == value and left == group:
                return score
            if place[0] < 0 and left is not None:
                self.rankings[left].remove(place)
            if place[0] != value:
                score.place = place = value, reached, user
            score.group = group
        if value < 0 and group is not None:
            ranking = self.rankings.get(group)
            if ranking is None:
                ranking = self.rankings[group] = SortedList()
            ranking.add(place)
        return score

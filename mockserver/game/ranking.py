"""The runs of leaderboards: what everybody gained, and in which order that ranks them (behaviour, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from mockserver.game.catalog import MICRO, Leaderboard
from mockserver.game.facts import Standing
from mockserver.game.moves import NOBODY, Moves
from mockserver.game.periods import local_day
from mockserver.game.places import Place, Places

UNRANKED = Standing(None, None)


def whole_value(board: Leaderboard, gained: int) -> int:
    """What is gained, as the integer that ranks (rounded down)."""
    return gained // MICRO if board.rank_by == "metric" else gained


def group_of(board: Leaderboard, attributes: dict[str, str]) -> tuple[str, ...] | None:
    """The user's group on the board; None when one of the breakdown attributes is missing, and for those who do not
    take part."""
    for row in board.user_attributes:
        if attributes.get(row.key) != row.value:
            return None
    if not board.breakdown:
        return ()
    values = tuple(attributes.get(key) for key in board.breakdown)
    return None if None in values else values  # type: ignore[return-value]


def shown(rank: int, value: int, limit: int) -> Standing:
    """The standing of who has that rank in the ranking (0: none) on a board of so many places."""
    return Standing(rank, value) if 0 < rank <= limit else UNRANKED


class ScoreEvent(NamedTuple):
    """A change of a user's standing, for the history of schema `LeaderboardEvent`. `time` in ms UTC."""

    time: int
    before: Standing
    after: Standing


class RankChange(NamedTuple):
    """One change of a user's standing, by the fact of number `seq` at `time` (ms UTC), an `own` one or another's."""

    seq: int
    time: int
    own: bool
    before: Standing
    after: Standing


Old = tuple[tuple[str, ...] | None, int]  # the group and value that a user had


@dataclass(slots=True)
class Score:
    """What a user gained in a run; `place` is its key in the ranking of its group, if it is `ranked` there: −value,
    number of the fact that brought it (a number, not a time: many facts have the same millisecond, and the user who was
    first there is first here), user. `number`: which one of the run's users it is."""

    gained: int
    place: Place
    group: tuple[str, ...] | None
    number: int

    @property
    def value(self) -> int:
        """What ranks: a whole number."""
        return -self.place[0]

    @property
    def ranked(self) -> Place | None:
        """The place, None without a group and at 0 or below."""
        return self.place if self.place[0] < 0 and self.group is not None else None


class Run:
    """One run of a board: everybody's score, per group a ranking of (−value, reached, user), and how it came about.
    `groups`: their numbers in `moves`, in the order in which they came up."""

    __slots__ = ("groups", "limit", "moves", "rankings", "scores")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.scores: dict[str, Score] = {}
        self.rankings: dict[tuple[str, ...], Places] = {}
        self.groups: dict[tuple[str, ...] | None, int] = {}
        self.moves = Moves()

    def ranking(self, group: tuple[str, ...]) -> Places:
        """The places of a group, best first; empty when nobody is in it."""
        ranking = self.rankings.get(group)
        return Places() if ranking is None else ranking

    def rank(self, group: tuple[str, ...] | None, place: Place | None) -> int:
        """Which rank a place has in the ranking of a group or would have there, beyond the limit too; 0 for none."""
        if place is None or group is None:
            return 0
        ranking = self.rankings.get(group)
        return 1 if ranking is None else ranking.rank(place)

    def ranks(self, score: Score | None, group: tuple[str, ...] | None, place: Place | None) -> tuple[int, int]:
        """The rank of a score, and the one that it would have at another place in a group; 0 for none."""
        if score is None:
            return 0, self.rank(group, place)
        if group is not None and group == score.group and place is not None and score.place[0] < 0:
            return self.rankings[group].ranks(score.place, place)
        return self.rank(score.group, score.ranked), self.rank(group, place)

    def standing(self, user: str) -> Standing:
        """Rank and value, both None when not on the board (limit included)."""
        score = self.scores.get(user)
        return UNRANKED if score is None else shown(self.rank(score.group, score.ranked), score.value, self.limit)

    def top(self, group: tuple[str, ...], offset: int, limit: int) -> list[tuple[int, int, str]]:
        """(rank, value, user) of the places from `offset` on, within the board's limit."""
        ranking = self.ranking(group)
        stop = min(offset + limit, self.limit, len(ranking))
        rows = ranking[offset:stop] if offset < stop else ()
        return [(rank, -value, user) for rank, (value, _, user) in enumerate(rows, offset + 1)]

    def threshold(self, group: tuple[str, ...]) -> int:
        """The least value that gets in now (behaviour, section 8)."""
        ranking = self.rankings.get(group)
        return 1 if ranking is None or len(ranking) < self.limit else 1 - ranking[self.limit - 1][0]

    def gain(self, board: Leaderboard, user: str, gained: int, group: tuple[str, ...] | None, reached: int) -> Score:
        """Replaces a user's score, which it returns, and moves its place in the ranking. `reached`: see `Score`."""
        value, score = -whole_value(board, gained), self.scores.get(user)
        if score is None:
            score = self.scores[user] = Score(gained, (value, reached, user), group, len(self.scores))
            self._move(None, None, group, score.ranked)
            return score
        score.gained, place, left = gained, score.place, score.group
        if place[0] == value and left == group:
            return score
        old, new = score.ranked, place if place[0] == value else (value, reached, user)
        score.place, score.group = new, group
        if old is not None and value < 0 and left == group and group is not None:
            self.rankings[group].move(old, new)
        else:
            self._move(left, old, group, new if value < 0 else None)
        return score

    def _move(
        self, left: tuple[str, ...] | None, old: Place | None, group: tuple[str, ...] | None, new: Place | None
    ) -> None:
        """From a place in the ranking of a group, None for none, to one in that of another."""
        if left is not None and old is not None:
            self.rankings[left].remove(old)
        if group is not None and new is not None:
            ranking = self.rankings.get(group)
            if ranking is None:
                ranking = self.rankings[group] = Places()
            ranking.add(new)

    def note(self, seq: int, time: int, score: Score, old: Old, ranks: tuple[int, int]) -> None:
        """Remembers a move of the user whose score it is now, by the fact of number `seq` at `time` (ms UTC)."""
        group, value = old
        before = after = self._number(group)
        if score.group != group:
            after = self._number(score.group)
        self.moves.add((seq, time, score.number, before, ranks[0], value, after, ranks[1], -score.place[0]))

    def _number(self, group: tuple[str, ...] | None) -> int:
        number = self.groups.get(group)
        if number is None:
            number = self.groups[group] = len(self.groups)
        return number

    def resize(self, limit: int, seq: int, time: int) -> None:
        """From now on so many are on the board."""
        if limit != self.limit:
            self.moves.add((seq, time, NOBODY, 0, self.limit, 0, 0, limit, 0))
            self.limit = limit

    def changes(self, user: str) -> Iterator[RankChange]:
        """All changes of a user's standing, caused by any user, newest first: the moves since then are taken back."""
        score = self.scores.get(user)
        if score is None:
            return
        number, limit, value, group = score.number, self.limit, score.value, self.groups.get(score.group)
        rank = self.rank(score.group, score.ranked)
        after = shown(rank, value, limit)
        for first, last, moves in self.moves.chunks():
            if rank and not first <= rank <= last:
                continue
            for seq, time, who, left, was, old, into, now, _ in moves():
                if who == number:
                    group, rank, value = left, was, old
                elif who == NOBODY:
                    limit = was
                elif rank:
                    rank = taken_back(rank, group, left, was, into, now)
                before = shown(rank, value, limit)
                if before != after:
                    yield RankChange(seq, time, who == number, before, after)
                    after = before


def taken_back(rank: int, group: Any, left: Any, was: int, into: Any, now: int) -> int:
    """Which rank somebody at `rank` in a group had before another went from rank `was` in `left` to `now` in `into`."""
    if into == group and 0 < now < rank:
        rank -= 1
    if left == group and 0 < was <= rank:
        rank += 1
    return rank


def history(run: Run, user: str, tz: ZoneInfo, most: int) -> list[ScoreEvent]:
    """The newest changes of a user's standing, the newest last: each of the user's own, and of those days on which
    others moved the user (by the user's date) what they came to. Behaviour, section 8."""
    events: list[ScoreEvent] = []
    day, waiting = None, None  # the day of the turn before; the last one of a day, when others caused it
    for change in run.changes(user):
        if len(events) >= most:
            break
        today = local_day(change.time, tz)
        if waiting is not None and (change.own or today != day):
            events += _since(change.after, waiting)
            waiting = None
        if change.own:
            events.append(ScoreEvent(change.time, change.before, change.after))
        elif today != day:
            waiting = change
        day = today
    if waiting is not None:
        events += _since(UNRANKED, waiting)
    return events[:most][::-1]


def _since(standing: Standing, change: RankChange) -> list[ScoreEvent]:
    """What has become of an earlier standing by then: nothing, if it is the same again."""
    return [] if change.after == standing else [ScoreEvent(change.time, standing, change.after)]

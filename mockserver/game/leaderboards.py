"""Leaderboards: what was gained within a run ranks, and everybody who is passed moves (behaviour, section 8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import lru_cache

from mockserver.game.catalog import Catalog, Leaderboard, RankBy
from mockserver.game.facts import (
    Entry,
    Fact,
    MetricChanged,
    PointsChanged,
    RunStarted,
    ScoreChanged,
    StreakExtended,
    StreakLost,
    StreakRecounted,
    StreakRestored,
    StreakStarted,
    UserChanged,
)
from mockserver.game.periods import (
    DAY,
    HOUR,
    board_opens,
    counts_then,
    first_day,
    local_day,
    opening_of,
    run_end,
    run_index,
    run_on,
    run_start,
    start_of_utc,
    utc_day,
)
from mockserver.game.ranking import Run, Score, shown
from mockserver.game.state import User
from mockserver.game.world import World, group_of, whole_value

FINAL_AFTER = DAY + 12 * HOUR  # from the start of the last day, UTC


def ranks(rank_by: RankBy) -> Callable[[Catalog, str], bool]:
    """Whether a catalog has a board by this, of the metric or points system of that key."""
    return lambda catalog, key: (rank_by, key if rank_by != "streak" else None) in catalog.boards_by


def groups(catalog: Catalog, key: str) -> bool:
    """Whether attributes decide about a place on a board."""
    return any(board.breakdown or board.user_attributes for board in catalog.leaderboards.values())


def score_metric(world: World, entry: Entry) -> Iterable[Fact]:
    """An event counts in the run that its local day is in. Section 8."""
    fact = entry.fact
    if not isinstance(fact, MetricChanged):
        return ()
    boards = boards_on(world.catalog, "metric", fact.metric, fact.day)
    return _gain(world, boards, world.users[fact.user], fact.value, entry.time) if boards else ()


def score_points(world: World, entry: Entry) -> Iterable[Fact]:
    """So does a change of points. Section 8."""
    fact = entry.fact
    if not isinstance(fact, PointsChanged) or not fact.added:
        return ()
    user = world.users[fact.user]
    boards = boards_on(world.catalog, "points", fact.system, local_day(entry.time, user.zone))
    return _gain(world, boards, user, fact.added, entry.time) if boards else ()


def score_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """A streak board shows the current length, from its opening until its end at home. Section 8."""
    fact = entry.fact
    if isinstance(fact, (StreakStarted, StreakExtended, StreakLost, StreakRestored)):
        user = world.users[fact.user]
        for board in _showing_streaks(world, user, entry.time):
            yield _rescore(world, board, board.start, user, user.streak.length)


def rescore_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """So it does when a streak is counted anew; one of the same length may have been reached at another time."""
    fact = entry.fact
    if not isinstance(fact, StreakRecounted):
        return
    user = world.users[fact.user]
    for board in _showing_streaks(world, user, entry.time):
        run = world.run(board.key, board.start)
        score = run.scores.get(fact.user) if run else None
        shown = score.value if score else 0
        if score is not None and shown == fact.length and score.ranked and score.place[1] != fact.reached:
            yield _rescore(world, board, board.start, user, 0)
            shown = 0
        if shown != fact.length:
            yield _rescore(world, board, board.start, user, fact.length)


def _showing_streaks(world: World, user: User, time: int) -> Iterator[Leaderboard]:
    """The boards that show the user's present length."""
    for board in world.catalog.boards_by.get(("streak", None), ()):
        # Choice: it keeps the lengths of its last day, whatever becomes of them in the hours until it is final.
        over = board.end is not None and local_day(time, user.zone) > board.end
        if board_opens(board) <= time and not over:
            yield board


def enter_streaks(world: World, entry: Entry) -> Iterator[Fact]:
    """When a streak board starts, the streaks that run already are on it. Section 8."""
    fact = entry.fact
    if isinstance(fact, RunStarted):
        board = world.catalog.leaderboards[fact.board]
        if board.rank_by == "streak":
            for _, _, user_id in list(world.lengths):  # in the order of their places, so that nobody is passed
                user = world.users[user_id]
                yield _rescore(world, board, board.start, user, user.streak.length)


def regroup(world: World, entry: Entry) -> Iterator[Fact]:
    """A changed attribute moves the score to another group, in runs that are not final: away from the board with those
    who do not take part any more, and back. Section 8."""
    fact = entry.fact
    if not isinstance(fact, UserChanged):
        return
    user = world.users[fact.user]
    for board in world.catalog.leaderboards.values():
        if not board.breakdown and not board.user_attributes:
            continue
        group = group_of(board, user.profile.attributes)
        for first in open_runs(board, entry.time):
            run = world.run(board.key, first)
            score = run.scores.get(fact.user) if run else None
            if score is not None and score.group != group:
                yield _rescore(world, board, first, user, score.gained)


# A board, the first day of one of its runs, and whether it has hours.
Running = tuple[Leaderboard, date, bool]


def boards_on(catalog: Catalog, rank_by: RankBy, subject: str, day: date) -> tuple[Running, ...]:
    """The boards that a metric or points system moves, and their runs that count on `day`."""
    key = rank_by, subject, day
    known: tuple[Running, ...] | None = catalog.remembered.get(key)
    if known is None:
        boards = catalog.boards_by.get((rank_by, subject), ())
        known = tuple(
            (board, first, (board.start_time, board.end_time) != (None, None))
            for board in boards
            if (first := first_day(board, day)) is not None
        )
        catalog.remembered[key] = known
    return known


def _gain(world: World, boards: tuple[Running, ...], user: User, amount: int, time: int) -> Iterator[Fact]:
    user_id = user.profile.id
    for board, first, has_hours in boards:
        if has_hours and not counts_then(board, time, user.zone):
            continue
        run = world.run(board.key, first)
        score = run.scores.get(user_id) if run else None
        yield _change(world, board, first, user, run, score, amount if score is None else score.gained + amount)


def _rescore(world: World, board: Leaderboard, first: date, user: User, gained: int) -> ScoreChanged:
    run = world.run(board.key, first)
    return _change(world, board, first, user, run, run.scores.get(user.profile.id) if run else None, gained)


def _change(
    world: World, board: Leaderboard, first: date, user: User, run: Run | None, score: Score | None, gained: int
) -> ScoreChanged:
    """What it does to the user's `score` in a `run`, None before the first, that it is now `gained`."""
    profile = user.profile
    user_id = profile.id
    run = run or Run(board.max_participants)
    group = group_of(board, profile.attributes) if board.breakdown or board.user_attributes else ()
    value = whole_value(board, gained)
    old_group, old_value = (score.group, -score.place[0]) if score is not None else (group, 0)
    new, seq = None, world.journal.last + 1  # of this fact: rules are asked for one at a time, it is applied at once
    if value > 0 and group is not None:
        new = score.place if score and value == old_value else (-value, user.reached(board, seq), user_id)
    was, now = run.ranks(score, group, new)
    limit = run.limit
    before, after = shown(was, old_value, limit), shown(now, value, limit)
    left = old_group if was and group != old_group else None
    visible = before != after or (group is not None and value != old_value and (value > 0 or old_value > 0))
    return ScoreChanged(user_id, board.key, first, group, left, gained, before, after, visible, (was, now))


def open_runs(board: Leaderboard, time: int) -> list[date]:
    """The first days of the runs that have begun somewhere and are not final yet."""
    last = run_index(board, utc_day(time + 14 * HOUR))
    found = []
    for index in range(last, -1, -1):
        end = run_end(board, index)
        if end is not None and start_of_utc(end) + FINAL_AFTER <= time:
            break
        found.append(run_start(board, index))
    return found


@lru_cache(maxsize=65536)
def current_run(board: Leaderboard, today: date) -> date:
    """The first day of the run on `today`; before the start the first run, after the end the last. Section 8."""
    day = min(today, board.end) if board.end else today
    return run_start(board, max(0, run_index(board, day)))


def named_run(board: Leaderboard, day: date, time: int) -> date | None:
    """The first day of the run that `day` is in; None when there is no such run (yet)."""
    index = run_on(board, day)
    if index is None:
        return None
    first = run_start(board, index)
    return first if run_opens(board, first) <= time else None


def run_opens(board: Leaderboard, first: date) -> int:
    """When a run starts (ms UTC; behaviour, section 11)."""
    return opening_of(first)


def next_start(board: Leaderboard, after: int) -> tuple[int, int] | None:
    """(moment, index) of the first run that opens later than `after`; None when none will."""
    index = max(0, run_index(board, utc_day(after)) - 1)
    for candidate in range(index, index + 4):
        first = run_start(board, candidate)
        if (board.end is not None and first > board.end) or (board.run_unit is None and candidate > 0):
            return None
        if run_opens(board, first) > after:
            return run_opens(board, first), candidate
    return None


def next_end(board: Leaderboard, after: int, offset: int) -> tuple[int, int] | None:
    """(moment, index) of the first run whose last day + `offset` (ms) is later than `after`."""
    index = max(0, run_index(board, min(utc_day(after), board.end or date.max)) - 3)
    for candidate in range(index, index + 6):
        if board.run_unit is None and candidate > 0:
            return None
        first, end = run_start(board, candidate), run_end(board, candidate)
        if end is None or (board.end is not None and first > board.end) or end < first:
            return None
        if start_of_utc(end) + offset > after:
            return start_of_utc(end) + offset, candidate
    return None

"""Leaderboards: what was gained within a run ranks, and everybody who is passed moves (behaviour, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache

from sortedcontainers import SortedList

from mockserver.game.catalog import Catalog, Leaderboard, RankBy
from mockserver.game.facts import (
    Entry,
    Fact,
    MetricChanged,
    PointsChanged,
    RunStarted,
    ScoreChanged,
    Shift,
    Standing,
    StreakExtended,
    StreakLost,
    StreakRestored,
    StreakStarted,
    UserChanged,
)
from mockserver.game.periods import (
    DAY,
    HOUR,
    board_opens,
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
from mockserver.game.ranking import NOWHERE, Place, Run
from mockserver.game.state import Person
from mockserver.game.world import World, group_of, whole_value

FINAL_AFTER = DAY + 12 * HOUR  # from the start of the last day, UTC


def score_metric(world: World, entry: Entry) -> Iterator[Fact]:
    """An event counts in the run that its local day is in. Section 8."""
    fact = entry.fact
    if isinstance(fact, MetricChanged):
        boards = boards_on(world.catalog, "metric", fact.metric, fact.day)
        if boards:
            yield from _gain(world, boards, world.users[fact.user], fact.value)


def score_points(world: World, entry: Entry) -> Iterator[Fact]:
    """So does a change of points. Section 8."""
    fact = entry.fact
    if isinstance(fact, PointsChanged):
        person = world.users[fact.user]
        boards = boards_on(world.catalog, "points", fact.system, local_day(entry.time, person.zone))
        if boards:
            yield from _gain(world, boards, person, fact.added)


def score_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """A streak board shows the current length, from its opening until its end at home. Section 8."""
    fact = entry.fact
    if isinstance(fact, (StreakStarted, StreakExtended, StreakLost, StreakRestored)):
        person = world.users[fact.user]
        for board in world.catalog.boards_by.get(("streak", None), ()):
            # Choice: it keeps the lengths of its last day, whatever becomes of them in the hours until it is final.
            over = board.end is not None and local_day(entry.time, person.zone) > board.end
            if board_opens(board) <= entry.time and not over:
                yield _rescore(world, board, board.start, person, person.streak.length)


def enter_streaks(world: World, entry: Entry) -> Iterator[Fact]:
    """When a streak board starts, the streaks that run already are on it. Section 8."""
    fact = entry.fact
    if isinstance(fact, RunStarted):
        board = world.catalog.leaderboards[fact.board]
        if board.rank_by == "streak":
            for _, _, user in list(world.lengths):  # in the order of their places, so that nobody is passed
                person = world.users[user]
                yield _rescore(world, board, board.start, person, person.streak.length)


def regroup(world: World, entry: Entry) -> Iterator[Fact]:
    """A changed breakdown attribute moves the score to the other group, in runs that are not final. Section 8."""
    fact = entry.fact
    if not isinstance(fact, UserChanged):
        return
    person = world.users[fact.user]
    for board in world.catalog.leaderboards.values():
        if not board.breakdown:
            continue
        group = group_of(board, person.profile.attributes)
        for first in open_runs(board, entry.time):
            run = world.run(board.key, first)
            score = run.scores.get(fact.user) if run else None
            if score is not None and score.group != group:
                yield _rescore(world, board, first, person, score.gained)


Running = tuple[Leaderboard, date]  # a board and the first day of one of its runs


def boards_on(catalog: Catalog, rank_by: RankBy, subject: str, day: date) -> tuple[Running, ...]:
    """The boards that a metric or points system moves, and their runs that count on `day`."""
    key = rank_by, subject, day
    known: tuple[Running, ...] | None = catalog.remembered.get(key)
    if known is None:
        boards = catalog.boards_by.get((rank_by, subject), ())
        known = tuple((board, first) for board in boards if (first := first_day(board, day)) is not None)
        catalog.remembered[key] = known
    return known


def _gain(world: World, boards: tuple[Running, ...], person: Person, amount: int) -> Iterator[Fact]:
    for board, first in boards:
        run = world.run(board.key, first)
        score = run.scores.get(person.profile.id) if run else None
        yield _rescore(world, board, first, person, amount if score is None else score.gained + amount)


def _rescore(world: World, board: Leaderboard, first: date, person: Person, gained: int) -> ScoreChanged:
    profile, most = person.profile, world.catalog.settings.rank_changed_neighbours
    user = profile.id
    run = world.run(board.key, first) or Run(board.max_participants)
    group = group_of(board, profile.attributes) if board.breakdown else ()
    value = whole_value(board, gained)
    score = run.scores.get(user)
    old_group, old, old_value = (score.group, score.ranked, -score.place[0]) if score else (group, None, 0)
    seq = world.journal.last + 1  # of this fact: rules are asked for one at a time, and it is applied at once
    place = score.place if score is not None and old_value == value else (-value, person.reached(board, seq), user)
    new = place if value > 0 and group is not None else None
    left = None
    if group == old_group:
        before, after, shifts = _move(run, group, old, new, most)
    else:
        before, _, behind = _move(run, old_group, old, None, most)
        _, after, passed = _move(run, group, None, new, most)
        left, shifts = None if before.rank is None else old_group, behind + passed
    visible = before != after or (group is not None and value != old_value and (value > 0 or old_value > 0))
    return ScoreChanged(user, board.key, first, group, left, gained, before, after, visible, shifts)


def _move(
    run: Run, group: tuple[str, ...] | None, old: Place | None, new: Place | None, most: int
) -> tuple[Standing, Standing, tuple[Shift, ...]]:
    """What it does to a group's ranking when `old` (None: no place) becomes `new`: standing before and after, and
    the others who move, as far as they are told: the `most` nearest, and who falls off or gets on. Section 11."""
    if group is None or (old is None and new is None):
        return NOWHERE, NOWHERE, ()
    ranking, limit = run.ranking(group), run.limit
    start = len(ranking) if old is None else ranking.bisect_left(old)
    target = len(ranking) if new is None else ranking.bisect_left(new)
    before = NOWHERE if old is None or start >= limit else Standing(start + 1, -old[0])
    if new is not None and target <= start:  # upwards: those between make room
        after = Standing(target + 1, -new[0]) if target < limit else NOWHERE
        if target == start:
            return before, after, ()
        affected = range(target, start)
        return before, after, _shifted(ranking, limit, affected, affected[:most], limit - 1, 1)
    # downwards or away: those behind move up
    after = Standing(target, -new[0]) if new is not None and target <= limit else NOWHERE
    affected = range(start + 1, target)
    on_board = range(start + 1, min(target, limit))
    nearest = affected[:most] if new is None else on_board[max(0, len(on_board) - most) :]
    return before, after, _shifted(ranking, limit, affected, nearest, limit, -1)


def _shifted(
    ranking: SortedList, limit: int, affected: range, nearest: range, edge: int, step: int
) -> tuple[Shift, ...]:
    """Of those at the `affected` indexes, who all move by `step` ranks: the nearest, and the one at the board's edge.
    Not those who are off the board before and after."""
    shifts: tuple[Shift, ...] = ()
    start, stop = nearest.start, min(nearest.stop, limit if step > 0 else limit + 1)
    if start < stop:
        shifts = ((start + 1, step, limit, tuple(ranking[start:stop])),)
    if edge in affected and not start <= edge < stop:
        shifts += ((edge + 1, step, limit, (ranking[edge],)),)
    return shifts


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

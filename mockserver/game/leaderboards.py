"""Leaderboards: what was gained within a run ranks, and everybody who is passed moves (behaviour, section 8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from mockserver.game.catalog import Leaderboard
from mockserver.game.facts import (
    Entry,
    Fact,
    MetricChanged,
    PointsChanged,
    RankChanged,
    RunStarted,
    ScoreChanged,
    Standing,
    StreakExtended,
    StreakLost,
    StreakStarted,
    UserChanged,
)
from mockserver.game.periods import (
    DAY,
    HOUR,
    board_status,
    local_day,
    run_end,
    run_index,
    run_on,
    run_start,
    start_of_utc,
    utc_day,
)
from mockserver.game.state import NOWHERE, Person, Run
from mockserver.game.world import World, group_of, whole_value

FINAL_AFTER = DAY + 12 * HOUR  # from the start of the last day, UTC
FINISHED_AFTER = DAY + 13 * HOUR

Place = tuple[int, int, str]


def score_metric(world: World, entry: Entry) -> Iterator[Fact]:
    """An event counts in the run that its local day is in. Section 8."""
    fact = entry.fact
    if isinstance(fact, MetricChanged):
        for board in world.catalog.boards_by.get(f"metric:{fact.metric}", ()):
            yield from _gain(world, board, fact.user, fact.day, fact.value, entry.time)


def score_points(world: World, entry: Entry) -> Iterator[Fact]:
    """So does a change of points. Section 8."""
    fact = entry.fact
    if isinstance(fact, PointsChanged):
        boards = world.catalog.boards_by.get(f"points:{fact.system}", ())
        day = local_day(entry.time, world.users[fact.user].zone) if boards else date.min
        for board in boards:
            yield from _gain(world, board, fact.user, day, fact.added, entry.time)


def score_streak(world: World, entry: Entry) -> Iterator[Fact]:
    """A streak board shows the current length, while it is active. Section 8."""
    fact = entry.fact
    if isinstance(fact, StreakStarted | StreakExtended | StreakLost):
        person = world.users[fact.user]
        for board in world.catalog.boards_by.get("streak", ()):
            if board_status(board, entry.time) == "active":
                yield from _rescore(world, board, board.start, person, person.streak.length, entry.time)


def enter_streaks(world: World, entry: Entry) -> Iterator[Fact]:
    """When a streak board starts, the streaks that run already are on it. Section 8."""
    fact = entry.fact
    if isinstance(fact, RunStarted):
        board = world.catalog.leaderboards[fact.board]
        if board.rank_by == "streak":
            for person in list(world.users.values()):
                if person.streak.length:
                    yield from _rescore(world, board, board.start, person, person.streak.length, entry.time)


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
                yield from _rescore(world, board, first, person, score.gained, entry.time)


def _gain(world: World, board: Leaderboard, user: str, day: date, amount: int, time: int) -> Iterator[Fact]:
    index = run_on(board, day)
    if index is not None:
        first = run_start(board, index)
        run = world.run(board.key, first)
        score = run.scores.get(user) if run else None
        gained = (score.gained if score else 0) + amount
        yield from _rescore(world, board, first, world.users[user], gained, time)


def _rescore(world: World, board: Leaderboard, first: date, person: Person, gained: int, time: int) -> Iterator[Fact]:
    user, run = person.profile.id, world.run(board.key, first) or Run(board.max_participants)
    group = group_of(board, person.profile.attributes)
    score = run.scores.get(user)
    old_value, value = score.value if score else 0, whole_value(board, gained)
    old_place = score.place if score else None
    reached = score.reached if score is not None and old_value == value else time
    place = (-value, reached, user) if value > 0 and group is not None else None
    before = run.standing(user)
    if place is None or group is None:
        after = NOWHERE
    else:
        same = score is not None and score.group == group
        after = _standing_at(run, group, place, old_place if same else None)
    moved = list(_moved(run, score.group if score else None, old_place, group, place, world))
    visible = group is not None and max(old_value, 0) != max(value, 0)
    yield ScoreChanged(user, board.key, first, group, gained, before, after, visible or before != after)
    if before.rank != after.rank:
        yield RankChanged(user, board.key, first, before, after)
    for other, was, now in moved:
        yield RankChanged(other, board.key, first, was, now)


def _standing_at(run: Run, group: tuple[str, ...], place: Place, old: Place | None) -> Standing:
    """The standing that a place will have once the user's old one is gone."""
    index = run.ranking(group).bisect_left(place)
    rank = index if old is not None and old < place else index + 1
    return Standing(rank, -place[0]) if rank <= run.limit else NOWHERE


def _moved(
    run: Run,
    old_group: tuple[str, ...] | None,
    old: Place | None,
    group: tuple[str, ...] | None,
    new: Place | None,
    world: World,
) -> Iterator[tuple[str, Standing, Standing]]:
    """The others whose rank changes, as far as they are told: the nearest ones, and who falls off or gets on."""
    most = world.catalog.settings.rank_changed_neighbours
    if old is not None and new is not None and old_group == group and group is not None:
        yield from _shifted(run, group, old, new, most)
        return
    if old is not None and old_group is not None:
        yield from _shifted(run, old_group, old, None, most)
    if new is not None and group is not None:
        yield from _shifted(run, group, None, new, most)


def _shifted(
    run: Run, group: tuple[str, ...], old: Place | None, new: Place | None, most: int
) -> Iterator[tuple[str, Standing, Standing]]:
    ranking = run.ranking(group)
    size, limit = len(ranking), run.limit
    start = size if old is None else ranking.bisect_left(old)
    target = size if new is None else ranking.bisect_left(new)
    if new is not None and target <= start:  # upwards: those between make room
        indexes = list(range(target, min(start, target + most)))
        edge, step = limit - 1, 1
        if target <= edge < start and edge < size and edge not in indexes:
            indexes.append(edge)
    else:  # downwards or away: those behind move up
        nearest = start + 1 if new is None else max(start + 1, target - most)
        stop = min(target, nearest + most)
        indexes = list(range(nearest, stop))
        edge, step = limit, -1
        if start < edge < target and edge not in indexes:
            indexes.append(edge)
    for index in indexes:
        value, _, user = ranking[index]
        was, now = _within(index + 1, -value, limit), _within(index + 1 + step, -value, limit)
        if was != now:
            yield user, was, now


def _within(rank: int, value: int, limit: int) -> Standing:
    return Standing(rank, value) if rank <= limit else NOWHERE


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
    """10:00 UTC of the day before (behaviour, section 11)."""
    return start_of_utc(first) - DAY + 10 * HOUR


def next_start(board: Leaderboard, after: int) -> tuple[int, int] | None:
    """(moment, index) of the first run that opens later than `after`; None when none will."""
    index = max(0, run_index(board, utc_day(after)) - 1)
    for candidate in range(index, index + 4):
        first = run_start(board, candidate)
        if (board.end is not None and first > board.end) or (board.run_unit is None and candidate > 0):
            return None
        if run_opens(board, first) > after and (candidate == 0 or first > run_start(board, candidate - 1)):
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

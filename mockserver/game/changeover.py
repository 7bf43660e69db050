"""What a new catalog does to what was counted under the old one: nobody loses what they have.

Part of `World.apply`, and like it without decisions: what a user gains from the new catalog is for the rules.
"""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from mockserver.game import facts as f
from mockserver.game.catalog import Catalog, Leaderboard, Streak
from mockserver.game.periods import (
    board_opens,
    boost_moments,
    counts_then,
    first_day,
    utc_day,
    zone,
)
from mockserver.game.population import Population
from mockserver.game.ranking import Run, group_of


def change_catalog(world: Population, entry: f.Entry, fact: f.CatalogChanged) -> None:
    old, new = world.catalog, fact.catalog
    world.catalog, world.former = new, old
    _recount_matching(world, old, new)
    _change_freezes(world, old, new)
    _change_boards(world, old, new, entry)
    _note_boosts(world, old, new, entry.time)


def _recount_matching(world: Population, old: Catalog, new: Catalog) -> None:
    """Sums for filters that nobody counted by until now, from all events so far."""
    fresh = {
        metric: tuple(row for row in rows if row not in old.watched_filters.get(metric, ()))
        for metric, rows in new.watched_filters.items()
    }
    if not any(fresh.values()):
        return
    for entry in world.journal:
        fact = entry.fact
        if isinstance(fact, f.MetricChanged) and fact.attributes and fresh.get(fact.metric):
            world.users[fact.user].metrics[fact.metric].count(fresh[fact.metric], fact.attributes, fact.value)


def _change_freezes(world: Population, old: Catalog, new: Catalog) -> None:
    if new.streak is not None:
        for user in world.users.values():
            user.streak.freezes = _held(user.streak.freezes, old.streak, new.streak)


def _held(held: int, old: Streak | None, new: Streak) -> int:
    """Choice: who was there before freezes were switched on starts with as many as a new user."""
    if new.freezes is None:
        return 0
    if old is None or old.freezes is None:
        held = new.freezes.initial
    return min(held, new.freezes.maximum)


def _change_boards(world: Population, old: Catalog, new: Catalog, entry: f.Entry) -> None:
    anew, time = [], entry.time
    for key, board in new.leaderboards.items():
        known = old.leaderboards.get(key)
        if known is None or _counts(known) != _counts(board):
            world.runs[key] = {}
            anew.append(board)
        for run in world.runs.get(key, {}).values():
            run.resize(board.max_participants, entry.seq, entry.time)
    _score_the_past(world, [board for board in anew if board.rank_by != "streak"])
    for board in anew:
        if board.rank_by == "streak" and board_opens(board) <= time and utc_day(time) <= (board.end or date.max):
            for length, reached, user in world.lengths:
                _gain(world, board, board.start, user, -length, reached, entry)


def _counts(board: Leaderboard) -> tuple[object, ...]:
    """All that decides what counts on a board, when, and for which group."""
    subject = (board.rank_by, board.metric, board.points_system, board.breakdown, board.user_attributes)
    hours = (board.start_time, board.end_time)
    return (*subject, board.start, board.end, board.run_unit, board.run_interval, *hours)


def _score_the_past(world: Population, boards: list[Leaderboard]) -> None:
    """A new board counts from its start, so what was done since then is on it from the beginning."""
    # Choice: so is what another metric, period or breakdown makes of an old one.
    counting: dict[tuple[str, str | None], list[Leaderboard]] = {}
    for board in boards:
        counting.setdefault((board.rank_by, board.metric or board.points_system), []).append(board)
    zones: dict[str, ZoneInfo] = {}
    for entry in world.journal if counting else ():
        fact = entry.fact
        if isinstance(fact, (f.UserCreated, f.UserChanged)):
            zones[fact.user] = zone(fact.profile.tz)
            continue
        if isinstance(fact, f.MetricChanged):
            concerned, amount = counting.get(("metric", fact.metric), ()), fact.value
        elif isinstance(fact, f.PointsAwarded):
            concerned, amount = counting.get(("points", fact.system), ()), fact.awarded
        else:
            continue
        for board in concerned:
            first = first_day(board, fact.day)
            if first is not None and counts_then(board, entry.time, zones[fact.user]):
                _gain(world, board, first, fact.user, amount, entry.seq, entry)


def _gain(
    world: Population, board: Leaderboard, first: date, user: str, amount: int, reached: int, entry: f.Entry
) -> None:
    """As it would have been with `entry`, but for the group, which is the user's present one."""
    run = world.runs[board.key].setdefault(first, Run(board.max_participants))
    group, score = group_of(board, world.users[user].profile.attributes), run.scores.get(user)
    old, was = (group, score.value if score else 0), run.rank(group, score.ranked if score else None)
    score = run.gain(board, user, (score.gained if score else 0) + amount, group, reached)
    run.note(entry.seq, entry.time, score, old, (was, run.rank(group, score.ranked)))


def _note_boosts(world: Population, old: Catalog, new: Catalog, time: int) -> None:
    """Of boosts with new dates: starts and ends in the past are not reported any more."""
    # Choice: a boost or board whose start was due before the catalog had it sends no webhook for it.
    for boost in new.boosts_by_id.values():
        known = old.boosts_by_id.get(boost.id)
        if known is not None and (known.start, known.end, known.user) == (boost.start, boost.end, boost.user):
            continue
        user = world.users.get(boost.user) if boost.user else None
        start, finish = boost_moments(boost, user.zone if user else None)
        is_unknown = boost.user is not None and user is None  # whose midnights are not known yet
        for moment, announced in ((start, world.boosts_begun), (finish, world.boosts_ended)):
            announced.discard(boost.id)
            if moment is not None and moment <= time and not is_unknown:
                announced.add(boost.id)

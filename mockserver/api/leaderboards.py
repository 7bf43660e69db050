"""Leaderboards: schemas `LeaderboardResponse`, `…WithRankings`, `UserLeaderboardResponse…` and the event's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache

from mockserver.api.pairs import attribute_pairs
from mockserver.api.rendered import GAP, Template, Used
from mockserver.api.shared import JSON, filters_shape, find_board, find_user, once_per_row, today
from mockserver.game.catalog import Catalog, Leaderboard
from mockserver.game.engine import Game
from mockserver.game.errors import NotFound, Refused
from mockserver.game.facts import Entry, Fact, ScoreChanged, Standing
from mockserver.game.leaderboards import current_run, named_run
from mockserver.game.periods import board_status, iso, local_day, run_end, run_index, status_lasts, utc_day
from mockserver.game.ranking import UNRANKED, Run, history
from mockserver.game.world import World

DEFAULT_LIMIT = 10


def board_shape(catalog: Catalog, board: Leaderboard, now: int) -> JSON:
    """Schema `LeaderboardResponse` with the status at `now`."""
    return _board(catalog, board) | {"status": board_status(board, now)}


@once_per_row
def _board(catalog: Catalog, board: Leaderboard) -> JSON:
    """All but the status; keys of metric and points only where they apply."""
    shape = {
        "id": board.id,
        "name": board.name,
        "key": board.key,
        "rankBy": board.rank_by,
        "status": None,
        "description": board.description,
        "breakdownAttribute": board.breakdown[0] if len(board.breakdown) == 1 else None,
        "breakdownAttributes": list(board.breakdown),
        "start": board.start.isoformat(),
        "end": board.end.isoformat() if board.end else None,
        "maxParticipants": board.max_participants,
        "runUnit": board.run_unit,
        "runInterval": board.run_interval,
        "startTime": None if board.start_time is None else time_of_day(board.start_time),
        "endTime": None if board.end_time is None else time_of_day(board.end_time),
        "userAttributes": filters_shape(board.user_attributes),
    }
    if board.metric is not None:
        metric = catalog.metrics[board.metric]
        shape |= {"metricKey": metric.key, "metricName": metric.name}
    if board.points_system is not None:
        system = catalog.points[board.points_system]
        shape |= {"pointsSystemKey": system.key, "pointsSystemName": system.name}
    return shape


def time_of_day(minute: int) -> str:
    """`HH:mm`."""
    return f"{minute // 60:02}:{minute % 60:02}"


def breakdown_shape(board: Leaderboard, group: tuple[str, ...] | None) -> JSON:
    """The group's attribute values: the list on boards with breakdown, the single one where there is one."""
    if not board.breakdown or group is None:
        return {}
    rows = [{"key": key, "value": value} for key, value in zip(board.breakdown, group, strict=True)]
    return {"breakdownAttributeValues": rows} | ({"breakdownAttributeValue": group[0]} if len(group) == 1 else {})


@lru_cache(maxsize=65536)
def run_dates(board: Leaderboard, first: date) -> JSON:
    """`start` and `end` of the run itself, both inclusive."""
    end = run_end(board, run_index(board, first))
    return {"start": first.isoformat(), "end": end.isoformat() if end else None}


def rankings_shape(world: World, rows: Iterable[tuple[int, int, str]]) -> JSON:
    """Schema `LeaderboardRanking`, from (rank, value, user)."""
    return [
        {"userId": user, "userName": world.users[user].profile.name, "rank": rank, "value": value}
        for rank, value, user in rows
    ]


def event_boards(
    world: World, happened: Mapping[type[Fact], Sequence[Entry]], day: date, now: int, used: Used
) -> bytes:
    """What happened to the user's own places in current runs: schema `MetricEventLeaderboardResponse` by board."""
    members: dict[str, bytes] = {}
    previous: dict[str, int | None] = {}
    for entry in happened.get(ScoreChanged, ()):
        fact = entry[3]
        assert isinstance(fact, ScoreChanged)
        _, key, first, group, _, _, before, after, visible, _ = fact
        # Choice: scores of older runs may move with their user to another group, but are not in this response.
        if visible and (template := _event_board(world.catalog, key, first, group, day, now)):
            threshold = world.runs[key][first].threshold(group) if group is not None else 1
            members[key] = template.fill(used, after[0], previous.setdefault(key, before[0]), threshold)
    return b"{%b}" % b",".join(members.values())


def _event_board(
    catalog: Catalog, key: str, first: date, group: tuple[str, ...] | None, day: date, now: int
) -> Template | None:
    """What is the same for everybody in the group; None when another run is the current one on that day."""
    remembered, which = catalog.remembered, (key, first, group, day)
    known: tuple[float, float, Template | None] | None = remembered.get(which)
    if known is None or not known[0] <= now < known[1]:
        board, template = catalog.leaderboards[key], None
        if current_run(board, day) == first:
            shape = {**board_shape(catalog, board, now), **run_dates(board, first), **breakdown_shape(board, group)}
            template = Template(shape | {"rank": GAP, "previousRank": GAP, "threshold": GAP}, key)
        known = remembered[which] = *status_lasts(board, now), template
    return known[2]


def _run_of(board: Leaderboard, named: date | None, day: date, now: int) -> date:
    if named is None:
        return current_run(board, day)
    first = named_run(board, named, now)
    if first is None:
        raise NotFound(f"Leaderboard {board.key!r} has no run on {named.isoformat()}.")
    return first


def _group(board: Leaderboard, raw: str | None, world: World) -> tuple[str, ...]:
    pairs = attribute_pairs(raw, world)
    if set(pairs) != set(board.breakdown):
        if not board.breakdown:
            raise Refused(f"userAttributes is only for leaderboards with a breakdown; {board.key!r} has none.")
        wanted = ",".join(f"{key}:value" for key in board.breakdown)
        raise Refused(f"userAttributes must name exactly the breakdown attributes of {board.key!r}: {wanted}.")
    return tuple(pairs[key] for key in board.breakdown)


def leaderboards_all(game: Game, *, include_finished: bool) -> JSON:
    catalog = game.world.catalog
    shapes = [board_shape(catalog, board, game.now) for board in catalog.leaderboards.values()]
    return [shape for shape in shapes if include_finished or shape["status"] != "finished"]


def leaderboards_get(
    game: Game,
    *,
    key: str,
    offset: int = 0,
    limit: int | None = None,
    run: date | None = None,
    user_id: str | None = None,
    user_attributes: str | None = None,
) -> JSON:
    world = game.world
    board = find_board(world.catalog, key)
    first = _run_of(board, run, utc_day(game.now), game.now)
    group = _group(board, user_attributes, world)
    if limit is None:
        limit = min(DEFAULT_LIMIT, board.max_participants)
    if limit > board.max_participants:
        raise Refused(f"limit must be at most {board.max_participants}, the size of the leaderboard, not {limit}.")
    rows = _page(world.run(key, first), group, offset, limit, user_id)
    return board_shape(world.catalog, board, game.now) | {"rankings": rankings_shape(world, rows)}


def _page(
    run: Run | None, group: tuple[str, ...], offset: int, limit: int, user: str | None
) -> list[tuple[int, int, str]]:
    if run is None:
        return []
    if user is not None:
        score, rank = run.scores.get(user), run.standing(user).rank
        if rank is None or score is None or score.group != group:
            return []
        offset += rank - 1
    return run.top(group, offset, limit)


def users_leaderboard(game: Game, *, id: str, key: str, run: date | None = None, num_events: int) -> JSON:
    world, user = game.world, find_user(game, id)
    board = find_board(world.catalog, key)
    state = world.run(key, _run_of(board, run, today(game, user), game.now))
    standing = state.standing(id) if state else UNRANKED
    return (
        board_shape(world.catalog, board, game.now)
        | standing_shape(standing)
        | {
            "history": [
                {
                    "time": iso(event.time),
                    "timestamp": iso(event.time),
                    "date": local_day(event.time, user.zone).isoformat(),
                    "previousRank": event.before.rank,
                    "rank": event.after.rank,
                    "previousValue": event.before.value,
                    "value": event.after.value,
                }
                for event in (history(state, id, user.zone, num_events) if state else ())
            ]
        }
    )


def standing_shape(standing: Standing) -> JSON:
    return {"rank": standing.rank, "value": standing.value}

"""Checks rankings: leaderboards, streaks, and the distribution of points."""

from __future__ import annotations

import itertools
from datetime import date, datetime
from typing import Any

from contract_tests.audit.auditor import Auditor
from contract_tests.audit.catalog import check_board, check_level
from contract_tests.boards import pairs_of
from contract_tests.reference import points
from contract_tests.reference.boards import Place, ranking, turns
from contract_tests.reference.calendar import ONE_DAY, run_of
from contract_tests.reference.user import User
from contract_tests.stage import moment

JSON = Any
#: Boards that have not begun, or are over.
EMPTY = ("soon", "over")


def check_rankings(auditor: Auditor, most: int | None = None) -> None:
    """Check all rankings, and the ranks of all users or of some."""
    for key, board in auditor.catalog["leaderboards"].items():
        for group in groups(auditor, board):
            _board(auditor, key, board, group)
        times = {turn.time for turn in turns(auditor.reference, board)}
        for user in list(auditor.reference.users.values())[: 1 if key in EMPTY else most]:
            _place(auditor, key, board, user, times)
    for key in ("runs", "months"):
        _old_run(auditor, key)
    _streaks(auditor)
    for system in auditor.catalog["points"]:
        _spread(auditor, system)


def groups(auditor: Auditor, board: JSON) -> list[dict[str, str] | None]:
    """The groups of a board with breakdown that have users; without breakdown one group of all users."""
    names = board.get("breakdownAttributes")
    if not names:
        return [None]
    found = [group_of(board, user) for user in auditor.reference.users.values()]
    return [dict(pairs) for pairs in dict.fromkeys(tuple(one.items()) for one in found if one)]


def group_of(board: JSON, user: User) -> dict[str, str] | None:
    names = board.get("breakdownAttributes") or []
    if not names or any(name not in user.attributes for name in names):
        return None
    return {name: user.attributes[name] for name in names}


def _board(auditor: Auditor, key: str, board: JSON, group: dict[str, str] | None) -> None:
    wanted = ranking(auditor.reference, board, auditor.reference.now.date(), group) if key not in EMPTY else []
    pairs = pairs_of(group) if group is not None else None
    most = board.get("maxParticipants") or 1000
    shown = auditor.call("leaderboards_get", key=key, userAttributes=pairs, limit=min(most, 50))
    check_board(auditor, "leaderboards_get", key, shown)
    actual = [(row["userId"], row["userName"], row["rank"], row["value"]) for row in shown["rankings"]]
    names = {user.id: user.profile.get("name") for user in auditor.reference.users.values()}
    want = [(place.user, names[place.user], place.rank, place.value) for place in wanted]
    auditor.same("leaderboards_get", f"rankings of {key}", actual, want, 8)
    if len(wanted) > 1:
        _pages(auditor, key, pairs, shown["rankings"])


def _pages(auditor: Auditor, key: str, pairs: str | None, rows: JSON) -> None:
    """Pages with one row fit together, ties included; so does the page that begins with a user."""
    place = len(rows) - 1
    page = auditor.call("leaderboards_get", key=key, userAttributes=pairs, offset=place, limit=1)["rankings"]
    auditor.same("leaderboards_get", "rankings", page, rows[place:], 8)
    first = auditor.call("leaderboards_get", key=key, userAttributes=pairs, offset=0, limit=1)["rankings"]
    auditor.same("leaderboards_get", "rankings", first, rows[:1], 8)
    own = auditor.call("leaderboards_get", key=key, userAttributes=pairs, userId=rows[1]["userId"], limit=2)
    auditor.same("leaderboards_get", "rankings", own["rankings"], rows[1:3], 8)


def place_of(auditor: Auditor, board: JSON, user: User, day: date) -> Place | None:
    """A user's place in the run of a day."""
    group = group_of(board, user)
    if board.get("breakdownAttributes") and group is None:
        return None
    return next((row for row in ranking(auditor.reference, board, day, group) if row.user == user.id), None)


def _place(auditor: Auditor, key: str, board: JSON, user: User, times: set[datetime]) -> None:
    """`times`: when something changed on the board."""
    place = place_of(auditor, board, user, auditor.reference.today(user)) if key not in EMPTY else None
    shown = auditor.call("users_leaderboard", id=user.id, key=key, numEvents=50)
    check_board(auditor, "users_leaderboard", key, shown)
    want = (place.rank, place.value) if place else (None, None)
    auditor.same("users_leaderboard", f"rank and value on {key}", (shown["rank"], shown["value"]), want, 8)
    rows = shown["history"]
    for before, after in itertools.pairwise(rows):
        if after["previousRank"] is not None:
            auditor.same("users_leaderboard", "previousValue in history", after["previousValue"], before["value"], 8)
        in_order = moment(before["timestamp"]) <= moment(after["timestamp"])
        auditor.same("users_leaderboard", "history is in order of time", in_order, True, 8)
    strange = [row["timestamp"] for row in rows if moment(row["timestamp"]) not in times]
    auditor.same("users_leaderboard", "timestamps of a history without a change", strange, [], 8)
    if rows:
        last = (rows[-1]["rank"], rows[-1]["value"])
        auditor.same("users_leaderboard", "last entry of history", last, (shown["rank"], shown["value"]), 8)
    if key not in EMPTY and place:
        auditor.same("users_leaderboard", "there is a history", bool(rows), True, 8)
    if len(rows) > 1:
        some = auditor.call("users_leaderboard", id=user.id, key=key, numEvents=1)["history"]
        auditor.same("users_leaderboard", "history", some, rows[-1:], 8)


def _old_run(auditor: Auditor, key: str) -> None:
    """Check the run before the current one, requested by its first day and by its last."""
    board = auditor.catalog["leaderboards"][key]
    now = run_of(board, auditor.reference.now.date())
    old = run_of(board, now[0] - ONE_DAY) if now else None
    if old is None or old[1] is None:
        return
    places = ranking(auditor.reference, board, old[0])
    ann = next(iter(auditor.reference.users))
    own = next(((place.rank, place.value) for place in places if place.user == ann), (None, None))
    for day in old:
        rows = auditor.call("leaderboards_get", key=key, run=day, limit=20)["rankings"]
        actual = [(row["userId"], row["rank"], row["value"]) for row in rows]
        want = [(place.user, place.rank, place.value) for place in places]
        auditor.same("leaderboards_get", f"rankings of the run of {key} around {day}", actual, want, 8)
        shown = auditor.call("users_leaderboard", id=ann, key=key, run=day)
        auditor.same("users_leaderboard", f"the run of {key} around {day}", (shown["rank"], shown["value"]), own, 8)


def _streaks(auditor: Auditor) -> None:
    users = auditor.reference.users
    shown = auditor.call("streaks_list", userIds=list(users))
    actual = {row["userId"]: (row["streakLength"], row["extended"]) for row in shown}
    extended = {user.id: user.streak.extended if user.streak.length else None for user in users.values()}
    want = {user.id: user.streak.length for user in users.values()}
    auditor.same("streaks_list", "streakLength", {id: row[0] for id, row in actual.items()}, want, 5)
    auditor.same("streaks_list", "extended", {id: row[1] and moment(row[1]) for id, row in actual.items()}, extended, 5)
    order = [row["streakLength"] for row in shown]
    auditor.same("streaks_list", "order", order, sorted(order, reverse=True), 5)
    longest = {
        user.id: max([*user.streak.counted.values(), *user.streak.frozen.values()], default=0)
        for user in users.values()
    }
    for kind, lengths in (("active", want), ("longest", longest)):
        rows = auditor.call("streaks_rankings", type=kind, limit=100)
        ranked = {row["userId"]: (row["streakLength"], row["name"]) for row in rows}
        expected = {id: (n, users[id].profile.get("name")) for id, n in lengths.items() if n}
        auditor.same("streaks_rankings", f"rows of {kind}", ranked, expected, 5)
        order = [row["streakLength"] for row in rows]
        auditor.same("streaks_rankings", "order", order, sorted(order, reverse=True), 5)
        if len(rows) > 2:
            few = auditor.call("streaks_rankings", type=kind, limit=2)
            auditor.same("streaks_rankings", f"the first two of {kind}", few, rows[:2], 5)


def _spread(auditor: Auditor, system: str) -> None:
    users = auditor.reference.users.values()
    plans = dict.fromkeys(user.attributes.get("plan") for user in users)
    both = {"plan": auditor.random_catalog.plans[0], "team": auditor.random_catalog.teams[0]}
    for wanted in (None, both, *({"plan": plan} for plan in plans if plan)):
        rows = auditor.call("points_summary", key=system, userAttributes=pairs_of(wanted) if wanted else None)
        totals = [user.points(system) for user in users if user.has(wanted)]
        actual = [(row["from"], row["to"], row["users"]) for row in rows]
        auditor.same("points_summary", f"ranges for {wanted}", actual, points.spread(totals), 7)
    levels = list(auditor.catalog["points"][system].get("levels") or {})
    if not levels:
        return
    rows = auditor.call("points_level_summary", key=system)
    held = [points.level(auditor.catalog["points"][system], user.points(system)) for user in users]
    auditor.same(
        "points_level_summary", "users", [row["users"] for row in rows], [held.count(one) for one in levels], 7
    )
    for row, level in zip(rows, levels, strict=False):
        check_level(auditor, "points_level_summary", row["level"], system, level)

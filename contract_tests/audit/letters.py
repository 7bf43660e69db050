"""The webhooks of a drawn world: what they tell, put together, is what happened."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from contract_tests.audit.auditor import Auditor, when
from contract_tests.audit.catalog import check_achievement, check_board, check_level, system_row
from contract_tests.audit.people import check_profile
from contract_tests.ledger import points
from contract_tests.ledger.people import Person
from contract_tests.mailbox import Letter

JSON = Any


def check_letters(auditor: Auditor, letters: list[Letter]) -> None:
    """All webhooks since the beginning, in the order in which they came."""
    by_user: dict[tuple[str, str], list[JSON]] = defaultdict(list)
    for letter in letters:
        content = letter.content
        by_user[letter.kind, letter.user or ""].append(content)
        _itself(auditor, letter.kind, content)
    for person in auditor.books.people.values():
        _achievements(auditor, person, by_user["achievement.completed", person.id])
        _streaks(auditor, person, by_user)
        for key in auditor.catalog["points"]:
            _points(auditor, person, key, by_user)
        _ranks(auditor, person, by_user["leaderboard.rank_changed", person.id])
    stamps = [when(letter.content.get("timestamp")) for letter in letters]
    auditor.same("webhooks", "timestamp", None in stamps, False, 11)


def _itself(auditor: Auditor, kind: str, content: JSON) -> None:
    """What a body says of the user and of what is set up."""
    user = content.get("user")
    if isinstance(user, dict) and user.get("id") in auditor.books.people:
        check_profile(auditor, kind, user, auditor.books.people[user["id"]])
    board = content.get("leaderboard")
    if isinstance(board, dict) and board.get("key") in auditor.catalog["leaderboards"]:
        check_board(auditor, kind, board["key"], board)
    system = content.get("points")
    if isinstance(system, dict) and system.get("key") in auditor.catalog["points"]:
        for field, value in system_row(auditor, system["key"]).items():
            auditor.same(kind, field, system.get(field), value, 11)


def _achievements(auditor: Auditor, person: Person, bodies: list[JSON]) -> None:
    kind = "achievement.completed"
    by_name = {row["name"]: key for key, row in auditor.books.achievements("active").items()}
    told = {by_name.get(one["achievement"]["name"], "?"): one for one in bodies}
    auditor.same(kind, "number of webhooks", len(bodies), len(person.done), 11)
    auditor.same(kind, "achievements", sorted(told), sorted(person.done), 11)
    for key, at in person.done.items():
        if key in told:
            row = told[key]["achievement"]
            check_achievement(auditor, kind, key, row)
            auditor.same(kind, "achievedAt", when(row["achievedAt"]), at, 11)
            auditor.same(kind, "timestamp", when(told[key]["timestamp"]), at, 11)


def _streaks(auditor: Auditor, person: Person, by_user: dict[tuple[str, str], list[JSON]]) -> None:
    wanted: dict[str, list[int]] = defaultdict(list)
    for kind, number in person.streak.told:
        wanted[kind].append(number)
    for kind in ("streak.started", "streak.extended", "streak.lost", "streak.freeze_consumed", "streak.freeze_earned"):
        bodies = by_user[kind, person.id]
        auditor.same(kind, "number of webhooks", len(bodies), len(wanted[kind]), 11)
        if kind in ("streak.started", "streak.extended"):
            auditor.same(kind, "length", [one["streak"]["length"] for one in bodies], wanted[kind], 11)
            starts = sorted(day.isoformat() for day in person.streak.counted)
            told = sorted(one["streak"]["periodStart"] for one in bodies)
            auditor.same(kind, "periodStart", [one for one in told if one not in starts], [], 11)


def _points(auditor: Auditor, person: Person, key: str, by_user: dict[tuple[str, str], list[JSON]]) -> None:
    """Each change is told once, whatever is told together; levels go on from the one before."""
    creation = {place for place, _ in auditor.books.triggers(key, "user_creation")}
    awards = [award for award in person.awards.get(key, ()) if award.trigger not in creation]
    bodies = [one for one in by_user["points.changed", person.id] if one["points"]["key"] == key]
    rows = [award for one in bodies for award in one["points"]["awards"][::-1]]
    kind = "points.changed"
    auditor.same(kind, "awarded", [row["awarded"] for row in rows], [award.awarded for award in awards], 11)
    auditor.same(kind, "total of awards", [row["total"] for row in rows], [award.total for award in awards], 11)
    auditor.same(kind, "date", [when(row["date"]) for row in rows], [award.time for award in awards], 11)
    for one in bodies:
        inside = one["points"]["awards"]
        auditor.same(kind, "added", one["points"]["added"], sum(row["awarded"] for row in inside), 11)
        auditor.same(kind, "total", one["points"]["total"], inside[0]["total"] if inside else None, 11)
    system, kind = auditor.catalog["points"][key], "points.level_changed"
    level = points.level(system, 0)
    for one in by_user[kind, person.id]:
        if one["points"]["key"] == key:
            check_level(auditor, kind, one["previousLevel"], key, level)
            level = points.level(system, one["points"]["total"])
            check_level(auditor, kind, one["newLevel"], key, level)
    last = points.level(system, person.points(key))
    auditor.same(kind, "the last level that is told", level, last, 11)


def _ranks(auditor: Auditor, person: Person, bodies: list[JSON]) -> None:
    """Of one board and run: each rank before is the one that was told last."""
    known: dict[tuple[str, str], tuple[JSON, JSON]] = {}
    kind = "leaderboard.rank_changed"
    for one in bodies:
        row = one["leaderboard"]
        run = (row["key"], str(row.get("run")))
        before, after = (row["previousRank"], row["previousValue"]), (row["rank"], row["value"])
        want = known.get(run, (None, None))
        auditor.same(kind, f"previousRank on {row['key']}", before[0], want[0], 11)
        auditor.same(kind, "the rank changed", before[0] != after[0], True, 11)
        known[run] = after

"""Checks the webhooks of a simulated world: together they report everything that happened."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Any

from contract_tests.audit.auditor import Auditor, when
from contract_tests.audit.catalog import BOOST, check_achievement, check_board, check_level, system_row
from contract_tests.audit.users import check_profile
from contract_tests.audit.webhook_boards import check_board_webhooks
from contract_tests.receiver import Webhook
from contract_tests.reference import points
from contract_tests.reference.calendar import first_instant
from contract_tests.reference.user import User

JSON = Any
#: When webhooks of boosts for all users are sent: type, field, how many days later, hour in UTC.
HOURS = (("points.boost_started", "start", -1, 10), ("points.boost_finished", "end", 1, 13))


def check_webhooks(auditor: Auditor, webhooks: list[Webhook]) -> None:
    """Check all webhooks since the beginning, in the order of their timestamps: a retry may arrive late."""
    webhooks = sorted(webhooks, key=lambda webhook: str(webhook.content.get("timestamp")))
    by_user: dict[tuple[str, str], list[JSON]] = defaultdict(list)
    for webhook in webhooks:
        content = webhook.content
        by_user[webhook.kind, webhook.user or ""].append(content)
        _own_fields(auditor, webhook.kind, content)
    for user in auditor.reference.users.values():
        _achievements(auditor, user, by_user["achievement.completed", user.id])
        _streaks(auditor, user, by_user)
        for key in auditor.catalog["points"]:
            _points(auditor, user, key, by_user)
    check_board_webhooks(auditor, webhooks)
    _boosts(auditor, webhooks)
    stamps = [when(webhook.content.get("timestamp")) for webhook in webhooks]
    auditor.same("webhooks", "timestamp", None in stamps, False, 11)


def check_few(auditor: Auditor, all_of_them: list[Webhook], few: list[Webhook], kinds: list[str]) -> None:
    """Check that an endpoint for some types gets those, and nothing else."""
    wanted = sorted(webhook.body for webhook in all_of_them if webhook.kind in kinds)
    auditor.same("webhooks", "types of an endpoint", sorted({one.kind for one in few} - set(kinds)), [], 11)
    auditor.same("webhooks", f"webhooks of {kinds}", sorted(one.body for one in few) == wanted, True, 11)


def _own_fields(auditor: Auditor, kind: str, content: JSON) -> None:
    """Check what a body says of the user and of the catalog."""
    user = content.get("user")
    if isinstance(user, dict) and user.get("id") in auditor.reference.users:
        known, at = auditor.reference.users[user["id"]], when(content.get("timestamp"))
        if at is not None and at >= known.created and not _is_late(auditor, kind, known, at):
            check_profile(auditor, kind, user, known, at)
    board = content.get("leaderboard")
    if isinstance(board, dict) and board.get("key") in auditor.catalog["leaderboards"]:
        check_board(auditor, kind, board["key"], board)
    system = content.get("points")
    if isinstance(system, dict) and system.get("key") in auditor.catalog["points"]:
        for field, value in system_row(auditor, system["key"]).items():
            auditor.same(kind, field, system.get(field), value, 11)


def _is_late(auditor: Auditor, kind: str, user: User, at: datetime) -> bool:
    """Whether the user was changed while the webhook waited for the end of its window: old and new fields are right."""
    window = timedelta(seconds=auditor.catalog["settings"]["pointsChangedWindow"])
    return kind == "points.changed" and any(at - window <= time <= at for time, _ in user.changes[1:])


def _achievements(auditor: Auditor, user: User, bodies: list[JSON]) -> None:
    kind = "achievement.completed"
    by_name = {row["name"]: key for key, row in auditor.reference.achievements("active").items()}
    actual = {by_name.get(one["achievement"]["name"], "?"): one for one in bodies}
    auditor.same(kind, "number of webhooks", len(bodies), len(user.completed), 11)
    auditor.same(kind, "achievements", sorted(actual), sorted(user.completed), 11)
    for key, at in user.completed.items():
        if key in actual:
            row = actual[key]["achievement"]
            check_achievement(auditor, kind, key, row)
            auditor.same(kind, "achievedAt", when(row["achievedAt"]), at, 11)
            auditor.same(kind, "timestamp", when(actual[key]["timestamp"]), at, 11)


def _streaks(auditor: Auditor, user: User, by_user: dict[tuple[str, str], list[JSON]]) -> None:
    for kind in ("streak.started", "streak.extended", "streak.lost", "streak.freeze_consumed", "streak.freeze_earned"):
        wanted = [(shown, at) for actual, shown, at in user.streak.webhooks if actual == kind]
        bodies = by_user[kind, user.id]
        auditor.same(kind, "number of webhooks", len(bodies), len(wanted), 11)
        for body, (shown, at) in zip(bodies, wanted, strict=False):
            row = body.get("streak", body)
            for field, value in shown.items():
                auditor.same(kind, field, row.get(field), value, 11)
            auditor.same(kind, "timestamp", when(body.get("timestamp")), at, 11)


def _points(auditor: Auditor, user: User, key: str, by_user: dict[tuple[str, str], list[JSON]]) -> None:
    """Each award is in one webhook, however they are merged; each level follows the one before."""
    creation = {place for place, _ in auditor.reference.triggers(key, "user_creation")}
    awards = [award for award in user.awards.get(key, ()) if award.trigger not in creation]
    bodies = [one for one in by_user["points.changed", user.id] if one["points"]["key"] == key]
    rows = [award for one in bodies for award in one["points"]["awards"][::-1]]
    kind = "points.changed"
    auditor.same(kind, "awarded", [row["awarded"] for row in rows], [award.awarded for award in awards], 11)
    auditor.same(kind, "total of awards", [row["total"] for row in rows], [award.total for award in awards], 11)
    auditor.same(kind, "date", [when(row["date"]) for row in rows], [award.time for award in awards], 11)
    for one in bodies:
        inside = one["points"]["awards"]
        auditor.same(kind, "added", one["points"]["added"], sum(row["awarded"] for row in inside), 11)
        auditor.same(kind, "total", one["points"]["total"], inside[0]["total"] if inside else None, 11)
    _in_their_windows(auditor, kind, bodies)
    system, kind = auditor.catalog["points"][key], "points.level_changed"
    level = points.level(system, 0)
    actual = [one for one in by_user[kind, user.id] if one["points"]["key"] == key]
    wanted = list(_levels(system, user, key))
    shown = [(when(one["timestamp"]), one["points"]["total"]) for one in actual]
    auditor.same(kind, "timestamps and totals", shown, [(at, total) for at, total, _ in wanted], 11)
    for one, (_, _, after) in zip(actual, wanted, strict=False):
        check_level(auditor, kind, one["previousLevel"], key, level)
        level = after
        check_level(auditor, kind, one["newLevel"], key, level)


def _in_their_windows(auditor: Auditor, kind: str, bodies: list[JSON]) -> None:
    """The first award is sent at once. Those in its window wait for its end, and are sent together."""
    window, before = timedelta(seconds=auditor.catalog["settings"]["pointsChangedWindow"]), None
    for body in bodies:
        dates = [moment for row in body["points"]["awards"] if (moment := when(row["date"]))]
        at = when(body["timestamp"])
        if not dates or at is None:
            continue
        auditor.same(kind, "timestamp is within its window", max(dates) <= at <= max(dates) + window, True, 11)
        if at > max(dates) and before is not None and before > at - 2 * window:
            auditor.same(kind, "time since the webhook before", at - before, window, 11)
        before = at


def _levels(system: JSON, user: User, key: str) -> Iterator[tuple[datetime, int, str | None]]:
    """Each change of level: its time, the total and the new level. One request has one change at most."""
    level = points.level(system, 0)
    for _, rows in groupby(user.awards.get(key, ()), key=lambda award: award.number):
        last = list(rows)[-1]
        if (after := points.level(system, last.total)) != level:
            level = after
            yield last.time, last.total, after


def _boosts(auditor: Auditor, webhooks: list[Webhook]) -> None:
    """Each boost has one webhook at its start and one at its end."""
    known = {
        row["name"]: (key, row) for key in auditor.catalog["points"] for row in auditor.catalog["points"][key]["boosts"]
    }
    for kind, field, days, hour in HOURS:
        actual = [one.content for one in webhooks if one.kind == kind]
        due = [
            (name, at)
            for name, (_, row) in known.items()
            if (at := _hour(auditor, row, field, days, hour)) and auditor.began < at <= auditor.reference.now
        ]
        shown = sorted((one["boost"]["name"], when(one["timestamp"])) for one in actual)
        auditor.same(kind, "boosts and timestamps", shown, sorted(due), 11)
        for one in actual:
            if one["boost"]["name"] in known:
                key, row = known[one["boost"]["name"]]
                want = {name: row.get(name) for name in (*BOOST, "userId")} | {"pointsSystemKey": key}
                auditor.same_id(kind, "boosts", row["name"], one["boost"].get("id"), 11)
                want |= {"rounding": row["rounding"], "pointsSystemName": auditor.catalog["points"][key]["name"]}
                for name, value in want.items():
                    auditor.same(kind, name, one["boost"].get(name), value, 11)


def _hour(auditor: Auditor, row: JSON, field: str, days: int, hour: int) -> datetime | None:
    """Boosts for all users: at an hour of the day before or after; those of one user: at the user's local midnight."""
    if not row.get(field):
        return None
    day = date.fromisoformat(row[field])
    if "userId" not in row:
        return datetime.combine(day, time(hour), UTC) + timedelta(days=days)
    user = auditor.reference.users[row["userId"]]
    at = first_instant(day + timedelta(days=max(0, days)), user.zone)
    return at if at > user.created else None

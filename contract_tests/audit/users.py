"""Checks everything that the API returns about one user."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contract_tests.audit.auditor import Auditor, when
from contract_tests.audit.catalog import check_achievement, check_boost, check_level, check_trigger, system_row
from contract_tests.audit.wrapped import check_wrapped
from contract_tests.reference import points, spans
from contract_tests.reference.user import User

JSON = Any


def check_user(auditor: Auditor, user: User) -> None:
    check_profile(auditor, "users_get", auditor.call("users_get", id=user.id), user)
    preferences = auditor.call("users_get_preferences", id=user.id)["notifications"]
    auditor.same("users_get_preferences", "notifications", preferences, user.notifications, 3)
    _metrics(auditor, user)
    _achievements(auditor, user)
    _streak(auditor, user)
    for system in auditor.catalog["points"]:
        _points(auditor, user, system)
        _boosts(auditor, user, system)
    _summaries(auditor, user)
    check_wrapped(auditor, user, check_profile)


def check_profile(auditor: Auditor, operation: str, shown: JSON, user: User, at: datetime | None = None) -> None:
    """As it is now, or as it was at a time."""
    updated, profile = user.profile_at(at or auditor.reference.now)
    want = {name: profile.get(name) for name in ("name", "email", "tz")}
    want |= {"id": user.id, "attributes": user.attributes, "deviceTokens": profile.get("deviceTokens")}
    want["subscribeToEmails"] = profile.get("subscribeToEmails", want["email"] is not None)
    for field, value in want.items():
        auditor.same(operation, field, shown.get(field) or None, value or None, 3)
    auditor.same(operation, "created", when(shown["created"]), user.created, 3)
    auditor.same(operation, "updated", when(shown["updated"]), updated, 3)
    share = auditor.catalog["settings"]["controlRatio"]
    if share in (0, 1):
        auditor.same(operation, "control", shown["control"], bool(share), 3)


def _metrics(auditor: Auditor, user: User) -> None:
    rows = auditor.call("users_all_metrics", id=user.id)
    metrics = {key: row for key, row in auditor.catalog["metrics"].items() if row.get("status") != "inactive"}
    auditor.same("users_all_metrics", "keys", sorted(row["key"] for row in rows), sorted(metrics), 4)
    for row in rows:
        if row["key"] not in metrics:
            continue
        key, operation = row["key"], "users_all_metrics"
        auditor.same(operation, "current", row["current"], float(user.total(key)), 4)
        auditor.same(operation, "name", row["name"], metrics[key]["name"], 4)
        auditor.same(operation, "id", row["id"], auditor.ids.setdefault(("metrics", key), row["id"]), 4)
        _metric_achievements(auditor, user, operation, row)
        single = auditor.call("users_single_metric", id=user.id, key=key)
        auditor.same("users_single_metric", key, single | {"achievements": None}, row | {"achievements": None}, 4)
        _metric_achievements(auditor, user, "users_single_metric", single)


def _metric_achievements(auditor: Auditor, user: User, operation: str, shown: JSON) -> None:
    rows = auditor.reference.achievements("active")
    wanted = {row["name"]: key for key, row in rows.items() if row.get("metricKey") == shown["key"]}
    names = sorted(row["name"] for row in shown["achievements"])
    auditor.same(operation, "achievements", names, sorted(wanted), 4)
    for row in shown["achievements"]:
        if row["name"] in wanted:
            check_achieved(auditor, user, operation, wanted[row["name"]], row)


def check_achieved(auditor: Auditor, user: User, operation: str, key: str, row: JSON) -> None:
    check_achievement(auditor, operation, key, row)
    auditor.same(operation, "achievedAt", when(row.get("achievedAt")), user.completed.get(key), 6)


def _achievements(auditor: Auditor, user: User) -> None:
    by_name = {row["name"]: key for key, row in auditor.reference.achievements("active").items()}
    for incomplete, wanted in ((None, set(user.completed)), ("true", set(by_name.values()))):
        rows = auditor.call("users_achievements", id=user.id, includeIncomplete=incomplete)
        shown = {by_name.get(row["name"], row["name"]): row for row in rows}
        auditor.same("users_achievements", "keys", sorted(shown), sorted(wanted), 6)
        for key in wanted & set(shown):
            row = shown[key]
            check_achieved(auditor, user, "users_achievements", key, row)
            _rarity(auditor, "users_achievements", key, row)
        dates = [when(row["achievedAt"]) for row in rows if row.get("achievedAt")]
        if incomplete is None:
            auditor.same("users_achievements", "order", dates, sorted(filter(None, dates)), 6)


def _rarity(auditor: Auditor, operation: str, key: str, row: JSON) -> None:
    """Check completions and rarity, which count all users of the world."""
    users = auditor.reference.users.values()
    done = sum(key in user.completed for user in users)
    auditor.same(operation, "completions", row.get("completions"), done, 6)
    auditor.same(operation, "rarity", row.get("rarity"), round(100 * done / len(users), 2), 6)


def check_streak(auditor: Auditor, operation: str, shown: JSON, user: User) -> None:
    """Check the fields that every streak has."""
    for field, value in auditor.reference.streak_fields(user).items():
        auditor.same(operation, field, shown.get(field), value, 5)


def _streak(auditor: Auditor, user: User) -> None:
    reference, streak = auditor.reference, user.streak
    shown = auditor.call("users_streak", id=user.id, historyPeriods=12)
    check_streak(auditor, "users_streak", shown, user)
    others = [one.streak.length for one in reference.users.values()]
    rank = 1 + sum(length > streak.length for length in others) if streak.length else None
    auditor.same("users_streak", "rank", shown["rank"], rank, 5)
    starts = reference.periods.last(reference.today(user), 12)
    history = [
        {
            "periodStart": start.isoformat(),
            "periodEnd": reference.periods.end(start).isoformat(),
            "length": streak.counted.get(start, streak.frozen.get(start, 0)),
            "usedFreeze": start in streak.frozen,
        }
        for start in starts
    ]
    actual = [
        {"usedFreeze": False} | {name: row[name] for name in want if name in row}
        for row, want in zip(shown["streakHistory"], history, strict=False)
    ]
    auditor.same("users_streak", "streakHistory", actual, history, 5)


def check_award(auditor: Auditor, operation: str, shown: JSON, user: User, system: str, award: Any) -> None:
    row = auditor.catalog["points"][system]["triggers"][award.trigger]
    auditor.same(operation, "awarded", shown["awarded"], award.awarded, 7)
    auditor.same(operation, "total of an award", shown["total"], award.total, 7)
    auditor.same(operation, "date", when(shown["date"]), award.time, 7)
    check_trigger(auditor, operation, shown["trigger"], row)
    boosts = {row["name"]: row for row in auditor.catalog["points"][system]["boosts"]}
    names = sorted(boost["name"] for boost in shown["boosts"])
    auditor.same(operation, "boosts", names, sorted(award.boosts), 7)
    for boost in shown["boosts"]:
        if boost["name"] in boosts:
            check_boost(auditor, operation, boost, boosts[boost["name"]], auditor.reference.today(user))


def _points(auditor: Auditor, user: User, system: str) -> None:
    shown = auditor.call("users_points", id=user.id, key=system, awards=100)
    for field, value in (system_row(auditor, system) | {"total": user.points(system)}).items():
        auditor.same("users_points", field, shown.get(field), value, 7)
    level = points.level(auditor.catalog["points"][system], user.points(system))
    check_level(auditor, "users_points", shown["level"], system, level)
    awards = user.awards.get(system, [])[::-1][:100]
    auditor.same("users_points", "number of awards", len(shown["awards"]), len(awards), 7)
    auditor.same("users_points", "ids of awards", len({row["id"] for row in shown["awards"]}), len(awards), 7)
    for row, award in zip(shown["awards"], awards, strict=False):
        check_award(auditor, "users_points", row, user, system, award)
    some = auditor.call("users_points", id=user.id, key=system, awards=2)["awards"]
    auditor.same("users_points", "awards", some, shown["awards"][:2], 7)


def _boosts(auditor: Auditor, user: User, system: str) -> None:
    shown = auditor.call("users_points_boosts", id=user.id, key=system)
    today = auditor.reference.today(user)
    wanted = {row["name"]: row for row in points.boosts_of(auditor.catalog["points"][system], user, today)}
    auditor.same("users_points_boosts", "names", sorted(row["name"] for row in shown), sorted(wanted), 7)
    for row in shown:
        if row["name"] in wanted:
            check_boost(auditor, "users_points_boosts", row, wanted[row["name"]], today)


def _summaries(auditor: Auditor, user: User) -> None:
    began = auditor.began.date()
    metrics = [key for key in auditor.catalog["metrics"] if key != "asleep"]
    turn = list(auditor.reference.users).index(user.id)
    for aggregation, before, after in (("daily", 1, 16), ("weekly", 10, 50), ("monthly", 40, 120)):
        first, last = began - timedelta(days=before), began + timedelta(days=after)
        span: dict[str, Any] = {"aggregation": aggregation, "startDate": first, "endDate": last}
        # Each metric with one aggregation, another one for the next user: all are covered, in a third of the time.
        for metric in metrics:
            if (turn := turn + 1) % 3 and user.id != "ann":
                continue
            rows = auditor.call("users_metric_event_summary", id=user.id, key=metric, **span)
            want = spans.summary(auditor.reference, spans.of_metric(user, metric), aggregation, first, last)
            _summary(auditor, "users_metric_event_summary", rows, want, 4)
        for system in auditor.catalog["points"]:
            rows = auditor.call("users_points_event_summary", id=user.id, key=system, **span)
            want = spans.summary(auditor.reference, spans.of_points(user, system), aggregation, first, last)
            _summary(auditor, "users_points_event_summary", rows, want, 7)


def _summary(auditor: Auditor, operation: str, rows: JSON, want: Any, section: int) -> None:
    actual = [(row["date"], row["total"], row["change"]) for row in rows]
    auditor.same(operation, "rows", actual, [(day.isoformat(), total, change) for day, total, change in want], section)

"""Checks that the API shows the catalog as it was set up."""

from __future__ import annotations

from typing import Any

from contract_tests.audit.auditor import Auditor, as_pairs, sorted_pairs
from contract_tests.boards import pairs_of
from contract_tests.reference.points import status

JSON = Any
BOOST = ("name", "start", "end", "multiplier")


def check_catalog(auditor: Auditor) -> None:
    """Check all lists: achievements, boards, points systems with their triggers, levels and boosts."""
    _achievements(auditor)
    _boards(auditor)
    for key in auditor.catalog["points"]:
        _system(auditor, key)
        _levels(auditor, key)
        _boosts(auditor, key)


def check_row(auditor: Auditor, operation: str, row: JSON, want: JSON, section: int) -> None:
    """Check each of these fields; fields that are None here must be null or absent."""
    for field, value in want.items():
        auditor.same(operation, field, row.get(field), value, section)


def achievement_row(auditor: Auditor, key: str) -> JSON:
    row = auditor.catalog["achievements"][key]
    want = {name: row.get(name) for name in ("name", "trigger", "description", "badgeUrl", "streakLength")}
    want |= {"key": key if row["trigger"] == "api" else None}
    if row["trigger"] == "metric":
        metric = auditor.catalog["metrics"][row["metricKey"]]
        want |= {"metricValue": row["metricValue"], "metricName": metric["name"]}
    return want


def check_achievement(auditor: Auditor, operation: str, key: str, row: JSON) -> None:
    check_row(auditor, operation, row, achievement_row(auditor, key), 6)
    wanted = auditor.catalog["achievements"][key]
    shown = sorted_pairs(row.get("userAttributes"))
    auditor.same(operation, "userAttributes", shown, as_pairs(wanted.get("userAttributes")), 6)
    if wanted["trigger"] == "metric":
        events = as_pairs(wanted.get("eventAttributes"))
        auditor.same(operation, "eventAttributes", sorted_pairs(row.get("eventAttributes")), events, 6)
        single = events[0] if len(events) == 1 else None
        auditor.same(operation, "eventAttribute", row.get("eventAttribute"), single, 6)
        metric = auditor.ids.get(("metrics", wanted["metricKey"]), row.get("metricId"))
        auditor.same(operation, "metricId", row.get("metricId"), metric, 6)
    if wanted["trigger"] == "achievement":
        needed = sorted(auditor.ids[("achievements", one)] for one in wanted["achievementKeys"])
        auditor.same(operation, "achievementIds", sorted(row.get("achievementIds") or ()), needed, 6)
    auditor.same(operation, "id", row.get("id"), auditor.ids[("achievements", key)], 6)


def _achievements(auditor: Auditor) -> None:
    rows = auditor.call("achievements_all")
    wanted = {row["name"]: key for key, row in auditor.reference.achievements("active").items()}
    auditor.same("achievements_all", "names", sorted(row["name"] for row in rows), sorted(wanted), 6)
    known = [row for row in rows if row["name"] in wanted]
    auditor.ids |= {("achievements", wanted[row["name"]]): row["id"] for row in known}
    if len(known) == len(wanted):
        for row in known:
            check_achievement(auditor, "achievements_all", wanted[row["name"]], row)
    plan, team = {"plan": auditor.random_catalog.plans[0]}, {"team": auditor.random_catalog.teams[0]}
    for pairs in (plan, plan | team):
        rows = auditor.call("achievements_all", userAttributes=pairs_of(pairs))
        names = [
            row["name"]
            for row in auditor.reference.achievements("active").values()
            if (row.get("userAttributes") or {}).items() <= pairs.items()
        ]
        auditor.same("achievements_all", f"names for {pairs}", sorted(row["name"] for row in rows), sorted(names), 6)


def board_row(auditor: Auditor, key: str) -> JSON:
    row = auditor.catalog["leaderboards"][key]
    breakdown = row.get("breakdownAttributes") or []
    want = {"key": key, "breakdownAttribute": breakdown[0] if len(breakdown) == 1 else None}
    want |= {name: row.get(name) for name in ("name", "rankBy", "description", "runUnit", "runInterval")}
    want |= {"maxParticipants": row.get("maxParticipants", 1000), "breakdownAttributes": breakdown}
    if "metricKey" in row:
        want |= {"metricKey": row["metricKey"], "metricName": auditor.catalog["metrics"][row["metricKey"]]["name"]}
    if "pointsSystemKey" in row:
        system = auditor.catalog["points"][row["pointsSystemKey"]]
        want |= {"pointsSystemKey": row["pointsSystemKey"], "pointsSystemName": system["name"]}
    return want


def check_board(auditor: Auditor, operation: str, key: str, row: JSON, *, dates: bool = True) -> None:
    want = board_row(auditor, key)
    if dates:
        wanted = auditor.catalog["leaderboards"][key]
        want |= {"start": wanted["start"], "end": wanted.get("end")}
    check_row(auditor, operation, row, want, 8)
    if ("leaderboards", key) in auditor.ids:
        auditor.same(operation, "id", row.get("id"), auditor.ids[("leaderboards", key)], 8)


def _boards(auditor: Auditor) -> None:
    rows = auditor.call("leaderboards_all", includeFinished=True)
    auditor.same(
        "leaderboards_all", "keys", sorted(row["key"] for row in rows), sorted(auditor.catalog["leaderboards"]), 8
    )
    for row in rows:
        if row["key"] in auditor.catalog["leaderboards"]:
            check_board(auditor, "leaderboards_all", row["key"], row)
            auditor.ids[("leaderboards", row["key"])] = row["id"]
            if row["key"] != "points":  # it may end during the simulation
                state = {"soon": "scheduled", "over": "finished"}.get(row["key"], "active")
                auditor.same("leaderboards_all", "status", row["status"], state, 8)
    shown = {row["key"] for row in auditor.call("leaderboards_all")}
    auditor.same("leaderboards_all", "finished boards", "over" in shown, False, 8)


def system_row(auditor: Auditor, key: str) -> JSON:
    row = auditor.catalog["points"][key]
    return {name: row.get(name) for name in ("name", "description", "badgeUrl", "maxPoints")} | {"key": key}


def check_trigger(auditor: Auditor, operation: str, shown: JSON, row: JSON) -> None:
    names = ("type", "points", "metricThreshold", "streakLengthThreshold", "timeUnit", "timeInterval")
    want = {name: row.get(name) for name in names} | {"status": "active"}
    if "metricKey" in row:
        want["metricName"] = auditor.catalog["metrics"][row["metricKey"]]["name"]
    if "achievementKey" in row:
        want["achievementName"] = auditor.catalog["achievements"][row["achievementKey"]]["name"]
        want["achievementId"] = auditor.ids.get(("achievements", row["achievementKey"]))
    check_row(auditor, operation, shown, want, 7)
    filters = sorted_pairs(shown.get("userAttributes"))
    auditor.same(operation, "userAttributes", filters, as_pairs(row.get("userAttributes")), 7)
    if row["type"] == "metric":
        events = as_pairs(row.get("eventAttributes"))
        auditor.same(operation, "eventAttributes", sorted_pairs(shown.get("eventAttributes")), events, 7)


def _system(auditor: Auditor, key: str) -> None:
    shown = auditor.call("points_system", key=key)
    check_row(auditor, "points_system", shown, system_row(auditor, key), 7)
    rows = auditor.catalog["points"][key]["triggers"]
    active = [(place, row) for place, row in enumerate(rows) if row.get("status", "active") == "active"]
    auditor.same("points_system", "number of triggers", len(shown["triggers"]), len(active), 7)
    for actual, (place, row) in zip(shown["triggers"], active, strict=False):
        check_trigger(auditor, "points_system", actual, row)
        auditor.ids[(f"triggers of {key}", actual["id"])] = str(place)


def level_row(auditor: Auditor, system: str, key: str) -> JSON:
    row = auditor.catalog["points"][system]["levels"][key]
    want = {name: row.get(name) for name in ("name", "points", "badgeUrl")}
    return want | {"key": key, "description": row.get("description", "")}


def check_level(auditor: Auditor, operation: str, shown: JSON, system: str, key: str | None) -> None:
    if key is None or shown is None:
        auditor.same(operation, "level", shown, key, 7)
        return
    check_row(auditor, operation, shown, level_row(auditor, system, key), 7)
    auditor.same_id(operation, f"levels of {system}", key, shown.get("id"), 7)


def _levels(auditor: Auditor, key: str) -> None:
    levels = list(auditor.catalog["points"][key].get("levels") or {})
    shown = auditor.call("points_levels", key=key)
    auditor.same("points_levels", "keys", [row["key"] for row in shown], levels, 7)
    for row, level in zip(shown, levels, strict=False):
        check_level(auditor, "points_levels", row, key, level)


def check_boost(auditor: Auditor, operation: str, shown: JSON, row: JSON, day: Any) -> None:
    want = {name: row.get(name) for name in BOOST}
    want |= {"rounding": row.get("rounding", "down"), "status": status(row, day)}
    check_row(auditor, operation, shown, want, 7)
    auditor.same_id(operation, "boosts", row["name"], shown.get("id"), 7)


def _boosts(auditor: Auditor, key: str) -> None:
    day = auditor.reference.now.date()
    rows = {row["name"]: row for row in auditor.catalog["points"][key]["boosts"] if "userId" not in row}
    for finished in (True, False):
        shown = auditor.call("points_boosts", key=key, includeFinished=finished)
        names = [name for name, row in rows.items() if finished or status(row, day) != "finished"]
        auditor.same("points_boosts", "names", sorted(row["name"] for row in shown), sorted(names), 7)
        for row in shown:
            if row["name"] in rows:
                check_boost(auditor, "points_boosts", row, rows[row["name"]], day)

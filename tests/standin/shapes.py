"""How things are written: the spec's schemas, with additional fields, and times as Python writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from tests.standin.organisation import ACHIEVEMENTS, METRICS, POINTS, STARTED
from tests.standin.standings import Board, Standing
from tests.standin.state import Effects, State, User, boost_status, level

Row = dict[str, Any]


def user_row(user: User) -> Row:
    fields = user.fields
    return {
        "links": {"self": f"/users/{user.id}"},
        "updated": user.updated.isoformat(),
        "created": user.created.isoformat(),
        "control": False,
        "attributes": dict(user.attributes),
        "subscribeToEmails": fields.get("subscribeToEmails", True),
        "deviceTokens": fields.get("deviceTokens"),
        "tz": fields.get("tz"),
        "name": fields.get("name"),
        "email": fields.get("email"),
        "id": user.id,
    }


def metric_row(state: State, user: User, key: str) -> Row:
    rows = [achievement_of(user, one) for one, row in ACHIEVEMENTS.items() if row.get("metric") == key]
    return {**METRICS[key], "key": key, "current": float(user.totals[key]), "achievements": rows, "unit": None}


def achievement_row(key: str) -> Row:
    row = ACHIEVEMENTS[key]
    found = {
        "key": key,
        "badgeUrl": row.get("badge"),
        "description": row.get("description"),
        "trigger": row["trigger"],
        "name": row["name"],
        "id": row["id"],
        "userAttributes": row.get("user", []),
    }
    if row["trigger"] == "metric":
        metric = METRICS[row["metric"]]
        found |= {"metricId": metric["id"], "metricName": metric["name"], "metricValue": row["least"]}
        if row.get("event"):
            found |= {"eventAttributes": row["event"], "eventAttribute": row["event"][0]}
    if row["trigger"] == "streak":
        found["streakLength"] = row["length"]
    if row["trigger"] == "achievement":
        found["achievementIds"] = [ACHIEVEMENTS[one]["id"] for one in row["needs"]]
    return found


def achievement_of(user: User, key: str) -> Row:
    done = user.done.get(key)
    return {**achievement_row(key), "achievedAt": done.isoformat() if done else None}


def statistics(state: State, key: str) -> Row:
    done = sum(key in user.done for user in state.users.values())
    return {"completions": done, "rarity": 100 * done / max(1, len(state.users))}


# Streaks


def streak_row(state: State, user: User) -> Row:
    period, latest = state.period, state.latest(user)
    found: Row = {"frequency": period.frequency, "length": state.streak(user)}
    if latest is None:
        return found | dict.fromkeys(("started", "periodStart", "periodEnd", "expires"))
    first = latest
    while period.before(first) in user.first_event:
        first = period.before(first)
    following = date.fromordinal(period.end(latest).toordinal() + 1)
    days = {"started": user.first_event[first], "periodStart": latest, "periodEnd": period.end(latest)}
    return found | {name: day.isoformat() for name, day in (days | {"expires": period.end(following)}).items()}


def streak_history(state: State, user: User, periods: int) -> list[Row]:
    rows: list[Row] = []
    day = state.period.start(datetime.now(UTC).date())
    for _ in range(periods):
        end = state.period.end(day)
        rows.append({"length": state.length(user, day), "periodStart": day.isoformat(), "periodEnd": end.isoformat()})
        day = state.period.before(day)
    return rows[::-1]


# Points


def system_row(key: str) -> Row:
    system = POINTS[key]
    names = {"id": system["id"], "key": key, "name": system["name"], "description": system["description"]}
    return names | {"badgeUrl": None, "maxPoints": system["most"]}


def level_row(row: Row | None) -> Row | None:
    return row and {"id": f"v-{row['key']}", "description": f"From {row['points']}", "badgeUrl": None, **row}


def trigger_row(row: Row) -> Row:
    found = {name: row[name] for name in ("id", "type", "points")}
    found |= {"status": "active", "userAttributes": row.get("user", []), "created": STARTED, "updated": STARTED}
    if row["type"] == "metric":
        metric = METRICS[row["metric"]]
        found |= {"metricId": metric["id"], "metricName": metric["name"], "metricThreshold": row["each"]}
        found["eventAttributes"] = row.get("event", [])
        if row.get("event"):
            found["eventAttribute"] = row["event"][0]
    if row["type"] == "streak":
        found["streakLengthThreshold"] = row["each"]
    if row["type"] == "achievement":
        achievement = ACHIEVEMENTS[row["achievement"]]
        found |= {"achievementId": achievement["id"], "achievementName": achievement["name"]}
    return found


def boost_row(row: Row) -> Row:
    return {**row, "status": boost_status(row)}


def award_row(key: str, award: Row) -> Row:
    trigger = next(row for row in POINTS[key]["triggers"] if row["id"] == award["trigger"])
    boosts = [boost_row(one) for one in POINTS[key]["boosts"] if one["id"] in award["boosts"]]
    found = {name: award[name] for name in ("id", "awarded", "total")}
    return found | {"date": award["at"].isoformat(), "trigger": trigger_row(trigger), "boosts": boosts}


def points_of(user: User, key: str) -> Row:
    return {**system_row(key), "total": user.points[key], "level": level_row(level(key, user.points[key]))}


def points_gained(user: User, effects: Effects) -> Row:
    """By points system, what an event or a completion brought."""
    found: Row = {}
    for key, awards in effects.awards.items():
        rows = [award_row(key, award) for award in awards]
        row = {**system_row(key), "total": user.points[key], "added": sum(award["awarded"] for award in awards)}
        if key in effects.levels:
            row["level"] = level_row(effects.levels[key][1])
        found[key] = row | {"awards": rows}
    return found


# Leaderboards


def board_row(board: Board) -> Row:
    setting = board.setting
    by = setting["by"]
    found = {
        "id": setting["id"],
        "key": board.key,
        "name": setting["name"],
        "description": setting.get("description"),
        "status": board.status,
        "rankBy": "streak" if by == "streak" else "metric" if by in METRICS else "points",
        "breakdownAttributes": setting["breakdown"],
        "breakdownAttribute": setting["breakdown"][0] if len(setting["breakdown"]) == 1 else None,
        "start": setting["start"],
        "end": setting["end"],
        "maxParticipants": setting["most"],
        "runUnit": setting["unit"],
        "runInterval": setting["every"],
    }
    if by in METRICS:
        found |= {"metricKey": by, "metricName": METRICS[by]["name"]}
    if by in POINTS:
        found |= {"pointsSystemKey": by, "pointsSystemName": POINTS[by]["name"]}
    return found


def ranking_rows(state: State, ranked: list[tuple[str, int, int]]) -> list[Row]:
    return [
        {"value": value, "rank": rank, "userName": state.users[user].fields.get("name"), "userId": user}
        for user, rank, value in ranked
    ]


def board_of(board: Board, user: User, first: date) -> Row:
    standing = board.place(user.id, user.attributes, first)
    return {**board_row(board), "rank": standing.rank, "value": standing.value}


def boards_changed(state: State, user: User, effects: Effects) -> Row:
    """By leaderboard, how a user stands in the present run after an event that changed it."""
    found: Row = {}
    for key, changed in effects.boards.items():
        board = state.boards[key]
        run, values = board.run(), board.values_of(user.attributes)
        if user.id not in changed or run is None or values is None:
            continue
        was: Standing = changed[user.id]
        row = board_row(board) | {"start": run[0].isoformat(), "end": run[1] and run[1].isoformat()}
        row |= {"rank": board.place(user.id, user.attributes, run[0]).rank, "previousRank": was.rank}
        row["threshold"] = board.group(run[0], values).threshold()
        if values:
            pairs = zip(board.setting["breakdown"], values, strict=True)
            row["breakdownAttributeValues"] = [{"key": name, "value": value} for name, value in pairs]
        found[key] = row
    return found

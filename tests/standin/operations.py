"""The operations, by operationId: what each does with arguments and a body that fit the spec."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tests.standin.organisation import ACHIEVEMENTS, EVENT_ATTRIBUTES, METRICS, POINTS, USER_ATTRIBUTES
from tests.standin.shapes import (
    achievement_of,
    achievement_row,
    award_row,
    board_of,
    board_row,
    boards_changed,
    boost_row,
    level_row,
    metric_row,
    points_gained,
    points_of,
    ranking_rows,
    statistics,
    streak_history,
    streak_row,
    system_row,
    trigger_row,
    user_row,
)
from tests.standin.standings import Board
from tests.standin.state import KINDS, Effects, State, User, boost_status, level, matches
from tests.standin.wrapped import wrapped

Row = dict[str, Any]
LIMIT = 10**15


class Refused(Exception):
    """What the request asks for is not there."""


class NotFound(Refused):
    """What its path names is not there."""


class Operations:
    """Methods are named as the spec's operations; those that write note what follows for the webhooks."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.followed: list[tuple[User, Effects]] = []

    # Finding

    def _user(self, id: str) -> User:
        if id not in self.state.users:
            raise NotFound("there is nobody with this id")
        return self.state.users[id]

    def _found(self, rows: dict[str, Any], key: str) -> Any:
        if key not in rows:
            raise NotFound("nothing has this key")
        return rows[key]

    def _upsert(self, id: str, given: Row) -> tuple[User, Effects]:
        if not id:
            raise Refused("an id cannot be empty")
        known = self.state.users.get(id)
        unknown = [key for key in given.get("attributes", {}) if key not in USER_ATTRIBUTES]
        if unknown:
            raise Refused(f"no user attribute is called {unknown[0]}")
        if given.get("subscribeToEmails") and not (given.get("email") or (known and known.fields.get("email"))):
            raise Refused("an email is needed for that subscription")
        found = self.state.upsert(id, given)
        self.followed.append(found)
        return found

    # Users

    def users_create(self, body: Row) -> Row:
        return user_row(self._upsert(body["id"], body)[0])

    def users_identify(self, id: str, body: Row) -> Row:
        return user_row(self._upsert(id, body)[0])

    def users_update(self, id: str, body: Row) -> Row:
        return user_row(self._upsert(self._user(id).id, body)[0])

    def users_get(self, id: str) -> Row:
        return user_row(self._user(id))

    def users_get_preferences(self, id: str) -> Row:
        return {"notifications": self._user(id).notifications}

    def users_update_preferences(self, id: str, body: Row) -> Row:
        given = body.get("notifications", {})
        self._user(id).notifications.update({kind: given[kind] for kind in KINDS if kind in given})
        return self.users_get_preferences(id)

    # Metrics

    def users_all_metrics(self, id: str) -> list[Row]:
        return [metric_row(self.state, self._user(id), key) for key in METRICS]

    def users_single_metric(self, id: str, key: str) -> Row:
        self._found(METRICS, key)
        return metric_row(self.state, self._user(id), key)

    def metrics_event(self, key: str, body: Row, idempotency_key: str | None = None) -> Row:
        if key not in METRICS:
            raise Refused("no metric has this key")
        value, attributes, given = body["value"], body.get("attributes", {}), body["user"]
        known = self.state.users.get(given["id"])
        if not abs(value) <= LIMIT:
            raise Refused("the value is too large")
        unknown = [name for name in attributes if name not in EVENT_ATTRIBUTES]
        if unknown:
            raise Refused(f"no event attribute is called {unknown[0]}")
        user, _ = self._upsert(given["id"], given)  # what a user gets for being created is not the event's
        effects = Effects()
        earlier = known and known.keys.get((key, idempotency_key or ""))
        if earlier:
            return self._event(user, key, earlier, Effects(), idempotency_key) | {"idempotentReplayed": True}
        event = self.state.event(user, key, float(value), attributes, effects)
        self.followed.append((user, effects))
        found = self._event(user, key, event.id, effects, idempotency_key)
        if idempotency_key:
            user.keys[key, idempotency_key] = event.id
        return found

    def _event(self, user: User, key: str, id: str, effects: Effects, idempotency_key: str | None) -> Row:
        return {
            "leaderboards": boards_changed(self.state, user, effects),
            "points": points_gained(user, effects),
            "currentStreak": {**streak_row(self.state, user), "extended": effects.extended},
            "achievements": [achievement_of(user, one) for one in effects.completed],
            "total": float(user.totals[key]),
            "metricId": METRICS[key]["id"],
            "eventId": id,
            **({"idempotencyKey": idempotency_key} if idempotency_key else {}),
        }

    def users_metric_event_summary(self, id: str, key: str, aggregation: str, startDate: str, endDate: str) -> Any:
        self._found(METRICS, key)
        events = [event for event in self._user(id).events if event.metric == key]
        return summary(((event.at, event.value) for event in events), aggregation, startDate, endDate)

    # Achievements

    def achievements_all(self, userAttributes: str | None = None) -> list[Row]:
        attributes = pairs(userAttributes) if userAttributes else None
        return [
            {**achievement_row(key), **statistics(self.state, key)}
            for key, row in ACHIEVEMENTS.items()
            if attributes is None or matches(row.get("user"), attributes)
        ]

    def users_achievements(self, id: str, includeIncomplete: str | None = None) -> list[Row]:
        user = self._user(id)
        keys = ACHIEVEMENTS if includeIncomplete else user.done
        return [{**achievement_of(user, key), **statistics(self.state, key)} for key in keys]

    def achievements_complete(self, key: str, body: Row) -> Row:
        achievement = self._found({k: row for k, row in ACHIEVEMENTS.items() if row["trigger"] == "api"}, key)
        given = body["user"]
        known = self.state.users.get(given["id"])
        attributes = {**(known.attributes if known else {}), **given.get("attributes", {})}
        if not (known and key in known.done) and not matches(achievement.get("user"), attributes):
            raise NotFound("this achievement is for others")
        user, effects = self._upsert(given["id"], given)
        self.state.complete(user, key, effects)
        return {
            "points": points_gained(user, effects),
            "achievement": achievement_of(user, key),
            "completionId": self.state.new_id("c"),
        }

    # Streaks

    def users_streak(self, id: str, historyPeriods: int = 7) -> Row:
        user = self._user(id)
        if not 0 <= historyPeriods <= 1000:
            raise Refused("so many periods are not kept")
        length = self.state.streak(user)
        longer = sum(self.state.streak(other) > length for other in self.state.users.values())
        history = streak_history(self.state, user, historyPeriods)
        return {**streak_row(self.state, user), "rank": longer + 1 if length else None, "streakHistory": history}

    def streaks_list(self, userIds: list[str]) -> list[Row]:
        ids = userIds if len(userIds) > 1 else userIds[0].split(",")
        if len(ids) > 100:
            raise Refused("more than 100 users")
        rows = []
        for id in ids:
            user = self.state.users.get(id)
            length = self.state.streak(user) if user else 0
            extended = user.extended.isoformat() if user and length and user.extended else None
            rows.append({"streakLength": length, "extended": extended, "userId": id})
        return sorted(rows, key=lambda row: -row["streakLength"])

    def streaks_rankings(self, limit: int = 10, type: str = "active") -> list[Row]:
        lengths = {
            user.id: user.longest if type == "longest" else self.state.streak(user)
            for user in self.state.users.values()
        }
        ids = sorted((id for id in lengths if lengths[id]), key=lambda id: (-lengths[id], id))[:limit]
        return [
            {"streakLength": lengths[id], "name": self.state.users[id].fields.get("name"), "userId": id} for id in ids
        ]

    # Points

    def users_points(self, id: str, key: str, awards: int = 10) -> Row:
        self._found(POINTS, key)
        user = self._user(id)
        return points_of(user, key) | {"awards": [award_row(key, one) for one in user.awards[key][::-1][:awards]]}

    def users_points_boosts(self, id: str, key: str) -> list[Row]:
        self._user(id)
        return [boost_row(row) for row in self._found(POINTS, key)["boosts"] if boost_status(row) == "active"]

    def users_points_event_summary(self, id: str, key: str, aggregation: str, startDate: str, endDate: str) -> Any:
        self._found(POINTS, key)
        awards = self._user(id).awards[key]
        return summary(((one["at"], one["awarded"]) for one in awards), aggregation, startDate, endDate)

    def points_system(self, key: str) -> Row:
        row = self._found(POINTS, key)
        return {**system_row(key), "triggers": [trigger_row(one) for one in row["triggers"]]}

    def points_boosts(self, key: str, includeFinished: bool = False) -> list[Row]:
        rows = [boost_row(row) for row in self._found(POINTS, key)["boosts"]]
        return [row for row in rows if includeFinished or row["status"] != "finished"]

    def points_levels(self, key: str) -> list[Row]:
        return [level_row(row) or {} for row in self._found(POINTS, key)["levels"]]

    def points_level_summary(self, key: str) -> list[Row]:
        rows = self._found(POINTS, key)["levels"]
        if not rows:
            raise Refused("these points have no levels")
        users = self.state.users.values()
        return [
            {"level": level_row(row), "users": sum(level(key, u.points[key]) is row for u in users)} for row in rows
        ]

    def points_summary(self, key: str, userAttributes: str | None = None) -> list[Row]:
        self._found(POINTS, key)
        wanted = pairs(userAttributes) if userAttributes else {}
        totals = [u.points[key] for u in self.state.users.values() if wanted.items() <= u.attributes.items()]
        width = 10 ** max(0, math.ceil(math.log10(max(totals, default=0) or 1)) - 1)
        edges = [(0, 0), *((width * n + 1, width * (n + 1)) for n in range(10))]
        return [{"users": sum(low <= t <= high for t in totals), "to": high, "from": low} for low, high in edges]

    # Leaderboards

    def leaderboards_all(self, includeFinished: bool = False) -> list[Row]:
        rows = [board_row(board) for board in self.state.boards.values()]
        return [row for row in rows if includeFinished or row["status"] != "finished"]

    def leaderboards_get(
        self,
        key: str,
        offset: int = 0,
        limit: int | None = None,
        run: str | None = None,
        userId: str | None = None,
        userAttributes: str | None = None,
    ) -> Row:
        board: Board = self._found(self.state.boards, key)
        most = board.setting["most"]
        if limit is not None and limit > most:
            raise Refused(f"this leaderboard has only {most} places")
        given = pairs(userAttributes) if userAttributes else {}
        if set(given) != set(board.setting["breakdown"]):
            raise Refused("userAttributes must be what the leaderboard is broken down by")
        ranked = board.group(self._run(board, run), board.values_of(given) or ()).ranked()
        if userId is not None:
            own = next((place for place, row in enumerate(ranked) if row[0] == userId), len(ranked))
            offset += own
        page = ranked[offset : offset + (min(10, most) if limit is None else limit)]
        return {**board_row(board), "rankings": ranking_rows(self.state, page)}

    def _run(self, board: Board, run: str | None) -> date:
        if run is None and board.status != "active":
            raise NotFound("this leaderboard has no run now")
        found = board.run(date.fromisoformat(run) if run else None)
        if found is None or (run and found[0].isoformat() != run):
            raise Refused("no run begins on this day")
        return found[0]

    def users_leaderboard(self, id: str, key: str, run: str | None = None, numEvents: int = 10) -> Row:
        board, user = self._found(self.state.boards, key), self._user(id)
        first = self._run(board, run)
        return {**board_of(board, user, first), "history": board.moves[first, id][::-1][:numEvents]}

    # Wrapped

    def users_wrapped(self, id: str, year: int | None = None) -> Row:
        this = datetime.now(UTC).year
        if year is not None and year > this:
            raise Refused("that year is still to come")
        return wrapped(self.state, self._user(id), this if year is None else year)


def pairs(text: str) -> dict[str, str]:
    """Pairs as the spec writes them: `city:London,plan:pro`."""
    found = dict(part.partition(":")[::2] for part in text.split(","))
    if any(key not in USER_ATTRIBUTES for key in found):
        raise Refused("userAttributes names something that is no user attribute")
    return found


def summary(changes: Iterable[tuple[datetime, float]], aggregation: str, start: str, end: str) -> list[Row]:
    """A row for each period with changes, as in the spec's example: periods without any are left out."""
    first, last = date.fromisoformat(start), date.fromisoformat(end)
    if not first < last or (last - first).days > 400:
        raise Refused("the startDate lies before the endDate, by up to 400 days")
    return list(_rows(sorted((at.date(), amount) for at, amount in changes), aggregation, first, last))


def _rows(changes: list[tuple[date, float]], aggregation: str, first: date, last: date) -> Iterator[Row]:
    starts = {
        "daily": lambda day: day,
        "weekly": lambda day: day - timedelta(days=day.weekday()),
        "monthly": lambda day: day.replace(day=1),
    }
    start, total = starts[aggregation], 0.0
    found: dict[date, Row] = {}
    for day, amount in changes:
        total += amount
        if first <= day <= last:
            row = found.setdefault(start(day), {"date": start(day).isoformat(), "change": 0.0})
            row |= {"change": row["change"] + amount, "total": total}
    yield from found.values()

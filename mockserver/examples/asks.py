"""One table: operation → the request that a scene makes of it; and how the same request is spoilt for each error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from mockserver.examples.stage import Scene
from mockserver.game.catalog import Leaderboard, PointsSystem
from mockserver.spec import Operation
from mockserver.worlds import DEFAULT_KEY

Pairs = tuple[tuple[str, str], ...]

WRONG_KEY = "no-such-key"
NOT_UTF8 = "\udcff"  # what the byte FF of a path becomes


@dataclass(frozen=True)
class Ask:
    """A request: names and values as plain text, `body` as JSON; `cut_short`, the body breaks off."""

    operation: str
    path: dict[str, str] = field(default_factory=dict)
    query: Pairs = ()
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    key: str = DEFAULT_KEY
    cut_short: bool = False

    def target(self, operation: Operation) -> str:
        """Path and query as they are sent, without the prefix."""
        values = {name: quote(value, safe="", errors="surrogateescape") for name, value in self.path.items()}
        query = urlencode(self.query, safe=":,")
        return operation.path.format(**values) + (f"?{query}" if query else "")

    def content(self) -> bytes:
        """The body as it is sent."""
        if self.body is None:
            return b""
        whole = orjson.dumps(self.body)
        return whole[: len(whole) // 2] if self.cut_short else whole

    def all_headers(self) -> dict[str, str]:
        """The headers as they are sent."""
        content = {} if self.body is None else {"Content-Type": "application/json"}
        return {"X-API-KEY": self.key, **content, **self.headers}

    def from_tenant(self, tenant: str | None) -> Ask:
        """The same request in a tenant's name, in organisations that have tenants."""
        return self if tenant is None else replace(self, headers=self.headers | {"Tenant-ID": tenant})

    def parameters(self, operation: Operation) -> dict[str, Any]:
        """Path and query by the document's names, as JSON. Choice: the example of a request without a body is these."""
        found: dict[str, Any] = {}
        for parameter in operation.parameters:
            pairs = (*self.path.items(), *self.query)
            values = [_json(parameter.read(value)) for name, value in pairs if name == parameter.name]
            if values:
                found[parameter.name] = values if parameter.many else values[0]
        return found


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _users_create(scene: Scene) -> Ask:
    return Ask("users_create", body=scene.newcomer)


def _users_identify(scene: Scene) -> Ask:
    """What an application sends at every login: nothing new."""
    profile = scene.person.profile
    known = {"email": profile.email, "name": profile.name, "tz": profile.tz, "attributes": profile.attributes}
    body = {key: value for key, value in known.items() if value}
    return Ask("users_identify", {"id": scene.hero}, body=body)


def _users_update(scene: Scene) -> Ask:
    return Ask("users_update", {"id": scene.hero}, body={"deviceTokens": [scene.id_of("token").replace("-", "")]})


def _preferences(scene: Scene) -> Ask:
    wanted = {"streak_reminder": ["push"], "recap": ["email"], "reactivation": []}
    return Ask("users_update_preferences", {"id": scene.hero}, body={"notifications": wanted})


def _metrics_event(scene: Scene) -> Ask | None:
    if scene.event is None:
        return None
    headers = {"Idempotency-Key": scene.id_of("idempotency key")}
    return Ask("metrics_event", {"key": scene.event.metric}, headers=headers, body=scene.event_body)


def _achievements_complete(scene: Scene) -> Ask | None:
    if scene.claim is None:
        return None
    achievement, user = scene.claim
    return Ask("achievements_complete", {"key": achievement.key}, body={"user": {"id": user}})


def _achievements_all(scene: Scene) -> Ask | None:
    return Ask("achievements_all") if scene.catalog.achievements else None


def _users_achievements(scene: Scene) -> Ask | None:
    if not scene.catalog.achievements:
        return None
    return Ask("users_achievements", {"id": scene.hero}, (("includeIncomplete", "true"),))


def _streaks_list(scene: Scene) -> Ask:
    users = list(dict.fromkeys((scene.hero, *scene.stage.heroes)))[:3]
    return Ask("streaks_list", query=tuple(("userIds", user) for user in users))


def _streaks_rankings(scene: Scene) -> Ask:
    return Ask("streaks_rankings", query=(("limit", "5"), ("type", "active")))


def _wrapped(scene: Scene) -> Ask:
    return Ask("users_wrapped", {"id": scene.hero}, (("year", str(scene.today.year)),))


def _leaderboards_get(scene: Scene) -> Ask | None:
    board = scene.board
    if board is None:
        return None
    query: Pairs = (("limit", str(min(5, board.max_participants))),)
    attributes = scene.person.profile.attributes
    if board.breakdown:
        query += (("userAttributes", ",".join(f"{key}:{attributes.get(key, '')}" for key in board.breakdown)),)
    return Ask("leaderboards_get", {"key": board.key}, query)


def _users_leaderboard(scene: Scene) -> Ask | None:
    return _on_board("users_leaderboard", scene, scene.board, (("numEvents", "5"),))


def _on_board(name: str, scene: Scene, board: Leaderboard | None, query: Pairs) -> Ask | None:
    return Ask(name, {"id": scene.hero, "key": board.key}, query) if board else None


def _fortnight(scene: Scene) -> Pairs:
    first = scene.today - timedelta(days=13)
    return ("aggregation", "daily"), ("startDate", first.isoformat()), ("endDate", scene.today.isoformat())


def _nothing(scene: Scene) -> Pairs:
    return ()


def _of_user(name: str, query: Pairs = ()) -> Callable[[Scene], Ask]:
    return lambda scene: Ask(name, {"id": scene.hero}, query)


def _of_metric(name: str, query: Callable[[Scene], Pairs] = _nothing) -> Callable[[Scene], Ask | None]:
    def ask(scene: Scene) -> Ask | None:
        return Ask(name, {"id": scene.hero, "key": scene.event.metric}, query(scene)) if scene.event else None

    return ask


def _of_points(
    name: str,
    find: Callable[[Scene], PointsSystem | None],
    query: Callable[[Scene], Pairs] = _nothing,
    *,
    user: bool = False,
) -> Callable[[Scene], Ask | None]:
    def ask(scene: Scene) -> Ask | None:
        system = find(scene)
        if system is None:
            return None
        return Ask(name, ({"id": scene.hero} if user else {}) | {"key": system.key}, query(scene))

    return ask


def _system(scene: Scene) -> PointsSystem | None:
    return scene.system


def _levelled(scene: Scene) -> PointsSystem | None:
    return scene.levelled


# In the order in which they are asked: first what writes.
GOOD: dict[str, Callable[[Scene], Ask | None]] = {
    "users_create": _users_create,
    "users_identify": _users_identify,
    "users_update": _users_update,
    "users_update_preferences": _preferences,
    "metrics_event": _metrics_event,
    "achievements_complete": _achievements_complete,
    "achievements_all": _achievements_all,
    "users_get": _of_user("users_get"),
    "users_get_preferences": _of_user("users_get_preferences"),
    "users_all_metrics": _of_user("users_all_metrics"),
    "users_single_metric": _of_metric("users_single_metric"),
    "users_metric_event_summary": _of_metric("users_metric_event_summary", _fortnight),
    "users_achievements": _users_achievements,
    "users_streak": _of_user("users_streak", (("historyPeriods", "14"),)),
    "streaks_list": _streaks_list,
    "streaks_rankings": _streaks_rankings,
    "users_points": _of_points("users_points", _system, lambda scene: (("awards", "5"),), user=True),
    "users_points_boosts": _of_points("users_points_boosts", lambda scene: scene.boosting, user=True),
    "users_points_event_summary": _of_points("users_points_event_summary", _system, _fortnight, user=True),
    "users_leaderboard": _users_leaderboard,
    "users_wrapped": _wrapped,
    "points_summary": _of_points("points_summary", _system),
    "points_system": _of_points("points_system", _system),
    "points_boosts": _of_points(
        "points_boosts", lambda scene: scene.boosted, lambda scene: (("includeFinished", "true"),)
    ),
    "points_levels": _of_points("points_levels", _levelled),
    "points_level_summary": _of_points("points_level_summary", _levelled),
    "leaderboards_all": lambda scene: (
        Ask("leaderboards_all", query=(("includeFinished", "true"),)) if scene.catalog.leaderboards else None
    ),
    "leaderboards_get": _leaderboards_get,
}


def spoilt(ask: Ask, status: int, scene: Scene) -> Ask:
    """The same request with one thing wrong, such that it is answered with `status`."""
    return SPOIL[status](ask, scene)


def _without_access(ask: Ask, scene: Scene) -> Ask:
    return replace(ask, key=WRONG_KEY)


def _to_nowhere(ask: Ask, scene: Scene) -> Ask:
    if "id" in ask.path:
        return replace(ask, path=ask.path | {"id": scene.stranger})
    catalog = scene.catalog
    known = (*catalog.metrics, *catalog.achievements, *catalog.points, *catalog.leaderboards)
    return replace(ask, path=ask.path | {"key": _misspelt(ask.path["key"], known)})


def _unreadable(ask: Ask, scene: Scene) -> Ask:
    if ask.body is not None:
        return replace(ask, cut_short=True)
    return replace(ask, path=ask.path | {next(iter(ask.path)): NOT_UTF8})


def _refused(ask: Ask, scene: Scene) -> Ask:
    rule = REFUSED.get(ask.operation)
    return rule(ask, scene) if rule else _unreadable(ask, scene)


def _misspelt(word: str, known: Iterable[str]) -> str:
    """A word that is not known, though somebody might have meant the one that is: its last letter is missing."""
    wrong = word[:-1] or f"{word}-"
    while wrong in known:
        wrong += "-"
    return wrong


def _attribute(known: tuple[str, ...]) -> dict[str, str]:
    """An attribute that the organisation does not have."""
    return {_misspelt(known[0] if known else "plan", known): "premium"}


def _query(**wrong: str) -> Callable[[Ask, Scene], Ask]:
    def spoil(ask: Ask, scene: Scene) -> Ask:
        return replace(ask, query=tuple((dict(ask.query) | wrong).items()))

    return spoil


def _backwards(ask: Ask, scene: Scene) -> Ask:
    query = dict(ask.query)
    turned = {"startDate": query["endDate"], "endDate": query["startDate"]}
    return replace(ask, query=tuple((query | turned).items()))


def _body(wrong: Callable[[Scene], dict[str, Any]]) -> Callable[[Ask, Scene], Ask]:
    return lambda ask, scene: replace(ask, body=ask.body | wrong(scene))


def _pairs(ask: Ask, scene: Scene) -> Ask:
    pairs = _attribute(scene.catalog.user_attributes)
    return _query(userAttributes=",".join(f"{key}:{value}" for key, value in pairs.items()))(ask, scene)


def _no_email(ask: Ask, scene: Scene) -> Ask:
    body = {key: value for key, value in ask.body.items() if key != "email"}
    return replace(ask, body=body | {"id": scene.stranger, "subscribeToEmails": True})


def _too_many(ask: Ask, scene: Scene) -> Ask:
    board = scene.catalog.leaderboards[ask.path["key"]]
    return _query(limit=str(board.max_participants + 1))(ask, scene)


def _without_levels(ask: Ask, scene: Scene) -> Ask:
    bare = next((row.key for row in scene.catalog.points.values() if not row.levels), NOT_UTF8)
    return replace(ask, path={"key": bare})


SPOIL: dict[int, Callable[[Ask, Scene], Ask]] = {
    400: _unreadable,
    401: _without_access,
    404: _to_nowhere,
    422: _refused,
}

# What is refused most often; operations without a row have nothing to refuse but a path that is not UTF-8.
REFUSED: dict[str, Callable[[Ask, Scene], Ask]] = {
    "achievements_all": _pairs,
    "achievements_complete": lambda ask, scene: replace(ask, body={"user": ask.body["user"] | {"tz": "Europe/Londn"}}),
    "leaderboards_all": _query(includeFinished="yes"),
    "leaderboards_get": _too_many,
    "metrics_event": _body(lambda scene: {"attributes": _attribute(scene.catalog.event_attributes)}),
    "points_level_summary": _without_levels,
    "points_summary": _pairs,
    "streaks_list": lambda ask, scene: replace(ask, query=()),
    "streaks_rankings": _query(limit="0"),
    "users_achievements": _query(includeIncomplete="false"),
    "users_create": _no_email,
    "users_get": _to_nowhere,
    "users_identify": _body(lambda scene: {"tz": "Europe/Londn"}),
    "users_leaderboard": _query(numEvents="0"),
    "users_metric_event_summary": _backwards,
    "users_points": _query(awards="0"),
    "users_points_event_summary": _backwards,
    "users_streak": _query(historyPeriods="366"),
    "users_update": _body(lambda scene: {"attributes": _attribute(scene.catalog.user_attributes)}),
    "users_update_preferences": _body(lambda scene: {"notifications": {"recap": ["fax"]}}),
    "users_wrapped": lambda ask, scene: _query(year=str(scene.today.year + 1))(ask, scene),
}

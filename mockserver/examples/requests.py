"""One table: operation → the valid request of a scenario; and how it is made invalid for each error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from mockserver.examples.example_world import Scenario
from mockserver.game.catalog import Leaderboard, PointsSystem
from mockserver.spec import Operation
from mockserver.worlds import DEFAULT_KEY

Pairs = tuple[tuple[str, str], ...]

WRONG_KEY = "no-such-key"
NOT_UTF8 = "\udcff"  # what the byte FF of a path becomes


@dataclass(frozen=True)
class ExampleRequest:
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

    def from_tenant(self, tenant: str | None) -> ExampleRequest:
        """The same request in a tenant's name, in organisations that have tenants."""
        return self if tenant is None else replace(self, headers=self.headers | {"Tenant-ID": tenant})

    def parameters(self, operation: Operation) -> dict[str, Any]:
        """Path and query by the spec's names, as JSON. Choice: the example of a request without a body is these."""
        found: dict[str, Any] = {}
        for parameter in operation.parameters:
            pairs = (*self.path.items(), *self.query)
            values = [_json(parameter.read(value)) for name, value in pairs if name == parameter.name]
            if values:
                found[parameter.name] = values if parameter.many else values[0]
        return found


def _json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _users_create(scenario: Scenario) -> ExampleRequest:
    return ExampleRequest("users_create", body=scenario.new_user)


def _users_identify(scenario: Scenario) -> ExampleRequest:
    """What an application sends at every login: nothing new."""
    profile = scenario.user.profile
    known = {"email": profile.email, "name": profile.name, "tz": profile.tz, "attributes": profile.attributes}
    body = {key: value for key, value in known.items() if value}
    return ExampleRequest("users_identify", {"id": scenario.main_user}, body=body)


def _users_update(scenario: Scenario) -> ExampleRequest:
    return ExampleRequest(
        "users_update", {"id": scenario.main_user}, body={"deviceTokens": [scenario.id_of("token").replace("-", "")]}
    )


def _preferences(scenario: Scenario) -> ExampleRequest:
    wanted = {"streak_reminder": ["push"], "recap": ["email"], "reactivation": []}
    return ExampleRequest("users_update_preferences", {"id": scenario.main_user}, body={"notifications": wanted})


def _metrics_event(scenario: Scenario) -> ExampleRequest | None:
    if scenario.event is None:
        return None
    headers = {"Idempotency-Key": scenario.id_of("idempotency key")}
    return ExampleRequest("metrics_event", {"key": scenario.event.metric}, headers=headers, body=scenario.event_body)


def _achievements_complete(scenario: Scenario) -> ExampleRequest | None:
    if scenario.claim is None:
        return None
    achievement, user = scenario.claim
    return ExampleRequest("achievements_complete", {"key": achievement.key}, body={"user": {"id": user}})


def _achievements_all(scenario: Scenario) -> ExampleRequest | None:
    return ExampleRequest("achievements_all") if scenario.catalog.achievements else None


def _users_achievements(scenario: Scenario) -> ExampleRequest | None:
    if not scenario.catalog.achievements:
        return None
    return ExampleRequest("users_achievements", {"id": scenario.main_user}, (("includeIncomplete", "true"),))


def _streaks_list(scenario: Scenario) -> ExampleRequest:
    users = list(dict.fromkeys((scenario.main_user, *scenario.example_world.main_users)))[:3]
    return ExampleRequest("streaks_list", query=tuple(("userIds", user) for user in users))


def _streaks_rankings(scenario: Scenario) -> ExampleRequest:
    return ExampleRequest("streaks_rankings", query=(("limit", "5"), ("type", "active")))


def _wrapped(scenario: Scenario) -> ExampleRequest:
    return ExampleRequest("users_wrapped", {"id": scenario.main_user}, (("year", str(scenario.today.year)),))


def _leaderboards_get(scenario: Scenario) -> ExampleRequest | None:
    board = scenario.board
    if board is None:
        return None
    query: Pairs = (("limit", str(min(5, board.max_participants))),)
    attributes = scenario.user.profile.attributes
    if board.breakdown:
        query += (("userAttributes", ",".join(f"{key}:{attributes.get(key, '')}" for key in board.breakdown)),)
    return ExampleRequest("leaderboards_get", {"key": board.key}, query)


def _users_leaderboard(scenario: Scenario) -> ExampleRequest | None:
    return _on_board("users_leaderboard", scenario, scenario.board, (("numEvents", "5"),))


def _on_board(name: str, scenario: Scenario, board: Leaderboard | None, query: Pairs) -> ExampleRequest | None:
    return ExampleRequest(name, {"id": scenario.main_user, "key": board.key}, query) if board else None


def _fortnight(scenario: Scenario) -> Pairs:
    first = scenario.today - timedelta(days=13)
    return ("aggregation", "daily"), ("startDate", first.isoformat()), ("endDate", scenario.today.isoformat())


def _nothing(scenario: Scenario) -> Pairs:
    return ()


def _of_user(name: str, query: Pairs = ()) -> Callable[[Scenario], ExampleRequest]:
    return lambda scenario: ExampleRequest(name, {"id": scenario.main_user}, query)


def _of_metric(name: str, query: Callable[[Scenario], Pairs] = _nothing) -> Callable[[Scenario], ExampleRequest | None]:
    def request(scenario: Scenario) -> ExampleRequest | None:
        return (
            ExampleRequest(name, {"id": scenario.main_user, "key": scenario.event.metric}, query(scenario))
            if scenario.event
            else None
        )

    return request


def _of_points(
    name: str,
    find: Callable[[Scenario], PointsSystem | None],
    query: Callable[[Scenario], Pairs] = _nothing,
    *,
    user: bool = False,
) -> Callable[[Scenario], ExampleRequest | None]:
    def request(scenario: Scenario) -> ExampleRequest | None:
        system = find(scenario)
        if system is None:
            return None
        return ExampleRequest(name, ({"id": scenario.main_user} if user else {}) | {"key": system.key}, query(scenario))

    return request


def _system(scenario: Scenario) -> PointsSystem | None:
    return scenario.system


def _levelled(scenario: Scenario) -> PointsSystem | None:
    return scenario.levelled


# In the order in which they are asked: first what writes.
REQUESTS: dict[str, Callable[[Scenario], ExampleRequest | None]] = {
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
    "users_points": _of_points("users_points", _system, lambda scenario: (("awards", "5"),), user=True),
    "users_points_boosts": _of_points("users_points_boosts", lambda scenario: scenario.boosting, user=True),
    "users_points_event_summary": _of_points("users_points_event_summary", _system, _fortnight, user=True),
    "users_leaderboard": _users_leaderboard,
    "users_wrapped": _wrapped,
    "points_summary": _of_points("points_summary", _system),
    "points_system": _of_points("points_system", _system),
    "points_boosts": _of_points(
        "points_boosts", lambda scenario: scenario.boosted, lambda scenario: (("includeFinished", "true"),)
    ),
    "points_levels": _of_points("points_levels", _levelled),
    "points_level_summary": _of_points("points_level_summary", _levelled),
    "leaderboards_all": lambda scenario: (
        ExampleRequest("leaderboards_all", query=(("includeFinished", "true"),))
        if scenario.catalog.leaderboards
        else None
    ),
    "leaderboards_get": _leaderboards_get,
}


def invalid_request(request: ExampleRequest, status: int, scenario: Scenario) -> ExampleRequest:
    """The same request with one thing wrong, such that the response has `status`."""
    return INVALIDATE[status](request, scenario)


def _without_access(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    return replace(request, key=WRONG_KEY)


def _to_nowhere(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    if "id" in request.path:
        return replace(request, path=request.path | {"id": scenario.unknown_id})
    catalog = scenario.catalog
    known = (*catalog.metrics, *catalog.achievements, *catalog.points, *catalog.leaderboards)
    return replace(request, path=request.path | {"key": _misspelt(request.path["key"], known)})


def _unreadable(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    if request.body is not None:
        return replace(request, cut_short=True)
    return replace(request, path=request.path | {next(iter(request.path)): NOT_UTF8})


def _refused(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    rule = INVALID_BODIES.get(request.operation)
    return rule(request, scenario) if rule else _unreadable(request, scenario)


def _misspelt(word: str, known: Iterable[str]) -> str:
    """A word that is not known, though somebody might have meant the one that is: its last character is missing."""
    wrong = word[:-1] or f"{word}-"
    while wrong in known:
        wrong += "-"
    return wrong


def _attribute(known: tuple[str, ...]) -> dict[str, str]:
    """An attribute that the organisation does not have."""
    return {_misspelt(known[0] if known else "plan", known): "premium"}


def _query(**wrong: str) -> Callable[[ExampleRequest, Scenario], ExampleRequest]:
    def invalidate(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
        return replace(request, query=tuple((dict(request.query) | wrong).items()))

    return invalidate


def _backwards(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    query = dict(request.query)
    turned = {"startDate": query["endDate"], "endDate": query["startDate"]}
    return replace(request, query=tuple((query | turned).items()))


def _body(wrong: Callable[[Scenario], dict[str, Any]]) -> Callable[[ExampleRequest, Scenario], ExampleRequest]:
    return lambda request, scenario: replace(request, body=request.body | wrong(scenario))


def _pairs(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    pairs = _attribute(scenario.catalog.user_attributes)
    return _query(userAttributes=",".join(f"{key}:{value}" for key, value in pairs.items()))(request, scenario)


def _no_email(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    body = {key: value for key, value in request.body.items() if key != "email"}
    return replace(request, body=body | {"id": scenario.unknown_id, "subscribeToEmails": True})


def _too_many(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    board = scenario.catalog.leaderboards[request.path["key"]]
    return _query(limit=str(board.max_participants + 1))(request, scenario)


def _without_levels(request: ExampleRequest, scenario: Scenario) -> ExampleRequest:
    bare = next((row.key for row in scenario.catalog.points.values() if not row.levels), NOT_UTF8)
    return replace(request, path={"key": bare})


INVALIDATE: dict[int, Callable[[ExampleRequest, Scenario], ExampleRequest]] = {
    400: _unreadable,
    401: _without_access,
    404: _to_nowhere,
    422: _refused,
}

# What is refused most often; operations without a row have nothing to refuse but a path that is not UTF-8.
INVALID_BODIES: dict[str, Callable[[ExampleRequest, Scenario], ExampleRequest]] = {
    "achievements_all": _pairs,
    "achievements_complete": lambda request, scenario: replace(
        request, body={"user": request.body["user"] | {"tz": "Europe/Londn"}}
    ),
    "leaderboards_all": _query(includeFinished="yes"),
    "leaderboards_get": _too_many,
    "metrics_event": _body(lambda scenario: {"attributes": _attribute(scenario.catalog.event_attributes)}),
    "points_level_summary": _without_levels,
    "points_summary": _pairs,
    "streaks_list": lambda request, scenario: replace(request, query=()),
    "streaks_rankings": _query(limit="0"),
    "users_achievements": _query(includeIncomplete="false"),
    "users_create": _no_email,
    "users_get": _to_nowhere,
    "users_identify": _body(lambda scenario: {"tz": "Europe/Londn"}),
    "users_leaderboard": _query(numEvents="0"),
    "users_metric_event_summary": _backwards,
    "users_points": _query(awards="0"),
    "users_points_event_summary": _backwards,
    "users_streak": _query(historyPeriods="366"),
    "users_update": _body(lambda scenario: {"attributes": _attribute(scenario.catalog.user_attributes)}),
    "users_update_preferences": _body(lambda scenario: {"notifications": {"recap": ["fax"]}}),
    "users_wrapped": lambda request, scenario: _query(year=str(scenario.today.year + 1))(request, scenario),
}

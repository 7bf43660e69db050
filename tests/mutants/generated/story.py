"""The story that the probe plays: always the same requests, over the API, in worlds whose clocks it moves."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import Any

from tests.mutants.fault import SPEC
from tests.mutants.generated.lively import catalog
from tests.mutants.posted import SECRET

JSON = Any
#: method, path with query, headers, body → status and body.
ClientRequest = Callable[[str, str, dict[str, str], bytes | None], Awaitable[tuple[int, bytes]]]
BEGINNING = "2025-03-26T09:30:15.250Z"
LONG = "l" * 90
#: Ids that differ by almost nothing, and what zone each lives in.
USERS: dict[str, JSON] = {
    "ann": {"name": "Ann", "tz": "Europe/Berlin", "attributes": {"plan": "Gold", "team": "A,B"}},
    "Ann": {"name": " Ann & <Co> ", "tz": "Asia/Kathmandu", "attributes": {"plan": "gold", "team": "A,B"}},
    "Zoë-007": {
        "name": "Zoe\u0308 \u200bof Łódź",
        "tz": "America/Argentina/Buenos_Aires",
        "attributes": {"plan": "Gold"},
    },
    "Zoe\u0308-007": {"name": "Zoë", "tz": "Pacific/Kiritimati", "attributes": {"plan": "Silver "}},
    "Zoë-7": {"email": "zoe@Example.com", "name": "ﬁne ②", "tz": "Asia/Kolkata"},
    f"{LONG}-1": {"name": "L" * 120, "tz": "Singapore", "deviceTokens": ["b", "a", "b"]},
    f"{LONG}-2": {"subscribeToEmails": False, "tz": "US/Pacific"},
    "a%20b/c+d": {"name": "%41", "deviceTokens": [" t "], "attributes": {"Región": "Ñandú"}},
    "zero\u200bwidth": {"name": "007"},
    "zerowidth": {"name": "нина", "email": "nina@пример.рф", "tz": "Australia/Lord_Howe"},
    " padded ": {},
}


class Scenario:
    """Requests of one world, by the names in the spec."""

    def __init__(self, request: ClientRequest, key: str, tenant: str | None = None) -> None:
        self.request, self.key, self.tenant = request, key, tenant
        self._numbers = count()

    async def call(self, operation: str, body: JSON = None, /, **arguments: JSON) -> JSON:
        given = {name.replace("__", "-"): value for name, value in arguments.items() if value is not None}
        path, headers = SPEC.operations[operation].request(given)
        return await self._send(SPEC.operations[operation].method, "/v1" + path, headers, body)

    async def mock(self, method: str, path: str, body: JSON = None) -> JSON:
        return await self._send(method, f"/_mock{path}", {}, body)

    async def _send(self, method: str, path: str, headers: dict[str, str], body: JSON) -> JSON:
        headers = {"x-api-key": self.key} | headers | ({"tenant-id": self.tenant} if self.tenant else {})
        content = None
        if body is not None:
            headers["content-type"], content = "application/json", json.dumps(body).encode()
        _, response = await self.request(method, path, headers, content)
        try:
            return json.loads(response or b"null")
        except ValueError:
            return None

    async def event(self, user: str, metric: str, value: float, key: str | None = None, **attributes: str) -> JSON:
        body = {"user": {"id": user}, "value": value, "attributes": attributes}
        return await self.call("metrics_event", body, key=metric, Idempotency__Key=key)

    async def later(self, **amount: int) -> None:
        await self.mock("POST", "/clock/advance", {**amount, "wait": True})


async def play(request: ClientRequest, root: str) -> None:
    """All chapters, each in a world of its own."""
    for frequency in ("daily", "weekly", "monthly"):
        await _life(await _world(request, root, catalog(frequency)), frequency)
    await _tenants(await _world(request, root, catalog("daily", multiTenant=True)))
    await _demo(await _world(request, root, "catalog"))


async def _world(request: ClientRequest, root: str, wanted: JSON) -> Scenario:
    settings = {"catalog": wanted, "seed": 3, "users": 0, "now": BEGINNING, "frozen": True}
    made = await Scenario(request, root).mock("POST", "/worlds", settings)
    scenario = Scenario(request, made["apiKey"])
    await scenario.mock("POST", "/webhooks", {"url": f"http://127.0.0.1:9/{made['apiKey']}", "secret": SECRET})
    narrow = {"url": f"http://127.0.0.1:9/{made['apiKey']}/few", "secret": SECRET, "events": ["streak.lost"]}
    await scenario.mock("POST", "/webhooks", narrow)
    return scenario


async def _life(scenario: Scenario, frequency: str) -> None:
    for number, (user, profile) in enumerate(USERS.items()):
        way = number % 3
        if way == 0:
            await scenario.call("users_create", {"id": user, **profile})
        elif way == 1:
            await scenario.call("users_identify", profile, id=user)
        else:
            await scenario.call("metrics_event", {"user": {"id": user, **profile}, "value": 2.25}, key="words")
    await _a_busy_day(scenario)
    if frequency == "daily":
        await _look(scenario)
    steps = {"daily": [1, 1, 1, 2, 1, 3, 1, 1], "weekly": [4, 7, 7, 14, 7], "monthly": [10, 31, 30, 62, 31]}[frequency]
    for number, days in enumerate(steps):
        await scenario.later(days=days, hours=7 if number % 2 else 0, minutes=13)
        for place, user in enumerate(USERS):
            if (number + place) % 4:
                await scenario.event(user, "words", 13.5 * (place + 1), source="phone", kind="é" if place % 2 else "e")
                await scenario.event(user, "hours", 1.75)
        await _replays(scenario)
        if number == 3:
            await _look(scenario)
    await _look(scenario)


async def _a_busy_day(scenario: Scenario) -> None:
    for place, user in enumerate(USERS):
        await scenario.event(user, "words", 40 + place // 2, source="phone", kind="é")
        await scenario.event(user, "hours", 2.5)
        await scenario.event(user, "Größe", -1.25 + place)
        await scenario.later(minutes=7, seconds=30)
    await scenario.event("ann", "words", 999_999_999.123456)
    await scenario.event("ann", "007", 1e-6)
    await scenario.event("Ann", "words", -35)
    await scenario.event("Ann", "words", 35)
    for key in ("call", "Call", "call-for-gold", "locked", "off"):
        for user in ("ann", "Zoë-007", "zerowidth"):
            await scenario.call("achievements_complete", {"user": {"id": user, "name": "Completed é"}}, key=key)
    await scenario.call("users_update", {"attributes": {"team": "A,B", "plan": ""}}, id="Zoe\u0308-007")
    await scenario.call("users_update", {"email": "X@y.org", "subscribeToEmails": True, "tz": None}, id="zerowidth")
    await scenario.call("users_update", {"name": "Second", "deviceTokens": ["é", "z"]}, id="Zoë-7")
    await scenario.call("users_update", {"name": "Third", "deviceTokens": None, "tz": "Pacific/Chatham"}, id="Zoë-7")
    for channels in (["email"], [], ["push", "email"]):
        body = {"notifications": {"recap": channels, "achievement_completed": ["push"]}}
        await scenario.call("users_update_preferences", body, id="ann")
    await _again_and_again(scenario)
    await _replays(scenario)


async def _again_and_again(scenario: Scenario) -> None:
    """One user is written more often than anything small remembers, each time otherwise."""
    for number in range(4):
        body = {"name": f"Ann {number}", "deviceTokens": [f"token {number}"]}
        await scenario.call("users_update", body, id="ann")
        await scenario.call("users_get", id="ann")
        await scenario.call("users_identify", body | {"name": f"Anna {number}"}, id="ann")
        await scenario.call("users_get", id="ann")
        await scenario.call("achievements_complete", {"user": {"id": "ann", "name": f"Annie {number}"}}, key="call")
        await scenario.call("users_get", id="ann")
        await scenario.call("users_update_preferences", {"notifications": {"recap": ["email"][number % 2 :]}}, id="ann")
        await scenario.call("users_get_preferences", id="ann")


async def _replays(scenario: Scenario) -> None:
    """Keys that are alike, old, many and long; a key of another user or metric is another one."""
    keys = ["K", "k", " k", "k" * 70 + "1", "k" * 70 + "2", "007", "7", "k%20", *(f"n{n}" for n in range(12))]
    for key in keys:
        await scenario.event("Ann", "words", 3, key)
    for key in keys[:4]:
        await scenario.event("Ann", "words", 4, key)
        await scenario.event("Ann", "hours", 4, key)
        await scenario.event("ann", "words", 4, key)


def _pairs() -> Iterator[str | None]:
    yield from (None, "plan:Gold", "plan:gold", "plan:Gold,team:A\\,B", "plan:Silver ", "team:x,plan:Gold")


async def _look(scenario: Scenario) -> None:
    """Everything that can be read, with every parameter."""
    for pairs in _pairs():
        await scenario.call("achievements_all", userAttributes=pairs)
        await scenario.call("points_summary", key="xp", userAttributes=pairs)
        for key in ("by-plan", "by-two", "ever"):
            await scenario.call("leaderboards_get", key=key, userAttributes=pairs)
    await _look_at_boards(scenario)
    await _look_at_lists(scenario)
    for periods in (365, 366):
        await scenario.call("users_streak", id="ann", historyPeriods=periods)
    for awards in (2, 99, 101):
        await scenario.call("users_points", id="ann", key="xp", awards=awards)
    for key in ("7", "asleep", "WORDS"):
        await scenario.call("users_single_metric", id="ann", key=key)
    for user in USERS:
        await _look_at(scenario, user)
    for user in ("ANN", "zoë-007", LONG):
        await scenario.call("users_get", id=user)
        await scenario.call("users_streak", id=user)


async def _look_at_lists(scenario: Scenario) -> None:
    for finished in (None, True, False):
        await scenario.call("leaderboards_all", includeFinished=finished)
        await scenario.call("points_boosts", key="xp", includeFinished=finished)
    for key in ("xp", "energy", "plain", "XP", " xp", "%78p"):
        for operation in ("points_system", "points_levels", "points_level_summary", "points_summary"):
            await scenario.call(operation, key=key)
    for kind in ("active", "longest"):
        for limit in (1, 3, 99, 100, 101, None):
            await scenario.call("streaks_rankings", type=kind, limit=limit)
    await scenario.call("streaks_list", userIds=list(USERS))
    await scenario.call("streaks_list", userIds="ann,Ann")


async def _look_at_boards(scenario: Scenario) -> None:
    for key in ("ever", "three", "runs", "months", "points", "streaks", "soon", "past", "some", "nowhere"):
        await scenario.call("leaderboards_get", key=key)
        for offset, limit in ((0, 2), (1, 2), (2, 3), (0, 0), (0, 3), (0, 4), (0, 50)):
            await scenario.call("leaderboards_get", key=key, offset=offset, limit=limit)
        for run in ("2025-03-24", "2025-03-26", "2025-03-30"):
            await scenario.call("leaderboards_get", key=key, run=run)
            await scenario.call("users_leaderboard", id="ann", key=key, run=run)
        await scenario.call("leaderboards_get", key=key, userId="Zoë-007", limit=2)


async def _look_at(scenario: Scenario, user: str) -> None:
    for operation in ("users_get", "users_get_preferences", "users_all_metrics", "users_streak", "users_wrapped"):
        await scenario.call(operation, id=user)
    for periods in (1, 30):
        await scenario.call("users_streak", id=user, historyPeriods=periods)
    for incomplete in (None, "true"):
        await scenario.call("users_achievements", id=user, includeIncomplete=incomplete)
    for year in (2024, 2025):
        await scenario.call("users_wrapped", id=user, year=year)
    for key in ("words", "Größe", "007"):
        await scenario.call("users_single_metric", id=user, key=key)
    await _look_at_spans(scenario, user)
    for key in ("xp", "energy"):
        for awards in (None, 1, 100):
            await scenario.call("users_points", id=user, key=key, awards=awards)
        await scenario.call("users_points_boosts", id=user, key=key)
    for key in ("three", "runs", "by-plan", "by-two", "points", "streaks", "past", "some"):
        await scenario.call("users_leaderboard", id=user, key=key)
    for events in (1, 2, 99, 100):
        await scenario.call("users_leaderboard", id=user, key="ever", numEvents=events)


async def _look_at_spans(scenario: Scenario, user: str) -> None:
    for aggregation in ("daily", "weekly", "monthly"):
        for first, last in (("2025-03-20", "2025-04-09"), ("2025-03-30", "2025-03-31")):
            spans = {"aggregation": aggregation, "startDate": first, "endDate": last}
            await scenario.call("users_metric_event_summary", id=user, key="words", **spans)
            await scenario.call("users_points_event_summary", id=user, key="xp", **spans)


async def _tenants(scenario: Scenario) -> None:
    """The same ids and keys in tenants whose names are alike."""
    names = ["one", "One", "two", "é", "00two", "t" * 70 + "1", "t" * 70 + "2", None]
    for round_ in range(2):
        for number, name in enumerate(names):
            scenario.tenant = name.encode().decode("latin-1") if name else None
            await scenario.call("users_create", {"id": "ann", "name": f"Ann of {name}"})
            for _ in range(number + 1):
                await scenario.event("ann", "words", 10 + number)
            await scenario.event("ann", "words", 5, "same key")
            await scenario.call("achievements_complete", {"user": {"id": "ann"}}, key="call")
            await _look_at(scenario, "ann")
            await scenario.call("leaderboards_get", key="ever")
            await scenario.call("points_summary", key="xp")
            await scenario.call("streaks_rankings")
        scenario.tenant = "one"
        if round_ == 0:
            await scenario.later(days=2)


async def _demo(scenario: Scenario) -> None:
    """The catalog that the server comes with, and a key that is nearly right."""
    for number in range(30):
        await scenario.event(f"u{number % 13:02}", "words-written", 150 + 17 * number)
        await scenario.later(hours=number % 5, minutes=1)
    for offset in range(0, 15, 4):
        await scenario.call("leaderboards_get", key="all-time", offset=offset, limit=4)
    for key in ("xp", "energy"):
        await scenario.call("points_summary", key=key)
        await scenario.call("points_level_summary", key=key)
    for number in range(3):
        await _look_at(scenario, f"u{number:02}")
    right = scenario.key
    for wrong in (right.upper(), right + " ", right[:-1], f"0{right}", right + "x"):
        scenario.key = wrong
        await scenario.call("users_get", id="u00")

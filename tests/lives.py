"""Any lives that users could lead, as hypothesis strategies, and all that a world knows, as something to compare."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from story import functions, moment

from mockserver.game.catalog import Catalog
from mockserver.game.engine import Game
from mockserver.game.errors import GameError
from mockserver.game.periods import DAY, HOUR, MINUTE
from mockserver.game.world import World

USERS = ("ann", "bob", "cat", "dan")
ZONES = (
    *("Pacific/Kiritimati", "Pacific/Pago_Pago", "Pacific/Apia", "America/St_Johns", "America/Havana"),
    *("Asia/Beirut", "Asia/Kathmandu", "Europe/London", None),
)
# Just before clocks change, months end, and a date is skipped.
STARTS = ("2025-03-28 10:00", "2025-10-31 20:00", "2011-12-28 08:00", "2024-02-27 23:00", "2024-12-30 12:00")

steady = settings(deadline=None, derandomize=True, database=None, max_examples=50)
"""The same examples in every run, so that a red test is red again."""


class Step(NamedTuple):
    """An operation with its arguments; `advance` with milliseconds."""

    name: str
    arguments: dict[str, Any]


def event(user: str, metric: str, value: float, source: str | None, key: str | None, **fields: Any) -> Step:
    body = {"user": {"id": user, **fields}, "value": value, "attributes": {"source": source} if source else {}}
    return Step("metrics_event", {"key": metric, "body": body, "idempotency_key": key})


def identification(user: str, fields: dict[str, Any]) -> Step:
    return Step("users_identify", {"id": user, "body": fields})


def claim(user: str, key: str) -> Step:
    return Step("achievements_complete", {"key": key, "body": {"user": {"id": user}}})


users = st.sampled_from(USERS)
values = st.sampled_from([1, 1, 3, 10, 25, 0.5, 100, -1, -7.25, 0, 1e12, -1e12])
events = st.builds(
    event,
    users,
    st.sampled_from(["words", "words", "chapters"]),
    values,
    st.sampled_from(["phone", "desk", None]),
    st.sampled_from([None, None, None, "key-1", "key-2"]),
)
journeys = st.builds(lambda user, tz: identification(user, {"tz": tz}), users, st.sampled_from(ZONES))
attributes = st.builds(
    lambda user, key, value: identification(user, {"attributes": {key: value}}),
    users,
    st.sampled_from(["plan", "region", "team"]),
    st.sampled_from(["pro", "eu", "us", "red", ""]),
)
claims = st.builds(claim, users, st.sampled_from(["onboarded", "team-red", "hundred"]))
waits = st.builds(
    lambda amount, unit: Step("advance", {"by": amount * unit}),
    st.integers(1, 30),
    st.sampled_from([MINUTE, HOUR, HOUR, 12 * HOUR, DAY]),
)
steps = st.one_of(events, events, events, waits, waits, journeys, attributes, claims)
lives = st.lists(steps, min_size=12, max_size=60)
starts = st.sampled_from(STARTS)


def born(catalog: Catalog, start: str) -> Game:
    return Game(World(catalog, "laws", moment(start)))


def take(game: Game, step: Step) -> Any:
    """The response, or the refusal."""
    if step.name == "advance":
        return game.catch_up(game.now + step.arguments["by"])
    try:
        return functions()[step.name](game, **step.arguments)
    except GameError as error:
        return error


def lead(catalog: Catalog, start: str, life: list[Step]) -> Game:
    game = born(catalog, start)
    for step in life:
        take(game, step)
        game.catch_up(game.now)
    return game


def known(world: World) -> dict[str, Any]:
    """Everything that follows from the journal."""
    return {
        "time": world.time,
        "catalog": world.catalog,
        "users": world.users,
        "completions": +world.completions,
        "totals": world.totals,
        "lengths": list(world.lengths),
        "longest": list(world.longest),
        "boosts": (world.boosts_begun, world.boosts_ended),
        "runs": {
            (key, first): (
                run.limit,
                run.scores,
                list(run.moves.newest()),
                {group: list(places) for group, places in run.rankings.items() if places},
            )
            for key, runs in world.runs.items()
            for first, run in runs.items()
        },
    }

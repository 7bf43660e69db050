"""How a world is made, as the first record of its log; and as a plan again."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

from mockserver.control.worlds import Given
from mockserver.game.catalog import WebhookEndpoint
from mockserver.log.record import RECIPE, LogError, Record
from mockserver.worlds import Organisation, Plan


class Recipe(NamedTuple):
    """`key`: the API key that it was made with. `made`: it was the so many-th world made by its server, 0 for one
    given at start. `from_file`: its catalog is the server's. `endpoints`: where its webhooks go from the beginning.
    `real`: the real time at which it was made (ms UTC).
    """

    key: str
    plan: Plan
    made: int
    from_file: bool
    endpoints: tuple[WebhookEndpoint, ...]
    real: int


def recipe_record(organisation: Organisation, made: int, endpoints: tuple[WebhookEndpoint, ...], real: int) -> Record:
    """Of a world that was made at that `real` time. Raises `LogError` when its catalog is nothing that can be kept."""
    plan = organisation.plan
    source = getattr(plan.catalog, "source", None)
    if source is None:
        raise LogError("a world whose catalog was made by code cannot be kept")
    arguments = {
        "key": organisation.origin,
        "made": made,
        "seed": plan.seed,
        "users": plan.users,
        "historyDays": plan.history_days,
        "now": plan.now,
        "frozen": plan.frozen,
        "catalog": source,
        "fromFile": not isinstance(plan.catalog, Given),
        "webhooks": [asdict(row) for row in endpoints],
    }
    return Record(organisation.clock.now(), RECIPE, arguments, real=real)


def read_recipe(record: Record) -> Recipe:
    """Raises `LogError` for what is none."""
    given = record.arguments
    if record.name != RECIPE or record.real is None:
        raise LogError("a log must begin with the recipe of its world")
    try:
        plan = Plan(
            Given(given["catalog"]),
            seed=int(given["seed"]),
            users=int(given["users"]),
            now=None if given["now"] is None else int(given["now"]),
            frozen=bool(given["frozen"]),
            history_days=None if given["historyDays"] is None else int(given["historyDays"]),
        )
        endpoints = tuple(
            WebhookEndpoint(str(row["url"]), row["secret"], tuple(row["events"]), bool(row["active"]))
            for row in given["webhooks"]
        )
        return Recipe(str(given["key"]), plan, int(given["made"]), bool(given["fromFile"]), endpoints, record.real)
    except (KeyError, TypeError, ValueError) as error:
        raise LogError(f"the recipe of a world cannot be read ({type(error).__name__}: {error})") from None

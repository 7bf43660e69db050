"""How a world is made, as the first record of its log; and as a plan again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import NamedTuple

from mockserver.control.worlds import SentCatalog
from mockserver.game.catalog import WebhookEndpoint
from mockserver.game.periods import iso
from mockserver.log.record import RECIPE, LogError, Record
from mockserver.worlds import Organisation, Plan

FIXED = ("seed", "users", "history_days", "now", "frozen")  # what a world is made with once and for all


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
        "rounded": plan.rounded,
        "catalog": source,
        "fromFile": not isinstance(plan.catalog, SentCatalog),
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
            SentCatalog(given["catalog"]),
            seed=int(given["seed"]),
            users=int(given["users"]),
            now=None if given["now"] is None else int(given["now"]),
            frozen=bool(given["frozen"]),
            history_days=None if given["historyDays"] is None else int(given["historyDays"]),
            rounded=bool(given.get("rounded", False)),  # what older logs do not say
        )
        endpoints = tuple(
            WebhookEndpoint(str(row["url"]), row["secret"], tuple(row["events"]), bool(row["active"]))
            for row in given["webhooks"]
        )
        return Recipe(str(given["key"]), plan, int(given["made"]), bool(given["fromFile"]), endpoints, record.real)
    except (KeyError, TypeError, ValueError) as error:
        raise LogError(f"the recipe of a world cannot be read ({type(error).__name__}: {error})") from None


def check_recipe(recipe: Recipe, plan: Plan, given: Collection[str], where: str) -> None:
    """Raises `LogError` when one of the fields of a plan that were `given` contradicts how the world was made."""
    for name in FIXED:
        was, wanted = getattr(recipe.plan, name), getattr(plan, name)
        if name in given and was != wanted:
            what = name.replace("_", "-")
            raise LogError(
                f"{where} holds the world of the key {recipe.key}, which was made with {what} {_shown(name, was)} and "
                f"not {_shown(name, wanted)}: leave {what} out, or keep another world elsewhere"
            )


def _shown(name: str, value: object) -> str:
    if name == "now":
        return "the real time" if value is None else iso(int(str(value)))
    return str(value).lower() if isinstance(value, bool) else str(value)

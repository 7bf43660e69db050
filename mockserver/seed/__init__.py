"""People who have lived through weeks, by the same engine that serves requests: every total, award, streak and
rank of a seeded world is as if it had been earned. Same seed, same clock: the same world, to the byte."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mockserver.api.shared import identify
from mockserver.game.engine import Game, Observer
from mockserver.game.facts import AchievementClaimed, AchievementCompleted, Entry
from mockserver.game.metrics import change
from mockserver.game.periods import DAY, local_day
from mockserver.game.users import prefer
from mockserver.game.world import World, matches
from mockserver.seed.customs import Customs
from mockserver.seed.lives import Deed, deeds, first_deeds
from mockserver.seed.people import People, user_id

__all__ = ["Report", "collecting", "populate", "user_id"]

RECENT = 2 * DAY
Report = Callable[[float, int], None]
Glimpse = Callable[[World, list[Entry]], Any]


def populate(
    game: Game,
    *,
    seed: int,
    users: int,
    until: int,
    report: Report | None = None,
    glimpse: Glimpse | None = None,
) -> list[Any]:
    """Lets `users` people live from the game's now until `until` (ms UTC), exclusive; without such a time they arrive
    now. `report` is told now and then, and at the end, how much is done (0 to 1) and how many deeds that were.
    `glimpse` sees what each deed and due moment of the last two days brought; the result is what it made of that, to
    which the game adds until it is observed otherwise.
    """
    since, past = game.now, max(1, until - game.now)
    name = f"{seed}/{game.world.seed}"
    customs = Customs(game.world.catalog)
    people = People(name, customs)
    seen: list[Any] = []
    done, count = 0.0, 0

    def rest() -> None:
        if report is not None:
            report(done, count)

    if until > since:
        lived = deeds(name, users, since, until, customs, rest)
    else:
        lived = first_deeds(name, users, since, customs)
    for deed in lived:
        if count % 256 == 0:
            done = (deed.time - since) / past if until > since else deed.number / users
            rest()
        game.catch_up(deed.time)
        if glimpse is not None and game.observe is None and deed.time >= until - RECENT:
            game.observe = collecting(seen, glimpse)
        _do(game, deed, people)
        game.commit()
        count += 1
    if glimpse is not None:
        game.observe = collecting(seen, glimpse)
    done = 1.0
    rest()
    return seen


def collecting(seen: list[Any], glimpse: Glimpse) -> Observer:
    """Adds what `glimpse` makes of what happens to `seen`."""

    def observe(world: World, entries: list[Entry]) -> None:
        one = glimpse(world, entries)
        if one is not None:
            seen.append(one)

    return observe


def _do(game: Game, deed: Deed, people: People) -> None:
    """States the fact behind a deed."""
    user = user_id(deed.number)
    if deed.kind == "join":
        identify(game, user, people.identity(deed.number))
        return
    person = game.world.users[user]
    if deed.kind == "event":
        metric, amount, attributes, key = deed.what
        day = local_day(game.now, person.zone)
        game.tell(change(game.world, user, metric, amount, day, attributes, key))
    elif deed.kind == "prefer":
        fact = prefer(person, deed.what)
        if fact is not None:
            game.tell(fact)
    elif deed.kind == "grant":
        game.tell(AchievementCompleted(user, deed.what, silent=False))
    elif deed.what not in person.achievements:
        wanted = game.world.catalog.achievements[deed.what].user_attributes
        if matches(person.profile.attributes, wanted):
            game.tell(AchievementClaimed(user, deed.what))

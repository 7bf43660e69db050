"""Users with weeks of history, made by the same engine that serves requests: every total, award, streak and
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
from mockserver.seed.activity import Action, actions, first_actions
from mockserver.seed.identities import Identities, seeded_id
from mockserver.seed.usage import Usage

__all__ = ["Report", "capturing", "populate", "seeded_id"]

RECENT = 2 * DAY
Report = Callable[[float, int], None]
Capture = Callable[[World, list[Entry]], Any]


def populate(
    game: Game,
    *,
    seed: int,
    users: int,
    until: int,
    report: Report | None = None,
    capture: Capture | None = None,
) -> list[Any]:
    """Makes `users` users active from the game's now until `until` (ms UTC), exclusive; without such a time they join
    now. `report` is called now and then, and at the end, with how much is done (0 to 1) and how many actions that were.
    `capture` is called with what each action and due moment of the last two days brought; its results are returned, to
    which the game adds until it is observed otherwise.
    """
    since, past = game.now, max(1, until - game.now)
    name = f"{seed}/{game.world.seed}"
    usage = Usage(game.world.catalog)
    identities = Identities(name, usage)
    captured: list[Any] = []
    done, count = 0.0, 0

    def pause() -> None:
        if report is not None:
            report(done, count)

    if until > since:
        planned_actions = actions(name, users, since, until, usage, pause)
    else:
        planned_actions = first_actions(name, users, since, usage)
    for action in planned_actions:
        if count % 256 == 0:
            done = (action.time - since) / past if until > since else action.number / users
            pause()
        game.catch_up(action.time)
        if capture is not None and game.observe is None and action.time >= until - RECENT:
            game.observe = capturing(captured, capture)
        _perform(game, action, identities)
        game.commit()
        count += 1
    if capture is not None:
        game.observe = capturing(captured, capture)
    done = 1.0
    pause()
    return captured


def capturing(captured: list[Any], capture: Capture) -> Observer:
    """An observer that adds the results of `capture` to `captured`."""

    def observe(world: World, entries: list[Entry]) -> None:
        event = capture(world, entries)
        if event is not None:
            captured.append(event)

    return observe


def _perform(game: Game, action: Action, identities: Identities) -> None:
    """Records the fact behind an action."""
    id = seeded_id(action.number)
    if action.kind == "join":
        identify(game, id, identities.identity(action.number))
        return
    user = game.world.users[id]
    if action.kind == "event":
        metric, amount, attributes, key = action.what
        day = local_day(game.now, user.zone)
        game.record(change(game.world, id, metric, amount, day, attributes, key))
    elif action.kind == "prefer":
        fact = prefer(user, action.what)
        if fact is not None:
            game.record(fact)
    elif action.kind == "grant":
        game.record(AchievementCompleted(id, action.what, silent=False))
    elif action.what not in user.achievements:
        wanted = game.world.catalog.achievements[action.what].user_attributes
        if matches(user.profile.attributes, wanted):
            game.record(AchievementClaimed(id, action.what))

"""The reasons for points, achievements, streaks and ranks: facts, the facts behind them, and sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from itertools import islice
from typing import Any, NamedTuple

from mockserver.api.shared import find_board, find_points, find_user, today
from mockserver.control.facts import fact_shape, newest
from mockserver.control.fields import Query
from mockserver.control.sentences import Names, amount, place, sentence, signed
from mockserver.game import facts as f
from mockserver.game.achievements import visible
from mockserver.game.catalog import Achievement, Leaderboard
from mockserver.game.engine import Game
from mockserver.game.errors import NotFound, Refused
from mockserver.game.leaderboards import current_run
from mockserver.game.nearest import suggestion
from mockserver.game.state import User
from mockserver.game.world import World

JSON = Any

MOST_LINKS = 100  # facts that are explained; what lies before them is summed up

SUBJECTS = ("points", "achievement", "streak", "leaderboard")


class Explanation(NamedTuple):
    """What is so, in a sentence; the facts that made it so, oldest first; what was left out, if anything; what a fact
    came to, by its number, where its own sentence does not say so."""

    summary: str
    entries: list[f.Entry]
    earlier: str | None = None
    came_to: Mapping[int, str] = {}


async def explain(game: Game, query: Query) -> JSON:
    """`?userId=` and one of `points=KEY`, `achievement=KEY`, `leaderboard=KEY`, `streak`.

    NotFound for an unknown user or key, Refused when it is not clear what is asked.
    """
    user = query.text("userId")
    given = [name for name in SUBJECTS if query.raw(name) is not None]
    if user is None:
        raise Refused("Query parameter `userId` is required: whose points, achievement, streak or rank is it about?")
    if len(given) != 1:
        raise Refused("Ask for one of `points=KEY`, `achievement=KEY`, `leaderboard=KEY` and `streak`.")
    subject = given[0]
    key = "" if subject == "streak" else str(query.text(subject))
    explanation = await EXPLAIN[subject](game, find_user(game, user), key)
    world = game.world
    return {
        "userId": user,
        "subject": {subject: key or True},
        "answer": explanation.summary,
        "earlier": explanation.earlier,
        "because": [_link(world, entry, explanation.came_to.get(entry.seq, "")) for entry in explanation.entries],
    }


def _link(world: World, entry: f.Entry, came_to: str) -> JSON:
    """A fact, the facts behind it from the nearest to the first, and the whole as sentences."""
    chain = [entry, *causes(world, entry)]
    first, *others = [sentence(world, one.fact) if n == 0 else _cause(world, one) for n, one in enumerate(chain)]
    return {
        "fact": fact_shape(world, entry),
        "causes": [fact_shape(world, cause) for cause in chain[1:]],
        "sentences": [f"{first} {came_to}".rstrip(), *others],
    }


def _cause(world: World, entry: f.Entry) -> str:
    return f"Because: {sentence(world, entry.fact)}"


def causes(world: World, entry: f.Entry) -> list[f.Entry]:
    """What is behind a fact, the nearest first; the last was stated by a request or brought by the time."""
    found = []
    while entry.cause is not None:
        entry = world.journal.entry(entry.cause)
        found.append(entry)
    return found


async def _points(game: Game, user: User, key: str) -> Explanation:
    """The awards that add up to the total."""
    system = find_points(game.world.catalog, key)
    account = user.accounts.get(key)
    awards = account.awards.newest(MOST_LINKS) if account else []
    total = user.points(key)
    before = total - sum(award.awarded for award in awards)
    who = Names(game.world).user(user.profile.id)
    summary = f"{who} has {total:,} {system.name}: {_sum([award.awarded for award in awards], before)}."
    earlier = f"{before:,} {system.name} come from earlier awards." if before else None
    return Explanation(summary, [game.world.journal.entry(award.seq) for award in awards], earlier)


def _sum(values: list[int], before: int) -> str:
    """`+10 +50 −5`, or how many there are when they are many."""
    if not values:
        return "no trigger has paid yet"
    if len(values) > 12 or before:
        return f"the sum of {'the last ' if before else ''}{len(values)} awards{' and earlier ones' if before else ''}"
    return " ".join(signed(value) for value in values)


async def _achievement(game: Game, user: User, key: str) -> Explanation:
    """The completion and, for a composite, those of its prerequisites; or what is missing."""
    world = game.world
    row = world.catalog.achievements.get(key)
    if row is None or not (visible(user, row) or key in user.achievements):
        seen = (key for key, row in world.catalog.achievements.items() if visible(user, row))
        raise NotFound(f"Achievement {key!r} was not found{suggestion(key, seen)}")
    who = Names(world).user(user.profile.id)
    done = user.achievements.get(key)
    if done is None:
        return Explanation(f"{who} has not completed “{row.name}”: {_missing(world, user, row)}.", [])
    keys = [one for one in row.prerequisites if one in user.achievements]
    seqs = sorted({done.seq, *(user.achievements[one].seq for one in keys)})
    return Explanation(f"{who} has completed “{row.name}”.", [world.journal.entry(seq) for seq in seqs])


def _missing(world: World, user: User, row: Achievement) -> str:
    wanted = [pair for pair in row.user_attributes if user.profile.attributes.get(pair.key) != pair.value]
    if wanted:
        return "it is only for users with " + ", ".join(f"{pair.key}: {pair.value}" for pair in wanted)
    if row.trigger == "metric":
        progress = user.metrics.get(str(row.metric))
        total = progress.sum_of(row.event_attributes).total if progress else 0
        matching = " in matching events" if row.event_attributes else ""
        return f"{Names(world).metric(str(row.metric))} is {amount(total)} of {amount(row.value)}{matching}"
    if row.trigger == "streak":
        return f"the streak is {user.streak.length} of {row.streak_length}"
    if row.trigger == "api":
        return "the application has not completed it"
    lacking = [Names(world).achievement(key) for key in row.prerequisites if key not in user.achievements]
    return f"it needs {', '.join(lacking)}" if lacking else "it completes with the next of its prerequisites"


STREAK_FACTS = (
    f.StreakStarted,
    f.StreakExtended,
    f.StreakLost,
    f.FreezeConsumed,
    f.StreakRestored,
    f.StreakRecounted,
    f.StreakPaused,
    f.PauseDeleted,
)


async def _streak(game: Game, user: User, key: str) -> Explanation:
    """From the start of the running streak on; without one, how the last was lost."""
    user_id, length = user.profile.id, user.streak.length
    who = Names(game.world).user(user_id)
    found: list[f.Entry] = []
    if user.streak.longest:
        found = await _until_start(_of(game, user_id, STREAK_FACTS))
    if length:
        earlier = None if isinstance(found[-1].fact, f.StreakStarted) else f"It started on {user.streak.started}."
        return Explanation(f"{who} has a streak of {length}.", found[::-1], earlier)
    lost = next((entry.fact for entry in found if isinstance(entry.fact, f.StreakLost)), None)
    if lost is not None:
        return Explanation(f"{who} has no streak: one of {lost.length} was lost.", found[::-1])
    before = f"the longest was of {user.streak.longest}" if user.streak.longest else "there has been none yet"
    return Explanation(f"{who} has no streak: {before}.", found[::-1])


async def _until_start(entries: AsyncIterator[f.Entry]) -> list[f.Entry]:
    """Newest first, as far back as the start of the newest streak, or as many as are explained."""
    found: list[f.Entry] = []
    async for entry in entries:
        found.append(entry)
        if isinstance(entry.fact, (f.StreakStarted, f.StreakRecounted)) or len(found) == MOST_LINKS:
            break
    return found


async def _of(game: Game, user: str, kinds: tuple[type, ...]) -> AsyncIterator[f.Entry]:
    """The user's facts of these kinds, newest first."""
    async for entry in newest(game.world.journal):
        if isinstance(entry.fact, kinds) and entry.fact.user == user:  # type: ignore[union-attr]
            yield entry


async def _leaderboard(game: Game, user: User, key: str) -> Explanation:
    """The changes of the user's standing in the current run, caused by any user."""
    world, user_id = game.world, user.profile.id
    board = find_board(world.catalog, key)
    first = current_run(board, today(game, user))
    run = world.run(key, first)
    standing = run.standing(user_id) if run else f.Standing(None, None)
    changes = list(islice(run.changes(user_id), MOST_LINKS)) if run else []
    who = Names(world).user(user_id)
    came_to = {
        change.seq: f"So {who} went from {place(change.before.rank)} to {place(change.after.rank)}."
        for change in changes
        if not change.own
    }
    earlier = "Earlier changes are left out." if len(changes) == MOST_LINKS else None
    entries = [world.journal.entry(change.seq) for change in reversed(changes)]
    return Explanation(_stands(world, board, user, standing, str(first)), entries, earlier, came_to)


def _stands(world: World, board: Leaderboard, user: User, standing: f.Standing, run: str) -> str:
    who = Names(world).user(user.profile.id)
    if standing.rank is None:
        lacking = [row for row in board.user_attributes if user.profile.attributes.get(row.key) != row.value]
        wanted = " and ".join(f"{row.key} “{row.value}”" for row in lacking)
        return f"{who} is not on “{board.name}” (run of {run})" + (
            f": it is for users with {wanted}." if wanted else "."
        )
    return f"{who} is at rank {standing.rank} on “{board.name}” (run of {run}) with {standing.value:,}."


EXPLAIN: dict[str, Callable[[Game, User, str], Awaitable[Explanation]]] = {
    "points": _points,
    "achievement": _achievement,
    "streak": _streak,
    "leaderboard": _leaderboard,
}

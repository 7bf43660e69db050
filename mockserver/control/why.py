"""Why things are as they are: the facts that made them so, each with all that is behind it, and in sentences."""

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
from mockserver.game.nearest import instead
from mockserver.game.state import Person
from mockserver.game.world import World

JSON = Any

MOST_LINKS = 100  # facts that are explained; what lies before them is summed up

SUBJECTS = ("points", "achievement", "streak", "leaderboard")


class Because(NamedTuple):
    """What is so, in a sentence; the facts that made it so, oldest first; what was left out, if anything; what a fact
    came to, by its number, where its own sentence does not say so."""

    answer: str
    entries: list[f.Entry]
    earlier: str | None = None
    came_to: Mapping[int, str] = {}


async def explain(game: Game, query: Query) -> JSON:
    """`?userId=` and one of `points=KEY`, `achievement=KEY`, `leaderboard=KEY`, `streak`.

    NotFound for an unknown user or key, Refused when it is not clear what is asked.
    """
    user = query.text("userId")
    asked = [name for name in SUBJECTS if query.raw(name) is not None]
    if user is None:
        raise Refused("Query parameter `userId` is required: whose points, achievement, streak or rank is it about?")
    if len(asked) != 1:
        raise Refused("Ask for one of `points=KEY`, `achievement=KEY`, `leaderboard=KEY` and `streak`.")
    subject = asked[0]
    key = "" if subject == "streak" else str(query.text(subject))
    because = await EXPLAIN[subject](game, find_user(game, user), key)
    world = game.world
    return {
        "userId": user,
        "subject": {subject: key or True},
        "answer": because.answer,
        "earlier": because.earlier,
        "because": [_link(world, entry, because.came_to.get(entry.seq, "")) for entry in because.entries],
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


async def _points(game: Game, person: Person, key: str) -> Because:
    """The awards that add up to the total."""
    system = find_points(game.world.catalog, key)
    account = person.accounts.get(key)
    awards = account.awards.newest(MOST_LINKS) if account else []
    total = person.points(key)
    before = total - sum(award.awarded for award in awards)
    who = Names(game.world).user(person.profile.id)
    answer = f"{who} has {total:,} {system.name}: {_sum([award.awarded for award in awards], before)}."
    earlier = f"{before:,} {system.name} come from earlier awards." if before else None
    return Because(answer, [game.world.journal.entry(award.seq) for award in awards], earlier)


def _sum(values: list[int], before: int) -> str:
    """`+10 +50 −5`, or how many there are when they are many."""
    if not values:
        return "no trigger has paid yet"
    if len(values) > 12 or before:
        return f"the sum of {'the last ' if before else ''}{len(values)} awards{' and earlier ones' if before else ''}"
    return " ".join(signed(value) for value in values)


async def _achievement(game: Game, person: Person, key: str) -> Because:
    """The completion and, for a composite, those of its prerequisites; or what is missing."""
    world = game.world
    row = world.catalog.achievements.get(key)
    if row is None or not (visible(person, row) or key in person.achievements):
        seen = (key for key, row in world.catalog.achievements.items() if visible(person, row))
        raise NotFound(f"Achievement {key!r} was not found{instead(key, seen)}")
    who = Names(world).user(person.profile.id)
    done = person.achievements.get(key)
    if done is None:
        return Because(f"{who} has not completed “{row.name}”: {_missing(world, person, row)}.", [])
    keys = [one for one in row.prerequisites if one in person.achievements]
    seqs = sorted({done.seq, *(person.achievements[one].seq for one in keys)})
    return Because(f"{who} has completed “{row.name}”.", [world.journal.entry(seq) for seq in seqs])


def _missing(world: World, person: Person, row: Achievement) -> str:
    wanted = [pair for pair in row.user_attributes if person.profile.attributes.get(pair.key) != pair.value]
    if wanted:
        return "it is only for users with " + ", ".join(f"{pair.key}: {pair.value}" for pair in wanted)
    if row.trigger == "metric":
        progress = person.metrics.get(str(row.metric))
        total = progress.sum_of(row.event_attributes).total if progress else 0
        matching = " in matching events" if row.event_attributes else ""
        return f"{Names(world).metric(str(row.metric))} is {amount(total)} of {amount(row.value)}{matching}"
    if row.trigger == "streak":
        return f"the streak is {person.streak.length} of {row.streak_length}"
    if row.trigger == "api":
        return "the application has not completed it"
    lacking = [Names(world).achievement(key) for key in row.prerequisites if key not in person.achievements]
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


async def _streak(game: Game, person: Person, key: str) -> Because:
    """From the start of the running streak on; without one, how the last was lost."""
    user, length = person.profile.id, person.streak.length
    who = Names(game.world).user(user)
    found: list[f.Entry] = []
    if person.streak.longest:
        found = await _until_start(_of(game, user, STREAK_FACTS))
    if length:
        earlier = None if isinstance(found[-1].fact, f.StreakStarted) else f"It started on {person.streak.started}."
        return Because(f"{who} has a streak of {length}.", found[::-1], earlier)
    lost = next((entry.fact for entry in found if isinstance(entry.fact, f.StreakLost)), None)
    if lost is not None:
        return Because(f"{who} has no streak: one of {lost.length} was lost.", found[::-1])
    before = f"the longest was of {person.streak.longest}" if person.streak.longest else "there has been none yet"
    return Because(f"{who} has no streak: {before}.", found[::-1])


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


async def _leaderboard(game: Game, person: Person, key: str) -> Because:
    """What moved the user, by the user's own doing or another's, in the current run."""
    world, user = game.world, person.profile.id
    board = find_board(world.catalog, key)
    first = current_run(board, today(game, person))
    run = world.run(key, first)
    standing = run.standing(user) if run else f.Standing(None, None)
    turns = list(islice(run.turns(user), MOST_LINKS)) if run else []
    who = Names(world).user(user)
    came_to = {
        turn.seq: f"So {who} went from {place(turn.before.rank)} to {place(turn.after.rank)}."
        for turn in turns
        if not turn.own
    }
    earlier = "Earlier changes are left out." if len(turns) == MOST_LINKS else None
    entries = [world.journal.entry(turn.seq) for turn in reversed(turns)]
    return Because(_stands(world, board, person, standing, str(first)), entries, earlier, came_to)


def _stands(world: World, board: Leaderboard, person: Person, standing: f.Standing, run: str) -> str:
    who = Names(world).user(person.profile.id)
    if standing.rank is None:
        lacking = [row for row in board.user_attributes if person.profile.attributes.get(row.key) != row.value]
        wanted = " and ".join(f"{row.key} “{row.value}”" for row in lacking)
        return f"{who} is not on “{board.name}” (run of {run})" + (
            f": it is for users with {wanted}." if wanted else "."
        )
    return f"{who} is at rank {standing.rank} on “{board.name}” (run of {run}) with {standing.value:,}."


EXPLAIN: dict[str, Callable[[Game, Person, str], Awaitable[Because]]] = {
    "points": _points,
    "achievement": _achievement,
    "streak": _streak,
    "leaderboard": _leaderboard,
}

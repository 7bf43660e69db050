"""What the history of a streak says of a period that is over stays so (behaviour, section 5)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lives import Step, born, event, starts, steady
from sample import BARE
from story import functions
from test_game_recount import FREEZES, live

from mockserver.game import streak_commands as commands
from mockserver.game.catalog import Catalog, Streak
from mockserver.game.engine import Game
from mockserver.game.errors import NothingToDo
from mockserver.game.periods import HOUR

BY_HAND = {"reset": commands.reset_streak, "restore": commands.restore_streak}
RESET, RESTORE = (Step(name, {"user": "ann"}) for name in BY_HAND)
acts = st.just(event("ann", "words", 10, None, None))
hours = st.builds(lambda number: Step("advance", {"by": number * HOUR}), st.integers(12, 40))  # no row goes unseen
pauses = st.builds(
    lambda start, days: Step("pause", {"user": "ann", "start": start, "days": days}),
    st.integers(0, 2),
    st.integers(0, 3),
)
seldom = st.sampled_from([RESET, RESTORE, Step("delete", {"user": "ann"})])
deeds = st.lists(st.one_of(acts, acts, acts, hours, hours, hours, hours, pauses, seldom), min_size=30, max_size=60)
STREAKS = st.builds(
    lambda freezes, off: replace(BARE, streak=Streak(freezes=freezes, days_off=off)),
    FREEZES,
    st.sampled_from([(), (0, 6), (3,)]),
)
PERIODS = 60


def over(game: Game) -> dict[str, Any]:
    """The rows of the periods before the current one, by their first day."""
    response = functions()["users_streak"](game, id="ann", history_periods=PERIODS)
    return {row["periodStart"]: row for row in response["streakHistory"][:-1]}


@steady
@given(STREAKS, starts, deeds)
def test_the_row_of_a_period_that_is_over_does_not_change_as_time_passes(
    catalog: Catalog, start: str, life: list[Step]
) -> None:
    game, before = born(catalog, start), dict[str, Any]()
    for step in life:
        if step.name not in BY_HAND:
            live(game, [step])
        elif "ann" in game.world.users:
            with suppress(NothingToDo):
                game.record(BY_HAND[step.name](game.world, "ann", game.now))
                before = before if step is RESET else {}  # a restore excuses what was missed
        if "ann" in game.world.users:
            rows = over(game)
            both = rows.keys() & before.keys()
            assert {day: before[day] for day in both} == {day: rows[day] for day in both}
            before = rows

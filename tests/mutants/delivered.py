"""Faults of webhooks, continued: whom they are of, what they count, and when they come."""

from __future__ import annotations

from typing import Any

from tests.mutants.fault import Fault, swap
from tests.mutants.posted import WEBHOOKS, Post, Send, lost, rewritten


async def not_to_the_overtaken(post: Post, send: Send) -> int:
    """Only those who rise are told of it."""
    board = post.content.get("leaderboard", {})
    fell = (
        post.content["type"] == "leaderboard.rank_changed" and (board["rank"] or 0) > (board["previousRank"] or 0) > 0
    )
    return 200 if fell else await send(post.body, post.headers)


async def refusals_are_fine(post: Post, send: Send) -> int:
    """Only 5xx is a failure."""
    status = await send(post.body, post.headers)
    return 200 if 400 <= status < 500 else status


def _nameless(content: dict[str, Any]) -> None:
    content["user"]["name"] = None


def _one_more(content: dict[str, Any]) -> None:
    content["freezes"] += 1


def _one_less(content: dict[str, Any]) -> None:
    content["freezes"] -= 1


def _no_rankings(content: dict[str, Any]) -> None:
    content["leaderboard"]["rankings"] = []


def at_once(old: Any) -> Any:
    """A second later, by the world's clock, however often it has failed."""

    class Timing(old):  # type: ignore[misc]
        def delay(self, attempts: int) -> int:
            return 1000

    return Timing


def ten_hours_early() -> None:
    from mockserver.game import schedule

    schedule.FINISHED_AFTER -= 10 * 3_600_000


def at_midnight(old: Any) -> Any:
    return lambda board, first: old(board, first) + 14 * 3_600_000


def by_utc_days(old: Any) -> Any:
    """Everybody's boosts are told at the midnights of UTC."""

    def moments(boost: Any, tz: Any) -> Any:
        start, finish = old(boost, tz)
        if tz is not None:
            return start, finish
        return start + 14 * 3_600_000, None if finish is None else finish - 13 * 3_600_000

    return moments


def ten_others(old: Any) -> Any:
    """Of those whose rank changed through another, ten are told."""
    return lambda run, fact, most: old(run, fact, 10)


def all_others(old: Any) -> Any:
    """A catalog's limit on those who are told is not looked at."""
    return lambda run, fact, most: old(run, fact, None)


def in_two_turns(old: Any) -> Any:
    """A new user's request is two: who it is, and what was done."""

    def play(game: Any, identified: Any, fact: Any) -> Any:
        return (game.record(identified) if identified else []) + game.record(fact)

    return play


DELIVERED = [
    Fault("the overtaken are not told", WEBHOOKS, sender=not_to_the_overtaken),
    Fault("webhooks of streaks have no name", WEBHOOKS, sender=rewritten(_nameless, "streak.started")),
    Fault("webhooks of longer streaks have no name", WEBHOOKS, sender=rewritten(_nameless, "streak.extended")),
    Fault("webhooks of points have no name", WEBHOOKS, sender=rewritten(_nameless, "points.changed")),
    Fault("streak.freeze_consumed tells those before", WEBHOOKS, sender=rewritten(_one_more, "streak.freeze_consumed")),
    Fault("streak.freeze_earned tells those before", WEBHOOKS, sender=rewritten(_one_less, "streak.freeze_earned")),
    Fault("leaderboard.finished has no rankings", WEBHOOKS, sender=rewritten(_no_rankings, "leaderboard.finished")),
    Fault("leaderboard.finished is never sent", WEBHOOKS, sender=lost("leaderboard.finished")),
    Fault("leaderboard.finished comes ten hours early", WEBHOOKS, patch=ten_hours_early),
    Fault(
        "leaderboard.started comes at midnight",
        WEBHOOKS,
        patch=swap("mockserver.game.leaderboards", "run_opens", at_midnight),
    ),
    Fault(
        "boosts are told at midnights of UTC",
        WEBHOOKS,
        patch=swap("mockserver.game.schedule", "boost_moments", by_utc_days),
    ),
    Fault("ten others are told", WEBHOOKS, patch=swap("mockserver.webhooks.rank_moves", "others", ten_others)),
    Fault(
        "the limit on those told is ignored",
        WEBHOOKS,
        patch=swap("mockserver.webhooks.rank_moves", "others", all_others),
    ),
    Fault(
        "what a request takes back is told",
        WEBHOOKS,
        patch=swap("mockserver.api.shared", "record_with_user", in_two_turns),
    ),
    Fault("retries come at once", WEBHOOKS, patch=swap("mockserver.webhooks.delivery", "Timing", at_once)),
    Fault("a refused webhook counts as taken", WEBHOOKS, sender=refusals_are_fine),
]

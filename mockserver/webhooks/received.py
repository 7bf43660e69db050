"""A webhook as its receiver sees it: what it says in one line, and what is wrong with it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from mockserver.spec import Spec
from mockserver.spec.bodies import DEEPEST, depth_of
from mockserver.webhooks.signing import HEADER, verify

# What each type has to say, with paths into its body.
SUMMARIES = {
    "achievement.completed": "{user.id} completed “{achievement.name}”",
    "streak.started": "{user.id} started a streak, it expires {streak.expires}",
    "streak.extended": "{user.id} extended the streak to {streak.length}, it expires {streak.expires}",
    "streak.lost": "{user.id} lost a streak of {length}",
    "streak.freeze_consumed": "{user.id} used {consumed} freeze, {freezes} left",
    "streak.freeze_earned": "{user.id} earned {earned} freeze, now {freezes}",
    "points.changed": "{user.id} has {points.total} {points.name} ({points.added} added)",
    "points.level_changed": "{user.id} went from {previousLevel.name} to {newLevel.name} in {points.name}",
    "points.boost_started": "“{boost.name}” multiplies {boost.pointsSystemName} by {boost.multiplier} from now on",
    "points.boost_finished": "“{boost.name}” no longer multiplies {boost.pointsSystemName}",
    "leaderboard.started": "a run of “{leaderboard.name}” started, {leaderboard.rankings.#} ranked",
    "leaderboard.changed": "“{leaderboard.name}” is led by {leaderboard.rankings.0.userId}",
    "leaderboard.finished": "a run of “{leaderboard.name}” finished, won by {leaderboard.rankings.0.userId}",
    "leaderboard.rank_changed": "{user.id} went from rank {leaderboard.previousRank} to {leaderboard.rank} "
    "on “{leaderboard.name}”",
    "emails.recap_due": "{user.id} is due a recap of {recap.periodStart} to {recap.periodEnd}",
    "emails.reactivation_due": "{user.id} is due message {reactivation.messageNumber}, "
    "not active for {reactivation.daysSinceLastActive} days",
    "emails.streak_reminder_due": "{user.id} is due a reminder of a streak of {streak.length}",
    "emails.achievement_due": "{user.id} is due a message about “{achievement.name}”",
}


@dataclass(frozen=True, slots=True)
class ReceivedWebhook:
    """`kind` is None when the body does not say; `forged`: the signature is missing or does not fit."""

    kind: str | None
    summary: str
    forged: bool
    problems: tuple[str, ...]
    body: Any


def read(spec: Spec, raw: bytes, signature: str | None, secret: str | None) -> ReceivedWebhook:
    """Checks signature (when the secret is known) and schema; whatever comes in, something can be said."""
    problem = None if secret is None else signature_problem(raw, signature, secret)
    forged = problem is not None
    problems = [problem] if problem else []
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return ReceivedWebhook(None, "", forged, (*problems, f"the body is not JSON: {error}"), None)
    if depth_of(body) > DEEPEST:
        return ReceivedWebhook(None, "", forged, (*problems, f"the body is nested deeper than {DEEPEST} levels"), None)
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str):
        return ReceivedWebhook(None, "", forged, (*problems, 'the body is not an object with a "type"'), body)
    if kind not in spec.webhooks:
        return ReceivedWebhook(kind, "", forged, (*problems, f'the spec has no webhook type "{kind}"'), body)
    fault = spec.webhooks[kind].check(body)
    if fault:
        problems.append(f"the schema says: {fault}")
    return ReceivedWebhook(kind, summarize(kind, body), forged, tuple(problems), body)


def signature_problem(raw: bytes, signature: str | None, secret: str) -> str | None:
    """What is wrong with the signature, or None."""
    if signature is None:
        return f"there is no {HEADER} header"
    if not verify(secret, raw, signature):
        return f"{HEADER} was not made from this body with this secret"
    return None


def summarize(kind: str, body: Any) -> str:
    """One line; what the body lacks reads `—`, or has otherwise."""
    return re.sub(r"{([^}]+)}", lambda match: _value_at(body, match[1].split(".")), SUMMARIES.get(kind, ""))


def _value_at(value: Any, path: list[str]) -> str:
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step == "#":
            value = len(value)
        elif isinstance(value, list) and step.isdigit():
            value = next(iter(value[int(step) : int(step) + 1]), None)
        else:
            return "—"
    return "—" if value is None or isinstance(value, (dict, list)) else str(value)

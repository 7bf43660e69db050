"""Points: awards, boosts, levels (section 7)."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from contract_tests.reference.calendar import local
from contract_tests.reference.user import Award, User

JSON = Any


def award(system: JSON, user: User, key: str, place: int, row: JSON, times: int, number: int, now: datetime) -> None:
    """Add an award: boosted, and cut so that the total stays between 0 and `maxPoints`; none if that leaves 0."""
    before, day = user.points(key), local(now, user.zone)
    amount, names = row["points"] * times, ()
    if amount > 0:
        applied = boosts_of(system, user, day)
        amount, names = boosted(amount, applied), tuple(boost["name"] for boost in applied)
    after = max(0, before + amount)
    if system.get("maxPoints"):
        after = min(after, system["maxPoints"])
    if after != before:
        user.awards.setdefault(key, []).append(Award(number, now, day, place, after - before, after, names))


def boosts_of(system: JSON, user: User, day: date) -> list[JSON]:
    """The boosts that apply to a user on a day in the user's zone."""
    return [
        row
        for row in system.get("boosts") or ()
        if status(row, day) == "active" and row.get("userId") in (None, user.id) and user.has(row.get("userAttributes"))
    ]


def status(row: JSON, day: date) -> str:
    if day < date.fromisoformat(row["start"]):
        return "scheduled"
    return "finished" if row.get("end") and day > date.fromisoformat(row["end"]) else "active"


def boosted(amount: int, boosts: list[JSON]) -> int:
    """Rounded once: down, unless every boost asks for the same other rounding."""
    product = Fraction(amount)
    for row in boosts:
        product *= Fraction(str(row["multiplier"]))
    roundings = {row.get("rounding") or "down" for row in boosts}
    if roundings == {"up"}:
        return ceil(product)
    return floor(product + Fraction(1, 2)) if roundings == {"nearest"} else floor(product)


def level(system: JSON, total: int) -> str | None:
    """The key of the highest level whose points are held."""
    reached = [key for key, row in (system.get("levels") or {}).items() if row["points"] <= total]
    return reached[-1] if reached else None


def spread(totals: list[int]) -> list[tuple[int, int, int]]:
    """Numbers of users at 0 and in ten equal ranges, up to the greatest total, rounded up to a power of ten."""
    top = 10
    while top < max(totals, default=0):
        top *= 10
    width = top // 10
    ranges = [(0, 0), *((n * width + 1, (n + 1) * width) for n in range(10))]
    return [(first, last, sum(first <= total <= last for total in totals)) for first, last in ranges]

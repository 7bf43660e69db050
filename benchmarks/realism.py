"""How seeded users behave: streak lengths, hours, weekdays, points and activity over days, as tables and a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from html import escape
from pathlib import Path

from benchmarks.tables import show
from mockserver import catalogs
from mockserver.api.points import points_summary
from mockserver.game.engine import Game
from mockserver.game.facts import MetricChanged
from mockserver.seed import populate
from mockserver.worlds import Organisation, Plan

NOW = 1_768_478_400_000  # 2026-01-15T12:00:00Z
PICTURE = Path(__file__).parents[1] / "docs" / "realism.svg"
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
LENGTHS = ((0, 0), (1, 1), (2, 2), (3, 4), (5, 7), (8, 13), (14, 29), (30, 59), (60, 9999))

Bars = list[tuple[str, int]]


def realism(users: int, seed: int) -> None:
    """Prints the tables of all catalogs, and draws those of the default one into docs/realism.svg."""
    for name in catalogs.BUNDLED:
        charts = charts_of(_world(name, users, seed))
        rows = [(title, "  ".join(f"{label}·{count}" for label, count in bars)) for title, bars in charts.items()]
        show(f"{name}: {users} users, seed {seed}", ("", "how many"), rows)
        if name == "catalog":
            PICTURE.write_text(picture(charts), "utf-8")


def _world(name: str, users: int, seed: int) -> Game:
    plan = Plan(lambda day: catalogs.load(catalogs.fixture(name), today=day), seed, users, NOW, frozen=True)
    return Organisation("key", plan, populate).game()


def charts_of(game: Game) -> dict[str, Bars]:
    """Title → bars, from left to right; hours and days are the users' own."""
    users, lengths = game.world.users, Counter[int]()
    events = [
        datetime.fromtimestamp(entry.time / 1000, users[entry.fact.user].zone)
        for entry in game.world.journal
        if isinstance(entry.fact, MetricChanged)
    ]
    for user in users.values():
        lengths[next(row for row, (low, high) in enumerate(LENGTHS) if low <= user.streak.length <= high)] += 1
    hours, weekdays = Counter(event.hour for event in events), Counter(event.weekday() for event in events)
    days = Counter(event.date() for event in events)
    return {
        "Users by length of streak": [(_range(*row), lengths[at]) for at, row in enumerate(LENGTHS)],
        "Events by hour": [(str(hour), hours[hour]) for hour in range(24)],
        "Events by weekday": [(name, weekdays[at]) for at, name in enumerate(WEEKDAYS)],
        "Events by day": [(f"{day.day}.{day.month}.", days[day]) for day in sorted(days)],
        **{
            f"Users by points: {system.name}": [
                (_range(row["from"], row["to"]), row["users"]) for row in points_summary(game, key=key)
            ]
            for key, system in game.world.catalog.points.items()
        },
    }


def _range(low: int, high: int) -> str:
    if high >= 9999:
        return f"{low}+"
    return str(low) if low == high else f"{low}–{high}"


WIDTH, HEIGHT, GAP = 360, 150, 40


def picture(charts: dict[str, Bars]) -> str:
    """The charts as one SVG, two in a row."""
    rows = -(-len(charts) // 2)
    width, height = 2 * WIDTH + 3 * GAP, rows * (HEIGHT + 2 * GAP)
    parts = [part for at, (title, bars) in enumerate(charts.items()) for part in _chart(at, title, bars)]
    style = "text{font:12px system-ui,sans-serif;fill:#334155}.t{font-weight:600;font-size:14px}.s{font-size:10px}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<style>{style}</style><rect width="{width}" height="{height}" fill="#fff"/>{"".join(parts)}</svg>\n'
    )


def _chart(at: int, title: str, bars: Bars) -> Iterator[str]:
    left, top = GAP + at % 2 * (WIDTH + GAP), at // 2 * (HEIGHT + 2 * GAP) + GAP
    most, step = max(count for _, count in bars) or 1, WIDTH / len(bars)
    yield f'<text class="t" x="{left}" y="{top - 20}">{escape(title)}</text>'
    every = -(-len(bars) * (8 if max(len(label) for label, _ in bars) > 4 else 4) // 60)
    for number, (label, count) in enumerate(bars):
        size, x = HEIGHT * count / most, left + number * step
        yield (
            f'<rect x="{x + 1:.1f}" y="{top + HEIGHT - size:.1f}" width="{step - 2:.1f}" height="{size:.1f}" '
            f'fill="#4f46e5" rx="1.5"/>'
        )
        middle = x + step / 2
        if len(bars) <= 12 and count:
            yield _label(middle, top + HEIGHT - size - 3, str(count))
        if number % every == 0:
            yield _label(middle, top + HEIGHT + 14, label)
    yield f'<line x1="{left}" y1="{top + HEIGHT}" x2="{left + WIDTH}" y2="{top + HEIGHT}" stroke="#94a3b8"/>'


def _label(x: float, y: float, text: str) -> str:
    return f'<text class="s" x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'

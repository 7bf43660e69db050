"""A points system of a test's own, and what it awarded to a user."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sample import BARE, api_achievement, by_key, points
from story import Story, column

from mockserver.game.catalog import Catalog, PointsTrigger


def with_points(*triggers: PointsTrigger, **more: Any) -> Catalog:
    achievements = by_key(api_achievement("onboarded"))
    return replace(BARE, achievements=achievements, points=by_key(points(triggers=triggers, **more)))


def awards(story: Story, user: str = "ann", key: str = "xp") -> list[tuple[int, int]]:
    return column(story.call("users_points", id=user, key=key, awards=100)["awards"], "awarded", "total")

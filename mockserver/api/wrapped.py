"""The year in review: schema `WrappedResponse` and all that is in it."""

from __future__ import annotations

from mockserver.api.achievements import user_achievement_shape
from mockserver.api.leaderboards import board_shape, run_dates, standing_shape
from mockserver.api.shared import JSON, find_user, today
from mockserver.api.users import user_shape
from mockserver.game import wrapped
from mockserver.game.achievements import visible
from mockserver.game.engine import Game
from mockserver.game.errors import Refused
from mockserver.game.metrics import number
from mockserver.game.state import User
from mockserver.game.wrapped import Change, Span


def users_wrapped(game: Game, *, id: str, year: int | None = None) -> JSON:
    world, user = game.world, find_user(game, id)
    current = today(game, user).year
    if year is None:
        year = current
    if not 1 <= year <= current:
        raise Refused(f"year must be between 1 and {current}, the current year, not {year}.")
    days, span = wrapped.Days(user, year), wrapped.year_span(year)
    week, january = wrapped.week_of(world), span.first
    day = days.most_active(lambda one: one, january)
    first_of_week, first_of_month = days.most_active(week, january), days.most_active(wrapped.month_of, january)
    week_span = wrapped.week_span(world, first_of_week)
    period = _Period(game, user, idle=not days.events)
    return {
        "user": user_shape(user.profile),
        "activity": {
            "daysActive": days.active(lambda one: one),
            "weeksActive": days.active(week),
            "monthsActive": days.active(wrapped.month_of),
            "mostActiveDay": {"date": day.isoformat()} | period.shape(Span(day, day), compared=False),
            "mostActiveWeek": {"start": week_span.first.isoformat(), "end": week_span.last.isoformat()}
            # Choice: of a week that reaches over the year's end, what lies in the year.
            | period.shape(wrapped.within(week_span, span)),
            "mostActiveMonth": {"month": first_of_month.month - 1} | period.shape(wrapped.month_span(first_of_month)),
            "entireYear": {"longestStreak": period.streak_shape(span)} | period.shape(span),
        },
    }


class _Period:
    """Schema `WrappedActivityPeriod` for one user."""

    def __init__(self, game: Game, user: User, idle: bool) -> None:
        self.game, self.world, self.user, self.idle = game, game.world, user, idle

    def streak_shape(self, span: Span) -> JSON:
        """Schema `WrappedStreak`; without any event in it, a year has none, though a week of one may reach into it."""
        streak = wrapped.NO_STREAK if self.idle else wrapped.longest_streak(self.world, self.user, span)
        first = streak.first.isoformat() if streak.first else None
        return {
            "length": streak.length,
            "frequency": self.world.catalog.streak.frequency if self.world.catalog.streak else "daily",
            "periodStart": first,
            "periodEnd": streak.last.isoformat() if streak.last else None,
            "started": first,
        }

    def shape(self, span: Span, compared: bool = True) -> JSON:
        catalog, user = self.world.catalog, self.user
        done = [catalog.achievements[key] for key in wrapped.completed_in(user, span) if key in catalog.achievements]
        return {
            "metrics": self._metrics(span, compared),
            "points": self._points(span, compared),
            "achievements": [
                user_achievement_shape(catalog, row, user.achievements[row.key]) for row in done if visible(user, row)
            ],
            "leaderboards": self._boards(span),
        }

    def _metrics(self, span: Span, compared: bool) -> JSON:
        shapes = {}
        for key, metric in self.world.catalog.metrics.items():
            change = wrapped.change_in(self.world, self.user, wrapped.metric_days(key), span, compared)
            if metric.active and change is not None:
                shapes[key] = {"name": metric.name, "units": metric.units} | _change_shape(change)
                shapes[key]["byAttribute"] = self._by_attribute(key, span, compared)
        return shapes

    def _by_attribute(self, key: str, span: Span, compared: bool) -> JSON:
        metric, shapes = self.world.catalog.metrics[key], dict[str, JSON]()
        for pair in sorted(self.user.metrics[key].attributes or ()):
            change = wrapped.change_in(self.world, self.user, wrapped.attribute_days(key, pair), span, compared)
            if change is not None:
                shape = {"name": metric.name, "units": metric.units} | _change_shape(change)
                shapes.setdefault(pair[0], {})[pair[1]] = shape
        return shapes

    def _points(self, span: Span, compared: bool) -> JSON:
        shapes = {}
        for key, system in self.world.catalog.points.items():
            change = wrapped.change_in(self.world, self.user, wrapped.points_days(key), span, compared)
            if change is not None:
                shape = {"name": system.name, "description": system.description}
                shapes[key] = shape | _change_shape(change, unit=1)
        return shapes

    def _boards(self, span: Span) -> JSON:
        catalog, shapes = self.world.catalog, dict[str, JSON]()
        if self.idle:  # Choice: a rank that is owed to other years is not this year's.
            return shapes
        for key, board in catalog.leaderboards.items():
            best = wrapped.best_standing(self.world, self.user.profile.id, board, span)
            if best is not None:
                first, standing = best
                shape = board_shape(catalog, board, self.game.now) | run_dates(board, first)
                shapes[key] = shape | standing_shape(standing)
        return shapes


def _change_shape(change: Change, unit: int | None = None) -> JSON:
    """Amounts in millionths, or whole where `unit` is 1; the percentile where there is one."""
    total, changed = (change.total, change.change) if unit else (number(change.total), number(change.change))
    shape = {"currentTotal": total, "changeThisPeriod": changed, "percentChange": change.percent}
    return shape if change.percentile is None else shape | {"percentileThisPeriod": change.percentile}

"""What options about webhooks may say, whichever command they belong to."""

from __future__ import annotations

import math
from typing import Any

import click


class Seconds(click.FloatRange):
    """A range that lets no nan through: no comparison with it is true, so it counts as in every range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


def usable_secret(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """One that signatures can be made with."""
    if value is None:
        return None
    if not value:
        raise click.BadParameter("must not be empty.")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("is not UTF-8.") from None
    return value

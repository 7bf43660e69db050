"""Faults switched on, shown and switched off."""

from __future__ import annotations

from mockserver.control.ask import JSON, Ask
from mockserver.control.faults import Faults, read


def show_faults(ask: Ask) -> JSON:
    """What is on; nothing is `{}`."""
    ask.query()
    return ask.side.faults.as_json()


def set_faults(ask: Ask) -> JSON:
    """What the body says is on from now on, and nothing else; counting begins anew."""
    side = ask.side
    side.faults = read(ask.json(), ask.plane.operations, str(side.organisation.plan.seed))
    return side.faults.as_json()


def clear_faults(ask: Ask) -> None:
    """All of it is off, also what was on at start."""
    ask.side.faults = Faults()

"""Faults switched on, shown and switched off."""

from __future__ import annotations

from mockserver.control.ask import JSON, ControlRequest
from mockserver.control.faults import Faults, read


def show_faults(ask: ControlRequest) -> JSON:
    """What is on; nothing is `{}`."""
    ask.query()
    return ask.side.faults.as_json()


def set_faults(ask: ControlRequest) -> JSON:
    """What the body says is on from now on, and nothing else; counting begins anew."""
    side = ask.side
    faults = read(ask.json(), ask.plane.operations, str(side.organisation.plan.seed))
    with ask.effect():
        side.faults = faults
    return faults.as_json()


def clear_faults(ask: ControlRequest) -> None:
    """All of it is off, also what was on at start."""
    with ask.effect():
        ask.side.faults = Faults()

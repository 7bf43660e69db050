"""Faults switched on, shown and switched off."""

from __future__ import annotations

from mockserver.control.faults import Faults, read
from mockserver.control.request import JSON, ControlRequest


def show_faults(request: ControlRequest) -> JSON:
    """What is on; nothing is `{}`."""
    request.query()
    return request.context.faults.as_json()


def set_faults(request: ControlRequest) -> JSON:
    """What the body says is on from now on, and nothing else; counting begins anew."""
    context = request.context
    faults = read(request.json(), request.plane.operations, str(context.organisation.plan.seed))
    with request.effect():
        context.faults = faults
    return faults.as_json()


def clear_faults(request: ControlRequest) -> None:
    """All of it is off, also what was on at start."""
    with request.effect():
        request.context.faults = Faults()

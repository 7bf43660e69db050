"""The vendor's own models of the webhooks' bodies."""

from __future__ import annotations

import re
from typing import Any

import trophy
from trophy.core.pydantic_utilities import parse_obj_as


def parse(body: dict[str, Any]) -> Any:
    """The body as the client library's `Webhooks…Payload`; raises when it does not fit."""
    name = "".join(part.capitalize() for part in re.split(r"[._]", body["type"]))
    return parse_obj_as(getattr(trophy, f"Webhooks{name}Payload"), body)

"""All planted faults, as one list of data."""

from __future__ import annotations

from tests.mutants.afterwards import AFTERWARDS
from tests.mutants.amounts import AMOUNTS
from tests.mutants.boards import IN_TIME
from tests.mutants.delivered import DELIVERED
from tests.mutants.fault import Fault
from tests.mutants.inputs import INPUTS
from tests.mutants.posted import POSTED
from tests.mutants.profiles import PROFILES
from tests.mutants.progress import PROGRESS
from tests.mutants.rules import RULES
from tests.mutants.sequences import SEQUENCES
from tests.mutants.shapes import SHAPES
from tests.mutants.spellings import SPELLINGS
from tests.mutants.streaks import SETTINGS
from tests.mutants.years import YEARS

FAULTS: list[Fault] = [
    *SHAPES,
    *INPUTS,
    *RULES,
    *PROGRESS,
    *SEQUENCES,
    *POSTED,
    *PROFILES,
    *IN_TIME,
    *AFTERWARDS,
    *YEARS,
    *DELIVERED,
    *AMOUNTS,
    *SPELLINGS,
    *SETTINGS,
]
BY_NAME = {fault.name: fault for fault in FAULTS}

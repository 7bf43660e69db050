"""Runs of the contract suite as its users run it: a command with an exit code, and what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Run:
    code: int
    said: str
    complaint: str


def python(*words: str) -> Run:
    """`python -m …` in the repository."""
    found = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Run(found.returncode, found.stdout, found.stderr)


def verify(*words: str) -> Run:
    """`mockserver verify …`."""
    return python("mockserver", "verify", *words)

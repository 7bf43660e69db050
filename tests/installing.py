"""What tests install: with uv, which takes a tenth of the time of pip, and with pip where uv finds no registry."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

_QUIET = ("--quiet", "--disable-pip-version-check")


def install(*what: str, python: Path | str | None = None, target: Path | str | None = None) -> None:
    """Into the environment of `python`, or without what it needs into the folder `target`."""
    place = ["--python", str(python or sys.executable)]
    rest = [*what] if target is None else ["--no-deps", "--target", str(target), *what]
    _first_that_works(
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", *place, *rest],
        [sys.executable, "-m", "pip", *place, "install", *_QUIET, *rest],
    )


def environment(folder: Path, python: str) -> Path:
    """A new environment without pip; the folder of its commands."""
    subprocess.run([python, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin"


def wheel(project: Path, folder: Path) -> Path:
    """The project's wheel, built into an empty folder."""
    _first_that_works(
        [sys.executable, "-m", "uv", "build", "--quiet", "--wheel", "--out-dir", str(folder), str(project)],
        [sys.executable, "-m", "pip", "wheel", *_QUIET, "--no-deps", "--wheel-dir", str(folder), str(project)],
    )
    return next(folder.glob("*.whl"))


def resolved(*what: str) -> set[str]:
    """The names of all that an empty environment would get. CalledProcessError where these do not go together."""
    said = _first_that_works(
        [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", "-"],
        [sys.executable, "-m", "pip", "install", *_QUIET, "--dry-run", "--ignore-installed", "--report", "-", *what],
        stdin="\n".join(what),
    )
    if said.startswith("{"):
        return {row["metadata"]["name"].lower() for row in json.loads(said)["install"]}
    return {re.split(r"[ =@]", line)[0].lower() for line in said.splitlines()}


def _first_that_works(*commands: list[str], stdin: str = "") -> str:
    """What it printed. Raises CalledProcessError when none does."""
    for command in commands[:-1]:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return done.stdout
    return subprocess.run(commands[-1], input=stdin, capture_output=True, text=True, check=True).stdout
